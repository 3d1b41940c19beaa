//! The control socket: a `SOCK_SEQPACKET` unix socket with a path, for root only.

use super::channel::Channel;
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::sockopt::{PeerCredentials, SendTimeout};
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, UnixAddr, bind, connect, getsockopt, listen,
    setsockopt, socket,
};
use nix::sys::stat::{Mode, fchmod};
use nix::sys::time::{TimeVal, TimeValLike};
use nix::unistd::geteuid;
use std::fs;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Instant;

/// A socket that accepts connections. It does not block.
#[derive(Debug)]
pub struct ControlListener {
    socket: UnixListener,
    /// The user of this process when it got the socket.
    user: u32,
}

/// Bytes of the path of a socket, at most (unix(7)).
pub const MAX_PATH_LEN: usize = 107;
/// Connections that wait to be accepted.
const BACKLOG: i32 = 8;
/// How long a connection waits for space among those, and a message to the server for space in its buffer.
const CONNECT_SECONDS: i64 = 5;

/// Why a client has no connection.
#[derive(Debug)]
pub enum ConnectError {
    /// There is a file of another kind, or a symbolic link, at the path.
    NotASocket,
    /// The socket is of this user, who is not root and not the user of this process.
    OtherUser(u32),
    /// Another error.
    System(io::Error),
}

impl From<Errno> for ConnectError {
    fn from(error: Errno) -> Self {
        Self::System(error.into())
    }
}

fn new_socket(flags: SockFlag) -> nix::Result<OwnedFd> {
    socket(AddressFamily::Unix, SockType::SeqPacket, flags | SockFlag::SOCK_CLOEXEC, None)
}

impl ControlListener {
    /// Creates the socket with mode 0600. A socket without a server at this path is removed first, and a socket of another user
    /// too. `AddrInUse`: another server has it, or there is a file that is no socket.
    pub fn bind(path: &Path) -> io::Result<Self> {
        remove_unused(path)?;
        let fd = new_socket(SockFlag::SOCK_NONBLOCK)?;
        // Linux creates the file with the mode of the descriptor (and umask). A change of the mode by path would follow a link
        // that the owner of the directory has put there in between.
        fchmod(&fd, Mode::S_IRUSR | Mode::S_IWUSR)?;
        bind(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
        listen(&fd, Backlog::new(BACKLOG)?)?;
        Ok(Self::from(fd))
    }

    /// The next connection, which blocks. `WouldBlock`: there is none.
    pub fn accept(&self) -> io::Result<Channel> {
        let (connection, _) = self.socket.accept()?;
        Ok(Channel::from(OwnedFd::from(connection)))
    }

    /// Another descriptor of the same socket.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { socket: self.socket.try_clone()?, user: self.user })
    }

    /// Whether the process at the other end of a connection is of root, or of the user who started this program.
    pub fn trusts(&self, connection: &Channel) -> bool {
        peer_user(connection).is_ok_and(|peer| peer == 0 || peer == self.user)
    }
}

/// A listening socket that another process has passed.
impl From<OwnedFd> for ControlListener {
    fn from(fd: OwnedFd) -> Self {
        Self { socket: fd.into(), user: geteuid().as_raw() }
    }
}

