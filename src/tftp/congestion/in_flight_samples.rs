//! Whether losses depend on the bytes in flight.

/// How many bytes were in flight when groups were sent: their number, mean and variation.
#[derive(Clone, Copy, Debug, Default)]
pub struct InFlightSamples {
    count: u64,
    /// In KiB.
    sum: u64,
    squares: u64,
}

/// Above this number, old groups count less.
const MAX_COUNT: u64 = 4096;
/// With fewer groups, no difference is significant.
const MIN_COUNT: u64 = 8;
/// The difference of two means counts if it is this number of standard errors, and this share of the mean in percent.
const MIN_ERRORS: u64 = 5;
const MIN_PERCENT: u64 = 15;

impl InFlightSamples {
    /// A group was sent while this number of bytes was in flight.
    pub fn add(&mut self, bytes: u64) {
        let kib = bytes / 1024;
        self.count += 1;
        self.sum += kib;
        self.squares += kib * kib;
    }

    /// Whether there are so many that old ones should count less.
    pub fn are_many(self) -> bool {
        self.count > MAX_COUNT
    }

    /// All until now count half.
    pub fn halve(&mut self) {
        (self.count, self.sum, self.squares) = (self.count / 2, self.sum / 2, self.squares / 2);
    }

    /// The mean, in bytes.
    pub fn mean(self) -> u64 {
        self.mean_kib() * 1024
    }

    /// Whether these are significantly higher than others (Welch's test).
    pub fn are_above(self, others: Self) -> bool {
        let difference = self.mean_kib().saturating_sub(others.mean_kib());
        let variance = self.variance_of_mean() + others.variance_of_mean();
        self.count.min(others.count) >= MIN_COUNT
            && difference * difference > MIN_ERRORS * MIN_ERRORS * variance
            && difference * 100 > others.mean_kib() * MIN_PERCENT
    }

    fn mean_kib(self) -> u64 {
        self.sum / self.count.max(1)
    }

    /// At least the error of whole KiB.
    fn variance_of_mean(self) -> u64 {
        let count = self.count.max(1);
        let mean = self.mean_kib();
        (self.squares / count).saturating_sub(mean * mean) / count + 1
    }
}
