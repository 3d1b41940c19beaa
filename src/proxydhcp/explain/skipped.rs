//! Lines that nearly made an answer, and what each of them misses.
//!
//! Only for explanations: unlike an answer, this walks the configuration.

use crate::byte_text::to_text;
use crate::config::lookup::tags::TagSet;
use crate::config::{Config, Origin, RangeKind, Rule, VendorOption};
use crate::proxydhcp::request::Request;
use crate::proxydhcp::{Reply, ReplyPart};
use crate::wire::client_arch::Architecture;
use conf_parser::Boot;
use conf_parser::Condition;
use conf_parser::Keyword;
use std::fmt;
use std::net::Ipv4Addr;

/// A line that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SkippedRule<'c> {
    /// The kind of line.
    pub keyword: Keyword,
    /// Where it stands.
    pub origin: &'c Origin,
    /// What it would have given.
    pub would_yield: String,
    /// Why it did not.
    pub reason: SkipReason<'c>,
}

/// What kept a line from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SkipReason<'c> {
    /// It is for another architecture.
    Architecture(Architecture),
    /// It asks for a tag that is not set.
    TagNotSet(&'c [u8]),
    /// It is for clients without a tag, which is set.
    TagSet(&'c [u8]),
    /// That line decides.
    Overridden(&'c Origin),
    /// It is for the network of that address.
    OtherNetwork(Ipv4Addr),
    /// It lends addresses, which is not done here.
    AddressPool,
    /// It is for another vendor class.
    OtherVendorClass,
}

/// How far a line is from being used: what a person should look at first comes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Distance {
    /// It is for this kind of machine, and a condition does not hold.
    Condition,
    /// It is for another architecture.
    Architecture,
    /// It adds to an answer that a service has to make first.
    Addition,
}

impl SkippedRule<'_> {
    /// How far it is from being used.
    pub fn distance(&self) -> Distance {
        match (self.keyword, &self.reason) {
            (Keyword::DhcpBoot | Keyword::DhcpOption, _) => Distance::Addition,
            (_, SkipReason::Architecture(_)) => Distance::Architecture,
            _ => Distance::Condition,
        }
    }
}

/// Lines of one kind that are told of; nobody reads more.
const MAX_SKIPPED_RULES: usize = 20;

/// What was passed over on the way to an answer, or to none: ranges, then what they lead to, each in file order.
pub fn skipped_rules<'c>(
    config: &'c Config,
    request: Option<&Request<'c>>,
    answer: Option<&Reply<'c>>,
) -> Vec<SkippedRule<'c>> {
    let mut passed = ranges(config, request);
    let Some(request) = request else { return passed };
    let seen = request.tags.with_tag_ifs(&config.dhcp.tag_ifs);
    let tags = answer.map_or(&seen, |answer| &answer.tags);
    let used = |origin: &Origin| {
        answer.is_some_and(|answer| answer.provenance.iter().any(|cause| cause.origin == origin))
    };
    passed.extend(services(config, request, tags).take(MAX_SKIPPED_RULES));
    passed.extend(
        boots(config, answer, tags).filter(|passed| !used(passed.origin)).take(MAX_SKIPPED_RULES),
    );
    passed.extend(
        options(config, request, tags)
            .filter(|passed| !used(passed.origin))
            .take(MAX_SKIPPED_RULES),
    );
    passed
}

fn ranges<'c>(config: &'c Config, request: Option<&Request<'c>>) -> Vec<SkippedRule<'c>> {
    let mut passed = Vec::new();
    for range in &config.dhcp.ranges {
        let candidates = request.map_or(&[][..], |request| &request.ranges);
        let is_candidate =
            candidates.iter().any(|candidate| candidate.range.origin == range.origin);
        let unfulfilled =
            || request.and_then(|request| failed_condition(&range.conditions, &request.tags));
        let miss = match range.value.kind {
            RangeKind::Proxy if !is_candidate => Some(SkipReason::OtherNetwork(range.value.start)),
            RangeKind::Proxy => unfulfilled(),
            RangeKind::Pool(_) | RangeKind::Static(_) => Some(SkipReason::AddressPool),
        };
        let gives = "answers there".to_owned();
        passed.extend(miss.map(|miss| SkippedRule {
            keyword: Keyword::DhcpRange,
            origin: &range.origin,
            would_yield: gives,
            reason: miss,
        }));
    }
    passed.truncate(MAX_SKIPPED_RULES);
    passed
}

