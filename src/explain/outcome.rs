//! The result of a simulated boot, or of one boot file: a verdict, its reason and the line that causes it.

use crate::config::Origin;
use crate::finding::Finding;
use crate::reason::{Reason, Verdict};
use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};
use std::fmt;

/// A line of the configuration. As JSON: `file` and `line`, if it is a line of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line(pub Origin);

/// A verdict and its reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Outcome {
    /// Whether the client boots.
    pub verdict: Verdict,
    /// Why.
    pub reason: Reason,
    /// The line that causes it.
    pub line: Option<Line>,
}

impl Outcome {
    /// A result with that reason, without a line.
    pub fn new(verdict: Verdict, reason: impl Into<Reason>) -> Self {
        Self { verdict, reason: reason.into(), line: None }
    }

    /// A client that boots.
    pub fn boots(reason: impl Into<Reason>) -> Self {
        Self::new(Verdict::Boots, reason)
    }

    /// A client that does not boot.
    pub fn fails(reason: impl Into<Reason>) -> Self {
        Self::new(Verdict::DoesNotBoot, reason)
    }

    /// A client of which it cannot be known from here.
    pub fn unknown(reason: impl Into<Reason>) -> Self {
        Self::new(Verdict::Unknown, reason)
    }

    /// The same with the line that causes it, unless it has one.
    #[must_use]
    pub fn at(mut self, line: Option<&Line>) -> Self {
        self.line = self.line.or_else(|| line.cloned());
        self
    }
}

impl Line {
    /// The line of a setting; `None` for a default value.
    pub fn of(origin: &Origin) -> Option<Self> {
        origin.is_explicit().then(|| Self(origin.clone()))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// The sentence. The line of a client that boots is behind it, else in front of it.
impl fmt::Display for Outcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.line {
            Some(line) if self.verdict == Verdict::Boots => write!(f, "{} ({line})", self.reason),
            Some(line) => write!(f, "{line}: {}", self.reason),
            None => self.reason.fmt(f),
        }
    }
}

impl Serialize for Line {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        line_entries(&mut map, &self.0)?;
        map.end()
    }
}

impl Serialize for Outcome {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("verdict", self.verdict.id())?;
        map.serialize_entry("id", self.reason.id())?;
        map.serialize_entry("text", &self.reason.to_string())?;
        if let Some(line) = &self.line {
            line_entries(&mut map, &line.0)?;
        }
        map.end()
    }
}

/// Keys `file` and `line`. A setting of the command line has none of them.
fn line_entries<M: SerializeMap>(map: &mut M, origin: &Origin) -> Result<(), M::Error> {
    if origin.file.is_empty() {
        return Ok(());
    }
    map.serialize_entry("file", &*origin.file)?;
    if origin.line > 0 {
        map.serialize_entry("line", &origin.line)?;
    }
    Ok(())
}

/// A finding of `--test` in the report. As JSON: `level`, `id`, `text`, `file`, `line`.
#[derive(Clone, Debug)]
pub struct ReportedFinding(pub Finding);

impl Serialize for ReportedFinding {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Finding { level, origin, reason } = &self.0;
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("level", &level.to_string())?;
        map.serialize_entry("id", reason.id())?;
        map.serialize_entry("text", &reason.to_string())?;
        if let Some(origin) = origin {
            line_entries(&mut map, origin)?;
        }
        map.end()
    }
}
