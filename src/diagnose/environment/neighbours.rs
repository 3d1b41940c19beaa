//! Networks with more addresses than the kernel's neighbour table can have entries.
//!
//! The kernel needs an entry for each client on the link, also to answer its ARP request. While the table is full, a client
//! without an entry gets no answer of any kind.

use super::networks::serves_dhcp;
use crate::config::{Config, Origin, Range, RangeKind, Rule};
use crate::finding::{Finding, Level};
use crate::net::{Address, Interfaces, same_network};
use crate::reason::ConfigReason;
use std::net::Ipv4Addr;

/// A network of this machine that a proxy range serves, with more addresses than the neighbour table can have entries.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LargeNetwork<'a> {
    /// The line of the range.
    pub line: &'a Origin,
    /// `eth0 (10.0.0.1/16)`
    pub interface: String,
    /// Addresses of hosts.
    pub addresses: u32,
}

/// Upper bound of the clients that boot from one server. A larger network is not expected to be full.
const MAX_CLIENTS: u32 = 16_384;

/// The networks of proxy ranges with more addresses than `limit`, those with the most first.
pub fn large_networks<'a>(
    config: &'a Config,
    interfaces: &Interfaces,
    limit: u32,
) -> Vec<LargeNetwork<'a>> {
    let proxies = config.dhcp.ranges.iter().filter(|rule| rule.value.kind == RangeKind::Proxy);
    let networks = proxies.flat_map(|rule| {
        interfaces.addresses.iter().filter_map(|one| network(config, interfaces, rule, one))
    });
    let mut large: Vec<_> = networks.filter(|network| network.addresses > limit).collect();
    large.sort_by_key(|network| std::cmp::Reverse(network.addresses));
    large
}

/// The network of an address of this machine, if the range serves it. The interface has its size: only these addresses are
/// neighbours.
fn network<'a>(
    config: &Config,
    interfaces: &Interfaces,
    rule: &'a Rule<Range>,
    address: &Address,
) -> Option<LargeNetwork<'a>> {
    let (ours, netmask) = (address.ipv4()?, rule.value.netmask.unwrap_or(address.netmask()));
    let link = interfaces.by_index(address.interface).filter(|link| !link.loopback)?;
    let is_served = same_network(ours, rule.value.start, netmask)
        && serves_dhcp(&config.network, interfaces, link);
    is_served.then(|| LargeNetwork {
        line: &rule.origin,
        interface: format!("{} ({ours}/{})", link.name, address.prefix),
        addresses: (!u32::from(address.netmask())).saturating_sub(1),
    })
}

/// Whether an address is that of another host on a link, in a network that a proxy range serves there.
pub fn is_served_host(
    config: &Config,
    interfaces: &Interfaces,
    interface: u32,
    host: Ipv4Addr,
) -> bool {
    let is_own = interfaces.addresses.iter().any(|one| one.ipv4() == Some(host));
    let mut here = interfaces.addresses_of(interface);
    let proxies = || config.dhcp.ranges.iter().filter(|rule| rule.value.kind == RangeKind::Proxy);
    !is_own
        && here.any(|one| {
            let bits = !u32::from(one.netmask());
            let is_host = ![0, bits].contains(&(u32::from(host) & bits));
            is_host
                && one.ipv4().is_some_and(|ours| same_network(ours, host, one.netmask()))
                && proxies().any(|rule| network(config, interfaces, rule, one).is_some())
        })
}

/// Hints for `--test` about networks with more addresses than the neighbour table can have entries. They are hints, because
/// most large networks have few clients; there are none if the limit was raised to `MAX_CLIENTS`.
pub fn neighbour_findings(config: &Config, interfaces: &Interfaces, limit: u32) -> Vec<Finding> {
    if limit >= MAX_CLIENTS {
        return Vec::new();
    }
    let finding = |network: LargeNetwork<'_>| {
        let LargeNetwork { line, interface, addresses } = network;
        let command = sysctl_command(limit, Some(addresses));
        let reason = ConfigReason::NeighbourLimit { interface, addresses, limit, command };
        Finding::at(Level::Hint, line, reason)
    };
    large_networks(config, interfaces, limit).into_iter().map(finding).collect()
}

