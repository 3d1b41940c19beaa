//! Effects: the actions that the cores decide. The daemon performs them in the order in which they were decided.

use crate::boot_monitor::event::ClientEvent;
use crate::log_line::Line;
use crate::net::{Batch, Datagram};
use std::net::IpAddr;

/// One action.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Write a line to the log.
    Log(Line),
    /// Write a line about this client to the log, unless its rate limit is reached.
    LogLimited(IpAddr, Line),
    /// Pass an event to the monitor, and a completed transfer to `dhcp-script` too.
    Observe(ClientEvent),
    /// Send a datagram.
    Send(Datagram),
    /// Send datagrams together. The answer is `tftp::Input::BatchSent`, which returns the bytes.
    SendBatch(Batch),
    /// Send a datagram after this number of seconds.
    SendDelayed(u32, Datagram),
    /// Open a socket for a transfer. The answer is `tftp::Input::SocketOpened` or `tftp::Input::SocketFailed`.
    OpenSocket {
        /// To be returned in the answer.
        token: SocketToken,
        /// The address of this machine that the socket is bound to.
        local: IpAddr,
        /// The index of the interface of that address.
        interface: u32,
    },
    /// A transfer has begun: from now on receive from its socket. If that is impossible, the answer is
    /// `tftp::Input::SocketUnusable`.
    WatchSocket {
        /// The number of the socket and of the transfer.
        id: usize,
        /// How to receive.
        mode: ReceiveMode,
    },
    /// Close the socket of this number.
    CloseSocket(usize),
}

/// Identifies an [`Effect::OpenSocket`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SocketToken(pub u64);

/// How many datagrams are received from a socket by one system call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiveMode {
    /// One: the client sends one and waits for the answer.
    Single,
    /// Several, if they are there.
    Batch,
}
