//! The line that a setting comes from, and warnings about lines.

use std::fmt;
use std::sync::Arc;

/// File and line of a setting. Cheap to clone, because the name is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// Name of the file as given; empty: the command line.
    pub file: Arc<str>,
    /// Line number, from 1; 0: the whole file.
    pub line: usize,
}

impl Origin {
    /// The origin of a default value.
    pub fn default_value() -> Self {
        Self { file: "".into(), line: usize::MAX }
    }

    /// Whether a line or the command line gives the value.
    pub fn is_explicit(&self) -> bool {
        *self != Self::default_value()
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.is_explicit() {
            f.write_str("the default")
        } else if self.file.is_empty() {
            f.write_str("the command line")
        } else {
            write!(f, "{}:{}", self.file, self.line)
        }
    }
}

/// A value and its line.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// The line.
    pub origin: Origin,
    /// The value.
    pub value: T,
}

/// A warning about the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// The line; `None`: the warning is about the whole configuration.
    pub origin: Option<Origin>,
    /// The problem and the remedy.
    pub text: String,
    /// Whether the daemon refuses to start.
    pub fatal: bool,
}

impl ConfigWarning {
    /// A warning about a line.
    pub fn at(origin: &Origin, text: impl Into<String>) -> Self {
        Self { origin: Some(origin.clone()), text: text.into(), fatal: false }
    }

    /// A warning about the whole configuration.
    pub fn general(text: impl Into<String>) -> Self {
        Self { origin: None, text: text.into(), fatal: false }
    }

    /// Makes the warning a reason to refuse the start.
    #[must_use]
    pub fn into_fatal(self) -> Self {
        Self { fatal: true, ..self }
    }
}

impl fmt::Display for ConfigWarning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.origin {
            Some(origin) => write!(f, "{origin}: {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}
