//! Output of `--help` and `--version`.

use super::{EXTENSION_OPTIONS, Page};
use crate::log_line::{COMPILE_TIME_OPTIONS, VERSION};
use conf_parser::Argument;
use conf_parser::OPTIONS;
use conf_parser::option_names::{self, OPTIONS6, OptionName};

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

/// Width of the column of options; longer usage is cut.
pub(super) const HELP_COLUMNS: usize = 55;

/// Output of `--help`.
pub fn help(page: Option<Page>) -> String {
    match page {
        None => general_help(),
        Some(Page::Dhcp) => names("Known DHCP options:", option_names::OPTIONS),
        Some(Page::Dhcp6) => names("Known DHCPv6 options:", OPTIONS6),
    }
}

fn names(title: &str, options: &[OptionName]) -> String {
    let listed = options.iter().filter(|option| !option.internal);
    let lines = listed.map(|option| format!("{:3} {}\n", option.code, option.name));
    std::iter::once(format!("{title}\n")).chain(lines).collect()
}

fn general_help() -> String {
    let mut lines = vec!["Usage: dnsmasq [options]\n\nValid options are:\n".to_owned()];
    for row in OPTIONS.iter().filter(|row| row.canonical_name() == row.keyword) {
        let letter = row
            .short
            .map_or_else(|| "    ".to_owned(), |letter| format!("-{}, ", char::from(letter)));
        let equals = if row.argument == Argument::Required { "=" } else { "" };
        let form = format!("{letter}--{}{equals}{}", row.keyword, row.metavar);
        let form: String = form.chars().take(HELP_COLUMNS).collect();
        lines.push(format!("{form:HELP_COLUMNS$}{}\n", row.help));
    }
    lines.push("\nOptions of pxemasq, which dnsmasq does not have:\n\n".to_owned());
    let extensions =
        EXTENSION_OPTIONS.iter().map(|(.., form, help)| format!("{form:HELP_COLUMNS$}{help}\n"));
    lines.extend(extensions);
    lines.concat()
}
