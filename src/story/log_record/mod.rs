//! Splits a log line of pxemasq or dnsmasq into time, component and text. It accepts lines of files, standard error,
//! syslog (RFC 3164, RFC 5424), `journalctl`, containers and `logread`.

mod json;
#[cfg(test)]
mod tests;
mod time;

use crate::log_line::words::{
    CANNOT_ACCESS, CANNOT_READ, DHCP, FAILED, FAILED_TO_START, FILE, NO_RANGE, PACKET_ON, PORT,
    PROCESS, PXE, RECEIVED_FROM, SENDING, SENT, STARTED, TFTP, TFTP_ENABLED, TFTP_MAX, TFTP_ROOT,
    TIMED_OUT, WARNING,
};
pub use json::line_of_json;
pub use time::YEAR;

/// One log line.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord<'l> {
    /// When it was logged.
    pub time: LogTime<'l>,
    /// The process that logged it, as host name and process ID; empty if the line has neither.
    pub source: String,
    /// The part of the program that logged it.
    pub component: Component,
    /// The message.
    pub text: &'l str,
}

/// The time stamp of a log line.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct LogTime<'l> {
    /// Seconds since an origin that is the same for all lines of a log. syslog has no year, so only differences count.
    /// `None`: the line has no time stamp.
    pub seconds: Option<f64>,
    /// As in the log; empty if the line has no time stamp.
    pub text: &'l str,
}

/// The part of the program, from the syslog identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Component {
    /// `dnsmasq-dhcp`
    Dhcp,
    /// `dnsmasq-tftp`
    Tftp,
    /// `dnsmasq`
    Process,
}

/// The longer identifiers first: they begin with the shortest.
const COMPONENTS: [(&str, Component); 3] =
    [(DHCP, Component::Dhcp), (TFTP, Component::Tftp), (PROCESS, Component::Process)];

/// Start of a message, what must follow it, and its component: for logs that have only the message.
const PREFIXES: &[(&str, &str, Component)] = &[
    (PXE, "(", Component::Dhcp),
    ("DHCP", "", Component::Dhcp),
    (NO_RANGE, "", Component::Dhcp),
    (PACKET_ON, "", Component::Dhcp),
    (PORT, " 67:", Component::Dhcp),
    (PORT, " 4011:", Component::Dhcp),
    (SENT, "/", Component::Tftp),
    (SENDING, "/", Component::Tftp),
    (FILE, "/", Component::Tftp),
    (FAILED, "/", Component::Tftp),
    (TIMED_OUT, "/", Component::Tftp),
    (CANNOT_ACCESS, "/", Component::Tftp),
    (CANNOT_READ, "/", Component::Tftp),
    ("TFTP sent ", "", Component::Tftp),
    ("TFTP failed sending ", "", Component::Tftp),
    ("TFTP file ", "", Component::Tftp),
    ("TFTP error ", "", Component::Tftp),
    (TFTP_ROOT, "", Component::Tftp),
    (TFTP_ENABLED, "", Component::Tftp),
    (TFTP_MAX, "", Component::Tftp),
    ("unsupported ", "", Component::Tftp),
    ("empty filename in request", "", Component::Tftp),
    ("unable to get free port for TFTP", "", Component::Tftp),
    (STARTED, "", Component::Process),
    (FAILED_TO_START, "", Component::Process),
    (WARNING, "", Component::Process),
];

/// Parses a line. Any text may precede the syslog identifier; without an identifier the text decides. `None` if the line
/// is not one of dnsmasq.
pub fn log_record(line: &str) -> Option<LogRecord<'_>> {
    with_identifier(line).or_else(|| with_unit(line)).or_else(|| text_only(line))
}

/// The first identifier of the line. A service manager writes its own identifier in front of that of the program:
/// `dnsmasq[12]: dnsmasq-tftp: sent …`.
fn with_identifier(line: &str) -> Option<LogRecord<'_>> {
    let (start, component, after) = line.match_indices(PROCESS).find_map(|(start, _)| {
        let (component, after) = identifier(&line[start..])?;
        Some((start, component, after))
    })?;
    let source = source(&line[..start], after.process_id);
    let inner = identifier(after.text).filter(|(_, inner)| inner.process_id.is_empty());
    let (component, text) =
        inner.map_or((component, after.text), |(component, inner)| (component, inner.text));
    Some(LogRecord {
        time: time::time(&line[..start]).unwrap_or_default(),
        source,
        component,
        text,
    })
}