/// The command that sets a higher limit: for all addresses of the network, but at least twice the limit, and at most for
/// `MAX_CLIENTS` clients if the limit is lower.
pub fn sysctl_command(limit: u32, addresses: Option<u32>) -> String {
    let clients = addresses.unwrap_or(MAX_CLIENTS).min(MAX_CLIENTS);
    let wanted = clients.max(limit.saturating_mul(2).min(1 << 30)).next_power_of_two();
    let key = "net.ipv4.neigh.default.gc_thresh";
    format!("sysctl -w {key}1={} {key}2={} {key}3={wanted}", wanted / 4, wanted / 2)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::build::built;
    use crate::net::Link;

    /// lo, eth0 with 10.1.0.1/16 and eth1 with 192.168.1.1/24.
    fn machine() -> Interfaces {
        let link = |index, name: &str| Link { index, name: name.to_owned(), ..Link::default() };
        let address = |interface, ip: [u8; 4], prefix| Address {
            interface,
            ip: ip.into(),
            prefix,
            label: None,
        };
        Interfaces {
            links: vec![Link { loopback: true, ..link(1, "lo") }, link(2, "eth0"), link(3, "eth1")],
            addresses: vec![
                address(1, [127, 0, 0, 1], 8),
                address(2, [10, 1, 0, 1], 16),
                address(3, [192, 168, 1, 1], 24),
            ],
        }
    }

    fn hints(text: &str, limit: u32) -> Vec<String> {
        let findings = neighbour_findings(&config(text), &machine(), limit);
        findings.iter().map(|finding| format!("{}: {finding}", finding.level)).collect()
    }

    fn config(text: &str) -> Config {
        built(text).config
    }

    #[test]
    fn host_on_a_served_link_is_neither_own_nor_a_broadcast_address() {
        let served = |text: &str, interface, host: [u8; 4]| {
            is_served_host(&config(text), &machine(), interface, host.into())
        };
        let range = "dhcp-range=10.1.0.0,proxy";
        assert!(served(range, 2, [10, 1, 7, 9]));
        for (text, interface, host) in [
            (range, 2, [10, 1, 0, 1]),
            (range, 2, [10, 1, 0, 0]),
            (range, 2, [10, 1, 255, 255]),
            (range, 2, [10, 2, 0, 9]),
            (range, 2, [192, 168, 1, 9]),
            (range, 3, [192, 168, 1, 9]),
            (range, 3, [10, 1, 7, 9]),
            (range, 1, [127, 0, 0, 9]),
            ("dhcp-range=10.1.0.0,proxy\nno-dhcp-interface=eth0", 2, [10, 1, 7, 9]),
        ] {
            assert!(!served(text, interface, host), "{text} {interface} {host:?}");
        }
    }

    #[test]
    fn network_with_more_addresses_than_the_limit_is_a_hint_with_the_command() {
        let key = "net.ipv4.neigh.default.gc_thresh";
        let expected = format!(
            "hint: c:1: dhcp-range: the network of eth0 (10.1.0.1/16) has 65534 addresses, and the kernel of this machine keeps \
             at most 1024 neighbours: if more clients boot within a minute, the others get no answer; set a higher limit: \
             sysctl -w {key}1=4096 {key}2=8192 {key}3=16384"
        );
        for range in
            ["10.1.0.0,proxy", "10.1.0.0,proxy,255.255.0.0", "10.1.0.5,proxy,255.255.255.0"]
        {
            let found = hints(&format!("dhcp-range={range}"), 1024);
            assert_eq!(found, [&*expected], "{range}");
        }
    }

    #[test]
    fn small_network_high_limit_and_interface_that_is_not_served_have_no_hint() {
        for (text, limit) in [
            ("dhcp-range=192.168.1.0,proxy", 1024),
            ("dhcp-range=192.168.1.0,proxy", 254),
            ("dhcp-range=10.1.0.0,proxy", 65_534),
            ("dhcp-range=10.1.0.0,proxy", MAX_CLIENTS),
            ("dhcp-range=10.1.0.0,proxy\nexcept-interface=eth0", 1024),
            ("dhcp-range=127.0.0.0,proxy", 1024),
            ("dhcp-range=172.16.0.0,proxy", 1024),
            ("dhcp-range=10.1.0.5,10.1.0.9", 1024),
        ] {
            assert_eq!(hints(text, limit), [""; 0], "{text} {limit}");
        }
        assert_eq!(hints("dhcp-range=192.168.1.0,proxy", 253).len(), 1);
    }

    #[test]
    fn command_sets_at_least_twice_the_limit() {
        let third = |limit, addresses| {
            let command = sysctl_command(limit, addresses);
            command.rsplit('=').next().unwrap().parse::<u32>().unwrap()
        };
        assert_eq!(third(1024, Some(1022)), 2048);
        assert_eq!(third(1024, Some(4094)), 4096);
        assert_eq!(third(1024, None), 16_384);
        assert_eq!(third(16_384, Some(16_777_214)), 32_768);
        assert_eq!(third(u32::MAX, None), 1 << 30);
    }
}
