//! Requests that wait for a place. Each client has its turn, and is heard in the order in which it asked.

use crate::net::Arrival;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// A request, as it came.
#[derive(Debug)]
pub struct Waiting {
    /// The socket it came to, by number.
    pub listener: usize,
    bytes: Vec<u8>,
    peer: SocketAddr,
    local: IpAddr,
    interface: u32,
}

/// All of them.
#[derive(Debug, Default)]
pub struct Queue {
    /// Clients, in turn: the first one is the next.
    turns: VecDeque<IpAddr>,
    requests: HashMap<IpAddr, VecDeque<Waiting>>,
    count: usize,
}

/// Requests that wait at most, of all clients and of one. Behind the half, a client has one only.
const MOST: usize = 2048;
const MOST_OF_ONE: usize = MOST / 2;
/// A longer one does not wait (RFC 2347 allows no longer ones).
const LONGEST: usize = 512;

impl Waiting {
    /// The request, to be looked at.
    pub fn arrival(&self) -> Arrival<'_> {
        let Self { bytes, peer, local, interface, .. } = self;
        Arrival { bytes, peer: *peer, local: *local, interface: *interface }
    }
}

impl Queue {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps a request, if there is room for it. One that waits already is not kept twice.
    pub fn keep(&mut self, listener: usize, arrival: &Arrival<'_>) {
        let Arrival { bytes, peer, local, interface } = *arrival;
        let client = peer.ip();
        let has = self.requests.get(&client).map_or(0, VecDeque::len);
        let most = if self.count < MOST / 2 { MOST_OF_ONE } else { 1 };
        if bytes.len() > LONGEST || self.count >= MOST || has >= most {
            return;
        }
        let own = self.requests.entry(client).or_default();
        if own.iter().any(|kept| kept.peer == peer && kept.bytes == bytes) {
            return;
        }
        if own.is_empty() {
            self.turns.push_back(client);
        }
        own.push_back(Waiting { listener, bytes: bytes.to_vec(), peer, local, interface });
        self.count += 1;
    }

    /// Clients that wait, the next one first.
    pub fn clients(&self) -> impl Iterator<Item = IpAddr> {
        self.turns.iter().copied()
    }

    /// The next request of a client, who waits for all others then.
    pub fn take(&mut self, client: IpAddr) -> Option<Waiting> {
        let own = self.requests.get_mut(&client)?;
        let next = own.pop_front()?;
        self.count -= 1;
        self.turns.retain(|other| *other != client);
        if own.is_empty() {
            self.requests.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        Some(next)
    }
}
