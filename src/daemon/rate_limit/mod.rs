//! Rate limits: of notices and of the lines of `log-debug` ([`log_limit`]), and the type that counts actions per interval.

pub mod log_limit;

use crate::time::Timestamp;
use std::collections::VecDeque;
use std::time::Duration;

/// Allows up to `max` actions within any `interval`.
pub struct RateLimit {
    max: usize,
    interval: Duration,
    /// The actions of the last interval, oldest first.
    allowed: VecDeque<Timestamp>,
}

impl RateLimit {
    /// A limit without actions so far.
    pub fn new(max: usize, interval: Duration) -> Self {
        Self { max, interval, allowed: VecDeque::new() }
    }

    /// Whether one more action is allowed now; if so, it is counted.
    pub fn allow(&mut self, now: Timestamp) -> bool {
        let allowed = self.may_allow(now);
        if allowed {
            self.allowed.push_back(now);
        }
        allowed
    }

    /// Whether [`RateLimit::allow`] would allow one more action.
    pub fn may_allow(&mut self, now: Timestamp) -> bool {
        let is_over =
            |then: &Timestamp| Duration::from_millis(now.0.saturating_sub(then.0)) >= self.interval;
        while self.allowed.front().is_some_and(is_over) {
            self.allowed.pop_front();
        }
        self.allowed.len() < self.max
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn actions_beyond_the_maximum_are_denied_until_the_interval_is_over() {
        let mut limit = RateLimit::new(200, Duration::from_secs(60));
        assert_eq!((0..1000).filter(|_| limit.allow(Timestamp(70_000))).count(), 200);
        assert!(!limit.allow(Timestamp(129_999)));
        assert!(limit.allow(Timestamp(130_000)));
    }
}
