//! Streams to other programs (unix(7)).

use nix::sys::socket::{AddressFamily, SockFlag, SockType, UnixAddr, connect, socket};
use std::io;
use std::os::fd::AsRawFd;
use std::os::unix::net::UnixStream;

/// Connects without waiting: whoever listens may be too slow, which is `WouldBlock`.
pub fn connect_nonblocking(path: &str) -> io::Result<UnixStream> {
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Unix, SockType::Stream, flags, None)?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(fd.into())
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no such call")]
fn nobody_who_does_not_listen_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("log");
    let path = path.to_str().unwrap();
    assert!(connect_nonblocking(path).is_err());
    let listener = std::os::unix::net::UnixListener::bind(path).unwrap();
    // SAFETY: makes the queue as short as it can be, of a socket that is ours.
    assert_eq!(unsafe { libc::listen(listener.as_raw_fd(), 0) }, 0);
    let tries: Vec<_> = (0..3).map(|_| connect_nonblocking(path)).collect();
    let last = tries.last().unwrap().as_ref().unwrap_err();
    assert_eq!(last.kind(), io::ErrorKind::WouldBlock);
}
