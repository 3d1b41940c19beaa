//! Answers on the control socket.

use crate::control::{ERROR, LAST, MAX_PART_LEN, MORE};
use crate::sys::channel::Channel;
use crate::sys::control_socket;
use std::time::{Duration, Instant};

/// A client that has not read its whole answer is disconnected after this time.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(4);

/// Sends an error; whether the connection can go on.
pub fn send_error(connection: &Channel, text: &str) -> bool {
    send_part(connection, ERROR, text.as_bytes(), Instant::now() + ANSWER_TIMEOUT)
}

/// Sends a document in parts; whether the connection can go on.
pub fn send_document(connection: &Channel, document: &[u8]) -> bool {
    let deadline = Instant::now() + ANSWER_TIMEOUT;
    let mut rest = document;
    while rest.len() > MAX_PART_LEN {
        let (part, left) = rest.split_at(MAX_PART_LEN);
        if !send_part(connection, MORE, part, deadline) {
            return false;
        }
        rest = left;
    }
    send_part(connection, LAST, rest, deadline)
}

fn send_part(connection: &Channel, kind: u8, part: &[u8], deadline: Instant) -> bool {
    control_socket::write(connection, &[&[kind], part].concat(), deadline).is_ok()
}
