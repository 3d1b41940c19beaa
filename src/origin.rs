//! The line that a setting comes from.

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
