//! Errors that end the program before it serves: the message, the exit code and, for a terminal, more lines.

use crate::origin::Origin;
use std::fmt;

/// Why the program does not start. Each variant has its exit code; `Display` is dnsmasq's message, without
/// the name of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StartupError {
    /// The command line or the configuration is wrong. Exit code 1.
    Config(Explanation),
    /// An interface or a port cannot be used. Exit code 2.
    Network(Explanation),
    /// A file cannot be used. Exit code 3.
    File(Explanation),
    /// Anything else. Exit code 5.
    Other(Explanation),
    /// A script of the configuration failed. The exit code is the script's, or 10 more for `lease-init`.
    Script(u8, Explanation),
}

/// The text of an error.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explanation {
    message: String,
    detail: Option<String>,
    origin: Option<Origin>,
    further: Vec<String>,
}

impl StartupError {
    const CONFIG: u8 = 1;
    const NETWORK: u8 = 2;
    const FILE: u8 = 3;
    const OTHER: u8 = 5;

    /// An error in the command line or the configuration.
    pub fn config(message: impl Into<String>) -> Self {
        Self::new(Self::CONFIG, message)
    }

    /// An error of an interface or a port.
    pub fn network(message: impl Into<String>) -> Self {
        Self::new(Self::NETWORK, message)
    }

    /// An error of a file.
    pub fn file(message: impl Into<String>) -> Self {
        Self::new(Self::FILE, message)
    }

    /// Any other error.
    pub fn other(message: impl Into<String>) -> Self {
        Self::new(Self::OTHER, message)
    }

    /// The error with this exit code.
    pub fn new(code: u8, message: impl Into<String>) -> Self {
        let message = message.into();
        let explanation = Explanation { message, detail: None, origin: None, further: Vec::new() };
        match code {
            Self::CONFIG => Self::Config(explanation),
            Self::NETWORK => Self::Network(explanation),
            Self::FILE => Self::File(explanation),
            Self::OTHER => Self::Other(explanation),
            code => Self::Script(code, explanation),
        }
    }

    /// The exit code of the program.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Config(_) => Self::CONFIG,
            Self::Network(_) => Self::NETWORK,
            Self::File(_) => Self::FILE,
            Self::Other(_) => Self::OTHER,
            Self::Script(code, _) => *code,
        }
    }

    /// Lines that are printed below the message at a terminal: the wrong line with a caret, or its location.
    pub fn detail(&self) -> Option<&str> {
        self.explanation().detail.as_deref()
    }

    /// The line that caused the error, where it is known.
    pub fn origin(&self) -> Option<&Origin> {
        self.explanation().origin.as_ref()
    }

    /// Messages of further errors, each of which is sufficient to refuse the start.
    pub fn further(&self) -> &[String] {
        &self.explanation().further
    }

    /// Adds the line that caused the error, unless it is known already. It becomes the detail, unless there is one.
    #[must_use]
    pub fn with_location(self, origin: &Origin) -> Self {
        let located = self.with_origin(origin);
        if located.detail().is_some() {
            return located;
        }
        located.with_detail(format!("  see {origin}"))
    }

    /// Adds the line that caused the error, unless it is known already.
    #[must_use]
    pub fn with_origin(mut self, origin: &Origin) -> Self {
        self.explanation_mut().origin.get_or_insert_with(|| origin.clone());
        self
    }

    /// Adds the messages of further errors.
    #[must_use]
    pub fn with_further(mut self, messages: Vec<String>) -> Self {
        self.explanation_mut().further = messages;
        self
    }

    /// Replaces the detail.
    #[must_use]
    pub fn with_detail(mut self, detail: String) -> Self {
        self.explanation_mut().detail = Some(detail);
        self
    }

    fn explanation(&self) -> &Explanation {
        match self {
            Self::Config(explanation)
            | Self::Network(explanation)
            | Self::File(explanation)
            | Self::Other(explanation)
            | Self::Script(_, explanation) => explanation,
        }
    }

    fn explanation_mut(&mut self) -> &mut Explanation {
        match self {
            Self::Config(explanation)
            | Self::Network(explanation)
            | Self::File(explanation)
            | Self::Other(explanation)
            | Self::Script(_, explanation) => explanation,
        }
    }
}

impl fmt::Display for StartupError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.explanation().message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exit_code_selects_the_variant_and_is_kept() {
        for code in [1, 2, 3, 5, 11, 255] {
            assert_eq!(StartupError::new(code, "x").exit_code(), code);
        }
        assert!(matches!(StartupError::new(2, "x"), StartupError::Network(_)));
        assert!(matches!(StartupError::new(4, "x"), StartupError::Script(4, _)));
    }

    #[test]
    fn location_is_added_only_where_there_is_no_detail() {
        let line = |line| Origin { file: "c".into(), line };
        let error = StartupError::config("x").with_location(&line(1)).with_location(&line(2));
        assert_eq!((error.detail(), error.origin()), (Some("  see c:1"), Some(&line(1))));
        assert_eq!(error.to_string(), "x");
    }
}
