//! How many bytes may be in flight over one interface.

use super::in_flight_samples::InFlightSamples;
use super::path_estimate::PathEstimate;
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::time::Duration;

/// The bytes in flight over one interface, and their bound, if there is one.
#[derive(Clone, Debug, Default)]
pub struct Bound {
    /// Bytes that were sent and not acknowledged, by the time when they were sent. The oldest come first.
    sent: VecDeque<(Timestamp, u64)>,
    in_flight: u64,
    path: PathEstimate,
    bytes: Option<u64>,
    grown_at: Timestamp,
    last_loss: Timestamp,
    /// Losses of blocks that were sent in an earlier round do not count: the bound was reduced after that.
    round: u64,
    /// Clients that have lost blocks since the bound was reduced.
    clients_with_loss: [Option<IpAddr>; MIN_CLIENTS],
    arrived: InFlightSamples,
    lost: InFlightSamples,
}

/// Blocks that were sent together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentGroup {
    /// When they were sent.
    at: Timestamp,
    /// The bytes of all transfers that were in flight before.
    in_flight: u64,
    round: u64,
}

impl SentGroup {
    /// When its blocks were sent.
    pub fn sent_at(self) -> Timestamp {
        self.at
    }
}

/// If fewer clients lose blocks, the cause is probably not the shared link.
const MIN_CLIENTS: usize = 3;
/// The bound is not lower, in bytes.
const MIN_BOUND: u64 = 48 * 1024;
/// After a loss, the bound is this share of the bytes in flight, in percent.
const REDUCED_PERCENT: u64 = 70;
/// But not below this share of the bytes that are in flight without a queue, in percent.
const FLOOR_PERCENT: u64 = 125;
/// The bound doubles in little more than this time. A loss in lockstep is known after 50 ms or more, so it must not grow much
/// until then.
const GROWTH_TIME: Duration = Duration::from_secs(1);
/// A longer time without ACKs counts as this one.
const MAX_GROWTH_STEP: Duration = Duration::from_millis(10);
/// Without a loss for this time, there is no bound any more.
const LIFETIME: Duration = Duration::from_secs(2);

impl Bound {
    /// Whether blocks may be sent.
    pub fn has_room(&self) -> bool {
        self.bytes.is_none_or(|bound| self.in_flight < bound)
    }

    /// Blocks are sent.
    pub fn add(&mut self, bytes: u64, now: Timestamp) -> SentGroup {
        self.expire(now);
        let group = SentGroup { at: now, in_flight: self.in_flight, round: self.round };
        match self.sent.back_mut() {
            Some((at, sum)) if *at == now => *sum += bytes,
            _ => self.sent.push_back((now, bytes)),
        }
        self.in_flight += bytes;
        group
    }

    /// Blocks of a group are not in flight any more.
    pub fn remove(&mut self, group: SentGroup, bytes: u64) {
        if let Ok(index) = self.sent.binary_search_by_key(&group.at, |(at, _)| *at) {
            let removed = bytes.min(self.sent[index].1);
            self.sent[index].1 -= removed;
            self.in_flight -= removed;
        }
    }

    /// What was sent long ago has left the network: it has arrived, or it was lost.
    pub fn expire(&mut self, now: Timestamp) {
        let expiry = self.path.expiry();
        while let Some((_, bytes)) = self.sent.front().filter(|(at, _)| *at + expiry < now) {
            self.in_flight -= bytes;
            self.sent.pop_front();
        }
    }

    /// When the oldest bytes leave the network.
    pub fn next_expiry(&self) -> Option<Timestamp> {
        let (oldest, _) = self.sent.iter().find(|(_, bytes)| *bytes > 0)?;
        Some(*oldest + self.path.expiry() + Duration::from_millis(1))
    }

    /// Blocks of a group were acknowledged. `round_trip`: since they were sent, if no other block of it is in flight.
    pub fn acknowledge(
        &mut self,
        group: SentGroup,
        bytes: u64,
        round_trip: Option<Duration>,
        now: Timestamp,
    ) {
        self.path.acknowledged(bytes, round_trip, now);
        self.arrived.add(group.in_flight);
        if self.arrived.are_many() {
            // Both are of the same time: the bytes in flight change within milliseconds.
            self.arrived.halve();
            self.lost.halve();
        }
        if self.bytes.is_some() && self.last_loss + LIFETIME < now {
            self.end();
        }
        self.grow(now);
    }

    /// Whether bytes are in flight.
    pub fn is_in_use(&self) -> bool {
        self.in_flight > 0
    }

    /// A block of a group was lost.
    pub fn record_loss(&mut self, group: SentGroup, client: IpAddr, now: Timestamp) {
        self.lost.add(group.in_flight);
        if group.round < self.round {
            return;
        }
        self.last_loss = now;
        if !self.clients_with_loss.contains(&Some(client)) {
            self.clients_with_loss.rotate_right(1);
            self.clients_with_loss[0] = Some(client);
        }
        if self.clients_with_loss.contains(&None) {
            return;
        }
        match self.bytes {
            Some(bound) => self.reduce(bound.min(group.in_flight.max(bound / 2))),
            None if self.lost.are_above(self.arrived) => self.reduce(self.lost.mean()),
            None => {}
        }
    }

    fn reduce(&mut self, from: u64) {
        let floor = self.path.bytes_without_queue() * FLOOR_PERCENT / 100;
        self.bytes = Some((from * REDUCED_PERCENT / 100).max(floor).max(MIN_BOUND));
        self.begin_round();
    }

    /// The bound grows while it limits what is sent.
    fn grow(&mut self, now: Timestamp) {
        let step = (now - self.grown_at).min(MAX_GROWTH_STEP);
        if let Some(bound) = &mut self.bytes
            && self.in_flight * 2 >= *bound
        {
            let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or_default();
            *bound += *bound * millis(step) / millis(GROWTH_TIME);
            self.grown_at = now;
        }
    }

    fn end(&mut self) {
        self.bytes = None;
        (self.arrived, self.lost) = (InFlightSamples::default(), InFlightSamples::default());
        self.begin_round();
    }

    fn begin_round(&mut self) {
        self.round += 1;
        self.clients_with_loss = [None; MIN_CLIENTS];
    }
}

#[cfg(test)]
impl Bound {
    /// The bytes in flight.
    pub fn in_flight(&self) -> u64 {
        assert_eq!(self.in_flight, self.sent.iter().map(|(_, bytes)| bytes).sum::<u64>());
        self.in_flight
    }

    /// The bound in bytes; `None`: there is none.
    pub fn bytes(&self) -> Option<u64> {
        self.bytes
    }

    /// Sets the bound.
    pub fn set(&mut self, bytes: u64, now: Timestamp) {
        (self.bytes, self.last_loss) = (Some(bytes), now);
    }
}
