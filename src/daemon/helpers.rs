//! Messages of the other processes of the program, and the end of one of them.

use super::host_process::{self, Received};
use super::{Daemon, ExitReason, MAX_DATAGRAMS_PER_TURN};
use crate::log_line::{Line, ProcessLine};
use crate::time::Timestamp;
use std::ffi::CStr;

/// The state of another process of the program.
pub enum HelperState {
    Running {
        /// Whether there may be more messages.
        more: bool,
    },
    /// The process of this name has ended.
    Ended(&'static CStr),
}

impl Daemon {
    /// Logs what the script reported; whether there may be more.
    pub(super) fn read_script_reports(&mut self) -> bool {
        let Some(script) = &mut self.script else { return false };
        let (lines, more) = script.poll_reports();
        for line in lines {
            self.logger.write(&Line::Script(line));
        }
        more
    }

    /// Reads messages of the host process.
    pub(super) fn read_host(&mut self, now: Timestamp) -> HelperState {
        for _ in 0..MAX_DATAGRAMS_PER_TURN {
            let Some(host) = &mut self.host else { break };
            match host.next_reply() {
                Received::Reply(from, bytes) => self.observe_reply(from, &bytes, now),
                Received::Other => {}
                Received::Nothing => return HelperState::Running { more: false },
                Received::Ended => return HelperState::Ended(host_process::NAME),
            }
        }
        HelperState::Running { more: self.host.is_some() }
    }

    /// The daemon cannot serve without its other processes: it ends, so that the service manager starts all again.
    pub(super) fn helper_ended(&self, name: &CStr) -> ExitReason {
        let name = name.to_string_lossy().into_owned();
        self.logger.write(&Line::Process(ProcessLine::HelperEnded(name)));
        ExitReason::HelperEnded
    }
}
