//! Where logs come from, and when a boot is told: at the end of the log, or, where the log goes on, when nothing has come
//! of a client for a while.

use super::boot::Boot;
use super::correlate::BootCorrelator;
use super::html;
use crate::byte_text::{to_path, to_text, to_utf8};
use crate::error::StartupError;
use crate::log_line::sanitize::sanitize;
use crate::strerror::strerror;
use crate::terminal::print_stdout;
use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How boots are told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFormat {
    /// For a terminal.
    Text,
    /// As a page.
    Html,
}

impl OutputFormat {
    /// By its name; nothing is text.
    pub fn parse(name: &str) -> Option<Self> {
        match name {
            "" | "text" => Some(Self::Text),
            "html" => Some(Self::Html),
            _ => None,
        }
    }
}

/// A client that has done nothing for so long is told of.
const QUIET_PERIOD: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_secs(1);
/// Lines that may wait to be read.
const QUEUE_CAPACITY: usize = 1024;
/// Nobody logs longer ones.
const MAX_LINE_LEN: u64 = 64 << 10;

/// Tells the boots of a log; `-`, or nothing, is standard input.
pub fn run(form: OutputFormat, path: Option<&str>) -> Result<(), StartupError> {
    match path.filter(|path| *path != "-") {
        Some(path) => all(form, &boots_of(path)?),
        None => follow_stdin(form),
    }
    Ok(())
}

/// The boots that a file tells of.
pub fn boots_of(path: &str) -> Result<Vec<Boot>, StartupError> {
    let unreadable =
        |error: io::Error| StartupError::file(format!("cannot read {path}: {}", strerror(&error)));
    let mut narrator = BootCorrelator::default();
    let mut file = BufReader::new(File::open(to_path(path)).map_err(unreadable)?);
    while let Some(line) = next_line(&mut file).map_err(unreadable)? {
        narrator.add(&line, None);
    }
    Ok(narrator.into_boots())
}

fn all(form: OutputFormat, boots: &[Boot]) {
    match form {
        OutputFormat::Html => print_stdout(&to_utf8(&html::page(boots))),
        OutputFormat::Text => {
            let told: Vec<String> = boots.iter().map(ToString::to_string).collect();
            print_stdout(&told.join("\n"));
            if told.is_empty() {
                print_stdout("there is no boot in this log: no line of dnsmasq's about a client\n");
            }
        }
    }
}

/// Tells what comes on standard input, as it comes.
fn follow_stdin(form: OutputFormat) {
    let lines = lines_of_stdin();
    let started = Instant::now();
    let mut narrator = BootCorrelator::default();
    let mut waiting: HashMap<usize, Instant> = HashMap::new();
    loop {
        match lines.recv_timeout(POLL_INTERVAL) {
            Ok(line) => {
                let now = started.elapsed().as_secs_f64();
                waiting.extend(narrator.add(&line, Some(now)).map(|at| (at, Instant::now())));
            }
            Err(RecvTimeoutError::Timeout) => {}
            Err(RecvTimeoutError::Disconnected) => break,
        }
        if form == OutputFormat::Text {
            let quiet = waiting.extract_if(|_, since| since.elapsed() >= QUIET_PERIOD);
            let mut told: Vec<usize> = quiet.map(|(at, _)| at).collect();
            told.sort_unstable();
            told.iter().for_each(|at| print_stdout(&format!("{}\n", narrator.boots()[*at])));
        }
    }
    narrator.settle();
    if form == OutputFormat::Html || narrator.boots().is_empty() {
        return all(form, narrator.boots());
    }
    let mut left: Vec<usize> = waiting.into_keys().collect();
    left.sort_unstable();
    let told: Vec<String> = left.iter().map(|at| narrator.boots()[*at].to_string()).collect();
    print_stdout(&told.join("\n"));
}

/// A thread waits for lines, so that time goes on without them.
fn lines_of_stdin() -> Receiver<String> {
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

/// The next line, whatever bytes it has; of a very long one its beginning, and the rest as the next.
fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if input.by_ref().take(MAX_LINE_LEN).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    // A log may have bytes of clients, which are not for a terminal.
    let line = to_text(String::from_utf8_lossy(&bytes).as_bytes());
    Ok(Some(sanitize(line.trim_end_matches(['\n', '\r'])).into_owned()))
}
