//! What `--test` finds in a configuration.

use crate::origin::Origin;
use crate::reason::Reason;
use std::fmt;

/// How serious a finding is. The most serious is first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// The start is refused.
    Error,
    /// The line is configured and cannot work.
    Warning,
    /// The line may be intended.
    Hint,
}

/// A finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// How serious it is.
    pub level: Level,
    /// The line; `None`: the finding is about the whole configuration, or about this machine.
    pub origin: Option<Origin>,
    /// The problem and the remedy.
    pub reason: Reason,
}

impl Finding {
    /// A finding about a line.
    pub fn at(level: Level, origin: &Origin, reason: impl Into<Reason>) -> Self {
        Self { level, origin: Some(origin.clone()), reason: reason.into() }
    }

    /// A finding about the whole configuration.
    pub fn general(level: Level, reason: impl Into<Reason>) -> Self {
        Self { level, origin: None, reason: reason.into() }
    }
}

/// The findings in the order of their output, each once: the most serious first, and of the reasons that refuse the start
/// the one that explains the most.
pub fn arranged(mut findings: Vec<Finding>) -> Vec<Finding> {
    let rank = |finding: &Finding| match &finding.reason {
        Reason::Start(reason) => reason.rank(),
        _ => 0,
    };
    findings.sort_by_key(|finding| (finding.level, rank(finding)));
    let mut once: Vec<Finding> = Vec::new();
    for finding in findings {
        if !once.contains(&finding) {
            once.push(finding);
        }
    }
    once
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Error => "error",
            Self::Warning => "warning",
            Self::Hint => "hint",
        })
    }
}

/// `FILE:LINE: reason`, without the level.
impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}
