//! Where we listen (docs/dnsmasq/proxydhcp.md, section 2.2; docs/dnsmasq/tftp.md, section 1.1).

use super::{Located, Origin};
use crate::byte_text::{to_bytes, to_text};
use crate::net::{Interfaces, interface_matches};
use std::net::IpAddr;

/// A pattern of interface names, and where it was written.
pub type Pattern = Located<Vec<u8>>;

/// The filters, and how sockets are bound.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Patterns of `interface`.
    pub interfaces: Vec<Pattern>,
    /// Patterns of `except-interface`.
    pub except: Vec<Pattern>,
    /// Patterns of `no-dhcp-interface`.
    pub no_dhcp: Vec<Pattern>,
    /// Patterns of `no-dhcpv4-interface`.
    pub no_dhcpv4: Vec<Pattern>,
    /// Addresses of `listen-address`.
    pub listen: Vec<IpAddr>,
    /// How sockets are bound.
    pub binding: Binding,
}

/// How sockets are bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// To the wildcard address; what is not for us is dropped as it comes.
    #[default]
    Wildcard,
    /// To each address there is at the start.
    Interfaces,
    /// To each address, as it comes and goes.
    Dynamic,
    /// Both were asked for, which ends the start.
    Contradictory,
}

impl Binding {
    /// What holds when this is asked for on top of what was.
    #[must_use]
    pub fn and(self, asked: Self) -> Self {
        if self == Self::Wildcard || self == asked { asked } else { Self::Contradictory }
    }
}

impl Network {
    /// Whether no line restricts interfaces or addresses.
    pub fn is_unfiltered(&self) -> bool {
        self.interfaces.is_empty() && self.except.is_empty() && self.listen.is_empty()
    }

    /// Whether requests on an interface, for one of its addresses, are ours.
    pub fn accepts(&self, name: &str, loopback: bool, address: Option<IpAddr>) -> bool {
        let by_name =
            matching(&self.interfaces, name).is_some() || (loopback && !self.interfaces.is_empty());
        let by_address = address.is_some_and(|address| self.listen.contains(&address));
        let open = self.interfaces.is_empty() && self.listen.is_empty();
        by_address || ((open || by_name) && self.excepts(name).is_none())
    }

    /// The `interface` line that names an interface.
    pub fn names(&self, name: &str) -> Option<&Origin> {
        matching(&self.interfaces, name)
    }

    /// The `except-interface` that keeps everything off an interface, unless a `listen-address` is there.
    pub fn excepts(&self, name: &str) -> Option<&Origin> {
        matching(&self.except, name)
    }

    /// The line that keeps DHCP off an interface.
    pub fn refuses_dhcp(&self, name: &str) -> Option<&Origin> {
        matching(&self.no_dhcp, name).or_else(|| matching(&self.no_dhcpv4, name))
    }

    /// Whether TFTP is, where it is served as DHCP is.
    pub fn refuses_tftp(&self, name: &str) -> bool {
        matching(&self.no_dhcp, name).is_some()
    }
}

/// Where the first pattern was written that a name fits.
fn matching<'n>(patterns: &'n [Pattern], name: &str) -> Option<&'n Origin> {
    let fits = |pattern: &&Pattern| interface_matches(&pattern.value, &to_bytes(name));
    patterns.iter().find(fits).map(|pattern| &pattern.origin)
}

/// Names of `interface` that no interface with an address has.
pub fn missing_interfaces(network: &Network, interfaces: &Interfaces) -> Vec<String> {
    let is_there = |pattern: &Pattern| {
        let mut names = interfaces.addresses.iter().filter_map(|one| interfaces.name_of(one));
        names.any(|name| interface_matches(&pattern.value, &to_bytes(name)))
    };
    let named = network.interfaces.iter().filter(|pattern| !pattern.value.is_empty());
    named.filter(|pattern| !is_there(pattern)).map(|pattern| to_text(&pattern.value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn names(list: &[&str]) -> Vec<Pattern> {
        let pattern =
            |name: &&str| Located { origin: Origin::default(), value: name.as_bytes().to_vec() };
        list.iter().map(pattern).collect()
    }

    #[test]
    fn nothing_named_is_everything_but_the_exceptions() {
        let network = Network { except: names(&["wan*"]), ..Network::default() };
        assert!(network.accepts("eth0", false, None));
        assert!(!network.accepts("wan0", false, None));
    }

    #[test]
    fn a_listen_address_beats_an_exception() {
        let ours = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
        let network =
            Network { except: names(&["eth0"]), listen: vec![ours], ..Network::default() };
        assert!(network.accepts("eth0", false, Some(ours)));
        assert!(!network.accepts("eth1", false, None));
    }

    #[test]
    fn naming_an_interface_names_loopback_too() {
        let network = Network { interfaces: names(&["eth0"]), ..Network::default() };
        assert!(network.accepts("lo", true, None));
        assert!(!network.accepts("eth1", false, None));
    }
}
