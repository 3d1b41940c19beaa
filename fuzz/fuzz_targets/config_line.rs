//! One line of a configuration file. An accepted line must have the same meaning after it is written out and read again.
#![no_main]

#[path = "cpu_time.rs"]
mod cpu_time;

use conf_parser::{Directive, Reader};
use libfuzzer_sys::fuzz_target;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let line = conf_parser::line_of(bytes);
    // A refused line is compared with all keywords.
    cpu_time::check(line.len(), Duration::from_millis(10), || {
        if let Err(error) = Reader::default().line(line) {
            assert!(!error.expected.is_empty(), "{error:?}");
        }
    });
    if let Some(directive) = read(line) {
        let written = Reader::default().rewritten(line).expect("the line was accepted before");
        assert_eq!(without_columns(read(&written)), without_columns(Some(directive)));
    }
});

fn read(line: &[u8]) -> Option<Directive> {
    Reader::default().line(line).ok().flatten().map(|setting| setting.directive)
}

/// The debug output without column numbers: they differ after the line is rewritten.
fn without_columns(directive: Option<Directive>) -> String {
    let debug = format!("{directive:?}");
    let mut parts = debug.split("column: ");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |sum, part| sum + part.trim_start_matches(|c: char| c.is_ascii_digit()))
}
