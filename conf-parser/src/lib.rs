//! Parser for the configuration language of dnsmasq (`dnsmasq.conf`, `--option` arguments).
//!
//! Each line is a keyword with an optional value:
//!
//! ```text
//! # the whole line is a comment
//! dhcp-range=192.168.1.0,proxy        # a comment after a space
//! pxe-service=x86PC, "Boot, now", pxelinux
//! ```
//!
//! [`parse_line`] and [`parse_file`] turn lines into [`Directive`]s; [`Reader`] does the same with one buffer for many
//! lines, and refuses a keyword that may be used only once, as dnsmasq does. [`OPTIONS`] is the table of all keywords.
//! A line is accepted or refused as dnsmasq 2.90 to 2.92 accepts or refuses it, and a [`ParseError`] has dnsmasq's
//! message. The crate reads no files, no clock and no network: [`Directive::ConfFile`] names a file, and the caller
//! opens it.
//!
//! ```
//! use conf_parser::{Directive, parse_file};
//!
//! let config = b"enable-tftp\ndhcp-boot=pxelinux.0 # BIOS\n";
//! for line in parse_file(config) {
//!     if let Directive::DhcpBoot(boot) = line.setting?.directive {
//!         assert_eq!((line.number, &boot.file[..]), (2, &b"pxelinux.0"[..]));
//!     }
//! }
//! # Ok::<(), conf_parser::ParseError>(())
//! ```
//!
//! An error has a report with a caret:
//!
//! ```
//! let line = b"dhcp-range=192.168.77.0/24,proxy";
//! let error = conf_parser::parse_line(line).unwrap_err();
//! let remedy = "write 192.168.77.0,proxy,255.255.255.0";
//! assert_eq!(error.to_string(), format!("bad dhcp-range at column 23: {remedy}"));
//! assert_eq!(
//!     error.report(line).to_string(),
//!     format!("  dhcp-range=192.168.77.0/24,proxy\n                         ^ {remedy}")
//! );
//! ```
//!
//! Inside, the options for network boot are nom grammars over a byte slice with columns. The options of DNS, of
//! `DHCPv6` and of leases are only checked; their parsers split at commas first, because dnsmasq does so: its rules
//! for them are rules about the fields, not a grammar.

#![warn(missing_docs, clippy::missing_errors_doc)]

mod directive;
mod error;
mod input;
mod keyword;
mod lex;
mod option;
pub mod option_names;
mod primitives;
mod remedy;
mod repeat;
mod table;

pub use directive::{Directive, RawSetting, Switch, Upstream};
pub use error::{CheckSubject, DeferredCheck, Message, ParseError, Report, SystemCheck};
pub use keyword::Keyword;
pub use lex::{MAX_LINE_LEN, line_of};
pub use option::dhcp_boot::{DhcpBoot, ReplyDelay};
pub use option::dhcp_host::{ClientId, DhcpHost, is_host_name};
pub use option::dhcp_match::{ClassMatch, NameMatch, OptionMatch, RelayMatch, TagIf, TagRule};
pub use option::dhcp_option::DhcpOption;
pub use option::dhcp_range::{DhcpRange, Lease, RangeKind};
pub use option::domain::Domain;
pub use option::files::{ConfDir, RunTimeFile, is_left_over};
pub use option::network::{Bridge, HostRecord, SharedNetwork, SharedOn};
pub use option::process::LogTo;
pub use option::pxe::{ARCHITECTURES, Boot, PxePrompt, PxeService, Server};
pub use option::records::Cname;
pub use option::tftp::{TftpRoot, UniqueRoot};
pub use option::value_type::{Encapsulation, Value, ValueType};
pub use primitives::{Condition, Hex, valid_ascii_name, valid_name};
pub use remedy::nearest::nearest;
pub use table::{Argument, OPTIONS, OptionSpec, Repeat, find_name, find_short};

use input::{Input, InputByte};
use repeat::Repeats;

/// A line that is neither empty nor a comment.
#[derive(Clone, Debug)]
pub struct Setting {
    /// The row of its keyword in [`OPTIONS`].
    pub row: &'static OptionSpec,
    /// The keyword and its value.
    pub directive: Directive,
}

/// A line of a file, with its number.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct FileLine<'a> {
    /// The number of the line, from 1. A line longer than [`MAX_LINE_LEN`] counts as several.
    pub number: usize,
    /// The bytes of the line, for [`ParseError::report`].
    pub source: &'a [u8],
    /// The setting, or why dnsmasq refuses the line.
    pub setting: Result<Setting, ParseError>,
}

