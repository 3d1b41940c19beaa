//! Signals as a descriptor (signalfd(2)): the loop reads them, so that no code runs in a signal handler while it serves.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

/// The signals of the daemon, blocked and readable.
pub struct Signals(SignalFd);

/// The action for a signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalAction {
    /// SIGTERM: end the daemon.
    Terminate,
    /// SIGINT: end it in debug mode.
    Interrupt,
    /// SIGHUP: read files again.
    Reload,
    /// SIGUSR2: open the log file again.
    Rotate,
    /// SIGUSR1: write the state to the log.
    LogStatus,
    /// SIGCHLD: a child process has ended.
    ReapChildren,
    /// Other signals are ignored.
    Nothing,
}

/// Signals that a process can pass to another one, by their names without `SIG`.
const NAMES: [(SignalAction, &str); 5] = [
    (SignalAction::Terminate, "TERM"),
    (SignalAction::Interrupt, "INT"),
    (SignalAction::Reload, "HUP"),
    (SignalAction::LogStatus, "USR1"),
    (SignalAction::Rotate, "USR2"),
];

impl SignalAction {
    /// The name of the signal without `SIG`. `None`: it is not passed to another process.
    pub fn name(self) -> Option<&'static str> {
        NAMES.iter().find(|(action, _)| *action == self).map(|(_, name)| *name)
    }

    /// The action for a signal of this name.
    pub fn from_name(name: &str) -> Self {
        NAMES.iter().find(|(_, other)| *other == name).map_or(Self::Nothing, |(action, _)| *action)
    }
}

/// Signals that end the process.
const TERMINATING: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];
/// Other signals that are handled. Rust's runtime ignores SIGPIPE already.
const OTHER: [Signal; 5] =
    [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM, Signal::SIGCHLD];
/// dnsmasq's exit code after a signal during the start.
const EXIT_INTERRUPTED: libc::c_int = 5;

fn all_signals() -> SigSet {
    TERMINATING.into_iter().chain(OTHER).collect()
}

/// Sets the handlers for the start: SIGTERM and SIGINT end the process at once, without a message; others are discarded. It
/// replaces inherited `SIG_IGN`, because with an ignored SIGCHLD child processes cannot be waited for.
pub fn install_startup_handlers() {
    for signal in TERMINATING {
        handle(signal, SigHandler::Handler(exit));
    }
    for signal in OTHER {
        handle(signal, SigHandler::Handler(discard));
    }
}

extern "C" fn exit(_: libc::c_int) {
    // SAFETY: `_exit` may be called in a signal handler (signal-safety(7)).
    unsafe { libc::_exit(EXIT_INTERRUPTED) }
}

extern "C" fn discard(_: libc::c_int) {}

/// Sets the handler of a signal.
pub(super) fn handle(signal: Signal, handler: SigHandler) {
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handlers call only async-signal-safe functions.
    let _ = unsafe { sigaction(signal, &action) };
}

impl Signals {
    /// Blocks the signals in this thread and in threads that it starts, and opens a descriptor for them. After a fork, the
    /// child process needs a descriptor of its own.
    pub fn new() -> io::Result<Self> {
        all_signals().thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self(SignalFd::with_flags(&all_signals(), flags)?))
    }

    /// The action for the next pending signal.
    pub fn next(&self) -> Option<SignalAction> {
        let info = self.0.read_signal().ok().flatten()?;
        Some(match i32::try_from(info.ssi_signo) {
            Ok(libc::SIGTERM) => SignalAction::Terminate,
            Ok(libc::SIGINT) => SignalAction::Interrupt,
            Ok(libc::SIGHUP) => SignalAction::Reload,
            Ok(libc::SIGUSR1) => SignalAction::LogStatus,
            Ok(libc::SIGUSR2) => SignalAction::Rotate,
            Ok(libc::SIGCHLD) => SignalAction::ReapChildren,
            _ => SignalAction::Nothing,
        })
    }
}

impl AsFd for Signals {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_fd().as_raw_fd()
    }
}

/// SIGTERM and SIGINT end the process again, by default action. The other signals stay blocked.
pub fn restore_default_handlers() {
    for signal in TERMINATING {
        handle(signal, SigHandler::SigDfl);
    }
    // If it fails, the process ends when it has finished.
    let _ = TERMINATING.into_iter().collect::<SigSet>().thread_unblock();
}

/// Waits for all child processes that have ended. Process 1 of a container inherits children that it did not start.
pub fn reap_children() {
    let any = None::<Pid>;
    while waitpid(any, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
}
