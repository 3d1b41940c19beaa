//! A link: it sends one frame after the other, and the frames that wait need space in a buffer.

use super::case::{LinkSpec, Nanos};

/// Bytes of a frame on the wire besides the payload of the UDP datagram: UDP, IPv4, Ethernet, checksum, preamble, gap.
const OVERHEAD: u64 = 8 + 20 + 14 + 4 + 8 + 12;

/// A link with a drop-tail buffer.
#[derive(Clone, Debug)]
pub struct Link {
    spec: LinkSpec,
    /// When all frames in the buffer have been sent.
    free_at: Nanos,
    pub sent_bytes: u64,
    pub dropped: u64,
}

impl Link {
    pub fn new(spec: LinkSpec) -> Self {
        Self { spec, free_at: 0, sent_bytes: 0, dropped: 0 }
    }

    /// Sends a datagram. Returns when it arrives; `None`: the buffer is full.
    pub fn send(&mut self, now: Nanos, payload: usize) -> Option<Nanos> {
        let bytes = OVERHEAD + payload as u64;
        let waiting = self.free_at.saturating_sub(now) * self.spec.mbit / 8000;
        if waiting + bytes > self.spec.buffer {
            self.dropped += 1;
            return None;
        }
        self.sent_bytes += bytes;
        self.free_at = self.free_at.max(now) + bytes * 8000 / self.spec.mbit;
        Some(self.free_at + self.spec.delay)
    }

    /// The time that the wire needs for this number of bytes.
    pub fn time_for(&self, bytes: u64) -> Nanos {
        bytes * 8000 / self.spec.mbit
    }

    pub fn delay(&self) -> Nanos {
        self.spec.delay
    }
}
