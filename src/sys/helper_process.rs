//! A child process that runs code of this program, and the socket to it.

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

/// One end of a socket pair that preserves message boundaries (`SOCK_SEQPACKET`, unix(7)).
#[derive(Debug)]
pub struct Channel {
    fd: OwnedFd,
    /// The process at the other end, if it is a child of this one.
    child: Option<Pid>,
}

impl Channel {
    /// Sends a message without waiting. `WouldBlock`: the buffer is full.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        send(self.fd.as_raw_fd(), message, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// The next message, without waiting; empty: the other end is closed.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let size = recv(self.fd.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?;
        Ok(&buffer[..size])
    }

    /// Sends a message, and waits while the buffer is full.
    pub fn send_blocking(&self, message: &[u8]) -> io::Result<()> {
        send(self.fd.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// Waits for the next message; `None`: the other end is closed.
    pub fn recv_blocking<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        loop {
            match recv(self.fd.as_raw_fd(), buffer, MsgFlags::empty()) {
                // ECONNRESET: the other end was closed before it had read all. What it sent can still be read.
                Err(Errno::EINTR | Errno::ECONNRESET) => {}
                Ok(size) if size > 0 => return Some(&buffer[..size]),
                _ => return None,
            }
        }
    }

    /// Waits for the child, after its end of the channel was closed.
    pub fn reap(&mut self) {
        if let Some(child) = self.child.take() {
            // It closes its end only when it ends, so this does not block.
            let _ = waitpid(child, None);
        }
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> i32 {
        self.fd.as_raw_fd()
    }
}

/// Starts a process that runs `work` and ends. It has the user and rights of this process, and descriptors 0, 1, 2 and its
/// end of the channel. It ignores the signals that end this process; blocked signals stay blocked. It must be called while
/// there is only one thread.
pub fn start(work: impl FnOnce(Channel)) -> io::Result<Channel> {
    let flags = SockFlag::SOCK_CLOEXEC;
    let (own, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
    // SAFETY: there is only one thread, so no lock is held in the child.
    match unsafe { nix::unistd::fork() }? {
        ForkResult::Parent { child } => Ok(Channel { fd: own, child: Some(child) }),
        ForkResult::Child => {
            // A port that is open in this process too would not be free when the daemon ends.
            close_all_but(other.as_raw_fd().unsigned_abs());
            // A signal to the process group must not end it: it ends when the channel is closed.
            for signal in [Signal::SIGTERM, Signal::SIGINT, Signal::SIGALRM] {
                handle(signal, SigHandler::SigIgn);
            }
            work(Channel { fd: other, child: None });
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
