//! A line of a log, of pxemasq or dnsmasq, as any program may have kept it: when it was written, by which part, and what
//! it says.

use crate::log_line::words::{
    CANNOT_ACCESS, DHCP, FAILED, FILE, PROCESS, PXE, RECEIVED_FROM, SENT, TFTP, TFTP_ROOT,
    TIMED_OUT,
};
use serde::Deserialize;

/// A line.
#[derive(Clone, Debug, PartialEq)]
pub struct LogRecord<'l> {
    /// Seconds of the year's clock on the wall; `None`: the log tells no time.
    pub time: Option<f64>,
    /// The time as it is written.
    pub raw_time: &'l str,
    /// Who says it.
    pub component: Component,
    /// What.
    pub text: &'l str,
}

/// Parts of the program.
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
/// Every year is a leap year here, for only differences matter.
pub const YEAR: f64 = 366.0 * DAY;
/// Days before each month.
const DAYS: [u32; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];

/// Beginnings of what only one part says, and what stands behind each, for logs that keep nothing else of a line.
const SUFFIX: [(&str, &str, Component); 8] = [
    (PXE, "(", Component::Dhcp),
    ("DHCP", "", Component::Dhcp),
    (SENT, "/", Component::Tftp),
    (FILE, "/", Component::Tftp),
    (FAILED, "/", Component::Tftp),
    (TIMED_OUT, "/", Component::Tftp),
    (CANNOT_ACCESS, "/", Component::Tftp),
    (TFTP_ROOT, "", Component::Tftp),
];

/// Reads a line: syslog, journal, files, standard error, with whatever stands before the name of the part, or with
/// nothing before the text at all.
pub fn log_record(line: &str) -> Option<LogRecord<'_>> {
    named(line).or_else(|| of_unit(line)).or_else(|| bare(line))
}

/// A record of `journalctl -o json`, as a line.
pub fn of_json(record: &str) -> Option<String> {
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

fn named(line: &str) -> Option<LogRecord<'_>> {
    COMPONENTS.iter().find_map(|(name, part)| {
        // A machine may have that name too.
        let (head, rest) = line
            .match_indices(name)
            .find_map(|(at, _)| Some((&line[..at], text_behind(&line[at + name.len()..])?)))?;
        Some(LogRecord::at(head, *part, rest))
    })
}

/// `[12]: text`, `: text`
fn text_behind(rest: &str) -> Option<&str> {
    let rest = match rest.strip_prefix('[') {
        Some(rest) => rest.split_once(']')?.1,
        None => rest,
    };
    let text = rest.strip_prefix(':')?;
    Some(text.strip_prefix(' ').unwrap_or(text))
}

/// `Nov 22 17:50:08 boot dnsmasq.service[12]: text`: which part it is, the text has to say.
fn of_unit(line: &str) -> Option<LogRecord<'_>> {
    let (head, rest) = line.split_once(".service")?;
    let text = text_behind(rest)?;
    Some(LogRecord::at(head, guess_component(text)?, text))
}

fn bare(line: &str) -> Option<LogRecord<'_>> {
    Some(LogRecord::at("", guess_component(line)?, line))
}

fn guess_component(text: &str) -> Option<Component> {
    // A transaction may stand before it.
    let (first, rest) = text.split_once(' ')?;
    let said = if first.parse::<u32>().is_ok() { rest } else { text };
    let begins = |words, next| said.strip_prefix(words).is_some_and(|rest| rest.starts_with(next));
    let by = SUFFIX.iter().find(|(words, next, _)| begins(*words, *next)).map(|(.., part)| *part);
    let of_tftp = || said.contains(RECEIVED_FROM).then_some(Component::Tftp);
    by.or_else(of_tftp)
}

impl<'l> LogRecord<'l> {
    fn at(head: &'l str, part: Component, text: &'l str) -> Self {
        let (time, written) = time(head).map_or((None, ""), |(time, text)| (Some(time), text));
        Self { time, raw_time: written, component: part, text }
    }
}

/// The time in the head of a line, and how it is written.
fn time(head: &str) -> Option<(f64, &str)> {
    // On its way to syslog it has its priority in front.
    let head =
        head.strip_prefix('<').and_then(|rest| rest.split_once('>')).map_or(head, |(_, rest)| rest);
    let words: Vec<&str> = head.split_whitespace().collect();
    let found = words.iter().enumerate().find_map(|(at, word)| {
        let next = |by: usize| words.get(at + by).copied();
        if let Some((date, clock)) = word.split_once('T')
            && let Some(day) = of_date(date)
        {
            return Some((day + of_clock(clock)? - zone(clock), *word, *word));
        }
        if let (Some(day), Some(clock)) = (of_date(word), next(1)) {
            return Some((day + of_clock(clock)?, *word, clock));
        }
        if let Some(seconds) = of_seconds(word) {
            return Some((seconds, *word, *word));
        }
        let (month, day, clock) = (month(word)?, next(1)?.parse().ok()?, next(2)?);
        Some((of_day(month, day)? + of_clock(clock)?, *word, clock))
    });
    let (time, first, last) = found?;
    let start = head.find(first)?;
    let end = start + head[start..].rfind(last)? + last.len();
    Some((time, &head[start..end]))
}

