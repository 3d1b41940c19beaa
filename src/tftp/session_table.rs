//! The sessions of all transfers, by number.

use super::session::Session;
use crate::time::Timestamp;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// All sessions. A session with a socket of its own has the number of that socket. A session over port 69 is found by
/// the address of its client, and has a number from [`FIRST_SHARED`] on.
#[derive(Debug, Default)]
pub struct SessionTable {
    dedicated: Vec<Option<Box<Session>>>,
    shared: Vec<Option<Box<Session>>>,
    /// Free indexes of `shared`.
    free: Vec<usize>,
    by_peer: HashMap<SocketAddr, usize>,
    count: usize,
    /// Until then no session can be idle.
    idle_check_at: Timestamp,
}

/// Whether a session has a socket of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketUse {
    /// The socket has the number of the session.
    Dedicated,
    /// The socket is that of port 69.
    Shared,
}

/// A session without progress for this time may be evicted. Boot loaders that get nothing for this time have stopped.
const IDLE_LIMIT: Duration = Duration::from_secs(10);

/// More than the number of any socket.
const FIRST_SHARED: usize = 1 << 30;

impl SessionTable {
    /// The number of sessions.
    pub fn len(&self) -> usize {
        self.count
    }

    /// The session of a client over port 69.
    pub fn by_peer(&self, peer: SocketAddr) -> Option<usize> {
        self.by_peer.get(&peer).copied()
    }

    /// A session by its number.
    pub fn get(&self, id: usize) -> Option<&Session> {
        let slot = match id.checked_sub(FIRST_SHARED) {
            Some(index) => self.shared.get(index),
            None => self.dedicated.get(id),
        };
        slot?.as_deref()
    }

    /// A session by its number.
    pub fn get_mut(&mut self, id: usize) -> Option<&mut Session> {
        self.slot(id)?.as_deref_mut()
    }

    /// The session of a client that has made no progress for the longest time.
    pub fn slowest_of_client(&self, client: IpAddr) -> Option<usize> {
        let shared = (FIRST_SHARED..).zip(&self.shared);
        let all = self.dedicated.iter().enumerate().chain(shared);
        let sessions = all.filter_map(|(id, slot)| Some((id, slot.as_deref()?)));
        let own = sessions.filter(|(_, session)| session.peer().ip() == client);
        own.min_by_key(|(_, session)| session.progress()).map(|(id, _)| id)
    }

    /// The session that has made no progress for the longest time, if that is [`IDLE_LIMIT`] or more: its client has
    /// stopped, or is slow on purpose, or the disk does not answer. Only the sessions of `client`, if it is given.
    pub fn longest_idle(&mut self, client: Option<IpAddr>, now: Timestamp) -> Option<usize> {
        if now < self.idle_check_at {
            return None;
        }
        let oldest = self.all().map(|(_, session)| session.progress()).min()?;
        self.idle_check_at = oldest + IDLE_LIMIT;
        let idle = self.all().filter(|(_, session)| session.progress() + IDLE_LIMIT <= now);
        let own = idle.filter(|(_, session)| client.is_none_or(|ip| session.peer().ip() == ip));
        own.map(|(id, session)| (session.progress(), id)).min().map(|(_, id)| id)
    }

    /// All sessions.
    pub fn iter(&self) -> impl Iterator<Item = &Session> {
        self.dedicated.iter().chain(&self.shared).filter_map(Option::as_deref)
    }

    /// All sessions, with their numbers.
    pub fn all(&mut self) -> impl Iterator<Item = (usize, &mut Session)> {
        let shared = (FIRST_SHARED..).zip(&mut self.shared);
        let all = self.dedicated.iter_mut().enumerate().chain(shared);
        all.filter_map(|(id, slot)| Some((id, slot.as_deref_mut()?)))
    }

    /// Adds a session that has the socket of this number.
    pub fn insert(&mut self, id: usize, session: Box<Session>) {
        if id >= self.dedicated.len() {
            self.dedicated.resize_with(id + 1, || None);
        }
        if self.dedicated[id].replace(session).is_none() {
            self.count += 1;
        }
    }

    /// Adds a session over port 69. Returns its number.
    pub fn insert_shared(&mut self, session: Box<Session>) -> usize {
        let index = self.free.pop().unwrap_or(self.shared.len());
        if index == self.shared.len() {
            self.shared.push(None);
        }
        self.by_peer.insert(session.peer(), FIRST_SHARED + index);
        self.shared[index] = Some(session);
        self.count += 1;
        FIRST_SHARED + index
    }

    /// Removes a session.
    pub fn remove(&mut self, id: usize) -> Option<(Box<Session>, SocketUse)> {
        let session = self.slot(id)?.take()?;
        self.count -= 1;
        let Some(index) = id.checked_sub(FIRST_SHARED) else {
            return Some((session, SocketUse::Dedicated));
        };
        self.by_peer.remove(&session.peer());
        self.free.push(index);
        Some((session, SocketUse::Shared))
    }

    fn slot(&mut self, id: usize) -> Option<&mut Option<Box<Session>>> {
        match id.checked_sub(FIRST_SHARED) {
            Some(index) => self.shared.get_mut(index),
            None => self.dedicated.get_mut(id),
        }
    }
}
