//! The sessions that are open, by number.

use super::session::Session;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// Sessions with a socket of their own have its number. Those over port 69 are known by their client, and have numbers
/// out of the way of sockets.
#[derive(Debug, Default)]
pub struct SessionTable {
    dedicated: Vec<Option<Box<Session>>>,
    shared: Vec<Option<Box<Session>>>,
    /// Numbers in `shared` that can be had again.
    free: Vec<usize>,
    by_peer: HashMap<SocketAddr, usize>,
    count: usize,
    /// Until then nobody is idle.
    idle_check_at: Timestamp,
}

/// Milliseconds without anything new after which a place is worth more to somebody who has none. Loaders that wait for us
/// give up before.
const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// More than there can be sockets.
const SHARED: usize = 1 << 30;

impl SessionTable {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The one with a client over port 69.
    pub fn by_peer(&self, peer: SocketAddr) -> Option<usize> {
        self.by_peer.get(&peer).copied()
    }

    /// The one of that number.
    pub fn get(&self, id: usize) -> Option<&Session> {
        let slot = if id >= SHARED { self.shared.get(id - SHARED) } else { self.dedicated.get(id) };
        slot?.as_deref()
    }

    /// The one of that number.
    pub fn get_mut(&mut self, id: usize) -> Option<&mut Session> {
        self.slot(id)?.as_deref_mut()
    }

    /// The one of a client that has had nothing new for the longest time.
    pub fn slowest_of_client(&self, client: IpAddr) -> Option<usize> {
        let shared = self.shared.iter().enumerate().map(|(at, slot)| (SHARED + at, slot));
        let all = self.dedicated.iter().enumerate().chain(shared);
        let own = all.filter_map(|(id, slot)| Some((id, slot.as_deref()?)));
        let own = own.filter(|(_, session)| session.peer().ip() == client);
        own.min_by_key(|(_, session)| session.progress()).map(|(id, _)| id)
    }

    /// The one that has had nothing new for the longest time, if that is too long: its client is gone, or slow on purpose, or
    /// the disk hangs.
    pub fn longest_idle(&mut self, now: Timestamp) -> Option<usize> {
        if now < self.idle_check_at {
            return None;
        }
        let (progress, id) = self.all().map(|(id, session)| (session.progress(), id)).min()?;
        self.idle_check_at = progress + IDLE_LIMIT;
        (self.idle_check_at <= now).then_some(id)
    }

    /// All of them, with their numbers.
    pub fn all(&mut self) -> impl Iterator<Item = (usize, &mut Session)> {
        let shared = self.shared.iter_mut().enumerate().map(|(at, slot)| (SHARED + at, slot));
        let all = self.dedicated.iter_mut().enumerate().chain(shared);
        all.filter_map(|(id, slot)| Some((id, slot.as_deref_mut()?)))
    }

    /// Adds one with the socket of that number.
    pub fn insert(&mut self, id: usize, session: Box<Session>) {
        if id >= self.dedicated.len() {
            self.dedicated.resize_with(id + 1, || None);
        }
        if self.dedicated[id].replace(session).is_none() {
            self.count += 1;
        }
    }

    /// Adds one over port 69; its number.
    pub fn insert_shared(&mut self, session: Box<Session>) -> usize {
        let at = self.free.pop().unwrap_or(self.shared.len());
        if at == self.shared.len() {
            self.shared.push(None);
        }
        self.by_peer.insert(session.peer(), SHARED + at);
        self.shared[at] = Some(session);
        self.count += 1;
        SHARED + at
    }

    /// Takes one out; whether its socket was its own.
    pub fn remove(&mut self, id: usize) -> Option<(Box<Session>, bool)> {
        let session = self.slot(id)?.take()?;
        self.count -= 1;
        if id >= SHARED {
            self.by_peer.remove(&session.peer());
            self.free.push(id - SHARED);
        }
        Some((session, id < SHARED))
    }

    fn slot(&mut self, id: usize) -> Option<&mut Option<Box<Session>>> {
        if id >= SHARED { self.shared.get_mut(id - SHARED) } else { self.dedicated.get_mut(id) }
    }
}
