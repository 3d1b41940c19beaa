//! The live view of `--status=watch`, as lines of text: a document and the one before it, and the size of the terminal, give the
//! lines of the screen.
//!
//! ```text
//! pxemasq 0.1.0   process 4711   up 2 h 13 min   has replaced 4700
//! 9 machines   3 loading   1 waiting for a disk   1 waiting for a free slot
//! 15.5 MB/s   - answers/s   - drops/s   1,234 drops   12.3 GB sent   2 failed
//! transfers: 48 of 50 (tftp-max)
//!
//! MACHINE           FILE                  PROGRESS                   RATE     LEFT
//! 52:54:00:00:00:01 /srv/t…4/1/initrd.img [######......]  50 %   5.0 MB/s     0:10
//! 52:54:00:00:00:02 /srv/t…4/2/initrd.img [#...........]  12 %    waits for a disk
//! … and 7 more machines                                                     q: end
//! ```

mod columns;
mod header;
mod line;
mod progress;
mod rows;
mod text;

pub use line::Line;

use crate::status::Status;
use crate::status_query::units::number;
use crate::terminal::Color;
use header::Totals;
use progress::Transfers;
use std::collections::HashSet;
use text::{clean, right};

/// The colour of what is less important.
const GRAY: Color = Color::Gray;

/// The size of a terminal, in characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// The columns.
    pub width: usize,
    /// The lines.
    pub height: usize,
}

/// A document, and what has changed since the one before it.
#[derive(Clone, Debug)]
pub struct View {
    status: Status,
    totals: Totals,
    transfers: Transfers,
    notice: String,
}

impl View {
    /// The view of a document. Without the view of the one before it, rates are the averages of the transfers.
    pub fn new(status: Status, previous: Option<&Self>) -> Self {
        let transfers = Transfers::new(&status, previous.map(|view| &view.transfers));
        let totals = Totals::new(&status, transfers.rate(), previous.map(|view| &view.totals));
        Self { status, totals, transfers, notice: String::new() }
    }

    /// Shows why there is no new document, until there is one.
    pub fn set_notice(&mut self, notice: &str) {
        self.notice = clean(notice);
    }

    /// The lines of the screen, at most as many as it has, none of them wider than it. The last one is at its bottom.
    pub fn lines(&self, size: Size) -> Vec<Line> {
        let mut lines = header::lines(&self.status, &self.totals, size);
        let space = size.height.saturating_sub(lines.len() + 1);
        let rows = rows::selected(rows::all(&self.status, &self.transfers), space);
        lines.extend(rows.shown.iter().map(|row| columns::line(row, size.width)));
        lines.resize(size.height.saturating_sub(1), Line::default());
        lines.push(self.footer(&self.more(&rows), size.width));
        lines.truncate(size.height);
        lines.into_iter().map(|line| line.clipped(size.width)).collect()
    }

    /// What is not shown.
    fn more(&self, rows: &rows::Selected) -> String {
        let shown: HashSet<usize> = rows.shown.iter().map(|row| row.machine).collect();
        let machines = count(self.status.machines.len() - shown.len());
        let machines = machines.saturating_add(self.status.machines_omitted);
        match (machines, count(rows.hidden)) {
            (0, 0) => String::new(),
            (0, 1) => "… and 1 more file".to_owned(),
            (0, files) => format!("… and {} more files", number(files)),
            (1, _) => "… and 1 more machine".to_owned(),
            (machines, _) => format!("… and {} more machines", number(machines)),
        }
    }

    /// The last line: why there is no new document, or what is not shown; and the keys.
    fn footer(&self, more: &str, width: usize) -> Line {
        const KEYS: &str = "q: end";
        let line = if self.notice.is_empty() {
            Line::plain(more)
        } else {
            Line::default().with(self.notice.clone(), Some(Color::Red))
        };
        let space = width.saturating_sub(line.width());
        if space > KEYS.len() { line.with(right(KEYS, space), Some(GRAY)) } else { line }
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
