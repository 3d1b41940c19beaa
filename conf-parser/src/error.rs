//! The error of a line: dnsmasq's message, the column, what was expected there, and the remedy.

use crate::input::Input;
use nom::error::{self, ContextError, ErrorKind};
use std::borrow::Cow;
use std::fmt;

/// A line that dnsmasq refuses.
///
/// `Display` gives the message, the column and the remedy, or what was expected, on one line; [`ParseError::report`] gives
/// the source line with a caret below it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct ParseError {
    /// Offset in bytes, from the start of the line, of what could not be read.
    pub column: usize,
    /// What was expected at that column; may be empty.
    pub expected: &'static str,
    /// What to write instead; `None` if the mistake is not a common one.
    pub remedy: Option<Box<str>>,
    /// dnsmasq's message.
    pub message: Message,
}

/// dnsmasq's message for a refused line, without the location that dnsmasq appends.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Message {
    /// The syntax of the line is wrong: `bad option`, `missing parameter`, ...
    Syntax(&'static str),
    /// The option has no message of its own for this error: `error`.
    Generic,
    /// The message of the option.
    Custom(Cow<'static, str>),
    /// A keyword that may be used once is used again.
    Repeated,
}

impl Message {
    /// The message for a line of a file.
    pub fn in_file(&self) -> &str {
        match self {
            Self::Syntax(message) => message,
            Self::Generic => "error",
            Self::Custom(message) => message,
            Self::Repeated => "illegal repeated keyword",
        }
    }

    /// The message for an option of the command line, where dnsmasq gives less detail.
    pub fn on_command_line(&self) -> &str {
        match self {
            Self::Syntax(_) | Self::Generic => "try --help",
            Self::Custom(message) => message,
            Self::Repeated => "illegal repeated flag",
        }
    }
}

impl ParseError {
    /// An error of the whole line, at column 0, with a message of its own.
    pub fn custom(message: impl Into<Cow<'static, str>>, expected: &'static str) -> Self {
        Self { column: 0, expected, remedy: None, message: Message::Custom(message.into()) }
    }

    /// The same error with another message.
    #[must_use]
    pub fn with_message(self, message: impl Into<Cow<'static, str>>) -> Self {
        Self { message: Message::Custom(message.into()), ..self }
    }

    /// The line with a caret below the error. `source` is the line that was parsed.
    pub fn report<'a>(&'a self, source: &'a [u8]) -> Report<'a> {
        Report { source, error: self }
    }

    /// An error for which the option has its own message.
    pub(crate) fn own(
        message: impl Into<Cow<'static, str>>,
        at: Input<'_>,
        expected: &'static str,
    ) -> Self {
        let message = Message::Custom(message.into());
        Self { column: at.column(), expected, remedy: None, message }
    }

    /// An error for which the option has no message.
    pub(crate) fn plain(at: Input<'_>, expected: &'static str) -> Self {
        Self { column: at.column(), expected, remedy: None, message: Message::Generic }
    }

    /// An error of the syntax of the line.
    pub(crate) fn structure(message: &'static str, column: usize, expected: &'static str) -> Self {
        Self { column, expected, remedy: None, message: Message::Syntax(message) }
    }

    /// The same error with a remedy, at the column of the remedy.
    #[must_use]
    pub(crate) fn with_remedy(self, remedy: Remedy) -> Self {
        Self { column: remedy.column, remedy: Some(remedy.text.into()), ..self }
    }

    /// The remedy, else what was expected; `None` if neither is known.
    fn advice(&self) -> Option<String> {
        match &self.remedy {
            Some(remedy) => Some(remedy.to_string()),
            None if self.expected.is_empty() => None,
            None => Some(format!("expected {}", self.expected)),
        }
    }

    /// Gives a generic error the message of the option.
    #[must_use]
    pub(crate) fn or_message(self, message: &'static str) -> Self {
        if self.message == Message::Generic { self.with_message(message) } else { self }
    }
}

/// What to write instead of a refused text.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Remedy {
    /// Offset in bytes, from the start of the line, of the text that is wrong.
    pub(crate) column: usize,
    /// The remedy.
    pub(crate) text: String,
}

impl Remedy {
    pub(crate) fn new(at: Input<'_>, text: impl Into<String>) -> Self {
        Self { column: at.column(), text: text.into() }
    }
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at column {}", self.message.in_file(), self.column)?;
        self.advice().map_or(Ok(()), |advice| write!(f, ": {advice}"))
    }
}

impl std::error::Error for ParseError {}

/// A condition of this machine that a line depends on. The line is refused if the condition does not hold.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemCheck {
    /// What must be there.
    pub subject: CheckSubject,
    /// The error if it is not. For a host name, the message of the resolver replaces the message of this error.
    pub error: ParseError,
}

/// What a [`SystemCheck`] looks up.
///
/// Exhaustive: a check that is left out would accept a line that dnsmasq refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckSubject {
    /// This host name must resolve.
    HostName(Vec<u8>),
    /// An interface of this name must exist.
    Interface(Vec<u8>),
}

/// What remains to be checked of a line, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeferredCheck {
    /// A condition of this machine.
    pub condition: Option<SystemCheck>,
    /// An error that the line has in any case. dnsmasq reports it only if the condition holds.
    pub error: Option<ParseError>,
}

impl error::ParseError<Input<'_>> for ParseError {
    fn from_error_kind(input: Input<'_>, _: ErrorKind) -> Self {
        Self::plain(input, "")
    }

    fn append(_: Input<'_>, _: ErrorKind, inner: Self) -> Self {
        inner
    }

    /// Of two failed alternatives, the one that read more of the line is reported.
    fn or(self, other: Self) -> Self {
        if other.column > self.column { other } else { self }
    }
}

/// The innermost context is kept: it names most precisely what was expected.
impl ContextError<Input<'_>> for ParseError {
    fn add_context(_: Input<'_>, expected: &'static str, error: Self) -> Self {
        if error.expected.is_empty() { Self { expected, ..error } } else { error }
    }
}

/// The source line, and on the next line a caret below the error; both are indented by two spaces.
///
/// Tabs are kept in the margin so that the caret is in the right column; other control characters become spaces.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    source: &'a [u8],
    error: &'a ParseError,
}

impl fmt::Display for Report<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |c: char| if c.is_control() && c != '\t' { ' ' } else { c };
        let shown: String = String::from_utf8_lossy(self.source).chars().map(printable).collect();
        let before = &self.source[..self.error.column.min(self.source.len())];
        let margin: String = String::from_utf8_lossy(before)
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        write!(f, "  {shown}\n  {margin}^")?;
        self.error.advice().map_or(Ok(()), |advice| write!(f, " {advice}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn display_gives_message_column_and_expectation() {
        let error = ParseError::structure("bad option", 3, "a keyword");
        assert_eq!(error.to_string(), "bad option at column 3: expected a keyword");
        assert_eq!(ParseError::custom("x", "").to_string(), "x at column 0");
    }

    #[test]
    fn report_keeps_tabs_before_the_caret() {
        let error = ParseError { column: 2, ..ParseError::custom("x", "") };
        assert_eq!(error.report(b"\ta\x01b").to_string(), "  \ta b\n  \t ^");
    }
}
