//! Warnings about options that are parsed and not served: one for each option, at its first line.

use crate::config::{ConfigWarning, Origin};
use conf_parser::{OptionSpec, Support};

/// Unsupported options, in the order of their first line.
#[derive(Debug, Default)]
pub struct UnsupportedOptions {
    options: Vec<UnsupportedOption>,
}

#[derive(Debug)]
struct UnsupportedOption {
    row: &'static OptionSpec,
    first: Origin,
    lines: usize,
}

impl UnsupportedOptions {
    /// Records a line.
    pub fn record(&mut self, row: &'static OptionSpec, origin: &Origin) {
        if matches!(row.support, Support::Served | Support::Inert) {
            return;
        }
        match self.options.iter_mut().find(|seen| seen.row.keyword == row.keyword) {
            Some(seen) => seen.lines += 1,
            None => self.options.push(UnsupportedOption { row, first: origin.clone(), lines: 1 }),
        }
    }

    /// The warnings. With `port=0` options of DNS need none.
    pub fn warnings(self, dns: bool) -> impl Iterator<Item = ConfigWarning> {
        self.options.into_iter().filter_map(move |UnsupportedOption { row, first, lines }| {
            let keyword = row.keyword;
            let (text, refuses) = match row.support {
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
        })
    }
}
