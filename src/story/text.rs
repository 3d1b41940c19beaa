//! A boot, for a terminal.

use super::boot::{Boot, StepKind};
use std::fmt;

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.client())?;
        self.architecture.iter().try_for_each(|one| write!(f, ", architecture {one}"))?;
        if !self.raw_time.is_empty() {
            write!(f, ", {}", self.raw_time)?;
        }
        f.write_str("\n")?;
        for step in &self.steps {
            let at = step.at.map_or_else(String::new, |at| format!("+{at:.1} s"));
            writeln!(f, "  {at:>9}  {}", line(&step.what))?;
        }
        let ending = self.ending();
        writeln!(f, "  => {}", ending.verdict)?;
        ending.advice.iter().try_for_each(|advice| writeln!(f, "     {advice}"))
    }
}

/// A step in a line.
pub fn line(what: &StepKind) -> String {
    match what {
        StepKind::Answered { port, outcome, count: times } => {
            let port = port.map_or_else(String::new, |port| format!(" on port {port}"));
            let outcome =
                outcome.as_ref().map_or_else(String::new, |outcome| format!(": {outcome}"));
            format!("answered{port}{}{outcome}", often(*times))
        }
        StepKind::Ignored => "not answered: a dhcp-ignore line says to ignore it".to_owned(),
        StepKind::Dropped { reason: why, count: times } => {
            format!("dropped{}: {why}", often(*times))
        }
        StepKind::Chosen(file) => format!("chose from the menu: {file}"),
        StepKind::File { path, size, seconds } => match (size, seconds) {
            (Some(size), Some(seconds)) => format!("{path:30} {}", measured(*size, *seconds)),
            _ => path.clone(),
        },
        StepKind::NotFound { path, count: 1 } => format!("{path} is not there"),
        StepKind::NotFound { path, count: times } => {
            format!("{times} names that are not there, {path} the last")
        }
        StepKind::Denied(path) => format!("{path} may not be read"),
        StepKind::ClientError(text) => format!("the client broke off: {text}"),
        StepKind::TimedOut(path) => format!("{path} is not acknowledged any more"),
        StepKind::Notice(text) => format!("notice: {text}"),
    }
}

fn often(times: usize) -> String {
    if times == 1 { String::new() } else { format!(", {times} times") }
}

/// `1.2 MB in 0.4 s, 3.0 MB/s`
pub fn measured(size: u64, seconds: f64) -> String {
    let bytes = megabytes(size);
    let rate = if seconds > 0.0 { format!(", {:.1} MB/s", bytes / seconds) } else { String::new() };
    if size < 100_000 {
        format!("{size} bytes in {seconds:.2} s")
    } else {
        format!("{bytes:.1} MB in {seconds:.2} s{rate}")
    }
}

#[expect(clippy::cast_precision_loss, reason = "for people")]
fn megabytes(size: u64) -> f64 {
    size as f64 / 1e6
}
