//! Boots as one JSON document.

use super::boot::{Boot, StepKind, TransferStats};
use super::correlate::FailedStart;
use crate::wire::client_arch::Architecture;
use serde::Serialize;
use serde_json::{Map, Value, json};

/// The version of the document. It changes if a key is removed or changes its meaning.
const SCHEMA: u32 = 1;
/// A time before is not one since the epoch: a log without years, or the time since the start of a kernel.
const FIRST_EPOCH_TIME: f64 = 3.0 * 366.0 * 86400.0;

#[derive(Serialize)]
struct Document {
    schema: u32,
    boots: Vec<JsonBoot>,
    failed_starts: Vec<JsonFailedStart>,
    /// Warnings and errors of the servers, which may be the cause that clients are not served.
    server_problems: Vec<String>,
}

#[derive(Serialize)]
struct JsonFailedStart {
    time: Option<String>,
    text: String,
}

#[derive(Serialize)]
struct JsonBoot {
    mac: Option<String>,
    ip: Option<String>,
    name: Option<String>,
    /// Where its requests arrive, if the log does not name the client.
    origin: Option<String>,
    architecture: Option<u16>,
    architecture_name: Option<&'static str>,
    /// As in the log.
    started: Option<String>,
    /// Seconds since the epoch.
    started_at: Option<f64>,
    seconds: Option<f64>,
    verdict: JsonVerdict,
    steps: Vec<Map<String, Value>>,
}

#[derive(Serialize)]
struct JsonVerdict {
    verdict: &'static str,
    id: Option<&'static str>,
    text: String,
    advice: Option<String>,
}

/// The document, with a line break at its end.
pub fn document(boots: &[Boot], failed_starts: &[FailedStart], problems: &[String]) -> String {
    let starts = failed_starts.iter().map(|FailedStart { raw_time, text }| JsonFailedStart {
        time: non_empty(raw_time),
        text: text.clone(),
    });
    let document = Document {
        schema: SCHEMA,
        boots: boots.iter().map(JsonBoot::new).collect(),
        failed_starts: starts.collect(),
        server_problems: problems.to_vec(),
    };
    // Keys are strings and numbers are finite, so this cannot fail.
    serde_json::to_string_pretty(&document).unwrap_or_default() + "\n"
}

fn non_empty(text: &str) -> Option<String> {
    (!text.is_empty()).then(|| text.to_owned())
}

impl JsonBoot {
    fn new(boot: &Boot) -> Self {
        let verdict = boot.verdict();
        Self {
            mac: boot.mac.clone(),
            ip: boot.ip.map(|ip| ip.to_string()),
            name: boot.name.clone(),
            origin: boot.origin.as_deref().and_then(non_empty),
            architecture: boot.architecture.map(|one| one.0),
            architecture_name: boot.architecture.and_then(Architecture::name),
            started: non_empty(&boot.raw_time),
            started_at: boot.started_at.filter(|seconds| *seconds >= FIRST_EPOCH_TIME),
            seconds: boot.started_at.map(|_| boot.length.as_secs_f64()),
            verdict: JsonVerdict {
                verdict: verdict.verdict.id(),
                id: verdict.reason.as_ref().map(crate::reason::Reason::id),
                text: verdict.text,
                advice: verdict.advice,
            },
            steps: boot
                .steps
                .iter()
                .map(|step| {
                    let mut object = Map::new();
                    let seconds = step.offset.map(|offset| offset.as_secs_f64());
                    object.insert("offset".to_owned(), json!(seconds));
                    object.extend(fields(&step.kind));
                    object
                })
                .collect(),
        }
    }
}

/// The kind of a step and its data.
fn fields(kind: &StepKind) -> Map<String, Value> {
    let value = match kind {
        StepKind::Requested { message, count } => {
            json!({"kind": "requested", "message": message, "count": count})
        }
        StepKind::AddressAssigned(message) => {
            json!({"kind": "address_assigned", "message": message})
        }
        StepKind::Answered { port, outcome, count } => {
            json!({"kind": "answered", "port": port, "outcome": outcome, "count": count})
        }
        StepKind::Ignored => json!({"kind": "ignored"}),
        StepKind::Dropped { reason, count } => {
            json!({"kind": "dropped", "reason": reason, "count": count})
        }
        StepKind::Chosen(file) => json!({"kind": "chosen", "name": file}),
        StepKind::Notice(text) => json!({"kind": "notice", "text": text}),
        _ => file_fields(kind),
    };
    match value {
        Value::Object(object) => object,
        _ => Map::new(),
    }
}

/// The same for a step of TFTP.
fn file_fields(kind: &StepKind) -> Value {
    match kind {
        StepKind::Loading { path, size } => json!({"kind": "loading", "path": path, "bytes": size}),
        StepKind::File { path, stats } => file(path, *stats),
        StepKind::NotFound { path, count } => {
            json!({"kind": "not_found", "path": path, "count": count})
        }
        StepKind::Denied(path) => json!({"kind": "denied", "path": path}),
        StepKind::Unreadable { path, error } => {
            json!({"kind": "unreadable", "path": path, "error": error})
        }
        StepKind::ClientError { path, error, count } => {
            json!({"kind": "client_error", "path": path, "error": error, "count": count})
        }
        StepKind::TimedOut(path) => json!({"kind": "timed_out", "path": path}),
        StepKind::NoReply(request) => json!({"kind": "no_reply", "request": request}),
        _ => Value::Null,
    }
}

fn file(path: &str, stats: Option<TransferStats>) -> Value {
    let mut value = json!({
        "kind": "file",
        "path": path,
        "bytes": stats.map(|stats| stats.size),
        "seconds": stats.map(|stats| stats.duration.as_secs_f64()),
    });
    // From a capture only.
    if let Some(datagrams) = stats.and_then(|stats| stats.datagrams) {
        value["datagrams"] = json!({
            "blksize": datagrams.blksize,
            "windowsize": datagrams.windowsize,
            "data": datagrams.blocks,
            "ack": datagrams.acknowledgements,
            "data_sent_again": datagrams.repeated,
        });
    }
    value
}
