//! Notices about clients that load the same boot file again and again. The file process looks into the file for the reason.

use super::Daemon;
use super::file_process::protocol::{ExaminedProgram, Request};
use super::file_process::roots::Roots;
use super::notices::client;
use crate::boot_monitor::BootLoop;
use crate::diagnose::boot_program::Client;
use crate::log_line::{Line, NoticeLine};
use crate::wire::option_display::printable;
use std::collections::{HashMap, VecDeque};

/// Files that clients load again and again, and that wait for the file process.
pub struct LoopNotices {
    roots: Roots,
    waiting: VecDeque<(BootLoop, ExaminedProgram)>,
    in_flight: HashMap<u32, BootLoop>,
    /// The number of the last examination.
    last_id: u32,
}

/// Examinations at the same time. Some may wait for a disk.
const MAX_IN_FLIGHT: usize = 2;
/// Files that wait. The notice about another one is logged without a reason.
const MAX_WAITING: usize = 64;

impl LoopNotices {
    /// No files yet.
    pub fn new(roots: Roots) -> Self {
        Self { roots, waiting: VecDeque::new(), in_flight: HashMap::new(), last_id: 0 }
    }

    /// Queues a file for examination. Returns the notice if the file cannot be examined.
    fn add(&mut self, found: BootLoop) -> Option<NoticeLine> {
        match self.examination(&found).filter(|_| self.waiting.len() < MAX_WAITING) {
            Some(program) => self.waiting.push_back((found, program)),
            None => return Some(notice(found, None)),
        }
        None
    }

    fn examination(&mut self, found: &BootLoop) -> Option<ExaminedProgram> {
        let client = Client { architecture: found.architecture?, is_ipxe: found.is_ipxe };
        let (root, name) = self.roots.split(&found.path)?;
        self.last_id = self.last_id.wrapping_add(1);
        Some(ExaminedProgram { id: self.last_id, root, name: name.to_vec(), client })
    }

    /// The next request for the file process.
    fn next(&mut self) -> Option<Request> {
        if self.in_flight.len() >= MAX_IN_FLIGHT {
            return None;
        }
        let (found, program) = self.waiting.pop_front()?;
        self.in_flight.insert(program.id, found);
        Some(Request::ExamineProgram(program))
    }

    /// The notice for a result of the file process.
    fn finish(&mut self, id: u32, reason: Option<String>) -> Option<NoticeLine> {
        Some(notice(self.in_flight.remove(&id)?, reason))
    }
}

impl Daemon {
    /// Has the file of a finding examined. Returns the notice if that is not possible.
    pub(super) fn report_loop(&mut self, found: BootLoop) -> Option<NoticeLine> {
        let notice = self.monitoring.loop_notices.add(found);
        self.request_examinations();
        notice
    }

    /// Logs the notice for a result of the file process.
    pub(super) fn program_examined(&mut self, id: u32, reason: Option<String>) {
        if let Some(notice) = self.monitoring.loop_notices.finish(id, reason) {
            self.logger.write(&Line::Notice(notice));
        }
        self.request_examinations();
    }

    fn request_examinations(&mut self) {
        while let Some(request) = self.monitoring.loop_notices.next() {
            self.file_process.send(&request);
        }
    }
}

/// The notice about a finding. `reason`: what the file shows.
pub fn notice(found: BootLoop, reason: Option<String>) -> NoticeLine {
    let BootLoop { client: key, file, count, line, is_ipxe, .. } = found;
    let (client, file, line) = (client(key), printable(&file), line.to_string());
    if is_ipxe {
        NoticeLine::IpxeLoop { client, file, count, line, reason }
    } else {
        NoticeLine::BootLoop { client, file, count, line, reason }
    }
}
