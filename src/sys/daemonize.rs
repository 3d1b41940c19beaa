//! Detaching from the terminal and the starting process (daemon(7)).

use super::process_id;
use nix::sys::stat::{Mode, umask};
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, dup2_stderr, dup2_stdin, dup2_stdout, fork, setsid};
use std::fs::OpenOptions;
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsFd;

/// The process in which [`detach`] returns.
pub enum ForkSide {
    /// The process that was started, with the read end of the pipe.
    Parent(PipeReader),
    /// The daemon, in a session that it does not lead, with the write end of the pipe.
    Daemon(PipeWriter),
}

/// Forks twice. It must be called while there is only one thread.
pub fn detach() -> io::Result<ForkSide> {
    let (reader, writer) = io::pipe()?;
    // SAFETY: there is only one thread, so no lock is held in the child.
    match unsafe { fork() }? {
        ForkResult::Parent { child } => match waitpid(child, None)? {
            WaitStatus::Exited(_, 0) => Ok(ForkSide::Parent(reader)),
            WaitStatus::Exited(_, error) => Err(io::Error::from_raw_os_error(error)),
            _ => Err(io::Error::other("the intermediate process was killed")),
        },
        ForkResult::Child => {
            drop(reader);
            // SAFETY: as above.
            match setsid().and_then(|_| unsafe { fork() }) {
                Ok(ForkResult::Child) => {
                    process_id::forget();
                    Ok(ForkSide::Daemon(writer))
                }
                // SAFETY: ends the process without the destructors and exit handlers of the parent.
                Ok(ForkResult::Parent { .. }) => unsafe { libc::_exit(0) },
                // SAFETY: as above; the exit code passes the error number to the parent.
                Err(error) => unsafe { libc::_exit(error as i32) },
            }
        }
    }
}

/// Sets the umask: new files are not writable for group and others, whatever umask was inherited.
pub fn set_umask() {
    umask(Mode::S_IWGRP | Mode::S_IWOTH);
}

/// Redirects standard input, output and error to `/dev/null`. If it does not exist, as in an empty root directory, they
/// are not changed.
pub fn redirect_stdio_to_null() -> io::Result<()> {
    let Ok(null) = OpenOptions::new().read(true).write(true).open("/dev/null") else {
        return Ok(());
    };
    dup2_stdin(&null)?;
    dup2_stdout(&null)?;
    dup2_stderr(&null)?;
    Ok(())
}

/// Makes this descriptor standard error.
pub fn set_stderr(fd: impl AsFd) -> io::Result<()> {
    Ok(dup2_stderr(fd)?)
}
