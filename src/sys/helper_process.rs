//! Child processes that run code of this program.

use super::channel::Channel;
use super::fds::close_all_but;
use super::process_id;
use super::signals::handle;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::prctl;
use nix::sys::signal::{SigHandler, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};
use std::ffi::CStr;
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::thread;
use std::time::{Duration, Instant};

/// How long the end of a child process is awaited.
const MAX_END_TIME: Duration = Duration::from_millis(500);

/// A child process, and this end of the channel to it. It ends when the channel is closed.
#[derive(Debug)]
pub struct HelperProcess {
    /// The channel.
    pub channel: Channel,
    pid: Pid,
}

impl HelperProcess {
    /// Waits for the process, after it closed its end of the channel.
    pub fn reap(&self) {
        // It closes its end only when it ends, so this does not take long. Another call may have waited for it already.
        let _ = waitpid(self.pid, None);
    }

    /// Closes the channel, and waits until the process has ended, so that it uses no file system any more; at most for
    /// 500 ms, because it may wait for a disk.
    pub fn end(self) {
        let Self { channel, pid } = self;
        drop(channel);
        let end = Instant::now() + MAX_END_TIME;
        let runs = || waitpid(pid, Some(WaitPidFlag::WNOHANG)) == Ok(WaitStatus::StillAlive);
        while runs() && Instant::now() < end {
            thread::sleep(Duration::from_millis(1));
        }
    }
}

impl AsRawFd for HelperProcess {
    fn as_raw_fd(&self) -> i32 {
        self.channel.as_raw_fd()
    }
}

/// Starts a process that runs `work` and ends. It has the user and rights of this process, and of its descriptors 0, 1, 2, its
/// end of the channel and `kept`. Signals that end this process are ignored there; blocked signals stay blocked. `name`: shown
/// by ps(1), at most 15 bytes. It must be called while there is only one thread.
pub fn start(name: &CStr, kept: &[RawFd], work: impl FnOnce(Channel)) -> io::Result<HelperProcess> {
    let (own, other) = Channel::pair()?;
    // SAFETY: there is only one thread, so no lock is held in the child.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(HelperProcess { channel: own, pid: child }),
        ForkResult::Child => {
            process_id::forget();
            // A port that is open in this process too would not be free when the daemon ends.
            close_all_but(&[&[other.as_raw_fd()], kept].concat());
            let _ = prctl::set_name(name);
            // A signal to the process group must not end it: it ends when the channel is closed.
            for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGALRM] {
                handle(signal, SigHandler::SigIgn);
            }
            work(other);
            // SAFETY: ends the process without the destructors and exit handlers of the parent.
            unsafe { libc::_exit(0) }
        }
    }
}

/// A descriptor that becomes readable when a process ends (`pidfd_open`).
pub struct PidFd(OwnedFd);

impl PidFd {
    /// The descriptor of a child of this process.
    pub fn of(process: u32) -> io::Result<Self> {
        // SAFETY: the call takes two numbers and returns a new descriptor, which no other object owns.
        let fd = unsafe {
            let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, process, 0))?;
            OwnedFd::from_raw_fd(libc::c_int::try_from(fd).map_err(io::Error::other)?)
        };
        Ok(Self(fd))
    }

    /// Waits until `output` is readable or the process has ended; whether it has ended.
    pub fn wait_exit_or_readable(&self, output: &impl AsFd) -> bool {
        let mut both = [
            PollFd::new(output.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.0.as_fd(), PollFlags::POLLIN),
        ];
        while poll(&mut both, PollTimeout::NONE) == Err(Errno::EINTR) {}
        both[1].any().unwrap_or(true)
    }
}

/// Sets `O_NONBLOCK`.
pub fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    fcntl(fd.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}
