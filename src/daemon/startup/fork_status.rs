//! The pipe by which the daemon in the background reports success or the start-up error to the process that was started.
//! That process waits, prints the error and takes its exit code (docs/dnsmasq/daemon.md, section 2).
//!
//! The daemon writes one byte `STARTED`, or the exit code followed by message, NUL and detail.

use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::daemonize::{ForkSide, detach};
use crate::sys::fds::has_reader;
use crate::sys::process_id;
use std::io::{self, PipeReader, PipeWriter, Read, Write};

/// The daemon's end of the pipe.
pub struct ForkStatus(PipeWriter);

/// The process in which [`ForkStatus::detach`] returns.
pub enum Detachment {
    /// The daemon.
    Daemon(ForkStatus),
    /// The process that was started: the daemon with this process id serves. While the pipe is open, the daemon is not replaced.
    Started(u32, PipeReader),
}

/// Reports a start: it is followed by the process id. No error has this exit code.
const STARTED: u8 = 0;

impl ForkStatus {
    /// Forks into the background.
    pub fn detach() -> Result<Detachment, StartupError> {
        let failed = |error: io::Error| {
            StartupError::other(format!("cannot fork into background: {}", strerror(&error)))
        };
        match detach().map_err(failed)? {
            ForkSide::Daemon(writer) => Ok(Detachment::Daemon(Self(writer))),
            ForkSide::Parent(mut reader) => {
                let process = wait(&mut reader)?;
                Ok(Detachment::Started(process, reader))
            }
        }
    }

    /// Whether the process that was started waits for a report, or handles it.
    pub fn is_awaited(&self) -> bool {
        has_reader(&self.0)
    }

    /// Reports that the daemon serves. Until the process that was started has ended, [`ForkStatus::is_awaited`] is true.
    pub fn started(&mut self) {
        // A process that does not wait needs no report.
        let process = process_id::own().to_ne_bytes();
        let _ = self.0.write_all(&[&[STARTED], &process[..]].concat());
    }

    /// Reports that the daemon does not start.
    pub fn failed(mut self, error: &StartupError) {
        let message = error.to_string();
        let detail = error.detail().unwrap_or_default();
        let report = [&[error.exit_code()], message.as_bytes(), &[0], detail.as_bytes()].concat();
        let _ = self.0.write_all(&report);
    }
}

/// Waits for the report. A daemon that has started keeps its end of the pipe.
fn wait(reader: &mut PipeReader) -> Result<u32, StartupError> {
    let mut started = [0; 1 + size_of::<u32>()];
    let mut report = Vec::new();
    let read = reader.read_exact(&mut started[..1]).and_then(|()| {
        report.push(started[0]);
        match started[0] {
            STARTED => reader.read_exact(&mut started[1..]).map(drop),
            _ => reader.read_to_end(&mut report).map(drop),
        }
    });
    let [_, process @ ..] = started;
    match &report[..] {
        [STARTED] => Ok(u32::from_ne_bytes(process)),
        [code, text @ ..] => {
            // The daemon sends text, in which bytes that are not UTF-8 are replaced already.
            let text = String::from_utf8_lossy(text);
            let (message, detail) = text.split_once('\0').unwrap_or((&text, ""));
            let error = StartupError::new(*code, message);
            Err(if detail.is_empty() { error } else { error.with_detail(detail.to_owned()) })
        }
        [] => {
            let reason = match read {
                Err(error) if error.kind() != io::ErrorKind::UnexpectedEof => strerror(&error),
                _ => "it was killed".to_owned(),
            };
            Err(StartupError::other(format!("cannot fork into background: {reason}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wait_for(report: &[u8]) -> Result<u32, StartupError> {
        let (mut reader, mut writer) = io::pipe().unwrap();
        writer.write_all(report).unwrap();
        drop(writer);
        wait(&mut reader)
    }

    #[test]
    fn error_is_received_with_code_message_and_detail() {
        let (mut reader, writer) = io::pipe().unwrap();
        let error = StartupError::file("cannot open log").with_detail("  see c:1".to_owned());
        ForkStatus(writer).failed(&error);
        assert_eq!(wait(&mut reader), Err(error));
        let started = [&[STARTED], &7_u32.to_ne_bytes()[..]].concat();
        assert_eq!(wait_for(&started), Ok(7));
    }

    #[test]
    fn daemon_that_ends_without_a_report_is_an_error() {
        let error = wait_for(&[]).unwrap_err();
        assert_eq!(error, StartupError::other("cannot fork into background: it was killed"));
    }
}
