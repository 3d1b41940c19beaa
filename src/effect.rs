//! What the cores want done. The daemon does it, in the order decided.

use crate::log_line::Line;
use crate::net::Datagram;

/// One thing to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Log it.
    Log(Line),
    /// Send it.
    Send(Datagram),
    /// Send it after so many seconds.
    SendLater(u32, Datagram),
    /// The transfer of that number is over; its socket can go.
    Close(usize),
}
