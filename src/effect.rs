//! What the cores want done. The daemon does it, in the order decided.

use crate::boot_monitor::event::{ClientEvent, CompletedTransfer};
use crate::log_line::Line;
use crate::net::{Batch, Datagram};
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
