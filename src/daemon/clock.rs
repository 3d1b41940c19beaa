//! The clock of the loop.

use crate::time::Timestamp;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A monotonic clock. Its whole seconds begin when those of the system clock began at the start.
pub struct Clock {
    started: Instant,
    offset: Duration,
}

impl Clock {
    /// Starts the clock.
    pub fn start() -> Self {
        let system = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        let offset = Duration::from_nanos(system.subsec_nanos().into());
        Self { started: Instant::now(), offset }
    }

    /// The time now.
    pub fn now(&self) -> Timestamp {
        let elapsed = self.started.elapsed() + self.offset;
        Timestamp(u64::try_from(elapsed.as_millis()).unwrap_or(u64::MAX))
    }
}
