//! Warnings about options that are parsed and not served: one for each option, at its first line.

use crate::config::lint::support::{Support, support};
use crate::config::{ConfigWarning, Origin};
use conf_parser::OptionSpec;

/// Unsupported options, in the order of their first line.
#[derive(Debug, Default)]
pub struct UnsupportedOptions {
    options: Vec<UnsupportedOption>,
    /// The option of the line before: lines of one keyword are often together, and its support is known.
    last: Option<(&'static OptionSpec, Support)>,
}

#[derive(Debug)]
struct UnsupportedOption {
    row: &'static OptionSpec,
    support: Support,
    first: Origin,
    lines: usize,
}

impl UnsupportedOptions {
    /// Records a line.
    pub fn record(&mut self, row: &'static OptionSpec, origin: &Origin) {
        let last = self.last.filter(|(before, _)| std::ptr::eq(*before, row));
        let (_, support) = *self.last.insert(last.unwrap_or_else(|| (row, support(row.keyword))));
        if matches!(support, Support::Served | Support::Inert) {
            return;
        }
        match self.options.iter_mut().find(|seen| seen.row.keyword == row.keyword) {
            Some(seen) => seen.lines += 1,
            None => self.options.push(UnsupportedOption {
                row,
                support,
                first: origin.clone(),
                lines: 1,
            }),
        }
    }

    /// The warnings. With `port=0` options of DNS need none.
    pub fn warnings(self, dns: bool) -> impl Iterator<Item = ConfigWarning> {
        self.options.into_iter().filter_map(
            move |UnsupportedOption { row, support, first, lines }| {
                let keyword = row.keyword;
                let (text, refuses) = match support {
                    Support::Refused(why) => (format!("{keyword} is not served: {why}"), true),
                    Support::Ignored(why) => (format!("{keyword} is ignored: {why}"), false),
                    Support::DnsContent if dns => {
                        let why = "there is no DNS service: set port=0";
                        (format!("{keyword} is not served: {why}"), true)
                    }
                    Support::DnsContent | Support::Served | Support::Inert => return None,
                };
                let more = if lines > 1 { format!(" ({lines} lines)") } else { String::new() };
                Some(ConfigWarning { origin: Some(first), text: text + &more, fatal: refuses })
            },
        )
    }
}