/// Parses one line; `None` if the line is empty or a comment.
///
/// # Errors
/// dnsmasq refuses the line.
pub fn parse_line(line: &[u8]) -> Result<Option<Setting>, ParseError> {
    Reader::default().line(line)
}

/// Parses the content of a file. Empty lines and comments are left out; a refused line does not end the iteration,
/// although dnsmasq stops there.
pub fn parse_file(content: &[u8]) -> impl Iterator<Item = FileLine<'_>> {
    let mut reader = Reader::default();
    lex::lines(content).zip(1..).filter_map(move |(source, number)| {
        let setting = reader.line(source).transpose()?;
        Some(FileLine { number, source, setting })
    })
}

/// Parses lines with one buffer, and counts the keywords that may be used only once.
#[derive(Debug, Default)]
pub struct Reader {
    cells: Vec<InputByte>,
    repeats: Repeats,
    last: Option<&'static OptionSpec>,
}

impl Reader {
    /// Parses a line of a file; `None` if it is empty or a comment.
    ///
    /// # Errors
    /// dnsmasq refuses the line, or a keyword that may be used only once is used again.
    pub fn line(&mut self, bytes: &[u8]) -> Result<Option<Setting>, ParseError> {
        lex::line(bytes, &mut self.cells)?;
        let text = Input::new(&self.cells).trim();
        if text.is_empty() {
            return Ok(None);
        }
        let (keyword, value) = keyword_and_value(text);
        let unknown = || remedy::unknown_keyword(text, keyword);
        // Consecutive lines often have the same keyword.
        let row = self.last.filter(|row| keyword.is(row.keyword));
        let row = row.or_else(|| table::find_input(keyword)).ok_or_else(unknown)?;
        self.last = Some(row);
        row.check_argument(value, keyword)
            .map_err(|error| remedy::of_argument(error, row, value))?;
        self.repeats.in_file(row)?;
        let directive = row.parse(value).map_err(|error| remedy::explained(error, row, value))?;
        Ok(Some(Setting { row, directive }))
    }

    /// The line in canonical form: without comment and surrounding spaces, with quotes only where they are necessary.
    ///
    /// # Errors
    /// A quote is not closed.
    pub fn rewritten(&mut self, bytes: &[u8]) -> Result<Vec<u8>, ParseError> {
        lex::line(bytes, &mut self.cells)?;
        Ok(lex::written(Input::new(&self.cells).trim().cells()))
    }

    /// Parses a line that is only a value, as in a file of `dhcp-host` values; `None` if it is empty or a comment.
    ///
    /// # Errors
    /// dnsmasq refuses the value.
    pub fn value(
        &mut self,
        row: &'static OptionSpec,
        bytes: &[u8],
    ) -> Result<Option<Directive>, ParseError> {
        lex::line(bytes, &mut self.cells)?;
        let text = Input::new(&self.cells).trim();
        if text.is_empty() { Ok(None) } else { row.parse(Some(text)).map(Some) }
    }

    /// Parses an option of the command line. Quotes and `#` have no meaning in its value. `None` if dnsmasq ignores it
    /// because a file that was read before has the same keyword.
    ///
    /// # Errors
    /// dnsmasq refuses the value, or an option that may be used only once is used again.
    pub fn argument(
        &mut self,
        row: &'static OptionSpec,
        value: Option<&[u8]>,
    ) -> Result<Option<Setting>, ParseError> {
        if !self.repeats.on_command_line(row)? {
            return Ok(None);
        }
        let cells = value.map(lex::argument);
        let value = cells.as_deref().map(Input::new);
        let directive = row.parse(value).map_err(|error| remedy::explained(error, row, value))?;
        Ok(Some(Setting { row, directive }))
    }
}

