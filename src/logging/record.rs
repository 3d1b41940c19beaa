//! A line of the log as data, and its formats.

use crate::log_line::truncated;
use crate::sys::clock::{self, LocalTime, MONTHS};
use std::fmt::Write;

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

/// Bytes of the longest header without tag, and of the newline.
const MAX_HEADER_LEN: usize = 40;

impl Record {
    /// A line of this process with the current time.
    pub fn now(facility: u8, priority: u64, tag: &str, text: String) -> Self {
        let code = u64::from(facility) << 3 | priority;
        let (time, process) = (clock::local_time(), crate::sys::process_id::own());
        Self { code, time, tag: tag.to_owned(), process, text }
    }

    /// `<code>Mmm dd hh:mm:ss tag[pid]: text`
    pub fn for_syslog(&self) -> Vec<u8> {
        let mut line = self.buffer();
        // Writing to a string does not fail.
        let _ = write!(line, "<{}>", self.code);
        self.push_date(&mut line);
        self.push_process(&mut line);
        line.into_bytes()
    }

    /// `Mmm dd hh:mm:ss tag[pid]: text`
    pub fn with_timestamp(&self) -> Vec<u8> {
        let mut line = self.buffer();
        self.push_date(&mut line);
        self.push_process(&mut line);
        terminated(line)
    }

    /// `tag[pid]: text`
    pub fn without_timestamp(&self) -> Vec<u8> {
        let mut line = self.buffer();
        self.push_process(&mut line);
        terminated(line)
    }

    /// `tag: text`
    pub fn without_process(&self) -> Vec<u8> {
        let Self { tag, text, .. } = self;
        format!("{tag}: {text}\n").into_bytes()
    }

    /// An empty line with space for text and header.
    fn buffer(&self) -> String {
        String::with_capacity(self.text.len() + self.tag.len() + MAX_HEADER_LEN)
    }

    /// `Mmm dd hh:mm:ss `. Each line has it, so it is written without the formatting of the standard library.
    fn push_date(&self, line: &mut String) {
        let LocalTime { month, day, hour, minute, second, .. } = self.time;
        line.push_str(MONTHS.get(month).unwrap_or(&"Jan"));
        line.push(' ');
        push_number(line, day, ' ');
        for (separator, number) in [(' ', hour), (':', minute), (':', second)] {
            line.push(separator);
            push_number(line, number, '0');
        }
        line.push(' ');
    }

    /// `tag[pid]: text`
    fn push_process(&self, line: &mut String) {
        let Self { tag, process, text, .. } = self;
        line.push_str(tag);
        let _ = write!(line, "[{process}]: ");
        line.push_str(text);
    }
}

/// Appends a number of two digits; `fill` is the first one of a number below 10.
fn push_number(line: &mut String, number: i32, fill: char) {
    let digit = |number: i32| char::from_digit(number.rem_euclid(10).cast_unsigned(), 10);
    let tens = digit(number / 10).filter(|tens| *tens != '0');
    line.extend([tens.unwrap_or(fill), digit(number).unwrap_or_default()]);
}

/// A line with its header and the newline, cut as dnsmasq cuts it.
fn terminated(mut line: String) -> Vec<u8> {
    line.truncate(truncated(&line, MAX_RECORD_LEN).len());
    line.push('\n');
    line.into_bytes()
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

#[test]
fn date_has_two_digits_for_each_number() {
    let mut record = Record::now(3, 6, "t", "x".to_owned());
    record.process = 1;
    for (time, expected) in
        [([0, 1, 0, 0, 0], "Jan  1 00:00:00"), ([11, 31, 23, 59, 60], "Dec 31 23:59:60")]
    {
        let [month, day, hour, minute, second] = time;
        let month = usize::try_from(month).unwrap();
        record.time = LocalTime { month, day, hour, minute, second };
        assert_eq!(record.with_timestamp(), format!("{expected} t[1]: x\n").into_bytes());
    }
}
