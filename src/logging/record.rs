//! A line of the log as data, and its formats.

use crate::log_line::{IDENTITIES, truncated};
use crate::sys::clock::{self, LocalTime};
use crate::sys::process_id;
use std::borrow::Cow;
use std::fmt;
use std::io::Write;

/// A line with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Facility times eight plus priority (RFC 3164, section 4.1.1).
    code: u64,
    time: LocalTime,
    /// The part of the program, e.g. `dnsmasq-tftp`.
    tag: Cow<'static, str>,
    process: u32,
    /// The text of the line.
    pub text: String,
}

/// Bytes of a line with its header (RFC 3164, section 4.1), without the byte that ends it.
pub const MAX_RECORD_LEN: usize = 1023;
/// Bytes of a header, at least.
const HEADER_LEN: usize = 48;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Record {
    /// A line of this process with the current time.
    pub fn now(facility: u8, priority: u64, tag: &str, text: String) -> Self {
        let code = u64::from(facility) << 3 | priority;
        let known = IDENTITIES.iter().find(|known| **known == tag);
        let tag = known.map_or_else(|| tag.to_owned().into(), |known| Cow::Borrowed(*known));
        Self { code, time: clock::local_time(), tag, process: process_id::own(), text }
    }

    /// `<code>Mmm dd hh:mm:ss tag[pid]: text`
    pub fn for_syslog(&self) -> Vec<u8> {
        let Self { code, tag, process, text, .. } = self;
        let mut record = Vec::with_capacity(HEADER_LEN + text.len());
        append(&mut record, format_args!("<{code}>{} {tag}[{process}]: {text}", Date(self.time)));
        record
    }

    /// Appends `Mmm dd hh:mm:ss tag[pid]: text`
    pub fn with_timestamp(&self, line: &mut Vec<u8>) {
        let Self { tag, process, text, .. } = self;
        append_line(line, format_args!("{} {tag}[{process}]: {text}", Date(self.time)));
    }

    /// Appends `tag[pid]: text`
    pub fn without_timestamp(&self, line: &mut Vec<u8>) {
        let Self { tag, process, text, .. } = self;
        append_line(line, format_args!("{tag}[{process}]: {text}"));
    }

    /// Appends `tag: text`
    pub fn without_process(&self, line: &mut Vec<u8>) {
        let Self { tag, text, .. } = self;
        append(line, format_args!("{tag}: {text}\n"));
    }
}

/// `Mmm dd hh:mm:ss`
struct Date(LocalTime);

impl fmt::Display for Date {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LocalTime { month, day, hour, minute, second, .. } = self.0;
        let month = MONTHS.get(month).unwrap_or(&"Jan");
        write!(f, "{month} {day:2} {hour:02}:{minute:02}:{second:02}")
    }
}

fn append(bytes: &mut Vec<u8>, text: fmt::Arguments<'_>) {
    // Memory is the only limit of a vector.
    let _ = bytes.write_fmt(text);
}

/// Appends a line with its header and the newline, cut as dnsmasq cuts it.
fn append_line(lines: &mut Vec<u8>, line: fmt::Arguments<'_>) {
    let start = lines.len();
    append(lines, line);
    let line = str::from_utf8(&lines[start..]).unwrap_or_default();
    lines.truncate(start + truncated(line, MAX_RECORD_LEN).len());
    lines.push(b'\n');
}

/// dnsmasq 2.90 cuts lines in a file and on standard error at 1,023 bytes, but not those that `no-daemon` adds.
#[test]
fn long_record_is_cut_with_its_header() {
    let text = "x".repeat(MAX_RECORD_LEN);
    let record = Record::now(3, 6, "dnsmasq-tftp", text);
    for format in [Record::with_timestamp, Record::without_timestamp] {
        let line = formatted(&record, format);
        assert_eq!((line.len(), line.ends_with('\n')), (MAX_RECORD_LEN + 1, true));
    }
    assert!(formatted(&record, Record::without_process).len() > MAX_RECORD_LEN + 1);
}

#[test]
fn record_has_the_header_of_its_format_with_any_text() {
    let time = LocalTime { month: 10, day: 2, hour: 1, minute: 2, second: 3 };
    for (tag, text) in [("dnsmasq-tftp", "sent [a]"), ("a[b]>c", "<1>[2]: "), ("dnsmasq", "")] {
        let tag = tag.to_owned().into();
        let record = Record { code: 30, time, tag, process: 12, text: text.to_owned() };
        let (tag, for_syslog) = (&record.tag, String::from_utf8(record.for_syslog()).unwrap());
        assert_eq!(for_syslog, format!("<30>Nov  2 01:02:03 {tag}[12]: {text}"));
        for (format, line) in [
            (Record::with_timestamp as Format, format!("Nov  2 01:02:03 {tag}[12]: {text}\n")),
            (Record::without_timestamp, format!("{tag}[12]: {text}\n")),
            (Record::without_process, format!("{tag}: {text}\n")),
        ] {
            assert_eq!(formatted(&record, format), line);
        }
    }
}

#[cfg(test)]
type Format = fn(&Record, &mut Vec<u8>);

#[cfg(test)]
fn formatted(record: &Record, format: Format) -> String {
    let mut line = b"one before\n".to_vec();
    format(record, &mut line);
    String::from_utf8(line).unwrap().strip_prefix("one before\n").unwrap().to_owned()
}
