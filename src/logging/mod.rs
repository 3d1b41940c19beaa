//! The sinks of log lines: the system log, a file, standard error (docs/dnsmasq/daemon.md, section 5).
//!
//! Each line becomes a `Record`, which each sink formats. A sink never blocks the caller: lines wait in a bounded queue, and
//! lines that do not fit are counted.
//!
//! While the daemon serves, this process opens no file and connects no socket. The file process does it:
//!
//! | | needs before the fork | does on request | result |
//! |---|---|---|---|
//! | syslog | the connector of [`Logger::connect_by_file_process`], and its descriptor | [`SyslogConnector::connect`] | [`Logger::syslog_connected`] |
//! | log file | [`Process::log_file`] | [`open_log_file_again`] | [`Logger::reopened`] |
//!
//! A request is needed when [`Logger::syslog_request`] returns true, and after SIGUSR2 if [`Logger::has_file`].

mod file_writer;
mod record;
mod syslog;
mod syslog_connection;
#[cfg(test)]
mod tests;

pub use file_writer::open_log_file_again;
pub use syslog_connection::{Connected, SyslogConnector};

use crate::byte_text::path_text;
use crate::config::Process;
use crate::error::StartupError;
use crate::log_line::sanitize::sanitized;
use crate::log_line::{Line, Priority, ProcessLine};
use crate::strerror::strerror;
use crate::sys::file_access::writable;
use crate::sys::privilege::Identity;
use conf_parser::LogTo;
use file_writer::{AfterFailure, RecordFormat, Writer, WriterCallbacks};
use log::kv::Key;
use record::Record;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd, RawFd};
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use syslog::{QueueLimits, SinkState, Syslog};
use syslog_connection::SyslogSocket;

/// The log of the process. The `log` crate allows only one.
#[derive(Clone)]
pub struct Logger {
    sinks: Arc<Mutex<Sinks>>,
}

struct Sinks {
    /// The facility of syslog.
    facility: u8,
    to: Destination,
    /// The destination is not open yet, or cannot be written: all lines are written to syslog, with one tag, as by syslog(3).
    fallback: bool,
    /// A copy on standard error, without time and process id.
    stderr_copy: Option<Writer>,
    syslog: Syslog,
    /// The end of the wait for syslog, when the process ends.
    flush_end: Option<Instant>,
}

enum Destination {
    Syslog,
    Stderr(Writer),
    File(Writer),
}

/// The tag of all lines while [`Sinks::fallback`] is set.
const FALLBACK_TAG: &str = "dnsmasq";

const DAEMON: u8 = 3;
const LOCAL0: u8 = 16;
/// The time to wait for the sinks before the process ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// The interval of attempts to write to syslog during that time.
const FLUSH_INTERVAL: Duration = Duration::from_millis(10);

impl Logger {
    /// The log before the configuration is read: syslog, facility daemon, one tag.
    pub fn open() -> Self {
        let sinks = Sinks {
            facility: DAEMON,
            to: Destination::Syslog,
            fallback: true,
            stderr_copy: None,
            syslog: Syslog::new(SyslogSocket::default()),
            flush_end: None,
        };
        let logger = Self { sinks: Arc::new(Mutex::new(sinks)) };
        let sinks = logger.sinks.clone();
        let mut builder = env_logger::Builder::new();
        builder
            .filter_level(log::LevelFilter::Debug)
            .target(env_logger::Target::Pipe(Box::new(io::sink())));
        // The record is passed to the sinks here, because the output of the formatter has no priority.
        builder.format(move |_, record| {
            let priority =
                record.key_values().get(Key::from_str("priority")).and_then(|value| value.to_u64());
            let text = sanitized(*record.args());
            let mut sinks = locked(&sinks);
            let tag = if sinks.fallback { FALLBACK_TAG } else { record.target() };
            let priority = priority.unwrap_or(Priority::Info as u64);
            let record = Record::now(sinks.facility, priority, tag, text);
            sinks.take(record);
            Ok(())
        });
        // A second logger in the process, as in tests, writes to the sinks of the first one.
        let _ = builder.try_init();
        logger
    }

