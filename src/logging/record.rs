//! A line of the log as data, and its formats.

use crate::log_line::truncated;
use crate::sys::clock::{self, LocalTime};
use crate::sys::process_id;

/// A line with its header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Facility times eight plus priority (RFC 3164, section 4.1.1).
    code: u64,
    time: LocalTime,
    /// The part of the program, e.g. `dnsmasq-tftp`.
    tag: String,
    process: u32,
    /// The text of the line.
    pub text: String,
}

/// Bytes of a line with its header (RFC 3164, section 4.1), without the byte that ends it.
pub const MAX_RECORD_LEN: usize = 1023;

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Record {
    /// A line of this process with the current time.
    pub fn now(facility: u8, priority: u64, tag: &str, text: String) -> Self {
        let code = u64::from(facility) << 3 | priority;
        let (time, process) = (clock::local_time(), process_id::own());
        Self { code, time, tag: tag.to_owned(), process, text }
    }

    /// `<code>Mmm dd hh:mm:ss tag[pid]: text`
    pub fn for_syslog(&self) -> Vec<u8> {
        let Self { code, tag, process, text, .. } = self;
        format!("<{code}>{} {tag}[{process}]: {text}", self.date()).into_bytes()
    }

    /// `Mmm dd hh:mm:ss tag[pid]: text`
    pub fn with_timestamp(&self) -> Vec<u8> {
        let Self { tag, process, text, .. } = self;
        terminated(&format!("{} {tag}[{process}]: {text}", self.date()))
    }

    /// `tag[pid]: text`
    pub fn without_timestamp(&self) -> Vec<u8> {
        let Self { tag, process, text, .. } = self;
        terminated(&format!("{tag}[{process}]: {text}"))
    }

    /// `tag: text`
    pub fn without_process(&self) -> Vec<u8> {
        let Self { tag, text, .. } = self;
        format!("{tag}: {text}\n").into_bytes()
    }

    fn date(&self) -> String {
        let LocalTime { month, day, hour, minute, second, .. } = self.time;
        let month = MONTHS.get(month).unwrap_or(&"Jan");
        format!("{month} {day:2} {hour:02}:{minute:02}:{second:02}")
    }
}

/// A line with its header and the newline, cut as dnsmasq cuts it.
fn terminated(line: &str) -> Vec<u8> {
    format!("{}\n", truncated(line, MAX_RECORD_LEN)).into_bytes()
}

/// dnsmasq 2.90 cuts lines in a file and on standard error at 1,023 bytes, but not those that `no-daemon` adds.
#[test]
fn long_record_is_cut_with_its_header() {
    let text = "x".repeat(MAX_RECORD_LEN);
    let record = Record::now(3, 6, "dnsmasq-tftp", text);
    for line in [record.with_timestamp(), record.without_timestamp()] {
        assert_eq!((line.len(), line.last()), (MAX_RECORD_LEN + 1, Some(&b'\n')));
    }
    assert!(record.without_process().len() > MAX_RECORD_LEN + 1);
}

#[test]
fn record_has_the_header_of_its_format_with_any_text() {
    let time = LocalTime { month: 10, day: 2, hour: 1, minute: 2, second: 3 };
    for (tag, text) in [("dnsmasq-tftp", "sent [a]"), ("a[b]>c", "<1>[2]: "), ("dnsmasq", "")] {
        let record =
            Record { code: 30, time, tag: tag.to_owned(), process: 12, text: text.to_owned() };
        let text_of = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        assert_eq!(text_of(record.for_syslog()), format!("<30>Nov  2 01:02:03 {tag}[12]: {text}"));
        assert_eq!(
            text_of(record.with_timestamp()),
            format!("Nov  2 01:02:03 {tag}[12]: {text}\n")
        );
        assert_eq!(text_of(record.without_timestamp()), format!("{tag}[12]: {text}\n"));
        assert_eq!(text_of(record.without_process()), format!("{tag}: {text}\n"));
    }
}
