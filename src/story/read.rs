//! Reads logs and captures.

use super::boot::Boot;
use super::capture;
use super::correlate::BootCorrelator;
use super::source::Source;
use crate::byte_text::{to_path, to_text};
use crate::capture::is_capture;
use crate::error::StartupError;
use crate::log_line::sanitize::sanitize;
use crate::strerror::strerror;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};

/// A longer line is read as several lines.
const MAX_LINE_LEN: u64 = 64 << 10;

/// All boots in a file.
///
/// # Errors
/// The file cannot be read.
pub fn boots_of(path: &str) -> Result<Vec<Boot>, StartupError> {
    let mut correlator = BootCorrelator::default();
    let source = read_file(path, &mut correlator)?;
    Ok(boots(correlator, source))
}

/// Adds the lines of a log, or the datagrams of a capture.
///
/// # Errors
/// The file cannot be read.
pub fn read_file(path: &str, correlator: &mut BootCorrelator) -> Result<Source, StartupError> {
    let io_error = |error: io::Error| unreadable(path, &strerror(&error));
    let mut file = BufReader::new(File::open(to_path(path)).map_err(io_error)?);
    if is_capture(file.fill_buf().map_err(io_error)?) {
        capture::read(file, correlator).map_err(|error| unreadable(path, &error))?;
        return Ok(Source::Capture);
    }
    while let Some(line) = next_line(&mut file).map_err(io_error)? {
        correlator.add(&line, None);
    }
    Ok(Source::Log)
}

/// The error for a file that cannot be read.
pub fn unreadable(path: &str, error: &dyn fmt::Display) -> StartupError {
    StartupError::file(format!("cannot read {path}: {error}"))
}

/// All boots, after the last line or datagram.
pub fn boots(correlator: BootCorrelator, source: Source) -> Vec<Boot> {
    let mut boots = correlator.into_boots();
    if source == Source::Capture {
        capture::finish(&mut boots);
    }
    boots
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
