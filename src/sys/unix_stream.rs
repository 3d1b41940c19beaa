//! Stream sockets to other programs (unix(7)).

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Connects without waiting. `WouldBlock`: the queue of the listener is full.
pub fn connect_nonblocking(path: &str) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd.into())
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn connect_does_not_wait_when_the_queue_of_the_listener_is_full() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let path = path.to_str().unwrap();
    assert!(connect_nonblocking(path).is_err());
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    // SAFETY: sets the shortest queue for a socket that this test owns.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let attempts: Vec<_> = (0..3).map(|_| connect_nonblocking(path)).collect();
    let last = attempts.last().unwrap().as_ref().unwrap_err();
    assert_eq!(last.kind(), io::ErrorKind::WouldBlock);
}
