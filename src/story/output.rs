//! Prints the boots in the format that is requested.

use super::correlate::{BootCorrelator, FailedStart};
use super::request::{OutputFormat, StoryRequest};
use super::{html, json, text};
use crate::byte_text::to_utf8;
use crate::terminal::{Style, print_stdout};

/// Prints everything after the last line.
pub fn print_all(request: &StoryRequest, correlator: BootCorrelator) {
    let failed_starts: Vec<FailedStart> = correlator.failed_starts().to_vec();
    let problems = correlator.problems();
    let boots = request.filter.apply(correlator.into_boots());
    let output = match request.format {
        OutputFormat::Html => html::page(&boots, html::Source::Log),
        OutputFormat::Json => json::document(&boots, &failed_starts, &problems),
        OutputFormat::Text => {
            return print_stdout(&text::story(
                &boots,
                &failed_starts,
                &problems,
                Style::of_stdout(),
            ));
        }
    };
    print_stdout(&to_utf8(&output));
}
