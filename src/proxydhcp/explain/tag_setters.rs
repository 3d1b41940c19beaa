//! The lines that set a tag, and for which clients: for explanations.

use crate::config::lookup::match_rules::{IndexKey, MatchRules};
use crate::config::{Config, Located, Origin};
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp_option::{self, relay};
use crate::wire::option_display::{mac, printable};
use conf_parser::Keyword;
use conf_parser::option_names::by_code;
use conf_parser::{ClassMatch, NameMatch, OptionMatch, RelayMatch, TagRule};
use conf_parser::{Condition, Hex};
use conf_parser::{Value, ValueType};

/// A line that sets a tag.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TagSetter {
    /// The option of the line.
    pub keyword: Keyword,
    /// File and line number.
    pub origin: Origin,
    /// The property that a client must have.
    pub condition: String,
}

const MAX_TAG_SETTERS: usize = 10;
const CLIENT_ARCH: u32 = dhcp_option::CLIENT_ARCH as u32;

/// The lines that set a tag, grouped by their option.
pub fn tag_setters(config: &Config, tag: &[u8]) -> Vec<TagSetter> {
    let dhcp = &config.dhcp;
    let mut found = Vec::new();
    found.extend(setters_of(&dhcp.option_matches, tag));
    found.extend(setters_of(&dhcp.classes, tag));
    found.extend(setters_of(&dhcp.mac_matches, tag));
    found.extend(setters_of(&dhcp.relay_matches, tag));
    found.extend(setters_of(&dhcp.name_matches, tag));
    for rule in dhcp.tag_ifs.iter().filter(|rule| rule.value.set.iter().any(|set| set == tag)) {
        found.push(TagSetter {
            keyword: Keyword::TagIf,
            origin: rule.origin.clone(),
            condition: conditions_text(&rule.value.conditions),
        });
    }
    for range in dhcp.ranges.iter().filter(|range| range.value.set.as_deref() == Some(tag)) {
        found.push(TagSetter {
            keyword: Keyword::DhcpRange,
            origin: range.origin.clone(),
            condition: format!("an address on the network of {}", range.value.start),
        });
    }
    let hosts = dhcp.hosts.iter().enumerate();
    let hosts = hosts.filter(|(_, host)| host.set_last_first().any(|set| set == tag));
    found.extend(hosts.take(MAX_TAG_SETTERS).map(|(index, host)| {
        TagSetter {
            keyword: Keyword::DhcpHost,
            origin: dhcp.hosts.origin(index),
            condition: host.macs().next().map_or_else(
                || "the client of that line".to_owned(),
                |mac| mac.to_hex().describe(),
            ),
        }
    }));
    found.truncate(MAX_TAG_SETTERS);
    found
}

fn setters_of<'c, M: DescribeMatch + IndexKey>(
    rules: &'c MatchRules<M>,
    tag: &'c [u8],
) -> impl Iterator<Item = TagSetter> {
    let sets = move |rule: &&'c Located<TagRule<M>>| rule.value.tag == tag;
    rules.iter().filter(sets).take(MAX_TAG_SETTERS).map(|rule| TagSetter {
        keyword: rule.value.matcher.keyword(),
        origin: rule.origin.clone(),
        condition: rule.value.matcher.describe(),
    })
}

/// Matches that can be described in a message.
trait DescribeMatch {
    /// The option of the line.
    fn keyword(&self) -> Keyword;
    /// The property that a client must have.
    fn describe(&self) -> String;
}

impl DescribeMatch for Hex {
    fn keyword(&self) -> Keyword {
        Keyword::DhcpMac
    }

    fn describe(&self) -> String {
        let byte = |(index, byte): (usize, &u8)| {
            if self.wildcards.contains(&index) { "*".to_owned() } else { mac(&[*byte]) }
        };
        let bytes: Vec<String> = self.bytes.iter().enumerate().map(byte).collect();
        format!("the hardware address {}", bytes.join(":"))
    }
}

impl DescribeMatch for OptionMatch {
    fn keyword(&self) -> Keyword {
        Keyword::DhcpMatch
    }

    fn describe(&self) -> String {
        match self {
            Self::Code(CLIENT_ARCH, Value { bytes, value_type: ValueType::Number }) => {
                let number = bytes.iter().fold(0, |sum: u16, byte| sum << 8 | u16::from(*byte));
                format!("architecture {}", Architecture(number))
            }
            Self::Code(code, value) => {
                let known = u8::try_from(*code).ok().and_then(by_code);
                let name = known.map(|option| format!(" ({})", option.name));
                format!("option {code}{}{}", name.unwrap_or_default(), with_value(value))
            }
            Self::Enterprise(number, value) => {
                format!("items of enterprise {number} (option 124){}", with_value(value))
            }
            Self::Version6 => "DHCPv6".to_owned(),
        }
    }
}

fn with_value(value: &Value) -> String {
    match &value.value_type {
        ValueType::Absent => String::new(),
        ValueType::Text => format!(" with {}", printable(&value.bytes)),
        _ => format!(" with {}", mac(&value.bytes)),
    }
}

impl DescribeMatch for ClassMatch {
    fn keyword(&self) -> Keyword {
        match self {
            Self::Vendor(_) => Keyword::DhcpVendorClass,
            Self::User(_) => Keyword::DhcpUserClass,
        }
    }

    fn describe(&self) -> String {
        match self {
            Self::Vendor(text) => format!("{} in its vendor class (option 60)", printable(text)),
            Self::User(text) => format!("{} in its user class (option 77)", printable(text)),
        }
    }
}

impl DescribeMatch for RelayMatch {
    fn keyword(&self) -> Keyword {
        match self.suboption {
            relay::CIRCUIT_ID => Keyword::DhcpCircuitId,
            relay::REMOTE_ID => Keyword::DhcpRemoteId,
            _ => Keyword::DhcpSubscriberId,
        }
    }

    fn describe(&self) -> String {
        format!("a relay that adds {} (option 82)", mac(&self.value))
    }
}

impl DescribeMatch for NameMatch {
    fn keyword(&self) -> Keyword {
        Keyword::DhcpNameMatch
    }

    fn describe(&self) -> String {
        format!("the name {}{}", printable(&self.name), if self.prefix { "*" } else { "" })
    }
}

/// Conditions as in the configuration.
fn conditions_text(conditions: &[Condition]) -> String {
    let one = |condition: &Condition| {
        let negated = if condition.negated { "!" } else { "" };
        format!("tag:{negated}{}", printable(&condition.tag))
    };
    let all: Vec<String> = conditions.iter().map(one).collect();
    if all.is_empty() { "nothing".to_owned() } else { all.join(" and ") }
}
