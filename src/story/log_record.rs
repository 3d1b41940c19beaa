//! Splits a log line of pxemasq or dnsmasq into time, component and text. It accepts lines of files, standard error,
//! syslog, `journalctl`, containers and `logread`.

use crate::log_line::words::{
    CANNOT_ACCESS, DHCP, FAILED, FILE, PROCESS, PXE, RECEIVED_FROM, SENT, TFTP, TFTP_ROOT,
    TIMED_OUT,
};
use serde::Deserialize;

/// One log line.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord<'l> {
    /// When it was logged.
    pub time: LogTime<'l>,
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

const COMPONENTS: [(&str, Component); 3] =
    [(DHCP, Component::Dhcp), (TFTP, Component::Tftp), (PROCESS, Component::Process)];
const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
const DAY: f64 = 86400.0;
/// Each year has 366 days here: only differences count.
pub const YEAR: f64 = 366.0 * DAY;
/// Days before each month.
const DAYS: [u32; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];

/// Start of a message, what must follow it, and its component: for logs that have only the message.
const PREFIXES: [(&str, &str, Component); 8] = [
    (PXE, "(", Component::Dhcp),
    ("DHCP", "", Component::Dhcp),
    (SENT, "/", Component::Tftp),
    (FILE, "/", Component::Tftp),
    (FAILED, "/", Component::Tftp),
    (TIMED_OUT, "/", Component::Tftp),
    (CANNOT_ACCESS, "/", Component::Tftp),
    (TFTP_ROOT, "", Component::Tftp),
];

/// Parses a line. Any text may precede the syslog identifier; without an identifier the text decides. `None` if the line
/// is not one of dnsmasq.
pub fn log_record(line: &str) -> Option<LogRecord<'_>> {
    with_identifier(line).or_else(|| with_unit(line)).or_else(|| text_only(line))
}

/// Converts a record of `journalctl -o json` to a line.
pub fn line_of_json(record: &str) -> Option<String> {
    let record: JournalRecord = serde_json::from_str(record).ok()?;
    let seconds = record.micros.parse::<f64>().ok()? / 1e6;
    Some(format!("{seconds:.6} {}: {}", record.identifier, record.message))
}

#[derive(Deserialize)]
struct JournalRecord {
    #[serde(rename = "__REALTIME_TIMESTAMP")]
    micros: String,
    #[serde(rename = "SYSLOG_IDENTIFIER")]
    identifier: String,
    #[serde(rename = "MESSAGE")]
    message: String,
}

fn with_identifier(line: &str) -> Option<LogRecord<'_>> {
    COMPONENTS.iter().find_map(|(name, component)| {
        // A host name can contain the identifier too: then no `:` or `[` follows.
        let (head, rest) = line.match_indices(name).find_map(|(index, _)| {
            Some((&line[..index], text_after(&line[index + name.len()..])?))
        })?;
        Some(LogRecord::new(head, *component, rest))
    })
}

/// The text after an identifier: `[12]: text` or `: text`.
fn text_after(rest: &str) -> Option<&str> {
    let rest = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.1,
        None => rest,
    };
    let text = rest.strip_prefix(':')?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// `Nov 22 17:50:08 boot dnsmasq.service[12]: text`: the text decides the component.
fn with_unit(line: &str) -> Option<LogRecord<'_>> {
    let (head, rest) = line.split_once(".service")?;
    let text = text_after(rest)?;
    Some(LogRecord::new(head, guess_component(text)?, text))
}

fn text_only(line: &str) -> Option<LogRecord<'_>> {
    Some(LogRecord::new("", guess_component(line)?, line))
}

fn guess_component(text: &str) -> Option<Component> {
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

impl<'l> LogRecord<'l> {
    fn new(head: &'l str, component: Component, text: &'l str) -> Self {
        let time = time(head).unwrap_or_default();
        Self { time, component, text }
    }
}

/// The time stamp in the text before the identifier.
fn time(head: &str) -> Option<LogTime<'_>> {
    // A datagram for syslog starts with the priority: `<30>`.
    let head =
        head.strip_prefix('<').and_then(|rest| rest.split_once('>')).map_or(head, |(_, rest)| rest);
    let words: Vec<&str> = head.split_whitespace().collect();
    let found = words.iter().enumerate().find_map(|(index, word)| {
        let next = |by: usize| words.get(index + by).copied();
        if let Some((date, clock)) = word.split_once('T')
            && let Some(day) = date_seconds(date)
        {
            return Some((day + clock_seconds(clock)? - zone(clock), *word, *word));
        }
        if let (Some(day), Some(clock)) = (date_seconds(word), next(1)) {
            return Some((day + clock_seconds(clock)?, *word, clock));
        }
        if let Some(seconds) = plain_seconds(word) {
            return Some((seconds, *word, *word));
        }
        let (month, day, clock) = (month(word)?, next(1)?.parse().ok()?, next(2)?);
        Some((day_seconds(month, day)? + clock_seconds(clock)?, *word, clock))
    });
    let (seconds, first, last) = found?;
    let start = head.find(first)?;
    let end = start + head[start..].rfind(last)? + last.len();
    Some(LogTime { seconds: Some(seconds), text: &head[start..end] })
}

/// `2026-11-22`
fn date_seconds(date: &str) -> Option<f64> {
    let mut parts = date.split('-').map(str::parse::<u32>);
    let mut part = || parts.next()?.ok();
    let (year, month, day) = (part()?, part()?.checked_sub(1)?, part()?);
    Some(
        f64::from(year.checked_sub(1970)?) * YEAR + day_seconds(usize::try_from(month).ok()?, day)?,
    )
}

