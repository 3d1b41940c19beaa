//! `--status`: asks the running server for its state and prints it.

pub use super::control_connection::connect;

use super::control_connection::other_server;
use crate::control::{Command, ERROR, LAST, MAX_PART_LEN, MORE, Request, socket_path};
use crate::error::StartupError;
use crate::status::Status;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::terminal::{print_stderr, print_stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a server may send nothing. It is longer than the file process waits for the packet process.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15);

/// What is printed, and which server is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StatusRequest {
    /// How the state is printed.
    pub format: Format,
    /// The path of the control socket.
    pub socket: PathBuf,
}

/// How the state is printed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As text.
    Text,
    /// As JSON.
    Json,
    /// Again and again, until it is interrupted.
    Watch,
    /// For Prometheus.
    Metrics,
}

impl StatusRequest {
    /// The request of a command line. `format`: the value of `--status`.
    pub fn parse(format: &str, pid_file: Option<&Path>) -> Result<Self, StartupError> {
        let format = match format {
            "" | "text" => Format::Text,
            "json" => Format::Json,
            "watch" => Format::Watch,
            "metrics" => Format::Metrics,
            other => {
                return Err(StartupError::config(format!(
                    "bad command line options: --status={other}: use text, json, watch or metrics"
                )));
            }
        };
        Ok(Self { format, socket: control_path(pid_file)? })
    }

    /// Prints the state.
    pub fn run(&self) -> Result<(), StartupError> {
        let connection = connect(&self.socket)?;
        let document = request(&connection, &Command::Status { earlier: 0 })?;
        print_stdout(&String::from_utf8_lossy(&document));
        if let Ok(Status { pid, .. }) = serde_json::from_slice(&document)
            && let Some(notice) = other_server(&self.socket, pid)
        {
            print_stderr(&notice);
        }
        Ok(())
    }
}

/// The control socket of a server with this pid file.
pub fn control_path(pid_file: Option<&Path>) -> Result<PathBuf, StartupError> {
    pid_file.map(socket_path).ok_or_else(|| {
        StartupError::config(
            "the running server cannot be found without a pid file: start it with --pid-file=<path>",
        )
    })
}

/// Sends a request, and receives the document of its answer.
pub fn request(connection: &Channel, command: &Command) -> Result<Vec<u8>, StartupError> {
    let failed =
        |reason: &str| StartupError::other(format!("the server has not answered: {reason}"));
    // After an error there may be an answer: the server has refused the connection.
    let sent = connection.send_blocking(&Request::new(command.clone()).encode());
    let mut document = Vec::new();
    let mut buffer = vec![0; MAX_PART_LEN + 1];
    loop {
        if !connection.wait(ANSWER_TIMEOUT) {
            return Err(failed("it is stopped or busy"));
        }
        let message = connection.recv_blocking(&mut buffer);
        match message.and_then(<[u8]>::split_first) {
            Some((&MORE, part)) => document.extend_from_slice(part),
            Some((&LAST, part)) => {
                document.extend_from_slice(part);
                return Ok(document);
            }
            Some((&ERROR, text)) => {
                return Err(StartupError::other(String::from_utf8_lossy(text).into_owned()));
            }
            _ => {
                let closed = || "it has closed the connection".to_owned();
                return Err(failed(&sent.err().map_or_else(closed, |error| strerror(&error))));
            }
        }
    }
}
