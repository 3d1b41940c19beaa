//! A boot, for a terminal.

use super::boot::{Boot, What};
use std::fmt;

impl fmt::Display for Boot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.client())?;
        self.architecture.iter().try_for_each(|one| write!(f, ", architecture {one}"))?;
        if !self.written.is_empty() {
            write!(f, ", {}", self.written)?;
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
pub fn line(what: &What) -> String {
    match what {
        What::Answered { port, outcome, times } => {
            let port = port.map_or_else(String::new, |port| format!(" on port {port}"));
            let outcome =
                outcome.as_ref().map_or_else(String::new, |outcome| format!(": {outcome}"));
            format!("answered{port}{}{outcome}", often(*times))
        }
        What::Ignored => "not answered: a dhcp-ignore line says to ignore it".to_owned(),
        What::Dropped { why, times } => format!("dropped{}: {why}", often(*times)),
        What::Chosen(file) => format!("chose from the menu: {file}"),
        What::File { path, size, seconds } => match (size, seconds) {
            (Some(size), Some(seconds)) => format!("{path:30} {}", measured(*size, *seconds)),
            _ => path.clone(),
        },
        What::Missed { path, times: 1 } => format!("{path} is not there"),
        What::Missed { path, times } => {
            format!("{times} names that are not there, {path} the last")
        }
        What::Denied(path) => format!("{path} may not be read"),
        What::Gave(text) => format!("the client broke off: {text}"),
        What::TimedOut(path) => format!("{path} is not acknowledged any more"),
        What::Remarked(text) => format!("notice: {text}"),
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
