//! Findings of the boot monitor become notices in the log. For files that were not sent, a thread looks for the cause:
//! a disk may be slow, and the loop must not wait for it.

use super::Daemon;
use super::rate_limit::RateLimit;
use super::startup::sandbox::Sandbox;
use crate::boot_monitor::event::{ClientEvent, OtherServerReply, RefusalReason};
use crate::boot_monitor::{ClientKey, Finding, RefusedFile};
use crate::diagnose::boot_file::{self, FileProblem};
use crate::log_line::{Line, NoticeClient, NoticeLine};
use crate::logging::Logger;
use crate::proxydhcp::foreign_reply;
use crate::sys::privilege::Identity;
use crate::time::Timestamp;
use crate::wire::option_display::printable;
use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Looks for the cause where files were not sent, one client after the other, in a thread.
#[derive(Clone)]
pub struct FileInspector {
    queue: Arc<Mutex<Queue>>,
    access: Arc<Access>,
}

/// What restricts access to files.
struct Access {
    identity: Identity,
    sandbox: Sandbox,
}

struct Queue {
    waiting: VecDeque<RefusedClient>,
    /// Whether the thread runs.
    busy: bool,
    /// Clients of notices of the last [`REPORT_INTERVAL`].
    reported: HashMap<NoticeClient, Instant>,
    inspections: RateLimit,
}

/// A client, and the files that were not sent to it.
struct RefusedClient {
    client: NoticeClient,
    files: Vec<RefusedFile>,
    /// `tftp-secure`
    secure: bool,
}

/// Clients whose files wait for the thread.
const MAX_WAITING: usize = 1024;
/// Clients that have a notice within [`REPORT_INTERVAL`], and clients whose files are inspected within it.
const MAX_REPORTED: usize = 200;
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

impl FileInspector {
    /// An inspector for this user and this sandbox.
    pub fn new(identity: Identity, sandbox: Sandbox) -> Self {
        let queue = Queue {
            waiting: VecDeque::new(),
            busy: false,
            reported: HashMap::new(),
            inspections: RateLimit::new(MAX_REPORTED, REPORT_INTERVAL),
        };
        let access = Arc::new(Access { identity, sandbox });
        Self { queue: Arc::new(Mutex::new(queue)), access }
    }

    /// Whether the thread runs, and may log a notice.
    pub fn is_busy(&self) -> bool {
        self.queue().busy
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Adds a client to the queue, and starts the thread if it does not run.
    fn add(&self, refused: RefusedClient, logger: &Logger, now: Timestamp) {
        let mut queue = self.queue();
        if queue.waiting.len() >= MAX_WAITING || !queue.inspections.allow(now) {
            return;
        }
        queue.waiting.push_back(refused);
        if std::mem::replace(&mut queue.busy, true) {
            return;
        }
        drop(queue);
        let (inspector, logger) = (self.clone(), logger.clone());
        let inspect = move || inspector.inspect_all(&logger);
        if thread::Builder::new().name("notice".to_owned()).spawn(inspect).is_err() {
            self.queue().busy = false;
        }
    }

    fn inspect_all(&self, logger: &Logger) {
        while let Some(refused) = self.take() {
            let client = refused.client.clone();
            if let Some(notice) = self.access.find_cause(refused)
                && self.should_report(client)
            {
                logger.write(&Line::Notice(notice));
            }
        }
    }

    /// Whether there may be a notice about this client now; if so, it is counted.
    fn should_report(&self, client: NoticeClient) -> bool {
        let mut queue = self.queue();
        queue.reported.retain(|_, when| when.elapsed() < REPORT_INTERVAL);
        let allowed = queue.reported.len() < MAX_REPORTED && !queue.reported.contains_key(&client);
        if allowed {
            queue.reported.insert(client, Instant::now());
        }
        allowed
    }

    /// The next client; `None`: the thread ends.
    fn take(&self) -> Option<RefusedClient> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.busy = next.is_some();
        next
    }
}

impl Daemon {
    /// Passes an event of a client to the boot monitor.
    pub(super) fn observe(&mut self, event: ClientEvent, now: Timestamp) {
        if let Some(finding) = self.monitoring.boot_monitor.observe(event, now) {
            self.report(finding, now);
        }
    }

    /// Logs findings about clients that do not get further, and the number of suppressed lines.
    pub(super) fn poll_monitor(&mut self, now: Timestamp) {
        let findings = self.monitoring.boot_monitor.poll(self.tftp.load().queued > 0, now);
        for finding in findings {
            self.report(finding, now);
        }
        if let Some(line) = self.log_limiter.rotate(now) {
            self.logger.write(&line);
        }
    }

