//! Admission of requests: a request gets a transfer slot (`tftp-max`) and a socket, or it waits in the queue, or a transfer
//! is evicted for it.

mod eviction;
pub mod pending;
mod queue;
mod stored_request;
mod unreachable;

pub use self::eviction::{FairShare, SlotTicket};
pub use self::queue::{MAX_QUEUED, WaitQueue};
pub use self::stored_request::StoredRequest;
pub use self::unreachable::UnreachableClients;

use self::pending::LookupCache;
use super::counters::Ending;
use super::files::Files;
use super::{Context, ReplySocket, Server};
use crate::config::Tftp;
use crate::effect::Effect;
use crate::net::ReceivedDatagram;
use crate::time::Timestamp;
use std::net::IpAddr;
use std::time::Duration;

/// A datagram on port 69 is cut to this number of bytes. Options after that are ignored.
const MAX_REQUEST_LEN: usize = 2050;
/// Clients in the queue that are examined in one search for a slot.
const CLIENTS_PER_SCAN: usize = 16;
/// If no client got a slot, the next search comes after this time.
const SCAN_INTERVAL: Duration = Duration::from_millis(100);

impl Server {
    /// A datagram on port 69. With `tftp-single-port` it may belong to a transfer. Otherwise a request is examined if there is
    /// a slot for its transfer, or it waits in the queue.
    pub(super) fn handle_request(
        &mut self,
        listener: usize,
        datagram: ReceivedDatagram<'_>,
        context: &mut Context<'_, impl Files>,
    ) {
        let len = datagram.bytes.len().min(MAX_REQUEST_LEN);
        let datagram = ReceivedDatagram { bytes: &datagram.bytes[..len], ..datagram };
        self.counters.requests += u64::from(is_read_request(datagram.bytes));
        if context.tftp.single_port {
            let cache = LookupCache::new(context.now);
            return self.answer(ReplySocket::Listener(listener), &datagram, cache, context);
        }
        if !matches!(datagram.bytes, [0, 1 | 2, ..]) {
            return;
        }
        // A write request is refused at once, so it needs no slot.
        let is_admitted = !is_read_request(datagram.bytes)
            || self.queue.is_empty() && self.reserve_slot(datagram.peer.ip(), context);
        if is_admitted {
            self.examine(&datagram, context);
        } else if !self.queue.push(&datagram, context.now) {
            self.counters.dropped += 1;
        }
    }

    /// Gives a free slot to the next request in the queue, and examines it. Returns whether a request got a slot: then
    /// perform the effects and call this once more.
    pub fn admit_next(&mut self, context: &mut Context<'_, impl Files>) -> bool {
        let now = context.now;
        if self.queue.is_empty() || self.is_full(context.tftp) && now < self.next_scan {
            return false;
        }
        if self.next_scan <= now {
            self.counters.dropped += self.queue.expire(now) as u64;
        }
        // A client without a transfer does not wait until all clients with transfers have had their turns.
        let new = self.queue.clients().find(|client| self.fair_share.has_no_transfer(*client));
        let clients: Vec<IpAddr> = self.queue.clients().take(CLIENTS_PER_SCAN).chain(new).collect();
        let next = clients.into_iter().find(|client| self.reserve_slot(*client, context));
        if next.is_none() {
            self.next_scan = now + SCAN_INTERVAL;
        }
        let Some(request) = next.and_then(|client| self.queue.take(client)) else { return false };
        self.examine(&request.datagram(), context);
        true
    }

    /// Whether there is a free slot for a client, if necessary after an eviction.
    pub(super) fn reserve_slot(
        &mut self,
        client: IpAddr,
        context: &mut Context<'_, impl Files>,
    ) -> bool {
        !self.is_full(context.tftp) || self.evict_for(client, context)
    }

    /// Closes sockets of requests that have waited so long for the disk that their clients have stopped.
    pub(super) fn expire_pending(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(request) = self.pending.expired(now) {
            self.counters.dropped += 1;
            effects.extend(close_if_dedicated(request.socket));
        }
    }

    /// Whether all slots are used.
    fn is_full(&self, tftp: &Tftp) -> bool {
        self.used_slots() >= slots(tftp)
    }

    /// Ends one transfer or one waiting request for a client, if the rules permit it. Returns whether one was ended.
    pub(super) fn evict_for(
        &mut self,
        client: IpAddr,
        context: &mut Context<'_, impl Files>,
    ) -> bool {
        if let Some(request) = self.pending.evict_for(client, context.now) {
            self.counters.dropped += 1;
            context.effects.extend(close_if_dedicated(request.socket));
            return true;
        }
        self.evict_transfer_for(client, context)
    }

    /// Ends one transfer for a client, if the rules permit it. Returns whether one was ended.
    pub(super) fn evict_transfer_for(
        &mut self,
        client: IpAddr,
        context: &mut Context<'_, impl Files>,
    ) -> bool {
        let Some(id) = self.evictable_for(client, context.now) else { return false };
        if let Some(session) = self.sessions.get(id) {
            session.evict(client, context.effects);
        }
        self.counters.evicted += 1;
        self.close(id, Ending::Failed, context);
        true
    }

    /// The transfer that is evicted for a client: one that was never answered, or one without progress. If the client
    /// has a transfer, only its own transfers without progress are evicted: several clients may share an address (NAT).
    /// If it has none, one transfer of the client with the most transfers may be evicted too.
    fn evictable_for(&mut self, client: IpAddr, now: Timestamp) -> Option<usize> {
        let Self { fair_share, sessions, .. } = self;
        let client_of = |id| {
            let session = sessions.get(id).filter(|session| !session.first_block_pending(now))?;
            Some(session.peer().ip())
        };
        let unanswered = fair_share.evictable_for(client, now, client_of);
        if unanswered.is_some() {
            return unanswered;
        }
        if !fair_share.has_no_transfer(client) {
            return sessions.longest_idle(Some(client), now);
        }
        let idle = sessions.longest_idle(None, now);
        idle.or_else(|| sessions.slowest_of_client(fair_share.heaviest_client()?))
    }
}

/// The number of slots. Without `tftp-single-port` dnsmasq permits one transfer more than `tftp-max`.
pub fn slots(tftp: &Tftp) -> usize {
    tftp.max_transfers.saturating_add(usize::from(!tftp.single_port))
}

/// The effect that closes a socket, if no other transfer uses it.
pub fn close_if_dedicated(socket: ReplySocket) -> Option<Effect> {
    match socket {
        ReplySocket::Dedicated(id) => Some(Effect::CloseSocket(id)),
        ReplySocket::Listener(_) | ReplySocket::Unopened => None,
    }
}

/// Whether a datagram is a read request (RFC 1350, section 5).
pub fn is_read_request(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 1])
}
