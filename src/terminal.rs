//! Standard output and error, where a start is told of. One that takes nothing changes nothing else.

use crate::byte_text::to_bytes;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Prints what was asked for: the bytes that [`to_bytes`] gives.
pub fn print_stdout(text: &str) {
    drop(io::stdout().write_all(&to_bytes(text)));
}

/// Says a line on standard error: the bytes that [`to_bytes`] gives.
pub fn print_stderr(line: &str) {
    drop(io::stderr().write_all(&to_bytes(&format!("{line}\n"))));
}

/// Whether a person reads standard error, at a terminal or in systemd's journal, and not a program that compares what it is told.
pub fn is_interactive() -> bool {
    io::stderr().is_terminal() || is_systemd_journal().unwrap_or(false)
}

/// systemd says which stream leads to its journal (systemd.exec(5)).
fn is_systemd_journal() -> Option<bool> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
    Some(stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}
