//! Transfers that have blocks to send and wait until fewer bytes are in flight.

use super::super::schedule::HOLD_LIMIT;
use crate::time::Timestamp;
use std::collections::{BTreeMap, BTreeSet, HashMap};

/// The transfers.
#[derive(Debug, Default)]
pub struct HeldTransfers {
    entries: HashMap<usize, Entry>,
    by_age: BTreeSet<(Timestamp, usize)>,
    /// By interface: remaining bytes and number.
    by_remaining: BTreeMap<u32, BTreeSet<(u64, usize)>>,
}

#[derive(Clone, Copy, Debug)]
struct Entry {
    interface: u32,
    remaining: u64,
    since: Timestamp,
}

impl HeldTransfers {
    /// Adds a transfer that is held since this time. If it is there, it keeps its age. `remaining`: bytes of the file, 0 for the
    /// rest of a window.
    pub fn add(&mut self, id: usize, interface: u32, remaining: u64, since: Timestamp) {
        let since = self.remove(id).unwrap_or(since);
        self.entries.insert(id, Entry { interface, remaining, since });
        self.by_age.insert((since, id));
        self.by_remaining.entry(interface).or_default().insert((remaining, id));
    }

    /// Removes a transfer. Returns since when it was held.
    pub fn remove(&mut self, id: usize) -> Option<Timestamp> {
        let Entry { interface, remaining, since } = self.entries.remove(&id)?;
        self.by_age.remove(&(since, id));
        if let Some(transfers) = self.by_remaining.get_mut(&interface) {
            transfers.remove(&(remaining, id));
            if transfers.is_empty() {
                self.by_remaining.remove(&interface);
            }
        }
        Some(since)
    }

    /// Whether a transfer is held.
    pub fn contains(&self, id: usize) -> bool {
        self.entries.contains_key(&id)
    }

    /// Whether a transfer is held for [`HOLD_LIMIT`].
    pub fn is_overdue(&self, id: usize, now: Timestamp) -> bool {
        self.entries.get(&id).is_some_and(|entry| entry.since + HOLD_LIMIT <= now)
    }

    /// When the oldest transfer is overdue.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.by_age.first().map(|(since, _)| *since + HOLD_LIMIT)
    }

    /// The oldest transfer, if it is overdue.
    pub fn overdue(&self, now: Timestamp) -> Option<usize> {
        self.by_age.first().filter(|(since, _)| *since + HOLD_LIMIT <= now).map(|(_, id)| *id)
    }

    /// The transfer with the fewest remaining bytes over interfaces that have room.
    pub fn shortest(&self, has_room: impl Fn(u32) -> bool) -> Option<usize> {
        let free = self.by_remaining.iter().filter(|(interface, _)| has_room(**interface));
        free.filter_map(|(_, transfers)| transfers.first()).min().map(|(_, id)| *id)
    }
}
