//! Where we listen (spec: proxyDHCP, section 2.2; TFTP, section 1.1).

use crate::net::any_interface_matches;
use std::net::IpAddr;

/// The filters, and how sockets are bound.
#[derive(Clone, Debug, Default)]
pub struct Network {
    /// Patterns of `interface`.
    pub interfaces: Vec<Vec<u8>>,
    /// Patterns of `except-interface`.
    pub except: Vec<Vec<u8>>,
    /// Patterns of `no-dhcp-interface`.
    pub no_dhcp: Vec<Vec<u8>>,
    /// Patterns of `no-dhcpv4-interface`.
    pub no_dhcpv4: Vec<Vec<u8>>,
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
    /// Whether requests on an interface, for one of its addresses, are ours.
    pub fn accepts(&self, name: &str, loopback: bool, address: Option<IpAddr>) -> bool {
        let by_name = any_interface_matches(&self.interfaces, name)
            || (loopback && !self.interfaces.is_empty());
        let by_address = address.is_some_and(|address| self.listen.contains(&address));
        let open = self.interfaces.is_empty() && self.listen.is_empty();
        by_address || ((open || by_name) && !any_interface_matches(&self.except, name))
    }

    /// Whether DHCP is kept off an interface.
    pub fn refuses_dhcp(&self, name: &str) -> bool {
        any_interface_matches(&self.no_dhcp, name) || any_interface_matches(&self.no_dhcpv4, name)
    }

    /// Whether TFTP is, where it is served as DHCP is.
    pub fn refuses_tftp(&self, name: &str) -> bool {
        any_interface_matches(&self.no_dhcp, name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::Ipv4Addr;

    fn names(list: &[&str]) -> Vec<Vec<u8>> {
        list.iter().map(|name| name.as_bytes().to_vec()).collect()
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
