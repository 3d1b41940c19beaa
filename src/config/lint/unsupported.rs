//! Options that are read and not served: each is named once, at its first line.

use crate::config::{ConfigWarning, Origin};
use conf_parser::{OptionSpec, Support};

/// Those that were met, in the order they were.
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
    /// Notes a use.
    pub fn record(&mut self, row: &'static OptionSpec, origin: &Origin) {
        if matches!(row.support, Support::Served | Support::Inert) {
            return;
        }
        match self.options.iter_mut().find(|seen| seen.row.keyword == row.keyword) {
            Some(seen) => seen.lines += 1,
            None => self.options.push(UnsupportedOption { row, first: origin.clone(), lines: 1 }),
        }
    }

    /// What there is to say. Without DNS (`port=0`) the options of DNS promise nothing.
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
