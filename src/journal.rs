//! Where log lines go: the system log, a file, standard error.
//!
//! `env_logger` writes each line once, in the form it has on its way to syslog (RFC 3164); files and standard error
//! get parts of that. A sink that cannot take a line at once never holds anybody up: lines wait in a bounded queue,
//! and what does not fit is counted.

use crate::config::Process;
use crate::failure::{Failure, reason};
use crate::log_line::{Line, Priority, ProcessLine};
use crate::sys::clock;
use conf_parser::option::process::LogTo;
use log::kv::Key;
use std::collections::VecDeque;
use std::ffi::OsStr;
use std::fs::{File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixDatagram;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// The log. One for the process: the `log` crate has it so.
#[derive(Clone)]
pub struct Journal {
    sinks: Arc<Mutex<Sinks>>,
}

struct Sinks {
    /// syslog's facility.
    facility: u8,
    to: To,
    /// Standard error gets a copy, without time and process id.
    echo: bool,
    syslog: Option<UnixDatagram>,
    /// Datagrams that wait for syslog.
    queue: VecDeque<Vec<u8>>,
    lost: usize,
}

enum To {
    Syslog,
    Stderr { time: bool },
    File(File),
}

const DAEMON: u8 = 3;
const LOCAL0: u8 = 16;
/// With `Mmm dd hh:mm:ss ` a line begins.
const TIME: usize = 16;
/// Longest datagram to syslog (RFC 3164, section 4.1).
const LONGEST: usize = 1024;
/// Lines that may wait for syslog.
const QUEUE: usize = 512;
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

impl Journal {
    /// Opens the log as it is before anything is configured: syslog, facility daemon.
    pub fn open() -> Self {
        let sinks = Sinks {
            facility: DAEMON,
            to: To::Syslog,
            echo: false,
            syslog: None,
            queue: VecDeque::new(),
            lost: 0,
        };
        let sinks = Arc::new(Mutex::new(sinks));
        let journal = Self { sinks: sinks.clone() };
        let mut builder = env_logger::Builder::new();
        builder
            .filter_level(log::LevelFilter::Debug)
            .target(env_logger::Target::Pipe(Box::new(Pipe(journal.clone()))));
        builder.format(move |buffer, record| {
            let priority =
                record.key_values().get(Key::from_str("priority")).and_then(|value| value.to_u64());
            let facility = u64::from(locked(&sinks).facility);
            let code = facility << 3 | priority.unwrap_or(Priority::Info as u64);
            write!(buffer, "{}{}", head(code, record.target()), record.args())
        });
        // A second one in the process, as in tests, writes where the first one does.
        drop(builder.try_init());
        journal
    }

    /// Sends lines where the configuration says from now on.
    pub fn configure(&self, process: &Process) -> Result<(), Failure> {
        let mut sinks = locked(&self.sinks);
        sinks.echo = process.debug && process.log_to != Some(LogTo::Stderr);
        sinks.facility = if process.debug { LOCAL0 } else { DAEMON };
        match &process.log_to {
            None => {}
            Some(LogTo::Facility(facility)) => sinks.facility = *facility,
            Some(LogTo::Stderr) => sinks.to = To::Stderr { time: !process.foreground },
            Some(LogTo::File(path)) => {
                let path = OsStr::from_bytes(path);
                let opened = OpenOptions::new().append(true).create(true).mode(0o640).open(path);
                let failed = |error| {
                    Failure::file(format!("cannot open log {}: {}", path.display(), reason(&error)))
                };
                sinks.to = To::File(opened.map_err(failed)?);
            }
        }
        Ok(())
    }

    /// Whether failures are told here in the form of the log, and not by a plain word on standard error.
    pub fn is_stderr(&self) -> bool {
        matches!(locked(&self.sinks).to, To::Stderr { .. })
    }

    /// Writes a line.
    pub fn write(&self, line: &Line) {
        let priority = line.priority();
        log::log!(target: line.identity(), priority.level(), priority = priority as u8; "{line}");
    }

    /// Writes why there is no start. Standard error has been told already, unless it is where the log goes.
    pub fn write_failure(&self, sentence: &str) {
        locked(&self.sinks).echo = false;
        self.write(&Line::Process(ProcessLine::Failure(sentence.to_owned())));
        self.write(&Line::Process(ProcessLine::FailedToStart));
    }

    /// Tries again to get rid of what waits; `true` if something still does.
    pub fn flush(&self) -> bool {
        let mut sinks = locked(&self.sinks);
        sinks.flush();
        !sinks.queue.is_empty()
    }
}

/// A panic while logging leaves the sinks as good as they were.
fn locked(sinks: &Mutex<Sinks>) -> MutexGuard<'_, Sinks> {
    sinks.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `env_logger` writes one record at a time here.
struct Pipe(Journal);

impl Write for Pipe {
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        locked(&self.0.sinks).take(record);
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Sinks {
    fn take(&mut self, record: &[u8]) {
        let dated = record.splitn(2, |&byte| byte == b'>').nth(1).unwrap_or(record);
        let undated = dated.get(TIME..).unwrap_or_default();
        // Nobody is left to be told of an error here.
        match &mut self.to {
            To::Syslog => self.send(record),
            To::Stderr { time } => {
                drop(io::stderr().write_all(&ended(if *time { dated } else { undated })));
            }
            To::File(file) => drop(file.write_all(&ended(dated))),
        }
        if self.echo {
            drop(io::stderr().write_all(&ended(&without_pid(undated))));
        }
    }

    fn send(&mut self, record: &[u8]) {
        if self.queue.len() >= QUEUE {
            self.lost += 1;
            return;
        }
        self.queue.push_back(record[..record.len().min(LONGEST)].to_vec());
        self.flush();
    }

    /// Without syslog lines are lost, as they are with dnsmasq.
    fn flush(&mut self) {
        while let Some(record) = self.queue.pop_front() {
            if self.syslog.is_none() {
                self.syslog = connected().ok();
            }
            match self.syslog.as_ref().map(|socket| socket.send(&record)) {
                Some(Err(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.queue.push_front(record);
                    return;
                }
                // It may be another one when the next line comes.
                Some(Err(_)) => self.syslog = None,
                Some(Ok(_)) | None => {}
            }
        }
        if self.lost > 0 {
            let lost = std::mem::take(&mut self.lost);
            let code = u64::from(self.facility) << 3 | Priority::Warning as u64;
            let text = format!("{}overflow: {lost} log entries lost", head(code, "dnsmasq"));
            self.queue.push_back(text.into_bytes());
        }
    }
}

fn connected() -> io::Result<UnixDatagram> {
    let socket = UnixDatagram::unbound()?;
    socket.set_nonblocking(true)?;
    socket.connect("/dev/log")?;
    Ok(socket)
}

/// `<code>Mmm dd hh:mm:ss tag[pid]: `
fn head(code: u64, tag: &str) -> String {
    let now = clock::local();
    let month = MONTHS.get(now.month).unwrap_or(&"Jan");
    let clock::Local { day, hour, minute, second, .. } = now;
    let id = std::process::id();
    format!("<{code}>{month} {day:2} {hour:02}:{minute:02}:{second:02} {tag}[{id}]: ")
}

fn ended(line: &[u8]) -> Vec<u8> {
    [line, b"\n"].concat()
}

/// `tag[pid]: text` → `tag: text`
fn without_pid(line: &[u8]) -> Vec<u8> {
    let open = line.iter().position(|&byte| byte == b'[');
    let close = line.iter().position(|&byte| byte == b']');
    match (open, close) {
        (Some(open), Some(close)) if open < close => [&line[..open], &line[close + 1..]].concat(),
        _ => line.to_vec(),
    }
}

#[test]
fn an_echo_has_no_process_id() {
    assert_eq!(without_pid(b"dnsmasq-tftp[12]: sent [a]"), b"dnsmasq-tftp: sent [a]");
}
