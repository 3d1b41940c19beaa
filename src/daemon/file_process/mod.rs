//! The file process: opens files for the packet process, which cannot open any itself.
//!
//! It is forked at the start and has the user that serves. It knows the roots and the paths of the configuration from before
//! the fork; the packet process names a file by root and name ([`roots`]), and other files only by their purpose
//! ([`protocol`]). Links are followed wherever they lead, as in dnsmasq.

mod config_files;
mod control;
mod directory_lister;
mod examine;
mod inspect;
mod lookups;
pub mod opener;
pub mod plain_path;
pub mod protocol;
mod replies;
pub mod roots;
mod services;
mod slow_devices;
mod watched;

pub use self::config_files::ConfigFiles;
pub use self::control::Control;
pub use self::directory_lister::{DirectoryLister, MAX_NAMES_LEN};
pub use self::inspect::Inspector;
pub use self::services::Tasks;
pub use self::watched::WatchedDirectories;

use self::lookups::Lookups;
use self::opener::Opener;
use self::protocol::{Lookup, MAX_BATCH, MAX_BATCH_LEN, MAX_MESSAGE_LEN, Reply, Request, Started};
use self::roots::Roots;
use self::services::Services;
use crate::error::StartupError;
use crate::logging::Connected;
use crate::sys::channel::{Channel, Message};
use crate::sys::helper_process::{self, HelperProcess};
use crate::sys::limits::{ENOBUFS, ENOMEM};
use crate::sys::threads;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::io::{self, ErrorKind};
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

/// The name of the process in ps(1).
pub const NAME: &CStr = c"pxemasq-files";
/// The stack of a thread for a task, which may parse and search.
const STACK_SIZE: usize = 256 * 1024;
/// The time to wait for the removal of the pid file, when the daemon ends.
const END_TIMEOUT: Duration = Duration::from_secs(1);

/// The packet process's end: requests and replies.
pub struct FileProcess {
    process: HelperProcess,
    /// Messages that did not fit into the channel.
    unsent: VecDeque<Vec<u8>>,
    /// A batch of look-ups was sent, and its replies have not come. Until then further names wait, so that the next batch
    /// is larger.
    batch_in_flight: bool,
    buffer: Vec<u8>,
}

/// What the file process serves.
pub struct Setup {
    /// The roots.
    pub roots: Roots,
    /// `tftp-secure`
    pub secure: bool,
    /// The tasks besides look-ups.
    pub tasks: Tasks,
    /// The report to the packet process.
    pub started: Started,
}

/// The next message of the file process.
pub enum Received {
    /// A reply, with its descriptors.
    Reply(Reply, Vec<OwnedFd>),
    /// There is none now.
    Nothing,
    /// The process has ended.
    Ended,
}

impl FileProcess {
    /// Starts the process. `kept`: descriptors that it uses. `prepare` gives up its rights, in the new process. It must be called
    /// while there is only one thread.
    pub fn start(
        kept: &[RawFd],
        prepare: impl FnOnce(&Channel) -> Result<Setup, StartupError>,
    ) -> io::Result<Self> {
        let process = helper_process::start(NAME, kept, move |channel| match prepare(&channel) {
            Ok(setup) => serve(channel, setup),
            Err(error) => {
                let reply = Reply::Failed(error.exit_code(), error.to_string());
                // If it fails, the packet process has ended.
                let _ = channel.send_blocking(&reply.encode());
            }
        })?;
        let buffer = vec![0; MAX_MESSAGE_LEN];
        Ok(Self { process, unsent: VecDeque::new(), batch_in_flight: false, buffer })
    }

    /// Waits until the process has started.
    pub fn wait_until_started(&mut self) -> Result<Started, StartupError> {
        match self.wait_for(None, |reply| matches!(reply, Reply::Started(_) | Reply::Failed(..))) {
            Ok((Reply::Started(started), _)) => Ok(started),
            Ok((Reply::Failed(code, message), _)) => Err(StartupError::new(code, message)),
            _ => Err(StartupError::other("the file process was killed")),
        }
    }

    /// Sends a request. If the channel is full, it is sent by a later [`FileProcess::flush`].
    pub fn send(&mut self, request: &Request) {
        self.unsent.push_back(request.encode());
        self.send_unsent();
    }

    /// Passes a connection of the control socket to the process. If the channel is full, it is closed.
    pub fn serve_connection(&self, connection: BorrowedFd<'_>) {
        let request = Request::ServeConnection.encode();
        let _ = self.process.channel.send_fds_nonblocking(&request, &[connection]);
    }

    fn send_unsent(&mut self) {
        while let Some(message) = self.unsent.front() {
            match self.process.channel.send(message) {
                Err(error) if is_temporary(&error) => return,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                // If the process has ended, the next read reports it.
                _ => _ = self.unsent.pop_front(),
            }
        }
    }

