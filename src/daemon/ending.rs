//! The end of the process.

use super::file_process::FileProcess;
use super::host_process::HostProcess;
use super::replacement::Replacement;
use super::script::Script;
use super::{Daemon, ProcessControl};
use crate::log_line::{Line, ProcessLine};
use crate::logging::Logger;
use crate::sys::signals::restore_default_handlers;

/// Why the daemon ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// SIGTERM.
    Terminated,
    /// SIGINT, in debug mode.
    Interrupted,
    /// A process that it needs has ended.
    HelperEnded,
    /// Another process serves instead, and its own transfers have ended.
    Replaced,
    /// It was replaced, and the server has ended with this exit code.
    ServerEnded(u8),
    /// It did not start. The error was reported to the process that was started; this is its exit code.
    Failed(u8),
}

impl ExitReason {
    /// The exit code of the process.
    pub fn code(self) -> u8 {
        match self {
            Self::Terminated | Self::Replaced => 0,
            Self::Interrupted | Self::HelperEnded => 5,
            Self::ServerEnded(code) | Self::Failed(code) => code,
        }
    }
}

impl Daemon {
    /// Ends this process; the reason, which is another one if it was replaced and waits for the end of the server.
    pub(super) fn end(self, reason: ExitReason) -> ExitReason {
        if reason == ExitReason::Replaced {
            return self.leave();
        }
        self.shutdown(reason);
        reason
    }

    /// Closes all sockets, so that the ports are free for another server, passes the remaining calls to the script's process,
    /// writes the remaining lines of the log, and ends the other processes.
    fn shutdown(self, reason: ExitReason) {
        let Self { script, sockets, logger, process, file_process, host, replacement, .. } = self;
        let ProcessControl { signals, .. } = process;
        drop(sockets);
        // A second signal ends the process, which may wait for the script.
        drop(signals);
        restore_default_handlers();
        end_processes(script, &logger, file_process, host);
        replacement.server_ended(reason.code());
    }

    /// Ends a process that was replaced and has finished its transfers, or waits for the end of the server.
    fn leave(self) -> ExitReason {
        let counters = self.counters();
        let (replacement, ProcessControl { signals, sd_notify, .. }) = self.close();
        replacement.leave(counters, signals, sd_notify)
    }

    /// Closes everything that a process which waits does not need.
    fn close(self) -> (Replacement, ProcessControl) {
        let Self { script, sockets, logger, process, file_process, host, replacement, .. } = self;
        drop(sockets);
        end_processes(script, &logger, file_process, host);
        (replacement, process)
    }

    pub(super) fn terminate(&mut self) {
        if let Some(manager) = &self.process.sd_notify {
            manager.stopping();
        }
        if self.config.process.pid_file().is_some() || self.process.control.is_some() {
            self.file_process.remove_pid_file();
        }
        self.logger.write(&Line::Process(ProcessLine::Terminated));
    }
}

/// Passes the remaining calls to the script's process, writes the remaining lines of the log, and ends the other processes.
fn end_processes(
    script: Option<Script>,
    logger: &Logger,
    mut file_process: FileProcess,
    host: Option<HostProcess>,
) {
    if let Some(script) = script {
        script.hand_over();
    }
    logger.flush_and_wait_with(|| file_process.connect_syslog());
    file_process.end();
    if let Some(host) = host {
        host.end();
    }
}