    /// Sets the destination of the configuration. `user`: the owner of the log file; if it cannot be set, the line for the log.
    pub fn configure(
        &self,
        process: &Process,
        user: Option<&Identity>,
    ) -> Result<Option<ProcessLine>, StartupError> {
        let mut sinks = locked(&self.sinks);
        sinks.fallback = false;
        sinks.facility = match &process.log_to {
            Some(LogTo::Facility(facility)) => *facility,
            _ if process.debug => LOCAL0,
            _ => DAEMON,
        };
        let to_stderr = process.log_to == Some(LogTo::Stderr);
        if process.debug && !to_stderr {
            sinks.stderr_copy = self.stderr(Record::without_process, sinks.facility, |_, _, _| {});
        }
        sinks.syslog.resize(
            process.log_async_lines().map_or(QueueLimits::DEFAULT, QueueLimits::for_log_async),
        );
        if to_stderr {
            sinks.to = self.stderr_destination(process, sinks.facility);
        }
        let Some(path) = process.log_file() else { return Ok(None) };
        let (file, line) = open_log_file(path, user)?;
        sinks.to = self.file_destination(file, sinks.facility);
        Ok(line)
    }

    fn stderr_destination(&self, process: &Process, facility: u8) -> Destination {
        let format =
            if process.foreground { Record::without_timestamp } else { Record::with_timestamp };
        let writer = self.stderr(format, facility, Sinks::fall_back_to_syslog);
        writer.map_or(Destination::Syslog, Destination::Stderr)
    }

    fn file_destination(&self, file: File, facility: u8) -> Destination {
        let calls = self.writer_callbacks(facility, Sinks::fall_back_to_syslog);
        let format = Record::with_timestamp;
        Destination::File(Writer::new(file, AfterFailure::KeepRestOfLine, format, calls))
    }

    /// Whether the log is written to standard error. Errors of the start are not printed there a second time then.
    pub fn is_stderr(&self) -> bool {
        matches!(locked(&self.sinks).to, Destination::Stderr(_))
    }

    /// Logs a line.
    pub fn write(&self, line: &Line) {
        let priority = line.priority();
        log::log!(target: line.identity(), priority.level(), priority = priority as u8; "{line}");
    }

    /// Logs the error of a start. It was printed on standard error already, unless the log is written there.
    pub fn write_failure(&self, error: &StartupError) {
        let copy = locked(&self.sinks).stderr_copy.take();
        if let Some(copy) = &copy {
            copy.flush_and_wait(FLUSH_TIMEOUT);
        }
        for message in std::iter::once(&error.to_string()).chain(error.further()) {
            self.write(&Line::Process(ProcessLine::Failure(message.clone())));
        }
        self.write(&Line::Process(ProcessLine::FailedToStart));
    }

    /// Whether this process holds a regular file to which lines are written. `standard_error`: that of the start, if they are written
    /// there.
    pub fn has_regular_file(process: &Process, standard_error: Option<&OwnedFd>) -> bool {
        let is_regular =
            |facts: io::Result<std::fs::Metadata>| facts.is_ok_and(|facts| facts.is_file());
        let of_fd = |fd: &OwnedFd| fd.try_clone().and_then(|fd| File::from(fd).metadata());
        process.log_file().is_some_and(|path| is_regular(std::fs::metadata(path)))
            || standard_error.is_some_and(|fd| is_regular(of_fd(fd)))
    }

    /// Whether the log is written to a file, which is opened again after SIGUSR2.
    pub fn has_file(&self) -> bool {
        matches!(locked(&self.sinks).to, Destination::File(_))
    }

