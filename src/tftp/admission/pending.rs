//! Requests that wait for the result of a disk look-up.

use super::stored_request::StoredRequest;
use crate::net::ReceivedDatagram;
use crate::tftp::ReplySocket;
use crate::tftp::files::{DiskLookup, Files, OpenError, OpenedFile};
use crate::tftp::transfer::CLIENT_TIMEOUT;
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

/// A request that waits.
#[derive(Debug)]
pub struct PendingRequest {
    /// The socket that the answer is sent from.
    pub socket: ReplySocket,
    /// The request.
    pub request: StoredRequest,
    /// Results of its earlier look-ups.
    pub cache: LookupCache,
    lookup: DiskLookup,
}

/// A client that gets no answer repeats its request after about this time.
pub const CLIENT_RETRY_INTERVAL: Duration = Duration::from_secs(5);

/// Results of the look-ups of one request.
#[derive(Debug)]
pub struct LookupCache {
    /// When the request was received.
    since: Timestamp,
    /// Paths, and whether each is a directory. A request may need several look-ups one after the other. Their results
    /// must all be known at the last one.
    directories: Vec<(Vec<u8>, bool)>,
    /// A path that does not exist. Another one is tried after it.
    missing: Option<Vec<u8>>,
}

impl LookupCache {
    /// The cache of a request that was received now.
    pub fn new(now: Timestamp) -> Self {
        Self { since: now, directories: Vec::new(), missing: None }
    }

    /// Whether there is a directory of this path. `None`: the disk has not answered yet.
    pub fn is_directory(&mut self, path: &[u8], files: &mut impl Files) -> Option<bool> {
        if let Some((_, is_directory)) = self.directories.iter().find(|(known, _)| known == path) {
            return Some(*is_directory);
        }
        let is_directory = files.is_directory(path)?;
        self.directories.push((path.to_vec(), is_directory));
        Some(is_directory)
    }

    /// Opens a file, unless an earlier look-up of this request found that it does not exist.
    pub fn open(&mut self, path: &[u8], files: &mut impl Files) -> Result<OpenedFile, OpenError> {
        if self.missing.as_deref() == Some(path) {
            return Err(OpenError::NotFound);
        }
        let opened = files.open(path);
        if matches!(opened, Err(OpenError::NotFound)) {
            self.missing = Some(path.to_vec());
        }
        opened
    }
}

/// All requests that wait, the oldest first. There are few: together with the transfers not more than `tftp-max`.
#[derive(Debug, Default)]
pub struct PendingRequests(VecDeque<PendingRequest>);

impl PendingRequests {
    /// The number of requests.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// When the oldest request expires.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.0.front().map(|oldest| oldest.cache.since + CLIENT_TIMEOUT)
    }

    /// Stores a request. If the client has sent the same request before, that one is dropped: returns its socket, unless
    /// it is the same.
    pub fn push(
        &mut self,
        socket: ReplySocket,
        datagram: &ReceivedDatagram<'_>,
        lookup: DiskLookup,
        cache: LookupCache,
    ) -> Option<ReplySocket> {
        let same = self.0.iter().position(|pending| pending.request.is_repeated_by(datagram));
        let replaced = same.and_then(|index| self.0.remove(index));
        // A request keeps its age when it waits for its second look-up.
        let index = self.0.partition_point(|other| other.cache.since <= cache.since);
        let request = StoredRequest::copy_of(datagram);
        self.0.insert(index, PendingRequest { socket, request, cache, lookup });
        replaced.map(|replaced| replaced.socket).filter(|replaced| *replaced != socket)
    }

    /// Drops the requests of a client. A client has one request at a time over a shared socket.
    pub fn forget(&mut self, peer: SocketAddr) {
        self.0.retain(|pending| pending.request.peer != peer);
    }

    /// Removes the requests that wait for this look-up.
    pub fn take_resolved(&mut self, lookup: &DiskLookup) -> VecDeque<PendingRequest> {
        let all = std::mem::take(&mut self.0);
        let (resolved, rest): (VecDeque<_>, VecDeque<_>) =
            all.into_iter().partition(|pending| pending.lookup == *lookup);
        self.0 = rest;
        resolved
    }

    /// Removes the oldest request for a client that has none, if it is so old that its client repeats it anyway.
    pub fn evict_for(&mut self, newcomer: IpAddr, now: Timestamp) -> Option<PendingRequest> {
        let is_old = self.0.front()?.cache.since + CLIENT_RETRY_INTERVAL <= now;
        let has_one = || self.0.iter().any(|pending| pending.request.peer.ip() == newcomer);
        if is_old && !has_one() { self.0.pop_front() } else { None }
    }

    /// Removes a request that has waited for [`CLIENT_TIMEOUT`].
    pub fn expired(&mut self, now: Timestamp) -> Option<PendingRequest> {
        if self.deadline()? <= now { self.0.pop_front() } else { None }
    }
}
