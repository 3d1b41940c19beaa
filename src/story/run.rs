//! Reads the logs and prints their boots.

use super::boot::Boot;
use super::correlate::{BootCorrelator, FailedStart};
use super::request::{OutputFormat, StoryRequest};
use super::{html, json, live, text};
use crate::byte_text::{to_path, to_text, to_utf8};
use crate::error::StartupError;
use crate::log_line::sanitize::sanitize;
use crate::strerror::strerror;
use crate::terminal::{Style, print_stdout};
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// A longer line is read as several lines.
const MAX_LINE_LEN: u64 = 64 << 10;

/// Prints the boots of the logs, or of standard input.
///
/// # Errors
/// A file cannot be read.
pub fn run(request: &StoryRequest) -> Result<(), StartupError> {
    if request.paths.is_empty() {
        live::follow_stdin(request);
        return Ok(());
    }
    let mut correlator = BootCorrelator::default();
    for path in &request.paths {
        read_file(path, &mut correlator)?;
    }
    print_all(request, correlator);
    Ok(())
}

/// All boots in a file.
///
/// # Errors
/// The file cannot be read.
pub fn boots_of(path: &str) -> Result<Vec<Boot>, StartupError> {
    let mut correlator = BootCorrelator::default();
    read_file(path, &mut correlator)?;
    Ok(correlator.into_boots())
}

fn read_file(path: &str, correlator: &mut BootCorrelator) -> Result<(), StartupError> {
    let unreadable =
        |error: io::Error| StartupError::file(format!("cannot read {path}: {}", strerror(&error)));
    let mut file = BufReader::new(File::open(to_path(path)).map_err(unreadable)?);
    while let Some(line) = next_line(&mut file).map_err(unreadable)? {
        correlator.add(&line, None);
    }
    Ok(())
}

/// Prints everything after the last line.
pub fn print_all(request: &StoryRequest, correlator: BootCorrelator) {
    let failed_starts: Vec<FailedStart> = correlator.failed_starts().to_vec();
    let boots = request.filter.apply(correlator.into_boots());
    let output = match request.format {
        OutputFormat::Html => html::page(&boots, html::Source::Log),
        OutputFormat::Json => json::document(&boots, &failed_starts),
        OutputFormat::Text => {
            return print_stdout(&text::story(&boots, &failed_starts, Style::of_stdout()));
        }
    };
    print_stdout(&to_utf8(&output));
}

/// The next line, at most [`MAX_LINE_LEN`] bytes of it; the rest is the next line. `None` at the end.
pub fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if input.by_ref().take(MAX_LINE_LEN).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    // Clients choose some of the bytes in a log: control characters must not reach the terminal.
    let line = to_text(String::from_utf8_lossy(&bytes).as_bytes());
    Ok(Some(sanitize(line.trim_end_matches(['\n', '\r'])).into_owned()))
}
