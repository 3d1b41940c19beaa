//! Who reads standard error.

use std::fs::File;
use std::io::{self, IsTerminal};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Whether it is a person, at a terminal or in systemd's journal, and not a program that compares what it is told.
pub fn is_a_person() -> bool {
    io::stderr().is_terminal() || is_journal().unwrap_or(false)
}

/// systemd says which stream leads to its journal (systemd.exec(5)).
fn is_journal() -> Option<bool> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
    Some(stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}
