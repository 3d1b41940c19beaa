//! Watches how clients go on, and remarks on those that do not: offered and never back, the same file again and again,
//! a file that is not there, another server in between.
//!
//! ```text
//! Sight, now ─► Onlooker ─► Remark        a clock of its own it has not: it says when it wants to look again
//! ```
//!
//! Misses are usual on the way: a loader tries ten names before it finds its configuration. So they are remarked on when
//! nothing good has come behind them for a while.

mod client;
pub mod event;

use crate::boot_monitor::event::CompletedTransfer;
use crate::boot_monitor::event::{
    ClientEvent, ExpectedStep, Mac, OtherServerReply, RefusalReason, ReplySent,
};
use crate::config::Origin;
use crate::time::Timestamp;
use crate::wire::pxe::is_ipxe;
use client::{ClientState, Expectation};
use std::collections::{HashMap, HashSet};
use std::net::IpAddr;
use std::time::Duration;

/// A client: by its hardware address, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientKey {
    /// It was answered.
    Mac(Mac),
    /// It only loads files.
    Ip(IpAddr),
}

/// Something remarkable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// It was answered and never came to port 4011.
    NoProxyRequest {
        /// Who.
        client: ClientKey,
        /// By which line it was answered.
        line: Origin,
    },
    /// It was told what to load and never did.
    NoDownload {
        /// Who.
        client: ClientKey,
        /// What, as it was told.
        file: Vec<u8>,
        /// By which line.
        line: Origin,
    },
    /// It loads one file again and again.
    BootLoop {
        /// Who.
        client: ClientKey,
        /// What, as it was told.
        file: Vec<u8>,
        /// How often within a minute.
        count: usize,
        /// By which line.
        line: Origin,
        /// Whether it said that it was iPXE when it was told.
        is_ipxe: bool,
    },
    /// It asks for one file again and again and acknowledges nothing.
    NoAcks {
        /// Who.
        client: ClientKey,
        /// The path.
        path: Vec<u8>,
        /// How often.
        count: usize,
    },
    /// There were as many transfers as may be, and one of its had to go.
    TransferEvicted {
        /// Who.
        client: ClientKey,
    },
    /// It asked for a file, and there was no socket to send it by.
    SocketUnavailable {
        /// Who.
        client: ClientKey,
        /// The system's words.
        reason: String,
    },
    /// It did not get these files, and has got nothing since. Whether there is something to say about one of them, and
    /// whether that was said lately, is for whoever looks.
    FilesRefused {
        /// Who.
        client: ClientKey,
        /// What it did not get, in order.
        file: Vec<RefusedFile>,
    },
    /// Another server tells it what to boot, and this is the line we answer by.
    OtherServer(OtherServerReply, Origin),
}

/// A file that somebody did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedFile {
    /// Its path.
    pub path: Vec<u8>,
    /// Why.
    pub reason: RefusalReason,
    /// The line that named it, if one did.
    pub line: Option<Origin>,
}

/// Everybody who is on the way.
#[derive(Debug, Default)]
pub struct BootMonitor {
    clients: HashMap<ClientKey, ClientState>,
    mac_by_ip: HashMap<IpAddr, Mac>,
    /// Answers of others to clients that we have not answered yet.
    other_servers: HashMap<Mac, (OtherServerReply, Timestamp)>,
    next_deadline: Option<Timestamp>,
    /// When it last looked.
    polled_at: Timestamp,
}

/// Clients that are watched. While there are so many, new ones are not.
const MAX_CLIENTS: usize = 4096;
/// Answers of others that are kept.
const MAX_OTHER_SERVERS: usize = 64;
/// A path with more bytes is nobody's boot file, and is not kept.
const MAX_PATH_LEN: usize = 256;
/// Between looks, in milliseconds.
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// For so long one thing is told of a client once; and so long a client is remembered.
const REPORT_INTERVAL: Duration = Duration::from_secs(60);
/// Firmware comes back within that time: iPXE waits 16 seconds after its lease.
const STEP_TIMEOUT: Duration = Duration::from_secs(30);
/// When nothing good has come behind a miss for so long, the client has stopped there.
const QUIET_PERIOD: Duration = Duration::from_secs(5);
/// A third time is no accident.
const MAX_LOADS_OF_ONE_FILE: usize = 3;

impl BootMonitor {
    /// When it wants to be woken to look again: only where there may be something to say.
    pub fn next_deadline(&self) -> Option<Timestamp> {
        self.next_deadline
    }

