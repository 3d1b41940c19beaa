//! Output of `--help` and `--version`.

use super::{EXTENSION_OPTIONS, Page, TestMode};
use crate::config::lint::support::{Support, support};
use crate::log_line::{COMPILE_TIME_OPTIONS, VERSION};
use conf_parser::option_names::{self, OPTIONS6, OptionName};
use conf_parser::{Argument, OPTIONS, OptionSpec};

/// Output of `--version`. Scripts read the third word of the first line, and the second line.
pub fn version() -> String {
    format!(
        "Dnsmasq version {VERSION}  Copyright (c) 2026 the pxemasq authors\n\
         Compile time options: {COMPILE_TIME_OPTIONS}\n\n\
         This is pxemasq, which stands in for the netboot half of dnsmasq: proxyDHCP and TFTP.\n\
         It serves no DNS and hands out no addresses. It is no part of dnsmasq and shares no code with it.\n\
         It is free software, under the MIT licence or the Apache licence 2.0, and comes without any warranty.\n"
    )
}

/// Width of the column of options. The help for longer usage begins in the next line.
const USAGE_WIDTH: usize = 32;

/// The width of a line, if the width of the terminal is unknown.
pub const DEFAULT_WIDTH: usize = 80;

/// Output of `--help`, in lines of at most `width` characters.
pub fn help(page: Option<Page>, width: usize) -> String {
    match page {
        None => general_help(width),
        Some(Page::Dhcp) => names("Known DHCP options:", option_names::OPTIONS),
        Some(Page::Dhcp6) => names("Known DHCPv6 options:", OPTIONS6),
    }
}

fn names(title: &str, options: &[OptionName]) -> String {
    let listed = options.iter().filter(|option| !option.internal);
    let lines = listed.map(|option| format!("{:3} {}\n", option.code, option.name));
    std::iter::once(format!("{title}\n")).chain(lines).collect()
}

/// The options of dnsmasq, by what pxemasq does with them.
const SECTIONS: &[(&str, fn(Support) -> bool)] = &[
    ("Valid options are:", |support| support == Support::Served),
    ("Options that are accepted and have no effect:", |support| {
        matches!(support, Support::Inert | Support::Ignored(_))
    }),
    ("Options of DNS, which are refused unless there is port=0:", |support| {
        support == Support::DnsContent
    }),
    ("Options that are refused:", |support| matches!(support, Support::Refused(_))),
];

fn general_help(width: usize) -> String {
    let mut text =
        "Usage: dnsmasq [options]\n\nOptions of pxemasq, which dnsmasq does not have:\n".to_owned();
    let test = TestMode::VALUES.iter().map(|(value, help)| (format!("    --test={value}"), *help));
    let own = EXTENSION_OPTIONS.iter().map(|(.., usage, help)| (format!("    {usage}"), *help));
    text.extend(test.chain(own).map(|(usage, help)| entry(&usage, help, width)));
    for (title, has) in SECTIONS {
        text += &format!("\n{title}\n");
        let canonical = OPTIONS.iter().filter(|row| row.canonical_name() == row.keyword);
        let rows = canonical.filter(|row| has(support(row.keyword)));
        text.extend(rows.map(|row| entry(&usage(row), row.help, width)));
    }
    text
}

/// `-p, --port=<integer>`
fn usage(row: &OptionSpec) -> String {
    let letter =
        row.short.map_or_else(|| "    ".to_owned(), |one| format!("-{}, ", char::from(one)));
    let equals = if row.argument == Argument::Required { "=" } else { "" };
    format!("{letter}--{}{equals}{}", row.keyword, row.metavar)
}

/// An option and its help, which is wrapped in a column of its own.
fn entry(usage: &str, help: &str, width: usize) -> String {
    let help_width = width.saturating_sub(USAGE_WIDTH);
    let lines = wrap(help, help_width);
    // Usage is not wrapped: a part of it would look like an option.
    let (first, rest) = if usage.chars().count() < USAGE_WIDTH {
        let (first, rest) =
            lines.split_first().map_or(("", &[][..]), |(first, rest)| (first, rest));
        (format!("{usage:USAGE_WIDTH$}{first}"), rest)
    } else {
        (usage.to_owned(), &lines[..])
    };
    let rest = rest.iter().map(|line| format!("{:USAGE_WIDTH$}{line}\n", ""));
    std::iter::once(format!("{}\n", first.trim_end())).chain(rest).collect()
}

/// Lines of at most `width` characters, broken between words. A longer word has a line of its own.
fn wrap(text: &str, width: usize) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines
}
