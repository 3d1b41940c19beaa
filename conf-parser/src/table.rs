//! All options of dnsmasq, one row each.

mod rows;

pub use rows::OPTIONS;

use crate::directive::{Directive, RawSetting, Switch};
use crate::error::ParseError;
use crate::input::Input;
use crate::option::files::RunTimeFile;
use Argument::{None, Optional, Required};
use Parse::{Check, File, Maybe, MaybeCheck, Nothing, On, Value};

/// An option of dnsmasq.
#[derive(Debug)]
pub struct OptionSpec {
    /// The keyword in files and, after `--`, on the command line.
    pub keyword: &'static str,
    /// The letter of the short option.
    pub short: Option<u8>,
    /// Whether the keyword takes a value. For the short option see [`OptionSpec::short_takes_value`].
    pub argument: Argument,
    /// Whether the option may be used more than once.
    pub repeat: Repeat,
    parse: Parse,
    /// The syntax of the value in `--help`.
    pub metavar: &'static str,
    /// The purpose of the option, in one sentence.
    pub help: &'static str,
}

/// Whether a keyword takes a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Never.
    None,
    /// Always.
    Required,
    /// Optional; on the command line only after `=`.
    Optional,
}

/// Whether a keyword may be used more than once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Repeat {
    /// Once on the command line and once in all files together.
    Once,
    /// Any number of times: the values add up, or the last one applies.
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

/// The row of a keyword: complete, in exact case, not quoted.
pub(crate) fn find_input(keyword: Input<'_>) -> Option<&'static OptionSpec> {
    let order = |row: &OptionSpec| row.keyword.bytes().cmp(keyword.structural_bytes());
    OPTIONS.binary_search_by(order).ok().map(|at| &OPTIONS[at])
}

/// The row of a keyword; `None` if dnsmasq has no such option.
pub fn find_name(keyword: &str) -> Option<&'static OptionSpec> {
    OPTIONS.binary_search_by_key(&keyword, |row| row.keyword).ok().map(|at| &OPTIONS[at])
}

/// The row of a short option. `-s` and `-l` have two keywords each; the result is the one that is no alias.
pub fn find_short(letter: u8) -> Option<&'static OptionSpec> {
    let rows = OPTIONS.iter().filter(|row| row.short == Some(letter));
    rows.min_by_key(|row| row.keyword != row.canonical_name())
}

impl OptionSpec {
    /// The keyword that this one is an alias of, else the keyword itself (`dhcp-lease` is an alias of `dhcp-leasefile`).
    pub fn canonical_name(&self) -> &'static str {
        match self.keyword {
            "dhcp-lease" => "dhcp-leasefile",
            "domain-suffix" => "domain",
            keyword => keyword,
        }
    }

    /// The switch, if the option is one.
    pub fn switch(&self) -> Option<Switch> {
        if let On(switch) = self.parse { Some(switch) } else { Option::None }
    }

    /// Whether the short option takes a value. dnsmasq decides this per option where the value is optional.
    pub fn short_takes_value(&self) -> bool {
        match self.argument {
            None => false,
            Required => true,
            Optional => !matches!(self.short, Some(b'q' | b'1')),
        }
    }

    /// Whether there is a value if one is required, and none if none is allowed.
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

    /// Parses the value.
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

    /// The value is checked and kept as written.
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
    fn option_has_a_metavar_if_and_only_if_it_takes_a_value() {
        for row in OPTIONS {
            assert_eq!(row.argument == None, row.metavar.is_empty(), "{}", row.keyword);
            assert_eq!(row.argument == Optional, row.metavar.starts_with("[="), "{}", row.keyword);
        }
    }

    #[test]
    fn parser_of_an_option_matches_its_argument() {
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
    fn short_option_has_one_canonical_keyword() {
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
    fn help_of_every_option_is_a_sentence() {
        for row in OPTIONS {
            assert!(row.help.ends_with('.'), "{}", row.keyword);
        }
    }
}
