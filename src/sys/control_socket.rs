//! The control socket: a `SOCK_SEQPACKET` unix socket with a path, for root only.

use super::channel::Channel;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{PeerCredentials, SendTimeout};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, listen,
    setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::geteuid;
use std::fs::{self, Permissions};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

/// A socket that accepts connections.
#[derive(Debug)]
pub struct ControlListener(UnixListener);

/// Connections that wait to be accepted.
const BACKLOG: i32 = 8;
/// How long a connection waits for space among those, and a message to the server for space in its buffer.
const CONNECT_SECONDS: i64 = 5;

fn new_socket() -> io::Result<OwnedFd> {
    let flags = SockFlag::SOCK_CLOEXEC;
    Ok(socket(AddressFamily::Unix, SockType::SeqPacket, flags, None)?)
}

impl ControlListener {
    /// Creates the socket with mode 0600. A socket without a server at this path is removed first. `AddrInUse`: another server
    /// has it.
    pub fn bind(path: &Path) -> io::Result<Self> {
        match connect_to(path) {
            Ok(_) => return Err(io::ErrorKind::AddrInUse.into()),
            Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
                // If it fails, the bind fails.
                let _ = fs::remove_file(path);
            }
            Err(_) => {}
        }
        let fd = new_socket()?;
        let address = UnixAddr::new(path)?;
        bind(fd.as_raw_fd(), &address)?;
        // Before `listen`, no process can connect.
        fs::set_permissions(path, Permissions::from_mode(0o600))?;
        listen(&fd, Backlog::new(BACKLOG)?)?;
        Ok(Self::from(fd))
    }

    /// Waits for a connection.
    pub fn accept(&self) -> io::Result<Channel> {
        let (connection, _) = self.0.accept()?;
        Ok(Channel::from(OwnedFd::from(connection)))
    }

    /// Another descriptor of the same socket.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self(self.0.try_clone()?))
    }
}

/// A listening socket that another process has passed.
impl From<OwnedFd> for ControlListener {
    fn from(fd: OwnedFd) -> Self {
        Self(fd.into())
    }
}

impl AsFd for ControlListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for ControlListener {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

/// `WouldBlock`: the server has not accepted other connections for [`CONNECT_SECONDS`], so that there is no space for this one.
fn connect_to(path: &Path) -> io::Result<Channel> {
    let fd = new_socket()?;
    setsockopt(&fd, SendTimeout, &TimeVal::seconds(CONNECT_SECONDS))?;
    connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
    Ok(Channel::from(fd))
}

/// Connects to a server. `PermissionDenied`: the socket was not created by root or by the user of this process.
pub fn connect_to_server(path: &Path) -> io::Result<Channel> {
    let channel = connect_to(path)?;
    if is_trusted(&channel)? { Ok(channel) } else { Err(io::ErrorKind::PermissionDenied.into()) }
}

/// The next message, by read(2); 0: the other end is closed.
pub fn read(connection: &Channel, buffer: &mut [u8]) -> io::Result<usize> {
    Ok(nix::unistd::read(connection, buffer)?)
}

/// Sends a message by write(2), and waits for space for at most this time.
pub fn write(connection: &Channel, message: &[u8], timeout: Duration) -> io::Result<()> {
    let timeout = PollTimeout::try_from(timeout).unwrap_or(PollTimeout::MAX);
    let ready = poll(&mut [PollFd::new(connection.as_fd(), PollFlags::POLLOUT)], timeout)?;
    if ready == 0 {
        return Err(io::ErrorKind::TimedOut.into());
    }
    nix::unistd::write(connection, message)?;
    Ok(())
}

/// Whether the process at the other end of a connection is of root, or of the user of this process.
pub fn is_trusted(channel: &Channel) -> io::Result<bool> {
    is_trusted_by(channel, geteuid().as_raw())
}

/// Whether the process at the other end of a connection is of root, or of this user.
pub fn is_trusted_by(channel: &Channel, user: u32) -> io::Result<bool> {
    let peer = getsockopt(&channel.as_fd(), PeerCredentials).map_err(|error: Errno| error)?;
    Ok(peer.uid() == 0 || peer.uid() == user)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn socket_without_a_server_is_replaced_and_one_with_a_server_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let listener = ControlListener::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = ControlListener::bind(&path).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        drop(listener);
        let listener = ControlListener::bind(&path).unwrap();
        let client = connect_to_server(&path).unwrap();
        let server = listener.accept().unwrap();
        client.send(b"hello").unwrap();
        assert_eq!(server.receive(&mut [0; 9]).unwrap(), b"hello");
        assert!(is_trusted(&server).unwrap());
        // A process of root is trusted by each user.
        let own = geteuid().as_raw();
        assert_eq!(is_trusted_by(&server, own + 1).unwrap(), own == 0);
    }
}
