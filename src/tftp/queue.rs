//! Requests that wait for a place. Each client has its turn, and is heard in the order in which it asked; but what it has
//! just asked for, or asked for again, comes before what it may have given up.

use crate::millis::Timestamp;
use crate::net::ReceivedDatagram;
use std::collections::{HashMap, VecDeque};
use std::net::{IpAddr, SocketAddr};

/// A request, as it came.
#[derive(Debug)]
pub struct Waiting {
    /// The socket it came to, by number.
    pub listener: usize,
    /// When it came last.
    asked: Timestamp,
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
    /// Those who have asked again, and so are there.
    eager: VecDeque<IpAddr>,
    requests: HashMap<IpAddr, VecDeque<Waiting>>,
    count: usize,
}

/// Requests that wait at most, of all clients and of one. Behind the half, a client has one only.
const MOST: usize = 2048;
const MOST_OF_ONE: usize = MOST / 2;
/// A longer one does not wait (RFC 2347 allows no longer ones).
const LONGEST: usize = 512;
/// One that was not repeated for so many milliseconds is of a client that has gone, or asks from another port now.
const PATIENCE: u64 = 15_000;
/// Milliseconds after which a request is a repeat, and no echo.
const AGAIN: u64 = 250;
/// Of requests that came last within so many milliseconds the first one counts.
const TOGETHER: u64 = 1_000;

impl Waiting {
    /// The request, to be looked at.
    pub fn arrival(&self) -> ReceivedDatagram<'_> {
        let Self { bytes, peer, local, interface, .. } = self;
        ReceivedDatagram { bytes, peer: *peer, local: *local, interface: *interface }
    }
}

impl Queue {
    /// Whether nobody waits.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Keeps a request, if there is room for it. One that waits already is not kept twice.
    pub fn keep(&mut self, listener: usize, arrival: &ReceivedDatagram<'_>, now: Timestamp) {
        let ReceivedDatagram { bytes, peer, local, interface } = *arrival;
        let client = peer.ip();
        let has = self.requests.get(&client).map_or(0, VecDeque::len);
        let most = if self.count < MOST / 2 { MOST_OF_ONE } else { 1 };
        let mut own = self.requests.get_mut(&client).into_iter().flatten();
        if let Some(kept) = own.find(|kept| kept.peer == peer && kept.bytes == bytes) {
            if now >= kept.asked.plus(AGAIN) && !self.eager.contains(&client) {
                self.eager.push_back(client);
            }
            kept.asked = now;
            return;
        }
        if bytes.len() > LONGEST || self.count >= MOST || has >= most {
            return;
        }
        let own = self.requests.entry(client).or_default();
        if own.is_empty() {
            self.turns.push_back(client);
        }
        let bytes = bytes.to_vec();
        own.push_back(Waiting { listener, asked: now, bytes, peer, local, interface });
        self.count += 1;
    }

    /// Forgets those whose clients ask no more.
    pub fn forget_lost(&mut self, now: Timestamp) {
        self.requests.retain(|_, own| {
            own.retain(|kept| now < kept.asked.plus(PATIENCE));
            !own.is_empty()
        });
        for clients in [&mut self.turns, &mut self.eager] {
            clients.retain(|client| self.requests.contains_key(client));
        }
        self.count = self.requests.values().map(VecDeque::len).sum();
    }

    /// Clients that wait, the next one first, and before all of them those who have asked again. Some come twice.
    pub fn clients(&self) -> impl Iterator<Item = IpAddr> {
        self.eager.iter().chain(&self.turns).copied()
    }

    /// The next request of a client, who waits for all others then.
    pub fn take(&mut self, client: IpAddr) -> Option<Waiting> {
        let own = self.requests.get_mut(&client)?;
        let latest = own.iter().map(|kept| kept.asked).max()?;
        let at = own.iter().position(|kept| latest < kept.asked.plus(TOGETHER))?;
        let next = own.remove(at)?;
        self.count -= 1;
        for clients in [&mut self.turns, &mut self.eager] {
            clients.retain(|other| *other != client);
        }
        if own.is_empty() {
            self.requests.remove(&client);
        } else {
            self.turns.push_back(client);
        }
        Some(next)
    }
}
