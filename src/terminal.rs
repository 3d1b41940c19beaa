//! Output for a person: standard output and standard error. Write errors are ignored.

use crate::byte_text::to_bytes;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// Prints a text on standard output, as the bytes of [`to_bytes`].
pub fn print_stdout(text: &str) {
    let _ = io::stdout().write_all(&to_bytes(text));
}

/// Prints a line on standard error, as the bytes of [`to_bytes`].
pub fn print_stderr(line: &str) {
    let _ = io::stderr().write_all(&to_bytes(&format!("{line}\n")));
}

/// Whether standard error is a terminal or systemd's journal. For other programs the output is that of dnsmasq only.
pub fn is_interactive() -> bool {
    io::stderr().is_terminal() || is_systemd_journal().unwrap_or(false)
}

/// Whether standard error is the stream to systemd's journal (systemd.exec(5), `JOURNAL_STREAM`).
fn is_systemd_journal() -> Option<bool> {
    let stream = std::env::var("JOURNAL_STREAM").ok()?;
    let stderr = File::from(io::stderr().as_fd().try_clone_to_owned().ok()?).metadata().ok()?;
    Some(stream == format!("{}:{}", stderr.dev(), stderr.ino()))
}
