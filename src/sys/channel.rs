//! A socket pair between two processes of this program, with message boundaries (`SOCK_SEQPACKET`, unix(7)) and descriptors
//! (`SCM_RIGHTS`).

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, UnixAddr, recv, send, sendmsg,
    setsockopt, socketpair,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::time::Duration;

/// One end of the pair.
#[derive(Debug)]
pub struct Channel(OwnedFd);

/// A received message.
#[derive(Debug)]
pub struct Message {
    /// The number of bytes in the buffer; 0: the other end is closed.
    pub size: usize,
    /// The descriptors, in the order in which they were sent. It is shorter than sent if this process has no free descriptor.
    pub fds: Vec<OwnedFd>,
}

/// The maximum number of descriptors in one message (`SCM_MAX_FD`, unix(7)).
pub const MAX_FDS: usize = 253;

impl Channel {
    /// Both ends, which are closed on exec.
    pub fn pair() -> io::Result<(Self, Self)> {
        let flags = SockFlag::SOCK_CLOEXEC;
        let (one, other) = socketpair(AddressFamily::Unix, SockType::SeqPacket, None, flags)?;
        Ok((Self(one), Self(other)))
    }

    /// Limits the time for which this end waits for a message. After it, receiving returns `WouldBlock`.
    pub fn set_receive_timeout(&self, timeout: Duration) -> io::Result<()> {
        Ok(setsockopt(
            &self.0,
            ReceiveTimeout,
            &TimeVal::microseconds(i64::try_from(timeout.as_micros()).unwrap_or(i64::MAX)),
        )?)
    }

    /// Sends a message without waiting. `WouldBlock`: the buffer is full.
    pub fn send(&self, message: &[u8]) -> io::Result<()> {
        send(self.0.as_raw_fd(), message, MsgFlags::MSG_DONTWAIT | MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// Sends a message, and waits while the buffer is full.
    pub fn send_blocking(&self, message: &[u8]) -> io::Result<()> {
        send(self.0.as_raw_fd(), message, MsgFlags::MSG_NOSIGNAL)?;
        Ok(())
    }

    /// Sends a message with at most [`MAX_FDS`] descriptors, and waits while the buffer is full.
    pub fn send_fds(&self, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_fds_by(message, fds, MsgFlags::empty())
    }

    /// As [`Channel::send_fds`], without waiting. `WouldBlock`: the buffer is full.
    pub fn send_fds_nonblocking(&self, message: &[u8], fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.send_fds_by(message, fds, MsgFlags::MSG_DONTWAIT)
    }

    fn send_fds_by(
        &self,
        message: &[u8],
        fds: &[BorrowedFd<'_>],
        wait: MsgFlags,
    ) -> io::Result<()> {
        let raw: Vec<RawFd> = fds.iter().map(AsRawFd::as_raw_fd).collect();
        let rights = [ControlMessage::ScmRights(&raw)];
        let control = if raw.is_empty() { &[][..] } else { &rights };
        let parts = [IoSlice::new(message)];
        let fd = self.0.as_raw_fd();
        loop {
            match sendmsg::<UnixAddr>(fd, &parts, control, wait | MsgFlags::MSG_NOSIGNAL, None) {
                Err(Errno::EINTR) => {}
                sent => return Ok(sent.map(drop)?),
            }
        }
    }

    /// The next message, without waiting; empty: the other end is closed. Descriptors are discarded.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
        let size = recv(self.0.as_raw_fd(), buffer, MsgFlags::MSG_DONTWAIT)?;
        Ok(&buffer[..size])
    }

    /// Waits for the next message; `None`: the other end is closed. Descriptors are discarded.
    pub fn recv_blocking<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        loop {
            match recv(self.0.as_raw_fd(), buffer, MsgFlags::empty()) {
                // ECONNRESET: the other end was closed before it had read all. What it sent can still be read.
                Err(Errno::EINTR | Errno::ECONNRESET) => {}
                Ok(size) if size > 0 => return Some(&buffer[..size]),
                _ => return None,
            }
        }
    }

    /// The next message with its descriptors, without waiting.
    pub fn receive_fds(&self, buffer: &mut [u8]) -> io::Result<Message> {
        self.receive_by(buffer, MsgFlags::MSG_DONTWAIT)
    }

    /// Waits for the next message with its descriptors.
    pub fn recv_fds_blocking(&self, buffer: &mut [u8]) -> io::Result<Message> {
        loop {
            match self.receive_by(buffer, MsgFlags::empty()) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                received => return received,
            }
        }
    }

