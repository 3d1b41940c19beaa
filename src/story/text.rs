//! A boot as text for a terminal.

use super::boot::{Boot, Step, StepKind, TransferStats};
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

/// `+1.5 s`; empty if the log has no time stamps.
pub fn offset(step: &Step) -> String {
    let seconds = step.offset.map(|offset| format!("+{:.1} s", offset.as_secs_f64()));
    seconds.unwrap_or_default()
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
        StepKind::File { path, stats: Some(stats) } => format!("{path:30} {stats}"),
        StepKind::File { path, stats: None } => path.clone(),
        StepKind::NotFound { path, count: 1 } => format!("{path} does not exist"),
        StepKind::NotFound { path, count } => {
            format!("{count} files do not exist, the last is {path}")
        }
        StepKind::Denied(path) => format!("{path}: permission denied"),
        StepKind::Requested { message, count } => format!("{message}{}", times(*count)),
        StepKind::AddressAssigned(message) => message.clone(),
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

/// `1.2 MB in 0.40 s, 3.0 MB/s`
impl fmt::Display for TransferStats {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (size, seconds) = (self.size, self.duration.as_secs_f64());
        if size < 100_000 {
            return write!(f, "{size} bytes in {seconds:.2} s");
        }
        let megabytes = megabytes(size);
        write!(f, "{megabytes:.1} MB in {seconds:.2} s")?;
        if seconds > 0.0 { write!(f, ", {:.1} MB/s", megabytes / seconds) } else { Ok(()) }
    }
}

#[expect(clippy::cast_precision_loss, reason = "one decimal is shown")]
fn megabytes(size: u64) -> f64 {
    size as f64 / 1e6
}
