//! Counts the transfers of each client, and selects the transfer that is evicted when the limit `tftp-max` is reached.
//!
//! The source address of a request can be forged. So a transfer that its client has not answered may be evicted for
//! another client, and after a time for its own client too. A transfer that its client has answered is evicted only if
//! it has made no progress for a long time, or if its client has many of them.

use crate::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

/// The transfers of all clients, counted.
#[derive(Debug, Default)]
pub struct FairShare {
    clients: HashMap<IpAddr, ClientUsage>,
    /// Transfers that were not answered yet, by start time and number.
    unanswered: BTreeSet<(Timestamp, usize)>,
    transfers: usize,
}

/// The transfers of one client, counted.
#[derive(Clone, Copy, Debug, Default)]
struct ClientUsage {
    transfers: usize,
    unanswered: usize,
    /// The unanswered transfers whose datagrams are retransmitted.
    retransmitted: usize,
}

/// How one transfer is counted. The session stores it, and gives it back at the end.
#[derive(Clone, Copy, Debug)]
pub struct SlotTicket {
    since: Timestamp,
    answered: bool,
    retransmitted: bool,
    restarts: u8,
}

/// A client has this time for its first answer. After that its transfer may be evicted for another client.
const FIRST_ACK_GRACE: Duration = Duration::from_millis(250);
/// A client that has answered nothing may restart its transfer this often without waiting for [`FIRST_ACK_GRACE`].
const FREE_RESTARTS: u8 = 1;
/// After this time (three retransmissions) an unanswered transfer may be evicted for its own client too.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
/// Transfers that are retransmitted to a client that has answered nothing. All others send their first datagram only.
const MAX_UNANSWERED_RETRANSMITTED: usize = 16;
/// A client may have this number of transfers, however few transfers there are in all.
const FAIR_MINIMUM: usize = 3;
/// Unanswered transfers that are examined in one search.
const MAX_TRANSFERS_EXAMINED: usize = 64;

impl SlotTicket {
    /// Whether the client has answered.
    pub fn is_answered(self) -> bool {
        self.answered
    }

    /// When the transfer began.
    pub fn since(self) -> Timestamp {
        self.since
    }

    /// Whether the client may restart the transfer: the number of restarts without an answer, this one included.
    /// `None`: there were too many of them in too short a time.
    pub fn restart_allowed(self, now: Timestamp) -> Option<u8> {
        if self.answered {
            return Some(0);
        }
        let is_too_soon = self.restarts >= FREE_RESTARTS && now < self.since + FIRST_ACK_GRACE;
        (!is_too_soon).then_some(self.restarts.saturating_add(1))
    }
}

impl FairShare {
    /// Counts a new transfer. `restarts` comes from [`SlotTicket::restart_allowed`].
    pub fn add(&mut self, id: usize, client: IpAddr, now: Timestamp, restarts: u8) -> SlotTicket {
        let usage = self.clients.entry(client).or_default();
        let retransmitted = usage.retransmitted < MAX_UNANSWERED_RETRANSMITTED;
        usage.transfers += 1;
        usage.unanswered += 1;
        usage.retransmitted += usize::from(retransmitted);
        self.unanswered.insert((now, id));
        self.transfers += 1;
        SlotTicket { since: now, answered: false, retransmitted, restarts }
    }

    /// The client has answered the transfer. Returns whether this is its first answer.
    pub fn mark_answered(&mut self, id: usize, client: IpAddr, ticket: &mut SlotTicket) -> bool {
        if std::mem::replace(&mut ticket.answered, true) {
            return false;
        }
        self.unanswered.remove(&(ticket.since, id));
        let usage = self.clients.entry(client).or_default();
        usage.unanswered -= 1;
        usage.retransmitted -= usize::from(ticket.retransmitted);
        true
    }

    /// The transfer has ended.
    pub fn remove(&mut self, id: usize, client: IpAddr, mut ticket: SlotTicket) {
        self.mark_answered(id, client, &mut ticket);
        let usage = self.clients.entry(client).or_default();
        usage.transfers -= 1;
        self.transfers -= 1;
        if usage.transfers == 0 {
            self.clients.remove(&client);
        }
    }

    /// Whether blocks that were not acknowledged are sent again.
    pub fn may_retransmit(&self, client: IpAddr, ticket: SlotTicket) -> bool {
        ticket.answered || ticket.retransmitted || self.usage(client).is_alive()
    }

    /// The unanswered transfer that is evicted for a request of `newcomer`. `client_of` returns the client of a
    /// transfer, or `None` if the transfer must stay.
    pub fn evictable_for(
        &self,
        newcomer: IpAddr,
        now: Timestamp,
        client_of: impl Fn(usize) -> Option<IpAddr>,
    ) -> Option<usize> {
        let has_answer_time_ended =
            |(since, _): &&(Timestamp, usize)| *since + FIRST_ACK_GRACE <= now;
        let mut candidates =
            self.unanswered.iter().take_while(has_answer_time_ended).take(MAX_TRANSFERS_EXAMINED);
        let found = candidates.find(|(since, id)| {
            client_of(*id).is_some_and(|client| {
                *since + SILENCE_LIMIT <= now || self.has_priority(newcomer, client)
            })
        });
        found.map(|(_, id)| *id)
    }

    /// Whether a request of `newcomer` comes before an unanswered transfer of `client`. `newcomer` must have fewer
    /// transfers even after the exchange: otherwise the two clients would evict each other in turn.
    fn has_priority(&self, newcomer: IpAddr, client: IpAddr) -> bool {
        let (new, old) = (self.usage(newcomer), self.usage(client));
        let has_fewer = new.transfers == 0 || new.transfers + 1 < old.transfers;
        client != newcomer && (has_fewer || new.is_alive() && !old.is_alive())
    }

    /// The client with the most transfers, if it has more than a quarter of all and more than `FAIR_MINIMUM`.
    pub fn heaviest_client(&self) -> Option<IpAddr> {
        let (client, usage) = self.clients.iter().max_by_key(|(_, usage)| usage.transfers)?;
        (usage.transfers > FAIR_MINIMUM && 4 * usage.transfers > self.transfers).then_some(*client)
    }

    /// Whether a client has no transfer.
    pub fn has_no_transfer(&self, client: IpAddr) -> bool {
        !self.clients.contains_key(&client)
    }

    fn usage(&self, client: IpAddr) -> ClientUsage {
        self.clients.get(&client).copied().unwrap_or_default()
    }
}

impl ClientUsage {
    /// Whether the client has answered one of its transfers.
    fn is_alive(self) -> bool {
        self.unanswered < self.transfers
    }
}
