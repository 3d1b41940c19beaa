//! Bytes and times as words.

/// The units of bytes from 1,000 on.
const UNITS: [&str; 6] = ["kB", "MB", "GB", "TB", "PB", "EB"];

/// `812 bytes`, `1.5 kB`, `95 MB`. Rounded down.
pub fn bytes(count: u64) -> String {
    if count < 1000 {
        return format!("{count} bytes");
    }
    let (mut unit, mut exponent) = (1000, 0);
    while count / unit >= 1000 {
        unit *= 1000;
        exponent += 1;
    }
    let (whole, tenth) = (count / unit, count % unit / (unit / 10));
    if whole < 10 && tenth > 0 {
        format!("{whole}.{tenth} {}", UNITS[exponent])
    } else {
        format!("{whole} {}", UNITS[exponent])
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

#[test]
fn bytes_have_powers_of_ten_and_two_digits_at_least() {
    for (count, text) in [
        (0, "0 bytes"),
        (999, "999 bytes"),
        (1000, "1 kB"),
        (1999, "1.9 kB"),
        (9_050_000, "9 MB"),
        (999_999, "999 kB"),
        (95_300_000, "95 MB"),
        (9_340_000_000, "9.3 GB"),
        (u64::MAX, "18 EB"),
    ] {
        assert_eq!(bytes(count), text);
    }
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
