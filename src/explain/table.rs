//! A table with the boot file of each client. Equal rows are one row.

use super::report::{BootFile, Conversation};
use crate::reason::Verdict;
use crate::terminal::{Color, Layout, Style, wrap};

/// A row: the names of the clients, the boot file, its server, the line, the result.
struct Row {
    clients: Vec<String>,
    cells: [String; 4],
    verdict: Verdict,
}

const COLUMNS: [&str; 5] = ["client", "file", "from", "line", "result"];
/// Columns between two cells.
const GAP: usize = 2;
/// The smallest width of a column that is made narrower.
const MIN_WIDTH: usize = 12;
/// The smallest width of the last column.
const MIN_RESULT: usize = 28;
/// Width of the name of a cell on a narrow terminal.
const NAME_WIDTH: usize = 8;

/// The table as text.
pub fn table(clients: &[Conversation], layout: Layout) -> String {
    let mut rows: Vec<Row> = Vec::new();
    for (client, row) in clients.iter().flat_map(|one| rows_of(one).map(move |row| (one, row))) {
        match rows.iter_mut().find(|known| known.cells == row.cells) {
            Some(known) => known.clients.push(client.kind.clone()),
            None => rows.push(row),
        }
    }
    let header = COLUMNS.map(str::to_owned);
    let cells: Vec<[String; 5]> = std::iter::once(header)
        .chain(rows.iter().map(|row| {
            let [file, from, line, result] = row.cells.clone();
            [row.clients.join(", "), file, from, line, result]
        }))
        .collect();
    let verdicts = std::iter::once(None).chain(rows.iter().map(|row| Some(row.verdict)));
    let rows = cells.iter().zip(verdicts);
    match widths(&cells, layout.width) {
        Some(widths) => {
            rows.map(|(row, verdict)| lines(row, &widths, verdict, layout.style)).collect()
        }
        None => rows.skip(1).map(|(row, verdict)| block(row, verdict, layout)).collect(),
    }
}

/// The colour of a verdict.
pub fn color(verdict: Verdict) -> Color {
    match verdict {
        Verdict::Boots => Color::Green,
        Verdict::Unknown => Color::Yellow,
        Verdict::DoesNotBoot => Color::Red,
    }
}

/// The rows of a client: one for each menu entry.
fn rows_of(client: &Conversation) -> impl Iterator<Item = Row> {
    let row = |cells, verdict| Row { clients: vec![client.kind.clone()], cells, verdict };
    let of_file = move |(index, boot): (usize, &BootFile)| {
        // The result of the client is that of its first file, or has another reason.
        let verdict = if index == 0 { &client.verdict } else { &boot.verdict };
        let line = boot.verdict.line.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        let result = match (verdict.verdict, boot.size) {
            (Verdict::Boots, Some(size)) => format!("boots, {size} bytes"),
            (Verdict::Boots, None) => verdict.reason.to_string(),
            (Verdict::Unknown, _) => format!("unknown: {}", verdict.reason),
            (Verdict::DoesNotBoot, _) => format!("does not boot: {}", verdict.reason),
        };
        let entry = boot.entry.as_ref().map(|entry| format!(" (“{entry}”)"));
        let entry = entry.filter(|_| client.boots.len() > 1).unwrap_or_default();
        let name = format!("{}{entry}", boot.name);
        row([name, boot.server.clone(), line, result], verdict.verdict)
    };
    let of_nothing = || {
        let result = match client.verdict.verdict {
            Verdict::DoesNotBoot => format!("does not boot: {}", without_lines(client)),
            _ => format!("unknown: {}", client.verdict.reason),
        };
        let line = client.verdict.line.as_ref().map_or_else(|| "-".to_owned(), ToString::to_string);
        row(["-".to_owned(), "-".to_owned(), line, result], client.verdict.verdict)
    };
    let rows: Vec<Row> = if client.boots.is_empty() {
        vec![of_nothing()]
    } else {
        client.boots.iter().enumerate().map(of_file).collect()
    };
    rows.into_iter()
}

/// The reason of a client without a boot file. In a table it has no lines for other clients, and no architecture, so that
/// equal rows are one row.
fn without_lines(client: &Conversation) -> String {
    match client.exchanges.last().map(|last| last.drop_reason.as_ref()) {
        Some(None) if client.verdict.reason.id() == "reply-without-boot-file" => {
            "no pxe-service and no dhcp-boot is for this client".to_owned()
        }
        _ => client.verdict.reason.to_string(),
    }
}

/// The width of each column. If the table is wider than `total`, the first column and the last are made narrower; `None` if
/// that is not sufficient.
fn widths(rows: &[[String; 5]], total: usize) -> Option<[usize; 5]> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let mut widths = [0, 1, 2, 3, 4].map(|column| width(column).unwrap_or(0));
    let fixed: usize = widths[1..4].iter().sum::<usize>() + 4 * GAP;
    let left = total.checked_sub(fixed).filter(|left| *left >= MIN_WIDTH + MIN_RESULT)?;
    widths[0] = widths[0].min(MIN_WIDTH.max(left / 3)).min(left - MIN_RESULT);
    widths[4] = widths[4].min(left - widths[0]);
    Some(widths)
}

/// A row as lines: long cells of the first column and the last are wrapped.
fn lines(row: &[String; 5], widths: &[usize; 5], verdict: Option<Verdict>, style: Style) -> String {
    let cells: Vec<Vec<String>> =
        row.iter().zip(widths).map(|(cell, width)| wrap(cell, *width)).collect();
    let height = cells.iter().map(Vec::len).max().unwrap_or(1);
    let part = |column: usize, line: usize| cells[column].get(line).map_or("", |part| part);
    let line = |line: usize| {
        let first: String = (0..4)
            .map(|column| {
                format!("{:width$}{:GAP$}", part(column, line), "", width = widths[column])
            })
            .collect();
        let text = format!("{first}{}", painted(part(4, line), verdict, style));
        format!("{}\n", text.trim_end())
    };
    (0..height).map(line).collect()
}

/// A row of a narrow terminal: one line for each cell.
fn block(row: &[String; 5], verdict: Option<Verdict>, layout: Layout) -> String {
    let names = wrap(&row[0], layout.width).join("\n");
    let cells = COLUMNS.iter().zip(row).skip(1).filter(|(_, cell)| *cell != "-");
    let cells = cells.flat_map(|(name, cell)| {
        let width = layout.width.saturating_sub(NAME_WIDTH + GAP);
        let parts = wrap(cell, width).into_iter().enumerate();
        parts.map(move |(index, part)| {
            let name = if index == 0 { name } else { "" };
            let part =
                if *name == *"result" { painted(&part, verdict, layout.style) } else { part };
            format!("{:GAP$}{name:NAME_WIDTH$}{part}\n", "")
        })
    });
    format!("{names}\n{}", cells.collect::<String>())
}

fn painted(text: &str, verdict: Option<Verdict>, style: Style) -> String {
    match verdict {
        Some(verdict) if !text.is_empty() => style.paint(color(verdict), text),
        _ => text.to_owned(),
    }
}
