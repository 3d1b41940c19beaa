//! The order in which transfers send while the processor or the link is the bottleneck: shortest remaining bytes first
//! (docs/service-order.md).
//!
//! A transfer whose socket is ready is added, and the server takes the transfers back one by one. Without overload that is in
//! the order in which they were added, and all of them are taken in the same turn of the loop. With overload, the others are
//! held until a later turn. Their sockets are not read before: to read a socket and to send by it directly after that takes a
//! tenth less time than with other sockets in between.

#[cfg(test)]
mod tests;

use crate::time::Timestamp;
use std::cmp::Reverse;
use std::collections::{BinaryHeap, VecDeque};
use std::time::Duration;

/// Transfers whose sockets are ready.
#[derive(Debug)]
pub struct Schedule {
    /// Transfers that were added in this turn. They are sorted only if there are too many for one turn.
    added: VecDeque<(u64, Entry)>,
    /// All other transfers, by remaining bytes. There may be many thousand, so the entries are small. Entries of transfers that
    /// were taken or removed are ignored.
    by_remaining: BinaryHeap<Reverse<(u64, Ticket, u32)>>,
    /// The same transfers, the oldest first.
    by_age: VecDeque<Entry>,
    last_ticket: u64,
    held: usize,
    /// Transfers that may be taken in this turn.
    left: usize,
}

/// Identifies the stay of a transfer in [`Schedule`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Ticket(u64);

/// A transfer whose socket is ready.
#[derive(Clone, Copy, Debug)]
struct Entry {
    since: Timestamp,
    ticket: Ticket,
    id: u32,
}

/// Transfers that send in one turn. After it, ACKs are read: a client that is nearly done may have sent one. With fewer, the
/// system calls of a turn cost more than the order gains.
pub const TRANSFERS_PER_TURN: usize = 64;

/// No transfer is held for a longer time, in the schedule and because of the bound of the bytes in flight together. The shortest
/// time after which a client repeats its ACK is that of iPXE, 250 ms.
pub const HOLD_LIMIT: Duration = Duration::from_millis(200);

/// Ignored entries that are kept besides one for each held transfer.
const MAX_IGNORED: usize = 4096;

impl Default for Schedule {
    fn default() -> Self {
        Self {
            added: VecDeque::new(),
            by_remaining: BinaryHeap::new(),
            by_age: VecDeque::new(),
            last_ticket: 0,
            held: 0,
            left: TRANSFERS_PER_TURN,
        }
    }
}

impl Schedule {
    /// Whether no transfer is held.
    pub fn is_empty(&self) -> bool {
        self.held == 0
    }

    /// Adds a transfer. `remaining`: the bytes of the file that were not sent yet.
    pub fn add(&mut self, id: usize, remaining: u64, now: Timestamp) -> Ticket {
        self.last_ticket += 1;
        let ticket = Ticket(self.last_ticket);
        let id = u32::try_from(id).unwrap_or(u32::MAX);
        self.added.push_back((remaining, Entry { since: now, ticket, id }));
        self.held += 1;
        ticket
    }

    /// A transfer that was added has ended.
    pub fn remove(&mut self) {
        self.held -= 1;
        self.clear_if_empty();
    }

    /// Takes the transfer that is served next. `None`: the turn is over; the next call begins another one. `is_held`: whether a
    /// transfer still has this ticket.
    pub fn take(
        &mut self,
        now: Timestamp,
        is_held: impl Fn(usize, Ticket) -> bool,
    ) -> Option<usize> {
        let is_valid = |id: u32, ticket| is_held(id as usize, ticket);
        let next = if self.left == 0 || self.is_empty() { None } else { self.next(now, is_valid) };
        let Some(id) = next else {
            self.left = TRANSFERS_PER_TURN;
            return None;
        };
        self.left -= 1;
        self.held -= 1;
        self.clear_if_empty();
        Some(id as usize)
    }

    fn next(&mut self, now: Timestamp, is_held: impl Fn(u32, Ticket) -> bool) -> Option<u32> {
        if self.by_age.is_empty() && self.added.len() <= self.left {
            let mut added = std::iter::from_fn(|| self.added.pop_front());
            return added
                .find(|(_, entry)| is_held(entry.id, entry.ticket))
                .map(|added| added.1.id);
        }
        self.sort_added();
        self.forget_ignored(&is_held);
        while let Some(Entry { since, ticket, id }) = self.by_age.front().copied() {
            let is_held = is_held(id, ticket);
            if is_held && since + HOLD_LIMIT > now {
                break;
            }
            self.by_age.pop_front();
            if is_held {
                return Some(id);
            }
        }
        let mut shortest = std::iter::from_fn(|| self.by_remaining.pop());
        shortest.find(|Reverse((_, ticket, id))| is_held(*id, *ticket)).map(|Reverse((.., id))| id)
    }

    fn sort_added(&mut self) {
        for (remaining, entry) in self.added.drain(..) {
            self.by_remaining.push(Reverse((remaining, entry.ticket, entry.id)));
            self.by_age.push_back(entry);
        }
    }

    /// Most entries with many remaining bytes are ignored: their transfers were taken because of their age.
    fn forget_ignored(&mut self, is_held: impl Fn(u32, Ticket) -> bool) {
        if self.by_remaining.len() > MAX_IGNORED + 2 * self.held {
            self.by_remaining.retain(|Reverse((_, ticket, id))| is_held(*id, *ticket));
        }
    }

    fn clear_if_empty(&mut self) {
        if self.is_empty() {
            self.added.clear();
            self.by_remaining.clear();
            self.by_age.clear();
        }
    }
}
