//! Remarks become notices in the log. What disks have to say about it is asked beside the loop.

use super::Daemon;
use super::startup::sandbox::Sandbox;
use crate::boot_monitor::event::{ClientEvent, OtherServerReply, RefusalReason};
use crate::boot_monitor::{ClientKey, Finding, RefusedFile};
use crate::diagnose::boot_file;
use crate::diagnose::boot_file::FileProblem;
use crate::log_line::{Line, NoticeClient, NoticeLine};
use crate::logging::Logger;
use crate::proxydhcp::foreign_reply;
use crate::sys::dhcp_sniffer::SniffedReply;
use crate::sys::privilege::Identity;
use crate::time::Timestamp;
use crate::wire::option_display::printable;
use std::collections::{HashMap, VecDeque};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

/// Files that the disk is asked about for a notice, one after the other, however slow it is.
#[derive(Clone)]
pub struct FileInspector {
    queue: Arc<Mutex<Queue>>,
    inspector: Arc<Inspector>,
}

/// Who looks.
struct Inspector {
    identity: Identity,
    confinement: Sandbox,
}

#[derive(Default)]
struct Queue {
    waiting: VecDeque<StuckClient>,
    /// Whether somebody looks.
    busy: bool,
    /// Clients that something was said of within the last minute.
    reported: HashMap<NoticeClient, Instant>,
    /// When the last files were looked at.
    inspected: VecDeque<Instant>,
}

/// Files that were not sent to somebody.
struct StuckClient {
    client: NoticeClient,
    missed: Vec<RefusedFile>,
    /// `tftp-secure`
    secure: bool,
}

/// Clients whose files may wait for a disk.
const MAX_WAITING: usize = 1024;
/// Clients that something is said of in a minute, and whose files are looked at.
const MAX_REPORTED: usize = 200;
const REPORT_INTERVAL: Duration = Duration::from_secs(60);

impl FileInspector {
    /// By somebody's rights, and within these walls.
    pub fn new(identity: Identity, confinement: Sandbox) -> Self {
        let eyes = Arc::new(Inspector { identity, confinement });
        Self { queue: Arc::default(), inspector: eyes }
    }

    /// Whether somebody looks, and may have something to log.
    pub fn is_busy(&self) -> bool {
        self.queue().busy
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has a file looked at.
    fn add(&self, stopped: StuckClient, journal: &Logger) {
        let mut queue = self.queue();
        if queue.waiting.len() >= MAX_WAITING || !queue.may_inspect() {
            return;
        }
        queue.waiting.push_back(stopped);
        if std::mem::replace(&mut queue.busy, true) {
            return;
        }
        drop(queue);
        let (looking, journal) = (self.clone(), journal.clone());
        let look = move || {
            while let Some(stopped) = looking.take() {
                let client = stopped.client.clone();
                let found =
                    looking.inspector.found(stopped).filter(|_| looking.should_report(client));
                found.into_iter().for_each(|notice| write(&journal, notice));
            }
        };
        if thread::Builder::new().name("notice".to_owned()).spawn(look).is_err() {
            self.queue().busy = false;
        }
    }

    /// Whether nothing was said of a client for a minute; it is, now.
    fn should_report(&self, client: NoticeClient) -> bool {
        let mut queue = self.queue();
        queue.reported.retain(|_, when| when.elapsed() < REPORT_INTERVAL);
        let room = queue.reported.len() < MAX_REPORTED && !queue.reported.contains_key(&client);
        if room {
            queue.reported.insert(client, Instant::now());
        }
        room
    }

    /// The next one; `None`: nobody looks any more.
    fn take(&self) -> Option<StuckClient> {
        let mut queue = self.queue();
        let next = queue.waiting.pop_front();
        queue.busy = next.is_some();
        next
    }
}

impl Queue {
    /// Whether the disk may be asked once more in this minute; it is, now.
    fn may_inspect(&mut self) -> bool {
        while self.inspected.front().is_some_and(|when| when.elapsed() >= REPORT_INTERVAL) {
            self.inspected.pop_front();
        }
        let may = self.inspected.len() < MAX_REPORTED;
        self.inspected.extend(may.then(Instant::now));
        may
    }
}

impl Daemon {
    /// Notes something that was seen of a client.
    pub(super) fn observe(&mut self, sight: ClientEvent, now: Timestamp) {
        let remark = self.monitor.observe(sight, now);
        remark.into_iter().for_each(|remark| self.report(remark, now));
    }

    /// Looks around for clients that have stopped.
    pub(super) fn poll_monitor(&mut self, now: Timestamp) {
        let remarks = self.monitor.poll(self.tftp.load().queued > 0, now);
        remarks.into_iter().for_each(|remark| self.report(remark, now));
        self.teller.rotate(now).iter().for_each(|line| self.logger.write(line));
    }

