//! What is wrong with a line, for the person who wrote it.

use crate::input::Input;
use nom::error::{self, ContextError, ErrorKind};
use std::borrow::Cow;
use std::fmt;

/// A line that dnsmasq would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ParseError {
    /// Bytes from the start of the line to the place that could not be read.
    pub column: usize,
    /// What was expected there; may be empty.
    pub expected: &'static str,
    /// What dnsmasq says about it.
    pub message: Message,
}

/// dnsmasq's words. In a file all of them are followed by the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// The shape of the line is wrong: `bad option`, `missing parameter`, ...
    Syntax(&'static str),
    /// The option has no words of its own for this: `error`.
    Generic,
    /// The option's own words.
    Custom(Cow<'static, str>),
    /// A keyword that may be used once, used again.
    Repeated,
}

impl Message {
    /// The words for a line of a file.
    pub fn in_file(&self) -> &str {
        match self {
            Self::Syntax(words) => words,
            Self::Generic => "error",
            Self::Custom(words) => words,
            Self::Repeated => "illegal repeated keyword",
        }
    }

    /// The words for the command line, where dnsmasq says less.
    pub fn on_command_line(&self) -> &str {
        match self {
            Self::Syntax(_) | Self::Generic => "try --help",
            Self::Custom(words) => words,
            Self::Repeated => "illegal repeated flag",
        }
    }
}

impl ParseError {
    /// A fault that the option answers with its own words.
    pub fn own(words: impl Into<Cow<'static, str>>, at: Input<'_>, expected: &'static str) -> Self {
        Self { column: at.column(), expected, message: Message::Custom(words.into()) }
    }

    /// A fault without words.
    pub fn plain(at: Input<'_>, expected: &'static str) -> Self {
        Self { column: at.column(), expected, message: Message::Generic }
    }

    /// A fault of the line's shape.
    pub fn structure(words: &'static str, column: usize, expected: &'static str) -> Self {
        Self { column, expected, message: Message::Syntax(words) }
    }

    /// The same fault in the option's own words.
    #[must_use]
    pub fn with_message(self, words: &'static str) -> Self {
        match self.message {
            Message::Generic => Self { message: Message::Custom(words.into()), ..self },
            _ => self,
        }
    }
}

/// Something only the machine knows. A line is at fault if the answer is no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SystemCheck {
    /// What to ask.
    pub subject: CheckSubject,
    /// The fault if not. For a host name the resolver's words take the place of its own.
    pub error: ParseError,
}

/// What the machine is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CheckSubject {
    /// Whether this name can be resolved.
    HostName(Vec<u8>),
    /// Whether there is such an interface.
    Interface(Vec<u8>),
}

/// What is left to be checked of a line, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DeferredCheck {
    /// A question to the machine.
    pub question: Option<SystemCheck>,
    /// What is wrong in any case, but comes second.
    pub fault: Option<ParseError>,
}

impl error::ParseError<Input<'_>> for ParseError {
    fn from_error_kind(input: Input<'_>, _: ErrorKind) -> Self {
        Self::plain(input, "")
    }

    fn append(_: Input<'_>, _: ErrorKind, inner: Self) -> Self {
        inner
    }

    /// Of two ways to go wrong, report the one that got further.
    fn or(self, other: Self) -> Self {
        if other.column > self.column { other } else { self }
    }
}

/// The innermost context speaks: it knows best what it was looking for.
impl ContextError<Input<'_>> for ParseError {
    fn add_context(_: Input<'_>, expected: &'static str, fault: Self) -> Self {
        if fault.expected.is_empty() { Self { expected, ..fault } } else { fault }
    }
}

/// The line of the file and a caret under the fault, as two indented lines.
///
/// Tabs are kept in the margin so that the caret stands right; other control characters are blanked.
pub struct Caret<'a> {
    /// The line as it was written.
    pub source: &'a [u8],
    /// What is wrong with it.
    pub fault: &'a ParseError,
}

impl fmt::Display for Caret<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let printable = |c: char| if c.is_control() && c != '\t' { ' ' } else { c };
        let shown: String = String::from_utf8_lossy(self.source).chars().map(printable).collect();
        let before = &self.source[..self.fault.column.min(self.source.len())];
        let margin: String = String::from_utf8_lossy(before)
            .chars()
            .map(|c| if c == '\t' { '\t' } else { ' ' })
            .collect();
        write!(f, "  {shown}\n  {margin}^")?;
        if self.fault.expected.is_empty() {
            Ok(())
        } else {
            write!(f, " expected {}", self.fault.expected)
        }
    }
}
