//! Which ranges are for a request (docs/dnsmasq/proxydhcp.md, sections 2.4, 2.5).
//!
//! dnsmasq remembers netmasks and addresses of a range from one request to the next; here each request finds them
//! anew, as its first one would.

use super::ingress::Ingress;
use crate::byte_text::to_bytes;
use crate::config::{Config, Range, Rule, SharedNetwork};
use crate::net::{Address, Interfaces, same_network};
use conf_parser::SharedOn;
use std::net::Ipv4Addr;

/// A range that is for this request.
#[derive(Clone, Copy, Debug)]
pub struct MatchedRange<'c> {
    /// The range.
    pub range: &'c Rule<Range>,
    /// Its netmask: its own, or that of the interface.
    pub netmask: Ipv4Addr,
    /// Our address on its network, the server identifier.
    pub local: Ipv4Addr,
}

impl MatchedRange<'_> {
    /// Whether an address is on its network.
    pub fn holds(&self, address: Ipv4Addr) -> bool {
        in_range(&self.range.value, address, self.netmask)
    }
}

fn in_range(range: &Range, address: Ipv4Addr, netmask: Ipv4Addr) -> bool {
    same_network(range.start, address, netmask) && same_network(range.end, address, netmask)
}

/// An address the client is known by, other than the interface it came in by.
#[derive(Clone, Copy, Debug)]
pub enum SubnetHint {
    /// A subnet selector (RFC 3011, RFC 3527).
    Selector(Ipv4Addr),
    /// Its relay.
    Relay(Ipv4Addr),
    /// Its own.
    Client(Ipv4Addr),
}

/// The ranges for a request, in the order they are tried.
pub fn matching_ranges<'c>(
    config: &'c Config,
    interfaces: &Interfaces,
    place: &Ingress<'_>,
    origin: Option<SubnetHint>,
) -> Vec<MatchedRange<'c>> {
    let mut search = RangeSearch::new(config);
    let own = search.on_interface(interfaces, place);
    let (address, forced) = match origin {
        None => return own,
        Some(SubnetHint::Selector(address) | SubnetHint::Relay(address)) => (address, true),
        Some(SubnetHint::Client(address)) => (address, false),
    };
    if !forced && own.iter().any(|candidate| candidate.holds(address)) {
        return own;
    }
    let relay = matches!(origin, Some(SubnetHint::Relay(_)));
    let elsewhere = search.containing(address, relay, place.address);
    if elsewhere.is_empty() && !forced { own } else { elsewhere }
}

/// What is known of each range, in file order.
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

    /// Ranges around the addresses of the interface, and those that a `shared-network` brings there. Those of a later
    /// address come first.
    fn on_interface(
        &mut self,
        interfaces: &Interfaces,
        place: &Ingress<'_>,
    ) -> Vec<MatchedRange<'c>> {
        let mut found = Vec::new();
        let chosen =
            |address: &&Address| place.by_listen_address && address.ipv4() == Some(place.address);
        let first = interfaces.addresses.iter().filter(chosen);
        for address in first.chain(&interfaces.addresses) {
            let Some(ip) = address.ipv4() else { continue };
            self.add_shared(&mut found, address, ip, interfaces);
            self.infer_netmasks(ip, address.netmask());
            if address.interface == place.link.index {
                self.add_network(&mut found, ip, ip);
            }
        }
        found.into_iter().filter_map(|at| self.matched_range(at, place.address)).collect()
    }

    /// A `shared-network` of whatever interface counts, wherever the request came in.
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

    /// Ranges without a netmask have that of an address on their network.
    fn infer_netmasks(&mut self, ip: Ipv4Addr, netmask: Ipv4Addr) {
        for (range, known) in self.ranges.iter().zip(&mut self.netmasks) {
            let touches = same_network(range.value.start, ip, netmask)
                || same_network(range.value.end, ip, netmask);
            if range.value.netmask.is_none() && touches {
                *known = Some(netmask);
            }
        }
    }

    /// Puts the ranges of a network in front, with our address there.
    fn add_network(&mut self, found: &mut Vec<usize>, local: Ipv4Addr, network: Ipv4Addr) {
        for at in (0..self.ranges.len()).rev() {
            let known = self.netmasks[at].filter(|netmask| !netmask.is_unspecified());
            let fits = known.is_some_and(|mask| in_range(&self.ranges[at].value, network, mask));
            if fits && self.local_addresses[at].is_none() {
                self.local_addresses[at] = Some(local);
                found.insert(0, at);
            }
        }
    }

    /// Ranges around an address that is not ours. A netmask that is still unknown is guessed from the old classes.
    fn containing(
        &self,
        address: Ipv4Addr,
        relay: bool,
        fallback: Ipv4Addr,
    ) -> Vec<MatchedRange<'c>> {
        let of_relay = |shared: &&SharedNetwork| relay && shared.on == SharedOn::Address(address);
        let fits = |at: &usize| {
            let range = &self.ranges[*at].value;
            self.netmask(*at).is_some_and(|netmask| {
                let mut shared = self.shared.iter().filter(of_relay);
                in_range(range, address, netmask)
                    || shared.any(|shared| in_range(range, shared.network, netmask))
            })
        };
        (0..self.ranges.len())
            .filter(fits)
            .filter_map(|at| self.matched_range(at, fallback))
            .collect()
    }

    fn netmask(&self, at: usize) -> Option<Ipv4Addr> {
        let range = &self.ranges[at].value;
        let guess = || {
            classful_netmask(range.start)
                .filter(|netmask| classful_netmask(range.end) == Some(*netmask))
        };
        self.netmasks[at].or_else(guess).filter(|netmask| !netmask.is_unspecified())
    }

    fn matched_range(&self, at: usize, fallback: Ipv4Addr) -> Option<MatchedRange<'c>> {
        let netmask = self.netmask(at)?;
        Some(MatchedRange {
            range: &self.ranges[at],
            netmask,
            local: self.local_addresses[at].unwrap_or(fallback),
        })
    }
}

/// The netmask of an address's old class A, B or C.
fn classful_netmask(address: Ipv4Addr) -> Option<Ipv4Addr> {
    match address.octets()[0] {
        0..=127 => Some(Ipv4Addr::new(255, 0, 0, 0)),
        128..=191 => Some(Ipv4Addr::new(255, 255, 0, 0)),
        192..=223 => Some(Ipv4Addr::new(255, 255, 255, 0)),
        _ => None,
    }
}
