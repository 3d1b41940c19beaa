//! The command line: getopts, fed from the table of options (docs/dnsmasq/config-language.md, section 1.9).
//!
//! Words are expanded before getopts reads them, because getopts has no abbreviated names and no bundled letters before
//! a value, as `getopt_long(3)` has, and returns no options of a line with a mistake, of which dnsmasq acts on those
//! before the mistake. Arguments are any bytes and getopts takes UTF-8: [`to_text`] makes each word UTF-8 without loss,
//! and [`to_bytes`] restores the bytes of each value.

mod advice;
mod extensions;
mod help;
mod test_mode;

use crate::byte_text::{to_bytes, to_text};
use advice::advice;
use conf_parser::OPTIONS;
use conf_parser::{Argument, OptionSpec};
pub use extensions::{EXTENSION_OPTIONS, Extensions, OFFERED_VALUES};
use getopts::{HasArg, Matches, Occur, Options, ParsingStyle};
pub use help::{DEFAULT_WIDTH, help, version};
use std::collections::BTreeMap;
use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt;
pub use test_mode::TestMode;

/// The parsed command line.
pub struct CommandLine {
    /// Options with their values, in order.
    pub options: Vec<OptionUse>,
    /// What follows the last valid option.
    pub end: Termination,
    /// The invalid word, as [`to_text`], and a caret below it.
    pub error_detail: Option<String>,
    /// The values of `--test`.
    pub test: TestMode,
    /// Page of help, if there are exactly two words and the second is `dhcp` or `dhcp6`.
    pub page: Option<Page>,
    /// Options that dnsmasq does not have.
    pub extensions: Extensions,
}

/// An option of the command line.
pub struct OptionUse {
    /// Its row in the table of options.
    pub row: &'static OptionSpec,
    /// Its value, unchanged.
    pub value: Option<Vec<u8>>,
}

/// What follows the last valid option.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Termination {
    /// Nothing.
    Complete,
    /// Words that are no options.
    ExtraWords,
    /// An invalid option.
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
    /// Parses the arguments after the name of the program.
    pub fn parse(words: &[OsString], posixly_correct: bool) -> Self {
        let words: Vec<String> = words.iter().map(|word| to_text(word.as_bytes())).collect();
        let mut expansion = Expansion::default();
        let invalid = expansion.add(&words).err();
        if invalid.is_some() {
            expansion.test = test_mode_of(&words);
        }
        let Expansion { words: expanded, test } = expansion;
        let Ok(matches) = options(posixly_correct).parse(&expanded) else {
            unreachable!("expanded words are valid options")
        };
        let extensions = Extensions {
            explain: matches.opt_strs("explain"),
            json: matches.opt_present("json"),
            story: matches.opt_default("story", ""),
            replace: matches.opt_present("replace"),
            status: matches.opt_default("status", ""),
            unconfined: matches.opt_present("unconfined"),
            args: matches.free.clone(),
        };
        // `--story` has filters and logs as its arguments.
        let max_args = if extensions.story.is_some() { usize::MAX } else { 0 };
        let extra = matches.free.iter().filter(|word| !is_blank(word)).nth(max_args);
        let (end, error) = match (invalid, extra) {
            (Some(error), _) => (Termination::Malformed, Some(error)),
            (None, Some(word)) => (Termination::ExtraWords, Some((word.clone(), "an option"))),
            (None, None) => (Termination::Complete, None),
        };
        let error_detail =
            error.map(|(word, expected)| format!("  {word}\n  ^ {}", advice(&word, expected)));
        let page = match &words[..] {
            [_, page] if page == "dhcp" => Some(Page::Dhcp),
            [_, page] if page == "dhcp6" => Some(Page::Dhcp6),
            _ => None,
        };
        Self { options: in_order(&matches, &expanded), end, error_detail, test, page, extensions }
    }
}

/// Whether dnsmasq ignores a word that is no option: it is empty or has only isspace(3) characters of the C locale.
fn is_blank(word: &str) -> bool {
    word.chars().all(|c| matches!(c, ' ' | '\t'..='\r'))
}

/// Long and short forms are separate options, because they differ in whether they take a value.
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

/// The letter of an option. If two keywords have the same letter, the first has it.
fn letter(row: &OptionSpec) -> Option<String> {
    row.short
        .filter(|_| row.canonical_name() == row.keyword)
        .map(|letter| char::from(letter).to_string())
}

/// The options in the order of the command line: getopts returns them by name, with positions.
fn in_order(matches: &Matches, expanded: &[String]) -> Vec<OptionUse> {
    let mut uses = Vec::new();
    for (row, name) in named(expanded) {
        let mut values = matches.opt_strs_pos(&name).into_iter().peekable();
        for position in matches.opt_positions(&name) {
            let value = values.next_if(|(at, _)| *at == position);
            let value = value.map(|(_, value)| to_bytes(&value).into_owned());
            uses.push((position, OptionUse { row, value }));
        }
    }
    uses.sort_by_key(|(position, _)| *position);
    uses.into_iter().map(|(_, option)| option).collect()
}

