//! Requests that wait for a free transfer slot, because the limit `tftp-max` is reached.
//!
//! The clients take turns. The requests of one client are served in the order in which they came. A request that is new
//! or was repeated lately comes before an older one, which its client may have given up.

use super::stored_request::StoredRequest;
use crate::net::ReceivedDatagram;
use crate::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// A request that waits.
#[derive(Debug)]
struct QueuedRequest {
    /// When it was received last.
    received_at: Timestamp,
    request: StoredRequest,
}

/// All requests that wait.
#[derive(Debug, Default)]
pub struct WaitQueue {
    /// Clients in the order of their turns, the next one first.
    order: VecDeque<IpAddr>,
    /// Clients that have repeated a request. They exist, so they come first.
    repeated: VecDeque<IpAddr>,
    requests: HashMap<IpAddr, VecDeque<QueuedRequest>>,
    count: usize,
}

/// Requests of all clients. When half of the queue is used, a client may add a request only if it has none.
pub const MAX_QUEUED: usize = 2048;
const MAX_QUEUED_PER_CLIENT: usize = MAX_QUEUED / 2;
/// Bytes of a request (RFC 2347: the maximum size of a request packet is 512 octets). A longer one is not stored.
const MAX_QUEUED_LEN: usize = 512;
/// A request that was not repeated for this time is dropped: its client has stopped, or uses another port now.
const REQUEST_TTL: Duration = Duration::from_secs(15);
/// The same request after this time is a repetition by the client. Before, it is a duplicate made by the network.
const MIN_REPEAT_INTERVAL: Duration = Duration::from_millis(250);
/// Among requests that were received last within this time of each other, the first one is served first.
const BURST_WINDOW: Duration = Duration::from_secs(1);

impl WaitQueue {
    /// Whether no request waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// The number of requests that wait.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Stores a request, if the limits permit it. A request that waits already is stored once. Returns whether it was stored.
    pub fn push(&mut self, datagram: &ReceivedDatagram<'_>, now: Timestamp) -> bool {
        let client = datagram.peer.ip();
        if self.refresh(client, datagram, now) {
            return false;
        }
        let len = self.requests.get(&client).map_or(0, VecDeque::len);
        let max = if self.count < MAX_QUEUED / 2 { MAX_QUEUED_PER_CLIENT } else { 1 };
        if datagram.bytes.len() > MAX_QUEUED_LEN || self.count >= MAX_QUEUED || len >= max {
            return false;
        }
        let own = self.requests.entry(client).or_default();
        if own.is_empty() {
            self.order.push_back(client);
        }
        let request = StoredRequest::copy_of(datagram);
        own.push_back(QueuedRequest { received_at: now, request });
        self.count += 1;
        true
    }

    /// Notes that a request was received once more. Returns whether it waits already.
    fn refresh(&mut self, client: IpAddr, datagram: &ReceivedDatagram<'_>, now: Timestamp) -> bool {
        let mut own = self.requests.get_mut(&client).into_iter().flatten();
        let Some(queued) = own.find(|queued| queued.request.is_repeated_by(datagram)) else {
            return false;
        };
        let is_repetition = now >= queued.received_at + MIN_REPEAT_INTERVAL;
        if is_repetition && !self.repeated.contains(&client) {
            self.repeated.push_back(client);
        }
        queued.received_at = now;
        true
    }

    /// Drops requests that their clients repeat no more. Returns their number.
    pub fn expire(&mut self, now: Timestamp) -> usize {
        let before = self.count;
        self.requests.retain(|_, own| {
            own.retain(|queued| now < queued.received_at + REQUEST_TTL);
            !own.is_empty()
        });
        for clients in [&mut self.order, &mut self.repeated] {
            clients.retain(|client| self.requests.contains_key(client));
        }
        self.count = self.requests.values().map(VecDeque::len).sum();
        before - self.count
    }

    /// Clients with a request, the next one first: first the clients that have repeated a request, then all. A client
    /// may come twice.
    pub fn clients(&self) -> impl Iterator<Item = IpAddr> {
        self.repeated.iter().chain(&self.order).copied()
    }

    /// For each client the request that was received last, and when.
    pub fn waiting(&self) -> impl Iterator<Item = (&StoredRequest, Timestamp)> {
        self.requests.values().filter_map(|own| {
            let last = own.iter().max_by_key(|queued| queued.received_at)?;
            Some((&last.request, last.received_at))
        })
    }

    /// Removes the next request of a client. After that it is the turn of all other clients.
    pub fn take(&mut self, client: IpAddr) -> Option<StoredRequest> {
        let own = self.requests.get_mut(&client)?;
        let latest = own.iter().map(|queued| queued.received_at).max()?;
        let index = own.iter().position(|queued| latest < queued.received_at + BURST_WINDOW)?;
        let next = own.remove(index)?;
        self.count -= 1;
        for clients in [&mut self.order, &mut self.repeated] {
            clients.retain(|other| *other != client);
        }
        if own.is_empty() {
            self.requests.remove(&client);
        } else {
            self.order.push_back(client);
        }
        Some(next.request)
    }
}
