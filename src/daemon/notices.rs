//! Findings of the boot monitor become notices in the log. For files that were not sent, the file process looks for the
//! cause.

use super::file_process::protocol::{Cause, InspectedFile, Request};
use super::file_process::roots::Roots;
use super::rate_limit::RateLimit;
use super::{Daemon, Monitoring};
use crate::boot_monitor::event::{ClientEvent, OtherServerReply};
use crate::boot_monitor::{ClientKey, Finding, RefusedFile, STEP_TIMEOUT};
use crate::config::Tftp;
use crate::log_line::{Line, NoticeClient, NoticeLine, ReplyPorts};
use crate::proxydhcp::foreign_reply;
use crate::reason::BootReason;
use crate::time::Timestamp;
use crate::wire::option_display::printable;
use std::collections::{HashMap, VecDeque};
use std::net::Ipv4Addr;
use std::time::Duration;

/// Clients that did not get files: the file process looks for the causes, of some clients at the same time.
pub struct Inspections {
    roots: Roots,
    waiting: VecDeque<RefusedClient>,
    in_flight: HashMap<u32, RefusedClient>,
    /// The number of the last inspection.
    last_id: u32,
    /// Notices of the last [`REPORT_INTERVAL`].
    reported: HashMap<Subject, Timestamp>,
    inspections: RateLimit,
}

/// A client, and the files that were not sent to it.
struct RefusedClient {
    client: NoticeClient,
    files: Vec<RefusedFile>,
    subject: Subject,
}

/// What has one notice within [`REPORT_INTERVAL`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
enum Subject {
    /// A client that gets no other file.
    Client(NoticeClient),
    /// A file that cannot be read.
    File(Vec<u8>),
}

/// Inspections at the same time. Some may wait for a disk.
const MAX_IN_FLIGHT: usize = 4;
/// Clients whose files wait.
const MAX_WAITING: usize = 1024;
/// Files of one client that are inspected.
const MAX_FILES: usize = 16;
/// Notices within [`REPORT_INTERVAL`], and clients whose files are inspected within it.
const MAX_REPORTED: usize = 200;
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

impl Inspections {
    /// No clients yet.
    pub fn new(roots: Roots) -> Self {
        Self {
            roots,
            waiting: VecDeque::new(),
            in_flight: HashMap::new(),
            last_id: 0,
            reported: HashMap::new(),
            inspections: RateLimit::new(MAX_REPORTED, REPORT_INTERVAL),
        }
    }

    fn add(&mut self, refused: RefusedClient, now: Timestamp) {
        if self.waiting.len() < MAX_WAITING && self.inspections.allow(now) {
            self.waiting.push_back(refused);
        }
    }

    /// The next request for the file process.
    fn next(&mut self) -> Option<Request> {
        if self.in_flight.len() >= MAX_IN_FLIGHT {
            return None;
        }
        let mut refused = self.waiting.pop_front()?;
        refused.files.truncate(MAX_FILES);
        let files = refused.files.iter().filter_map(|file| self.inspected(file)).collect();
        self.last_id = self.last_id.wrapping_add(1);
        let id = self.last_id;
        self.in_flight.insert(id, refused);
        Some(Request::Inspect { id, files })
    }

    fn inspected(&self, file: &RefusedFile) -> Option<InspectedFile> {
        let (root, name) = self.roots.split(&file.path)?;
        let is_configured = file.line.is_some();
        Some(InspectedFile { root, name: name.to_vec(), reason: file.reason, is_configured })
    }

    /// The notice for a result of the file process.
    fn finish(&mut self, id: u32, cause: Option<Cause>, now: Timestamp) -> Option<NoticeLine> {
        let RefusedClient { client, files, subject } = self.in_flight.remove(&id)?;
        let Cause { file, text } = cause?;
        let is_inspected = |file: &&RefusedFile| self.roots.split(&file.path).is_some();
        let file = files.iter().filter(is_inspected).nth(file.into())?;
        let line = file.line.as_ref().map(ToString::to_string);
        let notice = NoticeLine::FileRefused { client, reason: text, line };
        self.should_report(subject, now).then_some(notice)
    }

    /// Whether there may be a notice about this client or file now; if so, it is counted.
    fn should_report(&mut self, subject: Subject, now: Timestamp) -> bool {
        self.reported.retain(|_, when| now < *when + REPORT_INTERVAL);
        let allowed = self.reported.len() < MAX_REPORTED && !self.reported.contains_key(&subject);
        if allowed {
            self.reported.insert(subject, now);
        }
        allowed
    }
}

impl Monitoring {
    /// When [`Daemon::poll_monitor`] has something to do.
    pub(super) fn next_deadline(&self) -> Option<Timestamp> {
        let Self { boot_monitor, deferred, neighbours, .. } = self;
        let deadlines =
            [boot_monitor.next_deadline(), deferred.next_deadline(), neighbours.next_deadline()];
        deadlines.into_iter().flatten().min()
    }
}

impl Daemon {
    /// Passes an event of a client to the boot monitor. Returns the line of a notice.
    pub(super) fn observe(&mut self, event: ClientEvent, now: Timestamp) -> Option<Line> {
        self.monitoring.deferred.observe(&event);
        self.monitoring.observed.machines.observe(&event, now);
        let finding = self.monitoring.boot_monitor.observe(event, now)?;
        let finding = self.monitoring.deferred.defer(finding, now)?;
        self.report(finding, now)
    }

