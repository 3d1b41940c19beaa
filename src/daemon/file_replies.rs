//! Requests to the file process that are not look-ups, and its replies.

use super::config_files::read_memory;
use super::file_process::protocol::{Reply, Request, Unwatched};
use super::file_process::{self, MAX_NAMES_LEN, Received, connected};
use super::{Daemon, ExitReason};
use crate::log_line::{FileLine, Line};
use crate::time::Timestamp;
use std::os::fd::OwnedFd;
use std::time::Instant;

impl Daemon {
    /// Handles all replies of the file process. If it has ended, the daemon ends too: it cannot open files itself.
    pub(super) fn read_file_process(&mut self, now: Timestamp) -> Option<ExitReason> {
        loop {
            match self.file_process.receive() {
                Received::Reply(Reply::LookedUp { results, .. }, fds) => {
                    self.looked_up(results, fds, now);
                }
                Received::Reply(reply, fds) => self.handle_file_reply(reply, fds, now),
                Received::Nothing => return None,
                Received::Ended => return Some(self.helper_ended(file_process::NAME)),
            }
        }
    }

    fn handle_file_reply(&mut self, reply: Reply, fds: Vec<OwnedFd>, now: Timestamp) {
        let fd = fds.into_iter().next();
        match reply {
            // The process that serves reads them, too, and logs the lines about them.
            Reply::Changed(_) | Reply::ConfigOutdated if self.replacement.is_replaced() => {}
            Reply::Inspected { id, cause } => self.inspected(id, cause, now),
            Reply::ProgramExamined { id, reason } => self.program_examined(id, reason),
            Reply::Config { size, unwatched } => self.read_config((fd, size), &unwatched),
            Reply::Changed(size) => self.read_changed((fd, size)),
            Reply::DirectoryListed(listed, size) => {
                let names = read_memory((fd, size), MAX_NAMES_LEN as u64).ok();
                self.files.listed(listed, names.as_deref(), now);
            }
            Reply::ConfigOutdated => self.request_reload(now),
            Reply::LogOpened(error) => self.log_opened(error, fd),
            Reply::SyslogConnected(error) => self.logger.syslog_connected(connected(error, fd)),
            Reply::StatusRequested(number) => self.write_status(number, fd, now),
            Reply::ControlConnection(request) => self.control_connection(&request, fd),
            Reply::LookedUp { .. }
            | Reply::PidFileRemoved
            | Reply::Started(_)
            | Reply::Failed(..) => {}
        }
    }

    /// Reads hosts and option files again, as soon as the schedule permits it.
    pub(super) fn request_reload(&mut self, now: Timestamp) {
        if self.config_files.schedule.request(now) {
            self.start_reload();
        }
    }

    pub(super) fn reload_if_due(&mut self, now: Timestamp) {
        if self.config_files.schedule.due(now) {
            self.start_reload();
        }
    }

    fn start_reload(&mut self) {
        if let Some(manager) = &self.process.sd_notify {
            manager.reloading();
        }
        self.file_process.send(&Request::ReadConfig);
    }

    fn read_config(&mut self, contents: (Option<OwnedFd>, u64), unwatched: &[Unwatched]) {
        let start = Instant::now();
        if let Some((names, lines)) = self.config_files.read(contents, unwatched, &mut self.config)
        {
            self.names = names;
            self.write_lines(lines);
        }
        let now = self.now();
        self.config_files.schedule.finished(start.elapsed(), now);
        if let Some(manager) = &self.process.sd_notify {
            manager.ready();
        }
    }

    fn read_changed(&mut self, contents: (Option<OwnedFd>, u64)) {
        let Self { config_files, config, names, .. } = self;
        let lines = config_files.read_changed(contents, config, names);
        self.write_lines(lines);
    }

    fn write_lines(&self, lines: Vec<FileLine>) {
        for line in lines {
            self.logger.write(&Line::File(line));
        }
    }
}
