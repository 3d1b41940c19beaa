//! What is wrong with a line, for the person who wrote it.

use crate::text::Text;
use nom::error::{self, ContextError, ErrorKind};
use std::borrow::Cow;
use std::fmt;

/// A line that dnsmasq would refuse.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// Bytes from the start of the line to the place that could not be read.
    pub column: usize,
    /// What was expected there; may be empty.
    pub expected: &'static str,
    /// What dnsmasq says about it.
    pub complaint: Complaint,
}

/// dnsmasq's words. In a file all of them are followed by the place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Complaint {
    /// The shape of the line is wrong: `bad option`, `missing parameter`, ...
    Structure(&'static str),
    /// The option has no words of its own for this: `error`.
    Plain,
    /// The option's own words.
    Own(Cow<'static, str>),
    /// A keyword that may be used once, used again.
    Repeated,
}

impl Complaint {
    /// The words for a line of a file.
    pub fn in_file(&self) -> &str {
        match self {
            Self::Structure(words) => words,
            Self::Plain => "error",
            Self::Own(words) => words,
            Self::Repeated => "illegal repeated keyword",
        }
    }

    /// The words for the command line, where dnsmasq says less.
    pub fn on_command_line(&self) -> &str {
        match self {
            Self::Structure(_) | Self::Plain => "try --help",
            Self::Own(words) => words,
            Self::Repeated => "illegal repeated flag",
        }
    }
}

impl Fault {
    /// A fault that the option answers with its own words.
    pub fn own(words: impl Into<Cow<'static, str>>, at: Text<'_>, expected: &'static str) -> Self {
        Self { column: at.column(), expected, complaint: Complaint::Own(words.into()) }
    }

    /// A fault without words.
    pub fn plain(at: Text<'_>, expected: &'static str) -> Self {
        Self { column: at.column(), expected, complaint: Complaint::Plain }
    }

    /// A fault of the line's shape.
    pub fn structure(words: &'static str, column: usize, expected: &'static str) -> Self {
        Self { column, expected, complaint: Complaint::Structure(words) }
    }

    /// The same fault in the option's own words.
    #[must_use]
    pub fn saying(self, words: &'static str) -> Self {
        match self.complaint {
            Complaint::Plain => Self { complaint: Complaint::Own(words.into()), ..self },
            _ => self,
        }
    }
}

/// Something only the machine knows. A line is at fault if the answer is no.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What to ask.
    pub about: About,
    /// The fault if not. For a host name the resolver's words take the place of its own.
    pub otherwise: Fault,
}

/// What the machine is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum About {
    /// Whether this name can be resolved.
    HostName(Vec<u8>),
    /// Whether there is such an interface.
    Interface(Vec<u8>),
}

/// What is left to be checked of a line, in this order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pending {
    /// A question to the machine.
    pub question: Option<Question>,
    /// What is wrong in any case, but comes second.
    pub fault: Option<Fault>,
}

impl error::ParseError<Text<'_>> for Fault {
    fn from_error_kind(input: Text<'_>, _: ErrorKind) -> Self {
        Self::plain(input, "")
    }

    fn append(_: Text<'_>, _: ErrorKind, inner: Self) -> Self {
        inner
    }

    /// Of two ways to go wrong, report the one that got further.
    fn or(self, other: Self) -> Self {
        if other.column > self.column { other } else { self }
    }
}

/// The innermost context speaks: it knows best what it was looking for.
impl ContextError<Text<'_>> for Fault {
    fn add_context(_: Text<'_>, expected: &'static str, fault: Self) -> Self {
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
    pub fault: &'a Fault,
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