    /// Logs findings about clients that do not get further, and the number of suppressed lines.
    pub(super) fn poll_monitor(&mut self, now: Timestamp) {
        let Self { monitoring, tftp, .. } = self;
        monitoring.observed.machines.forget(now, |client| tftp.has_transfer(client));
        let findings = self.monitoring.boot_monitor.poll(self.tftp.load().queued > 0, now);
        let deferred = self.monitoring.deferred.take_due(now);
        self.write_notice(|daemon| daemon.log_limiter.rotate(now));
        let about_neighbours = self.check_neighbours(now);
        if self.replacement.is_replaced() {
            // What the clients do next is observed by the process that serves.
            return;
        }
        for finding in deferred.into_iter().chain(findings) {
            self.write_notice(|daemon| daemon.report(finding, now));
        }
        self.write_notice(|_| about_neighbours);
    }

    /// Passes a reply of another server to the boot monitor.
    pub(super) fn observe_reply(&mut self, from: Ipv4Addr, bytes: &[u8], now: Timestamp) {
        if self.replacement.is_replaced() {
            return;
        }
        // Replies of this server are received too, where a relay broadcasts them.
        let is_own = |ip| self.interfaces.addresses.iter().any(|own| own.ipv4() == Some(ip));
        let reply = foreign_reply::parse(from, bytes).filter(|reply| !is_own(reply.server));
        if let Some(reply) = reply.filter(|_| !is_own(from)) {
            self.write_notice(|daemon| daemon.observe(ClientEvent::OtherServerReply(reply), now));
        }
    }

    fn write_notice(&mut self, line: impl FnOnce(&mut Self) -> Option<Line>) {
        if let Some(line) = line(self) {
            self.logger.write(&line);
        }
    }

    fn request_inspections(&mut self) {
        while let Some(request) = self.monitoring.inspections.next() {
            self.file_process.send(&request);
        }
    }

    /// Logs the notice for a result of the file process.
    pub(super) fn inspected(&mut self, id: u32, cause: Option<Cause>, now: Timestamp) {
        if let Some(notice) = self.monitoring.inspections.finish(id, cause, now) {
            self.logger.write(&Line::Notice(notice));
        }
        self.request_inspections();
    }

    /// The line of a notice. `None`: there are too many, or the file process looks for the cause first.
    fn report(&mut self, finding: Finding, now: Timestamp) -> Option<Line> {
        let refused = match finding {
            Finding::FilesRefused { client: key, file: files } => {
                let client = client(key);
                RefusedClient { subject: Subject::Client(client.clone()), client, files }
            }
            Finding::FileUnreadable { client: key, file } => {
                let subject = Subject::File(file.path.clone());
                RefusedClient { client: client(key), files: vec![file], subject }
            }
            finding => return self.notice(finding, now),
        };
        self.monitoring.inspections.add(refused, now);
        self.request_inspections();
        None
    }

    fn notice(&mut self, finding: Finding, now: Timestamp) -> Option<Line> {
        if !self.log_limiter.allow_notice(now) {
            return None;
        }
        let notice = if let Finding::BootLoop(found) = finding {
            self.report_loop(found)
        } else {
            notice(finding, self.config.tftp.as_deref())
        };
        notice.map(Line::Notice)
    }
}

/// The notice about a finding; `None`: the file process looks for the cause first.
fn notice(finding: Finding, tftp: Option<&Tftp>) -> Option<NoticeLine> {
    let max_transfers = tftp.map_or(0, |tftp| tftp.max_transfers);
    Some(match finding {
        Finding::FilesRefused { .. } | Finding::FileUnreadable { .. } | Finding::BootLoop(_) => {
            return None;
        }
        Finding::NoProxyRequest { client: key, line } => {
            let seconds = STEP_TIMEOUT.as_secs();
            let reason = BootReason::NoProxyRequest { line: line.to_string(), seconds };
            NoticeLine::Boot { client: client(key), reason }
        }
        Finding::NoDownload { client: key, file, line } => {
            let (file, line) = (printable(&file), line.to_string());
            let reason = BootReason::NoDownload { file, line, seconds: STEP_TIMEOUT.as_secs() };
            NoticeLine::Boot { client: client(key), reason }
        }
        Finding::NoBootFile { client: key, reason } => {
            NoticeLine::Boot { client: client(key), reason }
        }
        Finding::NoAcks { client: key, path, count } => {
            let ports = tftp.map_or(ReplyPorts::Any, reply_ports);
            NoticeLine::NoAcks { client: client(key), path: printable(&path), count, ports }
        }
        Finding::TransferEvicted { client: key, by_same_client: true } => {
            NoticeLine::IdleTransferReplaced { client: client(key), max: max_transfers }
        }
        Finding::TransferEvicted { client: key, by_same_client: false } => {
            NoticeLine::TransferEvicted { client: client(key), max: max_transfers }
        }
        Finding::SocketUnavailable { client: key, reason } => {
            NoticeLine::SocketUnavailable { client: client(key), reason }
        }
        Finding::OtherServer(reply, line) => other_server_notice(reply, line.to_string()),
    })
}

fn reply_ports(tftp: &Tftp) -> ReplyPorts {
    match tftp.ports {
        _ if tftp.single_port => ReplyPorts::Single,
        Some((first, last)) => ReplyPorts::Range(first, last),
        None => ReplyPorts::Any,
    }
}

pub(super) fn client(key: ClientKey) -> NoticeClient {
    match key {
        ClientKey::Mac(mac) => NoticeClient::Mac(mac),
        ClientKey::Ip(ip) => NoticeClient::Ip(ip),
    }
}

fn other_server_notice(reply: OtherServerReply, line: String) -> NoticeLine {
    let OtherServerReply { server, mac, is_proxy, file, next_server } = reply;
    let next_server = if next_server.is_unspecified() { server } else { next_server };
    let (client, file) = (NoticeClient::Mac(mac), printable(&file));
    if is_proxy {
        NoticeLine::OtherProxy { client, server, file, line }
    } else {
        NoticeLine::OtherServer { client, server, file, next_server, line }
    }
}
