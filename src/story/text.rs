//! A boot as text for a terminal.

use super::boot::{Boot, DatagramStats, Step, StepKind, TransferStats};
use std::fmt;

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.client())?;
        if let Some(architecture) = self.architecture {
            write!(f, ", architecture {architecture}")?;
        }
        if !self.raw_time.is_empty() {
            write!(f, ", {}", self.raw_time)?;
        }
        f.write_str("\n")?;
        for step in &self.steps {
            writeln!(f, "  {:>9}  {}", offset(step), describe(&step.kind))?;
        }
        let verdict = self.verdict();
        writeln!(f, "  => {}", verdict.text)?;
        match verdict.advice {
            Some(advice) => writeln!(f, "     {advice}"),
            None => Ok(()),
        }
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
        StepKind::Answered { port, outcome, count } => {
            let port = port.map(|port| format!(" on port {port}")).unwrap_or_default();
            let outcome = outcome.as_ref().map(|outcome| format!(": {outcome}"));
            format!("answered{port}{}{}", times(*count), outcome.unwrap_or_default())
        }
        StepKind::Ignored => "not answered: a dhcp-ignore line applies to it".to_owned(),
        StepKind::Dropped { reason, count } => format!("dropped{}: {reason}", times(*count)),
        StepKind::Chosen(file) => format!("selected in the menu: {file}"),
        StepKind::File { path, stats: Some(stats) } => {
            format!("{path:30} {stats}{}", datagrams(stats.datagrams.as_ref()))
        }
        StepKind::File { path, stats: None } => path.clone(),
        StepKind::NotFound { path, count: 1 } => format!("{path} does not exist"),
        StepKind::NotFound { path, count } => {
            format!("{count} files do not exist, the last is {path}")
        }
        StepKind::Denied(path) => format!("{path}: permission denied"),
        StepKind::Requested { message, count } => format!("{message}{}", times(*count)),
        StepKind::AddressAssigned(message) => message.clone(),
        StepKind::NoReply(request) => format!("{request}: the capture has no reply"),
        StepKind::Unreadable { path, error } => format!("{path} cannot be read: {error}"),
        StepKind::Loading { path, size } => format!("{path:30} {size} bytes, being sent"),
        StepKind::ClientError { path: Some(path), error, count } => {
            format!("the client broke off {path}{}: error {error}", times(*count))
        }
        StepKind::ClientError { path: None, error, count } => {
            format!("the client sent an error{}: {error}", times(*count))
        }
        StepKind::TimedOut(path) => format!("the client stopped acknowledging {path}"),
        StepKind::Notice(text) => format!("notice: {text}"),
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
