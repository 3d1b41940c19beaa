//! Lines for machines with a tag that a `dhcp-host`, `dhcp-mac` or similar line sets for some machines. Without `mac=` it is
//! not known whether the client is one of them.

use super::client_spec::DEFAULT_MAC;
use super::outcome::{Line, Outcome};
use super::report::SkippedRule;
use super::simulate::Simulation;
use crate::byte_text::to_text;
use crate::config::{Config, Origin};
use crate::proxydhcp::DropReason;
use crate::proxydhcp::explain::tag_setters::tag_setters;
use crate::reason::ReplyReason;
use conf_parser::Keyword;

/// Options whose lines set a tag for some machines.
const KEYWORDS: &[Keyword] = &[
    Keyword::DhcpHost,
    Keyword::DhcpMac,
    Keyword::DhcpNameMatch,
    Keyword::DhcpCircuitId,
    Keyword::DhcpRemoteId,
    Keyword::DhcpSubscriberId,
];
/// Lines for the boot file.
const FILE_LINES: &[&str] = &["pxe-service", "dhcp-boot"];
/// The tag that each `dhcp-host` line sets.
const KNOWN: &[u8] = b"known";

impl Simulation<'_> {
    /// The result if lines for some machines decide it, and the client has no hardware address of its own.
    pub fn machine_decides(&self) -> Option<Outcome> {
        if self.client.mac != DEFAULT_MAC {
            return None;
        }
        let last = self.exchanges.last()?;
        match &last.drop_reason {
            None => last.skipped_rules.iter().find_map(|rule| self.line_for_machines(rule)),
            Some(DropReason::Ignored(origin)) => self.ignored_without_tag(origin),
            Some(_) => None,
        }
    }

    /// A line with a boot file for machines with a tag.
    fn line_for_machines(&self, rule: &SkippedRule) -> Option<Outcome> {
        let tag = rule.missing_tag.as_ref().filter(|_| FILE_LINES.contains(&rule.keyword))?;
        let setter = machine_line(&self.environment.config, tag)?;
        let reason = ReplyReason::LineForMachines { tag: to_text(tag), setter };
        Some(Outcome::unknown(reason).at(Some(&rule.line)))
    }

    /// A `dhcp-ignore` line for machines without a tag.
    fn ignored_without_tag(&self, origin: &Origin) -> Option<Outcome> {
        let config = &self.environment.config;
        let rule = config.dhcp.ignore.iter().find(|rule| rule.origin == *origin)?;
        let mut negated = rule.conditions.iter().filter(|condition| condition.negated);
        let (tag, setter) = negated
            .find_map(|condition| Some((&condition.tag, machine_line(config, &condition.tag)?)))?;
        let reason = ReplyReason::MachinesIgnored { tag: to_text(tag), setter };
        Some(Outcome::unknown(reason).at(Line::of(origin).as_ref()))
    }
}

/// The first line that sets the tag for some machines, as `FILE:LINE (dhcp-host)`.
fn machine_line(config: &Config, tag: &[u8]) -> Option<String> {
    let setters = tag_setters(config, tag).into_iter();
    let mut setters = setters.filter(|setter| KEYWORDS.contains(&setter.keyword));
    let setter = setters.next().map(|setter| format!("{} ({})", setter.origin, setter.keyword));
    let has_host = tag == KNOWN && config.dhcp.hosts.iter().next().is_some();
    setter.or_else(|| has_host.then(|| format!("{} (dhcp-host)", config.dhcp.hosts.origin(0))))
}
