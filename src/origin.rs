//! Where something was written, and what there is to say about it.

use std::fmt;
use std::sync::Arc;

/// Where something was written. Cheap to copy about: the name is shared.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Origin {
    /// The file's name as it was given; empty is the command line.
    pub file: Arc<str>,
    /// The line, from 1; 0 of a file is all of it.
    pub line: usize,
}

impl Origin {
    /// Nobody has written it: it is so unless something else is written.
    pub fn default_value() -> Self {
        Self { file: "".into(), line: usize::MAX }
    }

    /// Whether anybody has written it.
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

/// Something, and where it was written.
#[derive(Clone, Debug)]
pub struct Located<T> {
    /// Where.
    pub origin: Origin,
    /// What.
    pub value: T,
}

/// Something the person who wrote the configuration should know.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConfigWarning {
    /// Where it was written, if it is about something written.
    pub origin: Option<Origin>,
    /// What is the matter.
    pub text: String,
    /// Whether we do not start with it.
    pub fatal: bool,
}

impl ConfigWarning {
    /// About a line.
    pub fn at(origin: &Origin, text: impl Into<String>) -> Self {
        Self { origin: Some(origin.clone()), text: text.into(), fatal: false }
    }

    /// About all of it.
    pub fn general(text: impl Into<String>) -> Self {
        Self { origin: None, text: text.into(), fatal: false }
    }

    /// The same, as a reason not to start.
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
