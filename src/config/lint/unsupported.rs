//! Warnings about options that are parsed and not served: one for each option, at its first line.

use crate::config::Origin;
use crate::config::lint::support::{Support, support};
use crate::finding::{Finding, Level};
use crate::reason::{ConfigReason, Reason, StartReason};
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

    /// The findings. With `port=0` there are none about options of DNS.
    pub fn findings(self, dns: bool) -> impl Iterator<Item = Finding> {
        self.options.into_iter().filter_map(move |option| option.finding(dns))
    }
}

impl UnsupportedOption {
    fn finding(self, dns: bool) -> Option<Finding> {
        let keyword = self.row.keyword;
        let more = if self.lines > 1 { format!(" ({} lines)", self.lines) } else { String::new() };
        let (level, reason) = match self.support {
            Support::Refused(why) => {
                (Level::Error, Reason::from(StartReason::NotServed { keyword, why, more }))
            }
            Support::Ignored(why) => {
                (Level::Warning, ConfigReason::Ignored { keyword, why, more }.into())
            }
            Support::DnsContent if dns => {
                (Level::Error, StartReason::DnsNotServed { keyword, more }.into())
            }
            Support::DnsContent | Support::Served | Support::Inert => return None,
        };
        Some(Finding::at(level, &self.first, reason))
    }
}
