//! What the log needs and this process must not do while it serves: connecting to syslog, opening the log file again.

use super::Daemon;
use crate::logging::open_log_file_again;

impl Daemon {
    /// Connects the log to syslog, if it has lost its connection.
    pub(super) fn connect_log(&self) {
        if self.logger.syslog_request() {
            self.logger.syslog_connected(self.process.syslog.connect());
        }
    }

    /// Opens the log file again, if there is one.
    pub(super) fn reopen_log(&self) {
        if let Some(path) = self.config.process.log_file().filter(|_| self.logger.has_file()) {
            self.logger.reopened(open_log_file_again(path));
        }
    }
}
