//! Lines that set a tag: enough to decide that one client cannot have two tags.

use crate::config::Config;
use crate::wire::client_arch::Architecture;
use conf_parser::Condition;
use conf_parser::{ClassMatch, OptionMatch, TagIf};
use std::collections::HashMap;

/// Option 93 (RFC 4578): client architecture.
pub const CLIENT_ARCHITECTURE: u32 = crate::wire::dhcp_option::CLIENT_ARCH as u32;
/// Option 60: vendor class.
const VENDOR_CLASS: u32 = crate::wire::dhcp_option::VENDOR_CLASS as u32;
/// Number of conditions and rules that are followed; beyond that every combination is assumed to be possible.
const MAX_EXPANSION: usize = 32;

/// Required tags. `true`: the tag must not be set.
pub type Requirements<'c> = HashMap<&'c [u8], bool>;

/// Rules by the tag they set.
pub struct TagSources<'c> {
    matches: HashMap<&'c [u8], Vec<ClientSet>>,
    tag_ifs: HashMap<&'c [u8], Vec<&'c TagIf>>,
}

/// Clients that a rule matches.
enum ClientSet {
    /// Clients of these architectures.
    Architectures(Vec<u16>),
    /// Unknown.
    Unknown,
}

impl<'c> TagSources<'c> {
    /// The sources of all tags. Rules for hosts and relays are not included, because any client may match them.
    pub fn of(config: &'c Config) -> Self {
        let dhcp = &config.dhcp;
        let mut sources = Self { matches: HashMap::new(), tag_ifs: HashMap::new() };
        for rule in dhcp.option_matches.iter().map(|located| &located.value) {
            let clients = match &rule.matcher {
                OptionMatch::Code(CLIENT_ARCHITECTURE, value) => {
                    ClientSet::Architectures(architectures(&value.bytes))
                }
                OptionMatch::Code(VENDOR_CLASS, value) => ClientSet::of_class(&value.bytes),
                _ => ClientSet::Unknown,
            };
            sources.matches.entry(&rule.tag).or_default().push(clients);
        }
        for rule in dhcp.classes.iter().map(|located| &located.value) {
            let clients = match &rule.matcher {
                ClassMatch::Vendor(text) => ClientSet::of_class(text),
                ClassMatch::User(_) => ClientSet::Unknown,
            };
            sources.matches.entry(&rule.tag).or_default().push(clients);
        }
        for rule in dhcp.tag_ifs.iter().map(|located| &located.value) {
            for tag in &rule.set {
                sources.tag_ifs.entry(tag).or_default().push(rule);
            }
        }
        sources
    }

    /// The conditions, and the conditions of a `tag-if` that is the only source of a required tag. `None`: no client can
    /// satisfy all of them.
    pub fn expand(&self, conditions: &'c [Condition]) -> Option<Requirements<'c>> {
        let mut all = Requirements::new();
        let mut pending: Vec<&Condition> = conditions.iter().collect();
        while let Some(condition) = pending.pop().filter(|_| all.len() < MAX_EXPANSION) {
            match all.insert(&condition.tag, condition.negated) {
                Some(negated) if negated != condition.negated => return None,
                Some(_) => continue,
                None => {}
            }
            if let Some([rule]) = self.tag_ifs.get(&condition.tag[..]).map(Vec::as_slice)
                && !condition.negated
                && !self.matches.contains_key(&condition.tag[..])
            {
                pending.extend(rule.conditions.iter().take(MAX_EXPANSION));
            }
        }
        Some(all)
    }

    /// Whether a client of this architecture can have a tag: not if all its sources are for other architectures.
    pub fn can_set(&self, tag: &[u8], architecture: u16) -> bool {
        let includes = |clients: &ClientSet| match clients {
            ClientSet::Architectures(list) => list.contains(&architecture),
            ClientSet::Unknown => true,
        };
        let by_match = self.matches.get(tag);
        by_match.is_none_or(|rules| rules.len() > MAX_EXPANSION || rules.iter().any(includes))
            || self.tag_ifs.contains_key(tag)
    }
}

impl ClientSet {
    /// The clients of a vendor class such as `PXEClient:Arch:00007` (PXE 2.1, section 2.2.1).
    fn of_class(text: &[u8]) -> Self {
        architecture_of_class(text)
            .map_or(Self::Unknown, |number| Self::Architectures(vec![number]))
    }
}

/// The architecture in a vendor class.
pub fn architecture_of_class(text: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(text).ok()?;
    Architecture::from_vendor_class(text).map(|architecture| architecture.0)
}

/// The architectures in a value of option 93.
pub fn architectures(value: &[u8]) -> Vec<u16> {
    value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}
