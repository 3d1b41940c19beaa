//! Requests that cannot be answered yet, because the disk has not told what there is.

use crate::net::ReceivedDatagram;
use crate::tftp::ReplySocket;
use crate::tftp::files::{DiskLookup, Files};
use crate::tftp::transfer::CLIENT_TIMEOUT;
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A request that waits, as it came.
#[derive(Debug)]
pub struct PendingRequest {
    /// By which it is to be answered.
    pub socket: ReplySocket,
    lookup: DiskLookup,
    bytes: Vec<u8>,
    peer: SocketAddr,
    local: IpAddr,
    interface: u32,
    history: LookupCache,
}

/// A client that has heard nothing for so many seconds asks once more.
pub const CLIENT_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// What a request has been through.
#[derive(Debug)]
pub struct LookupCache {
    since: Timestamp,
    /// Directories it was told of. It asks for one after the other, and none may be forgotten before the last.
    directories: Vec<(Vec<u8>, bool)>,
}

impl LookupCache {
    /// A request that has just come.
    pub fn new(now: Timestamp) -> Self {
        Self { since: now, directories: Vec::new() }
    }

    /// Whether there is a directory; `None`: a disk has to be waited for.
    pub fn is_directory(&mut self, path: &[u8], files: &mut impl Files) -> Option<bool> {
        if let Some((_, is)) = self.directories.iter().find(|(known, _)| known == path) {
            return Some(*is);
        }
        let is = files.is_directory(path)?;
        self.directories.push((path.to_vec(), is));
        Some(is)
    }
}

impl PendingRequest {
    /// The request, to be looked at again, and what it has been through.
    pub fn parts(&mut self) -> (ReceivedDatagram<'_>, &mut LookupCache) {
        let Self { bytes, peer, local, interface, history, .. } = self;
        let arrival = ReceivedDatagram { bytes, peer: *peer, local: *local, interface: *interface };
        (arrival, history)
    }
}

/// All of them, the oldest first. They are few: together with the transfers no more than `tftp-max`.
#[derive(Debug, Default)]
pub struct PendingRequests(VecDeque<PendingRequest>);

impl PendingRequests {
    /// How many wait.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// When the oldest has waited for long enough.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.0.front().map(|oldest| oldest.history.since + CLIENT_TIMEOUT)
    }

    /// Keeps one. A client that asks again is the same client: the socket that it asked by before, if that is another.
    pub fn push(
        &mut self,
        socket: ReplySocket,
        arrival: &ReceivedDatagram<'_>,
        awaited: DiskLookup,
        history: LookupCache,
    ) -> Option<ReplySocket> {
        let ReceivedDatagram { bytes, peer, local, interface } = *arrival;
        let same = |kept: &PendingRequest| kept.peer == peer && kept.bytes == bytes;
        let before = self.0.iter().position(same).and_then(|at| self.0.remove(at));
        let bytes = bytes.to_vec();
        let kept =
            PendingRequest { socket, lookup: awaited, bytes, peer, local, interface, history };
        // They stay in the order in which they came: one that waits for something else now has not become younger.
        let at = self.0.partition_point(|other| other.history.since <= kept.history.since);
        self.0.insert(at, kept);
        before.map(|before| before.socket).filter(|before| *before != socket)
    }

    /// A client has what it wants, or wants something else: over a shared socket it has one request only.
    pub fn forget(&mut self, peer: SocketAddr) {
        self.0.retain(|kept| kept.peer != peer);
    }

    /// Those that have waited for this.
    pub fn take_resolved(&mut self, awaited: &DiskLookup) -> Vec<PendingRequest> {
        let all = std::mem::take(&mut self.0);
        let (decided, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|kept| kept.lookup == *awaited);
        self.0 = rest.into();
        decided
    }

    /// The oldest makes room for a client that has none, if it has waited for so long that its client asks again.
    pub fn evict_for(&mut self, newcomer: IpAddr, now: Timestamp) -> Option<PendingRequest> {
        let old = self.0.front()?.history.since + CLIENT_RETRY_INTERVAL <= now;
        let has_one = || self.0.iter().any(|kept| kept.peer.ip() == newcomer);
        if old && !has_one() { self.0.pop_front() } else { None }
    }

    /// One whose client has certainly gone.
    pub fn expired(&mut self, now: Timestamp) -> Option<PendingRequest> {
        self.deadline().filter(|deadline| *deadline <= now).and_then(|_| self.0.pop_front())
    }
}
