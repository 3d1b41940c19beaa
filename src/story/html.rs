//! Boots as one HTML page without external resources, for example for a forum post.

use super::boot::{Boot, Step, StepKind, basename};
use super::correlate::step_start;
use super::text::{describe, offset};
use crate::reason::Verdict;
use std::fmt::{self, Write};
use std::time::Duration;

/// Sizes of the time line, in units of the SVG `viewBox`.
const LABEL_COLUMN: f64 = 230.0;
const WIDTH: f64 = 660.0;
const MARGIN: f64 = 90.0;
const ROW_HEIGHT: f64 = 20.0;
const HEADER_HEIGHT: f64 = 28.0;
const MAX_LABEL_WIDTH: f64 = LABEL_COLUMN - 20.0;
/// Size, duration and rate of a file.
const STATS_WIDTH: f64 = 180.0;
const FULL_WIDTH: f64 = LABEL_COLUMN + WIDTH + MARGIN;
/// A shorter boot has no time axis.
const MIN_AXIS_LENGTH: Duration = Duration::from_millis(50);

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1d2430}\
h1{font-size:1.5em}h2{font-size:1.1em;margin:2em 0 .3em}svg{width:100%;height:auto;background:#f7f8fa;border:1px solid #dde1e7}\
svg text{font:12px system-ui,sans-serif;fill:#1d2430}svg text.inside{fill:#fff}.axis{stroke:#c9ced6}.file{fill:#3b7dd8}.miss{fill:#e0a030}\
.bad{fill:#c9372c}.talk{fill:#5b6b82}.good{color:#1a7f37}.stuck{color:#c9372c}.unknown{color:#5b6b82}\
details{margin:.4em 0}pre{white-space:pre-wrap;background:#f7f8fa;padding:.6em;border:1px solid #dde1e7}";

/// The whole page.
pub fn page(boots: &[Boot]) -> String {
    let mut page = String::new();
    // Writing into a String cannot fail.
    let _ = write_page(&mut page, boots);
    page
}

fn write_page(out: &mut String, boots: &[Boot]) -> fmt::Result {
    let good = boots.iter().filter(|boot| boot.verdict().verdict == Verdict::Boots).count();
    let title = match boots.len() {
        1 => "One network boot".to_owned(),
        count => format!("{count} network boots"),
    };
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Network boots</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <h1>{title}, {good} complete</h1>\n"
    )?;
    for boot in boots {
        section(out, boot)?;
    }
    out.write_str("</body></html>\n")
}

fn section(out: &mut String, boot: &Boot) -> fmt::Result {
    let architecture = boot.architecture.map(|one| format!(", architecture {one}"));
    let title = format!("{}{}", boot.client(), architecture.unwrap_or_default());
    writeln!(out, "<h2>{}</h2><div>{}</div>", Escaped(&title), Escaped(&boot.raw_time))?;
    time_line(out, boot)?;
    let verdict = boot.verdict();
    let class = match verdict.verdict {
        Verdict::Boots => "good",
        Verdict::Unknown => "unknown",
        Verdict::DoesNotBoot => "stuck",
    };
    writeln!(out, "<p class=\"{class}\"><b>{}</b></p>", Escaped(&verdict.text))?;
    if let Some(advice) = &verdict.advice {
        writeln!(out, "<p>{}</p>", Escaped(advice))?;
    }
    write!(out, "<details><summary>All steps</summary><pre>")?;
    for step in &boot.steps {
        writeln!(out, "{:>9}  {}", offset(step), Escaped(&describe(&step.kind)))?;
    }
    writeln!(out, "</pre></details>")
}

/// An SVG image: one row per step, with a bar at its time.
fn time_line(out: &mut String, boot: &Boot) -> fmt::Result {
    let rows = u32::try_from(boot.steps.len()).map_or(0.0, f64::from);
    let height = HEADER_HEIGHT + rows * ROW_HEIGHT + 8.0;
    write!(
        out,
        "<svg viewBox=\"0 0 {FULL_WIDTH} {height}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">"
    )?;
    // Without time stamps only the order of the steps is known.
    let length = if boot.length >= MIN_AXIS_LENGTH {
        axis(out, boot.length, height)?;
        boot.length
    } else {
        Duration::from_secs(1)
    };
    let mut top = HEADER_HEIGHT;
    for (index, step) in boot.steps.iter().enumerate() {
        let bar = Bar::new(&boot.steps, index, length, top);
        bar.write(out, &step.kind)?;
        top += ROW_HEIGHT;
    }
    writeln!(out, "</svg>")
}

fn axis(out: &mut String, length: Duration, height: f64) -> fmt::Result {
    for mark in 0..=4 {
        let part = f64::from(mark) / 4.0;
        let x = LABEL_COLUMN + part * WIDTH;
        write!(
            out,
            "<line class=\"axis\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{height}\"/>\
             <text x=\"{x}\" y=\"16\" text-anchor=\"middle\">{:.1} s</text>",
            HEADER_HEIGHT - 6.0,
            part * length.as_secs_f64()
        )?;
    }
    Ok(())
}

/// The bar of one step: its left end, its width and the top of its row.
struct Bar {
    x: f64,
    width: f64,
    top: f64,
}

impl Bar {
    fn new(steps: &[Step], index: usize, length: Duration, top: f64) -> Self {
        let position = |offset: Option<Duration>| {
            let part = offset.unwrap_or_default().as_secs_f64() / length.as_secs_f64();
            LABEL_COLUMN + part.clamp(0.0, 1.0) * WIDTH
        };
        let x = position(step_start(steps, index));
        let width = (position(steps[index].offset) - x).max(4.0);
        Self { x, width, top }
    }

    fn write(&self, out: &mut String, kind: &StepKind) -> fmt::Result {
        let (class, label) = class_and_label(kind);
        write!(
            out,
            "<text x=\"8\" y=\"{}\">{}</text><rect class=\"{class}\" x=\"{:.1}\" y=\"{}\" width=\"{:.1}\" \
             height=\"{}\" rx=\"2\"><title>{}</title></rect>",
            self.baseline(),
            Escaped(&label),
            self.x,
            self.top + 3.0,
            self.width,
            ROW_HEIGHT - 6.0,
            Escaped(&describe(kind))
        )?;
        let StepKind::File { stats: Some(stats), .. } = kind else { return Ok(()) };
        let (x, class, anchor) = self.stats_position();
        write!(
            out,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{}\" text-anchor=\"{anchor}\">{stats}</text>",
            self.baseline()
        )
    }

    fn baseline(&self) -> f64 {
        self.top + 14.0
    }

    /// Position, class and anchor of the text beside a bar: inside it, to the right or to the left.
    fn stats_position(&self) -> (f64, &'static str, &'static str) {
        let end = self.x + self.width;
        if self.width > STATS_WIDTH {
            (self.x + 6.0, "inside", "start")
        } else if end + STATS_WIDTH < FULL_WIDTH {
            (end + 5.0, "outside", "start")
        } else {
            (self.x - 5.0, "outside", "end")
        }
    }
}

/// The CSS class of a bar and its label.
fn class_and_label(kind: &StepKind) -> (&'static str, String) {
    let (class, label) = match kind {
        StepKind::Answered { port: Some(port), .. } => ("talk", format!("answered on port {port}")),
        StepKind::Answered { .. } => ("talk", "answered".to_owned()),
        StepKind::Chosen(file) => ("talk", format!("selected {file}")),
        StepKind::File { path, .. } => ("file", basename(path).to_owned()),
        StepKind::NotFound { path, count: 1 } => ("miss", format!("missing: {}", basename(path))),
        StepKind::NotFound { count, .. } => ("miss", format!("{count} missing files")),
        StepKind::Denied(path) => ("bad", format!("denied: {}", basename(path))),
        StepKind::Requested { message, .. } => ("talk", message.clone()),
        StepKind::AddressAssigned(message) => ("talk", message.clone()),
        StepKind::Unreadable { path, .. } => ("bad", format!("unreadable: {}", basename(path))),
        StepKind::Loading { path, .. } => ("file", format!("{} ...", basename(path))),
        StepKind::ClientError { error, .. } => ("miss", format!("error: {error}")),
        StepKind::TimedOut(path) => ("bad", format!("timeout: {}", basename(path))),
        StepKind::Ignored => ("bad", "ignored".to_owned()),
        StepKind::Dropped { .. } => ("bad", "dropped".to_owned()),
        StepKind::Notice(_) => ("bad", "notice".to_owned()),
    };
    (class, truncated(&label))
}

/// The label, shortened to the width of its column.
fn truncated(label: &str) -> String {
    let mut left = MAX_LABEL_WIDTH;
    let mut fits = |c: char| {
        left -= if c.is_lowercase() || c.is_ascii_digit() { 7.5 } else { 12.0 };
        left > 0.0
    };
    let cut: String = label.chars().take_while(|c| fits(*c)).collect();
    if cut.len() < label.len() { format!("{cut}…") } else { cut }
}

/// Text with the characters replaced that HTML and SVG reserve.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                // HTML does not allow control characters.
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn file_name_with_markup_is_escaped() {
        let path = "<script>alert(1)</script>&\"".into();
        let mut boot = Boot::default();
        boot.add(Some(Duration::from_secs(1)), StepKind::File { path, stats: None });
        let page = page(&[boot]);
        assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
    }
}
