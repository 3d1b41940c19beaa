//! The system log: datagrams to `/dev/log`, or a stream there (RFC 3164; docs/dnsmasq/daemon.md, sections 5.2 and 5.4).
//!
//! syslog may be slow, stalled, restarted or missing. Lines wait in a queue then, and the caller does not wait.

use super::record::MAX_RECORD_LEN;
use crate::sys::limits::ENOBUFS;
use crate::sys::unix_stream::connect_nonblocking;
use std::collections::VecDeque;
use std::io::{self, ErrorKind, Write};
use std::os::unix::net::{UnixDatagram, UnixStream};

/// The connection to the system log, with its queue.
pub struct Syslog {
    socket: Option<Socket>,
    /// Records to be written.
    queue: VecDeque<Vec<u8>>,
    /// Bytes of the first record that were sent already.
    sent_bytes: usize,
    limits: QueueLimits,
    /// The state after the last attempt.
    state: SinkState,
    lost: usize,
}

/// The maximum number of waiting records.
#[derive(Clone, Copy)]
pub struct QueueLimits {
    /// While there is no system log.
    pub missing: usize,
    /// While the system log accepts no records.
    pub stalled: usize,
}

impl QueueLimits {
    /// dnsmasq keeps one record. While syslog is stalled, dnsmasq blocks and serves no clients; pxemasq queues records instead
    /// (D-027).
    pub const DEFAULT: Self = Self { missing: 1, stalled: 512 };

    /// The limits of `log-async`.
    pub fn for_log_async(lines: usize) -> Self {
        Self { missing: lines, stalled: lines }
    }
}

enum Socket {
    Datagram(UnixDatagram),
    Stream(UnixStream),
}

/// The state of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// All records are written.
    Clear,
    /// There is no system log.
    Missing,
    /// The system log accepts no records now.
    Stalled,
}

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
    /// Sets the limits of the queue.
    pub fn resize(&mut self, limits: QueueLimits) {
        self.limits = limits;
    }

    /// Queues a record and writes the queue. `overflow`: the record about a number of lost records. A record is lost if the queue
    /// is full before the write, as in dnsmasq.
    pub fn take(&mut self, record: &[u8], overflow: impl Fn(usize) -> Vec<u8>) {
        let max = match self.state {
            SinkState::Missing => self.limits.missing,
            SinkState::Stalled | SinkState::Clear => self.limits.stalled,
        };
        if self.queue.len() < max {
            self.queue.push_back(record[..record.len().min(MAX_RECORD_LEN)].to_vec());
        } else {
            self.lost += 1;
        }
        self.flush(overflow);
    }

    /// Writes the queue as far as possible, and then the number of lost records.
    fn flush(&mut self, overflow: impl Fn(usize) -> Vec<u8>) -> SinkState {
        self.state = self.write();
        if self.state == SinkState::Clear && self.lost > 0 {
            self.queue.push_back(overflow(std::mem::take(&mut self.lost)));
            self.state = self.write();
        }
        self.state
    }

    /// Writes the queue if the system log was stalled. A missing one is tried again with the next record.
    pub fn resume(&mut self, overflow: impl Fn(usize) -> Vec<u8>) -> SinkState {
        if self.state == SinkState::Stalled { self.flush(overflow) } else { self.state }
    }

    fn write(&mut self) -> SinkState {
        let mut connected = false;
        while let Some(record) = self.queue.front() {
            if self.socket.is_none() && !std::mem::replace(&mut connected, true) {
                self.sent_bytes = 0;
                match Socket::connect() {
                    Ok(socket) => self.socket = Some(socket),
                    Err(error) if is_stall(&error) => return SinkState::Stalled,
                    Err(_) => {}
                }
            }
            let Some(socket) = &mut self.socket else { return SinkState::Missing };
            match socket.send(record, self.sent_bytes) {
                Ok(sent) if sent >= record.len() + socket.terminator().len() => {
                    self.queue.pop_front();
                    self.sent_bytes = 0;
                }
                Ok(sent) => self.sent_bytes = sent,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if is_stall(&error) => return SinkState::Stalled,
                // syslog may have been restarted.
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

    /// The byte that ends a record in a stream.
    fn terminator(&self) -> &'static [u8] {
        match self {
            Self::Datagram(_) => &[],
            Self::Stream(_) => &[0],
        }
    }

    /// Sends a record and its terminator, except the first `sent` bytes; the total number of sent bytes.
    fn send(&mut self, record: &[u8], sent: usize) -> io::Result<usize> {
        let terminator = self.terminator();
        match self {
            Self::Datagram(socket) => socket.send(record),
            Self::Stream(socket) => {
                Ok(sent + socket.write(&[record, terminator].concat()[sent..])?)
            }
        }
    }
}
