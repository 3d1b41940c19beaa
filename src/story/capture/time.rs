//! The time of a datagram as text.

use std::time::Duration;

const DAY: u64 = 86400;
/// Days from 1970-01-01 to 2000-03-01: the era of 400 years begins after a leap day.
const ERA_START: i64 = 11017;
const ERA_DAYS: i64 = 146_097;
const CENTURY_DAYS: i64 = 36524;
const FOUR_YEARS_DAYS: i64 = 1461;

/// `2026-11-22 17:50:08 UTC`
pub fn utc(since_epoch: Duration) -> String {
    let seconds = since_epoch.as_secs();
    let (days, rest) = (seconds / DAY, seconds % DAY);
    let Some((year, month, day)) = i64::try_from(days).ok().map(date) else {
        return String::new();
    };
    format!(
        "{year:04}-{month:02}-{day:02} {:02}:{:02}:{:02} UTC",
        rest / 3600,
        rest / 60 % 60,
        rest % 60
    )
}

/// Year, month and day of a number of days since 1970-01-01.
fn date(days: i64) -> (i64, i64, i64) {
    let (era, rest) =
        ((days - ERA_START).div_euclid(ERA_DAYS), (days - ERA_START).rem_euclid(ERA_DAYS));
    // The last century of an era and the last year of four years have one day more.
    let century = (rest / CENTURY_DAYS).min(3);
    let rest = rest - century * CENTURY_DAYS;
    let four = rest / FOUR_YEARS_DAYS;
    let rest = rest - four * FOUR_YEARS_DAYS;
    let year = (rest / 365).min(3);
    let day_of_year = rest - year * 365;
    // The year begins in March: the months have 31, 30, 31, 30, 31 days, twice, then January and February.
    let month = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month + 2) / 5 + 1;
    let years = 2000 + 400 * era + 100 * century + 4 * four + year;
    if month < 10 { (years, month + 3, day) } else { (years + 1, month - 9, day) }
}

#[test]
fn date_of_known_times_is_right() {
    for (seconds, text) in [
        (0, "1970-01-01 00:00:00 UTC"),
        (951_782_399, "2000-02-28 23:59:59 UTC"),
        (951_782_400, "2000-02-29 00:00:00 UTC"),
        (951_868_800, "2000-03-01 00:00:00 UTC"),
        (1_709_164_800, "2024-02-29 00:00:00 UTC"),
        (1_735_689_599, "2024-12-31 23:59:59 UTC"),
        (1_763_833_808, "2025-11-22 17:50:08 UTC"),
        (4_107_542_400, "2100-03-01 00:00:00 UTC"),
    ] {
        assert_eq!(utc(Duration::from_secs(seconds)), text);
    }
}
