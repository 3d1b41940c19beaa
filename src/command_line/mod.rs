//! The command line: getopts, fed from the table of options (docs/dnsmasq/config-language.md, section 1.9).
//!
//! Words are expanded before getopts reads them, because getopts has no abbreviated names and no bundled letters before
//! a value, as `getopt_long(3)` has, and returns no options of a line with a mistake, of which dnsmasq acts on those
//! before the mistake. Arguments are any bytes and getopts takes UTF-8: [`to_text`] makes each word UTF-8 without loss,
//! and [`to_bytes`] restores the bytes of each value.

mod extensions;
mod help;

use crate::byte_text::{to_bytes, to_text};
use conf_parser::OPTIONS;
use conf_parser::{Argument, OptionSpec};
pub use extensions::{EXTENSION_OPTIONS, Extensions};
use getopts::{HasArg, Matches, Occur, Options, ParsingStyle};
pub use help::{help, version};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;

/// Words that dnsmasq does not have. They are never abbreviated: all that it reads keeps its meaning.
const STRICT_TEST: &str = "--test=strict";

/// What was asked for, in order.
pub struct CommandLine {
    /// Options and their values.
    pub options: Vec<OptionUse>,
    /// How it goes on behind them.
    pub end: Termination,
    /// The word that is to blame for a bad end, by [`to_text`], and a caret under it.
    pub error_detail: Option<String>,
    /// `--test=strict`: what we have to remark is an error. dnsmasq knows no such word.
    pub strict: bool,
    /// Exactly two words, of which the second names a page of help.
    pub page: Option<Page>,
    /// What dnsmasq has no options for.
    pub extensions: Extensions,
}

/// An option as given.
pub struct OptionUse {
    /// Its row in the table.
    pub row: &'static OptionSpec,
    /// Its value, as it stands.
    pub value: Option<Vec<u8>>,
}

/// What stands behind the last good option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// Nothing.
    Complete,
    /// Words that are no options.
    ExtraWords,
    /// Something that cannot be read.
    Malformed,
}

/// Pages of help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Page {
    /// Names of DHCP options.
    Dhcp,
    /// Names of `DHCPv6` options.
    Dhcp6,
}

impl CommandLine {
    /// Reads the words behind the program's name.
    pub fn parse(words: &[OsString], posixly_correct: bool) -> Self {
        let words: Vec<String> = words.iter().map(|word| to_text(word.as_bytes())).collect();
        let (spelled, broken) = match expand(&words) {
            Ok(spelled) => (spelled, None),
            Err(ExpandError { before, word, expected }) => (before, Some((word, expected))),
        };
        let strict = spelled.iter().any(|word| word == STRICT_TEST);
        let plain =
            |word: &String| if word == STRICT_TEST { "--test".into() } else { word.clone() };
        let spelled: Vec<String> = spelled.iter().map(plain).collect();
        let Ok(matches) = options(posixly_correct).parse(&spelled) else {
            unreachable!("what is spelled out can be read")
        };
        let own = Extensions {
            explain: matches.opt_strs("explain"),
            json: matches.opt_present("json"),
            story: matches.opt_default("story", ""),
            unconfined: matches.opt_present("unconfined"),
            args: matches.free.clone(),
        };
        // Boots are told from a file.
        let most = usize::from(own.story.is_some());
        let junk = matches.free.iter().filter(|word| !is_blank(word)).nth(most);
        let (end, blame) = match (broken, junk) {
            (Some(blame), _) => (Termination::Malformed, Some(blame)),
            (None, Some(word)) => (Termination::ExtraWords, Some((word.clone(), "an option"))),
            (None, None) => (Termination::Complete, None),
        };
        let culprit = blame.map(|(word, expected)| format!("  {word}\n  ^ expected {expected}"));
        let page = match &words[..] {
            [_, page] if page == "dhcp" => Some(Page::Dhcp),
            [_, page] if page == "dhcp6" => Some(Page::Dhcp6),
            _ => None,
        };
        Self {
            options: in_order(&matches, &spelled),
            end,
            error_detail: culprit,
            strict,
            page,
            extensions: own,
        }
    }
}

/// Whether dnsmasq ignores a word that is no option: nothing, or isspace(3) of the C locale.
fn is_blank(word: &str) -> bool {
    word.chars().all(|c| matches!(c, ' ' | '\t'..='\r'))
}

/// Long and short forms apart: they differ in whether they take a value. The help is ours, not theirs.
fn options(posixly_correct: bool) -> Options {
    let mut options = Options::new();
    let style =
        if posixly_correct { ParsingStyle::StopAtFirstFree } else { ParsingStyle::FloatingFrees };
    options.parsing_style(style);
    for (name, has_value, ..) in EXTENSION_OPTIONS {
        options.opt("", name, "", "", *has_value, Occur::Multi);
    }
    for row in OPTIONS {
        let long = match row.argument {
            Argument::None => HasArg::No,
            Argument::Required => HasArg::Yes,
            Argument::Optional => HasArg::Maybe,
        };
        options.opt("", row.keyword, "", "", long, Occur::Multi);
        if let Some(letter) = letter(row) {
            let short = if row.short_takes_value() { HasArg::Yes } else { HasArg::No };
            options.opt(&letter, "", "", "", short, Occur::Multi);
        }
    }
    options
}

