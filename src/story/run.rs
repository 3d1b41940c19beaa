//! Reads the logs and prints their boots.

use super::correlate::{BootCorrelator, FailedStart};
use super::read::{boots, read_file, unreadable};
use super::request::{OutputFormat, StoryRequest};
use super::source::Source;
use super::{capture, html, json, live, text};
use crate::byte_text::to_utf8;
use crate::capture::is_capture;
use crate::error::StartupError;
use crate::terminal::{Style, print_stdout};
use std::io::{self, BufRead};

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
        if let Some(correlator) = live::follow_stdin(request) {
            print_all(request, correlator, Source::Log);
        }
        return Ok(());
    }
    let mut correlator = BootCorrelator::default();
    capture::read(io::stdin(), &mut correlator)
        .map_err(|error| unreadable("standard input", &error))?;
    print_all(request, correlator, Source::Capture);
    Ok(())
}

/// Prints everything after the last line.
fn print_all(request: &StoryRequest, correlator: BootCorrelator, source: Source) {
    let failed_starts: Vec<FailedStart> = correlator.failed_starts().to_vec();
    let boots = request.filter.apply(boots(correlator, source));
    let output = match request.format {
        OutputFormat::Html => html::page(&boots, &failed_starts, source),
        OutputFormat::Json => json::document(&boots, &failed_starts),
        OutputFormat::Text => {
            return print_stdout(&text::story(&boots, &failed_starts, source, Style::of_stdout()));
        }
    };
    print_stdout(&to_utf8(&output));
}
