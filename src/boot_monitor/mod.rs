//! Finds clients whose boot does not go on: no request to port 4011 after an offer, no download, the same file again and
//! again, a missing file, another server.
//!
//! ```text
//! ClientEvent, now ─► BootMonitor ─► Finding        next_deadline: when to poll
//! ```
//!
//! A missing file alone is normal: a boot loader tries ten names before it finds its configuration. So it is reported
//! only if the client gets no other file for some time.

mod client;
pub mod event;
mod finding;
pub mod machines;

pub use finding::{BootLoop, ClientKey, Finding, RefusedFile};

use crate::boot_monitor::event::{
    ClientEvent, CompletedTransfer, ExpectedStep, Mac, OtherServerReply, RefusalReason, ReplySent,
};
use crate::reason::BootReason;
use crate::time::Timestamp;

use crate::wire::pxe::is_ipxe;
use client::{ClientState, Expectation};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

/// All clients whose boot is observed.
#[derive(Debug, Default)]
pub struct BootMonitor {
    clients: HashMap<ClientKey, Box<ClientState>>,
    mac_by_ip: HashMap<IpAddr, Mac>,
    /// Replies of other servers to clients that have got no reply of pxemasq yet.
    other_servers: HashMap<Mac, (OtherServerReply, Timestamp)>,
    /// Files that were reported as unreadable, and when.
    unreadable_files: HashMap<Vec<u8>, Timestamp>,
    next_deadline: Option<Timestamp>,
    /// The time of the last poll.
    polled_at: Timestamp,
}

/// Clients that are observed at the same time. Others are ignored.
const MAX_CLIENTS: usize = 4096;
/// Replies of other servers that are stored.
const MAX_OTHER_SERVERS: usize = 64;
/// Unreadable files that are stored.
const MAX_UNREADABLE_FILES: usize = 256;
/// Bytes of a path. A longer one is no boot file, and is not stored.
pub const MAX_PATH_LEN: usize = 256;
/// The time between two polls.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// A problem of a client is reported once in this time. A client without events is forgotten after it.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// A client continues its boot within this time: iPXE waits for 16 seconds after its lease.
pub const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// If a client gets no file for this time after a missing one, it has stopped there.
const QUIET_PERIOD: Duration = Duration::from_secs(5);
/// The third load of one file is reported.
const MAX_LOADS_OF_ONE_FILE: usize = 3;

