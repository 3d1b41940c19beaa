//! A process beside ours, and the way to it.

use super::fds::close_all_but;
use super::signals::handle;
use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigHandler, Signal};
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockType, recv, send, socketpair};
use nix::sys::wait::waitpid;
use nix::unistd::{ForkResult, Pid};
use std::io;
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd};

/// One end of a way that keeps messages apart (`SOCK_SEQPACKET`, unix(7)).
#[derive(Debug)]
pub struct Channel {
    fd: OwnedFd,
    /// The process at the other end, if it is our child.
    child: Option<Pid>,
}

impl Channel {
    /// Sends a message without waiting.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        send(self.fd.as_raw_fd(), message, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// The next message, without waiting; empty: the other side has gone.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let size = recv(self.fd.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?;
        Ok(&buffer[..size])
    }

    /// Sends a message, and waits until it is taken.
    pub fn send_blocking(&self, message: &[u8]) -> io::Result<()> {
        send(self.fd.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// Waits for the next message; `None`: the other side has gone.
    pub fn recv_blocking<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        loop {
            match recv(self.fd.as_raw_fd(), buffer, MsgFlags::empty()) {
                // Whoever goes without having read all is reported first, and what was sent is still to be had.
                Err(Errno::EINTR | Errno::ECONNRESET) => {}
                Ok(size) if size > 0 => return Some(&buffer[..size]),
                _ => return None,
            }
        }
    }

    /// The other side has gone: nothing is left of it.
    pub fn reap(&mut self) {
        if let Some(child) = self.child.take() {
            // It closed its end when it ended, and in no other way.
            _ = waitpid(child, None);
        }
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

/// Starts a process that does this and ends. It has our user and rights, no descriptors but 0, 1, 2 and its end of the
/// channel, and leaves the signals that end us to us; the others of ours are blocked in it as they are here. To be
/// called while there is one thread only.
pub fn start(work: impl FnOnce(Channel)) -> io::Result<Channel> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (ours, theirs) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    // SAFETY: there is one thread, so nothing is half done in the copy.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Channel { fd: ours, child: Some(child) }),
        ForkResult::Child => {
            // A port that is open here too would not be free when we end.
            close_all_but(theirs.as_raw_fd().unsigned_abs());
            // What is told to end, ends when its channel does.
            for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGALRM] {
                handle(signal, SigHandler::SigIgn);
            }
            work(Channel { fd: theirs, child: None });
            // SAFETY: ends the process, without anything that is our caller's to do.
            unsafe { libc::_exit(0) }
        }
    }
}

/// The end of a process, to be waited for together with what it prints.
pub struct PidFd(OwnedFd);

impl PidFd {
    /// That of a child of ours (`pidfd_open`).
    pub fn of(process: u32) -> io::Result<Self> {
        // SAFETY: the call takes two numbers, and gives a descriptor that is ours alone.
        let fd = unsafe {
            let fd = Errno::result(libc::syscall(libc::SYS_pidfd_open, process, 0))?;
            OwnedFd::from_raw_fd(libc::c_int::try_from(fd).map_err(io::Error::other)?)
        };
        Ok(Self(fd))
    }

    /// Waits until there is something to read, or the process has ended: `true`.
    pub fn wait_exit_or_readable(&self, output: &impl AsFd) -> bool {
        let mut both = [
            PollFd::new(output.as_fd(), PollFlags::POLLIN),
            PollFd::new(self.0.as_fd(), PollFlags::POLLIN),
        ];
        while poll(&mut both, PollTimeout::NONE) == Err(Errno::EINTR) {}
        both[1].any().unwrap_or(true)
    }
}

/// From now on reading does not wait.
pub fn set_nonblocking(fd: &impl AsFd) -> io::Result<()> {
    fcntl(fd.as_fd(), FcntlArg::F_SETFL(OFlag::O_NONBLOCK))?;
    Ok(())
}
