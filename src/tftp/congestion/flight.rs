//! The blocks of one transfer that are in flight.

use super::bound::{Bound, SentGroup};
use crate::time::Timestamp;
use std::net::IpAddr;
use std::ops::Range;

/// The blocks of a transfer that were sent last and are neither acknowledged nor lost.
#[derive(Clone, Debug)]
pub struct Flight {
    /// Bytes of a block.
    segment: u64,
    blocks: Range<u64>,
    group: SentGroup,
}

impl Flight {
    /// No block was sent.
    pub fn new(segment: usize) -> Self {
        Self { segment: segment as u64, blocks: 0..0, group: SentGroup::default() }
    }

    /// Blocks are sent.
    pub fn send(&mut self, blocks: &Range<u64>, bound: &mut Bound, now: Timestamp) {
        self.leave(bound);
        self.blocks = blocks.clone();
        self.group = bound.add(self.bytes(), now);
    }

    /// No block is in flight any more.
    pub fn leave(&mut self, bound: &mut Bound) {
        bound.remove(self.group, self.bytes());
        self.blocks.start = self.blocks.end;
    }

    /// Of the blocks that were sent last, those from this one on did not fit into the send buffer.
    pub fn cut(&mut self, from: u64, bound: &mut Bound) {
        let sent = self.bytes();
        self.blocks.end = from.clamp(self.blocks.start, self.blocks.end);
        bound.remove(self.group, sent - self.bytes());
    }

    /// All blocks before `base` are acknowledged. `received`: when the ACK came, which may be before `now`.
    pub fn acknowledge(
        &mut self,
        base: u64,
        bound: &mut Bound,
        received: Timestamp,
        now: Timestamp,
    ) {
        let sent = self.bytes();
        self.blocks.start = base.clamp(self.blocks.start, self.blocks.end);
        let bytes = sent - self.bytes();
        if bytes > 0 {
            bound.remove(self.group, bytes);
            let round_trip = self.blocks.is_empty().then(|| received - self.group.sent_at());
            bound.acknowledge(self.group, bytes, round_trip, now);
        }
    }

    /// Blocks from `first` on are to be sent. If they were sent before, one was lost, and the others of them are not in flight.
    pub fn lose_from(&mut self, first: u64, client: IpAddr, bound: &mut Bound, now: Timestamp) {
        if first < self.blocks.end {
            bound.record_loss(self.group, client, now);
            self.leave(bound);
        }
    }

    /// The bytes of these blocks.
    pub fn bytes(&self) -> u64 {
        (self.blocks.end - self.blocks.start) * self.segment
    }
}
