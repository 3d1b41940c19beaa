//! Who holds which part of the transfers, and who makes room when there are as many as may be (`tftp-max`).
//!
//! Anybody can ask in the name of anybody. So a transfer whose client has not said a word to what it was sent is worth less
//! than one whose client has, and makes room for another client, and in the end for its own; of those that are alive none
//! does, unless nothing has moved for long, or one client has many of them.

use crate::time::Timestamp;
use std::collections::{BTreeSet, HashMap};
use std::net::IpAddr;
use std::time::Duration;

/// All clients that are sent something.
#[derive(Debug, Default)]
pub struct FairShare {
    clients: HashMap<IpAddr, ClientUsage>,
    /// Transfers that were not answered yet, the oldest first.
    unheard: BTreeSet<(Timestamp, usize)>,
    transfers: usize,
}

/// What one client has.
#[derive(Clone, Copy, Debug, Default)]
struct ClientUsage {
    transfers: usize,
    unheard: usize,
    /// Of the unheard, those that are sent something again.
    retransmitted: usize,
}

/// How a transfer is counted; it goes with it.
#[derive(Clone, Copy, Debug)]
pub struct SlotTicket {
    since: Timestamp,
    heard: bool,
    retransmitted: bool,
    restarts: u8,
}

/// Milliseconds in which a client can answer before somebody else may have its place.
const FIRST_ACK_GRACE: Duration = Duration::from_millis(250);
/// So often a silent client may ask anew at once; behind that, when it has had time to answer.
const FREE_RESTARTS: u8 = 1;
/// After so many milliseconds of silence, and three repeats, its own client may have it too.
const SILENCE_LIMIT: Duration = Duration::from_secs(10);
/// To an address that has answered nothing, so many transfers are repeated. The others are sent their first datagram only.
const MAX_UNHEARD_RETRANSMITTED: usize = 16;
/// So many transfers one client may have, whatever the others have.
const FAIR_MINIMUM: usize = 3;
/// Transfers that are looked at for one that makes room.
const MAX_CLIENTS_EXAMINED: usize = 64;

impl SlotTicket {
    /// Whether its client has answered.
    pub fn is_heard(self) -> bool {
        self.heard
    }

    /// Its client asks anew: how often it has done so without a word; `None`: too often, and too soon.
    pub fn restart_allowed(self, now: Timestamp) -> Option<u8> {
        let is_too_soon = self.restarts >= FREE_RESTARTS && now < self.since + FIRST_ACK_GRACE;
        if self.heard { Some(0) } else { (!is_too_soon).then_some(self.restarts.saturating_add(1)) }
    }
}

impl FairShare {
    /// A transfer begins, whose client has asked anew so often.
    pub fn add(&mut self, id: usize, client: IpAddr, now: Timestamp, anew: u8) -> SlotTicket {
        let share = self.clients.entry(client).or_default();
        let repeated = share.retransmitted < MAX_UNHEARD_RETRANSMITTED;
        share.transfers += 1;
        share.unheard += 1;
        share.retransmitted += usize::from(repeated);
        self.unheard.insert((now, id));
        self.transfers += 1;
        SlotTicket { since: now, heard: false, retransmitted: repeated, restarts: anew }
    }

    /// Its client has answered; whether that is new.
    pub fn mark_heard(&mut self, id: usize, client: IpAddr, seat: &mut SlotTicket) -> bool {
        if std::mem::replace(&mut seat.heard, true) {
            return false;
        }
        self.unheard.remove(&(seat.since, id));
        let share = self.clients.entry(client).or_default();
        share.unheard -= 1;
        share.retransmitted -= usize::from(seat.retransmitted);
        true
    }

    /// It is over.
    pub fn remove(&mut self, id: usize, client: IpAddr, mut seat: SlotTicket) {
        self.mark_heard(id, client, &mut seat);
        let share = self.clients.entry(client).or_default();
        share.transfers -= 1;
        self.transfers -= 1;
        if share.transfers == 0 {
            self.clients.remove(&client);
        }
    }

    /// Whether what was not answered is sent once more.
    pub fn may_retransmit(&self, client: IpAddr, seat: SlotTicket) -> bool {
        seat.heard || seat.retransmitted || self.share(client).is_alive()
    }

    /// The transfer, never answered, that makes room for a client that asks anew.
    pub fn evictable_for(
        &self,
        newcomer: IpAddr,
        now: Timestamp,
        client_of: impl Fn(usize) -> Option<IpAddr>,
    ) -> Option<usize> {
        let new = self.share(newcomer);
        let makes_room = |since: Timestamp, client| {
            let share = self.share(client);
            // Otherwise they would only change places.
            let is_less = new.transfers == 0 || new.transfers + 1 < share.transfers;
            let is_less = is_less || new.is_alive() && !share.is_alive();
            since + SILENCE_LIMIT <= now || client != newcomer && is_less
        };
        let old = self.unheard.iter().take_while(|(since, _)| *since + FIRST_ACK_GRACE <= now);
        let mut old = old.take(MAX_CLIENTS_EXAMINED);
        let found = old.find(|(since, id)| client_of(*id).is_some_and(|it| makes_room(*since, it)));
        found.map(|(_, id)| *id)
    }

    /// Who has most of all, if that is much: more than a quarter, and more than three.
    pub fn heaviest_client(&self) -> Option<IpAddr> {
        let (client, share) = self.clients.iter().max_by_key(|(_, share)| share.transfers)?;
        (share.transfers > FAIR_MINIMUM && 4 * share.transfers > self.transfers).then_some(*client)
    }

    /// Whether nothing is sent to a client.
    pub fn has_no_transfer(&self, client: IpAddr) -> bool {
        !self.clients.contains_key(&client)
    }

    fn share(&self, client: IpAddr) -> ClientUsage {
        self.clients.get(&client).copied().unwrap_or_default()
    }
}

impl ClientUsage {
    /// Whether it answers.
    fn is_alive(self) -> bool {
        self.unheard < self.transfers
    }
}
