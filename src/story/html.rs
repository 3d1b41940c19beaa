//! Boots as a page: one file with everything in it, for a forum post.

use super::boot::{Boot, Step, StepKind, name};
use super::correlate::start;
use super::text::{line, measured};
use std::fmt::{self, Write};

/// Where a picture has its time line, in pixels.
const LEFT_COLUMN: f64 = 230.0;
const WIDTH: f64 = 660.0;
const MARGIN: f64 = 90.0;
const ROW_HEIGHT: f64 = 20.0;
const HEADER_HEIGHT: f64 = 28.0;
/// Of a label, and of the figures of a file.
const LABEL_HEIGHT: f64 = LEFT_COLUMN - 20.0;
const VALUE_WIDTH: f64 = 180.0;
/// Seconds below which there is no time line.
const MIN_BAR_WIDTH: f64 = 0.05;

const STYLE: &str = "body{font:15px/1.45 system-ui,sans-serif;max-width:1000px;margin:2em auto;padding:0 1em;color:#1d2430}\
h1{font-size:1.5em}h2{font-size:1.1em;margin:2em 0 .3em}svg{width:100%;height:auto;background:#f7f8fa;border:1px solid #dde1e7}\
svg text{font:12px system-ui,sans-serif;fill:#1d2430}svg text.inside{fill:#fff}.axis{stroke:#c9ced6}.file{fill:#3b7dd8}.miss{fill:#e0a030}\
.bad{fill:#c9372c}.talk{fill:#5b6b82}.good{color:#1a7f37}.stuck{color:#c9372c}\
details{margin:.4em 0}pre{white-space:pre-wrap;background:#f7f8fa;padding:.6em;border:1px solid #dde1e7}";

/// The page.
pub fn page(boots: &[Boot]) -> String {
    let mut page = String::new();
    // Nothing fails that writes into memory.
    let _: fmt::Result = write_page(&mut page, boots);
    page
}

fn write_page(out: &mut String, boots: &[Boot]) -> fmt::Result {
    let good = boots.iter().filter(|boot| boot.ending().good).count();
    let number = match boots.len() {
        1 => "One network boot".to_owned(),
        count => format!("{count} network boots"),
    };
    write!(
        out,
        "<!DOCTYPE html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Network boots</title>\
         <meta name=\"viewport\" content=\"width=device-width\"><style>{STYLE}</style></head><body>\n\
         <h1>{number}, {good} complete</h1>\n"
    )?;
    boots.iter().try_for_each(|boot| section(out, boot))?;
    out.write_str("</body></html>\n")
}

fn section(out: &mut String, boot: &Boot) -> fmt::Result {
    let architecture = boot.architecture.map(|one| format!(", architecture {one}"));
    let title = format!("{}{}", boot.client(), architecture.unwrap_or_default());
    writeln!(out, "<h2>{}</h2><div>{}</div>", Escaped(&title), Escaped(&boot.raw_time))?;
    picture(out, boot)?;
    let ending = boot.ending();
    let class = if ending.good { "good" } else { "stuck" };
    writeln!(out, "<p class=\"{class}\"><b>{}</b></p>", Escaped(&ending.verdict))?;
    if let Some(advice) = &ending.advice {
        writeln!(out, "<p>{}</p>", Escaped(advice))?;
    }
    write!(out, "<details><summary>All steps</summary><pre>")?;
    for step in &boot.steps {
        let at = step.at.map_or_else(String::new, |at| format!("+{at:.1} s"));
        writeln!(out, "{at:>9}  {}", Escaped(&line(&step.what)))?;
    }
    writeln!(out, "</pre></details>")
}

/// A row for each step, and a bar where it lies in time.
fn picture(out: &mut String, boot: &Boot) -> fmt::Result {
    let rows = u32::try_from(boot.steps.len()).map_or(0.0, f64::from);
    let height = HEADER_HEIGHT + rows * ROW_HEIGHT + 8.0;
    let full = LEFT_COLUMN + WIDTH + MARGIN;
    write!(
        out,
        "<svg viewBox=\"0 0 {full} {height}\" role=\"img\" xmlns=\"http://www.w3.org/2000/svg\">"
    )?;
    // Where the log tells no times, or all is in one moment, there is only an order.
    let length = Some(boot.length).filter(|length| *length >= MIN_BAR_WIDTH);
    if let Some(length) = length {
        axis(out, length, height)?;
    }
    let mut top = HEADER_HEIGHT;
    for (at, step) in boot.steps.iter().enumerate() {
        bar(out, &boot.steps, at, step, length.unwrap_or(1.0), top)?;
        top += ROW_HEIGHT;
    }
    writeln!(out, "</svg>")
}

