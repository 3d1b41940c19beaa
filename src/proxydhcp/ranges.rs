//! The ranges that match a request (docs/dnsmasq/proxydhcp.md, sections 2.4, 2.5).
//!
//! dnsmasq keeps the netmask and the local address of a range from one request to the next. Here they are computed for
//! each request, as dnsmasq does for the first one (D-010).

use super::ingress::Ingress;
use crate::byte_text::to_bytes;
use crate::config::{Config, Range, Rule, SharedNetwork};
use crate::net::{Address, Interfaces, same_network};
use conf_parser::SharedOn;
use std::net::Ipv4Addr;

/// A range that matches a request.
#[derive(Clone, Copy, Debug)]
pub struct MatchedRange<'c> {
    /// The range.
    pub range: &'c Rule<Range>,
    /// The netmask of the range, else of the interface.
    pub netmask: Ipv4Addr,
    /// Our address on its network: the server identifier.
    pub local: Ipv4Addr,
}

impl MatchedRange<'_> {
    /// Whether an address is on the network of the range.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        in_range(&self.range.value, address, self.netmask)
    }
}

fn in_range(range: &Range, address: Ipv4Addr, netmask: Ipv4Addr) -> bool {
    same_network(range.start, address, netmask) && same_network(range.end, address, netmask)
}

/// An address that selects the network of a client, instead of the receiving interface.
#[derive(Clone, Copy, Debug)]
pub enum SubnetHint {
    /// A subnet selector (RFC 3011, RFC 3527).
    Selector(Ipv4Addr),
    /// The relay agent.
    Relay(Ipv4Addr),
    /// The address of the client.
    Client(Ipv4Addr),
}

/// The ranges that match a request, in the order in which they are tried.
pub fn matching_ranges<'c>(
    config: &'c Config,
    interfaces: &Interfaces,
    ingress: &Ingress<'_>,
    hint: Option<SubnetHint>,
) -> Vec<MatchedRange<'c>> {
    let mut search = RangeSearch::new(config);
    let own = search.on_interface(interfaces, ingress);
    let (address, forced) = match hint {
        None => return own,
        Some(SubnetHint::Selector(address) | SubnetHint::Relay(address)) => (address, true),
        Some(SubnetHint::Client(address)) => (address, false),
    };
    if !forced && own.iter().any(|matched| matched.holds(address)) {
        return own;
    }
    let relay = matches!(hint, Some(SubnetHint::Relay(_)));
    let remote = search.containing(address, relay, ingress.address);
    if remote.is_empty() && !forced { own } else { remote }
}

/// Netmask and local address of each range, as far as they are known. Vectors are in the order of the file.
struct RangeSearch<'c> {
    ranges: &'c [Rule<Range>],
    shared: &'c [SharedNetwork],
    netmasks: Vec<Option<Ipv4Addr>>,
    local_addresses: Vec<Option<Ipv4Addr>>,
}

impl<'c> RangeSearch<'c> {
    fn new(config: &'c Config) -> Self {
        let ranges = &config.dhcp.ranges[..];
        let netmasks = ranges.iter().map(|range| range.value.netmask).collect();
        Self {
            ranges,
            shared: &config.dhcp.shared_networks,
            netmasks,
            local_addresses: vec![None; ranges.len()],
        }
    }

