//! The configuration language of dnsmasq, as data.
//!
//! A file is a list of lines, a line is a keyword and perhaps a value:
//!
//! ```text
//! # the whole line is a comment
//! dhcp-range=192.168.1.0,proxy        # this too, after white space
//! pxe-service=x86PC, "Boot, now", pxelinux
//! ```
//!
//! [`lex`] turns bytes into [`text::Cell`]s: comments are gone, and quoted characters are marked, because a quoted
//! comma separates nothing. [`table`] knows every keyword. The parsers in [`option`] turn a value into a
//! [`Directive`]. All of it is pure: which files are read, and what directives mean together, is the daemon's.
//!
//! ```
//! use conf_parser::{Directive, Reader};
//! let setting = Reader::default().line(b"port=0").unwrap().unwrap();
//! assert_eq!(setting.directive, Directive::Port(0));
//! ```

#![warn(missing_docs)]

pub mod directive;
pub mod error;
mod input;
pub mod keyword;
pub mod lex;
pub mod option;
pub mod option_names;
pub mod primitives;
mod repeat;
pub mod table;

pub use directive::{Directive, Switch};
pub use error::{CheckSubject, DeferredCheck, Message, ParseError, Report, SystemCheck};
pub use keyword::Keyword;
pub use table::{Argument, OPTIONS, OptionSpec, Repeat};

use input::{Input, InputByte};
use repeat::Repeats;

/// A line that says something.
#[derive(Clone, Debug)]
pub struct Setting {
    /// Its row in the table.
    pub row: &'static OptionSpec,
    /// What it says.
    pub directive: Directive,
}

/// Reads lines, one buffer for all of them.
#[derive(Debug, Default)]
pub struct Reader {
    cells: Vec<InputByte>,
    repeats: Repeats,
    last: Option<&'static OptionSpec>,
}

impl Reader {
    /// Reads a line of a file; `None` if there is nothing on it.
    pub fn line(&mut self, bytes: &[u8]) -> Result<Option<Setting>, ParseError> {
        lex::line(bytes, &mut self.cells)?;
        let text = Input::new(&self.cells).trim();
        if text.is_empty() {
            return Ok(None);
        }
        let (keyword, value) = keyword_and_value(text);
        let unknown = || ParseError::structure("bad option", keyword.column(), "a keyword");
        // Lines of one keyword often stand together.
        let row = self.last.filter(|row| keyword.is(row.keyword));
        let row = row.or_else(|| table::find_input(keyword)).ok_or_else(unknown)?;
        self.last = Some(row);
        row.check_argument(value, keyword)?;
        self.repeats.in_file(row)?;
        Ok(Some(Setting { row, directive: row.parse(value)? }))
    }

    /// The same line as this language would write it: no comment, no blanks at its ends, quotes where they are needed.
    pub fn rewritten(&mut self, bytes: &[u8]) -> Result<Vec<u8>, ParseError> {
        lex::line(bytes, &mut self.cells)?;
        Ok(lex::written(Input::new(&self.cells).trim().cells()))
    }

    /// Reads a line that is a value and no more, as files of `dhcp-host` values hold them.
    pub fn value(
        &mut self,
        row: &'static OptionSpec,
        bytes: &[u8],
    ) -> Result<Option<Directive>, ParseError> {
        lex::line(bytes, &mut self.cells)?;
        let text = Input::new(&self.cells).trim();
        if text.is_empty() { Ok(None) } else { row.parse(Some(text)).map(Some) }
    }

    /// Reads an option of the command line, whose value is literal. `None`: it is to be ignored.
    pub fn argument(
        &mut self,
        row: &'static OptionSpec,
        value: Option<&[u8]>,
    ) -> Result<Option<Setting>, ParseError> {
        if !self.repeats.on_command_line(row)? {
            return Ok(None);
        }
        let cells = value.map(lex::argument);
        let directive = row.parse(cells.as_deref().map(Input::new))?;
        Ok(Some(Setting { row, directive }))
    }
}

/// Cut at the first `=`, quoted or not: quotes do not protect it.
fn keyword_and_value(text: Input<'_>) -> (Input<'_>, Option<Input<'_>>) {
    match text.split_once(b'=') {
        Some((keyword, value)) => (keyword.trim_end(), Some(value.trim_start())),
        None => (text, None),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The directive of a line that must be fine.
    pub fn value(line: &str) -> Directive {
        match Reader::default().line(line.as_bytes()) {
            Ok(Some(setting)) => setting.directive,
            other => panic!("{line}: {other:?}"),
        }
    }

    /// What dnsmasq says of a line that must not be.
    pub fn complaint(line: &str) -> String {
        match Reader::default().line(line.as_bytes()) {
            Err(fault) => fault.message.in_file().to_owned(),
            Ok(read) => panic!("{line}: {read:?}"),
        }
    }

    /// Lines that must not be, each with what dnsmasq says of it.
    pub fn refused(lines: &[(&str, &str)]) {
        for (line, words) in lines {
            assert_eq!(complaint(line), *words, "{line}");
        }
    }

    #[test]
    fn the_shape_of_a_line_is_checked_first() {
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
    fn nothing_is_said_by_blanks_and_comments() {
        for line in ["", "   ", "# port=x", " \t # \"", "\r"] {
            assert!(Reader::default().line(line.as_bytes()).unwrap().is_none(), "{line:?}");
        }
    }

    #[test]
    fn a_fault_is_pointed_at() {
        let source = br#"pxe-service=x86PCx,"Menu",pxelinux"#;
        let fault = Reader::default().line(source).unwrap_err();
        let expected = "  pxe-service=x86PCx,\"Menu\",pxelinux\n              ^ expected a client architecture";
        assert_eq!(fault.report(source).to_string(), expected);
        assert_eq!(fault.column, 12);
    }

    #[test]
    fn capitals_are_letters_like_others() {
        for line in ["cname=A-,b", "domain=AB--c", "dhcp-host=P-", "txt-record=XN--,x"] {
            value(line);
        }
    }

    #[test]
    fn data_that_is_no_hex_is_an_error() {
        assert_eq!(complaint("dns-rr=name,51,zz"), "error");
    }

    #[test]
    fn newer_words_are_read_beside_older_ones() {
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
    fn what_makes_dnsmasq_crash_is_refused() {
        refused(&[
            ("dhcp-duid=1,zz", "error"),
            ("nftset=/a/b,,c", "error"),
            ("dhcp-option=vendor:x,encap:1,1", "inappropriate encap:"),
        ]);
    }

    #[test]
    fn command_line_values_are_literal() {
        let row = table::find_name("dhcp-boot").unwrap();
        let read = Reader::default().argument(row, Some(b"\"a\" # b")).unwrap().unwrap();
        let Directive::DhcpBoot(boot) = read.directive else { panic!() };
        assert_eq!(boot.file, b"\"a\" # b");
    }

    #[test]
    fn no_bytes_make_the_reader_panic_or_leave_it_without_words() {
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
                if let Err(fault) = Reader::default().line(&line) {
                    assert!(!fault.expected.is_empty(), "{}: {fault:?}", line.escape_ascii());
                }
            }
        }
    }
}
