//! Numbers, bytes and times as words.

/// Bytes with a decimal prefix: `999 B`, `9.3 MB`.
pub fn bytes(count: u64) -> String {
    const UNITS: [(&str, u64); 4] =
        [("TB", 1_000_000_000_000), ("GB", 1_000_000_000), ("MB", 1_000_000), ("kB", 1_000)];
    match UNITS.iter().find(|(_, size)| count >= *size) {
        Some((unit, size)) => format!("{} {unit}", tenths(count, *size)),
        None => format!("{count} B"),
    }
}

/// `count / size` with one decimal place, cut and not rounded, so that 999,999 is not `1000.0 kB`.
fn tenths(count: u64, size: u64) -> String {
    format!("{}.{}", count / size, count % size * 10 / size)
}

/// Bytes per second: `9.3 MB/s`.
pub fn rate(bytes_per_second: u64) -> String {
    format!("{}/s", bytes(bytes_per_second))
}

/// A number with a comma before each group of three digits: `4,096`.
pub fn number(count: u64) -> String {
    let digits = count.to_string();
    let mut text = String::new();
    for (at, digit) in digits.char_indices() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A time that is left: `0:12`, `59:59`, `1:02:03`.
pub fn clock(seconds: u64) -> String {
    let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
    match hours {
        0 => format!("{minutes}:{seconds:02}"),
        1..=99 => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => "> 99 h".to_owned(),
    }
}

/// `12 s`, `5 min 3 s`, `51 h 12 min`. Rounded down.
pub fn duration(milliseconds: u64) -> String {
    let seconds = milliseconds / 1000;
    let (minutes, hours) = (seconds / 60, seconds / 3600);
    match (hours, minutes) {
        (0, 0) => format!("{seconds} s"),
        (0, _) => format!("{minutes} min {} s", seconds % 60),
        _ => format!("{hours} h {} min", minutes % 60),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_the_largest_unit_that_gives_at_least_one() {
        for (count, text) in [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1.0 kB"),
            (999_999, "999.9 kB"),
            (9_345_678, "9.3 MB"),
            (12_000_000_000, "12.0 GB"),
        ] {
            assert_eq!(bytes(count), text);
        }
        assert_eq!(rate(1500), "1.5 kB/s");
        assert!(bytes(u64::MAX).ends_with(" TB"));
    }

    #[test]
    fn number_has_groups_of_three_digits() {
        let numbers = [0, 999, 1000, 65_535, 1_234_567].map(number);
        assert_eq!(numbers, ["0", "999", "1,000", "65,535", "1,234,567"]);
    }

    #[test]
    fn time_has_hours_only_if_there_are_any() {
        let clocks = [0, 12, 3599, 3723, 359_999, 360_000].map(clock);
        assert_eq!(clocks, ["0:00", "0:12", "59:59", "1:02:03", "99:59:59", "> 99 h"]);
    }

    #[test]
    fn duration_has_its_two_largest_units() {
        for (milliseconds, text) in [
            (999, "0 s"),
            (59_999, "59 s"),
            (60_000, "1 min 0 s"),
            (3_599_000, "59 min 59 s"),
            (184_320_000, "51 h 12 min"),
            (u64::MAX, "5124095576030 h 25 min"),
        ] {
            assert_eq!(duration(milliseconds), text);
        }
    }
}
