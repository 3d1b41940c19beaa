//! The picture of a boot: one row per step, with a bar at its time. Without times it is a list.
//!
//! Rows are elements of an HTML list, not of an image, so that labels wrap and text keeps its size on a narrow screen.

use super::axis::Axis;
use super::escape::{Escaped, EscapedPath};
use super::mark::{legend, mark};
use super::summary::stats_text;
use crate::story::boot::{Boot, Step, StepKind};
use crate::story::correlate::step_start;
use crate::story::source::Source;
use crate::story::text::{describe, offset};
use std::fmt::{self, Write};

/// A label at a higher position ends at its mark, so that it stays inside the picture.
const LAST_CENTERED_PERCENT: f64 = 94.0;

/// Writes the picture with its legend.
pub fn write(out: &mut String, boot: &Boot, source: Source) -> fmt::Result {
    out.write_str("<figure>\n")?;
    match Axis::new(boot.length) {
        Some(axis) => chart(out, boot, &axis)?,
        None => list(out, boot, source)?,
    }
    out.write_str("<figcaption><ul class=\"legend\">")?;
    for (mark, text) in legend(&boot.steps) {
        write!(out, "<li><span class=\"swatch {}\"></span><span>{text}</span></li>", mark.class())?;
    }
    out.write_str("</ul></figcaption>\n</figure>\n")
}

fn chart(out: &mut String, boot: &Boot, axis: &Axis) -> fmt::Result {
    writeln!(out, "<ol class=\"chart\" style=\"--step:{:.3}%\">", axis.step_percent())?;
    marks(out, axis)?;
    for (index, step) in boot.steps.iter().enumerate() {
        write!(
            out,
            "<li><span class=\"label\">{}</span><span class=\"track\">",
            Label(&step.kind)
        )?;
        bar(out, axis, &boot.steps, index)?;
        writeln!(out, "</span><span class=\"note\">{}</span></li>", Note(step))?;
    }
    out.write_str("</ol>\n")
}

/// The row with the times. A screen reader skips it: it has the times in the text of all steps.
fn marks(out: &mut String, axis: &Axis) -> fmt::Result {
    out.write_str("<li class=\"axis\" aria-hidden=\"true\"><span class=\"marks\">")?;
    for (percent, label) in axis.marks() {
        let class = match percent {
            0.0 => " class=\"first\"",
            percent if percent > LAST_CENTERED_PERCENT => " class=\"last\"",
            _ => "",
        };
        write!(out, "<span{class} style=\"left:{percent:.3}%\">{label}</span>")?;
    }
    out.write_str("</span></li>\n")
}

/// The bar of one step, from its start to its end; none if its time is unknown.
fn bar(out: &mut String, axis: &Axis, steps: &[Step], index: usize) -> fmt::Result {
    let step = &steps[index];
    let Some((start, end)) = step_start(steps, index).zip(step.offset) else { return Ok(()) };
    let (left, right) = (axis.percent(start), axis.percent(end));
    let (mark, _) = mark(step);
    write!(
        out,
        "<span class=\"bar {}\" style=\"left:min({left:.3}%,100% - 4px);width:{:.3}%\" title=\"{}\"></span>",
        mark.class(),
        (right - left).max(0.0),
        offset(step)
    )
}

fn list(out: &mut String, boot: &Boot, source: Source) -> fmt::Result {
    writeln!(out, "<p class=\"muted\">{}</p>\n<ol class=\"list\">", no_axis(boot, source))?;
    for step in &boot.steps {
        let (mark, _) = mark(step);
        write!(
            out,
            "<li><span class=\"swatch {}\"></span><span>{}",
            mark.class(),
            Label(&step.kind)
        )?;
        if let StepKind::File { stats: Some(stats), .. } = &step.kind {
            write!(out, " <span class=\"muted\">{}</span>", stats_text(stats))?;
        }
        out.write_str("</span></li>\n")?;
    }
    out.write_str("</ol>\n")
}

/// Why the steps are a list.
fn no_axis(boot: &Boot, source: Source) -> &'static str {
    match boot.started_at {
        None => source.no_times(),
        Some(_) => "all steps have the same time",
    }
}

/// The text of a row.
struct Label<'k>(&'k StepKind);

impl fmt::Display for Label<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            StepKind::File { path, .. } => write!(f, "{}", EscapedPath(path)),
            other => write!(f, "{}", Escaped(&describe(other))),
        }
    }
}

/// The text beside a bar: size and rate of a file, or the time.
struct Note<'s>(&'s Step);

impl fmt::Display for Note<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.kind {
            StepKind::File { stats: Some(stats), .. } => f.write_str(&stats_text(stats)),
            _ => f.write_str(&offset(self.0)),
        }
    }
}
