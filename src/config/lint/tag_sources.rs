//! What sets a tag: enough to tell which tags can never meet on one client.

use crate::config::Config;
use crate::wire::client_arch::Architecture;
use conf_parser::option::dhcp_match::{ClassMatch, OptionMatch, TagIf};
use conf_parser::primitives::Condition;
use std::collections::HashMap;

/// Option 93 (RFC 4578): what a client runs on.
pub const CLIENT_ARCHITECTURE: u32 = crate::wire::dhcp_option::CLIENT_ARCH as u32;
/// Option 60.
const VENDOR_CLASS: u32 = 60;
/// Conditions and rules that are followed; what goes beyond that is taken to be possible.
const MAX_EXPANSION: usize = 32;

/// Tags, and whether they must not be set.
pub type Unfolded<'c> = HashMap<&'c [u8], bool>;

/// Rules by the tag they set.
pub struct TagSources<'c> {
    matches: HashMap<&'c [u8], Vec<ClientSet>>,
    tag_ifs: HashMap<&'c [u8], Vec<&'c TagIf>>,
}

/// Which clients a rule is for.
enum ClientSet {
    /// Those of these architectures.
    Architectures(Vec<u16>),
    /// It cannot be told.
    Some,
}

impl<'c> TagSources<'c> {
    /// Those of a configuration. Rules for single machines and relays are left out: any client may fit them.
    pub fn of(config: &'c Config) -> Self {
        let dhcp = &config.dhcp;
        let mut setters = Self { matches: HashMap::new(), tag_ifs: HashMap::new() };
        for rule in dhcp.option_matches.iter().map(|placed| &placed.value) {
            let clients = match &rule.matcher {
                OptionMatch::Code(CLIENT_ARCHITECTURE, value) => {
                    ClientSet::Architectures(architectures(&value.bytes))
                }
                OptionMatch::Code(VENDOR_CLASS, value) => ClientSet::of_class(&value.bytes),
                _ => ClientSet::Some,
            };
            setters.matches.entry(&rule.tag).or_default().push(clients);
        }
        for rule in dhcp.classes.iter().map(|placed| &placed.value) {
            let clients = match &rule.matcher {
                ClassMatch::Vendor(text) => ClientSet::of_class(text),
                ClassMatch::User(_) => ClientSet::Some,
            };
            setters.matches.entry(&rule.tag).or_default().push(clients);
        }
        for rule in dhcp.tag_ifs.iter().map(|placed| &placed.value) {
            rule.set.iter().for_each(|tag| setters.tag_ifs.entry(tag).or_default().push(rule));
        }
        setters
    }

    /// The conditions, and those that must hold because a tag is set by a single `tag-if`. `None`: no client can fulfil
    /// them all.
    pub fn expand(&self, conditions: &'c [Condition]) -> Option<Unfolded<'c>> {
        let mut all = Unfolded::new();
        let mut waiting: Vec<&Condition> = conditions.iter().collect();
        while let Some(condition) = waiting.pop().filter(|_| all.len() < MAX_EXPANSION) {
            match all.insert(&condition.tag, condition.negated) {
                Some(negated) if negated != condition.negated => return None,
                Some(_) => continue,
                None => {}
            }
            if let Some([rule]) = self.tag_ifs.get(&condition.tag[..]).map(Vec::as_slice)
                && !condition.negated
                && !self.matches.contains_key(&condition.tag[..])
            {
                waiting.extend(rule.conditions.iter().take(MAX_EXPANSION));
            }
        }
        Some(all)
    }

    /// Whether a client of that architecture may have a tag that something sets: not if all that sets it is for other
    /// architectures.
    pub fn can_set(&self, tag: &[u8], architecture: u16) -> bool {
        let fits = |clients: &ClientSet| match clients {
            ClientSet::Architectures(list) => list.contains(&architecture),
            ClientSet::Some => true,
        };
        let by_match = self.matches.get(tag);
        by_match.is_none_or(|rules| rules.len() > MAX_EXPANSION || rules.iter().any(fits))
            || self.tag_ifs.contains_key(tag)
    }
}

impl ClientSet {
    /// `PXEClient:Arch:00007…` (PXE 2.1, section 2.2.1): those of that architecture.
    fn of_class(text: &[u8]) -> Self {
        architecture_of_class(text).map_or(Self::Some, |number| Self::Architectures(vec![number]))
    }
}

/// The architecture that a vendor class names.
pub fn architecture_of_class(text: &[u8]) -> Option<u16> {
    let text = std::str::from_utf8(text).ok()?;
    Architecture::from_vendor_class(text).map(|architecture| architecture.0)
}

/// The architectures of option 93.
pub fn architectures(value: &[u8]) -> Vec<u16> {
    value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}
