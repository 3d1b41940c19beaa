//! Reads the logs and prints their boots.

use super::boot::Boot;
use super::correlate::BootCorrelator;
use super::line_reader::next_line;
use super::live;
use super::output::print_all;
use super::request::StoryRequest;
use crate::byte_text::to_path;
use crate::error::StartupError;
use crate::strerror::strerror;
use std::fs::File;
use std::io::{self, BufReader};

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
