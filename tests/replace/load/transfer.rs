//! A request of a file and the transfer that follows it, by a client that checks each byte.

use super::files::{FILES, Files, Roots};
use crate::scene::{CLIENT, SERVER};
use mio::net::UdpSocket;
use std::io::ErrorKind;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

/// What to request.
#[derive(Clone, Copy, Debug)]
pub struct FileRequest {
    /// Index of [`FILES`].
    pub file: usize,
    pub windowsize: u16,
}

/// A transfer, from its request on.
pub struct Transfer {
    pub socket: UdpSocket,
    pub file_request: FileRequest,
    /// `None`: the request is not answered yet.
    peer: Option<SocketAddr>,
    /// The roots that the file may come from.
    roots: Roots,
    offset: usize,
    wanted: u16,
    in_window: u16,
    gap_reported: bool,
    last: Vec<u8>,
    /// When the last datagram is sent, or sent again.
    due: Instant,
    progress_at: Instant,
}

/// The state after datagrams were received, or a time has passed.
#[derive(Debug, PartialEq, Eq)]
pub enum State {
    Open,
    /// The request was not answered in time.
    Unanswered,
    Complete,
    Failed(String),
}

const BLOCK: usize = 1468;
/// The client sends the last datagram again after this time.
pub const REPEAT: Duration = Duration::from_secs(1);
/// A transfer without a new block in this time has failed.
const GIVE_UP: Duration = Duration::from_secs(60);

impl Transfer {
    /// Sends the request from this port. It must not be one of an earlier transfer, whose server may send its last block again.
    pub fn begin(file_request: FileRequest, roots: Roots, port: u16) -> Self {
        let address = SocketAddr::new(CLIENT.parse().expect("an address"), port);
        let socket = UdpSocket::bind(address).expect("a socket");
        let FileRequest { file, windowsize } = file_request;
        let window = match windowsize {
            1 => String::new(),
            size => format!("windowsize\0{size}\0"),
        };
        let name = FILES[file].0;
        let last = format!("\0\x01{name}\0octet\0blksize\0{BLOCK}\0{window}").into_bytes();
        let now = Instant::now();
        let transfer = Self {
            socket,
            file_request,
            peer: None,
            roots,
            offset: 0,
            wanted: 1,
            in_window: 0,
            gap_reported: false,
            last,
            due: now + REPEAT,
            progress_at: now,
        };
        transfer.send();
        transfer
    }

    /// Whether the request was answered.
    pub fn is_answered(&self) -> bool {
        self.peer.is_some()
    }

    /// Sends what is due.
    pub fn tick(&mut self, now: Instant) -> State {
        if now < self.due {
            return State::Open;
        }
        if self.peer.is_none() {
            return State::Unanswered;
        }
        if now.duration_since(self.progress_at) > GIVE_UP {
            return State::Failed(format!("{}: no block {}", self.name(), self.wanted));
        }
        self.in_window = 0;
        self.due = now + REPEAT;
        self.send();
        State::Open
    }

    /// Reads what has arrived. An acknowledgement is sent after `pace`.
    pub fn receive(&mut self, files: &Files, roots: Roots, pace: Duration) -> State {
        let mut buffer = [0; 2048];
        loop {
            let (size, from) = match self.socket.recv_from(&mut buffer) {
                Ok(received) => received,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return State::Open,
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return State::Failed(format!("{}: {error}", self.name())),
            };
            match self.peer {
                None => {
                    self.peer = Some(from);
                    self.roots = self.roots | roots;
                }
                Some(peer) if peer == from => {}
                Some(peer) => {
                    return State::Failed(format!("{}: {peer}, then {from}", self.name()));
                }
            }
            let state = self.datagram(&buffer[..size], files, pace);
            if state != State::Open {
                return state;
            }
        }
    }

    /// After the end: if the server sends again, the last datagram to it was lost (RFC 1350, section 6).
    pub fn answer_again(&self) {
        let mut buffer = [0; 2048];
        while let Ok((_, from)) = self.socket.recv_from(&mut buffer) {
            if self.peer == Some(from) {
                self.send();
            }
        }
    }

    /// Ends a transfer that is not needed any more.
    pub fn abandon(&mut self) {
        if self.peer.is_some() {
            self.last = b"\0\x05\0\0not needed\0".to_vec();
            self.send();
        }
    }

    fn name(&self) -> &'static str {
        FILES[self.file_request.file].0
    }

    fn send(&self) {
        let server = IpAddr::V4(SERVER.parse().expect("an address"));
        let to = self.peer.unwrap_or_else(|| SocketAddr::new(server, 69));
        drop(self.socket.send_to(&self.last, to));
    }

    fn datagram(&mut self, datagram: &[u8], files: &Files, pace: Duration) -> State {
        match datagram {
            [0, 6, ..] if self.offset == 0 => self.acknowledge(0, pace),
            [0, 3, high, low, data @ ..] => {
                return self.block(u16::from_be_bytes([*high, *low]), data, files, pace);
            }
            [0, 5, _, _, text @ ..] => {
                let text = String::from_utf8_lossy(text);
                return State::Failed(format!("{}: {text}", self.name()));
            }
            _ => {}
        }
        State::Open
    }

    fn block(&mut self, number: u16, data: &[u8], files: &Files, pace: Duration) -> State {
        if number != self.wanted {
            // One ACK for each gap, and none for duplicates.
            let ahead = number.wrapping_sub(self.wanted) < 1 << 15;
            if ahead && !std::mem::replace(&mut self.gap_reported, true) {
                self.acknowledge(self.wanted.wrapping_sub(1), Duration::ZERO);
                self.send();
            }
            return State::Open;
        }
        self.roots = files.matching(self.roots, self.file_request.file, self.offset, data);
        if self.roots.is_empty() {
            return State::Failed(format!("{}: other bytes in block {number}", self.name()));
        }
        self.gap_reported = false;
        self.progress_at = Instant::now();
        self.wanted = self.wanted.wrapping_add(1);
        self.offset += data.len();
        self.in_window += 1;
        let is_last = data.len() < BLOCK;
        if is_last || self.in_window == self.file_request.windowsize {
            self.acknowledge(number, pace);
        } else {
            self.last = ack(number);
            self.due = Instant::now() + REPEAT;
        }
        match (is_last, self.offset == FILES[self.file_request.file].1) {
            (false, _) => State::Open,
            (true, true) => {
                self.send();
                State::Complete
            }
            (true, false) => State::Failed(format!("{}: only {} bytes", self.name(), self.offset)),
        }
    }

    fn acknowledge(&mut self, number: u16, pace: Duration) {
        self.last = ack(number);
        self.in_window = 0;
        self.due = Instant::now() + if pace.is_zero() { REPEAT } else { pace };
    }
}

fn ack(number: u16) -> Vec<u8> {
    [[0, 4], number.to_be_bytes()].concat()
}
