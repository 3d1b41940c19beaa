//! Output for a person: standard output and standard error. Write errors are ignored.

use crate::byte_text::to_bytes;
use std::fs::File;
use std::io::{self, IsTerminal, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;

/// The width without a terminal.
const DEFAULT_WIDTH: usize = 100;
/// The smallest width that is used.
const MIN_WIDTH: usize = 40;

/// How a text on standard output is formatted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Style {
    /// Characters of a line.
    pub width: usize,
    /// Whether colours are used.
    pub has_colours: bool,
}

/// A colour (ECMA-48, select graphic rendition).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Colour {
    /// Something is wrong.
    Red = 31,
    /// Nothing is wrong.
    Green = 32,
    /// It is not known.
    Yellow = 33,
}

impl Style {
    /// Without colours, with the default width.
    pub const PLAIN: Self = Self { width: DEFAULT_WIDTH, has_colours: false };

    /// The style for standard output: the width is `COLUMNS`, else that of the terminal. Colours are used on a terminal, unless
    /// `NO_COLOR` is set (no-color.org).
    pub fn of_stdout() -> Self {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let terminal = || Some(usize::from(terminal_size::terminal_size_of(io::stdout())?.0.0));
        let width = columns.filter(|columns| *columns > 0).or_else(terminal);
        let no_colour = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        Self {
            width: width.unwrap_or(DEFAULT_WIDTH).max(MIN_WIDTH),
            has_colours: io::stdout().is_terminal() && !no_colour,
        }
    }

    /// The text in a colour.
    pub fn paint(&self, text: &str, colour: Colour) -> String {
        if self.has_colours {
            format!("\x1b[{}m{text}\x1b[0m", colour as u8)
        } else {
            text.to_owned()
        }
    }
}

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
