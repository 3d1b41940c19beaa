//! A command line: the input is split into arguments at line ends; then the value of each option is parsed.
#![no_main]

#[path = "cpu_time.rs"]
mod cpu_time;

use conf_parser::Reader;
use libfuzzer_sys::fuzz_target;
use pxemasq::command_line::CommandLine;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::time::Duration;

fuzz_target!(|bytes: &[u8]| {
    let arguments: Vec<OsString> = bytes
        .split(|&byte| byte == b'\n')
        .map(|argument| OsStr::from_bytes(argument).to_owned())
        .collect();
    // The fixed cost: getopts builds a table of 200 options for each parse, which is slow with a sanitizer.
    cpu_time::check(bytes.len(), Duration::from_millis(50), || {
        for posixly_correct in [false, true] {
            let line = CommandLine::parse(&arguments, posixly_correct);
            let mut reader = Reader::default();
            for option in line.options {
                let _ = reader.argument(option.row, option.value.as_deref());
            }
        }
    });
});
