//! Reads the log. A boot of a file is printed at its end; a boot of standard input is printed as soon as its client was
//! quiet for [`QUIET_PERIOD`].

use super::boot::Boot;
use super::capture::boots_of_capture;
use super::correlate::BootCorrelator;
use super::html::{self, Source};
use crate::byte_text::{to_path, to_text, to_utf8};
use crate::capture::is_capture;
use crate::error::StartupError;
use crate::log_line::sanitize::sanitize;
use crate::strerror::strerror;
use crate::terminal::print_stdout;
use std::collections::HashMap;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// The value of `--story=`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// For a terminal.
    Text,
    /// One HTML page.
    Html,
}

impl OutputFormat {
    /// `text`, `html`, or nothing, which is `text`.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "text" => Some(Self::Text),
            "html" => Some(Self::Html),
            _ => None,
        }
    }
}

const QUIET_PERIOD: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Lines that the reading thread may be ahead.
const QUEUE_CAPACITY: usize = 1024;
/// A longer line is read as several lines.
const MAX_LINE_LEN: u64 = 64 << 10;

/// Prints the boots of a log; without a path, or with `-`, of standard input.
///
/// # Errors
/// The file cannot be read.
pub fn run(format: OutputFormat, path: Option<&str>) -> Result<(), StartupError> {
    match path.filter(|path| *path != "-") {
        Some(path) => {
            let (boots, source) = boots_and_source(path)?;
            print_all(format, &boots, source);
        }
        None if is_capture(io::stdin().lock().fill_buf().unwrap_or_default()) => {
            let boots = boots_of_capture(io::stdin())
                .map_err(|error| unreadable("standard input", &error))?;
            print_all(format, &boots, Source::Capture);
        }
        None => follow_stdin(format),
    }
    Ok(())
}

/// All boots in a file, which is a log or a capture.
///
/// # Errors
/// The file cannot be read.
pub fn boots_of(path: &str) -> Result<Vec<Boot>, StartupError> {
    boots_and_source(path).map(|(boots, _)| boots)
}

fn boots_and_source(path: &str) -> Result<(Vec<Boot>, Source), StartupError> {
    let io_error = |error: io::Error| unreadable(path, &strerror(&error));
    let mut correlator = BootCorrelator::default();
    let mut file = BufReader::new(File::open(to_path(path)).map_err(io_error)?);
    if is_capture(file.fill_buf().map_err(io_error)?) {
        let boots = boots_of_capture(file).map_err(|error| unreadable(path, &error))?;
        return Ok((boots, Source::Capture));
    }
    while let Some(line) = next_line(&mut file).map_err(io_error)? {
        correlator.add(&line, None);
    }
    Ok((correlator.into_boots(), Source::Log))
}

fn unreadable(path: &str, error: &dyn fmt::Display) -> StartupError {
    StartupError::file(format!("cannot read {path}: {error}"))
}

fn print_all(format: OutputFormat, boots: &[Boot], source: Source) {
    match format {
        OutputFormat::Html => print_stdout(&to_utf8(&html::page(boots, source))),
        OutputFormat::Text if boots.is_empty() => print_stdout(match source {
            Source::Log => "no boots found in this log: it has no line of dnsmasq about a client\n",
            Source::Capture => {
                "no boots found in this capture: it has no request of a network boot client\n"
            }
        }),
        OutputFormat::Text => {
            let texts: Vec<String> = boots.iter().map(ToString::to_string).collect();
            print_stdout(&texts.join("\n"));
        }
    }
}

/// Boots with steps that were not printed yet, by index, and the time of their last step.
#[derive(Default)]
struct Pending(HashMap<usize, Instant>);

impl Pending {
    fn add(&mut self, index: usize) {
        self.0.insert(index, Instant::now());
    }

    /// Removes and returns the boots that were quiet for `period`, in order.
    fn take_quiet(&mut self, period: Duration) -> Vec<usize> {
        let quiet = self.0.extract_if(|_, last| last.elapsed() >= period);
        let mut indexes: Vec<usize> = quiet.map(|(index, _)| index).collect();
        indexes.sort_unstable();
        indexes
    }
}

fn follow_stdin(format: OutputFormat) {
    let lines = stdin_lines();
    let start = Instant::now();
    let mut correlator = BootCorrelator::default();
    let mut pending = Pending::default();
    loop {
        match lines.recv_timeout(POLL_INTERVAL) {
            Ok(line) => {
                // A page is often made from a log that was written earlier: the time of reading is not that of the line.
                let now = (format == OutputFormat::Text).then(|| start.elapsed().as_secs_f64());
                if let Some(index) = correlator.add(&line, now) {
                    pending.add(index);
                }
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if format == OutputFormat::Text {
            for index in pending.take_quiet(QUIET_PERIOD) {
                print_stdout(&format!("{}\n", correlator.boots()[index]));
            }
        }
    }
    correlator.finish();
    print_rest(format, correlator.boots(), pending);
}

/// At the end of standard input: the boots that were not printed yet.
fn print_rest(format: OutputFormat, boots: &[Boot], mut pending: Pending) {
    if format == OutputFormat::Html || boots.is_empty() {
        return print_all(format, boots, Source::Log);
    }
    let rest = pending.take_quiet(Duration::ZERO).into_iter();
    let texts: Vec<String> = rest.map(|index| boots[index].to_string()).collect();
    print_stdout(&texts.join("\n"));
}

/// Reads in a thread of its own, so that the caller can wait for lines with a timeout.
fn stdin_lines() -> Receiver<String> {
    let (sender, receiver) = sync_channel(QUEUE_CAPACITY);
    thread::spawn(move || {
        let mut input = io::stdin().lock();
        while let Ok(Some(line)) = next_line(&mut input) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    receiver
}

/// The next line, at most [`MAX_LINE_LEN`] bytes of it; the rest is the next line. `None` at the end.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if input.by_ref().take(MAX_LINE_LEN).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    // Clients choose some of the bytes in a log: control characters must not reach the terminal.
    let line = to_text(String::from_utf8_lossy(&bytes).as_bytes());
    Ok(Some(sanitize(line.trim_end_matches(['\n', '\r'])).into_owned()))
}
