//! Signals as a descriptor (signalfd(2)): they are read in the loop, and nothing runs in a handler.

use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use std::io;
use std::os::fd::{AsFd, AsRawFd};

/// The signals we care for, blocked and readable.
pub struct Signals(SignalFd);

/// What a signal asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asked {
    /// SIGTERM: end.
    Terminate,
    /// SIGINT.
    Interrupt,
    /// SIGHUP: read files again.
    Reload,
    /// SIGUSR2: begin a new log file.
    Rotate,
    /// Nothing we do.
    Nothing,
}

/// All that is ours. SIGPIPE is ignored by Rust's runtime already.
fn ours() -> SigSet {
    let ours = [
        Signal::SIGTERM,
        Signal::SIGINT,
        Signal::SIGHUP,
        Signal::SIGUSR1,
        Signal::SIGUSR2,
        Signal::SIGALRM,
    ];
    ours.into_iter().collect()
}

/// Lets signals wait, for this thread and all it starts: until we serve there is nobody to act on them.
pub fn hold() -> io::Result<()> {
    Ok(ours().thread_block()?)
}

impl Signals {
    /// Hears those that are held. It hears the process it is made in, and no copy of it.
    pub fn new() -> io::Result<Self> {
        let flags = SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC;
        Ok(Self(SignalFd::with_flags(&ours(), flags)?))
    }

    /// The next signal that has come.
    pub fn next(&self) -> Option<Asked> {
        let info = self.0.read_signal().ok().flatten()?;
        Some(match i32::try_from(info.ssi_signo) {
            Ok(libc::SIGTERM) => Asked::Terminate,
            Ok(libc::SIGINT) => Asked::Interrupt,
            Ok(libc::SIGHUP) => Asked::Reload,
            Ok(libc::SIGUSR2) => Asked::Rotate,
            _ => Asked::Nothing,
        })
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_fd().as_raw_fd()
    }
}

/// From now on signals do what they usually do.
pub fn release() {
    // What they do is good enough, if this should fail.
    _ = SigSet::all().thread_unblock();
}
