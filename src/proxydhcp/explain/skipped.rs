//! Lines of the configuration that were not used for a reply, and the first condition of each that failed.
//!
//! For explanations only: this searches the whole configuration, which a decision does not.

use crate::byte_text::to_text;
use crate::config::lookup::tags::TagSet;
use crate::config::{Config, Origin, Range, RangeKind, Rule, VendorOption};
use crate::proxydhcp::{Evaluated, Reply, ReplyPart};
use crate::wire::client_arch::Architecture;
use crate::wire::options::contains;
use conf_parser::Keyword;
use conf_parser::{Boot, Condition};
use std::fmt;
use std::net::Ipv4Addr;

/// A line that was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRule<'c> {
    /// The option of the line.
    pub keyword: Keyword,
    /// File and line number.
    pub origin: &'c Origin,
    /// What the line would do, as `boots pxelinux.0`.
    pub would_yield: String,
    /// Why it was not used.
    pub reason: SkipReason<'c>,
}

/// Why a line was not used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason<'c> {
    /// It is for another architecture.
    Architecture(Architecture),
    /// It requires a tag that is not set.
    TagNotSet(&'c [u8]),
    /// It excludes clients with a tag that is set.
    TagSet(&'c [u8]),
    /// That line has precedence.
    Overridden(&'c Origin),
    /// It is for the network of that address.
    OtherNetwork(Ipv4Addr),
    /// It is a range of addresses for clients, and this server assigns none.
    AddressPool,
    /// It is for another vendor class.
    OtherVendorClass,
}

/// How likely it is that a skipped line is the mistake: the smallest is shown first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// The line is for this architecture, and a condition failed.
    Condition,
    /// The line is for another architecture.
    Architecture,
    /// The line only adds to a reply.
    Addition,
}

impl SkippedRule<'_> {
    /// How likely it is that this line is the mistake.
    pub fn distance(&self) -> Distance {
        match (self.keyword, &self.reason) {
            (Keyword::DhcpBoot | Keyword::DhcpOption, _) => Distance::Addition,
            (_, SkipReason::Architecture(_)) => Distance::Architecture,
            _ => Distance::Condition,
        }
    }
}

/// Skipped lines of each kind.
const MAX_SKIPPED_RULES: usize = 20;

/// The lines that were not used: ranges, services, boot files, vendor options, each in the order of the file.
/// `None` for a request that no range matches.
pub fn skipped_rules<'c>(
    config: &'c Config,
    evaluated: Option<&Evaluated<'c>>,
) -> Vec<SkippedRule<'c>> {
    let mut skipped: Vec<_> = config
        .dhcp
        .ranges
        .iter()
        .filter_map(|range| skipped_range(range, evaluated))
        .take(MAX_SKIPPED_RULES)
        .collect();
    let Some(evaluated) = evaluated else { return skipped };
    let reply = evaluated.reply();
    let tags = evaluated.all_tags(config);
    let is_unused = |rule: &SkippedRule<'_>| {
        !reply.is_some_and(|reply| reply.provenance.iter().any(|one| one.origin == rule.origin))
    };
    skipped.extend(services(config, evaluated, &tags).take(MAX_SKIPPED_RULES));
    skipped.extend(boot_rules(config, reply, &tags).filter(is_unused).take(MAX_SKIPPED_RULES));
    skipped
        .extend(vendor_options(config, evaluated, &tags).filter(is_unused).take(MAX_SKIPPED_RULES));
    skipped
}

fn skipped_range<'c>(
    rule: &'c Rule<Range>,
    evaluated: Option<&Evaluated<'c>>,
) -> Option<SkippedRule<'c>> {
    let is_matched = |evaluated: &&Evaluated<'_>| {
        evaluated.request.ranges.iter().any(|matched| matched.range.origin == rule.origin)
    };
    let reason = match (rule.value.kind, evaluated.filter(is_matched)) {
        (RangeKind::Pool(_) | RangeKind::Static(_), _) => SkipReason::AddressPool,
        (RangeKind::Proxy, None) => SkipReason::OtherNetwork(rule.value.start),
        (RangeKind::Proxy, Some(evaluated)) => failed_condition(&rule.conditions, &evaluated.tags)?,
    };
    Some(SkippedRule {
        keyword: Keyword::DhcpRange,
        origin: &rule.origin,
        would_yield: "answers there".to_owned(),
        reason,
    })
}

