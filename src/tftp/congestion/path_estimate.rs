//! Delivery rate and round trip of an interface, and their product.

use crate::time::Timestamp;
use std::time::Duration;

/// The highest rate and the shortest mean round trip of the last one to two seconds.
///
/// The clock has milliseconds and most round trips are shorter. But if a datagram is sent at any moment of a millisecond, the
/// mean of many round trips in whole milliseconds is the mean of the round trips.
#[derive(Clone, Copy, Debug, Default)]
pub struct PathEstimate {
    /// The current interval, and the bytes that were acknowledged in it.
    interval: u64,
    bytes: u64,
    /// Round trips since the last mean: their number, bytes, and bytes times milliseconds.
    count: u64,
    sampled_bytes: u64,
    byte_millis: u64,
    mean_micros: u64,
    second: u64,
    /// In this second and in the one before.
    max_bytes: [u64; 2],
    min_micros: [Option<u64>; 2],
}

const INTERVAL_MS: u64 = 10;
/// Round trips for a mean.
const MIN_SAMPLES: u64 = 64;
/// No switch holds a datagram for so long. Such an ACK is a repeated one: the first was lost.
const MAX_ROUND_TRIP: Duration = Duration::from_millis(200);
/// Datagrams that were sent longer ago than twice the mean round trip and this have left the network.
const EXPIRY_MARGIN: Duration = Duration::from_millis(4);

impl PathEstimate {
    /// Bytes were acknowledged. `round_trip`: since they were sent, if they are the end of what was sent.
    pub fn acknowledged(&mut self, bytes: u64, round_trip: Option<Duration>, now: Timestamp) {
        if now.0 / INTERVAL_MS != self.interval {
            self.end_interval(now);
        }
        self.bytes += bytes;
        if let Some(round_trip) = round_trip.filter(|time| *time < MAX_ROUND_TRIP) {
            self.count += 1;
            self.sampled_bytes += bytes;
            self.byte_millis += bytes * u64::try_from(round_trip.as_millis()).unwrap_or_default();
        }
    }

    /// The bytes that are in flight without a queue: rate times round trip.
    pub fn bytes_without_queue(&self) -> u64 {
        let micros = self.min_micros.iter().flatten().min().copied().unwrap_or_default();
        let bytes = self.max_bytes[0].max(self.max_bytes[1]).max(self.bytes);
        bytes * micros / (1000 * INTERVAL_MS)
    }

    /// The time after which a datagram has left the network, acknowledged or not.
    pub fn expiry(&self) -> Duration {
        Duration::from_millis(2 * self.mean_micros / 1000) + EXPIRY_MARGIN
    }

    fn end_interval(&mut self, now: Timestamp) {
        let second = now.0 / 1000;
        if second != self.second {
            self.max_bytes = [0, self.max_bytes[0]];
            self.min_micros = [None, self.min_micros[0]];
            self.second = second;
        }
        self.max_bytes[0] = self.max_bytes[0].max(self.bytes);
        if self.count >= MIN_SAMPLES {
            self.mean_micros = self.byte_millis * 1000 / self.sampled_bytes.max(1);
            let min = self.min_micros[0].map_or(self.mean_micros, |min| min.min(self.mean_micros));
            self.min_micros[0] = Some(min);
            (self.count, self.sampled_bytes, self.byte_millis) = (0, 0, 0);
        }
        (self.bytes, self.interval) = (0, now.0 / INTERVAL_MS);
    }
}