impl AsFd for ControlListener {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

impl AsRawFd for ControlListener {
    fn as_raw_fd(&self) -> i32 {
        self.socket.as_raw_fd()
    }
}

/// Removes a socket that no server of root or of this user has. Other files are not removed: the bind fails.
fn remove_unused(path: &Path) -> io::Result<()> {
    let Ok(found) = fs::symlink_metadata(path) else { return Ok(()) };
    if !found.file_type().is_socket() || (is_trusted_user(found.uid()) && has_server(path)) {
        return Err(io::ErrorKind::AddrInUse.into());
    }
    fs::remove_file(path)
}

/// Whether a trusted process listens on a socket. It does not wait for a server that does not accept.
fn has_server(path: &Path) -> bool {
    let connected = new_socket(SockFlag::SOCK_NONBLOCK).and_then(|fd| {
        connect(fd.as_raw_fd(), &UnixAddr::new(path)?)?;
        Ok(Channel::from(fd))
    });
    match connected {
        Ok(channel) => peer_user(&channel).is_ok_and(is_trusted_user),
        // EAGAIN: a server with too many connections. EPROTOTYPE: a server of another program.
        Err(error) => error != Errno::ECONNREFUSED,
    }
}

/// Connects to a server of root or of the user of this process. `WouldBlock`: the server has not accepted other connections for
/// `CONNECT_SECONDS`, so that there is no space for this one.
pub fn connect_to_server(path: &Path) -> Result<Channel, ConnectError> {
    let found = fs::symlink_metadata(path).map_err(ConnectError::System)?;
    // The owner of the directory could direct the client to another server of root by a link.
    if !found.file_type().is_socket() {
        return Err(ConnectError::NotASocket);
    }
    let fd = new_socket(SockFlag::empty())?;
    let address = UnixAddr::new(path)?;
    setsockopt(&fd, SendTimeout, &TimeVal::seconds(CONNECT_SECONDS))?;
    while let Err(error) = connect(fd.as_raw_fd(), &address) {
        if error != Errno::EINTR {
            return Err(error.into());
        }
    }
    let channel = Channel::from(fd);
    match peer_user(&channel)? {
        user if is_trusted_user(user) => Ok(channel),
        user => Err(ConnectError::OtherUser(user)),
    }
}

/// The next message, by read(2); 0: the other end is closed, or the message is empty. Descriptors are discarded.
pub fn read(connection: &Channel, buffer: &mut [u8]) -> io::Result<usize> {
    loop {
        match nix::unistd::read(connection, buffer) {
            Err(Errno::EINTR) => {}
            read => return Ok(read?),
        }
    }
}

/// Sends a message by write(2), and waits for space until `deadline`.
pub fn write(connection: &Channel, message: &[u8], deadline: Instant) -> io::Result<()> {
    wait_for_space(connection, deadline)?;
    loop {
        match nix::unistd::write(connection, message) {
            Err(Errno::EINTR) => {}
            written => return Ok(written.map(drop)?),
        }
    }
}

fn wait_for_space(connection: &Channel, deadline: Instant) -> io::Result<()> {
    loop {
        let left = deadline.saturating_duration_since(Instant::now());
        let timeout = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
        match poll(&mut [PollFd::new(connection.as_fd(), PollFlags::POLLOUT)], timeout) {
            Ok(0) => return Err(io::ErrorKind::TimedOut.into()),
            Err(Errno::EINTR) => {}
            ready => return Ok(ready.map(drop)?),
        }
    }
}

fn is_trusted_user(user: u32) -> bool {
    user == 0 || user == geteuid().as_raw()
}

/// The user of the process that has connected, or that has called listen(2) (`SO_PEERCRED`, unix(7)).
fn peer_user(channel: &Channel) -> nix::Result<u32> {
    Ok(getsockopt(&channel.as_fd(), PeerCredentials)?.uid())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::{PermissionsExt, symlink};
    use std::os::unix::net::UnixListener as StreamListener;
    use std::time::Duration;

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn socket_without_a_server_is_replaced_and_one_with_a_server_is_not() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let listener = ControlListener::bind(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let second = ControlListener::bind(&path).unwrap_err();
        assert_eq!(second.kind(), io::ErrorKind::AddrInUse);
        // The connection of the second one is closed.
        assert_eq!(control_read(&listener.accept().unwrap()), 0);
        drop(listener);
        let listener = ControlListener::bind(&path).unwrap();
        let client = connect_to_server(&path).unwrap();
        let server = listener.accept().unwrap();
        client.send(b"hello").unwrap();
        assert_eq!(server.receive(&mut [0; 9]).unwrap(), b"hello");
        assert!(listener.trusts(&server));
        // A process of root is trusted by each user.
        let own = geteuid().as_raw();
        let of_other = ControlListener { user: own + 1, ..listener.try_clone().unwrap() };
        assert_eq!(of_other.trusts(&server), own == 0);
        assert_eq!(listener.accept().unwrap_err().kind(), io::ErrorKind::WouldBlock);
    }

    fn control_read(connection: &Channel) -> usize {
        read(connection, &mut [0; 9]).unwrap()
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn bind_with_a_full_queue_or_a_stream_socket_at_the_path_is_refused_at_once() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("control");
        let _listener = ControlListener::bind(&path).unwrap();
        let clients: Vec<Channel> =
            (0..=BACKLOG).map(|_| connect_to_server(&path).unwrap()).collect();
        let full = ControlListener::bind(&path).unwrap_err();
        assert_eq!(full.kind(), io::ErrorKind::AddrInUse);
        drop(clients);
        let other = folder.path().join("stream");
        let _stream = StreamListener::bind(&other).unwrap();
        assert_eq!(ControlListener::bind(&other).unwrap_err().kind(), io::ErrorKind::AddrInUse);
        assert!(other.exists());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn file_directory_or_link_at_the_path_is_kept_and_the_bind_fails() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::write(at("file"), "text").unwrap();
        fs::create_dir(at("directory")).unwrap();
        symlink(at("file"), at("link")).unwrap();
        symlink(at("none"), at("dangling")).unwrap();
        let _server = ControlListener::bind(&at("server")).unwrap();
        symlink(at("server"), at("link-to-server")).unwrap();
        for name in ["file", "directory", "link", "dangling", "link-to-server"] {
            let error = ControlListener::bind(&at(name)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::AddrInUse, "{name}");
            assert!(fs::symlink_metadata(at(name)).is_ok(), "{name} was removed");
            let connected = connect_to_server(&at(name));
            assert!(matches!(connected, Err(ConnectError::NotASocket)), "{name}: {connected:?}");
        }
        assert_eq!(fs::read(at("file")).unwrap(), b"text");
        assert!(!at("none").exists());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn path_that_is_too_long_or_has_no_directory_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        for name in ["x".repeat(108), "none/control".to_owned()] {
            assert!(ControlListener::bind(&folder.path().join(name)).is_err());
        }
        assert_eq!(fs::read_dir(folder.path()).unwrap().count(), 0);
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn message_to_client_that_does_not_read_ends_at_the_deadline() {
        let (client, server) = Channel::pair().unwrap();
        let deadline = Instant::now() + Duration::from_millis(50);
        let full = (0..100).find_map(|_| write(&server, &[0; 8 * 1024], deadline).err());
        assert_eq!(full.map(|error| error.kind()), Some(io::ErrorKind::TimedOut));
        drop(client);
        // The first error reports that messages were not read.
        let closed = [(); 2].map(|()| write(&server, b"x", Instant::now()).unwrap_err().kind());
        assert_eq!(closed, [io::ErrorKind::ConnectionReset, io::ErrorKind::BrokenPipe]);
    }
}
