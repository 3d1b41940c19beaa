//! Requests that wait for a place. Each client has its turn, and is heard in the order in which it asked; but what it has
//! just asked for, or asked for again, comes before what it may have given up.

use crate::net::ReceivedDatagram;
use crate::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A request, as it came.
#[derive(Debug)]
pub struct QueuedRequest {
    /// The socket it came to, by number.
    pub listener: usize,
    /// When it came last.
    received_at: Timestamp,
    bytes: Vec<u8>,
    peer: SocketAddr,
    local: IpAddr,
    interface: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub struct WaitQueue {
    /// Clients, in turn: the first one is the next.
    order: VecDeque<IpAddr>,
    /// Those who have asked again, and so are there.
    repeated: VecDeque<IpAddr>,
    requests: HashMap<IpAddr, VecDeque<QueuedRequest>>,
    count: usize,
}

/// Requests that wait at most, of all clients and of one. Behind the half, a client has one only.
const MAX_QUEUED: usize = 2048;
const MAX_QUEUED_PER_CLIENT: usize = MAX_QUEUED / 2;
/// A longer one does not wait (RFC 2347 allows no longer ones).
const MAX_QUEUED_LEN: usize = 512;
/// One that was not repeated for so many milliseconds is of a client that has gone, or asks from another port now.
const REQUEST_TTL: Duration = Duration::from_secs(15);
/// Milliseconds after which a request is a repeat, and no echo.
const MIN_REPEAT_INTERVAL: Duration = Duration::from_millis(250);
/// Of requests that came last within so many milliseconds the first one counts.
const BURST_WINDOW: Duration = Duration::from_secs(1);

impl QueuedRequest {
    /// The request, to be looked at.
    pub fn datagram(&self) -> ReceivedDatagram<'_> {
        let Self { bytes, peer, local, interface, .. } = self;
        ReceivedDatagram { bytes, peer: *peer, local: *local, interface: *interface }
    }
}

impl WaitQueue {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps a request, if there is room for it. One that waits already is not kept twice.
    pub fn push(&mut self, listener: usize, arrival: &ReceivedDatagram<'_>, now: Timestamp) {
        let ReceivedDatagram { bytes, peer, local, interface } = *arrival;
        let client = peer.ip();
        let has = self.requests.get(&client).map_or(0, VecDeque::len);
        let most = if self.count < MAX_QUEUED / 2 { MAX_QUEUED_PER_CLIENT } else { 1 };
        let mut own = self.requests.get_mut(&client).into_iter().flatten();
        if let Some(kept) = own.find(|kept| kept.peer == peer && kept.bytes == bytes) {
            if now >= kept.received_at + MIN_REPEAT_INTERVAL && !self.repeated.contains(&client) {
                self.repeated.push_back(client);
            }
            kept.received_at = now;
            return;
        }
        if bytes.len() > MAX_QUEUED_LEN || self.count >= MAX_QUEUED || has >= most {
            return;
        }
        let own = self.requests.entry(client).or_default();
        if own.is_empty() {
            self.order.push_back(client);
        }
        let bytes = bytes.to_vec();
        own.push_back(QueuedRequest { listener, received_at: now, bytes, peer, local, interface });
        self.count += 1;
    }

    /// Forgets those whose clients ask no more.
    pub fn expire(&mut self, now: Timestamp) {
        self.requests.retain(|_, own| {
            own.retain(|kept| now < kept.received_at + REQUEST_TTL);
            !own.is_empty()
        });
        for clients in [&mut self.order, &mut self.repeated] {
            clients.retain(|client| self.requests.contains_key(client));
        }
        self.count = self.requests.values().map(VecDeque::len).sum();
    }

    /// Clients that wait, the next one first, and before all of them those who have asked again. Some come twice.
    pub fn clients(&self) -> impl Iterator<Item = IpAddr> {
        self.repeated.iter().chain(&self.order).copied()
    }

    /// The next request of a client, who waits for all others then.
    pub fn take(&mut self, client: IpAddr) -> Option<QueuedRequest> {
        let own = self.requests.get_mut(&client)?;
        let latest = own.iter().map(|kept| kept.received_at).max()?;
        let at = own.iter().position(|kept| latest < kept.received_at + BURST_WINDOW)?;
        let next = own.remove(at)?;
        self.count -= 1;
        for clients in [&mut self.order, &mut self.repeated] {
            clients.retain(|other| *other != client);
        }
        if own.is_empty() {
            self.requests.remove(&client);
        } else {
            self.order.push_back(client);
        }
        Some(next)
    }
}
