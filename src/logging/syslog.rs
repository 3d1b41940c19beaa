//! The system log: a queue of records, and their transmission (RFC 3164; docs/dnsmasq/daemon.md, sections 5.2 and 5.4).
//!
//! syslog may be slow, stalled, restarted or missing. Lines wait in a queue then, and the caller does not wait.

use super::record::MAX_RECORD_LEN;
use super::syslog_connection::{Attempt, Connected, SyslogConnector, SyslogSocket};
use crate::sys::limits::ENOBUFS;
use std::collections::VecDeque;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;

/// The connection to the system log, with its queue.
pub struct Syslog {
    socket: SyslogSocket,
    /// Records to be written.
    queue: VecDeque<Vec<u8>>,
    /// Bytes of the first record that were sent already.
    sent_bytes: usize,
    /// Records that came during a request to the file process. Its result determines how many are kept.
    undecided: Vec<Vec<u8>>,
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

/// The state of the queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SinkState {
    /// All records are written.
    Clear,
    /// There is no system log.
    Missing,
    /// The system log accepts no records now.
    Stalled,
    /// The file process was asked to connect.
    Connecting,
}

/// Whether a write may make a connection.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Reconnect {
    /// Once.
    Allowed,
    /// A connection was just made.
    No,
}

impl Syslog {
    /// A queue for this socket.
    pub fn new(socket: SyslogSocket) -> Self {
        Self {
            socket,
            queue: VecDeque::new(),
            sent_bytes: 0,
            undecided: Vec::new(),
            limits: QueueLimits::DEFAULT,
            state: SinkState::Clear,
            lost: 0,
        }
    }

    /// Sets the limits of the queue.
    pub fn resize(&mut self, limits: QueueLimits) {
        self.limits = limits;
    }

    /// Connects now, if there is no connection. If it fails, the next record tries again.
    pub fn connect(&mut self, overflow: impl Fn(usize) -> Vec<u8>) {
        if !self.socket.is_connected() && self.reconnect() == SinkState::Clear {
            self.flush(Reconnect::No, &overflow);
        }
    }

    /// From now on, connections are made by the file process. `wake`: called when it must be asked.
    pub fn connect_by_file_process(
        &mut self,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<SyslogConnector> {
        self.socket.connect_by_file_process(wake)
    }

    /// Whether the file process must be asked to connect; `true` once per request.
    pub fn take_request(&mut self) -> bool {
        self.socket.take_request()
    }

    /// The descriptor of the datagram socket, if it is open.
    pub fn datagram_fd(&self) -> Option<RawFd> {
        self.socket.datagram_fd()
    }

    /// Queues a record and writes the queue. `overflow`: the record about a number of lost records. A record is lost if the queue
    /// is full before the write, as in dnsmasq.
    pub fn take(&mut self, record: &[u8], overflow: impl Fn(usize) -> Vec<u8>) {
        let record = record[..record.len().min(MAX_RECORD_LEN)].to_vec();
        if self.state == SinkState::Connecting {
            self.postpone(record);
        } else {
            self.enqueue(record);
            self.flush(Reconnect::Allowed, &overflow);
        }
    }

    fn enqueue(&mut self, record: Vec<u8>) {
        let max = match self.state {
            SinkState::Missing => self.limits.missing,
            SinkState::Stalled | SinkState::Clear | SinkState::Connecting => self.limits.stalled,
        };
        if self.queue.len() < max {
            self.queue.push_back(record);
        } else {
            self.lost += 1;
        }
    }

    fn postpone(&mut self, record: Vec<u8>) {
        if self.undecided.len() < self.limits.stalled {
            self.undecided.push(record);
        } else {
            self.lost += 1;
        }
    }

    /// The result of the request to the file process. Without a request it has no effect.
    pub fn connected(
        &mut self,
        result: io::Result<Connected>,
        overflow: impl Fn(usize) -> Vec<u8>,
    ) {
        if self.state != SinkState::Connecting {
            return;
        }
        let result = result.map(|connected| self.use_connection(connected));
        self.state = state_after(&result);
        if result.is_ok() {
            self.flush(Reconnect::No, &overflow);
        }
        for record in std::mem::take(&mut self.undecided) {
            self.enqueue(record);
            if self.socket.is_connected() {
                self.flush(Reconnect::No, &overflow);
            }
        }
    }

    fn use_connection(&mut self, connected: Connected) {
        self.sent_bytes = 0;
        self.socket.set_connected(connected);
    }

    /// Writes the queue as far as possible, and then the number of lost records.
    fn flush(&mut self, reconnect: Reconnect, overflow: &impl Fn(usize) -> Vec<u8>) -> SinkState {
        self.state = self.write(reconnect);
        if self.state == SinkState::Clear && self.lost > 0 {
            self.queue.push_back(overflow(std::mem::take(&mut self.lost)));
            self.state = self.write(reconnect);
        }
        self.state
    }

    /// The state after the last attempt.
    pub fn state(&self) -> SinkState {
        self.state
    }

    /// Writes the queue if the system log was stalled. A missing one is tried again with the next record.
    pub fn resume(&mut self, overflow: impl Fn(usize) -> Vec<u8>) -> SinkState {
        if self.state == SinkState::Stalled {
            self.flush(Reconnect::Allowed, &overflow)
        } else {
            self.state
        }
    }

    fn write(&mut self, mut reconnect: Reconnect) -> SinkState {
        while let Some(record) = self.queue.front() {
            if !self.socket.is_connected() {
                match std::mem::replace(&mut reconnect, Reconnect::No) {
                    Reconnect::No => return SinkState::Missing,
                    Reconnect::Allowed => match self.reconnect() {
                        SinkState::Clear => continue,
                        state => return state,
                    },
                }
            }
            match self.socket.send(record, self.sent_bytes) {
                Ok(sent) if sent >= record.len() + self.socket.terminator().len() => {
                    self.queue.pop_front();
                    self.sent_bytes = 0;
                }
                Ok(sent) => self.sent_bytes = sent,
                Err(error) if is_stall(&error) => return SinkState::Stalled,
                // syslog may have been restarted.
                Err(_) => self.socket.disconnect(),
            }
        }
        SinkState::Clear
    }

    /// Connects, or asks the file process to do so.
    fn reconnect(&mut self) -> SinkState {
        self.sent_bytes = 0;
        match self.socket.connect() {
            Attempt::Done(result) => state_after(&result),
            Attempt::Requested => SinkState::Connecting,
        }
    }
}

/// The state after an attempt to connect.
fn state_after(connected: &io::Result<()>) -> SinkState {
    match connected {
        Ok(()) => SinkState::Clear,
        Err(error) if is_stall(error) => SinkState::Stalled,
        Err(_) => SinkState::Missing,
    }
}

fn is_stall(error: &io::Error) -> bool {
    error.kind() == ErrorKind::WouldBlock || error.raw_os_error() == Some(ENOBUFS)
}