    /// nix's `recvmsg` gives no access to the descriptors if some could not be opened (`MSG_CTRUNC`), so they would stay open.
    fn receive_by(&self, buffer: &mut [u8], wait: MsgFlags) -> io::Result<Message> {
        let mut control = nix::cmsg_space!([RawFd; MAX_FDS]);
        let mut part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
        // SAFETY: all fields of the structure may be zero.
        let mut header: libc::msghdr = unsafe { std::mem::zeroed() };
        header.msg_iov = &raw mut part;
        header.msg_iovlen = 1;
        header.msg_control = control.as_mut_ptr().cast();
        header.msg_controllen = control.capacity() as _;
        let flags = (wait | MsgFlags::MSG_CMSG_CLOEXEC).bits();
        // SAFETY: the header describes `buffer` and the capacity of `control`, which live until the call returns.
        let size = unsafe { libc::recvmsg(self.0.as_raw_fd(), &raw mut header, flags) };
        let size = Errno::result(size)?.unsigned_abs();
        Ok(Message { size, fds: received_fds(&header) })
    }

    /// Waits until there is a message or the other end is closed, at most for `timeout`; whether there is one.
    pub fn wait(&self, timeout: Duration) -> bool {
        let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
        poll(&mut [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)], timeout)
            .is_ok_and(|ready| ready > 0)
    }
}

/// A length of a control message. C libraries differ in its type.
fn length_of(length: impl TryInto<usize>) -> usize {
    length.try_into().unwrap_or_default()
}

/// The descriptors of a message that `recvmsg` has received.
fn received_fds(header: &libc::msghdr) -> Vec<OwnedFd> {
    let mut fds = Vec::new();
    // SAFETY: the header is that of a successful call, so the kernel has written its control messages; the descriptors in them
    // were opened for this process just now, so no other object owns them.
    unsafe {
        let mut part = libc::CMSG_FIRSTHDR(header);
        while let Some(&libc::cmsghdr { cmsg_len, cmsg_level, cmsg_type, .. }) = part.as_ref() {
            if (cmsg_level, cmsg_type) == (libc::SOL_SOCKET, libc::SCM_RIGHTS) {
                let length = length_of(cmsg_len).saturating_sub(length_of(libc::CMSG_LEN(0)));
                let data = libc::CMSG_DATA(part).cast::<[u8; size_of::<RawFd>()]>();
                let raw = (0..length / size_of::<RawFd>())
                    .map(|index| RawFd::from_ne_bytes(data.add(index).read()));
                fds.extend(raw.map(|fd| OwnedFd::from_raw_fd(fd)));
            }
            part = libc::CMSG_NXTHDR(header, part);
        }
    }
    fds
}

/// One end of a connection that was accepted, or that another process has passed.
impl From<OwnedFd> for Channel {
    fn from(fd: OwnedFd) -> Self {
        Self(fd)
    }
}

impl From<Channel> for OwnedFd {
    fn from(channel: Channel) -> Self {
        channel.0
    }
}

impl AsRawFd for Channel {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

impl AsFd for Channel {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::File;
    use std::io::Read;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn descriptors_arrive_in_order_with_their_message() {
        let (one, other) = Channel::pair().unwrap();
        let folder = tempfile::tempdir().unwrap();
        let files = ["a", "b"].map(|name| {
            let path = folder.path().join(name);
            std::fs::write(&path, name).unwrap();
            File::open(path).unwrap()
        });
        one.send_fds(b"two", &[files[0].as_fd(), files[1].as_fd()]).unwrap();
        one.send_fds(b"none", &[]).unwrap();
        let mut buffer = [0; 10];
        assert!(other.wait(Duration::ZERO));
        let message = other.receive_fds(&mut buffer).unwrap();
        assert_eq!(&buffer[..message.size], b"two");
        let read = message.fds.into_iter().map(|fd| {
            let mut text = String::new();
            File::from(fd).read_to_string(&mut text).unwrap();
            text
        });
        assert_eq!(read.collect::<Vec<_>>(), ["a", "b"]);
        let message = other.recv_fds_blocking(&mut buffer).unwrap();
        assert_eq!((message.size, message.fds.len()), (4, 0));
        let empty = other.receive_fds(&mut buffer).unwrap_err();
        assert_eq!(empty.kind(), io::ErrorKind::WouldBlock);
        drop(one);
        assert_eq!(other.receive_fds(&mut buffer).unwrap().size, 0);
    }
}
