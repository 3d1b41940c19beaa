//! Why the program ends before it serves, for the person who started it.

use std::fmt;

/// dnsmasq's sentence and exit code, and perhaps more below it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StartupError {
    /// dnsmasq's sentence, or one of ours in its manner.
    pub message: String,
    /// More, for a person at a terminal: the line at fault and a caret.
    pub detail: Option<String>,
    /// The exit code: 1 configuration, 2 network, 3 files, 5 all else, 10 and up a script.
    pub code: u8,
}

impl StartupError {
    /// The configuration is at fault.
    pub fn config(sentence: impl Into<String>) -> Self {
        Self::new(1, sentence)
    }

    /// The network is.
    pub fn network(sentence: impl Into<String>) -> Self {
        Self::new(2, sentence)
    }

    /// A file is.
    pub fn file(sentence: impl Into<String>) -> Self {
        Self::new(3, sentence)
    }

    /// Something else is.
    pub fn other(sentence: impl Into<String>) -> Self {
        Self::new(5, sentence)
    }

    /// With any code.
    pub fn new(code: u8, sentence: impl Into<String>) -> Self {
        Self { message: sentence.into(), detail: None, code }
    }

    /// With the place that led there below it, if that is all there is to show.
    #[must_use]
    pub fn with_location(self, place: &impl fmt::Display) -> Self {
        let detail = self.detail.or_else(|| Some(format!("  see {place}")));
        Self { detail, ..self }
    }

    /// With more below it.
    #[must_use]
    pub fn with_detail(self, detail: String) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

impl fmt::Display for StartupError {
    /// As it stands on standard error: an empty line first.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\ndnsmasq: {}", self.message)
    }
}
