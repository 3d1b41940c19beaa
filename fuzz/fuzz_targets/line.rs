//! One line of a configuration file. What is accepted must read the same when it is written down again.
#![no_main]

#[path = "pace.rs"]
mod pace;

use conf_parser::{Directive, Reader};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let line = conf_parser::line_of(bytes);
    pace::keep(line.len(), Duration::ZERO, || {
        if let Err(fault) = Reader::default().line(line) {
            assert!(!fault.expected.is_empty(), "{fault:?}");
        }
    });
    if let Some(directive) = read(line) {
        let written = Reader::default().rewritten(line).expect("it was read before");
        assert_eq!(shape(read(&written)), shape(Some(directive)));
    }
});

fn read(line: &[u8]) -> Option<Directive> {
    Reader::default().line(line).ok().flatten().map(|setting| setting.directive)
}

/// Columns are those of the line as it stands.
fn shape(directive: Option<Directive>) -> String {
    let shown = format!("{directive:?}");
    let mut parts = shown.split("column: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |sum, part| sum + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}
