//! A line of the log as data, and its formats.

use crate::sys::clock::{self, LocalTime};

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

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Record {
    /// A line of this process with the current time.
    pub fn now(facility: u8, priority: u64, tag: &str, text: String) -> Self {
        let code = u64::from(facility) << 3 | priority;
        let (time, process) = (clock::local_time(), std::process::id());
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
        format!("{} {tag}[{process}]: {text}\n", self.date()).into_bytes()
    }

    /// `tag[pid]: text`
    pub fn without_timestamp(&self) -> Vec<u8> {
        let Self { tag, process, text, .. } = self;
        format!("{tag}[{process}]: {text}\n").into_bytes()
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