/// Seconds since the epoch, `1763833808.250`, or since the start of the kernel, `[ 1234.567890]`.
fn plain_seconds(word: &str) -> Option<f64> {
    let number = word.trim_matches(['[', ']']);
    let has_point = number.split_once('.').is_some_and(|(whole, _)| !whole.is_empty());
    number.parse().ok().filter(|seconds: &f64| has_point && seconds.is_finite())
}

/// The offset from UTC in seconds: `+01:00`, `+0100`; 0 without one.
fn zone(clock: &str) -> f64 {
    let Some(index) = clock.find(['+', '-']) else { return 0.0 };
    let digits: String = clock[index + 1..].chars().filter(char::is_ascii_digit).collect();
    let number = |range: std::ops::Range<usize>| {
        digits.get(range).and_then(|digits| digits.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let ahead = number(0..2) * 3600.0 + number(2..4) * 60.0;
    if clock[index..].starts_with('-') { -ahead } else { ahead }
}

fn day_seconds(month: usize, day: u32) -> Option<f64> {
    Some(f64::from(DAYS.get(month)? + day.checked_sub(1)?) * DAY)
}

fn month(word: &str) -> Option<usize> {
    let index = MONTHS.find(word).filter(|index| word.len() == 3 && index % 3 == 0)?;
    Some(index / 3)
}

/// `17:50:08`, optionally with a fraction and an offset from UTC.
fn clock_seconds(clock: &str) -> Option<f64> {
    let digits = |c: char| c.is_ascii_digit() || c == ':' || c == '.';
    let clock = clock.split(|c| !digits(c)).next()?;
    let mut parts = clock.splitn(3, ':');
    let mut part = || parts.next()?.parse::<f64>().ok();
    Some(part()? * 3600.0 + part()? * 60.0 + part()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "sent /a to b";

    fn seconds(line: &str) -> f64 {
        log_record(line).unwrap().time.seconds.unwrap()
    }

    #[test]
    fn time_stamp_of_each_log_format_is_parsed() {
        for (head, time) in [
            ("Nov 22 17:50:08 boot dnsmasq-tftp[12]: ", "Nov 22 17:50:08"),
            ("Nov  2 17:50:08 dnsmasq dnsmasq-tftp[12]: ", "Nov  2 17:50:08"),
            ("Nov 22 17:50:08.250000 boot dnsmasq-tftp[12]: ", "Nov 22 17:50:08.250000"),
            (
                "2026-11-22T18:50:08.25+01:00 boot dnsmasq-tftp[12]: ",
                "2026-11-22T18:50:08.25+01:00",
            ),
            ("2026-11-22T17:50:08+0000 boot dnsmasq-tftp[12]: ", "2026-11-22T17:50:08+0000"),
            ("2026-11-22T17:50:08.250000000Z dnsmasq-tftp: ", "2026-11-22T17:50:08.250000000Z"),
            ("2026-11-22 17:50:08 boot dnsmasq-tftp[12]: ", "2026-11-22 17:50:08"),
            ("Sun 2026-11-22 17:50:08 UTC boot dnsmasq-tftp[12]: ", "2026-11-22 17:50:08"),
            ("Sun Nov 22 17:50:08 2026 daemon.info dnsmasq-tftp[12]: ", "Nov 22 17:50:08"),
            ("Nov 22 17:50:08 boot dnsmasq.service[12]: ", "Nov 22 17:50:08"),
            ("1763833808.250000 boot dnsmasq-tftp[12]: ", "1763833808.250000"),
            ("[ 1208.250000] boot dnsmasq-tftp[12]: ", "1208.250000]"),
            ("dnsmasq-tftp: ", ""),
            ("", ""),
            ("<30>Nov 22 17:50:08 dnsmasq-tftp[12]: ", "Nov 22 17:50:08"),
        ] {
            let line = format!("{head}{TEXT}");
            let record = log_record(&line).unwrap();
            assert_eq!((record.time.text, record.component), (time, Component::Tftp), "{line}");
            assert_eq!(record.text, TEXT);
            let second = record.time.seconds.map(|time| time % 60.0);
            assert_eq!(second.is_none(), time.is_empty(), "{line}");
            assert!(second.is_none_or(|second| (8.0..8.5).contains(&second)), "{line} {second:?}");
        }
    }

    #[test]
    fn times_are_compared_across_zones_and_months() {
        let utc = seconds("2026-11-22T17:50:08Z dnsmasq[1]: x");
        let local = seconds("2026-11-22T18:50:08+01:00 dnsmasq[1]: x");
        assert!((utc - local).abs() < 0.001);
        let before = seconds("Nov 30 23:59:59 dnsmasq[1]: x");
        let after = seconds("Dec  1 00:00:01 dnsmasq[1]: x");
        assert!((after - before - 2.0).abs() < 0.001);
    }

    #[test]
    fn journal_record_is_converted_to_a_line() {
        let json = r#"{"MESSAGE":"sent /a to b","SYSLOG_IDENTIFIER":"dnsmasq-tftp","__REALTIME_TIMESTAMP":"1763833808250000"}"#;
        let line = "1763833808.250000 dnsmasq-tftp: sent /a to b";
        assert_eq!(line_of_json(json).as_deref(), Some(line));
    }

    #[test]
    fn line_of_another_program_is_skipped() {
        assert_eq!(log_record("Nov 22 17:50:08 boot kernel: eth0 is up"), None);
    }
}
