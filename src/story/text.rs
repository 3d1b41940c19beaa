//! Boots as text for a terminal.

use super::boot::{Boot, DatagramStats, Step, StepKind, TransferStats};
use super::correlate::FailedStart;
use super::source::Source;
use crate::reason::Verdict;
use crate::terminal::{Color, Style};
use std::fmt::{self, Write};

/// The summary, then each boot.
pub fn story(
    boots: &[Boot],
    failed_starts: &[FailedStart],
    problems: &[String],
    source: Source,
    style: Style,
) -> String {
    let mut out = String::new();
    for FailedStart { raw_time, text } in failed_starts {
        let separator = if raw_time.is_empty() { "" } else { ", " };
        let line = format!("the start of the server was refused{separator}{raw_time}: {text}");
        out.push_str(&style.paint(Color::Red, &line));
        out.push('\n');
    }
    if boots.is_empty() {
        let problems = problems.iter().map(|problem| format!("the server logged: {problem}\n"));
        return out + source.nothing_found() + "\n" + &problems.collect::<String>();
    }
    out.push_str(&summary(boots, source, style));
    for boot in boots {
        out.push('\n');
        // Writing into a String cannot fail.
        let _ = write_boot(&mut out, boot, style);
    }
    out
}

/// The number of boots by verdict, and a line for each if there are several.
fn summary(boots: &[Boot], source: Source, style: Style) -> String {
    let mut out = count(boots);
    if boots.iter().all(|boot| boot.started_at.is_none()) {
        out.push_str(source.no_times());
        out.push('\n');
    }
    if boots.len() == 1 {
        return out;
    }
    for boot in boots {
        let verdict = boot.verdict();
        let label = format!("{:13}", word(verdict.verdict));
        let length = match boot.started_at {
            Some(_) => format!(", {:.1} s", boot.length.as_secs_f64()),
            None => String::new(),
        };
        let label = style.paint(color(verdict.verdict), &label);
        let _ = writeln!(out, "  {label}  {}{length}: {}", head(boot), verdict.text);
    }
    out
}

/// `4 network boots: 1 boots, 1 unknown, 2 do not boot`
pub fn count(boots: &[Boot]) -> String {
    if let [boot] = boots {
        return format!("1 network boot: {}\n", word(boot.verdict().verdict));
    }
    let number = |wanted| boots.iter().filter(|boot| boot.verdict().verdict == wanted).count();
    let counts: Vec<String> = [Verdict::Boots, Verdict::Unknown, Verdict::DoesNotBoot]
        .into_iter()
        .map(|verdict| (number(verdict), word(verdict)))
        .filter(|(number, _)| *number > 0)
        .map(|(number, word)| match (number, word) {
            (2.., "boots") => format!("{number} boot"),
            (2.., "does not boot") => format!("{number} do not boot"),
            _ => format!("{number} {word}"),
        })
        .collect();
    format!("{} network boots: {}\n", boots.len(), counts.join(", "))
}

/// A verdict in words.
pub fn word(verdict: Verdict) -> &'static str {
    match verdict {
        Verdict::Boots => "boots",
        Verdict::Unknown => "unknown",
        Verdict::DoesNotBoot => "does not boot",
    }
}

fn color(verdict: Verdict) -> Color {
    match verdict {
        Verdict::Boots => Color::Green,
        Verdict::Unknown => Color::Gray,
        Verdict::DoesNotBoot => Color::Red,
    }
}

/// Client, name, architecture and time of the start.
fn head(boot: &Boot) -> String {
    let mut head = boot.client();
    if let Some(name) = &boot.name {
        let _ = write!(head, ", {name}");
    }
    if let Some(architecture) = boot.architecture {
        let _ = write!(head, ", architecture {architecture}");
    }
    if !boot.raw_time.is_empty() {
        let _ = write!(head, ", {}", boot.raw_time);
    }
    head
}

fn write_boot(out: &mut impl Write, boot: &Boot, style: Style) -> fmt::Result {
    writeln!(out, "{}", head(boot))?;
    for step in &boot.steps {
        writeln!(out, "  {:>9}  {}", offset(step), paint_step(&step.kind, style))?;
    }
    out.write_str(&verdict_lines(boot, style))
}

/// The verdict and, below it, the advice.
pub fn verdict_lines(boot: &Boot, style: Style) -> String {
    let verdict = boot.verdict();
    let text = format!("=> {}: {}", word(verdict.verdict), verdict.text);
    let mut lines = format!("  {}\n", style.paint(color(verdict.verdict), &text));
    if let Some(advice) = verdict.advice {
        let _ = writeln!(lines, "     {advice}");
    }
    lines
}

