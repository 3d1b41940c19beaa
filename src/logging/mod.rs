//! Where log lines go: the system log, a file, standard error (docs/dnsmasq/daemon.md, section 5).
//!
//! Each line becomes a [`Record`] once, and each sink writes what it shows of that. A sink that cannot take a line at once never holds anybody up: lines wait in a bounded queue,
//! and what does not fit is counted.

mod file_writer;
mod record;
mod syslog;

use crate::byte_text::path_text;
use crate::config::Process;
use crate::error::StartupError;
use crate::log_line::sanitize::Sanitized;
use crate::log_line::{Line, Priority, ProcessLine};
use crate::strerror::strerror;
use crate::sys::privilege::Identity;
use conf_parser::LogTo;
use file_writer::{RecordFormat, Writer, WriterCallbacks};
use log::kv::Key;
use record::Record;
use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};
use syslog::{QueueLimits, SinkState, Syslog};

/// The log. One for the process: the `log` crate has it so.
#[derive(Clone)]
pub struct Logger {
    sinks: Arc<Mutex<Sinks>>,
}

struct Sinks {
    /// syslog's facility.
    facility: u8,
    to: Destination,
    /// It is not open yet, or cannot be written: everything goes to syslog, and as it does by the C library under one
    /// name.
    fallback: bool,
    /// Standard error gets a copy, without time and process id.
    stderr_copy: Option<Writer>,
    syslog: Syslog,
}

enum Destination {
    Syslog,
    Stderr(Writer),
    File(Writer),
}

/// The name that everything has which goes through the C library's syslog.
const STDERR_FALLBACK: &str = "dnsmasq";

const DAEMON: u8 = 3;
const LOCAL0: u8 = 16;
/// How long to wait for sinks at the end.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(2);
/// How often to look for room in syslog then.
const FLUSH_INTERVAL: Duration = Duration::from_millis(10);

impl Logger {
    /// Opens the log as it is before anything is configured: syslog, facility daemon, one name for all.
    pub fn open() -> Self {
        let sinks = Sinks {
            facility: DAEMON,
            to: Destination::Syslog,
            fallback: true,
            stderr_copy: None,
            syslog: Syslog::default(),
        };
        let journal = Self { sinks: Arc::new(Mutex::new(sinks)) };
        let sinks = journal.sinks.clone();
        let mut builder = env_logger::Builder::new();
        builder
            .filter_level(log::LevelFilter::Debug)
            .target(env_logger::Target::Pipe(Box::new(io::sink())));
        // The sinks take it from here: text alone has no priority.
        builder.format(move |_, record| {
            let priority =
                record.key_values().get(Key::from_str("priority")).and_then(|value| value.to_u64());
            let text = Sanitized(record.args()).to_string();
            let mut sinks = locked(&sinks);
            let tag = if sinks.fallback { STDERR_FALLBACK } else { record.target() };
            let priority = priority.unwrap_or(Priority::Info as u64);
            let record = Record::now(sinks.facility, priority, tag, text);
            sinks.take(&record);
            Ok(())
        });
        // A second one in the process, as in tests, writes where the first one does.
        drop(builder.try_init());
        journal
    }

    /// Sends lines where the configuration says from now on. `user`: who is to own the file. Tells what there is to be
    /// said about that.
    pub fn configure(
        &self,
        process: &Process,
        user: Option<&Identity>,
    ) -> Result<Option<ProcessLine>, StartupError> {
        let mut said = None;
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
        let facility = sinks.facility;
        match &process.log_to {
            None | Some(LogTo::Facility(_)) => {}
            Some(LogTo::Stderr) => {
                let form = if process.foreground {
                    Record::without_timestamp
                } else {
                    Record::with_timestamp
                };
                sinks.to = self
                    .stderr(form, facility, Sinks::fall_back_to_syslog)
                    .map_or(Destination::Syslog, Destination::Stderr);
            }
            Some(LogTo::File(path)) => {
                let path = Path::new(OsStr::from_bytes(path));
                let failed = |error| {
                    StartupError::file(format!(
                        "cannot open log {}: {}",
                        path_text(path),
                        strerror(&error)
                    ))
                };
                let file = file_writer::open(path).map_err(failed)?;
                let owned = user.map_or(Ok(()), |user| user.own_log_file(&file));
                said = owned.err().map(|error| ProcessLine::LogFileOwnerKept {
                    path: path_text(path),
                    reason: strerror(&error),
                });
                let calls = self.writer_callbacks(facility, Sinks::fall_back_to_syslog);
                sinks.to = Destination::File(Writer::new(
                    file,
                    Some(path.to_owned()),
                    Record::with_timestamp,
                    calls,
                ));
            }
        }
        Ok(said)
    }

