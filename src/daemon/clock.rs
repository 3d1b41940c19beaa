//! The clock of the loop.

use crate::time::Timestamp;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock. Its whole seconds begin when those of the system clock began at the start.
pub struct Clock {
    started: Instant,
    /// The time of the system clock at the start, since 1970.
    started_at: Duration,
}

impl Clock {
    /// Starts the clock.
    pub fn start() -> Self {
        let started_at = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), started_at }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed() + self.offset();
        Timestamp(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }

    /// The time of the system clock at the start, in seconds since 1970.
    pub fn started_at(&self) -> u64 {
        self.started_at.as_secs()
    }

    /// The milliseconds from the start to `now`.
    pub fn uptime_ms(&self, now: Timestamp) -> u64 {
        now.0.saturating_sub(self.offset().subsec_millis().into())
    }

    fn offset(&self) -> Duration {
        Duration::from_nanos(self.started_at.subsec_nanos().into())
    }
}