/// The description of a step, in the colour of its meaning.
pub fn paint_step(kind: &StepKind, style: Style) -> String {
    let text = describe(kind);
    match kind {
        StepKind::Denied(_)
        | StepKind::Unreadable { .. }
        | StepKind::Dropped { .. }
        | StepKind::Ignored
        | StepKind::TimedOut(_)
        | StepKind::Notice(_) => style.paint(Color::Red, &text),
        StepKind::NotFound { .. } | StepKind::ClientError { .. } => {
            style.paint(Color::Yellow, &text)
        }
        _ => text,
    }
}

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_boot(f, self, Style::Plain)
    }
}

/// `+1.5 s`, or `+1.512 s` if the log is as precise; empty if it has no time stamps.
pub fn offset(step: &Step) -> String {
    let Some(offset) = step.offset else { return String::new() };
    let decimals = if offset.subsec_millis().is_multiple_of(100) { 1 } else { 3 };
    format!("+{:.decimals$} s", offset.as_secs_f64())
}

/// One line for a step.
pub fn describe(kind: &StepKind) -> String {
    match kind {
        StepKind::Requested { message, count } => format!("{message}{}", times(*count)),
        StepKind::AddressAssigned(message) => message.clone(),
        StepKind::Answered { port, outcome, count } => {
            let port = port.map(|port| format!(" on port {port}")).unwrap_or_default();
            let outcome = outcome.as_ref().map(|outcome| format!(": {outcome}"));
            format!("answered{port}{}{}", times(*count), outcome.unwrap_or_default())
        }
        StepKind::Ignored => "not answered: a dhcp-ignore line applies to it".to_owned(),
        StepKind::Dropped { reason, count } => format!("dropped{}: {reason}", times(*count)),
        StepKind::Chosen(file) => format!("selected: {file}"),
        StepKind::Notice(text) => format!("notice: {text}"),
        _ => describe_file(kind),
    }
}

/// One line for a step of TFTP.
fn describe_file(kind: &StepKind) -> String {
    match kind {
        StepKind::Loading { path, size } => format!("{path:30} {size} bytes, being sent"),
        StepKind::File { path, stats: Some(stats) } => {
            format!("{path:30} {stats}{}", datagrams(stats.datagrams.as_ref()))
        }
        StepKind::File { path, stats: None } => path.clone(),
        StepKind::NotFound { path, count: 1 } => format!("{path} does not exist"),
        StepKind::NotFound { path, count } => {
            format!("{count} files do not exist, the last is {path}")
        }
        StepKind::Denied(path) => format!("{path}: permission denied"),
        StepKind::Unreadable { path, error } => format!("{path} cannot be read: {error}"),
        StepKind::ClientError { path: Some(path), error, count } => {
            format!("the client broke off {path}{}: error {error}", times(*count))
        }
        StepKind::ClientError { path: None, error, count } => {
            format!("the client sent an error{}: {error}", times(*count))
        }
        StepKind::TimedOut(path) => format!("the client stopped acknowledging {path}"),
        StepKind::NoReply(request) => format!("{request}: the capture has no reply"),
        _ => String::new(),
    }
}

/// `once`, `twice`, `3 times`.
pub fn number_of_times(count: usize) -> String {
    match count {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        _ => format!("{count} times"),
    }
}

fn times(count: usize) -> String {
    if count == 1 { String::new() } else { format!(", {count} times") }
}

/// `; blksize 1468, 25 DATA, 25 ACK`; empty without a capture.
fn datagrams(stats: Option<&DatagramStats>) -> String {
    let Some(DatagramStats { blksize, windowsize, blocks, acknowledgements, .. }) = stats else {
        return String::new();
    };
    let window = windowsize.map(|size| format!(", windowsize {size}")).unwrap_or_default();
    format!("; blksize {blksize}{window}, {blocks} DATA, {acknowledgements} ACK")
}

/// `1.2 MB in 0.40 s, 3.0 MB/s, 2 blocks sent again`
impl fmt::Display for TransferStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, seconds) = (self.size, self.duration.as_secs_f64());
        let decimals = if seconds < 0.1 { 3 } else { 2 };
        if size < 100_000 {
            write!(f, "{size} bytes in {seconds:.decimals$} s")?;
        } else {
            let megabytes = megabytes(size);
            write!(f, "{megabytes:.1} MB in {seconds:.decimals$} s")?;
            if seconds > 0.0 {
                write!(f, ", {:.1} MB/s", megabytes / seconds)?;
            }
        }
        match self.datagrams.map_or(0, |datagrams| datagrams.repeated) {
            0 => Ok(()),
            1 => f.write_str(", 1 block sent again"),
            count => write!(f, ", {count} blocks sent again"),
        }
    }
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn megabytes(size: u64) -> f64 {
    size as f64 / 1e6
}