    /// Whether failures are told here in the form of the log, and not by a plain word on standard error.
    pub fn is_stderr(&self) -> bool {
        matches!(locked(&self.sinks).to, Destination::Stderr(_))
    }

    /// Writes a line.
    pub fn write(&self, line: &Line) {
        let priority = line.priority();
        log::log!(target: line.identity(), priority.level(), priority = priority as u8; "{line}");
    }

    /// Writes why there is no start. Standard error has been told already, unless it is where the log goes.
    pub fn write_failure(&self, sentence: &str) {
        let echo = locked(&self.sinks).stderr_copy.take();
        echo.iter().for_each(|echo| echo.flush_and_wait(FLUSH_TIMEOUT));
        self.write(&Line::Process(ProcessLine::Failure(sentence.to_owned())));
        self.write(&Line::Process(ProcessLine::FailedToStart));
    }

    /// Begins a new log file, if there is one.
    pub fn reopen(&self) {
        if let Destination::File(writer) = &locked(&self.sinks).to {
            writer.reopen();
        }
    }

    /// Tries again to get rid of what waits for syslog; `true` if it has no room yet.
    pub fn flush(&self) -> bool {
        locked(&self.sinks).flush() == SinkState::Stalled
    }

    /// Standard error as it is now, whatever becomes of it.
    fn stderr(&self, form: RecordFormat, facility: u8, failed: FailureCallback) -> Option<Writer> {
        let copy = io::stderr().as_fd().try_clone_to_owned().ok()?;
        Some(Writer::new(File::from(copy), None, form, self.writer_callbacks(facility, failed)))
    }

    fn writer_callbacks(&self, facility: u8, failed: FailureCallback) -> WriterCallbacks {
        let (sinks, again) = (self.sinks.clone(), self.sinks.clone());
        WriterCallbacks {
            failed: Box::new(move |error, left| failed(&mut locked(&sinks), error, left)),
            reopened: Box::new(move || locked(&again).resume_file()),
            overflow: Box::new(overflow(facility)),
        }
    }

    /// Waits until all is written, as long as that is bearable.
    pub fn flush_and_wait(&self) {
        // What gives up meanwhile needs the sinks.
        let (to, echo) = {
            let mut sinks = locked(&self.sinks);
            (std::mem::replace(&mut sinks.to, Destination::Syslog), sinks.stderr_copy.take())
        };
        if let Destination::File(writer) | Destination::Stderr(writer) = &to {
            writer.flush_and_wait(FLUSH_TIMEOUT);
        }
        echo.iter().for_each(|writer| writer.flush_and_wait(FLUSH_TIMEOUT));
        let end = Instant::now() + FLUSH_TIMEOUT;
        while self.flush() && Instant::now() < end {
            std::thread::sleep(FLUSH_INTERVAL);
        }
    }
}

/// A panic while logging leaves the sinks as good as they were.
fn locked(sinks: &Mutex<Sinks>) -> MutexGuard<'_, Sinks> {
    sinks.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Sinks {
    fn take(&mut self, record: &Record) {
        match &mut self.to {
            Destination::Stderr(writer) | Destination::File(writer) if !self.fallback => {
                writer.take(record)
            }
            _ => self.send(record),
        }
        self.stderr_copy.iter_mut().for_each(|echo| echo.take(record));
    }

    fn send(&mut self, record: &Record) {
        let overflow = overflow(self.facility);
        self.syslog.take(&record.for_syslog(), |lost| overflow(lost).for_syslog());
    }

    fn flush(&mut self) -> SinkState {
        let overflow = overflow(self.facility);
        self.syslog.resume(|lost| overflow(lost).for_syslog())
    }

    /// What everything went to is of no use for now; syslog is told why, and what is left.
    fn fall_back_to_syslog(&mut self, error: Option<io::Error>, left: Vec<Record>) {
        self.fallback = true;
        let why = error.map(|error| Line::Process(ProcessLine::LogFailed(strerror(&error))));
        let why = why.map(|line| record(self.facility, &line));
        why.into_iter().chain(left).for_each(|record| self.send(&record));
    }

    /// There is a new file.
    fn resume_file(&mut self) {
        self.fallback = false;
    }
}

/// What is done where a writer fails.
type FailureCallback = fn(&mut Sinks, Option<io::Error>, Vec<Record>);

/// What is said of lost lines.
fn overflow(facility: u8) -> impl Fn(usize) -> Record {
    move |lost| record(facility, &Line::Process(ProcessLine::Overflow(lost)))
}

/// A line of the log itself, which does not go its usual way.
fn record(facility: u8, line: &Line) -> Record {
    Record::now(facility, line.priority() as u64, line.identity(), line.to_string())
}
