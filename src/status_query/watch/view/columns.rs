//! The columns of the table. What is less important has no column on a narrow terminal.

use super::GRAY;
use super::line::Line;
use super::rows::{Loading, Row};
use super::text::{left, right};
use crate::status_query::units::{bytes, clock, rate};
use crate::terminal::Color;

const MACHINE: usize = 17;
const IP: usize = 15;
const ARCHITECTURE: usize = 16;
/// `123.4 MB`
const SIZE: usize = 8;
/// `100 %`
const PERCENT: usize = 5;
/// `999.9 MB/s`
const RATE: usize = 10;
/// `99:59:59`
const LEFT: usize = 8;
/// The rate and the time that is left. Words are there too: `no ACK for 12 s`
const STATE: usize = RATE + 1 + LEFT;
const MIN_BAR: usize = 8;
const MAX_FILE: usize = 70;
/// A narrower terminal has the machine and the percent only.
const MIN_WIDTH: usize = 50;

/// The widths of the columns; 0: there is none. A space is between two columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Columns {
    ip: usize,
    architecture: usize,
    file: usize,
    bar: usize,
    size: usize,
}

impl Columns {
    fn of(width: usize) -> Self {
        let if_wide = |min, column| if width >= min { column } else { 0 };
        let ip = if_wide(110, IP);
        let architecture = if_wide(150, ARCHITECTURE);
        let size = if_wide(100, SIZE);
        let optional = [ip, architecture, size].map(|column| column + usize::from(column > 0));
        let fixed = MACHINE + 1 + PERCENT + 1 + STATE + optional.iter().sum::<usize>();
        // There is a space after the file and after the bar.
        let rest = width.saturating_sub(fixed + 2);
        let file = (rest * 3 / 5).min(MAX_FILE);
        let bar = rest - file;
        if bar < MIN_BAR {
            let file = width.saturating_sub(fixed + 1);
            return Self { ip, architecture, file, bar: 0, size };
        }
        Self { ip, architecture, file, bar, size }
    }

    /// The columns before the bar.
    fn start(self, name: &str, ip: &str, architecture: &str, file: &str) -> String {
        let columns =
            [(MACHINE, name), (self.ip, ip), (self.architecture, architecture), (self.file, file)];
        let columns = columns.into_iter().filter(|(width, _)| *width > 0);
        columns.map(|(width, text)| left(text, width) + " ").collect()
    }

    /// The columns of the bar, the size and the percent, with the space between them.
    fn middle(self) -> usize {
        let optional = [self.bar, self.size].map(|column| column + usize::from(column > 0));
        optional.iter().sum::<usize>() + PERCENT
    }
}

/// The titles of the columns.
pub fn titles(width: usize) -> Line {
    if width < MIN_WIDTH {
        return Line::plain("MACHINE");
    }
    let columns = Columns::of(width);
    let start = columns.start("MACHINE", "ADDRESS", "ARCHITECTURE", "FILE");
    let optional = |width, text| if width > 0 { text + " " } else { String::new() };
    let bar = optional(columns.bar, left("PROGRESS", columns.bar));
    let size = optional(columns.size, right("SIZE", columns.size));
    let state = format!("{} {}", right("RATE", RATE), right("LEFT", LEFT));
    Line::plain(format!("{start}{bar}{size}{:PERCENT$} {state}", ""))
}

/// A line of the table.
pub fn line(row: &Row, width: usize) -> Line {
    if width < MIN_WIDTH {
        return narrow_line(row, width);
    }
    let columns = Columns::of(width);
    let start = columns.start(&row.name, &row.ip, &row.architecture, &row.file);
    let line = Line::plain(start);
    match (&row.transfer, &row.words) {
        (Some(loading), words) => {
            let line = with_bar(line, columns, loading);
            match words {
                Some((words, color)) => line.with(right(words, STATE), *color),
                None => line.with(state(loading), None),
            }
        }
        (None, Some((words, color))) => {
            line.with(left(words, columns.middle() + 1 + STATE), *color)
        }
        (None, None) => line,
    }
}

/// The machine, and the percent or words.
fn narrow_line(row: &Row, width: usize) -> Line {
    let state = row.transfer.as_ref().map(|loading| format!("{:>3} %", loading.percent()));
    let (words, color) = row.words.clone().unwrap_or_default();
    let space = width.saturating_sub(MACHINE + 1);
    let state = if space >= STATE && !words.is_empty() { words } else { state.unwrap_or(words) };
    let name = left(&row.name, MACHINE.min(width.saturating_sub(PERCENT + 1)));
    Line::plain(name).with(" ", None).with(state, color)
}

fn with_bar(line: Line, columns: Columns, loading: &Loading) -> Line {
    let line = match columns.bar.checked_sub(2) {
        Some(inside) => {
            let inside = u64::try_from(inside).unwrap_or_default();
            let done = usize::try_from(loading.part_of(inside)).unwrap_or_default();
            let rest = columns.bar - 2 - done;
            let (done, rest) = ("#".repeat(done), ".".repeat(rest));
            line.with("[", None)
                .with(done, Some(Color::Green))
                .with(rest, Some(GRAY))
                .with("] ", None)
        }
        None => line,
    };
    let size = match columns.size {
        0 => String::new(),
        width => right(&bytes(loading.size), width) + " ",
    };
    line.with(format!("{size}{:>3} % ", loading.percent()), None)
}

/// The rate, and the time that is left.
fn state(loading: &Loading) -> String {
    let time = loading.left.map_or_else(|| "-".to_owned(), clock);
    format!("{} {}", right(&rate(loading.rate), RATE), right(&time, LEFT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_fill_the_width_and_narrow_terminals_have_fewer() {
        let at_80 = Columns::of(80);
        assert_eq!(at_80, Columns { ip: 0, architecture: 0, file: 21, bar: 14, size: 0 });
        for width in MIN_WIDTH..=400 {
            assert_eq!(titles(width).width(), width);
        }
        assert_eq!(Columns::of(50).bar, 0);
        assert_eq!(Columns::of(200).bar, 46);
    }
}
