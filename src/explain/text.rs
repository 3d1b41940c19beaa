//! The report as text.

use super::report::{BootFile, Conversation, Exchange, Field, Report};
use std::fmt;

const VALUE_COLUMN: usize = 44;
const NAME_WIDTH: usize = 22;

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "configuration: {}", self.files.join(", "))?;
        for warning in &self.warnings {
            writeln!(f, "warning: {warning}")?;
        }
        for client in &self.clients {
            conversation(f, client)?;
        }
        self.tables.iter().try_for_each(|rows| write!(f, "\n{}", table(rows)))
    }
}

fn conversation(out: &mut fmt::Formatter<'_>, client: &Conversation) -> fmt::Result {
    writeln!(out, "\n{}, on {} ({})", client.client, client.interface, client.server)?;
    for observed in &client.observed {
        writeln!(out, "  {observed}")?;
    }
    for assumed in &client.assumed {
        writeln!(out, "  assumed: {assumed}")?;
    }
    for (number, one) in (1..).zip(&client.exchanges) {
        exchange(out, number, one)?;
    }
    for boot in &client.boots {
        boot_file(out, boot)?;
    }
    let result = if client.works { "  =>" } else { "  => it does not boot:" };
    writeln!(out, "{result} {}", client.verdict)
}

fn exchange(out: &mut fmt::Formatter<'_>, number: usize, step: &Exchange) -> fmt::Result {
    writeln!(out, "  {number}. {} to port {}, {}", step.message, step.port, step.description)?;
    match (&step.answer, &step.drop_reason) {
        (Some(reply), _) => {
            writeln!(out, "     {} to {}", reply.message, reply.to)?;
            for one in &reply.fields {
                field(out, one)?;
            }
            for warning in &reply.warnings {
                writeln!(out, "       {warning}")?;
            }
        }
        (None, Some(reason)) => writeln!(out, "     no answer: {reason}")?,
        (None, None) => writeln!(out, "     no answer")?,
    }
    let tags = step.tags.iter().map(|tag| format!("{} ({})", tag.tag, tag.set_by));
    let tags: Vec<String> = tags.collect();
    if !tags.is_empty() {
        writeln!(out, "     tags: {}", tags.join(", "))?;
    }
    for skipped in &step.skipped_rules {
        writeln!(
            out,
            "     not used: {} ({}) {}: {}",
            skipped.line, skipped.keyword, skipped.reason, skipped.would_yield
        )?;
        for hint in &skipped.hints {
            writeln!(out, "               {hint}")?;
        }
    }
    Ok(())
}

fn field(out: &mut fmt::Formatter<'_>, field: &Field) -> fmt::Result {
    let by = match (&field.line, field.keyword) {
        (Some(line), Some(keyword)) => format!("{line} ({keyword})"),
        _ => "always".to_owned(),
    };
    writeln!(out, "       {:NAME_WIDTH$} {:VALUE_COLUMN$} {by}", field.name, field.value)
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

/// A table with the boot file of each architecture.
fn table(clients: &[Conversation]) -> String {
    let mut rows = vec![["architecture", "file", "from", "line", ""].map(str::to_owned)];
    for client in clients {
        let name = client.architecture_name.map_or_else(String::new, |name| format!(" {name}"));
        let architecture = format!("{}{name}", client.architecture);
        if client.boots.is_empty() {
            let reason = client.exchanges.last().and_then(|last| last.drop_reason.as_ref());
            let reason =
                reason.map_or_else(|| "no boot file in the reply".to_owned(), ToString::to_string);
            rows.push([architecture.clone(), "-".into(), "-".into(), "-".into(), reason]);
        }
        for boot in &client.boots {
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
