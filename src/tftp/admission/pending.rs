//! Requests that wait for the result of a disk look-up.

use super::stored_request::StoredRequest;
use crate::net::ReceivedDatagram;
use crate::tftp::ReplySocket;
use crate::tftp::files::{DiskLookup, Files, OpenError, OpenedFile};
use crate::tftp::transfer::CLIENT_TIMEOUT;
use crate::time::Timestamp;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::Hash;
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

/// A client does not repeat a request sooner. Equal requests at shorter intervals have a transfer each, as in dnsmasq.
const MIN_REPEAT_INTERVAL: Duration = Duration::from_millis(100);

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

/// All requests that wait: together with the transfers not more than `tftp-max`.
#[derive(Debug, Default)]
pub struct PendingRequests {
    /// The oldest first.
    requests: BTreeMap<Age, PendingRequest>,
    by_lookup: HashMap<DiskLookup, Vec<Age>>,
    /// A client may have more than one with sockets of their own.
    by_peer: HashMap<SocketAddr, Vec<Age>>,
    count: u64,
}

/// When a request was received, and its number among those that were received at the same time.
type Age = (Timestamp, u64);

impl PendingRequests {
    /// The number of requests.
    pub fn count(&self) -> usize {
        self.requests.len()
    }

    /// The client of the newest request.
    #[cfg(test)]
    pub fn newest(&self) -> Option<SocketAddr> {
        self.requests.last_key_value().map(|(_, newest)| newest.request.peer)
    }

    /// Each request, and when it was received.
    pub fn waiting(&self) -> impl Iterator<Item = (&StoredRequest, Timestamp)> {
        self.requests.iter().map(|((since, _), pending)| (&pending.request, *since))
    }

    /// When the oldest request expires.
    pub fn deadline(&self) -> Option<Timestamp> {
        self.requests.first_key_value().map(|((since, _), _)| *since + CLIENT_TIMEOUT)
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
        let of_peer = self.by_peer.get(&datagram.peer).into_iter().flatten();
        let same = of_peer.copied().find(|age| {
            let is_earlier = age.0 + MIN_REPEAT_INTERVAL <= cache.since;
            let other = self.requests.get(age).filter(|_| is_earlier);
            other.is_some_and(|other| other.request.is_repeated_by(datagram))
        });
        let replaced = same.and_then(|age| self.remove(age));
        self.count += 1;
        // A request keeps its age when it waits for its second look-up.
        let age = (cache.since, self.count);
        let request = StoredRequest::copy_of(datagram);
        self.by_lookup.entry(lookup.clone()).or_default().push(age);
        self.by_peer.entry(request.peer).or_default().push(age);
        self.requests.insert(age, PendingRequest { socket, request, cache, lookup });
        replaced.map(|replaced| replaced.socket).filter(|replaced| *replaced != socket)
    }

    fn remove(&mut self, age: Age) -> Option<PendingRequest> {
        let removed = self.requests.remove(&age)?;
        remove_age(&mut self.by_lookup, &removed.lookup, age);
        remove_age(&mut self.by_peer, &removed.request.peer, age);
        Some(removed)
    }

    fn pop_first(&mut self) -> Option<PendingRequest> {
        let age = *self.requests.first_key_value()?.0;
        self.remove(age)
    }

    /// Drops the requests of a client. A client has one request at a time over a shared socket. Returns their number.
    pub fn forget(&mut self, peer: SocketAddr) -> usize {
        let ages = self.by_peer.get(&peer).cloned().unwrap_or_default();
        ages.into_iter().filter_map(|age| self.remove(age)).count()
    }

    /// Removes the requests that wait for this look-up, the oldest first.
    pub fn take_resolved(&mut self, lookup: &DiskLookup) -> VecDeque<PendingRequest> {
        let mut ages = self.by_lookup.get(lookup).cloned().unwrap_or_default();
        ages.sort_unstable();
        ages.into_iter().filter_map(|age| self.remove(age)).collect()
    }

    /// Removes the oldest request for a client that has none, if it is so old that its client repeats it anyway.
    pub fn evict_for(&mut self, newcomer: IpAddr, now: Timestamp) -> Option<PendingRequest> {
        let oldest = self.requests.first_key_value()?.0.0;
        let is_old = oldest + CLIENT_RETRY_INTERVAL <= now;
        let has_one = || self.by_peer.keys().any(|peer| peer.ip() == newcomer);
        if is_old && !has_one() { self.pop_first() } else { None }
    }

    /// Removes a request that has waited for [`CLIENT_TIMEOUT`].
    pub fn expired(&mut self, now: Timestamp) -> Option<PendingRequest> {
        if self.deadline()? <= now { self.pop_first() } else { None }
    }
}

/// Removes an entry from an index.
fn remove_age<K: Eq + Hash>(index: &mut HashMap<K, Vec<Age>>, key: &K, age: Age) {
    if let Some(ages) = index.get_mut(key) {
        ages.retain(|other| *other != age);
        if ages.is_empty() {
            index.remove(key);
        }
    }
}
