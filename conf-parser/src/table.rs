//! Every option there is, one row each. The line parser, the command line, `--help` and the documents read it.

mod rows;

pub use rows::OPTIONS;

use crate::directive::{Directive, RawSetting, Switch};
use crate::error::ParseError;
use crate::input::Input;
use crate::option::files::RunTimeFile;
use Argument::{None, Optional, Required};
use Parse::{Check, File, Maybe, MaybeCheck, Nothing, On, Value};

/// One option.
#[derive(Debug)]
pub struct OptionSpec {
    /// Its name in files and, behind `--`, on the command line.
    pub keyword: &'static str,
    /// Its letter on the command line.
    pub short: Option<u8>,
    /// Whether a value follows. (A letter has its own rule, [`Row::short_takes_value`].)
    pub argument: Argument,
    /// Whether it may be used again.
    pub repeat: Repeat,
    parse: Parse,
    /// How its value is written, as the help shows it.
    pub metavar: &'static str,
    /// What it is for, in a sentence.
    pub help: &'static str,
}

/// Whether a value follows the keyword.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Never.
    None,
    /// Always.
    Required,
    /// As you like; on the command line only with `=`.
    Optional,
}

/// Whether a keyword may be used again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once on the command line and once in all files together.
    Once,
    /// Again and again: uses add up, or the last one counts.
    Stacks,
}

#[derive(Debug)]
enum Parse {
    On(Switch),
    Nothing,
    File(RunTimeFile),
    Value(fn(Input<'_>) -> Result<Directive, ParseError>),
    Maybe(fn(Option<Input<'_>>) -> Result<Directive, ParseError>),
    Check(fn(Input<'_>) -> Result<(), ParseError>),
    MaybeCheck(fn(Option<Input<'_>>) -> Result<(), ParseError>),
}

/// The row of a keyword as it is written: in full, in exact case, no letter of it protected.
pub(crate) fn find_input(keyword: Input<'_>) -> Option<&'static OptionSpec> {
    let order = |row: &OptionSpec| row.keyword.bytes().cmp(keyword.structural_bytes());
    OPTIONS.binary_search_by(order).ok().map(|at| &OPTIONS[at])
}

/// The row of a keyword.
pub fn find_name(keyword: &str) -> Option<&'static OptionSpec> {
    OPTIONS.binary_search_by_key(&keyword, |row| row.keyword).ok().map(|at| &OPTIONS[at])
}

/// The row of a letter. Two keywords share `-s` and two `-l`; the first is meant.
pub fn find_short(letter: u8) -> Option<&'static OptionSpec> {
    let rows = OPTIONS.iter().filter(|row| row.short == Some(letter));
    rows.min_by_key(|row| row.keyword != row.canonical_name())
}

impl OptionSpec {
    /// The name under which keywords of one letter count together (`dhcp-lease` is `dhcp-leasefile`).
    pub fn canonical_name(&self) -> &'static str {
        match self.keyword {
            "dhcp-lease" => "dhcp-leasefile",
            "domain-suffix" => "domain",
            keyword => keyword,
        }
    }

    /// What is switched, if it is a switch.
    pub fn switch(&self) -> Option<Switch> {
        if let On(switch) = self.parse { Some(switch) } else { Option::None }
    }

    /// Whether the letter takes a value. It does, or does not, where the long form leaves it open.
    pub fn short_takes_value(&self) -> bool {
        match self.argument {
            None => false,
            Required => true,
            Optional => !matches!(self.short, Some(b'q' | b'1')),
        }
    }

    /// Whether a value stands where one may, or must.
    pub(crate) fn check_argument(
        &self,
        value: Option<Input<'_>>,
        keyword: Input<'_>,
    ) -> Result<(), ParseError> {
        match (self.argument, value) {
            (None, Some(value)) => {
                Err(ParseError::structure("extraneous parameter", value.column(), "no value"))
            }
            (Required, Option::None) => Err(ParseError::structure(
                "missing parameter",
                keyword.column() + keyword.cells().len(),
                "a value",
            )),
            _ => Ok(()),
        }
    }

    /// Reads the value.
    pub(crate) fn parse(&self, value: Option<Input<'_>>) -> Result<Directive, ParseError> {
        match &self.parse {
            On(switch) => Ok(Directive::Switch(*switch)),
            Nothing => Ok(self.raw(value)),
            File(kind) => {
                Ok(Directive::RunTimeFile(*kind, value.map(Input::bytes).unwrap_or_default()))
            }
            Value(parse) => parse(value.unwrap_or(Input::new(&[]))),
            Maybe(parse) => parse(value),
            Check(check) => check(value.unwrap_or(Input::new(&[]))).map(|()| self.raw(value)),
            MaybeCheck(check) => check(value).map(|()| self.raw(value)),
        }
    }

    fn raw(&self, value: Option<Input<'_>>) -> Directive {
        Directive::ValidatedOnly(RawSetting {
            keyword: self.keyword,
            value: value.map(Input::bytes),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keywords_are_sorted_and_unique() {
        assert!(OPTIONS.is_sorted_by(|one, next| one.keyword < next.keyword));
        assert_eq!(OPTIONS.len(), 194);
    }

    #[test]
    fn a_row_has_a_metavar_exactly_when_it_takes_an_argument() {
        for row in OPTIONS {
            assert_eq!(row.argument == None, row.metavar.is_empty(), "{}", row.keyword);
            assert_eq!(row.argument == Optional, row.metavar.starts_with("[="), "{}", row.keyword);
        }
    }

    #[test]
    fn a_row_is_read_the_way_it_takes_its_argument() {
        for row in OPTIONS {
            let fits = match row.parse {
                On(_) | Nothing => row.argument == None,
                File(_) | Value(_) | Check(_) => row.argument == Required,
                Maybe(_) | MaybeCheck(_) => row.argument == Optional,
            };
            assert!(fits, "{}", row.keyword);
        }
    }

    #[test]
    fn a_letter_means_one_option() {
        for row in OPTIONS {
            let Some(letter) = row.short else { continue };
            assert_eq!(
                find_short(letter).map(OptionSpec::canonical_name),
                Some(row.canonical_name()),
                "{}",
                row.keyword
            );
        }
    }

    #[test]
    fn every_option_is_explained_in_a_sentence() {
        for row in OPTIONS {
            assert!(row.help.ends_with('.'), "{}", row.keyword);
        }
    }
}
