//! Reads the logs and prints their boots.

use super::boot::Boot;
use super::capture;
use super::correlate::BootCorrelator;
use super::line_reader::next_line;
use super::live;
use super::output::{boots, print_all};
use super::request::StoryRequest;
use super::source::Source;
use crate::byte_text::to_path;
use crate::capture::is_capture;
use crate::error::StartupError;
use crate::strerror::strerror;
use std::fmt;
use std::fs::File;
use std::io::{self, BufRead, BufReader};

/// Prints the boots of the logs, or of standard input.
///
/// # Errors
/// A file cannot be read.
pub fn run(request: &StoryRequest) -> Result<(), StartupError> {
    if request.paths.is_empty() {
        return run_stdin(request);
    }
    let (mut correlator, mut source) = (BootCorrelator::default(), Source::Log);
    for path in &request.paths {
        source = read_file(path, &mut correlator)?;
    }
    print_all(request, correlator, source);
    Ok(())
}

fn run_stdin(request: &StoryRequest) -> Result<(), StartupError> {
    if !io::stdin().lock().fill_buf().is_ok_and(is_capture) {
        live::follow_stdin(request);
        return Ok(());
    }
    let mut correlator = BootCorrelator::default();
    capture::read(io::stdin(), &mut correlator)
        .map_err(|error| unreadable("standard input", &error))?;
    print_all(request, correlator, Source::Capture);
    Ok(())
}

/// All boots in a file.
///
/// # Errors
/// The file cannot be read.
pub fn boots_of(path: &str) -> Result<Vec<Boot>, StartupError> {
    let mut correlator = BootCorrelator::default();
    let source = read_file(path, &mut correlator)?;
    Ok(boots(correlator, source))
}

fn read_file(path: &str, correlator: &mut BootCorrelator) -> Result<Source, StartupError> {
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

fn unreadable(path: &str, error: &dyn fmt::Display) -> StartupError {
    StartupError::file(format!("cannot read {path}: {error}"))
}
