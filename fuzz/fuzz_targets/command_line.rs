//! A command line: words apart by line ends, and each option with its value.
#![no_main]

#[path = "pace.rs"]
mod pace;

use conf_parser::Reader;
use libfuzzer_sys::fuzz_target;
use pxemasq::command_line::CommandLine;

fuzz_target!(|bytes: &[u8]| {
    let text = String::from_utf8_lossy(bytes);
    let words: Vec<String> = text.split('\n').map(str::to_owned).collect();
    pace::keep(bytes.len(), || {
        for posixly_correct in [false, true] {
            let line = CommandLine::parse(&words, posixly_correct);
            let mut reader = Reader::default();
            for given in line.options {
                let _ = reader.argument(given.row, given.value.as_deref());
            }
        }
    });
});
