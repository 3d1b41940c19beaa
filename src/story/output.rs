//! Prints the boots in the format that is requested.

use super::boot::Boot;
use super::correlate::{BootCorrelator, FailedStart};
use super::request::{OutputFormat, StoryRequest};
use super::source::Source;
use super::{capture, html, json, text};
use crate::byte_text::to_utf8;
use crate::terminal::{Style, print_folded, print_stdout};

/// All boots, after the last line or datagram.
pub fn boots(correlator: BootCorrelator, source: Source) -> Vec<Boot> {
    let mut boots = correlator.into_boots();
    if source == Source::Capture {
        capture::finish(&mut boots);
    }
    boots
}

/// Prints everything after the last line.
pub fn print_all(request: &StoryRequest, correlator: BootCorrelator, source: Source) {
    let failed_starts: Vec<FailedStart> = correlator.failed_starts().to_vec();
    let problems = correlator.problems();
    let boots = request.filter.apply(boots(correlator, source));
    let output = match request.format {
        OutputFormat::Html => html::page(&boots, &failed_starts, &problems, source),
        OutputFormat::Json => json::document(&boots, &failed_starts, &problems),
        OutputFormat::Text => {
            return print_folded(&text::story(
                &boots,
                &failed_starts,
                &problems,
                source,
                Style::of_stdout(),
            ));
        }
    };
    print_stdout(&to_utf8(&output));
}
