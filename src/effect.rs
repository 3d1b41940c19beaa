//! What the cores want done. The daemon does it, in the order decided.

use crate::log_line::Line;
use crate::net::{Batch, Datagram};

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Log it.
    Log(Line),
    /// Send it.
    Send(Datagram),
    /// Send these together. Their bytes are to be given back for the next ones.
    SendBatch(Batch),
    /// Send it after so many seconds.
    SendLater(u32, Datagram),
    /// The transfer of that number is over; its socket can go.
    Close(usize),
}
