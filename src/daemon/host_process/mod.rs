//! The process with the privileges that changes of the host need while the daemon serves: neighbour entries, and binding
//! DHCP sockets to an interface that was created again. It also has the packet socket with the replies of other DHCP
//! servers.

pub mod child;
mod kept_neighbours;
pub mod protocol;

use self::child::HostSetup;
use self::protocol::{Action, Report, Request, has_neighbour_entry};
use crate::error::StartupError;
use crate::net::NeighbourEntry;
use crate::strerror::strerror;
use crate::sys::helper_process::{self, HelperProcess};
use crate::sys::limits::ETIMEDOUT;
use std::collections::VecDeque;
use std::ffi::CStr;
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

/// The name of the process in ps(1).
pub const NAME: &CStr = c"pxemasq-host";

/// The side of the packet process.
pub struct HostProcess {
    process: HelperProcess,
    /// The number of the last request.
    last: u32,
    /// Whether it has no answer yet. Then no other is sent, so the channel is never full.
    unanswered: bool,
    /// Replies of other servers that were received while an answer was awaited.
    replies: VecDeque<(Ipv4Addr, Vec<u8>)>,
    buffer: Vec<u8>,
}

/// What [`HostProcess::next_reply`] found.
pub enum Received {
    /// A datagram of another server: source address and payload.
    Reply(Ipv4Addr, Vec<u8>),
    /// A message that needs no action.
    Other,
    /// No message.
    Nothing,
    /// The process has ended.
    Ended,
}

/// Whether a report is awaited.
#[derive(Clone, Copy)]
enum Wait {
    No,
    /// At most for [`MAX_WAIT`].
    Limited,
}

/// How long the answer to a request is awaited.
const MAX_WAIT: Duration = Duration::from_secs(1);
/// How long the start waits for the process.
const MAX_START: Duration = Duration::from_secs(60);
const MAX_REPLIES: usize = 64;
/// Larger than any report.
const BUFFER_LEN: usize = 65 * 1024;

impl HostProcess {
    /// Starts the process. It is not ready yet.
    pub fn start(setup: &HostSetup) -> Result<Self, StartupError> {
        let kept = setup.sniffer.as_ref().map(|sniffer| sniffer.as_fd().as_raw_fd());
        let work = |channel| child::run(&channel, setup);
        let process =
            helper_process::start(NAME, kept.as_slice(), work).map_err(|error| failed(&error))?;
        process.channel.set_receive_timeout(MAX_WAIT).map_err(|error| failed(&error))?;
        Ok(Self {
            process,
            last: 0,
            unanswered: false,
            replies: VecDeque::new(),
            buffer: vec![0; BUFFER_LEN],
        })
    }

    /// Waits until the process is confined. Its restrictions, for the log.
    pub fn wait_until_ready(&mut self) -> Result<String, StartupError> {
        let end = Instant::now() + MAX_START;
        while Instant::now() < end {
            match self.receive(Wait::Limited) {
                Ok(Some(Report::Ready(restrictions))) => return Ok(restrictions),
                Ok(Some(Report::Failed(code, error))) => {
                    return Err(StartupError::new(code, error));
                }
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(failed(&error)),
            }
        }
        Err(failed(&timed_out()))
    }

    /// Adds a neighbour entry, unless there is one.
    pub fn add_neighbour(&mut self, address: Ipv4Addr, client: NeighbourEntry) -> io::Result<()> {
        if !has_neighbour_entry(address) {
            return Ok(());
        }
        self.request(&Action::AddNeighbour(address, client), &[])
    }

    /// Adds a neighbour entry that the limit of the table does not count, unless there is an entry.
    pub fn keep_neighbour(&mut self, address: Ipv4Addr, client: NeighbourEntry) -> io::Result<()> {
        self.request(&Action::KeepNeighbour(address, client), &[])
    }

    /// Binds sockets to the interface again.
    pub fn bind_sockets(&mut self, sockets: &[BorrowedFd<'_>]) -> io::Result<()> {
        self.request(&Action::BindSockets, sockets)
    }

    /// Sends a request, and waits for its answer.
    fn request(&mut self, action: &Action, fds: &[BorrowedFd<'_>]) -> io::Result<()> {
        if self.unanswered {
            self.discard_late_answer()?;
        }
        self.last = self.last.wrapping_add(1);
        self.process.channel.send_fds(&Request::encode(self.last, action), fds)?;
        self.unanswered = true;
        let end = Instant::now() + MAX_WAIT;
        while Instant::now() < end {
            match self.receive(Wait::Limited) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
                Ok(report) => {
                    if let Some(error) = self.take(report) {
                        return result(error);
                    }
                }
            }
        }
        Err(timed_out())
    }

    /// Reads what was received since a request was given up. `ETIMEDOUT`: its answer is still missing.
    fn discard_late_answer(&mut self) -> io::Result<()> {
        while self.unanswered && self.process.channel.wait(Duration::ZERO) {
            let report = self.receive(Wait::No)?;
            self.take(report);
        }
        if self.unanswered { Err(timed_out()) } else { Ok(()) }
    }

    /// The next datagram of another server, without waiting.
    pub fn next_reply(&mut self) -> Received {
        if let Some((from, bytes)) = self.replies.pop_front() {
            return Received::Reply(from, bytes);
        }
        match self.receive(Wait::No) {
            Ok(report) => {
                self.take(report);
                self.replies
                    .pop_front()
                    .map_or(Received::Other, |(from, bytes)| Received::Reply(from, bytes))
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => Received::Nothing,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => Received::Other,
            Err(_) => {
                self.process.reap();
                Received::Ended
            }
        }
    }

    /// The next report; `None`: it is malformed. `ConnectionReset`: the process has ended.
    fn receive(&mut self, wait: Wait) -> io::Result<Option<Report>> {
        let channel = &self.process.channel;
        let message = match wait {
            Wait::No => channel.receive_fds(&mut self.buffer)?,
            Wait::Limited => channel.recv_fds_blocking(&mut self.buffer)?,
        };
        match message.size {
            0 => Err(io::ErrorKind::ConnectionReset.into()),
            size => Ok(Report::decode(&self.buffer[..size])),
        }
    }

    /// Stores a reply of another server. The error number, if the report is the answer to the last request.
    fn take(&mut self, report: Option<Report>) -> Option<i32> {
        match report {
            Some(Report::Reply(from, bytes)) if self.replies.len() < MAX_REPLIES => {
                self.replies.push_back((from, bytes));
                None
            }
            Some(Report::Answer(number, error)) if number == self.last => {
                self.unanswered = false;
                Some(error)
            }
            _ => None,
        }
    }

    /// Ends the process.
    pub fn end(self) {
        self.process.end();
    }

    /// Whether there are replies for which no event comes.
    pub fn has_replies(&self) -> bool {
        !self.replies.is_empty()
    }
}

impl AsRawFd for HostProcess {
    fn as_raw_fd(&self) -> i32 {
        self.process.as_raw_fd()
    }
}

fn failed(error: &io::Error) -> StartupError {
    StartupError::other(format!("failed to create helper: {}", strerror(error)))
}

fn timed_out() -> io::Error {
    io::Error::from_raw_os_error(ETIMEDOUT)
}

fn result(error: i32) -> io::Result<()> {
    if error == 0 { Ok(()) } else { Err(io::Error::from_raw_os_error(error)) }
}