impl BootMonitor {
    /// When to call [`BootMonitor::poll`]. `None`: no client can have a problem without another event.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_deadline
    }

    /// Handles an event. Returns a finding if the event is a problem by itself.
    pub fn observe(&mut self, event: ClientEvent, now: Timestamp) -> Option<Finding> {
        let (client, path) = match event {
            ClientEvent::LeaseRequested { mac, ip } => {
                if self.clients.contains_key(&ClientKey::Mac(mac)) {
                    self.bind_ip(mac, ip.into());
                }
                return None;
            }
            ClientEvent::ReplySent(reply) => return self.reply_sent(reply, now),
            ClientEvent::NoBootFile { mac, reason } => return self.no_boot_file(mac, reason, now),
            ClientEvent::OtherServerReply(reply) => return self.other_server(reply, now),
            ClientEvent::TransferCompleted(transfer) => return self.file_sent(&transfer, now),
            ClientEvent::FirstAck { client } => {
                self.clients.get_mut(&self.key_for(client))?.first_ack();
                return None;
            }
            // Findings depend on what the client does next.
            ClientEvent::TransferFailed { .. } => return None,
            ClientEvent::TransferEvicted { client, by_same_client } => {
                let key = self.key_for(client);
                return self
                    .should_report(key, FindingKind::TransferEvicted, now)
                    .then_some(Finding::TransferEvicted { client: key, by_same_client });
            }
            ClientEvent::SocketUnavailable { client, reason } => {
                let key = self.key_for(client);
                let is_due = self.should_report(key, FindingKind::SocketUnavailable, now);
                return is_due.then_some(Finding::SocketUnavailable { client: key, reason });
            }
            ClientEvent::TransferStarted { client, ref path }
            | ClientEvent::TransferRefused { client, ref path, .. } => (client, path),
        };
        if path.len() > MAX_PATH_LEN {
            self.clients.get_mut(&self.key_for(client))?.expected = None;
            return None;
        }
        match event {
            ClientEvent::TransferStarted { path, .. } => {
                let state = self.client_mut(self.key_for(client), now)?;
                state.transfer_started(path, now);
                let pending = state.is_pending();
                self.schedule_poll(pending, now);
                None
            }
            ClientEvent::TransferRefused { path, reason, .. } => {
                self.file_refused(client, path, reason, now)
            }
            _ => None,
        }
    }

    /// Whether a [`ClientEvent::NoBootFile`] of this client would be reported now.
    pub fn may_report_no_boot_file(&self, mac: Mac, now: Timestamp) -> bool {
        let kinds = [FindingKind::NoReply, FindingKind::EmptyReply];
        match self.clients.get(&ClientKey::Mac(mac)) {
            Some(state) => !kinds.iter().any(|kind| state.recently_reported(*kind, now)),
            None => self.clients.len() < MAX_CLIENTS,
        }
    }

    /// A missing file is reported later, if the client gets no other one. Other reasons are reported at once, for each
    /// file once a minute.
    fn file_refused(
        &mut self,
        client: IpAddr,
        path: Vec<u8>,
        reason: RefusalReason,
        now: Timestamp,
    ) -> Option<Finding> {
        let client = self.key_for(client);
        let state = self.client_mut(client, now)?;
        // This is the problem. A missing download is not reported too.
        state.expected = None;
        if reason == RefusalReason::NotFound {
            state.file_missing(path, now);
            self.schedule_poll(true, now);
            return None;
        }
        if reason == RefusalReason::Unreported || !self.is_file_due(&path, now) {
            return None;
        }
        let file = self.clients.get(&client)?.refused_file(path, reason);
        Some(Finding::FileUnreadable { client, file })
    }

    /// Whether an unreadable file may be reported now; if so, it counts as reported.
    fn is_file_due(&mut self, path: &[u8], now: Timestamp) -> bool {
        let is_recent = |when: &Timestamp| now - *when < REPORT_INTERVAL;
        if self.unreadable_files.get(path).is_some_and(is_recent) {
            return false;
        }
        if self.unreadable_files.len() >= MAX_UNREADABLE_FILES {
            self.unreadable_files.retain(|_, when| is_recent(when));
        }
        let is_due = self.unreadable_files.len() < MAX_UNREADABLE_FILES;
        if is_due {
            self.unreadable_files.insert(path.to_vec(), now);
        }
        is_due
    }

    fn no_boot_file(&mut self, mac: Mac, reason: BootReason, now: Timestamp) -> Option<Finding> {
        if !self.may_report_no_boot_file(mac, now) {
            return None;
        }
        let client = ClientKey::Mac(mac);
        let state = self.client_mut(client, now)?;
        let kind = if matches!(reason, BootReason::NoReply { .. }) {
            FindingKind::NoReply
        } else {
            // There is nothing to request, so that a missing request has this cause.
            state.expected = None;
            FindingKind::EmptyReply
        };
        state.should_report(kind, now).then_some(Finding::NoBootFile { client, reason })
    }

    /// The client has acknowledged a whole file.
    fn file_sent(&mut self, sent: &CompletedTransfer, now: Timestamp) -> Option<Finding> {
        let key = self.key_for(sent.client);
        if sent.path.len() > MAX_PATH_LEN {
            return None;
        }
        let state = self.client_mut(key, now)?;
        state.file_sent(&sent.path, now);
        let advertised = state.advertised.clone()?;
        let count = state.load_count(now);
        // A script of iPXE may chain to itself on purpose.
        let is_odd = !advertised.is_ipxe || is_ipxe(&advertised.file);
        if count < MAX_LOADS_OF_ONE_FILE
            || !is_odd
            || !state.should_report(FindingKind::BootLoop, now)
        {
            return None;
        }
        let client::AdvertisedFile { file, line, architecture, is_ipxe } = advertised;
        let (client, path) = (key, sent.path.clone());
        let found = BootLoop { client, file, path, count, line, architecture, is_ipxe };
        Some(Finding::BootLoop(found))
    }

    /// Finds clients that have stopped, if the deadline has come. `busy`: requests for files wait in the queue, so a
    /// missing download is no problem yet.
    pub fn poll(&mut self, busy: bool, now: Timestamp) -> Vec<Finding> {
        // Forgetting has no deadline of its own: it is done in the turns of other events.
        let must_forget = !self.clients.is_empty() && now - self.polled_at >= REPORT_INTERVAL;
        if !must_forget && self.next_deadline.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.polled_at = now;
        let mut findings = Vec::new();
        for (key, state) in &mut self.clients {
            if let Some(expected) = state.expected.as_mut().filter(|one| busy && one.file.is_some())
            {
                expected.deadline = expected.deadline.max(now + STEP_TIMEOUT);
            }
            findings.extend(state.check(*key, now));
        }
        if findings.iter().any(|finding| matches!(finding, Finding::NoDownload { .. })) {
            self.drop_satisfied(&mut findings);
        }
        self.clients.retain(|_, state| state.is_recent(now));
        self.other_servers.retain(|_, (_, received_at)| now - *received_at < REPORT_INTERVAL);
        let Self { clients, mac_by_ip, .. } = self;
        mac_by_ip.retain(|_, mac| clients.contains_key(&ClientKey::Mac(*mac)));
        let pending = self.clients.values().any(|state| state.is_pending());
        self.next_deadline = pending.then(|| now + POLL_INTERVAL);
        findings
    }

    /// Removes findings about a download that was made from an address without a known client: it may be the same client.
    fn drop_satisfied(&self, findings: &mut Vec<Finding>) {
        let unknown = self.clients.iter().filter(|(key, _)| matches!(key, ClientKey::Ip(_)));
        let requested: HashSet<u64> = unknown.flat_map(|(_, state)| state.recent_names()).collect();
        findings.retain(|finding| match finding {
            Finding::NoDownload { file, .. } => !requested.contains(&client::basename_hash(file)),
            _ => true,
        });
    }

    fn reply_sent(&mut self, reply: ReplySent, now: Timestamp) -> Option<Finding> {
        let ReplySent { mac, ip, architecture, is_ipxe, boot_file, next, line, .. } = reply;
        if let Some(ip) = ip {
            self.bind_ip(mac, ip.into());
        }
        let reply = self
            .other_servers
            .remove(&mac)
            .filter(|(_, received_at)| now - *received_at < REPORT_INTERVAL);
        let state = self.client_mut(ClientKey::Mac(mac), now)?;
        state.line = Some(line.clone());
        state.clear_misses();
        let file = boot_file.filter(|file| file.len() <= MAX_PATH_LEN);
        if let Some(file) = &file {
            state.set_advertised(client::AdvertisedFile {
                file: file.clone(),
                line: line.clone(),
                architecture,
                is_ipxe,
            });
        }
        state.expected = match (next, file) {
            (ExpectedStep::ProxyRequest { seconds }, _) => {
                let until = now + STEP_TIMEOUT + Duration::from_secs(seconds.into());
                Some(Expectation { file: None, line, deadline: until })
            }
            // A client that has the file already may not need it again, and iPXE may have an embedded script.
            (ExpectedStep::Download, Some(file)) if state.load_count(now) == 0 && !is_ipxe => {
                Some(Expectation { file: Some(file), line, deadline: now + STEP_TIMEOUT })
            }
            (ExpectedStep::Download | ExpectedStep::Unknown, _) => None,
        };
        // The reply of another server, or the empty reply of this one, is the reason, and is reported already.
        let causes = [FindingKind::OtherServer, FindingKind::EmptyReply];
        if causes.iter().any(|kind| state.recently_reported(*kind, now)) {
            state.expected = None;
        }
        let pending = state.is_pending();
        self.schedule_poll(pending, now);
        self.other_server(reply?.0, now)
    }

    fn other_server(&mut self, reply: OtherServerReply, now: Timestamp) -> Option<Finding> {
        if let Some(state) = self.clients.get_mut(&ClientKey::Mac(reply.mac)) {
            let line = state.line.clone()?;
            state.expected = None;
            return state
                .should_report(FindingKind::OtherServer, now)
                .then_some(Finding::OtherServer(reply, line));
        }
        if self.other_servers.len() >= MAX_OTHER_SERVERS {
            self.other_servers.clear();
        }
        self.other_servers.insert(reply.mac, (reply, now));
        None
    }

    /// A client has got an address. Earlier events of that address belong to it.
    fn bind_ip(&mut self, mac: Mac, ip: IpAddr) {
        if self.mac_by_ip.len() < MAX_CLIENTS || self.mac_by_ip.contains_key(&ip) {
            self.mac_by_ip.insert(ip, mac);
        }
        if let Some(unknown) = self.clients.remove(&ClientKey::Ip(ip)) {
            self.clients.entry(ClientKey::Mac(mac)).or_default().merge(*unknown);
        }
    }

    fn key_for(&self, client: IpAddr) -> ClientKey {
        self.mac_by_ip.get(&client).map_or(ClientKey::Ip(client), |mac| ClientKey::Mac(*mac))
    }

    /// The state of a client. `None`: there are too many clients.
    fn client_mut(&mut self, key: ClientKey, now: Timestamp) -> Option<&mut ClientState> {
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&key) {
            return None;
        }
        let state = self.clients.entry(key).or_default();
        state.last_seen = now;
        Some(state)
    }

    fn should_report(&mut self, key: ClientKey, kind: FindingKind, now: Timestamp) -> bool {
        self.client_mut(key, now).is_some_and(|state| state.should_report(kind, now))
    }

    fn schedule_poll(&mut self, pending: bool, now: Timestamp) {
        if pending {
            self.next_deadline.get_or_insert(now + POLL_INTERVAL);
        }
    }
}

/// The kinds of findings. Each is reported once a minute for a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FindingKind {
    NoProxyRequest,
    NoDownload,
    NoReply,
    EmptyReply,
    BootLoop,
    NoAcks,
    TransferEvicted,
    SocketUnavailable,
    OtherServer,
}

#[cfg(test)]
mod tests;
