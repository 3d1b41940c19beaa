//! Sockets to other programs (unix(7)).

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, MsgFlags, SockFlag, SockType, UnixAddr, connect, send as send_to_peer, socket,
};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::path::Path;

/// Connects a stream without waiting. `WouldBlock`: the queue of the listener is full.
pub fn connect_nonblocking(path: &Path) -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd)
}

/// Sends to the peer of a connected socket, without waiting; the number of sent bytes. `WouldBlock`: the peer has no space.
///
/// The system call is `sendto` without an address, also where the standard library uses `write`.
pub fn send(socket: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    send_with(socket, bytes, MsgFlags::MSG_DONTWAIT)
}

/// As [`send`]; it waits while the peer has no space, at most for the time-out of the socket (`SO_SNDTIMEO`).
pub fn send_blocking(socket: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    send_with(socket, bytes, MsgFlags::empty())
}

fn send_with(socket: &impl AsRawFd, bytes: &[u8], wait: MsgFlags) -> io::Result<usize> {
    loop {
        match send_to_peer(socket.as_raw_fd(), bytes, wait | MsgFlags::MSG_NOSIGNAL) {
            Err(Errno::EINTR) => {}
            sent => return Ok(sent?),
        }
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn connect_does_not_wait_when_the_queue_of_the_listener_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    assert!(connect_nonblocking(&path).is_err());
    let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
    // SAFETY: sets the shortest queue for a socket that this test owns.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let attempts: Vec<_> = (0..3).map(|_| connect_nonblocking(&path)).collect();
    let last = attempts.last().unwrap().as_ref().unwrap_err();
    assert_eq!(last.kind(), io::ErrorKind::WouldBlock);
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn send_does_not_wait_for_space_and_send_blocking_waits_for_its_time_out() {
    let (socket, _peer) = std::os::unix::net::UnixDatagram::pair().unwrap();
    let full = std::iter::repeat_with(|| send(&socket, &[0; 1000])).find_map(Result::err).unwrap();
    assert_eq!(full.kind(), io::ErrorKind::WouldBlock);
    let time_out = std::time::Duration::from_millis(50);
    socket.set_write_timeout(Some(time_out)).unwrap();
    let start = std::time::Instant::now();
    assert_eq!(send_blocking(&socket, b"x").unwrap_err().kind(), io::ErrorKind::WouldBlock);
    assert!(start.elapsed() >= time_out);
}