fn axis(out: &mut String, length: f64, height: f64) -> fmt::Result {
    for mark in 0..=4 {
        let at = f64::from(mark) / 4.0;
        let x = LEFT_COLUMN + at * WIDTH;
        write!(
            out,
            "<line class=\"axis\" x1=\"{x}\" x2=\"{x}\" y1=\"{}\" y2=\"{height}\"/>\
             <text x=\"{x}\" y=\"16\" text-anchor=\"middle\">{:.1} s</text>",
            HEADER_HEIGHT - 6.0,
            at * length
        )?;
    }
    Ok(())
}

fn bar(
    out: &mut String,
    steps: &[Step],
    at: usize,
    step: &Step,
    length: f64,
    top: f64,
) -> fmt::Result {
    let place = |time: f64| LEFT_COLUMN + (time / length).clamp(0.0, 1.0) * WIDTH;
    let (begin, end) = (start(steps, at).unwrap_or(0.0), step.at.unwrap_or(0.0));
    let (x, width) = (place(begin), (place(end) - place(begin)).max(4.0));
    let (class, label) = display_text(&step.what);
    let (y, text) = (top + 3.0, top + 14.0);
    write!(
        out,
        "<text x=\"8\" y=\"{text}\">{}</text><rect class=\"{class}\" x=\"{x:.1}\" y=\"{y}\" width=\"{width:.1}\" \
         height=\"{}\" rx=\"2\"><title>{}</title></rect>",
        Escaped(&label),
        ROW_HEIGHT - 6.0,
        Escaped(&line(&step.what))
    )?;
    if let StepKind::File { size: Some(size), seconds: Some(seconds), .. } = &step.what {
        let (x, class, anchor) = side_text(x, width);
        let figures = measured(*size, *seconds);
        write!(
            out,
            "<text class=\"{class}\" x=\"{x:.1}\" y=\"{text}\" text-anchor=\"{anchor}\">{figures}</text>"
        )?;
    }
    Ok(())
}

/// Where the figures of a bar have room: in it, behind it, before it.
fn side_text(x: f64, width: f64) -> (f64, &'static str, &'static str) {
    if width > VALUE_WIDTH {
        (x + 6.0, "inside", "start")
    } else if x + width + VALUE_WIDTH < LEFT_COLUMN + WIDTH + MARGIN {
        (x + width + 5.0, "outside", "start")
    } else {
        (x - 5.0, "outside", "end")
    }
}

/// The class of a step's bar, and what stands before it.
fn display_text(what: &StepKind) -> (&'static str, String) {
    let (class, label) = match what {
        StepKind::Answered { port: Some(port), .. } => ("talk", format!("answered on port {port}")),
        StepKind::Answered { .. } => ("talk", "answered".to_owned()),
        StepKind::Chosen(file) => ("talk", format!("chose {file}")),
        StepKind::File { path, .. } => ("file", name(path).to_owned()),
        StepKind::NotFound { path, count: 1 } => ("miss", format!("no {}", name(path))),
        StepKind::NotFound { count: times, .. } => ("miss", format!("{times} names not there")),
        StepKind::Denied(path) => ("bad", format!("closed: {}", name(path))),
        StepKind::ClientError(text) => ("miss", format!("broke off: {text}")),
        StepKind::TimedOut(path) => ("bad", format!("silent: {}", name(path))),
        StepKind::Ignored => ("bad", "ignored".to_owned()),
        StepKind::Dropped { .. } => ("bad", "dropped".to_owned()),
        StepKind::Notice(_) => ("bad", "notice".to_owned()),
    };
    (class, truncated(&label))
}

/// As much of a label as has room before the time line.
fn truncated(label: &str) -> String {
    let mut left = LABEL_HEIGHT;
    let mut fits = |c: char| {
        left -= if c.is_lowercase() || c.is_ascii_digit() { 7.5 } else { 12.0 };
        left > 0.0
    };
    let cut: String = label.chars().take_while(|c| fits(*c)).collect();
    if cut.len() < label.len() { format!("{cut}…") } else { cut }
}

/// Text as it stands in HTML and SVG.
struct Escaped<'t>(&'t str);

impl fmt::Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for c in self.0.chars() {
            match c {
                '<' => f.write_str("&lt;")?,
                '>' => f.write_str("&gt;")?,
                '&' => f.write_str("&amp;")?,
                '"' => f.write_str("&quot;")?,
                // What no page may hold.
                c if c.is_control() => f.write_char('\u{fffd}')?,
                c => f.write_char(c)?,
            }
        }
        Ok(())
    }
}

#[test]
fn names_of_files_are_no_markup() {
    let what =
        StepKind::File { path: "<script>alert(1)</script>&\"".into(), size: None, seconds: None };
    let mut boot = Boot::default();
    boot.add(Some(1.0), what);
    let page = page(&[boot]);
    assert!(!page.contains("<script>") && page.contains("&lt;script&gt;"), "{page}");
}