    /// Sends a batch of look-ups, unless one is in flight. They are removed from `lookups`.
    pub fn flush(&mut self, lookups: &mut VecDeque<Lookup>) {
        self.send_unsent();
        if self.batch_in_flight || lookups.is_empty() || !self.unsent.is_empty() {
            return;
        }
        let mut length = 0;
        let fits = |lookup: &&Lookup| {
            length += lookup.name.len();
            length <= MAX_BATCH_LEN
        };
        let count = lookups.iter().take(MAX_BATCH).take_while(fits).count();
        self.batch_in_flight = true;
        self.send(&Request::Lookups(lookups.drain(..count).collect()));
    }

    /// Whether a batch of look-ups is in flight.
    pub fn is_looking_up(&self) -> bool {
        self.batch_in_flight
    }

    /// The next message, without waiting.
    pub fn receive(&mut self) -> Received {
        let received = self.process.channel.receive_fds(&mut self.buffer);
        self.take(received)
    }

    fn take(&mut self, received: io::Result<Message>) -> Received {
        let message = match received {
            Ok(message) if message.size > 0 => message,
            Err(error) if error.kind() == ErrorKind::Interrupted => return self.receive(),
            Err(error) if error.kind() == ErrorKind::WouldBlock => return Received::Nothing,
            _ => return Received::Ended,
        };
        // Without a reply that it needs, the daemon would wait forever.
        let Some(reply) = Reply::decode(&self.buffer[..message.size]) else {
            return Received::Ended;
        };
        if matches!(reply, Reply::LookedUp { batch_done: true, .. }) {
            self.batch_in_flight = false;
        }
        Received::Reply(reply, message.fds)
    }

    /// Reads all hosts and option files, and waits for them: at the start.
    ///
    /// # Errors
    /// The process has ended.
    pub fn read_config(&mut self) -> io::Result<(Reply, Vec<OwnedFd>)> {
        self.send(&Request::ReadConfig);
        self.wait_for(None, |reply| matches!(reply, Reply::Config { .. }))
    }

    /// Removes the pid file, and waits until it is done.
    pub fn remove_pid_file(&mut self) {
        self.send(&Request::RemovePidFile);
        // After an error the file is there, as if the daemon were killed.
        let _ = self.wait_for(Some(END_TIMEOUT), |reply| *reply == Reply::PidFileRemoved);
    }

    /// Connects to the system log, and waits for it: when the daemon ends.
    ///
    /// # Errors
    /// There is no system log, or the process does not answer.
    pub fn connect_syslog(&mut self) -> io::Result<Connected> {
        self.send(&Request::ConnectSyslog);
        match self
            .wait_for(Some(END_TIMEOUT), |reply| matches!(reply, Reply::SyslogConnected(_)))?
        {
            (Reply::SyslogConnected(error), fds) => connected(error, fds.into_iter().next()),
            _ => Err(ErrorKind::NotConnected.into()),
        }
    }

    /// Waits for a reply; without a timeout, until it comes. Other replies are dropped.
    fn wait_for(
        &mut self,
        timeout: Option<Duration>,
        is_it: impl Fn(&Reply) -> bool,
    ) -> io::Result<(Reply, Vec<OwnedFd>)> {
        loop {
            let received = match timeout {
                Some(timeout) if !self.process.channel.wait(timeout) => {
                    return Err(ErrorKind::TimedOut.into());
                }
                Some(_) => self.receive(),
                None => {
                    let received = self.process.channel.recv_fds_blocking(&mut self.buffer);
                    self.take(received)
                }
            };
            match received {
                Received::Reply(reply, fds) if is_it(&reply) => return Ok((reply, fds)),
                Received::Reply(..) | Received::Nothing => {}
                Received::Ended => return Err(ErrorKind::BrokenPipe.into()),
            }
        }
    }

    /// Ends the process.
    pub fn end(self) {
        self.process.end();
    }
}

/// The channel is full, or the kernel has no memory for the message.
fn is_temporary(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock
        || [ENOBUFS, ENOMEM].map(Some).contains(&error.raw_os_error())
}

/// In the file process: serves until the channel is closed.
fn serve(channel: Channel, setup: Setup) {
    let Setup { roots, secure, tasks, started } = setup;
    if channel.send_blocking(&Reply::Started(started).encode()).is_err() {
        return;
    }
    let channel = Arc::new(channel);
    let services = Services::new(channel.clone(), tasks);
    let disk = Box::new(Opener::new(roots, secure));
    // Without a timer it cannot serve: the packet process ends when the channel is closed.
    let served = Lookups::serve(channel, disk, services, || threads::exit_process(0));
    // This thread was replaced while it waited for a disk. Another one ends the process.
    while served.is_ok() {
        thread::park();
    }
}

impl AsRawFd for FileProcess {
    fn as_raw_fd(&self) -> i32 {
        self.process.as_raw_fd()
    }
}

/// The result of connecting to syslog: a stream, or 0 for the datagram socket, or an error number.
pub fn connected(error: i32, fd: Option<OwnedFd>) -> io::Result<Connected> {
    match (error, fd) {
        (_, Some(stream)) => Ok(Connected::Stream(stream)),
        (0, None) => Ok(Connected::Datagram),
        (error, None) => Err(io::Error::from_raw_os_error(error)),
    }
}
