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

/// The lines and colours of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Layout {
    /// Characters of a line.
    pub width: usize,
    /// Colours.
    pub style: Style,
}

impl Layout {
    /// Without a terminal.
    pub const PLAIN: Self = Self { width: DEFAULT_WIDTH, style: Style::Plain };

    /// The layout of standard output. The width is `COLUMNS`, else that of the terminal.
    pub fn of_stdout() -> Self {
        let columns = std::env::var("COLUMNS").ok().and_then(|columns| columns.parse().ok());
        let terminal = || Some(usize::from(terminal_size::terminal_size_of(io::stdout())?.0.0));
        let width = columns.filter(|columns| *columns > 0).or_else(terminal);
        let width = width.unwrap_or(DEFAULT_WIDTH).max(MIN_WIDTH);
        Self { width, style: Style::of_stdout() }
    }
}

/// Prints a text on standard output, as the bytes of [`to_bytes`].
pub fn print_stdout(text: &str) {
    let _ = io::stdout().write_all(&to_bytes(text));
}

/// Prints a text on standard output; on a terminal, lines that are too long for it are continued below their indentation.
pub fn print_folded(text: &str) {
    let is_terminal = io::stdout().is_terminal();
    let text = if is_terminal { fold(text, Layout::of_stdout().width) } else { text.to_owned() };
    print_stdout(&text);
}

/// Breaks lines at blanks where they are longer than `width`. Colours have no width.
fn fold(text: &str, width: usize) -> String {
    let mut out = String::with_capacity(text.len());
    for line in text.split_inclusive('\n') {
        let indent = line.len() - line.trim_start_matches(' ').len();
        let mut column = 0;
        for word in line.split_inclusive(' ') {
            let length = visible_length(word);
            if column > indent && column + length > width {
                out.truncate(out.trim_end_matches(' ').len());
                out.push('\n');
                out.push_str(&line[..indent]);
                column = indent;
            }
            out.push_str(word);
            column += visible_length(word) + usize::from(word.ends_with(' '));
        }
    }
    out
}

/// Lines of at most `width` characters, broken between words. A longer word has lines of its own.
pub fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        let needed = 1 + word.chars().count();
        match lines.last_mut() {
            Some(line) if line.chars().count() + needed <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => {
                let characters: Vec<char> = word.chars().collect();
                let parts = characters.chunks(width.max(1)).map(|part| part.iter().collect());
                lines.extend(parts);
            }
        }
    }
    lines
}

/// The characters of a word without the blank or line end after it, and without colours.
fn visible_length(word: &str) -> usize {
    let mut is_escape = false;
    let is_visible = |c: &char| {
        let starts = *c == '\x1b';
        let hidden = is_escape || starts;
        is_escape = (is_escape || starts) && *c != 'm';
        !hidden
    };
    word.trim_end_matches([' ', '\n']).chars().filter(is_visible).count()
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

/// Whether text has colours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Without colours.
    Plain,
    /// With the colours of ECMA-48.
    Colored,
}

/// A colour of text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names describe them")]
pub enum Color {
    Red,
    Green,
    Yellow,
    Gray,
}

impl Style {
    /// The style of standard output: colours on a terminal, unless `NO_COLOR` is set or `TERM` is `dumb`.
    pub fn of_stdout() -> Self {
        let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let has_colors = io::stdout().is_terminal() && !is_set("NO_COLOR") && !is_dumb;
        if has_colors { Self::Colored } else { Self::Plain }
    }

    /// The text in this colour.
    pub fn paint(self, color: Color, text: &str) -> String {
        let code = match color {
            Color::Red => 31,
            Color::Green => 32,
            Color::Yellow => 33,
            Color::Gray => 90,
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Colored => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn line_that_is_longer_than_the_width_is_continued_below_its_indentation() {
        let text =
            "short\n  \x1b[31m=> does not boot\x1b[0m: it stopped\n\nabcdefghijklmnopqrstuvwxyz\n";
        let folded = "short\n  \x1b[31m=> does not boot\x1b[0m:\n  it stopped\n\nabcdefghijklmnopqrstuvwxyz\n";
        assert_eq!(fold(text, 20), folded);
        assert_eq!(fold(text, 80), text);
    }

    #[test]
    fn long_text_is_wrapped_between_words() {
        assert_eq!(wrap("UEFI x64 (7), UEFI ARM64", 13), ["UEFI x64 (7),", "UEFI ARM64"]);
        assert_eq!(wrap("/a/long/name and", 7), ["/a/long", "/name", "and"]);
    }
}
