//! Interfaces and addresses that are served (docs/dnsmasq/proxydhcp.md, section 2.2; docs/dnsmasq/tftp.md, section 1.1).

use super::{Located, Origin};
use crate::byte_text::{to_bytes, to_text};
use crate::net::{Interfaces, interface_matches};
use std::net::IpAddr;

/// A pattern of interface names, and its line.
pub type Pattern = Located<Vec<u8>>;

/// The filters of interfaces and addresses, and how sockets are bound.
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
    /// Patterns of `no-dhcpv6-interface`.
    pub no_dhcpv6: Vec<Pattern>,
    /// Addresses of `listen-address`.
    pub listen: Vec<Located<IpAddr>>,
    /// How sockets are bound.
    pub binding: Binding,
}

/// How sockets are bound.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Binding {
    /// To the wildcard address; packets of other interfaces are dropped on receipt.
    #[default]
    Wildcard,
    /// To each address that exists at the start (`bind-interfaces`).
    Interfaces,
    /// To each address, also those that appear later (`bind-dynamic`).
    Dynamic,
    /// Both options are given, which is a start-up error.
    Contradictory,
}

impl Binding {
    /// The result of a further option; two different options contradict each other.
    #[must_use]
    pub fn and(self, requested: Self) -> Self {
        if self == Self::Wildcard || self == requested { requested } else { Self::Contradictory }
    }
}

impl Network {
    /// Whether no line restricts interfaces or addresses.
    pub fn is_unfiltered(&self) -> bool {
        self.interfaces.is_empty() && self.except.is_empty() && self.listen.is_empty()
    }

    /// Whether requests on interface `name` to `address` are answered.
    pub fn accepts(&self, name: &str, loopback: bool, address: Option<IpAddr>) -> bool {
        let by_name =
            matching(&self.interfaces, name).is_some() || (loopback && !self.interfaces.is_empty());
        let by_address = address.is_some_and(|address| self.listens_on(address));
        let open = self.interfaces.is_empty() && self.listen.is_empty();
        by_address || ((open || by_name) && self.excepts(name).is_none())
    }

    /// Whether `listen-address` names an address.
    pub fn listens_on(&self, address: IpAddr) -> bool {
        self.listen.iter().any(|listen| listen.value == address)
    }

    /// The `interface` line that matches an interface.
    pub fn names(&self, name: &str) -> Option<&Origin> {
        matching(&self.interfaces, name)
    }

    /// The `except-interface` line that excludes an interface. A `listen-address` on the interface overrides it.
    pub fn excepts(&self, name: &str) -> Option<&Origin> {
        matching(&self.except, name)
    }

    /// The line that disables DHCP on an interface.
    pub fn refuses_dhcp(&self, name: &str) -> Option<&Origin> {
        matching(&self.no_dhcp, name).or_else(|| matching(&self.no_dhcpv4, name))
    }

    /// Whether `DHCPv4` and `DHCPv6` are both disabled on an interface.
    pub fn refuses_dhcp_of_both_versions(&self, name: &str) -> bool {
        matching(&self.no_dhcp, name).is_some()
            || (matching(&self.no_dhcpv4, name).is_some()
                && matching(&self.no_dhcpv6, name).is_some())
    }

    /// Whether TFTP requests on an interface are dropped, if `enable-tftp` names no interfaces.
    pub fn refuses_tftp(&self, name: &str) -> bool {
        matching(&self.no_dhcp, name).is_some()
    }

    /// Whether the addresses of an interface get no TFTP sockets of their own, if `enable-tftp` names no interfaces. In
    /// dnsmasq, `no-dhcpv6-interface` is enough, for IPv4 addresses too (docs/dnsmasq/tftp.md, section 1.1).
    pub fn refuses_tftp_sockets(&self, name: &str) -> bool {
        let lists = [&self.no_dhcp, &self.no_dhcpv4, &self.no_dhcpv6];
        lists.into_iter().any(|list| matching(list, name).is_some())
    }
}

/// The line of the first pattern that matches `name`.
fn matching<'n>(patterns: &'n [Pattern], name: &str) -> Option<&'n Origin> {
    let matches = |pattern: &&Pattern| interface_matches(&pattern.value, &to_bytes(name));
    patterns.iter().find(matches).map(|pattern| &pattern.origin)
}

/// Names in `interface` lines that match no interface with an address.
pub fn missing_interfaces(network: &Network, interfaces: &Interfaces) -> Vec<String> {
    let missing = missing_patterns(network, interfaces);
    missing.into_iter().map(|pattern| to_text(&pattern.value)).collect()
}

/// The same names, with their lines.
pub fn missing_patterns<'n>(network: &'n Network, interfaces: &Interfaces) -> Vec<&'n Pattern> {
    let exists = |pattern: &Pattern| {
        let mut names = interfaces.addresses.iter().filter_map(|one| interfaces.name_of(one));
        names.any(|name| interface_matches(&pattern.value, &to_bytes(name)))
    };
    let named = network.interfaces.iter().filter(|pattern| !pattern.value.is_empty());
    named.filter(|pattern| !exists(pattern)).collect()
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
    fn without_interface_lines_all_but_excepted_interfaces_are_accepted() {
        let network = Network { except: names(&["wan*"]), ..Network::default() };
        assert!(network.accepts("eth0", false, None));
        assert!(!network.accepts("wan0", false, None));
    }

    #[test]
    fn listen_address_overrides_except_interface() {
        let ours = IpAddr::from(Ipv4Addr::new(10, 0, 0, 1));
        let listen = Located { origin: Origin::default(), value: ours };
        let network =
            Network { except: names(&["eth0"]), listen: vec![listen], ..Network::default() };
        assert!(network.accepts("eth0", false, Some(ours)));
        assert!(!network.accepts("eth1", false, None));
    }

    #[test]
    fn interface_line_accepts_loopback_too() {
        let network = Network { interfaces: names(&["eth0"]), ..Network::default() };
        assert!(network.accepts("lo", true, None));
        assert!(!network.accepts("eth1", false, None));
    }
}
