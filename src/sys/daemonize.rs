//! Into the background (daemon(7)), and what a daemon leaves behind there.

use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};
use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter};

/// Which process we are behind [`detach`].
pub enum ForkSide {
    /// The one that was started. It hears of the daemon here.
    Parent(PipeReader),
    /// The daemon: nobody's child, in a session that it does not lead. It speaks here.
    Daemon(PipeWriter),
}

/// Forks twice. To be called while there is one thread only.
pub fn detach() -> io::Result<ForkSide> {
    let (hears, speaks) = io::pipe()?;
    // SAFETY: there is one thread, so nothing is half done in the copy.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, 0) => Ok(ForkSide::Parent(hears)),
            WaitStatus::Exited(_, error) => Err(io::Error::from_raw_os_error(error)),
            _ => Err(io::Error::other("the process in between was killed")),
        },
        ForkResult::Child => {
            drop(hears);
            // SAFETY: as above.
            match setsid().and_then(|_| unsafe { fork() }) {
                Ok(ForkResult::Child) => Ok(ForkSide::Daemon(speaks)),
                // SAFETY: ends the process, without anything that is the first one's to do.
                Ok(ForkResult::Parent { .. }) => unsafe { libc::_exit(0) },
                // SAFETY: as above; the number of the error is the word to the first one.
                Err(error) => unsafe { libc::_exit(error as i32) },
            }
        }
    }
}

/// Files are made for us to write and for all to read, whatever our starter would have.
pub fn set_umask() {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
}

/// Standard input, output and error lead nowhere from now on. Where there is no nowhere, as in an empty root directory,
/// they stay.
pub fn redirect_stdio_to_null() -> io::Result<()> {
    let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") else {
        return Ok(());
    };
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}