    /// The result of [`open_log_file_again`]. Later lines are written to the new file; after an error, to syslog.
    pub fn reopened(&self, file: io::Result<File>) {
        if let Destination::File(writer) = &locked(&self.sinks).to {
            writer.reopened(file.ok());
        }
    }

    /// Gives the connection to syslog to the file process; this process connects no more. It connects now, so that the lines of a
    /// start that fails need no request. `wake`: called, maybe by another thread, when [`Self::syslog_request`] becomes true.
    /// Errors: there are no free descriptors.
    pub fn connect_by_file_process(
        &self,
        wake: impl Fn() + Send + 'static,
    ) -> io::Result<SyslogConnector> {
        let mut sinks = locked(&self.sinks);
        sinks.connect();
        sinks.syslog.connect_by_file_process(wake)
    }

    /// Whether the file process must be asked to connect to syslog. `true` once per request: until its result, there is no other.
    pub fn syslog_request(&self) -> bool {
        locked(&self.sinks).syslog.take_request()
    }

    /// The result of the request: that of [`SyslogConnector::connect`]. Without a request it has no effect.
    pub fn syslog_connected(&self, result: io::Result<Connected>) {
        locked(&self.sinks).connected(result);
    }

    /// The descriptor of the datagram socket to syslog. It is the same as long as the process runs; `None`: it is not open, which
    /// is impossible after [`Self::connect_by_file_process`].
    pub fn syslog_fd(&self) -> Option<RawFd> {
        locked(&self.sinks).syslog.datagram_fd()
    }

    /// Writes lines that wait, without waiting for the sinks; `true`: syslog still does not accept them.
    pub fn flush(&self) -> bool {
        locked(&self.sinks).flush() == SinkState::Stalled
    }

    /// A writer for a copy of the descriptor of standard error, which is closed later.
    fn stderr(
        &self,
        format: RecordFormat,
        facility: u8,
        failed: FailureCallback,
    ) -> Option<Writer> {
        let copy = io::stderr().as_fd().try_clone_to_owned().ok()?;
        let calls = self.writer_callbacks(facility, failed);
        Some(Writer::new(File::from(copy), AfterFailure::DropRestOfLine, format, calls))
    }

    fn writer_callbacks(&self, facility: u8, failed: FailureCallback) -> WriterCallbacks {
        let (sinks, sinks_of_reopen) = (self.sinks.clone(), self.sinks.clone());
        WriterCallbacks {
            failed: Box::new(move |error, left| failed(&mut locked(&sinks), error, &left)),
            reopened: Box::new(move || locked(&sinks_of_reopen).resume_file()),
            overflow: Box::new(overflow(facility)),
        }
    }

    /// Waits until all lines are written, at most for 2 s per sink. If the file process made connections to syslog, none is made
    /// any more: [`Self::flush_and_wait_with`] must be called before that process ends.
    pub fn flush_and_wait(&self) {
        self.flush_and_wait_with(|| Err(io::ErrorKind::NotConnected.into()));
    }

    /// As [`Self::flush_and_wait`]. `connect`: asks the file process to connect to syslog, and waits for the result, also if there
    /// is a request already.
    pub fn flush_and_wait_with(&self, connect: impl FnMut() -> io::Result<Connected>) {
        // The lock is released, because a writer that fails needs it.
        let (to, copy) = {
            let mut sinks = locked(&self.sinks);
            (std::mem::replace(&mut sinks.to, Destination::Syslog), sinks.stderr_copy.take())
        };
        if let Destination::File(writer) | Destination::Stderr(writer) = &to {
            writer.flush_and_wait(FLUSH_TIMEOUT);
        }
        if let Some(writer) = &copy {
            writer.flush_and_wait(FLUSH_TIMEOUT);
        }
        self.flush_syslog(connect);
    }