    /// Passes a reply of another server to the boot monitor.
    pub(super) fn observe_reply(&mut self, from: Ipv4Addr, bytes: &[u8], now: Timestamp) {
        // Replies of this server are received too, where a relay broadcasts them.
        let is_own = |ip| self.interfaces.addresses.iter().any(|own| own.ipv4() == Some(ip));
        let reply = foreign_reply::parse(from, bytes).filter(|reply| !is_own(reply.server));
        if let Some(reply) = reply.filter(|_| !is_own(from)) {
            self.observe(ClientEvent::OtherServerReply(reply), now);
        }
    }

    pub(super) fn report(&mut self, finding: Finding, now: Timestamp) {
        if let Finding::FilesRefused { client: key, file: files } = finding {
            let secure = self.config.tftp.as_ref().is_some_and(|tftp| tftp.secure);
            let refused = RefusedClient { client: client(key), files, secure };
            return self.monitoring.inspector.add(refused, &self.logger, now);
        }
        if !self.log_limiter.allow_notice(now) {
            return;
        }
        let max_transfers = self.config.tftp.as_ref().map_or(0, |tftp| tftp.max_transfers);
        if let Some(notice) = notice(finding, max_transfers) {
            self.logger.write(&Line::Notice(notice));
        }
    }
}

/// The notice about a finding; `None`: a thread looks for the cause first.
fn notice(finding: Finding, max_transfers: usize) -> Option<NoticeLine> {
    Some(match finding {
        Finding::FilesRefused { .. } => return None,
        Finding::NoProxyRequest { client: key, line } => {
            NoticeLine::NoProxyRequest { client: client(key), line: line.to_string() }
        }
        Finding::NoDownload { client: key, file, line } => {
            let (file, line) = (printable(&file), line.to_string());
            NoticeLine::NoDownload { client: client(key), file, line }
        }
        Finding::BootLoop { client: key, file, count, line, is_ipxe } => {
            let (client, file, line) = (client(key), printable(&file), line.to_string());
            if is_ipxe {
                NoticeLine::IpxeLoop { client, file, count, line }
            } else {
                NoticeLine::BootLoop { client, file, count, line }
            }
        }
        Finding::NoAcks { client: key, path, count } => {
            NoticeLine::NoAcks { client: client(key), path: printable(&path), count }
        }
        Finding::TransferEvicted { client: key } => {
            NoticeLine::TransferEvicted { client: client(key), max: max_transfers }
        }
        Finding::SocketUnavailable { client: key, reason } => {
            NoticeLine::SocketUnavailable { client: client(key), reason }
        }
        Finding::OtherServer(reply, line) => other_server_notice(reply, line.to_string()),
    })
}

fn client(key: ClientKey) -> NoticeClient {
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

impl Access {
    /// The notice about the first of these files that has a cause worth a notice.
    fn find_cause(&self, refused: RefusedClient) -> Option<NoticeLine> {
        let RefusedClient { client, files, secure } = refused;
        files.into_iter().find_map(|file| match file.reason {
            RefusalReason::NotFound => not_found_notice(&client, file),
            RefusalReason::PermissionDenied => self.denied_notice(&client, file, secure),
            RefusalReason::Unreported => None,
        })
    }

    fn denied_notice(
        &self,
        client: &NoticeClient,
        file: RefusedFile,
        secure: bool,
    ) -> Option<NoticeLine> {
        let path = Path::new(OsStr::from_bytes(&file.path));
        let mut outcome = boot_file::check_path(path, Some(&self.identity), secure);
        if let (Ok(_), Some(target)) = (&outcome.file, self.sandbox.blocks(path)) {
            outcome.file = Err(FileProblem::OutsideSandbox(target));
        }
        match outcome.file.as_ref().err()? {
            FileProblem::PermissionDenied(_)
            | FileProblem::WrongOwner(_)
            | FileProblem::OutsideSandbox(_) => Some(NoticeLine::FileDenied {
                client: client.clone(),
                reason: outcome.to_string(),
                line: file.line.map(|line| line.to_string()),
            }),
            _ => None,
        }
    }
}

/// `None`: the configuration does not name the file, and no file has a similar name.
fn not_found_notice(client: &NoticeClient, file: RefusedFile) -> Option<NoticeLine> {
    let line = file.line.map(|line| line.to_string());
    let path = Path::new(OsStr::from_bytes(&file.path));
    let suggestion = boot_file::suggest(path).map(|similar| similar.to_string());
    if suggestion.is_none() && line.is_none() {
        return None;
    }
    let (client, path) = (client.clone(), printable(&file.path));
    Some(NoticeLine::FileNotFound { client, path, suggestion, line })
}
