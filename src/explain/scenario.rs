//! The interface and addresses of a simulation. If the configuration is for another machine, an interface is assumed.

use super::client_spec::ClientSpec;
use crate::byte_text::to_text;
use crate::config::{Config, RangeKind};
use crate::net::{Address, Interfaces, Link, same_network};
use std::net::Ipv4Addr;

/// The interfaces and addresses of a simulation.
#[derive(Clone, Debug)]
pub struct Scenario {
    /// All interfaces of this machine, and the assumed one if there is one.
    pub interfaces: Interfaces,
    /// Index of the interface that receives the requests.
    pub index: u32,
    /// Name of that interface.
    pub name: String,
    /// Our address on that interface.
    pub server_address: Ipv4Addr,
    /// The address of the client after its DHCP server has assigned one.
    pub client_address: Ipv4Addr,
    /// Assumptions, as sentences.
    pub assumed: Vec<String>,
}

const DEFAULT_INTERFACE: &str = "eth0";
const DEFAULT_PREFIX_LEN: u8 = 24;
/// An address for documentation (RFC 5737).
const DOC_ADDRESS: Ipv4Addr = Ipv4Addr::new(192, 0, 2, 1);

impl Scenario {
    /// The scenario for a client.
    pub fn of(config: &Config, interfaces: &Interfaces, client: &ClientSpec) -> Self {
        let mut interfaces = interfaces.clone();
        let mut assumed = Vec::new();
        let absent = absent(config, &interfaces);
        let named = client.interface.as_deref().or(absent.as_deref());
        let index = match named {
            Some(name) => interfaces.by_name(name).map(|link| link.index),
            None => served(config, &interfaces),
        };
        let index = index.unwrap_or_else(|| {
            let name = named.unwrap_or(DEFAULT_INTERFACE);
            let address = synthesize_interface(config, name, &mut interfaces);
            assumed
                .push(format!("this machine has an interface {name} with the address {address}"));
            interfaces.links.last().map_or(0, |link| link.index)
        });
        let name = interfaces.by_index(index).map_or_else(String::new, |link| link.name.clone());
        // Of several addresses one on the network of a range is preferred.
        let addresses =
            || interfaces.addresses_of(index).filter(|address| address.ipv4().is_some());
        let own = addresses().find(|address| is_on_range(config, address)).or(addresses().next());
        let ours = own.and_then(Address::ipv4).unwrap_or(Ipv4Addr::UNSPECIFIED);
        let theirs = client.address.unwrap_or_else(|| {
            let netmask = own.map_or(Ipv4Addr::BROADCAST, Address::netmask);
            let address = match client.relay {
                Some(relay) => neighbour(relay, netmask_of(config, relay)),
                None => neighbour(ours, netmask),
            };
            assumed.push(format!("its DHCP server gives it the address {address}"));
            address
        });
        Self { interfaces, index, name, server_address: ours, client_address: theirs, assumed }
    }
}

/// The first configured interface, if this machine has none of them: the configuration is for another machine.
fn absent(config: &Config, interfaces: &Interfaces) -> Option<String> {
    let names = config.network.interfaces.iter().map(|name| to_text(&name.value));
    let names: Vec<_> = names.filter(|name| !name.is_empty() && !name.contains('*')).collect();
    let is_here =
        |name: &str| interfaces.addresses.iter().any(|one| interfaces.name_of(one) == Some(name));
    let first = names.first()?.clone();
    (!names.iter().any(|name| is_here(name))).then_some(first)
}

/// The netmask of the range with the address of a relay agent.
fn netmask_of(config: &Config, relay: Ipv4Addr) -> Ipv4Addr {
    let holds = |mask: &Ipv4Addr, start: Ipv4Addr| same_network(relay, start, *mask);
    let mut masks = config
        .dhcp
        .ranges
        .iter()
        .filter_map(|range| range.value.netmask.filter(|mask| holds(mask, range.value.start)));
    masks.next().unwrap_or(Ipv4Addr::new(255, 255, 255, 0))
}

fn is_on_range(config: &Config, address: &Address) -> bool {
    let Some(ours) = address.ipv4() else { return false };
    let proxies = config.dhcp.ranges.iter().filter(|range| range.value.kind == RangeKind::Proxy);
    proxies
        .map(|range| &range.value)
        .any(|range| same_network(ours, range.start, range.netmask.unwrap_or(address.netmask())))
}

/// The interface on the network of a range, else the first one that is listened on.
fn served(config: &Config, interfaces: &Interfaces) -> Option<u32> {
    let listened = |address: &&Address| {
        let link = interfaces.by_index(address.interface);
        address.ipv4().is_some()
            && link.is_some_and(|link| {
                config.network.accepts(&link.name, link.loopback, Some(address.ip))
            })
    };
    let on_range = |address: &&Address| is_on_range(config, address);
    let is_not_loopback = |address: &&Address| {
        interfaces.by_index(address.interface).is_some_and(|link| !link.loopback)
    };
    let all = || interfaces.addresses.iter().filter(listened);
    let found = all().find(on_range).or_else(|| all().find(is_not_loopback))?;
    Some(found.interface)
}

/// Adds an interface on the network of the first proxy range and returns its address.
fn synthesize_interface(config: &Config, name: &str, interfaces: &mut Interfaces) -> Ipv4Addr {
    let ranges = config.dhcp.ranges.iter().map(|range| &range.value);
    let range = ranges.into_iter().find(|range| range.kind == RangeKind::Proxy);
    let start = range.map_or(DOC_ADDRESS, |range| range.start);
    let netmask = range.and_then(|range| range.netmask).map(u32::from);
    let prefix = netmask.map_or(DEFAULT_PREFIX_LEN, |mask| mask.count_ones().to_le_bytes()[0]);
    let host = u32::from(start) & u32::MAX.checked_shr(prefix.into()).unwrap_or(0);
    let ip = if host == 0 { Ipv4Addr::from(u32::from(start) | 1) } else { start };
    let index = interfaces.links.iter().map(|link| link.index).max().unwrap_or(0) + 1;
    let ethernet = crate::config::lookup::hosts::ETHERNET.into();
    interfaces.links.push(Link {
        index,
        name: name.to_owned(),
        mtu: 1500,
        hardware_type: ethernet,
        mac_length: 6,
        ..Link::default()
    });
    interfaces.addresses.push(Address { interface: index, ip: ip.into(), prefix, label: None });
    ip
}

/// The last address of a network that is not ours.
fn neighbour(ours: Ipv4Addr, netmask: Ipv4Addr) -> Ipv4Addr {
    let last = u32::from(ours) | !u32::from(netmask);
    let mut others = [last.wrapping_sub(1), last.wrapping_sub(2)].into_iter().map(Ipv4Addr::from);
    others.find(|other| *other != ours).unwrap_or(ours)
}

#[test]
fn client_address_is_on_the_same_network_and_not_ours() {
    let mask = Ipv4Addr::new(255, 255, 255, 0);
    assert_eq!(neighbour([10, 0, 0, 1].into(), mask), Ipv4Addr::new(10, 0, 0, 254));
    assert_eq!(neighbour([10, 0, 0, 254].into(), mask), Ipv4Addr::new(10, 0, 0, 253));
}
