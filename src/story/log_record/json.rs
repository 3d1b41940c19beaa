//! Log records in JSON: of `journalctl -o json`, and of the log files of Docker.

use serde::Deserialize;
use serde_json::Value;

/// Converts a record to a line; `None` if it is in another format.
pub fn line_of_json(record: &str) -> Option<String> {
    let record: JsonRecord = serde_json::from_str(record).ok()?;
    if let (Some(log), Some(time)) = (&record.log, &record.time) {
        return Some(format!("{time} {}", log.trim_end()));
    }
    let message = text(&record.message?)?;
    let seconds = record.micros?.parse::<f64>().ok()? / 1e6;
    let host = record.host.unwrap_or_default();
    // The output of a service has the name of its executable file as identifier.
    let identifier = record.identifier.filter(|name| name.starts_with("dnsmasq"));
    let process_id = record.process_id.map(|id| format!("[{id}]")).unwrap_or_default();
    Some(match identifier {
        Some(identifier) => format!("{seconds:.6} {host} {identifier}{process_id}: {message}"),
        None => format!("{seconds:.6} {message}"),
    })
}

#[derive(Deserialize)]
struct JsonRecord {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    micros: Option<String>,
    #[serde(rename = "_HOSTNAME")]
    host: Option<String>,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: Option<String>,
    #[serde(rename = "_PID")]
    process_id: Option<String>,
    #[serde(rename = "MESSAGE")]
    message: Option<Value>,
    log: Option<String>,
    time: Option<String>,
}

/// The journal writes a text that is not UTF-8 as an array of bytes.
fn text(message: &Value) -> Option<String> {
    match message {
        Value::String(text) => Some(text.clone()),
        Value::Array(bytes) => {
            let byte = |value: &Value| u8::try_from(value.as_u64()?).ok();
            let bytes: Option<Vec<u8>> = bytes.iter().map(byte).collect();
            Some(String::from_utf8_lossy(&bytes?).into_owned())
        }
        _ => None,
    }
}