fn services<'c>(
    config: &'c Config,
    request: &Request<'c>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = SkippedRule<'c>> {
    let architecture = request.architecture();
    config.dhcp.services.iter().filter_map(move |rule| {
        let other = Architecture(rule.value.architecture);
        let miss = match failed_condition(&rule.conditions, tags) {
            _ if architecture.is_some_and(|own| own != other.0) => {
                Some(SkipReason::Architecture(other))
            }
            miss => miss,
        }?;
        let gives = match &rule.value.boot {
            Boot::File(file) => format!("boots {}", to_text(file)),
            Boot::Type(0) => "boots from the local disk".to_owned(),
            Boot::Type(kind) => format!("boots from a server of type {kind}"),
        };
        Some(SkippedRule {
            keyword: Keyword::PxeService,
            origin: &rule.origin,
            would_yield: gives,
            reason: miss,
        })
    })
}

fn boots<'c>(
    config: &'c Config,
    answer: Option<&Reply<'c>>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = SkippedRule<'c>> {
    let winner = answer.and_then(|answer| {
        let file = answer.provenance.iter().find(|cause| cause.part == ReplyPart::BootFile)?;
        Some(file.origin)
    });
    config.dhcp.boot_rules.iter().filter_map(move |rule| {
        let miss =
            failed_condition(&rule.conditions, tags).or(winner.map(SkipReason::Overridden))?;
        let gives = format!("boots {}", to_text(&rule.value.file));
        Some(SkippedRule {
            keyword: Keyword::DhcpBoot,
            origin: &rule.origin,
            would_yield: gives,
            reason: miss,
        })
    })
}

fn options<'c>(
    config: &'c Config,
    request: &Request<'c>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = SkippedRule<'c>> {
    let class = request.frame.option(60, 0).unwrap_or_default();
    config.dhcp.vendor_options.iter().filter_map(move |rule: &'c Rule<VendorOption>| {
        let fits = match &rule.value.class {
            Some(text) => crate::wire::options::contains(class, text),
            None => true,
        };
        let miss = failed_condition(&rule.conditions, tags)
            .or((!fits).then_some(SkipReason::OtherVendorClass))?;
        let keyword = rule.value.keyword();
        let gives = format!("puts item {} into option 43", rule.value.code);
        Some(SkippedRule { keyword, origin: &rule.origin, would_yield: gives, reason: miss })
    })
}

/// The first condition that does not hold.
fn failed_condition<'c>(conditions: &'c [Condition], tags: &TagSet<'_>) -> Option<SkipReason<'c>> {
    let broken = conditions.iter().find(|one| tags.has(&one.tag) == one.negated)?;
    Some(if broken.negated {
        SkipReason::TagSet(&broken.tag)
    } else {
        SkipReason::TagNotSet(&broken.tag)
    })
}

impl fmt::Display for SkipReason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Architecture(other) => write!(f, "is for architecture {other}"),
            Self::TagNotSet(tag) => {
                write!(f, "wants the tag {}, which is not set", tag.escape_ascii())
            }
            Self::TagSet(tag) => write!(f, "is for clients without the tag {}", tag.escape_ascii()),
            Self::Overridden(winner) => write!(f, "is beaten by {winner}"),
            Self::OtherNetwork(start) => write!(f, "is for the network of {start}"),
            Self::AddressPool => f.write_str("lends addresses, which is not done here"),
            Self::OtherVendorClass => f.write_str("is for another vendor class"),
        }
    }
}

#[test]
fn lines_for_this_machine_are_nearer_than_additions_whatever_they_miss() {
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
    for miss in all {
        let of_machine = match miss {
            SkipReason::Architecture(_) => Distance::Architecture,
            _ => Distance::Condition,
        };
        for keyword in Keyword::ALL {
            let is_addition = matches!(keyword, Keyword::DhcpBoot | Keyword::DhcpOption);
            let distance = if is_addition { Distance::Addition } else { of_machine };
            let (origin, gives, miss) = (&origin, String::new(), miss.clone());
            let passed = SkippedRule { keyword, origin, would_yield: gives, reason: miss };
            assert_eq!(passed.distance(), distance, "{passed:?}");
        }
    }
}
