//! Lines of a log.

use crate::byte_text::to_text;
use crate::log_line::sanitize::sanitize;
use std::io::{self, BufRead, Read};

/// A longer line is read as several lines.
const MAX_LINE_LEN: u64 = 64 << 10;

/// The next line, at most [`MAX_LINE_LEN`] bytes of it; the rest is the next line. `None` at the end.
pub fn next_line(input: &mut impl BufRead) -> io::Result<Option<String>> {
    let mut bytes = Vec::new();
    if input.by_ref().take(MAX_LINE_LEN).read_until(b'\n', &mut bytes)? == 0 {
        return Ok(None);
    }
    // Clients choose some of the bytes in a log: control characters must not reach the terminal.
    let line = to_text(String::from_utf8_lossy(&bytes).as_bytes());
    Ok(Some(sanitize(line.trim_end_matches(['\n', '\r'])).into_owned()))
}