    /// Hears what other servers tell everybody.
    pub(super) fn read_sniffer(&mut self, buffer: &mut [u8], now: Timestamp) -> bool {
        for _ in 0..super::MAX_DATAGRAMS_PER_TURN {
            let Some(ear) = &self.sniffer else { return false };
            let Some(SniffedReply { from, bytes }) = ear.next(buffer) else { return false };
            // Ours too are heard, where a relay tells them to everybody.
            let is_own = |ip| self.interfaces.addresses.iter().any(|own| own.ipv4() == Some(ip));
            let rival = foreign_reply::parse(from, bytes).filter(|rival| !is_own(rival.server));
            if let Some(rival) = rival.filter(|_| !is_own(from)) {
                self.observe(ClientEvent::OtherServerReply(rival), now);
            }
        }
        true
    }

    pub(super) fn report(&mut self, remark: Finding, now: Timestamp) {
        if let Finding::FilesRefused { client: who, file: missed } = remark {
            let secure = self.config.tftp.as_ref().is_some_and(|tftp| tftp.secure);
            let stopped = StuckClient { client: client(who), missed, secure };
            return self.inspector.add(stopped, &self.logger);
        }
        if !self.teller.allow_notice(now) {
            return;
        }
        let notice = match remark {
            Finding::FilesRefused { .. } => return,
            Finding::NoProxyRequest { client: who, line } => {
                NoticeLine::NoProxyRequest { client: client(who), line: line.to_string() }
            }
            Finding::NoDownload { client: who, file, line } => NoticeLine::NoDownload {
                client: client(who),
                file: printable(&file),
                line: line.to_string(),
            },
            Finding::BootLoop { client: who, file, count: times, line, is_ipxe } => {
                let (client, file, line) = (client(who), printable(&file), line.to_string());
                if is_ipxe {
                    NoticeLine::IpxeLoop { client, file, count: times, line }
                } else {
                    NoticeLine::BootLoop { client, file, count: times, line }
                }
            }
            Finding::NoAcks { client: who, path, count: times } => {
                NoticeLine::NoAcks { client: client(who), path: printable(&path), count: times }
            }
            Finding::TransferEvicted { client: who } => {
                let most = self.config.tftp.as_ref().map_or(0, |tftp| tftp.max_transfers);
                NoticeLine::TransferEvicted { client: client(who), max: most }
            }
            Finding::SocketUnavailable { client: who, reason } => {
                NoticeLine::SocketUnavailable { client: client(who), reason }
            }
            Finding::OtherServer(rival, line) => other_server_notice(rival, line.to_string()),
        };
        self.logger.write(&Line::Notice(notice));
    }
}

fn write(journal: &Logger, notice: NoticeLine) {
    journal.write(&Line::Notice(notice));
}

fn client(who: ClientKey) -> NoticeClient {
    match who {
        ClientKey::Mac(mac) => NoticeClient::Mac(mac),
        ClientKey::Ip(ip) => NoticeClient::Ip(ip),
    }
}

fn other_server_notice(rival: OtherServerReply, line: String) -> NoticeLine {
    let OtherServerReply { server, mac, is_proxy, file, next_server } = rival;
    let next_server = if next_server.is_unspecified() { server } else { next_server };
    let (client, file) = (NoticeClient::Mac(mac), printable(&file));
    if is_proxy {
        NoticeLine::OtherProxy { client, server, file, line }
    } else {
        NoticeLine::OtherServer { client, server, file, next_server, line }
    }
}

impl Inspector {
    /// What there is to say about files that were not sent: about the first that there is something to say about.
    fn found(&self, stopped: StuckClient) -> Option<NoticeLine> {
        let StuckClient { client, missed, secure } = stopped;
        missed.into_iter().find_map(|missed| self.notice_for(&client, missed, secure))
    }

    /// Of a file that nobody has named and that nothing is like: nothing.
    fn notice_for(
        &self,
        client: &NoticeClient,
        missed: RefusedFile,
        secure: bool,
    ) -> Option<NoticeLine> {
        let RefusedFile { path: bytes, reason: why, line } = missed;
        let (client, line) = (client.clone(), line.map(|line| line.to_string()));
        let path = Path::new(OsStr::from_bytes(&bytes));
        match why {
            RefusalReason::NotFound => {
                let near = boot_file::suggest(path).map(|near| near.to_string());
                let worth_it = near.is_some() || line.is_some();
                let path = printable(&bytes);
                worth_it.then_some(NoticeLine::FileNotFound {
                    client,
                    path,
                    suggestion: near,
                    line,
                })
            }
            RefusalReason::PermissionDenied => {
                let mut outcome = boot_file::check_path(path, Some(&self.identity), secure);
                if let (Ok(_), Some(target)) = (&outcome.file, self.confinement.blocks(path)) {
                    outcome.file = Err(FileProblem::OutsideSandbox(target));
                }
                let trouble = outcome.file.as_ref().err()?;
                let is_told = matches!(
                    trouble,
                    FileProblem::PermissionDenied(_)
                        | FileProblem::WrongOwner(_)
                        | FileProblem::OutsideSandbox(_)
                );
                is_told.then(|| NoticeLine::FileDenied {
                    client,
                    reason: outcome.to_string(),
                    line,
                })
            }
            RefusalReason::Unreported => None,
        }
    }
}
