//! `--status`: asks the running server for its state and prints it.

pub mod connection;
mod merge;
pub mod watch;

use crate::control::Command;
use crate::error::StartupError;
use crate::log_line::sanitize::sanitized;
use crate::status::Status;
use crate::terminal::print_stdout;
use connection::{connect, control_path, request};
use std::path::{Path, PathBuf};

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
        if self.format == Format::Watch {
            return watch::watch(self.socket.clone());
        }
        let status = fetch(self)?;
        print_stdout(&(serde_json::to_string_pretty(&status).unwrap_or_default() + "\n"));
        Ok(())
    }
}

/// The state of the running server, together with that of the processes that it has replaced and that still finish transfers. It
/// waits for an answer for at most [`connection::ANSWER_TIMEOUT`].
pub fn fetch(request: &StatusRequest) -> Result<Status, StartupError> {
    Ok(with_earlier(&request.socket, fetch_one(&request.socket, 0)?))
}

/// The state of a server, together with that of the processes that it has replaced.
fn with_earlier(socket: &Path, status: Status) -> Status {
    let numbers = 1..=u16::try_from(status.earlier.len()).unwrap_or(u16::MAX);
    // A process that has finished its transfers meanwhile cannot be asked any more.
    let earlier = numbers.filter_map(|number| fetch_one(socket, number).ok());
    merge::merged(status, earlier)
}

/// The state of the server (0), or of the nth process that it has replaced.
fn fetch_one(socket: &Path, earlier: u16) -> Result<Status, StartupError> {
    decode(&request(&connect(socket)?, &Command::Status { earlier })?)
}

fn decode(document: &[u8]) -> Result<Status, StartupError> {
    serde_json::from_slice(document).map_err(|error| {
        StartupError::other(sanitized(format_args!(
            "the state that the server has sent cannot be read: {error}: use the program of the same version as the server"
        )))
    })
}
