//! What the log needs and the packet process must not do: connecting to syslog, opening the log file again.

use super::Daemon;
use super::file_process::protocol::Request;
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;

/// Opening the log file again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum LogReopening {
    /// Not requested.
    #[default]
    Idle,
    /// The file process was asked.
    Requested,
    /// The file process was asked, and a further request has come since.
    RequestedAgain,
}

impl Daemon {
    /// Requests a connection to syslog, if the log needs one.
    pub(super) fn connect_log(&mut self) {
        if self.logger.syslog_request() {
            self.file_process.send(&Request::ConnectSyslog);
        }
    }

    /// Requests that the log file is opened again, if there is one.
    pub(super) fn reopen_log(&mut self) {
        if !self.logger.has_file() {
            return;
        }
        self.log_reopening = match self.log_reopening {
            LogReopening::Idle => {
                self.file_process.send(&Request::ReopenLog);
                LogReopening::Requested
            }
            LogReopening::Requested | LogReopening::RequestedAgain => LogReopening::RequestedAgain,
        };
    }

    /// The log file was opened, or the error number.
    pub(super) fn log_opened(&mut self, error: i32, fd: Option<OwnedFd>) {
        self.logger.reopened(fd.map(File::from).ok_or(io::Error::from_raw_os_error(error)));
        if std::mem::take(&mut self.log_reopening) == LogReopening::RequestedAgain {
            self.reopen_log();
        }
    }
}