    /// Notes something; a remark, if it is one already.
    pub fn observe(&mut self, sight: ClientEvent, now: Timestamp) -> Option<Finding> {
        let (client, path) = match sight {
            ClientEvent::LeaseRequested { mac, ip } => {
                if self.clients.contains_key(&ClientKey::Mac(mac)) {
                    self.bind_ip(mac, ip.into());
                }
                return None;
            }
            ClientEvent::ReplySent(answered) => return self.reply_sent(answered, now),
            ClientEvent::OtherServerReply(rival) => return self.other_server(rival, now),
            ClientEvent::TransferCompleted(transfer) => return self.file_sent(&transfer, now),
            ClientEvent::FirstAck { client } => {
                let way = self.clients.get_mut(&self.key_for(client))?;
                way.first_ack();
                return None;
            }
            ClientEvent::TransferEvicted { client } => {
                let who = self.key_for(client);
                return self
                    .should_report(who, FindingKind::TransferEvicted, now)
                    .then_some(Finding::TransferEvicted { client: who });
            }
            ClientEvent::SocketUnavailable { client, reason } => {
                let who = self.key_for(client);
                let may_tell = self.should_report(who, FindingKind::SocketUnavailable, now);
                return may_tell.then_some(Finding::SocketUnavailable { client: who, reason });
            }
            ClientEvent::TransferStarted { client, ref path }
            | ClientEvent::TransferRefused { client, ref path, .. } => (client, path),
        };
        if path.len() > MAX_PATH_LEN {
            self.clients.get_mut(&self.key_for(client))?.expected = None;
            return None;
        }
        let way = self.client_mut(self.key_for(client), now)?;
        match sight {
            ClientEvent::TransferStarted { path, .. } => way.transfer_started(path, now),
            ClientEvent::TransferRefused { path, reason: why, .. } => {
                way.file_refused(path, why, now)
            }
            _ => {}
        }
        let pending = way.is_pending();
        self.schedule_poll(pending, now);
        None
    }

    /// A file was sent, whole.
    fn file_sent(&mut self, sent: &CompletedTransfer, now: Timestamp) -> Option<Finding> {
        let who = self.key_for(sent.client);
        if sent.path.len() > MAX_PATH_LEN {
            return None;
        }
        let way = self.client_mut(who, now)?;
        way.file_sent(&sent.path, now);
        let told = way.advertised.clone()?;
        let times = way.load_count(now);
        // A script of iPXE may come back to itself.
        let is_odd = !told.is_ipxe || is_ipxe(&told.file);
        if times < MAX_LOADS_OF_ONE_FILE
            || !is_odd
            || !way.should_report(FindingKind::BootLoop, now)
        {
            return None;
        }
        let client::AdvertisedFile { file, line, is_ipxe } = told;
        Some(Finding::BootLoop { client: who, file, count: times, line, is_ipxe })
    }

    /// Looks around, if it is time to. `busy`: requests for files have to wait, and nobody is late.
    pub fn poll(&mut self, busy: bool, now: Timestamp) -> Vec<Finding> {
        // Nobody is woken to forget: that is done when something happens anyway.
        let forgets = !self.clients.is_empty() && now - self.polled_at >= REPORT_INTERVAL;
        if !forgets && self.next_deadline.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.polled_at = now;
        let mut remarks = Vec::new();
        for (who, way) in &mut self.clients {
            if let Some(expected) = way.expected.as_mut().filter(|one| busy && one.file.is_some()) {
                expected.deadline = expected.deadline.max(now + STEP_TIMEOUT);
            }
            remarks.extend(way.check(*who, now));
        }
        if remarks.iter().any(|remark| matches!(remark, Finding::NoDownload { .. })) {
            self.drop_satisfied(&mut remarks);
        }
        self.clients.retain(|_, way| way.is_recent(now));
        self.other_servers.retain(|_, (_, heard)| now - *heard < REPORT_INTERVAL);
        let Self { clients: ways, mac_by_ip: machines, .. } = self;
        machines.retain(|_, mac| ways.contains_key(&ClientKey::Mac(*mac)));
        let pending = self.clients.values().any(ClientState::is_pending);
        self.next_deadline = pending.then(|| now + POLL_INTERVAL);
        remarks
    }

