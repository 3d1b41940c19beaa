//! Congestion control over all transfers: a bound of the bytes in flight over each interface (docs/congestion.md).
//!
//! A window of TFTP does not adapt to the network. Windows of many clients at once overflow the buffer of a switch, and what is
//! lost is sent again into the same full buffer (RFC 896). So the server counts what all transfers have in flight.
//!
//! - There is no bound until datagrams of several clients are lost, and significantly more of them while many bytes are in
//!   flight. Losses that do not depend on the bytes in flight are no congestion (as in TCP Veno).
//! - After that, losses of three clients in one round reduce the bound (AIMD of RFC 5681, once for each round as in RFC 6582),
//!   but not below the delivery rate times the shortest round trip (TCP Westwood+, BBR). Without losses it grows, and ends
//!   after two seconds.
//! - A transfer sends a whole window if the bytes in flight are below the bound: the client acknowledges only whole windows.
//!   Others are held, the fewest remaining bytes first, and send one block after 200 ms.

mod bound;
mod flight;
mod held;
mod in_flight_samples;
mod path_estimate;
#[cfg(test)]
mod tests;

pub use bound::Bound;
pub use flight::Flight;

use crate::time::Timestamp;
use held::HeldTransfers;

/// The bounds of all interfaces, and the transfers that wait.
#[derive(Debug, Default)]
pub struct Congestion {
    /// By the index of the interface.
    bounds: Vec<(u32, Bound)>,
    /// The transfers that wait.
    pub held: HeldTransfers,
    /// There is never a bound. Only the simulation (`tests/hall`) sets this, to compare.
    pub is_off: bool,
}

/// With more bounds, those of interfaces without transfers are dropped.
const MAX_BOUNDS: usize = 64;

/// What a transfer may send.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Permit {
    /// All its blocks.
    All,
    /// One block, because it was held for a long time.
    OneBlock,
    /// No block: the transfer is held until fewer bytes are in flight.
    Hold,
}

impl Congestion {
    /// What a transfer may send now.
    pub fn permit(&mut self, id: usize, interface: u32, now: Timestamp) -> Permit {
        if self.is_off || self.bound(interface).has_room() {
            Permit::All
        } else if self.held.is_overdue(id, now) {
            Permit::OneBlock
        } else {
            Permit::Hold
        }
    }

    /// The bound of an interface.
    pub fn bound(&mut self, interface: u32) -> &mut Bound {
        let known = self.bounds.iter().position(|(index, _)| *index == interface);
        let index = known.unwrap_or_else(|| {
            if self.bounds.len() >= MAX_BOUNDS {
                // Interfaces come and go, as those of containers.
                self.bounds.retain(|(_, bound)| bound.is_in_use());
            }
            self.bounds.push((interface, Bound::default()));
            self.bounds.len() - 1
        });
        &mut self.bounds[index].1
    }

    /// Whether a held transfer may send before the next deadline.
    pub fn has_next(&self) -> bool {
        self.shortest().is_some()
    }

    /// The held transfer that sends next.
    pub fn next(&mut self, now: Timestamp) -> Option<usize> {
        if let Some(id) = self.held.overdue(now) {
            return Some(id);
        }
        if self.held.deadline().is_some() {
            self.bounds.iter_mut().for_each(|(_, bound)| bound.expire(now));
        }
        self.shortest()
    }

    /// When a held transfer may send although no ACK arrives.
    pub fn deadline(&self) -> Option<Timestamp> {
        let overdue = self.held.deadline()?;
        let expiry = self.bounds.iter().filter_map(|(_, bound)| bound.next_expiry()).min();
        Some(expiry.map_or(overdue, |expiry| expiry.min(overdue)))
    }

    fn shortest(&self) -> Option<usize> {
        let bound = |interface| self.bounds.iter().find(|(index, _)| *index == interface);
        self.held.shortest(|interface| bound(interface).is_none_or(|(_, bound)| bound.has_room()))
    }
}
