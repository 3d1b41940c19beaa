//! A connection to the control socket of the running server.

use super::no_connection;
use crate::control::{Command, ERROR, LAST, MAX_PART_LEN, MORE, Request, socket_path};
use crate::error::StartupError;
use crate::log_line::sanitize::sanitized;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::control_socket::{self, ConnectError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// The time for which the server may be silent, until it counts as one that does not answer.
pub const ANSWER_TIMEOUT: Duration = Duration::from_secs(5);
/// The same for a process that was replaced. Its state is not necessary.
pub const EARLIER_TIMEOUT: Duration = Duration::from_secs(1);

/// The control socket of a server with this pid file.
pub fn control_path(pid_file: Option<&Path>) -> Result<PathBuf, StartupError> {
    pid_file.map(socket_path).ok_or_else(|| {
        StartupError::config(
            "the running server cannot be found without a pid file: start it with --pid-file=<path>",
        )
    })
}

/// Connects to the running server.
pub fn connect(socket: &Path) -> Result<Channel, StartupError> {
    control_socket::connect_to_server(socket).map_err(|error| connect_error(socket, &error))
}

/// Why a connection to this socket failed.
pub fn connect_error(socket: &Path, error: &ConnectError) -> StartupError {
    StartupError::other(match error {
        ConnectError::System(system) if system.kind() == io::ErrorKind::WouldBlock => {
            not_answered(&silence())
        }
        _ => no_connection::reason(socket, error),
    })
}

/// Sends a request, and receives the document of its answer. The server may be silent for this time.
pub fn request(
    connection: &Channel,
    command: &Command,
    timeout: Duration,
) -> Result<Vec<u8>, StartupError> {
    let failed = |error: io::Error| {
        let is_silent = error.kind() == io::ErrorKind::WouldBlock;
        let reason = if is_silent { silence() } else { strerror(&error) };
        StartupError::other(not_answered(&reason))
    };
    connection.set_receive_timeout(timeout).map_err(failed)?;
    match connection.send_blocking(&Request::new(command.clone()).encode()) {
        // A server that has closed the connection may have sent the reason before.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => return Err(failed(error)),
        _ => {}
    }
    let mut document = Vec::new();
    let mut buffer = vec![0; MAX_PART_LEN + 1];
    loop {
        let message = receive(connection, &mut buffer).map_err(failed)?;
        match message.split_first() {
            Some((&MORE, part)) => document.extend_from_slice(part),
            Some((&LAST, part)) => {
                document.extend_from_slice(part);
                return Ok(document);
            }
            Some((&ERROR, text)) => {
                let text = String::from_utf8_lossy(text);
                return Err(StartupError::other(sanitized(format_args!("{text}"))));
            }
            _ => {
                return Err(StartupError::other(not_answered(
                    "it has closed the connection: try again",
                )));
            }
        }
    }
}

/// The next message; empty: the other end is closed. `WouldBlock`: none came within the time limit of the connection.
fn receive<'b>(connection: &Channel, buffer: &'b mut [u8]) -> io::Result<&'b [u8]> {
    use io::ErrorKind::{ConnectionReset, Interrupted};
    loop {
        match control_socket::read(connection, buffer) {
            // ConnectionReset: the server has closed the connection before it has read the request. Its error can still be read.
            Err(error) if matches!(error.kind(), Interrupted | ConnectionReset) => {}
            size => return Ok(&buffer[..size?]),
        }
    }
}

fn not_answered(reason: &str) -> String {
    format!("the server has not answered: {reason}")
}

fn silence() -> String {
    let seconds = ANSWER_TIMEOUT.as_secs();
    format!("it was silent for {seconds} s: if it serves no clients either, restart it")
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::thread;

    /// The result of a request to a server that sends these messages, and whether it waits then.
    fn answered(messages: &[&[u8]], waits: bool) -> Result<Vec<u8>, StartupError> {
        let (client, server) = Channel::pair().unwrap();
        thread::scope(|scope| {
            scope.spawn(move || {
                let mut buffer = [0; 100];
                let request = Request::decode(server.recv_blocking(&mut buffer).unwrap());
                assert_eq!(request.unwrap().command, Command::Status { earlier: 0 });
                for message in messages {
                    server.send_blocking(message).unwrap();
                }
                // Until the client closes the connection.
                waits.then(|| server.recv_blocking(&mut buffer).map(drop))
            });
            let timeout = Duration::from_millis(if waits { 50 } else { 20_000 });
            let client = client;
            request(&client, &Command::Status { earlier: 0 }, timeout)
        })
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn document_is_received_in_parts() {
        assert_eq!(answered(&[b"+{\"a\"", b"+:1", b".}"], false), Ok(b"{\"a\":1}".to_vec()));
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn server_without_an_answer_is_an_error_with_a_remedy() {
        for (messages, waits, text) in [
            (&[][..], true, "it was silent for 5 s"),
            (&[&b"+{"[..]], true, "it was silent for 5 s"),
            (&[], false, "it has closed the connection"),
            (&[b"x"], false, "it has closed the connection"),
            (&[b"!too \x1b[2Jmany"], false, "too ?[2Jmany"),
        ] {
            let error = answered(messages, waits).unwrap_err();
            assert!(error.to_string().contains(text), "{error}");
            assert_eq!(error.exit_code(), 5);
        }
    }

    #[test]
    fn server_is_found_by_its_pid_file_only() {
        assert_eq!(control_path(None).unwrap_err().exit_code(), 1);
        let missing = connect(Path::new("/nonexistent/control")).unwrap_err();
        assert_eq!(missing.exit_code(), 5);
        assert!(missing.to_string().starts_with("no server is running"), "{missing}");
    }
}
