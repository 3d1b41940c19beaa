//! The report as text.

use super::report::{BootFile, Conversation, Exchange, Field, Report};
use super::table::{color, table};
use crate::reason::Verdict;
use crate::terminal::{Layout, Style};
use std::fmt::{self, Write};

const VALUE_COLUMN: usize = 44;
const NAME_WIDTH: usize = 22;

/// The report as text.
pub fn text(report: &Report, layout: Layout) -> String {
    let mut out = String::new();
    // Writing to a string does not fail.
    let _ = write_report(&mut out, report, layout);
    out
}

fn write_report(out: &mut String, report: &Report, layout: Layout) -> fmt::Result {
    writeln!(out, "configuration: {}", report.files.join(", "))?;
    for finding in &report.findings {
        writeln!(out, "{}: {}", finding.0.level, finding.0)?;
    }
    for client in &report.clients {
        conversation(out, client, layout.style)?;
    }
    for rows in &report.tables {
        out.push('\n');
        for assumed in rows.first().iter().flat_map(|row| &row.assumed) {
            writeln!(out, "assumed: {assumed}")?;
        }
        out.push_str(&table(rows, layout));
    }
    Ok(())
}

fn conversation(out: &mut String, client: &Conversation, style: Style) -> fmt::Result {
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
        boot_file(out, boot, client.boots.len() > 1)?;
    }
    let introduction = match client.verdict.verdict {
        Verdict::Boots => "",
        Verdict::Unknown => "it cannot be known from here: ",
        Verdict::DoesNotBoot => "it does not boot: ",
    };
    let result = format!("{introduction}{}", client.verdict);
    writeln!(out, "  => {}", style.paint(color(client.verdict.verdict), &result))
}

fn exchange(out: &mut String, number: usize, step: &Exchange) -> fmt::Result {
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

fn field(out: &mut String, field: &Field) -> fmt::Result {
    let by = match (&field.line, field.keyword) {
        (Some(line), Some(keyword)) => format!("{line} ({keyword})"),
        _ => "always".to_owned(),
    };
    writeln!(out, "       {:NAME_WIDTH$} {:VALUE_COLUMN$} {by}", field.name, field.value)
}

/// The file of a reply. With a menu, each entry has its own result.
fn boot_file(out: &mut String, boot: &BootFile, is_menu: bool) -> fmt::Result {
    let entry = boot.entry.as_ref().map_or_else(String::new, |entry| format!(" (“{entry}”)"));
    write!(out, "  file: {}{entry}, from {}", boot.name, boot.server)?;
    if let Some(path) = &boot.path {
        write!(out, ": {path}")?;
    }
    if let Some(size) = boot.size {
        write!(out, ", {size} bytes, can be read")?;
    } else if let Some(root) = &boot.root {
        write!(out, " (tftp-root is at {root})")?;
    }
    out.push('\n');
    if let Some(hint) = &boot.hint {
        writeln!(out, "        hint: {hint}")?;
    }
    match boot.verdict.verdict {
        _ if !is_menu => Ok(()),
        Verdict::Boots => Ok(()),
        Verdict::Unknown => writeln!(out, "        it cannot be known from here: {}", boot.verdict),
        Verdict::DoesNotBoot => writeln!(out, "        it does not boot: {}", boot.verdict),
    }
}
