//! What the loop passes to the server, and what the server needs to know around it.

use super::files::{DiskLookup, FileId};
use crate::config::Tftp;
use crate::effect::{Effect, SocketToken};
use crate::net::{EgressSocket, Interfaces, ReceivedDatagram};
use crate::time::Timestamp;
use std::net::SocketAddr;

/// An input of [`Server::handle_input`](super::Server::handle_input).
pub enum Input<'a> {
    /// A datagram on port 69. `listener` is the index of the socket that received it.
    Request {
        /// The index of the socket.
        listener: usize,
        /// The datagram.
        datagram: ReceivedDatagram<'a>,
    },
    /// [`Effect::OpenSocket`] was performed.
    SocketOpened {
        /// From the effect.
        token: SocketToken,
        /// The number of the new socket. It becomes the number of the transfer.
        id: usize,
    },
    /// [`Effect::OpenSocket`] failed.
    SocketFailed {
        /// From the effect.
        token: SocketToken,
        /// The error.
        error: SocketError,
    },
    /// [`Effect::WatchSocket`] failed: no datagram of this transfer can be received.
    SocketUnusable(usize),
    /// [`Effect::SendBatch`] was performed, and its bytes come back for the next batch.
    BatchSent {
        /// The bytes of the batch.
        buffer: Vec<u8>,
        /// Set if the send buffer of the transfer's socket had no space for the whole batch.
        partial: Option<PartialSend>,
    },
    /// The client has refused a datagram with ICMP `port unreachable`. Only passed if the ports of transfers can be
    /// guessed (`tftp-single-port`, `tftp-port-range`).
    PortUnreachable {
        /// The number of the socket of the transfer. `None`: a listening socket.
        id: Option<usize>,
        /// The receiver of the datagram.
        peer: SocketAddr,
    },
    /// The disk has read the part of a file that a [`ReadResult::Pending`](super::files::ReadResult::Pending) was about.
    DiskRead {
        /// The file.
        file: FileId,
        /// The offset of the part, in bytes.
        offset: u64,
    },
    /// The disk has the result of a look-up.
    LookedUp(&'a DiskLookup),
    /// The time of a transfer from [`Server::next_timeout`](super::Server::next_timeout) has come, and its socket was
    /// read before.
    Timeout(usize),
}

/// The first datagrams of a batch were sent, the others were not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PartialSend {
    /// The transfer.
    pub id: usize,
    /// The number of datagrams that were sent.
    pub sent: u64,
}

/// Why a socket cannot be opened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SocketError {
    /// Whether the end of another transfer can help.
    pub kind: SocketErrorKind,
    /// The message of the system.
    pub reason: String,
}

/// Whether the end of another transfer can help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SocketErrorKind {
    /// All ports or all file descriptors are in use.
    Exhausted,
    /// Any other error.
    Other,
}

/// Whether datagrams have moved a transfer on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Movement {
    /// The next blocks are sent, or the transfer has ended.
    Moved,
    /// Nothing has changed.
    Unmoved,
}

/// What is done for the transfer that is served next.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Service {
    /// The socket of this number is to be read. Its datagrams are passed to
    /// [`Server::handle_datagrams`](super::Server::handle_datagrams), no datagram too.
    ReadSocket(usize),
    /// Its blocks are sent.
    Sent,
}

/// How much the server has to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// The number of transfers.
    pub transfers: usize,
    /// The number of requests that wait for a free slot.
    pub queued: usize,
}

/// The socket that the answer to a request is sent from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplySocket {
    /// A socket of the transfer's own, by its number.
    Dedicated(usize),
    /// The listening socket that received the request, by its index (`tftp-single-port`).
    Listener(usize),
    /// None yet: an error leaves from the socket for errors, and a transfer gets a socket of its own when it begins.
    Unopened,
}

impl ReplySocket {
    /// The same, as datagrams have it.
    pub(super) fn egress(self) -> EgressSocket {
        match self {
            Self::Dedicated(id) => EgressSocket::Transfer(id),
            Self::Listener(listener) => EgressSocket::Tftp(listener),
            Self::Unopened => EgressSocket::TftpErrors,
        }
    }
}

/// What the server needs for each input, and where it puts its effects.
pub struct Context<'a, F> {
    /// The configuration.
    pub tftp: &'a Tftp,
    /// The links and addresses of this machine.
    pub interfaces: &'a Interfaces,
    /// The files.
    pub files: &'a mut F,
    /// The effects, in the order in which they must be performed. New ones are added at the end.
    pub effects: &'a mut Vec<Effect>,
    /// The time of this turn of the loop.
    pub now: Timestamp,
}
