//! The connection to the system log: a datagram socket that is opened once, or a stream (docs/dnsmasq/daemon.md, section 5.2).

use crate::sys::unix_socket::{connect_nonblocking, send};
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

const PATH: &str = "/dev/log";

/// Connects the datagram socket of the log to the system log.
///
/// The packet process has a copy of the descriptor (dup(2)). Both copies are the same open socket, so a connection by one process
/// takes effect in the other one.
#[derive(Debug)]
pub struct SyslogConnector {
    datagram: UnixDatagram,
    path: PathBuf,
}

/// A successful connection.
#[derive(Debug)]
pub enum Connected {
    /// The datagram socket is connected.
    Datagram,
    /// The system log has a stream socket, and this is the connection to it. The datagram socket is not used.
    Stream(OwnedFd),
}

impl SyslogConnector {
    /// Opens the socket, without a connection. `path`: the address of the system log.
    pub fn new(path: &Path) -> io::Result<Self> {
        Ok(Self { datagram: UnixDatagram::unbound()?, path: path.to_owned() })
    }

    /// A copy of the descriptor, for another process.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { datagram: self.datagram.try_clone()?, path: self.path.clone() })
    }

    /// Connects without waiting. Each error has a number (`raw_os_error`), which can be sent to the other process: EAGAIN, the
    /// system log has a stream socket and accepts no connection now; others, there is no system log.
    pub fn connect(&self) -> io::Result<Connected> {
        if self.datagram.connect(&self.path).is_ok() {
            return Ok(Connected::Datagram);
        }
        connect_nonblocking(&self.path).map(Connected::Stream)
    }
}

impl AsFd for SyslogConnector {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.datagram.as_fd()
    }
}

/// The part of the process that sends.
pub(super) struct SyslogSocket {
    path: PathBuf,
    /// Opened with the first attempt to connect, and not closed before the end.
    connector: Option<SyslogConnector>,
    connected: Option<Connected>,
    strategy: Strategy,
}

/// How the connection is made.
enum Strategy {
    /// By this process. It may do so during the start.
    Direct,
    /// By the file process. This process opens and connects no socket.
    ByFileProcess {
        /// The loop must send a request to the file process.
        requested: bool,
        /// Wakes the loop: the line may be of another thread.
        wake: Box<dyn Fn() + Send>,
    },
}

/// The result of [`SyslogSocket::connect`].
pub(super) enum Attempt {
    /// The connection is made, or is impossible.
    Done(io::Result<()>),
    /// The file process was asked for it; its result comes later.
    Requested,
}

impl SyslogSocket {
    /// A socket that is not open yet.
    pub fn new(path: &Path) -> Self {
        Self { path: path.to_owned(), connector: None, connected: None, strategy: Strategy::Direct }
    }

    /// From now on, the file process makes connections.
    pub fn connect_by_file_process(
        &mut self,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<SyslogConnector> {
        let connector = self.open()?.try_clone()?;
        self.strategy = Strategy::ByFileProcess { requested: false, wake: Box::new(wake) };
        Ok(connector)
    }

    fn open(&mut self) -> io::Result<&SyslogConnector> {
        match &mut self.connector {
            Some(connector) => Ok(connector),
            missing => Ok(missing.insert(SyslogConnector::new(&self.path)?)),
        }
    }

    /// The descriptor of the datagram socket, if it is open.
    pub fn datagram_fd(&self) -> Option<RawFd> {
        Some(self.connector.as_ref()?.datagram.as_raw_fd())
    }

    /// Whether there is a connection.
    pub fn is_connected(&self) -> bool {
        self.connected.is_some()
    }

    /// Connects, or asks the file process to do so.
    pub fn connect(&mut self) -> Attempt {
        if let Strategy::ByFileProcess { requested, wake } = &mut self.strategy {
            *requested = true;
            wake();
            return Attempt::Requested;
        }
        let connected = self.open().and_then(SyslogConnector::connect);
        Attempt::Done(connected.map(|connected| self.set_connected(connected)))
    }

    /// Whether the file process must be asked; `true` once per request.
    pub fn take_request(&mut self) -> bool {
        match &mut self.strategy {
            Strategy::Direct => false,
            Strategy::ByFileProcess { requested, .. } => std::mem::take(requested),
        }
    }

    /// Uses a new connection.
    pub fn set_connected(&mut self, connected: Connected) {
        self.connected = Some(connected);
    }

    /// The connection is broken.
    pub fn disconnect(&mut self) {
        self.connected = None;
    }

    /// The byte that ends a record in a stream.
    pub fn terminator(&self) -> &'static [u8] {
        match self.connected {
            Some(Connected::Stream(_)) => &[0],
            Some(Connected::Datagram) | None => &[],
        }
    }

    /// Sends a record and its terminator, except the first `sent` bytes; the total number of sent bytes.
    pub fn send(&self, record: &[u8], sent: usize) -> io::Result<usize> {
        match (&self.connected, &self.connector) {
            (Some(Connected::Stream(stream)), _) => {
                let rest = &[record, self.terminator()].concat()[sent..];
                Ok(sent + send(stream, rest)?)
            }
            (Some(Connected::Datagram), Some(connector)) => send(&connector.datagram, record),
            _ => Err(io::ErrorKind::NotConnected.into()),
        }
    }
}

impl Default for SyslogSocket {
    fn default() -> Self {
        Self::new(Path::new(PATH))
    }
}
