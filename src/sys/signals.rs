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
    /// Nothing we do.
    Nothing,
}

impl Signals {
    /// Takes the signals over, for this thread and all it starts. SIGPIPE is ignored by Rust's runtime already.
    pub fn take() -> io::Result<Self> {
        let mut set = SigSet::empty();
        let ours = [
            Signal::SIGTERM,
            Signal::SIGINT,
            Signal::SIGHUP,
            Signal::SIGUSR1,
            Signal::SIGUSR2,
            Signal::SIGALRM,
        ];
        ours.into_iter().for_each(|signal| set.add(signal));
        set.thread_block()?;
        Ok(Self(SignalFd::with_flags(&set, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC)?))
    }

    /// From now on they do what they usually do.
    pub fn release(self) {
        // What they usually do is good enough, if this should fail.
        _ = SigSet::all().thread_unblock();
    }

    /// The next signal that has come.
    pub fn next(&self) -> Option<Asked> {
        let info = self.0.read_signal().ok().flatten()?;
        Some(match i32::try_from(info.ssi_signo) {
            Ok(libc::SIGTERM) => Asked::Terminate,
            Ok(libc::SIGINT) => Asked::Interrupt,
            Ok(libc::SIGHUP) => Asked::Reload,
            _ => Asked::Nothing,
        })
    }
}

impl AsRawFd for Signals {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_fd().as_raw_fd()
    }
}