/// Splits at the first `=`, even if it is in quotes.
fn keyword_and_value(text: Input<'_>) -> (Input<'_>, Option<Input<'_>>) {
    match text.split_once(b'=') {
        Some((keyword, value)) => (keyword.trim_end(), Some(value.trim_start())),
        None => (text, None),
    }
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

#[cfg(test)]
mod tests {
    use super::*;

    /// The directive of a line that must be accepted.
    pub(crate) fn value(line: &str) -> Directive {
        match parse_line(line.as_bytes()) {
            Ok(Some(setting)) => setting.directive,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// The message for a line that must be refused.
    pub(crate) fn complaint(line: &str) -> String {
        match parse_line(line.as_bytes()) {
            Err(error) => error.message.in_file().to_owned(),
            Ok(read) => panic!("{line}: {read:?}"),
        }
    }

    /// Checks lines that must be refused, each with its message.
    pub(crate) fn refused(lines: &[(&str, &str)]) {
        for (line, message) in lines {
            assert_eq!(complaint(line), *message, "{line}");
        }
    }

    #[test]
    fn file_lines_have_numbers_and_errors_do_not_end_the_file() {
        let lines: Vec<_> = parse_file(b"# x\nport=0\n\nnosuch\nenable-tftp").collect();
        let numbers: Vec<_> =
            lines.iter().map(|line| (line.number, line.setting.is_ok())).collect();
        assert_eq!(numbers, [(2, true), (4, false), (5, true)]);
        assert_eq!(lines[1].source, b"nosuch");
    }

    #[test]
    fn syntax_of_the_line_is_checked_before_the_value() {
        refused(&[
            ("nosuch", "bad option"),
            ("=x", "bad option"),
            ("Port=0", "bad option"),
            ("--port=0", "bad option"),
            (r#""conf-file=x""#, "bad option"),
            ("port", "missing parameter"),
            ("no-daemon=", "extraneous parameter"),
            ("port=\"0", "missing \""),
        ]);
        assert_eq!(value(r#"po"r"t = 0"#), Directive::Port(0));
    }

    #[test]
    fn empty_lines_and_comments_are_no_setting() {
        for line in ["", "   ", "# port=x", " \t # \"", "\r"] {
            assert!(Reader::default().line(line.as_bytes()).unwrap().is_none(), "{line:?}");
        }
    }

    #[test]
    fn report_has_a_caret_below_the_error() {
        let source = br#"tftp-port-range="1",x"#;
        let error = Reader::default().line(source).unwrap_err();
        let expected = "  tftp-port-range=\"1\",x\n                      ^ expected a number";
        assert_eq!(error.report(source).to_string(), expected);
        assert_eq!(error.column, 20);
    }

    #[test]
    fn capital_letters_are_accepted_in_names() {
        for line in ["cname=A-,b", "domain=AB--c", "dhcp-host=P-", "txt-record=XN--,x"] {
            value(line);
        }
    }

    #[test]
    fn record_data_without_hex_is_refused() {
        assert_eq!(complaint("dns-rr=name,51,zz"), "error");
    }

    #[test]
    fn options_of_newer_versions_are_accepted() {
        for line in [
            "leasequery",
            "no-0x20-encode",
            "dhcp-split-relay=10.0.0.1,10.0.0.2,eth0",
            "dhcp-option-pxe=3,10.0.0.1",
            "dhcp-match=set:a,option:agent-info,x",
            "dhcp-match=set:a,option:agent-id,x",
            "trust-anchor=corp",
            "dhcp-host=one,two",
            "dhcp-option=92,any",
        ] {
            value(line);
        }
        assert_eq!(complaint("leasequery="), "error");
    }

    #[test]
    fn lines_that_crash_dnsmasq_are_refused() {
        refused(&[
            ("dhcp-duid=1,zz", "error"),
            ("nftset=/a/b,,c", "error"),
            ("dhcp-option=vendor:x,encap:1,1", "inappropriate encap:"),
        ]);
    }

    #[test]
    fn command_line_value_is_literal() {
        let row = find_name("dhcp-boot").unwrap();
        let read = Reader::default().argument(row, Some(b"\"a\" # b")).unwrap().unwrap();
        let Directive::DhcpBoot(boot) = read.directive else { panic!() };
        assert_eq!(boot.file, b"\"a\" # b");
    }

    #[test]
    fn arbitrary_bytes_give_a_directive_or_an_error_with_expectation() {
        let alphabet = b"\"\\#=,:a1* .-/[]\xff\n\0\ttag";
        let mut seed = 7_u64;
        for row in OPTIONS {
            for _ in 0..300 {
                let mut line = row.keyword.as_bytes().to_vec();
                line.push(b'=');
                for _ in 0..seed % 23 {
                    seed = seed
                        .wrapping_mul(6_364_136_223_846_793_005)
                        .wrapping_add(1_442_695_040_888_963_407);
                    line.push(alphabet[usize::try_from(seed >> 33).unwrap() % alphabet.len()]);
                }
                seed = seed.wrapping_add(1);
                if let Err(error) = Reader::default().line(&line) {
                    assert!(!error.expected.is_empty(), "{}: {error:?}", line.escape_ascii());
                }
            }
        }
    }
}
