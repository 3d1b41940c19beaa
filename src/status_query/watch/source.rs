//! The documents of the running server, by one connection that stays open.

use super::super::connection::{ANSWER_TIMEOUT, connect, connect_error};
use super::super::{fetch_by, fetch_from};
use crate::error::StartupError;
use crate::status::Status;
use crate::sys::channel::Channel;
use crate::sys::control_socket::{ConnectError, connect_to_server};
use std::io::{self, ErrorKind};
use std::path::PathBuf;
use std::thread::sleep;
use std::time::{Duration, Instant};

/// A server that is started again, and not replaced, opens its socket within this time.
const RESTART_TIME: Duration = Duration::from_secs(1);
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Why there is no document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// No server is running.
    Ended,
    /// The server does not answer, or its answer cannot be read.
    NoAnswer(StartupError),
}

impl Failure {
    /// The error that ends the view.
    pub fn into_error(self) -> StartupError {
        match self {
            Self::Ended => StartupError::other("the server has ended"),
            Self::NoAnswer(error) => error,
        }
    }
}

/// A connection to the server.
pub struct Source {
    socket: PathBuf,
    connection: Option<Channel>,
}

impl Source {
    /// Connects to the server of this control socket.
    pub fn connect(socket: PathBuf) -> Result<Self, StartupError> {
        let connection = Some(connect(&socket)?);
        Ok(Self { socket, connection })
    }

    /// The next document. If the server was replaced, it is that of the new one.
    pub fn next(&mut self) -> Result<Status, Failure> {
        let start = Instant::now();
        loop {
            let socket = self.socket.clone();
            match fetch_by(&socket, || self.try_next()) {
                Err(Failure::Ended) if start.elapsed() < RESTART_TIME => sleep(RETRY_INTERVAL),
                result => return result,
            }
        }
    }

    fn try_next(&mut self) -> Result<Status, Failure> {
        if let Some(connection) = self.connection.take()
            && let Ok(status) = fetch_from(&connection, 0, ANSWER_TIMEOUT)
            && !status.replaced
        {
            self.connection = Some(connection);
            return Ok(status);
        }
        let connection = connect_to_server(&self.socket).map_err(|error| match &error {
            ConnectError::System(system) if is_absence(system) => Failure::Ended,
            _ => Failure::NoAnswer(connect_error(&self.socket, &error)),
        })?;
        let status = fetch_from(&connection, 0, ANSWER_TIMEOUT).map_err(Failure::NoAnswer)?;
        self.connection = Some(connection);
        Ok(status)
    }
}

/// Whether a connection failed because no process has the socket.
fn is_absence(error: &io::Error) -> bool {
    matches!(error.kind(), ErrorKind::NotFound | ErrorKind::ConnectionRefused)
}
