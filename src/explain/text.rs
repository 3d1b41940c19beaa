//! A report for people.

use super::report::{BootFile, Conversation, Exchange, Field, Report};
use std::fmt;

/// Columns before the line that a field comes from.
const VALUE_COLUMN: usize = 44;
const NAME_WIDTH: usize = 22;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "configuration: {}", self.files.join(", "))?;
        self.warnings.iter().try_for_each(|warning| writeln!(f, "warning: {warning}"))?;
        self.clients.iter().try_for_each(|client| conversation(f, client))?;
        self.tables.iter().try_for_each(|rows| write!(f, "\n{}", table(rows)))
    }
}

fn conversation(out: &mut fmt::Formatter<'_>, told: &Conversation) -> fmt::Result {
    writeln!(out, "\n{}, on {} ({})", told.client, told.interface, told.server)?;
    told.observed.iter().try_for_each(|seen| writeln!(out, "  {seen}"))?;
    for assumed in &told.assumed {
        writeln!(out, "  assumed: {assumed}")?;
    }
    for (number, one) in (1..).zip(&told.exchanges) {
        exchange(out, number, one)?;
    }
    for boot in &told.boots {
        boot_file(out, boot)?;
    }
    let head = if told.works { "  =>" } else { "  => it does not boot:" };
    writeln!(out, "{head} {}", told.verdict)
}

fn exchange(out: &mut fmt::Formatter<'_>, number: usize, told: &Exchange) -> fmt::Result {
    writeln!(out, "  {number}. {} to port {}, {}", told.message, told.port, told.description)?;
    match (&told.answer, &told.drop_reason) {
        (Some(reply), _) => {
            writeln!(out, "     {} to {}", reply.message, reply.to)?;
            reply.fields.iter().try_for_each(|one| field(out, one))?;
            for complaint in &reply.warnings {
                writeln!(out, "       {complaint}")?;
            }
        }
        (None, Some(why)) => writeln!(out, "     no answer: {why}")?,
        (None, None) => writeln!(out, "     no answer")?,
    }
    let tags = told.tags.iter().map(|tag| format!("{} ({})", tag.tag, tag.set_by));
    let tags: Vec<String> = tags.collect();
    if !tags.is_empty() {
        writeln!(out, "     tags: {}", tags.join(", "))?;
    }
    for passed in &told.passed_over {
        writeln!(
            out,
            "     not used: {} ({}) {}: {}",
            passed.line, passed.keyword, passed.reason, passed.would_yield
        )?;
        for hint in &passed.hints {
            writeln!(out, "               {hint}")?;
        }
    }
    Ok(())
}

fn field(out: &mut fmt::Formatter<'_>, told: &Field) -> fmt::Result {
    let by = match (&told.line, told.keyword) {
        (Some(line), Some(keyword)) => format!("{line} ({keyword})"),
        _ => "always".to_owned(),
    };
    writeln!(out, "       {:NAME_WIDTH$} {:VALUE_COLUMN$} {by}", told.name, told.value)
}

fn boot_file(out: &mut fmt::Formatter<'_>, boot: &BootFile) -> fmt::Result {
    let entry = boot.entry.as_ref().map_or_else(String::new, |entry| format!(" (“{entry}”)"));
    write!(out, "  file: {}{entry}, from {}", boot.name, boot.server)?;
    if let Some(path) = &boot.path {
        write!(out, ": {path}")?;
    }
    if let Some(size) = boot.size {
        write!(out, ", {size} bytes, can be read")?;
    }
    writeln!(out)
}

/// All architectures in a table: what each is told.
fn table(clients: &[Conversation]) -> String {
    let mut rows = vec![["architecture", "file", "from", "line", ""].map(str::to_owned)];
    for told in clients {
        let name = told.architecture_name.map_or_else(String::new, |name| format!(" {name}"));
        let architecture = format!("{}{name}", told.architecture);
        if told.boots.is_empty() {
            let silence = told.exchanges.last().and_then(|last| last.drop_reason.as_ref());
            let why = silence.map_or_else(|| "is told no file".to_owned(), ToString::to_string);
            rows.push([architecture.clone(), "-".into(), "-".into(), "-".into(), why]);
        }
        for boot in &told.boots {
            let size = || boot.size.map(|size| format!("{size} bytes"));
            let state = boot.problem.clone().or_else(size).unwrap_or_default();
            let line = boot.line.clone().unwrap_or_else(|| "-".to_owned());
            rows.push([architecture.clone(), boot.name.clone(), boot.server.clone(), line, state]);
        }
    }
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max();
    let widths: Vec<usize> = (0..4).map(|column| width(column).unwrap_or(0)).collect();
    let line = |row: &[String; 5]| {
        let cells = row.iter().zip(&widths).map(|(cell, width)| format!("{cell:width$}  "));
        let text: String = cells.chain([row[4].clone()]).collect();
        format!("{}\n", text.trim_end())
    };
    rows.iter().map(line).collect()
}
