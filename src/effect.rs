//! What the cores want done. The daemon does it, in the order decided.

use crate::log_line::Line;
use crate::net::{Batch, Datagram};
use crate::sight::ClientEvent;
use std::net::IpAddr;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Log it.
    Log(Line),
    /// Log it, unless too much is told of that client.
    LogLimited(IpAddr, Line),
    /// Note it: it is about a client's way.
    Observe(ClientEvent),
    /// Send it.
    Send(Datagram),
    /// Send these together. Their bytes are to be given back for the next ones.
    SendBatch(Batch),
    /// Send it after so many seconds.
    SendDelayed(u32, Datagram),
    /// Tell the script (`dhcp-script`) of a file that was sent.
    RunScript(CompletedTransfer),
    /// The transfer of that number is over; its socket can go.
    CloseSocket(usize),
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedTransfer {
    /// Its size on disk, in bytes.
    pub size: u64,
    /// To whom.
    pub client: IpAddr,
    /// Its path as it was opened, with whatever bytes it has.
    pub path: Vec<u8>,
}