/// Of two keywords with one letter the first has it.
fn letter(row: &OptionSpec) -> Option<String> {
    row.short
        .filter(|_| row.canonical_name() == row.keyword)
        .map(|letter| char::from(letter).to_string())
}

/// getopts tells values option by option; their places put them in order again.
fn in_order(matches: &Matches, spelled: &[String]) -> Vec<OptionUse> {
    let mut given = Vec::new();
    for (row, name) in named(spelled) {
        let mut values = matches.opt_strs_pos(&name).into_iter().peekable();
        for place in matches.opt_positions(&name) {
            let value = values.next_if(|(at, _)| *at == place);
            let value = value.map(|(_, value)| to_bytes(&value).into_owned());
            given.push((place, OptionUse { row, value }));
        }
    }
    given.sort_by_key(|(place, _)| *place);
    given.into_iter().map(|(_, given)| given).collect()
}

/// The options that may be among the words, each once, long and short forms apart. (A value may look like one.)
fn named(spelled: &[String]) -> impl Iterator<Item = (&'static OptionSpec, String)> {
    let name = |word: &String| {
        if let Some(long) = word.strip_prefix("--") {
            let name = long.split_once('=').map_or(long, |(name, _)| name);
            return Some((conf_parser::find_name(name)?, name.to_owned()));
        }
        let letter = *word.as_bytes().get(1).filter(|_| word.starts_with('-'))?;
        Some((conf_parser::find_short(letter)?, char::from(letter).to_string()))
    };
    let rows: BTreeMap<String, &'static OptionSpec> =
        spelled.iter().filter_map(name).map(|(row, name)| (name, row)).collect();
    rows.into_iter().map(|(name, row)| (row, name))
}

/// A mistake, and what stands before it.
struct ExpandError {
    before: Vec<String>,
    word: String,
    expected: &'static str,
}

/// Abbreviations in full, bundles one by one, up to the first mistake.
fn expand(words: &[String]) -> Result<Vec<String>, ExpandError> {
    let mut spelled = Vec::new();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        if word == "--" {
            spelled.push(word.clone());
            break;
        }
        let value = if let Some(long) = word.strip_prefix("--") {
            long_option(long, &mut spelled)
        } else if word.len() > 1 && word.starts_with('-') {
            short_options(&word[1..], &mut spelled)
        } else {
            spelled.push(word.clone());
            Ok(Value::Complete)
        };
        let broken = |before, expected| ExpandError { before, word: word.clone(), expected };
        match value {
            Err(expected) => return Err(broken(spelled, expected)),
            Ok(Value::Complete) => {}
            Ok(Value::Follows) => {
                let Some(value) = words.next() else {
                    spelled.pop();
                    return Err(broken(spelled, "a value behind it"));
                };
                spelled.push(value.clone());
            }
        }
    }
    spelled.extend(words.cloned());
    Ok(spelled)
}

/// Where the value of the last option stands.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// With it, or there is none.
    Complete,
    /// In the next word.
    Follows,
}

const OPTION_PREFIX: &str = "an option, as --help lists them";

/// The error is what was expected instead.
fn long_option(word: &str, spelled: &mut Vec<String>) -> Result<Value, &'static str> {
    if word == &STRICT_TEST[2..] {
        spelled.push(STRICT_TEST.to_owned());
        return Ok(Value::Complete);
    }
    let (name, value) =
        word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    if let Some((_, has_value, ..)) = EXTENSION_OPTIONS.iter().find(|(own, ..)| *own == name) {
        if matches!((has_value, value), (HasArg::No, Some(_))) {
            return Err("no value");
        }
        spelled.push(format!("--{word}"));
        return match (has_value, value) {
            (HasArg::Yes, None) => Ok(Value::Follows),
            _ => Ok(Value::Complete),
        };
    }
    let row = resolve_abbreviation(name).ok_or(OPTION_PREFIX)?;
    if row.argument == Argument::None && value.is_some() {
        return Err("no value");
    }
    spelled.push(value.map_or_else(
        || format!("--{}", row.keyword),
        |value| format!("--{}={value}", row.keyword),
    ));
    let follows = row.argument == Argument::Required && value.is_none();
    Ok(if follows { Value::Follows } else { Value::Complete })
}

/// An exact name, or a beginning that can only mean one option with one kind of value.
fn resolve_abbreviation(name: &str) -> Option<&'static OptionSpec> {
    conf_parser::find_name(name).or_else(|| {
        let mut candidates = OPTIONS.iter().filter(|row| row.keyword.starts_with(name));
        let first = candidates.next()?;
        let same = |row: &OptionSpec| {
            row.canonical_name() == first.canonical_name() && row.argument == first.argument
        };
        candidates.all(same).then_some(first)
    })
}

fn short_options(letters: &str, spelled: &mut Vec<String>) -> Result<Value, &'static str> {
    for (at, letter) in letters.char_indices() {
        let row =
            u8::try_from(letter).ok().and_then(conf_parser::find_short).ok_or(OPTION_PREFIX)?;
        if row.short_takes_value() {
            spelled.push(format!("-{}", &letters[at..]));
            let follows = at + letter.len_utf8() == letters.len();
            return Ok(if follows { Value::Follows } else { Value::Complete });
        }
        spelled.push(format!("-{letter}"));
    }
    Ok(Value::Complete)
}

#[cfg(test)]
mod tests;
