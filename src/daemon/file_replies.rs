//! Replies of the file process.

use super::file_process::Received;
use super::file_process::protocol::Reply;
use super::{Daemon, ExitReason};
use crate::log_line::{Line, ProcessLine};
use crate::time::Timestamp;

impl Daemon {
    /// Handles all replies of the file process. If it has ended, the daemon ends too: it cannot open files itself.
    pub(super) fn read_file_process(&mut self, now: Timestamp) -> Option<ExitReason> {
        loop {
            match self.file_process.receive() {
                Received::Reply(Reply::LookedUp { results, .. }, fds) => {
                    self.looked_up(results, fds, now);
                }
                Received::Reply(Reply::Inspected { id, cause }, _) => {
                    self.inspected(id, cause, now);
                }
                Received::Reply(..) => {}
                Received::Nothing => return None,
                Received::Ended => {
                    self.logger.write(&Line::Process(ProcessLine::HelperEnded("pxemasq-files")));
                    return Some(ExitReason::HelperEnded);
                }
            }
        }
    }
}
