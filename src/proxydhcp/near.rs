//! Lines that nearly made an answer, and what each of them misses.
//!
//! Only for explanations: unlike an answer, this walks the configuration.

use super::request::Request;
use super::{Answer, Made};
use crate::config::tags::TagSet;
use crate::config::{Config, Origin, RangeKind, Rule, VendorOption};
use crate::wire::architectures::Architecture;
use conf_parser::option::pxe::Boot;
use conf_parser::words::Condition;
use std::fmt;
use std::net::Ipv4Addr;

/// A line that was passed over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Passed<'c> {
    /// The kind of line.
    pub keyword: &'static str,
    /// Where it stands.
    pub origin: &'c Origin,
    /// What it would have given.
    pub gives: String,
    /// Why it did not.
    pub miss: Miss<'c>,
}

/// What kept a line from being used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Miss<'c> {
    /// It is for another architecture.
    Architecture(Architecture),
    /// It asks for a tag that is not set.
    Unset(&'c [u8]),
    /// It is for clients without a tag, which is set.
    Set(&'c [u8]),
    /// That line decides.
    Beaten(&'c Origin),
    /// It is for the network of that address.
    Network(Ipv4Addr),
    /// It lends addresses, which is not done here.
    Pool,
    /// It is for another vendor class.
    Class,
}

/// Lines of one kind that are told of; nobody reads more.
const MOST: usize = 20;

/// What was passed over on the way to an answer, or to none: ranges, then what they lead to, each in file order.
pub fn passed<'c>(
    config: &'c Config,
    request: Option<&Request<'c>>,
    answer: Option<&Answer<'c>>,
) -> Vec<Passed<'c>> {
    let mut passed = ranges(config, request);
    let Some(request) = request else { return passed };
    let seen = request.tags.with_tag_ifs(&config.dhcp.tag_ifs);
    let tags = answer.map_or(&seen, |answer| &answer.tags);
    let used = |origin: &Origin| {
        answer.is_some_and(|answer| answer.because.iter().any(|cause| cause.origin == origin))
    };
    passed.extend(services(config, request, tags).take(MOST));
    passed.extend(boots(config, answer, tags).filter(|passed| !used(passed.origin)).take(MOST));
    passed.extend(options(config, request, tags).filter(|passed| !used(passed.origin)).take(MOST));
    passed
}

fn ranges<'c>(config: &'c Config, request: Option<&Request<'c>>) -> Vec<Passed<'c>> {
    let mut passed = Vec::new();
    for range in &config.dhcp.ranges {
        let candidates = request.map_or(&[][..], |request| &request.candidates);
        let is_candidate =
            candidates.iter().any(|candidate| candidate.range.origin == range.origin);
        let unfulfilled =
            || request.and_then(|request| unfulfilled(&range.conditions, &request.tags));
        let miss = match range.value.kind {
            RangeKind::Proxy if !is_candidate => Some(Miss::Network(range.value.start)),
            RangeKind::Proxy => unfulfilled(),
            RangeKind::Pool(_) | RangeKind::Static(_) => Some(Miss::Pool),
        };
        let gives = "answers there".to_owned();
        passed.extend(miss.map(|miss| Passed {
            keyword: "dhcp-range",
            origin: &range.origin,
            gives,
            miss,
        }));
    }
    passed.truncate(MOST);
    passed
}

fn services<'c>(
    config: &'c Config,
    request: &Request<'c>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = Passed<'c>> {
    let architecture = request.architecture();
    config.dhcp.services.iter().filter_map(move |rule| {
        let other = Architecture(rule.value.architecture);
        let miss = match unfulfilled(&rule.conditions, tags) {
            _ if architecture.is_some_and(|own| own != other.0) => Some(Miss::Architecture(other)),
            miss => miss,
        }?;
        let gives = match &rule.value.boot {
            Boot::File(file) => format!("boots {}", String::from_utf8_lossy(file)),
            Boot::Type(0) => "boots from the local disk".to_owned(),
            Boot::Type(kind) => format!("boots from a server of type {kind}"),
        };
        Some(Passed { keyword: "pxe-service", origin: &rule.origin, gives, miss })
    })
}

fn boots<'c>(
    config: &'c Config,
    answer: Option<&Answer<'c>>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = Passed<'c>> {
    let winner = answer.and_then(|answer| {
        let file = answer.because.iter().find(|cause| cause.made == Made::File)?;
        Some(file.origin)
    });
    config.dhcp.boots.iter().filter_map(move |rule| {
        let miss = unfulfilled(&rule.conditions, tags).or(winner.map(Miss::Beaten))?;
        let gives = format!("boots {}", String::from_utf8_lossy(&rule.value.file));
        Some(Passed { keyword: "dhcp-boot", origin: &rule.origin, gives, miss })
    })
}

fn options<'c>(
    config: &'c Config,
    request: &Request<'c>,
    tags: &TagSet<'c>,
) -> impl Iterator<Item = Passed<'c>> {
    let class = request.frame.option(60, 0).unwrap_or_default();
    config.dhcp.vendor_options.iter().filter_map(move |rule: &'c Rule<VendorOption>| {
        let fits = match &rule.value.class {
            Some(text) => crate::wire::options::contains(class, text),
            None => true,
        };
        let miss = unfulfilled(&rule.conditions, tags).or((!fits).then_some(Miss::Class))?;
        let keyword = rule.value.keyword();
        let gives = format!("puts item {} into option 43", rule.value.code);
        Some(Passed { keyword, origin: &rule.origin, gives, miss })
    })
}

/// The first condition that does not hold.
fn unfulfilled<'c>(conditions: &'c [Condition], tags: &TagSet<'_>) -> Option<Miss<'c>> {
    let broken = conditions.iter().find(|one| tags.has(&one.tag) == one.negated)?;
    Some(if broken.negated { Miss::Set(&broken.tag) } else { Miss::Unset(&broken.tag) })
}

impl fmt::Display for Miss<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Architecture(other) => write!(f, "is for architecture {other}"),
            Self::Unset(tag) => write!(f, "wants the tag {}, which is not set", tag.escape_ascii()),
            Self::Set(tag) => write!(f, "is for clients without the tag {}", tag.escape_ascii()),
            Self::Beaten(winner) => write!(f, "is beaten by {winner}"),
            Self::Network(start) => write!(f, "is for the network of {start}"),
            Self::Pool => f.write_str("lends addresses, which is not done here"),
            Self::Class => f.write_str("is for another vendor class"),
        }
    }
}
