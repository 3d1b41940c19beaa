//! A command line: words apart by line ends, and each option with its value.
#![no_main]

#[path = "pace.rs"]
mod pace;

use conf_parser::Reader;
use libfuzzer_sys::fuzz_target;
use pxemasq::command_line::CommandLine;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let words: Vec<OsString> =
        bytes.split(|&byte| byte == b'\n').map(|word| OsStr::from_bytes(word).to_owned()).collect();
    // getopts is told of two hundred options first, twice, under the sanitizer's eyes.
    pace::keep(bytes.len(), Duration::from_millis(50), || {
        for posixly_correct in [false, true] {
            let line = CommandLine::parse(&words, posixly_correct);
            let mut reader = Reader::default();
            for given in line.options {
                let _ = reader.argument(given.row, given.value.as_deref());
            }
        }
    });
});