fn services<'c>(
    config: &'c Config,
    evaluated: &Evaluated<'c>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = SkippedRule<'c>> {
    let architecture = evaluated.request.architecture();
    config.dhcp.services.iter().filter_map(move |rule| {
        let other = Architecture(rule.value.architecture);
        let reason = if architecture.is_some_and(|own| own != other) {
            SkipReason::Architecture(other)
        } else {
            failed_condition(&rule.conditions, tags)?
        };
        let would_yield = match &rule.value.boot {
            Boot::File(file) => format!("boots {}", to_text(file)),
            Boot::Type(0) => "boots from the local disk".to_owned(),
            Boot::Type(server_type) => format!("boots from a server of type {server_type}"),
        };
        Some(SkippedRule {
            keyword: Keyword::PxeService,
            origin: &rule.origin,
            would_yield,
            reason,
        })
    })
}

fn boot_rules<'c>(
    config: &'c Config,
    reply: Option<&Reply<'c>>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = SkippedRule<'c>> {
    let used = reply.and_then(|reply| reply.source_of(ReplyPart::BootFile));
    let used = used.map(|source| source.origin);
    config.dhcp.boot_rules.iter().filter_map(move |rule| {
        let reason =
            failed_condition(&rule.conditions, tags).or(used.map(SkipReason::Overridden))?;
        Some(SkippedRule {
            keyword: Keyword::DhcpBoot,
            origin: &rule.origin,
            would_yield: format!("boots {}", to_text(&rule.value.file)),
            reason,
        })
    })
}

fn vendor_options<'c>(
    config: &'c Config,
    evaluated: &Evaluated<'c>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = SkippedRule<'c>> {
    let class = evaluated.request.frame.vendor_class();
    config.dhcp.vendor_options.iter().filter_map(move |rule: &'c Rule<VendorOption>| {
        let is_other_class = rule.value.class.as_ref().is_some_and(|text| !contains(class, text));
        let reason = failed_condition(&rule.conditions, tags)
            .or(is_other_class.then_some(SkipReason::OtherVendorClass))?;
        Some(SkippedRule {
            keyword: rule.value.keyword(),
            origin: &rule.origin,
            would_yield: format!("puts item {} into option 43", rule.value.code),
            reason,
        })
    })
}

/// The first condition that does not hold.
fn failed_condition<'c>(conditions: &'c [Condition], tags: &TagSet<'_>) -> Option<SkipReason<'c>> {
    let failed = conditions.iter().find(|one| tags.has(&one.tag) == one.negated)?;
    Some(if failed.negated {
        SkipReason::TagSet(&failed.tag)
    } else {
        SkipReason::TagNotSet(&failed.tag)
    })
}

impl fmt::Display for SkipReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Architecture(other) => write!(f, "is for architecture {other}"),
            Self::TagNotSet(tag) => {
                write!(f, "requires the tag {}, which is not set", tag.escape_ascii())
            }
            Self::TagSet(tag) => write!(f, "is for clients without the tag {}", tag.escape_ascii()),
            Self::Overridden(other) => write!(f, "is overridden by {other}"),
            Self::OtherNetwork(start) => write!(f, "is for the network of {start}"),
            Self::AddressPool => {
                f.write_str("is a range of addresses, which this server does not assign")
            }
            Self::OtherVendorClass => f.write_str("is for another vendor class"),
        }
    }
}

#[test]
fn distance_depends_on_architecture_and_keyword_and_not_on_the_text_of_a_tag() {
    let origin = Origin::default_value();
    let all = [
        SkipReason::Architecture(Architecture(7)),
        SkipReason::TagNotSet(b"is for architecture"),
        SkipReason::TagSet(b"a"),
        SkipReason::Overridden(&origin),
        SkipReason::OtherNetwork(Ipv4Addr::LOCALHOST),
        SkipReason::AddressPool,
        SkipReason::OtherVendorClass,
    ];
    for reason in all {
        let of_reason = match reason {
            SkipReason::Architecture(_) => Distance::Architecture,
            _ => Distance::Condition,
        };
        for keyword in Keyword::ALL {
            let is_addition = matches!(keyword, Keyword::DhcpBoot | Keyword::DhcpOption);
            let expected = if is_addition { Distance::Addition } else { of_reason };
            let (origin, would_yield, reason) = (&origin, String::new(), reason.clone());
            let skipped = SkippedRule { keyword, origin, would_yield, reason };
            assert_eq!(skipped.distance(), expected, "{skipped:?}");
        }
    }
}
