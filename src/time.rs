//! The time of the loop, as a value.

use std::ops::{Add, Sub};
use std::time::Duration;

/// A moment, in milliseconds since an arbitrary start. A whole second begins when a second of the system clock began at
/// the start of the process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Timestamp(pub u64);

impl Timestamp {
    /// The start of the second that this moment is in. dnsmasq counts time in seconds, and pxemasq keeps its schedule
    /// towards a client that does not answer.
    #[must_use]
    pub fn truncate_to_second(self) -> Self {
        Self(self.0 / 1000 * 1000)
    }
}

impl Add<Duration> for Timestamp {
    type Output = Self;

    /// Fractions of a millisecond are dropped.
    fn add(self, duration: Duration) -> Self {
        let millis =
            duration.as_secs().saturating_mul(1000).saturating_add(duration.subsec_millis().into());
        Self(self.0.saturating_add(millis))
    }
}

impl Sub for Timestamp {
    type Output = Duration;

    /// The time since `earlier`; zero if `earlier` is later.
    fn sub(self, earlier: Self) -> Duration {
        Duration::from_millis(self.0.saturating_sub(earlier.0))
    }
}