/// What follows an identifier.
struct AfterIdentifier<'l> {
    process_id: &'l str,
    text: &'l str,
}

/// The identifier that a text begins with. A host name can begin with it too: then neither `:` nor `[` follows.
fn identifier(text: &str) -> Option<(Component, AfterIdentifier<'_>)> {
    COMPONENTS
        .iter()
        .find_map(|(name, component)| Some((*component, text_after(text.strip_prefix(name)?)?)))
}

/// The text after an identifier: `[12]: text`, `: text`, or, in RFC 5424, ` 12 - - text`.
fn text_after(rest: &str) -> Option<AfterIdentifier<'_>> {
    if let Some(fields) = rest.strip_prefix(' ') {
        return structured(fields);
    }
    let (process_id, rest) = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?,
        None => ("", rest),
    };
    let text = rest.strip_prefix(':')?;
    Some(AfterIdentifier { process_id, text: text.strip_prefix(' ').unwrap_or(text) })
}

/// The fields of RFC 5424 after the identifier: process ID, message ID, structured data, message.
fn structured(fields: &str) -> Option<AfterIdentifier<'_>> {
    let (process_id, rest) = fields.split_once(' ')?;
    if process_id != "-" && !process_id.bytes().all(|digit| digit.is_ascii_digit()) {
        return None;
    }
    let (_, rest) = rest.split_once(' ')?;
    let text = match rest.strip_prefix("- ") {
        Some(text) => text,
        None => rest.strip_prefix('[')?.split_once("] ")?.1,
    };
    Some(AfterIdentifier { process_id, text: text.trim_start_matches('\u{feff}') })
}

/// `boot[12]`; empty without host name and process ID.
fn source(head: &str, process_id: &str) -> String {
    if process_id.is_empty() { String::new() } else { format!("{}[{process_id}]", host(head)) }
}

/// The host name is the last word before the identifier, except in logs of `OpenWrt` and of Docker, which have none.
fn host(head: &str) -> &str {
    head.split_whitespace()
        .next_back()
        .filter(|word| !word.contains([':', '.']))
        .unwrap_or_default()
}

/// `Nov 22 17:50:08 boot dnsmasq.service[12]: text`: the text decides the component.
fn with_unit(line: &str) -> Option<LogRecord<'_>> {
    let (head, rest) = line.split_once(".service")?;
    let AfterIdentifier { process_id, text } = text_after(rest)?;
    let component = guess_component(text)?;
    let source = source(head.rsplit_once(' ')?.0, process_id);
    Some(LogRecord { time: time::time(head).unwrap_or_default(), source, component, text })
}

/// A message without identifier. A container engine may have written the time in front of it.
fn text_only(line: &str) -> Option<LogRecord<'_>> {
    let record = |time, text| {
        let component = guess_component(text)?;
        Some(LogRecord { time, source: String::new(), component, text })
    };
    record(LogTime::default(), line).or_else(|| {
        let (head, text) = line.split_once(' ')?;
        record(time::time(head)?, text)
    })
}

/// The component that logs such a message.
pub fn guess_component(text: &str) -> Option<Component> {
    // With log-dhcp a transaction ID comes first.
    let (first, rest) = text.split_once(' ')?;
    let message = if first.parse::<u32>().is_ok() { rest } else { text };
    let begins =
        |prefix, next| message.strip_prefix(prefix).is_some_and(|rest| rest.starts_with(next));
    let by_prefix = PREFIXES
        .iter()
        .find(|(prefix, next, _)| begins(*prefix, *next))
        .map(|(.., component)| *component);
    let client_error = || message.contains(RECEIVED_FROM).then_some(Component::Tftp);
    by_prefix.or_else(client_error)
}