/// The options that may occur in the words, each once, long and short forms separately. A value may look like an option.
fn named(expanded: &[String]) -> impl Iterator<Item = (&'static OptionSpec, String)> {
    let name = |word: &String| {
        if let Some(long) = word.strip_prefix("--") {
            let name = long.split_once('=').map_or(long, |(name, _)| name);
            return Some((conf_parser::find_name(name)?, name.to_owned()));
        }
        let letter = *word.as_bytes().get(1).filter(|_| word.starts_with('-'))?;
        Some((conf_parser::find_short(letter)?, char::from(letter).to_string()))
    };
    let rows: BTreeMap<String, &'static OptionSpec> =
        expanded.iter().filter_map(name).map(|(row, name)| (name, row)).collect();
    rows.into_iter().map(|(name, row)| (row, name))
}

/// Words with expanded abbreviations and bundled letters.
#[derive(Default)]
struct Expansion {
    words: Vec<String>,
    /// The values of `--test`, which the words do not have.
    test: TestMode,
}

impl Expansion {
    /// Expands words, up to the first invalid one. The error is that word, and what was expected instead.
    fn add(&mut self, words: &[String]) -> Result<(), (String, &'static str)> {
        let mut words = words.iter().peekable();
        while let Some(word) = words.next() {
            let invalid = |expected| (word.clone(), expected);
            if word == "--" {
                self.words.push(word.clone());
                break;
            }
            match self.word(word).map_err(invalid)? {
                Value::Complete => {}
                Value::MayFollow => {
                    let is_value = |next: &&String| !next.starts_with('-');
                    let value = words.next_if(is_value).map_or("", |value| value);
                    self.words.push(format!("{word}={value}"));
                }
                Value::Follows => {
                    let Some(value) = words.next() else {
                        self.words.pop();
                        return Err(invalid("a value after it"));
                    };
                    self.words.push(value.clone());
                }
            }
        }
        self.words.extend(words.cloned());
        Ok(())
    }

    fn word(&mut self, word: &str) -> Result<Value, &'static str> {
        if let Some(values) = word.strip_prefix("--test=") {
            self.test = self.test.with(values).ok_or(KNOWN_TEST)?;
            self.words.push("--test".to_owned());
            return Ok(Value::Complete);
        }
        if let Some(long) = word.strip_prefix("--") {
            long_option(long, &mut self.words)
        } else if word.len() > 1 && word.starts_with('-') {
            short_options(&word[1..], &mut self.words)
        } else {
            self.words.push(word.to_owned());
            Ok(Value::Complete)
        }
    }
}

/// The values of `--test` in any word. They determine how an invalid word is reported, also before them.
fn test_mode_of(words: &[String]) -> TestMode {
    let values = words.iter().filter_map(|word| word.strip_prefix("--test="));
    values.fold(TestMode::default(), |mode, values| mode.with(values).unwrap_or(mode))
}

/// Position of the value of an option.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Value {
    /// In the same word, or the option has none.
    Complete,
    /// In the next word.
    Follows,
    /// In the next word, unless that is an option. The option itself is not expanded yet.
    MayFollow,
}

/// What is expected instead of an unknown option.
const KNOWN_OPTION: &str = "an option, as --help lists them";

/// What is expected instead of an unknown value of `--test`. It must be written in full.
const KNOWN_TEST: &str = "--test, --test=strict, --test=start or --test=json";

/// Expands a long option. The error is what was expected instead.
fn long_option(word: &str, expanded: &mut Vec<String>) -> Result<Value, &'static str> {
    let (name, value) =
        word.split_once('=').map_or((word, None), |(name, value)| (name, Some(value)));
    if let Some((_, has_value, ..)) = EXTENSION_OPTIONS.iter().find(|(own, ..)| *own == name) {
        if matches!((has_value, value), (HasArg::No, Some(_))) {
            return Err("no value");
        }
        // The description of a client may be in the next word.
        if name == "explain" && value.is_none() {
            return Ok(Value::MayFollow);
        }
        expanded.push(format!("--{word}"));
        return match (has_value, value) {
            (HasArg::Yes, None) => Ok(Value::Follows),
            _ => Ok(Value::Complete),
        };
    }
    let row = resolve_abbreviation(name).ok_or(KNOWN_OPTION)?;
    if row.argument == Argument::None && value.is_some() {
        return Err("no value");
    }
    expanded.push(value.map_or_else(
        || format!("--{}", row.keyword),
        |value| format!("--{}={value}", row.keyword),
    ));
    let follows = row.argument == Argument::Required && value.is_none();
    Ok(if follows { Value::Follows } else { Value::Complete })
}

/// The option of an exact name, or of a prefix of exactly one option. Aliases count as one option if they take the same
/// kind of value.
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

fn short_options(letters: &str, expanded: &mut Vec<String>) -> Result<Value, &'static str> {
    for (offset, letter) in letters.char_indices() {
        let row =
            u8::try_from(letter).ok().and_then(conf_parser::find_short).ok_or(KNOWN_OPTION)?;
        if row.short_takes_value() {
            expanded.push(format!("-{}", &letters[offset..]));
            let follows = offset + letter.len_utf8() == letters.len();
            return Ok(if follows { Value::Follows } else { Value::Complete });
        }
        expanded.push(format!("-{letter}"));
    }
    Ok(Value::Complete)
}

#[cfg(test)]
mod tests;
