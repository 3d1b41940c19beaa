//! Reading the connection to the process before or after this one.

use crate::control::replacement::{Control, ForwardedDatagram, Message};
use crate::sys::channel::Channel;
use std::io;
use std::os::fd::OwnedFd;

/// What was received.
pub enum Received {
    /// A message, with its descriptors.
    Control(Control, Vec<OwnedFd>),
    /// A datagram on port 69.
    Datagram(ForwardedDatagram),
    /// A message that is not understood, or nothing: the next read may succeed.
    Other,
    /// There is no message now.
    Nothing,
    /// The other process has ended.
    Closed,
}

/// The next message, without waiting. `buffer`: `MAX_MESSAGE_LEN` bytes.
pub fn receive(link: &Channel, buffer: &mut [u8]) -> Received {
    let message = match link.receive_fds(buffer) {
        Ok(message) if message.size > 0 => message,
        Ok(_) => return Received::Closed,
        Err(error) => return of_error(&error),
    };
    match Message::decode(&buffer[..message.size]) {
        Some(Message::Control(control)) => Received::Control(control, message.fds),
        Some(Message::Datagram(datagram)) => Received::Datagram(datagram),
        None => Received::Other,
    }
}

fn of_error(error: &io::Error) -> Received {
    match error.kind() {
        io::ErrorKind::WouldBlock => Received::Nothing,
        // If the other process has ended without reading all messages, there is `ConnectionReset` once, before the messages that it
        // has sent (unix(7)).
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionReset => Received::Other,
        _ => Received::Closed,
    }
}