    fn flush_syslog(&self, mut connect: impl FnMut() -> io::Result<Connected>) {
        let mut end = Instant::now() + FLUSH_TIMEOUT;
        // The second call does not wait again.
        end = *locked(&self.sinks).flush_end.get_or_insert(end);
        loop {
            let mut state = locked(&self.sinks).flush();
            if state == SinkState::Connecting {
                self.syslog_connected(connect());
                state = locked(&self.sinks).syslog.state();
            }
            if state != SinkState::Stalled || Instant::now() >= end {
                return;
            }
            std::thread::sleep(FLUSH_INTERVAL);
        }
    }
}

/// Whether the log file can be opened, without opening or creating it.
///
/// # Errors
/// It cannot be written, or created.
pub fn check_log_file(path: &Path) -> Result<(), StartupError> {
    writable(path).map_err(|error| cannot_open(path, &error))
}

fn cannot_open(path: &Path, error: &io::Error) -> StartupError {
    StartupError::file(format!("cannot open log {}: {}", path_text(path), strerror(error)))
}

/// Opens the log file, and changes its owner; the line for the log, if that failed.
fn open_log_file(
    path: &Path,
    user: Option<&Identity>,
) -> Result<(File, Option<ProcessLine>), StartupError> {
    let file = file_writer::open_log_file(path).map_err(|error| cannot_open(path, &error))?;
    let owned = user.map_or(Ok(()), |user| user.own_log_file(&file));
    let line = owned.err().map(|error| ProcessLine::LogFileOwnerKept {
        path: path_text(path),
        reason: strerror(&error),
    });
    Ok((file, line))
}

/// A panic while logging does not damage the sinks.
fn locked(sinks: &Mutex<Sinks>) -> MutexGuard<'_, Sinks> {
    sinks.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sinks {
    fn take(&mut self, record: Record) {
        if let Some(copy) = &mut self.stderr_copy {
            copy.take(record.clone());
        }
        match &mut self.to {
            Destination::Stderr(writer) | Destination::File(writer) if !self.fallback => {
                writer.take(record);
            }
            _ => self.send(&record),
        }
    }

    fn send(&mut self, record: &Record) {
        let overflow = overflow(self.facility);
        self.syslog.take(&record.for_syslog(), |lost| overflow(lost).for_syslog());
    }

    fn connect(&mut self) {
        let overflow = overflow(self.facility);
        self.syslog.connect(|lost| overflow(lost).for_syslog());
    }

    fn connected(&mut self, result: io::Result<Connected>) {
        let overflow = overflow(self.facility);
        self.syslog.connected(result, |lost| overflow(lost).for_syslog());
    }

    fn flush(&mut self) -> SinkState {
        if let Destination::File(writer) | Destination::Stderr(writer) = &self.to {
            writer.wake();
        }
        if let Some(copy) = &self.stderr_copy {
            copy.wake();
        }
        let overflow = overflow(self.facility);
        self.syslog.resume(|lost| overflow(lost).for_syslog())
    }

    /// The destination failed: logs the reason and the remaining records to syslog.
    fn fall_back_to_syslog(&mut self, error: Option<io::Error>, left: &[Record]) {
        self.fallback = true;
        if let Some(error) = error {
            let line = Line::Process(ProcessLine::LogFailed(strerror(&error)));
            self.send(&record(self.facility, &line));
        }
        for record in left {
            self.send(record);
        }
    }

    /// The log file was opened again.
    fn resume_file(&mut self) {
        self.fallback = false;
    }
}

/// Called when a writer fails, with the records that it did not write.
type FailureCallback = fn(&mut Sinks, Option<io::Error>, &[Record]);

/// The record about a number of lost lines.
fn overflow(facility: u8) -> impl Fn(usize) -> Record {
    move |lost| record(facility, &Line::Process(ProcessLine::Overflow(lost)))
}

/// The record of a line that the log itself writes.
fn record(facility: u8, line: &Line) -> Record {
    Record::now(facility, line.priority() as u64, line.identity(), line.to_string())
}
