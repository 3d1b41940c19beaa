//! Signals as a descriptor (signalfd(2)): they are read in the loop, and nothing runs in a handler.

use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, sigaction};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use nix::sys::wait::{WaitPidFlag, waitpid};
use nix::unistd::Pid;
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The signals we care for, blocked and readable.
pub struct Signals(SignalFd);

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SignalAction {
    /// SIGTERM: end.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGHUP: read files again.
    Reload,
    /// SIGUSR2: begin a new log file.
    Rotate,
    /// SIGCHLD: a child has ended.
    ReapChildren,
    /// Nothing we do.
    Nothing,
}

/// What ends us.
const TERMINATING: [Signal; 2] = [Signal::SIGTERM, Signal::SIGINT];
/// What else we care for. SIGPIPE is ignored by Rust's runtime already.
const RESERVED: [Signal; 5] =
    [Signal::SIGHUP, Signal::SIGUSR1, Signal::SIGUSR2, Signal::SIGALRM, Signal::SIGCHLD];
/// dnsmasq's exit code for those who do not let it start.
const EXIT_INTERRUPTED: libc::c_int = 5;

fn ours() -> SigSet {
    TERMINATING.into_iter().chain(RESERVED).collect()
}

/// While we start: what ends us does so at once and silently, all else is forgotten. Whatever our starter ignored we do
/// not, or no child of ours could be waited for.
pub fn install_startup_handlers() {
    TERMINATING.into_iter().for_each(|signal| handle(signal, SigHandler::Handler(leave)));
    RESERVED.into_iter().for_each(|signal| handle(signal, SigHandler::Handler(forget)));
}

extern "C" fn leave(_: libc::c_int) {
    // SAFETY: may be called in a handler (signal-safety(7)).
    unsafe { libc::_exit(EXIT_INTERRUPTED) }
}

extern "C" fn forget(_: libc::c_int) {}

/// Has a signal handled so from now on.
pub(super) fn handle(signal: Signal, handler: SigHandler) {
    let action = SigAction::new(handler, SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handlers do nothing that a handler may not.
    _ = unsafe { sigaction(signal, &action) };
}

impl Signals {
    /// From now on they are heard here, by this thread and all it starts, and in this process only: a copy of it has to
    /// hear its own.
    pub fn new() -> io::Result<Self> {
        ours().thread_block()?;
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self(SignalFd::with_flags(&ours(), flags)?))
    }

    /// The next signal that has come.
    pub fn next(&self) -> Option<SignalAction> {
        let info = self.0.read_signal().ok().flatten()?;
        Some(match i32::try_from(info.ssi_signo) {
            Ok(libc::SIGTERM) => SignalAction::Terminate,
            Ok(libc::SIGINT) => SignalAction::Interrupt,
            Ok(libc::SIGHUP) => SignalAction::Reload,
            Ok(libc::SIGUSR2) => SignalAction::Rotate,
            Ok(libc::SIGCHLD) => SignalAction::ReapChildren,
            _ => SignalAction::Nothing,
        })
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_fd().as_raw_fd()
    }
}

/// From now on what ends a program ends us. All else is left unheard.
pub fn restore_default_handlers() {
    TERMINATING.into_iter().for_each(|signal| handle(signal, SigHandler::SigDfl));
    // If this should fail, we end a little later.
    _ = TERMINATING.into_iter().collect::<SigSet>().thread_unblock();
}

/// Children that have ended are so for good. As the first process of a container we have children that we never started.
pub fn reap_children() {
    let any = None::<Pid>;
    while waitpid(any, Some(WaitPidFlag::WNOHANG)).is_ok_and(|status| status.pid().is_some()) {}
}