    /// Ranges that contain an address of the interface, and those that `shared-network` adds. Those of a later address
    /// come first.
    fn on_interface(
        &mut self,
        interfaces: &Interfaces,
        ingress: &Ingress<'_>,
    ) -> Vec<MatchedRange<'c>> {
        let mut found = Vec::new();
        let is_selected = |address: &&Address| {
            ingress.by_listen_address && address.ipv4() == Some(ingress.address)
        };
        let first = interfaces.addresses.iter().filter(is_selected);
        for address in first.chain(&interfaces.addresses) {
            let Some(ip) = address.ipv4() else { continue };
            self.add_shared(&mut found, address, ip, interfaces);
            self.infer_netmasks(ip, address.netmask());
            if address.interface == ingress.link.index {
                self.add_network(&mut found, ip, ip);
            }
        }
        found.into_iter().filter_map(|index| self.matched_range(index, ingress.address)).collect()
    }

    /// As in dnsmasq the `shared-network` lines of all interfaces count, not only of the receiving one.
    fn add_shared(
        &mut self,
        found: &mut Vec<usize>,
        address: &Address,
        ip: Ipv4Addr,
        interfaces: &Interfaces,
    ) {
        if self.shared.is_empty() {
            return;
        }
        let name = interfaces.by_index(address.interface).map(|link| to_bytes(&link.name));
        for shared in self.shared.iter().rev() {
            let is_here = match &shared.on {
                SharedOn::Address(known) => *known == ip,
                SharedOn::Interface(known) => name.as_deref() == Some(&known[..]),
                SharedOn::Address6(_) => false,
            };
            if is_here {
                self.add_network(found, ip, shared.network);
            }
        }
    }

    /// Ranges without a netmask get that of an address on their network.
    fn infer_netmasks(&mut self, ip: Ipv4Addr, netmask: Ipv4Addr) {
        for (range, known) in self.ranges.iter().zip(&mut self.netmasks) {
            let touches = same_network(range.value.start, ip, netmask)
                || same_network(range.value.end, ip, netmask);
            if range.value.netmask.is_none() && touches {
                *known = Some(netmask);
            }
        }
    }

    /// Prepends the ranges that contain `network`, with `local` as our address.
    fn add_network(&mut self, found: &mut Vec<usize>, local: Ipv4Addr, network: Ipv4Addr) {
        for index in (0..self.ranges.len()).rev() {
            let known = self.netmasks[index].filter(|netmask| !netmask.is_unspecified());
            let fits = known.is_some_and(|mask| in_range(&self.ranges[index].value, network, mask));
            if fits && self.local_addresses[index].is_none() {
                self.local_addresses[index] = Some(local);
                found.insert(0, index);
            }
        }
    }

    /// Ranges that contain an address of another network. An unknown netmask is the classful one.
    fn containing(
        &self,
        address: Ipv4Addr,
        relay: bool,
        fallback: Ipv4Addr,
    ) -> Vec<MatchedRange<'c>> {
        let of_relay = |shared: &&SharedNetwork| relay && shared.on == SharedOn::Address(address);
        let fits = |index: &usize| {
            let range = &self.ranges[*index].value;
            self.netmask(*index).is_some_and(|netmask| {
                let mut shared = self.shared.iter().filter(of_relay);
                in_range(range, address, netmask)
                    || shared.any(|shared| in_range(range, shared.network, netmask))
            })
        };
        (0..self.ranges.len())
            .filter(fits)
            .filter_map(|index| self.matched_range(index, fallback))
            .collect()
    }

    fn netmask(&self, index: usize) -> Option<Ipv4Addr> {
        let range = &self.ranges[index].value;
        let classful = || {
            classful_netmask(range.start)
                .filter(|netmask| classful_netmask(range.end) == Some(*netmask))
        };
        self.netmasks[index].or_else(classful).filter(|netmask| !netmask.is_unspecified())
    }

    fn matched_range(&self, index: usize, fallback: Ipv4Addr) -> Option<MatchedRange<'c>> {
        let netmask = self.netmask(index)?;
        Some(MatchedRange {
            range: &self.ranges[index],
            netmask,
            local: self.local_addresses[index].unwrap_or(fallback),
        })
    }
}

/// The netmask of class A, B or C (RFC 791, section 3.2).
fn classful_netmask(address: Ipv4Addr) -> Option<Ipv4Addr> {
    match address.octets()[0] {
        0..=127 => Some(Ipv4Addr::new(255, 0, 0, 0)),
        128..=191 => Some(Ipv4Addr::new(255, 255, 0, 0)),
        192..=223 => Some(Ipv4Addr::new(255, 255, 255, 0)),
        _ => None,
    }
}