/// `2026-11-22`
fn of_date(date: &str) -> Option<f64> {
    let mut parts = date.split('-').map(str::parse::<u32>);
    let mut part = || parts.next()?.ok();
    let (year, month, day) = (part()?, part()?.checked_sub(1)?, part()?);
    Some(f64::from(year.checked_sub(1970)?) * YEAR + of_day(usize::try_from(month).ok()?, day)?)
}

/// Seconds of UTC: `1763833808.250`; and those since the machine was started: `[ 1234.567890]`.
fn of_seconds(word: &str) -> Option<f64> {
    let number = word.trim_matches(['[', ']']);
    let has_point = number.split_once('.').is_some_and(|(whole, _)| !whole.is_empty());
    number.parse().ok().filter(|seconds: &f64| has_point && seconds.is_finite())
}

/// Seconds that a time is ahead of UTC, as it says behind it: `+01:00`, `+0100`.
fn zone(clock: &str) -> f64 {
    let Some(at) = clock.find(['+', '-']) else { return 0.0 };
    let digits: String = clock[at + 1..].chars().filter(char::is_ascii_digit).collect();
    let number = |range: std::ops::Range<usize>| {
        digits.get(range).and_then(|digits| digits.parse::<f64>().ok()).unwrap_or(0.0)
    };
    let ahead = number(0..2) * 3600.0 + number(2..4) * 60.0;
    if clock[at..].starts_with('-') { -ahead } else { ahead }
}

fn of_day(month: usize, day: u32) -> Option<f64> {
    Some(f64::from(DAYS.get(month)? + day.checked_sub(1)?) * DAY)
}

fn month(word: &str) -> Option<usize> {
    let at = MONTHS.find(word).filter(|at| word.len() == 3 && at % 3 == 0)?;
    Some(at / 3)
}

/// `17:50:08`, perhaps with parts of a second and a zone behind.
fn of_clock(clock: &str) -> Option<f64> {
    let digits = |c: char| c.is_ascii_digit() || c == ':' || c == '.';
    let clock = clock.split(|c| !digits(c)).next()?;
    let mut parts = clock.splitn(3, ':');
    let mut part = || parts.next()?.parse::<f64>().ok();
    Some(part()? * 3600.0 + part()? * 60.0 + part()?)
}

#[test]
fn every_form_of_a_log_is_read() {
    for (head, written) in [
        ("Nov 22 17:50:08 boot dnsmasq-tftp[12]: ", "Nov 22 17:50:08"),
        ("Nov  2 17:50:08 dnsmasq dnsmasq-tftp[12]: ", "Nov  2 17:50:08"),
        ("Nov 22 17:50:08.250000 boot dnsmasq-tftp[12]: ", "Nov 22 17:50:08.250000"),
        ("2026-11-22T18:50:08.25+01:00 boot dnsmasq-tftp[12]: ", "2026-11-22T18:50:08.25+01:00"),
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
        let line = format!("{head}sent /a to b");
        let entry = log_record(&line).unwrap();
        assert_eq!(
            (entry.raw_time, entry.component, entry.text),
            (written, Component::Tftp, "sent /a to b")
        );
        let second = entry.time.map(|time| time % 60.0);
        assert!(second.is_none_or(|second| (8.0..8.5).contains(&second)), "{line} {second:?}");
    }
    let hour = |line: &str| log_record(line).unwrap().time.unwrap();
    let zones =
        ["+01:00", "Z"].map(|zone| if zone == "Z" { "17:50:08Z" } else { "18:50:08+01:00" });
    let [one, other] = zones.map(|clock| hour(&format!("2026-11-22T{clock} dnsmasq[1]: x")));
    assert!((one - other).abs() < 0.001);
    let json = r#"{"MESSAGE":"sent /a to b","SYSLOG_IDENTIFIER":"dnsmasq-tftp","__REALTIME_TIMESTAMP":"1763833808250000"}"#;
    assert_eq!(of_json(json).as_deref(), Some("1763833808.250000 dnsmasq-tftp: sent /a to b"));
    assert_eq!(log_record("Nov 22 17:50:08 boot kernel: eth0 is up"), None);
    let [one, other] = ["Nov 30 23:59:59", "Dec  1 00:00:01"].map(|time| {
        let line = format!("{time} dnsmasq[1]: x");
        log_record(&line).unwrap().time.unwrap()
    });
    assert!((other - one - 2.0).abs() < 0.001);
}
