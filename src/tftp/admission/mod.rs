//! Whose request has a place among the transfers, and whose waits: the crowd says who may have to go, the queue who comes next.

pub mod fairness;
pub mod pending;
pub mod queue;

use self::queue::QueuedRequest;
use super::files::Files;
use super::{Context, ReplySocket, Server};
use crate::config::Tftp;
use crate::effect::Effect;
use crate::net::ReceivedDatagram;
use crate::time::Timestamp;
use std::net::IpAddr;
use std::time::Duration;

/// Of clients that wait, so many are looked at for one that finds a place, and so many milliseconds later again.
const CLIENTS_PER_SCAN: usize = 16;
const SCAN_INTERVAL: Duration = Duration::from_millis(100);

impl Server {
    /// Whether one more transfer would be too many.
    fn is_full(&self, tftp: &Tftp) -> bool {
        // With sockets of their own there is always one more than `tftp-max`.
        let count = self.sessions.len() + self.pending.count();
        if tftp.single_port { count >= tftp.max_transfers } else { count > tftp.max_transfers }
    }

    /// Lets a request in, or has it wait for its turn (see [`Server::next_in_line`]); whether it may be answered at once.
    pub fn admit(
        &mut self,
        listener: usize,
        arrival: &ReceivedDatagram<'_>,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let needs_none = !is_read_request(arrival.bytes);
        let client = arrival.peer.ip();
        let admitted =
            needs_none || self.queue.is_empty() && self.reserve_slot(client, around, effects);
        if !admitted {
            self.queue.push(listener, arrival, around.now);
        }
        admitted
    }

    /// Whether requests wait for a place.
    pub fn has_queued_requests(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The next request that has waited for a place, when it has one.
    pub fn next_queued(
        &mut self,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> Option<QueuedRequest> {
        if self.queue.is_empty() || self.is_full(around.tftp) && around.now < self.next_scan {
            return None;
        }
        if self.next_scan <= around.now {
            self.queue.expire(around.now);
        }
        // Who has nothing does not wait behind those who have something.
        let poor = self.queue.clients().find(|client| self.fair_share.has_no_transfer(*client));
        let first: Vec<IpAddr> = self.queue.clients().take(CLIENTS_PER_SCAN).chain(poor).collect();
        let next = first.into_iter().find(|client| self.reserve_slot(*client, around, effects));
        if next.is_none() {
            self.next_scan = around.now + SCAN_INTERVAL;
        }
        self.queue.take(next?)
    }

    /// Where there are as many transfers as may be, one of another client may have to go; whether there is a place.
    pub(super) fn reserve_slot(
        &mut self,
        client: IpAddr,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        !self.is_full(around.tftp) || self.evict_for(client, around, effects)
    }

    /// Ends somebody's transfer for a client that asks anew, if anybody has to go; whether anybody had.
    pub fn evict_for(
        &mut self,
        client: IpAddr,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if let Some(request) = self.pending.evict_for(client, around.now) {
            effects.extend(close_if_dedicated(request.socket));
            return true;
        }
        let Self { fair_share: crowd, sessions, .. } = self;
        let now = around.now;
        let client_of = |id| {
            let asked = sessions.get(id).filter(|session| !session.first_block_pending(now))?;
            Some(asked.peer().ip())
        };
        let unheard = crowd.evictable_for(client, around.now, client_of);
        // Who is served already takes nothing from those who are alive.
        let has_nothing = crowd.has_no_transfer(client);
        let alive = || {
            sessions
                .longest_idle(now)
                .or_else(|| sessions.slowest_of_client(crowd.heaviest_client()?))
        };
        let found = unheard.or_else(|| has_nothing.then(alive).flatten());
        let Some(id) = found else { return false };
        sessions.get(id).into_iter().for_each(|session| session.evict(effects));
        self.close(id, around.files, effects);
        true
    }

    /// Forgets requests that have waited for so long that their clients have gone.
    pub fn expire_pending(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(request) = self.pending.expired(now) {
            effects.extend(close_if_dedicated(request.socket));
        }
    }
}

/// The end of a socket that nobody else needs.
pub fn close_if_dedicated(socket: ReplySocket) -> Option<Effect> {
    match socket {
        ReplySocket::Dedicated(id) => Some(Effect::CloseSocket(id)),
        ReplySocket::Listener(_) => None,
    }
}

/// Whether a datagram asks for a transfer (RFC 1350, section 5).
pub fn is_read_request(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 1])
}