    /// Somebody whose hardware address is not known may be who was told to load what he has loaded.
    fn drop_satisfied(&self, remarks: &mut Vec<Finding>) {
        let strangers = self.clients.iter().filter(|(who, _)| matches!(who, ClientKey::Ip(_)));
        let had: HashSet<u64> = strangers.flat_map(|(_, way)| way.recent_names()).collect();
        remarks.retain(|remark| match remark {
            Finding::NoDownload { file, .. } => !had.contains(&client::basename_hash(file)),
            _ => true,
        });
    }

    fn reply_sent(&mut self, answered: ReplySent, now: Timestamp) -> Option<Finding> {
        let ReplySent { mac, ip, is_ipxe, boot_file: told, next, line } = answered;
        ip.into_iter().for_each(|ip| self.bind_ip(mac, ip.into()));
        let rival =
            self.other_servers.remove(&mac).filter(|(_, heard)| now - *heard < REPORT_INTERVAL);
        let way = self.client_mut(ClientKey::Mac(mac), now)?;
        way.line = Some(line.clone());
        way.clear_misses();
        let file = told.filter(|file| file.len() <= MAX_PATH_LEN);
        if let Some(file) = &file {
            way.set_advertised(client::AdvertisedFile {
                file: file.clone(),
                line: line.clone(),
                is_ipxe,
            });
        }
        way.expected = match (next, file) {
            (ExpectedStep::ProxyRequest { seconds }, _) => {
                let until = now + STEP_TIMEOUT + Duration::from_secs(seconds.into());
                Some(Expectation { file: None, line, deadline: until })
            }
            // Whoever has it may have no use for it a second time, and iPXE may have a script of its own.
            (ExpectedStep::Download, Some(file)) if way.load_count(now) == 0 && !is_ipxe => {
                Some(Expectation { file: Some(file), line, deadline: now + STEP_TIMEOUT })
            }
            (ExpectedStep::Download | ExpectedStep::Unknown, _) => None,
        };
        // Another server has been heard: that is the reason.
        if way.recently_reported(FindingKind::OtherServer, now) {
            way.expected = None;
        }
        let pending = way.is_pending();
        self.schedule_poll(pending, now);
        self.other_server(rival?.0, now)
    }

    fn other_server(&mut self, rival: OtherServerReply, now: Timestamp) -> Option<Finding> {
        if let Some(way) = self.clients.get_mut(&ClientKey::Mac(rival.mac)) {
            let line = way.line.clone()?;
            way.expected = None;
            return way
                .should_report(FindingKind::OtherServer, now)
                .then_some(Finding::OtherServer(rival, line));
        }
        if self.other_servers.len() >= MAX_OTHER_SERVERS {
            self.other_servers.clear();
        }
        self.other_servers.insert(rival.mac, (rival, now));
        None
    }

    /// A machine has an address. What was seen of the address was seen of the machine.
    fn bind_ip(&mut self, mac: Mac, ip: IpAddr) {
        if self.mac_by_ip.len() < MAX_CLIENTS || self.mac_by_ip.contains_key(&ip) {
            self.mac_by_ip.insert(ip, mac);
        }
        if let Some(stranger) = self.clients.remove(&ClientKey::Ip(ip)) {
            self.clients.entry(ClientKey::Mac(mac)).or_default().merge(stranger);
        }
    }

    fn key_for(&self, client: IpAddr) -> ClientKey {
        self.mac_by_ip.get(&client).map_or(ClientKey::Ip(client), |mac| ClientKey::Mac(*mac))
    }

    /// A client's way; `None`: there are too many.
    fn client_mut(&mut self, who: ClientKey, now: Timestamp) -> Option<&mut ClientState> {
        if self.clients.len() >= MAX_CLIENTS && !self.clients.contains_key(&who) {
            return None;
        }
        let way = self.clients.entry(who).or_default();
        way.last_seen = now;
        Some(way)
    }

    fn should_report(&mut self, who: ClientKey, topic: FindingKind, now: Timestamp) -> bool {
        self.client_mut(who, now).is_some_and(|way| way.should_report(topic, now))
    }

    fn schedule_poll(&mut self, pending: bool, now: Timestamp) {
        if pending {
            self.next_deadline.get_or_insert(now + POLL_INTERVAL);
        }
    }
}

/// What a client is remarked on for, once a minute each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FindingKind {
    NoProxyRequest,
    NoDownload,
    BootLoop,
    NoAcks,
    TransferEvicted,
    SocketUnavailable,
    OtherServer,
}

#[cfg(test)]
mod tests;
