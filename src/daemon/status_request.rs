//! `--status`: asks the running server for its state and prints it.

use crate::byte_text::path_text;
use crate::control::{Command, ERROR, LAST, MAX_PART_LEN, MORE, Request, socket_path};
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::control_socket;
use crate::terminal::print_stdout;
use std::io;
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
        let connection = connect(&self.socket)?;
        let document = request(&connection, &Command::Status { earlier: 0 })?;
        print_stdout(&String::from_utf8_lossy(&document));
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

/// Connects to the running server.
pub fn connect(socket: &Path) -> Result<Channel, StartupError> {
    control_socket::connect_to_server(socket).map_err(|error| {
        let path = path_text(socket);
        StartupError::other(match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => format!(
                "no server is running with the control socket {path}: use the same options as for its start"
            ),
            _ => format!("cannot connect to the control socket {path}: {}", strerror(&error)),
        })
    })
}

/// Sends a request, and receives the document of its answer.
pub fn request(connection: &Channel, command: &Command) -> Result<Vec<u8>, StartupError> {
    let failed =
        |reason: &str| StartupError::other(format!("the server has not answered: {reason}"));
    connection
        .send_blocking(&Request::new(command.clone()).encode())
        .map_err(|error| failed(&strerror(&error)))?;
    let mut document = Vec::new();
    let mut buffer = vec![0; MAX_PART_LEN + 1];
    loop {
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
            _ => return Err(failed("it has closed the connection")),
        }
    }
}
