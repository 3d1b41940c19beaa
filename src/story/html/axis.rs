//! The time axis of a picture.

use std::time::Duration;

/// A time axis from 0 to the end of a boot, with marks at round times.
pub struct Axis {
    end: Duration,
    step: Duration,
}

/// A narrow screen has space for as many marks.
const MAX_MARKS: u32 = 6;
/// The marks have a distance of 1, 2 or 5 times a power of ten.
const ROUND: [u64; 3] = [1, 2, 5];

impl Axis {
    /// `None` if the boot has no length: no time, or one time for all steps.
    pub fn new(end: Duration) -> Option<Self> {
        if end.is_zero() {
            return None;
        }
        let powers = (0..18).map(|exponent| 10_u64.pow(exponent));
        let mut steps =
            powers.flat_map(|power| ROUND.map(|digit| Duration::from_micros(digit * power)));
        let step = steps.find(|step| end < *step * MAX_MARKS)?;
        Some(Self { end, step })
    }

    /// The position of a time in percent of the axis, 0 to 100.
    pub fn percent(&self, time: Duration) -> f64 {
        time.div_duration_f64(self.end).min(1.0) * 100.0
    }

    /// The distance of two marks in percent.
    pub fn step_percent(&self) -> f64 {
        self.step.div_duration_f64(self.end) * 100.0
    }

    /// Position in percent and label of each mark.
    pub fn marks(&self) -> impl Iterator<Item = (f64, String)> {
        let times = (0..MAX_MARKS).map(|count| self.step * count);
        let shown = times.take_while(|time| *time <= self.end);
        shown.map(|time| (self.percent(time), self.label(time)))
    }

    /// `0.5 s`; below that `20 ms` or `5 µs`.
    fn label(&self, time: Duration) -> String {
        if self.step < Duration::from_millis(1) {
            format!("{} µs", time.as_micros())
        } else if self.step < Duration::from_millis(100) {
            format!("{} ms", time.as_millis())
        } else {
            format!("{} s", time.as_secs_f64())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn labels(millis: u64) -> Vec<String> {
        let axis = Axis::new(Duration::from_millis(millis)).unwrap();
        axis.marks().map(|(_, label)| label).collect()
    }

    #[test]
    fn marks_are_at_round_times() {
        assert_eq!(labels(9000), ["0 s", "2 s", "4 s", "6 s", "8 s"]);
        assert_eq!(labels(10_000), ["0 s", "2 s", "4 s", "6 s", "8 s", "10 s"]);
        assert_eq!(labels(18_300), ["0 s", "5 s", "10 s", "15 s"]);
        assert_eq!(labels(700), ["0 s", "0.2 s", "0.4 s", "0.6 s"]);
        assert_eq!(labels(70), ["0 ms", "20 ms", "40 ms", "60 ms"]);
        assert_eq!(labels(1), ["0 µs", "200 µs", "400 µs", "600 µs", "800 µs", "1000 µs"]);
        assert_eq!(labels(7_200_000), ["0 s", "2000 s", "4000 s", "6000 s"]);
    }

    #[test]
    fn axis_has_two_to_six_marks_for_each_length() {
        assert!(Axis::new(Duration::ZERO).is_none());
        for power in 0..16 {
            for digit in 1..100 {
                let end = Duration::from_micros(digit * 10_u64.pow(power));
                let axis = Axis::new(end).unwrap();
                assert!((2..=6).contains(&axis.marks().count()), "{end:?}");
                assert!(axis.marks().all(|(percent, _)| percent <= 100.0), "{end:?}");
            }
        }
    }
}
