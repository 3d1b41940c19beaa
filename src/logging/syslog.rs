//! The system log: datagrams to `/dev/log`, or a stream there (RFC 3164; docs/dnsmasq/daemon.md, sections 5.2 and 5.4).
//!
//! It may be slow, stalled, restarted or not there at all. Lines wait in a queue then, and nobody else does.

use crate::sys::limits::ENOBUFS;
use crate::sys::unix_stream::connect_nonblocking;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};

/// The way to the system log.
pub struct Syslog {
    socket: Option<Socket>,
    /// What is to be written, each with what ends it.
    queue: VecDeque<Vec<u8>>,
    /// Bytes of the first that are gone already.
    sent_bytes: usize,
    limits: QueueLimits,
    /// How it was when it was last tried.
    state: SinkState,
    lost: usize,
}

/// How many records may wait.
#[derive(Clone, Copy)]
pub struct QueueLimits {
    /// While there is no system log.
    pub missing: usize,
    /// While it takes nothing.
    pub stalled: usize,
}

impl QueueLimits {
    /// dnsmasq keeps one. While it takes nothing, dnsmasq waits and serves nobody; we remember instead. (D-027)
    pub const DEFAULT: Self = Self { missing: 1, stalled: 512 };

    /// With `log-async` it is said how many.
    pub fn for_log_async(lines: usize) -> Self {
        Self { missing: lines, stalled: lines }
    }
}

enum Socket {
    Datagram(UnixDatagram),
    Stream(UnixStream),
}

/// What became of what waited.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// All is written.
    Clear,
    /// There is no system log.
    Missing,
    /// It has no room now.
    Stalled,
}

/// Longest record (RFC 3164, section 4.1), but for what ends it.
const MAX_QUEUED_RECORDS: usize = 1023;
const PATH: &str = "/dev/log";

impl Default for Syslog {
    fn default() -> Self {
        Self {
            socket: None,
            queue: VecDeque::new(),
            sent_bytes: 0,
            limits: QueueLimits::DEFAULT,
            state: SinkState::Clear,
            lost: 0,
        }
    }
}

impl Syslog {
    /// Lets so many records wait from now on.
    pub fn resize(&mut self, room: QueueLimits) {
        self.limits = room;
    }

    /// Takes a record; `overflow` says that some were lost. What does not fit is lost even if there is room at once:
    /// that is how dnsmasq counts.
    pub fn take(&mut self, record: &[u8], overflow: impl Fn(usize) -> Vec<u8>) {
        let room = match self.state {
            SinkState::Missing => self.limits.missing,
            SinkState::Stalled | SinkState::Clear => self.limits.stalled,
        };
        if self.queue.len() < room {
            self.queue.push_back(record[..record.len().min(MAX_QUEUED_RECORDS)].to_vec());
        } else {
            self.lost += 1;
        }
        self.flush(overflow);
    }

    /// Writes what waits, as far as that is possible; behind it, how much was lost.
    fn flush(&mut self, overflow: impl Fn(usize) -> Vec<u8>) -> SinkState {
        self.state = self.write();
        if self.state == SinkState::Clear && self.lost > 0 {
            self.queue.push_back(overflow(std::mem::take(&mut self.lost)));
            self.state = self.write();
        }
        self.state
    }

    /// The same for what it had no room for. That it is there again is found out with the next record.
    pub fn resume(&mut self, overflow: impl Fn(usize) -> Vec<u8>) -> SinkState {
        if self.state == SinkState::Stalled { self.flush(overflow) } else { self.state }
    }

    fn write(&mut self) -> SinkState {
        let mut tried = false;
        while let Some(record) = self.queue.front() {
            if self.socket.is_none() && !std::mem::replace(&mut tried, true) {
                self.sent_bytes = 0;
                match Socket::connect() {
                    Ok(socket) => self.socket = Some(socket),
                    Err(error) if is_stall(&error) => return SinkState::Stalled,
                    Err(_) => {}
                }
            }
            let Some(socket) = &mut self.socket else { return SinkState::Missing };
            match socket.send(record, self.sent_bytes) {
                Ok(gone) if gone >= record.len() + socket.from_path().len() => {
                    self.queue.pop_front();
                    self.sent_bytes = 0;
                }
                Ok(part) => self.sent_bytes = part,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_stall(&error) => return SinkState::Stalled,
                // It may be another one by now.
                Err(_) => self.socket = None,
            }
        }
        SinkState::Clear
    }
}

fn is_stall(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(ENOBUFS)
}

impl Socket {
    fn connect() -> io::Result<Self> {
        let datagram = UnixDatagram::unbound()?;
        datagram.set_nonblocking(true)?;
        if datagram.connect(PATH).is_ok() {
            return Ok(Self::Datagram(datagram));
        }
        connect_nonblocking(PATH).map(Self::Stream)
    }

    /// What tells where a record ends.
    fn from_path(&self) -> &'static [u8] {
        match self {
            Self::Datagram(_) => &[],
            Self::Stream(_) => &[0],
        }
    }

    /// Sends a record and its ending, of which so many bytes are gone; tells how many are then.
    fn send(&mut self, record: &[u8], gone: usize) -> io::Result<usize> {
        let ending = self.from_path();
        match self {
            Self::Datagram(socket) => socket.send(record),
            Self::Stream(socket) => Ok(gone + socket.write(&[record, ending].concat()[gone..])?),
        }
    }
}
