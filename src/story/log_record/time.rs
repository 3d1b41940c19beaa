//! The time stamp of a log line, in the format of any program that writes logs.

use super::LogTime;

const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
const DAY: f64 = 86400.0;
/// syslog has no year. Each year has 366 days there: only differences count.
pub const YEAR: f64 = 366.0 * DAY;
/// Days before each month.
const DAYS: [u32; 12] = [0, 31, 60, 91, 121, 152, 182, 213, 244, 274, 305, 335];

/// The time stamp in the text before the identifier.
pub fn time(head: &str) -> Option<LogTime<'_>> {
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

/// `2026-11-22`, in seconds since the epoch.
fn date_seconds(date: &str) -> Option<f64> {
    let mut parts = date.split('-').map(str::parse::<u32>);
    let mut part = || parts.next()?.ok();
    let (year, month, day) = (part()?, part()?, part()?);
    if !(1970..10_000).contains(&year) || !(1..=12).contains(&month) || !(1..=31).contains(&day) {
        return None;
    }
    Some(f64::from(days_since_epoch(year, month, day)) * DAY)
}

/// The number of days from 1970-01-01. Years are counted from March, so that the leap day is the last one.
fn days_since_epoch(year: u32, month: u32, day: u32) -> u32 {
    /// Days from 0000-03-01 to 1970-01-01.
    const TO_EPOCH: u32 = 719_468;
    let year = if month <= 2 { year - 1 } else { year };
    let months = (month + 9) % 12;
    let leap_days = year / 4 - year / 100 + year / 400;
    365 * year + leap_days + (153 * months + 2) / 5 + day - 1 - TO_EPOCH
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
