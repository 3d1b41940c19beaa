//! The table with one row per boot.

use super::escape::{Escaped, EscapedPath};
use super::outcome::{self, Outcome};
use crate::story::boot::{Boot, StepKind, TransferStats};
use std::fmt::{self, Write};
use std::time::Duration;

/// The columns. On a narrow screen each cell is a line of its own, with this word in front.
const COLUMNS: [&str; 5] = ["Machine", "Start", "Length", "Verdict", "Slowest file"];
const UNKNOWN: &str = "<span class=\"muted\">not known</span>";
/// The length of an Ethernet address. A longer one (InfiniBand) can wrap.
const MAX_WHOLE_LEN: usize = 17;
const MINUTE: u64 = 60;
/// Lengths from here are in minutes and seconds.
const MIN_MINUTES: Duration = Duration::from_secs(2 * MINUTE);

/// Writes the table.
pub fn write(out: &mut String, boots: &[Boot], outcomes: &[Outcome]) -> fmt::Result {
    out.write_str("<table>\n<thead><tr>")?;
    for column in COLUMNS {
        write!(out, "<th scope=\"col\">{column}</th>")?;
    }
    out.write_str("</tr></thead>\n<tbody>\n")?;
    for (number, (boot, outcome)) in (1..).zip(boots.iter().zip(outcomes)) {
        let cells =
            [machine(number, boot), start(boot), length(boot), verdict(outcome), slowest(boot)];
        out.write_str("<tr>")?;
        for (column, cell) in COLUMNS.iter().zip(cells) {
            write!(out, "<td data-label=\"{column}\"><div>{cell}</div></td>")?;
        }
        out.write_str("</tr>\n")?;
    }
    out.write_str("</tbody>\n</table>\n")
}

/// The hardware address with a link, the name and the IP address, as far as they are known.
fn machine(number: usize, boot: &Boot) -> String {
    let ip = boot.ip.map(|ip| ip.to_string());
    let first = boot.mac.clone().or_else(|| ip.clone()).unwrap_or_else(|| boot.client());
    let whole = if first.len() <= MAX_WHOLE_LEN { " class=\"whole\"" } else { "" };
    let link = format!("<a{whole} href=\"#boot-{number}\">{}</a>", Escaped(&first));
    let more = [boot.name.clone(), ip.filter(|ip| *ip != first)];
    let line = |text: String| format!("<br><span class=\"muted\">{}</span>", Escaped(&text));
    std::iter::once(link).chain(more.into_iter().flatten().map(line)).collect()
}

fn start(boot: &Boot) -> String {
    if boot.raw_time.is_empty() { UNKNOWN.to_owned() } else { Escaped(&boot.raw_time).to_string() }
}

fn length(boot: &Boot) -> String {
    if boot.started_at.is_none() { UNKNOWN.to_owned() } else { span(boot.length) }
}

fn verdict(outcome: &Outcome) -> String {
    let (class, word) = (outcome::class(outcome.verdict), outcome::word(outcome.verdict));
    format!("<span class=\"badge {class}\">{word}</span> {}", Escaped(&outcome.text))
}

/// The file whose transfer took the longest time.
fn slowest(boot: &Boot) -> String {
    let files = boot.steps.iter().filter_map(|step| match &step.kind {
        StepKind::File { path, stats: Some(stats) } => Some((path, stats)),
        _ => None,
    });
    let found: Option<(&String, &TransferStats)> = files.max_by_key(|(_, stats)| stats.duration);
    found.map_or_else(
        || UNKNOWN.to_owned(),
        |(path, stats)| {
            format!("{}<br><span class=\"muted\">{}</span>", EscapedPath(path), stats_text(stats))
        },
    )
}

/// Size, duration and rate; a line can end only before the rate.
pub fn stats_text(stats: &TransferStats) -> String {
    stats.to_string().replace(' ', "\u{a0}").replace(",\u{a0}", ", ")
}

/// `0.35 s`, `12.5 s` or `3 min 20 s`.
fn span(length: Duration) -> String {
    let seconds = length.as_secs_f64();
    if length.is_zero() {
        "0 s".to_owned()
    } else if length < Duration::from_secs(1) {
        format!("{seconds:.2} s")
    } else if length < MIN_MINUTES {
        format!("{seconds:.1} s")
    } else {
        format!("{} min {} s", length.as_secs() / MINUTE, length.as_secs() % MINUTE)
    }
}

#[test]
fn slowest_file_is_that_with_the_longest_transfer() {
    let mut boot = Boot::default();
    for (path, seconds) in [("a", 1), ("dir/b", 3), ("c", 2)] {
        let stats =
            TransferStats { size: 5, duration: Duration::from_secs(seconds), datagrams: None };
        let kind = StepKind::File { path: path.into(), stats: Some(stats) };
        boot.add(Some(Duration::from_secs(9)), kind);
    }
    assert!(slowest(&boot).ends_with(
        "</span>b<br><span class=\"muted\">5\u{a0}bytes\u{a0}in\u{a0}3.00\u{a0}s</span>"
    ));
    assert_eq!(slowest(&Boot::default()), UNKNOWN);
}

#[test]
fn length_is_in_seconds_or_minutes() {
    let texts = [350, 12_500, 119_900, 200_000].map(|millis| span(Duration::from_millis(millis)));
    assert_eq!(texts, ["0.35 s", "12.5 s", "119.9 s", "3 min 20 s"]);
}
