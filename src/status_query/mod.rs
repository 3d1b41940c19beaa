//! `--status`: asks the running server for its state and prints it.

mod clean;
pub mod connection;
mod merge;
pub mod metrics;
mod no_connection;
pub mod text;
mod units;
pub mod watch;
pub mod words;

use crate::control::Command;
use crate::error::StartupError;
use crate::log_line::sanitize::sanitized;
use crate::status::Status;
use crate::sys::channel::Channel;
use crate::sys::clock::local_time_at;
use crate::terminal::{Layout, print_stderr, print_stdout};
use clean::clean_json;
use connection::{ANSWER_TIMEOUT, EARLIER_TIMEOUT, connect, control_path, request};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

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
    /// The request of a command line. `format`: the value of `--status`. `json`: whether there is `--json` too.
    pub fn parse(format: &str, json: bool, pid_file: Option<&Path>) -> Result<Self, StartupError> {
        let format = match (format, json) {
            ("json", _) | ("", true) => Format::Json,
            ("" | "text", false) => Format::Text,
            ("watch", false) => Format::Watch,
            ("metrics", false) => Format::Metrics,
            ("text" | "watch" | "metrics", true) => {
                return Err(StartupError::config(format!(
                    "bad command line options: --json cannot be combined with --status={format}: use --status=json"
                )));
            }
            (other, _) => {
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
        print_stdout(&match self.format {
            Format::Text | Format::Watch => {
                let started = local_time_at(status.started_at).to_string();
                text::text(&status, &started, Layout::of_stdout())
            }
            Format::Json => json(&status),
            Format::Metrics => metrics::exposition(&status)?,
        });
        if let Some(notice) = no_connection::other_server(&self.socket, status.pid) {
            print_stderr(&notice);
        }
        Ok(())
    }
}

/// The state as JSON, with a line break at its end.
fn json(status: &Status) -> String {
    // Keys are strings and numbers are finite, so this cannot fail.
    clean_json(&serde_json::to_string_pretty(status).unwrap_or_default()) + "\n"
}

/// The state of the running server, together with that of the processes that it has replaced and that still finish transfers. It
/// waits for the server for at most [`ANSWER_TIMEOUT`], and for each of the others for at most [`EARLIER_TIMEOUT`].
pub fn fetch(request: &StatusRequest) -> Result<Status, StartupError> {
    fetch_by(&request.socket, || fetch_one(&request.socket, 0, ANSWER_TIMEOUT))
}

/// [`fetch`] with this function for the state of the server itself.
fn fetch_by<E>(socket: &Path, mut server: impl FnMut() -> Result<Status, E>) -> Result<Status, E> {
    let first = with_earlier(socket, server()?);
    if first.is_consistent {
        return Ok(first.merged);
    }
    thread::sleep(RETRY_AFTER);
    Ok(with_earlier(socket, server()?).merged)
}

/// After this time a server makes a new document.
const RETRY_AFTER: Duration = Duration::from_millis(150);

struct State {
    merged: Status,
    /// Whether the counters of each process are there once. They are not if a process ends after the server has made its document:
    /// then they are in the next one. Nor are they if an earlier process has made its document before it was replaced: it contains
    /// the counters of processes before it, which are in that of the server too. Prometheus takes a counter that decreases for a
    /// restart.
    is_consistent: bool,
}

/// Adds the states of the processes that the server has replaced.
fn with_earlier(socket: &Path, server: Status) -> State {
    let numbers = 1..=u16::try_from(server.earlier.len()).unwrap_or(u16::MAX);
    let earlier: Vec<Status> =
        numbers.filter_map(|number| fetch_one(socket, number, EARLIER_TIMEOUT).ok()).collect();
    let replaced = earlier.iter().filter(|status| status.replaced).count();
    let is_consistent = replaced == server.earlier.len();
    State { merged: merge::merged(server, earlier), is_consistent }
}

/// The state of the server (0), or of the nth process that it has replaced.
fn fetch_one(socket: &Path, earlier: u16, timeout: Duration) -> Result<Status, StartupError> {
    fetch_from(&connect(socket)?, earlier, timeout)
}

/// [`fetch_one`] by a connection that is open.
fn fetch_from(
    connection: &Channel,
    earlier: u16,
    timeout: Duration,
) -> Result<Status, StartupError> {
    let document = request(connection, &Command::Status { earlier }, timeout)?;
    serde_json::from_slice(&document).map_err(|error| {
        StartupError::other(sanitized(format_args!(
            "the state that the server has sent cannot be read: {error}: use the program of the same version as the server"
        )))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn format_is_that_of_the_command_line() {
        let parsed = |value, json| {
            StatusRequest::parse(value, json, Some(Path::new("/run/pid"))).map(|one| one.format)
        };
        for (value, json, format) in [
            ("", false, Format::Text),
            ("text", false, Format::Text),
            ("json", false, Format::Json),
            ("", true, Format::Json),
            ("json", true, Format::Json),
            ("watch", false, Format::Watch),
            ("metrics", false, Format::Metrics),
        ] {
            assert_eq!(parsed(value, json), Ok(format), "{value} {json}");
        }
        for (value, json) in [("xml", false), ("xml", true), ("metrics", true), ("text", true)] {
            let error = parsed(value, json).unwrap_err();
            assert_eq!(error.exit_code(), 1);
            assert!(error.to_string().starts_with("bad command line options: --"), "{error}");
        }
    }
}
