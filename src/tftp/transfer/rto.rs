//! The retransmission timeout (RFC 6298).

use std::time::Duration;

/// The smoothed round-trip time of one client, in fixed point so that the gains of the RFC are shifts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RttEstimator {
    /// `SRTT`, in eighths of a millisecond.
    smoothed: u64,
    /// `RTTVAR`, in quarters of a millisecond.
    variation: u64,
}

/// The minimum that is added to the round-trip time. The RFC has a minimum timeout of one second, for the whole Internet.
/// A boot network answers within a millisecond, and a client that writes to its disk is late by some milliseconds.
const MIN_RTO_MARGIN: Duration = Duration::from_millis(50);

impl RttEstimator {
    /// The first sample (RFC 6298, 2.2).
    pub fn first(round_trip: Duration) -> Self {
        let millis = millis(round_trip);
        Self { smoothed: 8 * millis, variation: 2 * millis }
    }

    /// The next sample (RFC 6298, 2.3).
    pub fn update(&mut self, round_trip: Duration) {
        let millis = millis(round_trip);
        let error = (self.smoothed / 8).abs_diff(millis);
        self.variation = self.variation - self.variation / 4 + error;
        self.smoothed = self.smoothed - self.smoothed / 8 + millis;
    }

    /// The retransmission timeout.
    pub fn rto(&self) -> Duration {
        Duration::from_millis(self.smoothed / 8)
            + Duration::from_millis(self.variation).max(MIN_RTO_MARGIN)
    }
}

/// A longer time does not occur.
fn millis(round_trip: Duration) -> u64 {
    u64::try_from(round_trip.as_millis()).unwrap_or(u64::MAX / 16)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rto_follows_rfc_6298() {
        let mut far = RttEstimator::first(Duration::from_millis(100));
        assert_eq!(far.rto(), Duration::from_millis(300), "SRTT + 4 RTTVAR, RTTVAR = R / 2");
        far.update(Duration::from_millis(200));
        // RTTVAR = 3/4 * 50 + 1/4 * 100 = 62.5, SRTT = 7/8 * 100 + 1/8 * 200 = 112.5
        assert_eq!(far.rto(), Duration::from_millis(112 + 250));
        (0..200).for_each(|_| far.update(Duration::from_millis(200)));
        assert_eq!(
            far.rto(),
            Duration::from_millis(200) + MIN_RTO_MARGIN,
            "a steady round trip needs only the minimum"
        );
    }

    #[test]
    fn rto_has_minimum() {
        assert_eq!(RttEstimator::first(Duration::ZERO).rto(), MIN_RTO_MARGIN);
    }
}
