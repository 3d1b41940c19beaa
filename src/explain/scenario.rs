//! The interface and addresses of a simulation.
//!
//! A configuration is for this machine if one of its proxy ranges is on a network of this machine, or one of its interfaces
//! is here. If neither is true, it is for another machine, and an interface on the network of its first proxy range is
//! assumed. If only an interface is here, it is not known: many machines have an `eth0`. Then the same network is assumed,
//! and what is found there is not a result for this machine ([`Place::NetworkElsewhere`]).

use super::client_spec::ClientSpec;
use crate::byte_text::to_text;
use crate::config::{Config, Origin, Range, RangeKind, Rule};
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
    /// Whether the server is this machine.
    pub place: Place,
}

/// Whether the configuration is for this machine.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Place {
    /// It is.
    Here,
    /// It is for another machine, or an interface was requested that does not exist here.
    Elsewhere,
    /// An interface of the configuration is here, and none of its networks.
    NetworkElsewhere {
        /// The interface.
        interface: String,
        /// The address of the range.
        start: Ipv4Addr,
        /// The line of the range.
        range: Origin,
    },
}

/// The interface that receives the requests.
struct Receiver {
    index: u32,
    place: Place,
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
        let Receiver { index, place } = receiver(config, &mut interfaces, client, &mut assumed);
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
        Self {
            interfaces,
            index,
            name,
            server_address: ours,
            client_address: theirs,
            assumed,
            place,
        }
    }

    /// The interfaces with an IPv4 address, as `lan0 (192.168.1.2), wlan0 (10.0.0.5)`; without loopback interfaces.
    pub fn list_interfaces(&self) -> String {
        let entry = |address: &Address| {
            let link = self.interfaces.by_index(address.interface).filter(|link| !link.loopback)?;
            Some(format!("{} ({})", link.name, address.ipv4()?))
        };
        let all: Vec<String> = self.interfaces.addresses.iter().filter_map(entry).collect();
        if all.is_empty() { "no other with an IPv4 address".to_owned() } else { all.join(", ") }
    }
}

/// Finds the interface, or assumes one.
fn receiver(
    config: &Config,
    interfaces: &mut Interfaces,
    client: &ClientSpec,
    assumed: &mut Vec<String>,
) -> Receiver {
    let here = |index| Receiver { index, place: Place::Here };
    if let Some(name) = &client.interface {
        if let Some(link) = interfaces.by_name(name) {
            return here(link.index);
        }
        let (index, address) = assume(config, name, interfaces);
        assumed.push(format!("this machine has an interface {name} with the address {address}"));
        return Receiver { index, place: Place::Elsewhere };
    }
    if let Some(index) = on_own_network(config, interfaces, client) {
        return here(index);
    }
    let Some(range) = proxy_ranges(config).next().cloned() else {
        let (index, _) = assume(config, DEFAULT_INTERFACE, interfaces);
        return here(index);
    };
    let start = range.value.start;
    if let Some(index) = named_here(config, interfaces) {
        let name = interfaces.by_index(index).map_or_else(String::new, |link| link.name.clone());
        let address = add_address(config, index, interfaces);
        assumed.push(format!(
            "{name} has the address {address}: no interface of this machine is on the network of {start} ({})",
            range.origin
        ));
        let place = Place::NetworkElsewhere { interface: name, start, range: range.origin };
        return Receiver { index, place };
    }
    let name = configured_name(config, interfaces);
    let (index, address) = assume(config, &name, interfaces);
    assumed.push(format!(
        "the server is another machine, with an interface {name} and the address {address}: no interface of this machine is on \
         the network of {start} ({}). For a client behind a relay, add relay=",
        range.origin
    ));
    Receiver { index, place: Place::Elsewhere }
}

/// The interface on a network of the configuration: one that is listened on, else any.
fn on_own_network(config: &Config, interfaces: &Interfaces, client: &ClientSpec) -> Option<u32> {
    let relayed = client.relay.is_some() || !config.dhcp.shared_networks.is_empty();
    if relayed || proxy_ranges(config).next().is_none() {
        return served(config, interfaces);
    }
    let on_range = |address: &&Address| is_on_range(config, address);
    let all = || interfaces.addresses.iter().filter(on_range);
    let found = all().find(|address| is_listened(config, interfaces, address));
    found.or_else(|| all().next()).map(|address| address.interface)
}

/// An interface of this machine that an `interface` or `listen-address` line names: one with an IPv4 address, else any.
fn named_here(config: &Config, interfaces: &Interfaces) -> Option<u32> {
    let is_named = |address: &&Address| {
        let link = interfaces.by_index(address.interface).filter(|link| !link.loopback);
        let by_name = |link: &Link| config.network.names(&link.name).is_some();
        let by_address = config.network.listens_on(address.ip);
        address.ipv4().is_some() && link.is_some_and(|link| by_name(link) || by_address)
    };
    let with_address = interfaces.addresses.iter().find(is_named).map(|address| address.interface);
    let is_listed = |link: &&Link| !link.loopback && config.network.names(&link.name).is_some();
    with_address.or_else(|| interfaces.links.iter().find(is_listed).map(|link| link.index))
}

/// The name of an assumed interface: the first one that is configured for DHCP or TFTP, else one that is not excluded.
fn configured_name(config: &Config, interfaces: &Interfaces) -> String {
    let names = config.network.interfaces.iter().map(|name| to_text(&name.value));
    let tftp = config.tftp.iter().flat_map(|tftp| tftp.interfaces.iter().flatten());
    let mut names = names
        .chain(tftp.map(|name| to_text(name)))
        .filter(|name| !name.is_empty())
        .map(|name| name.replace('*', "0"));
    let usable = |name: &&str| {
        interfaces.by_name(name).is_none()
            && config.network.excepts(name).is_none()
            && config.network.refuses_dhcp(name).is_none()
    };
    let default = || [DEFAULT_INTERFACE, "pxe0"].into_iter().find(usable).unwrap_or("assumed0");
    names.next().unwrap_or_else(|| default().to_owned())
}

fn proxy_ranges(config: &Config) -> impl Iterator<Item = &Rule<Range>> {
    config.dhcp.ranges.iter().filter(|range| range.value.kind == RangeKind::Proxy)
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
    proxy_ranges(config)
        .map(|range| &range.value)
        .any(|range| same_network(ours, range.start, range.netmask.unwrap_or(address.netmask())))
}

fn is_listened(config: &Config, interfaces: &Interfaces, address: &Address) -> bool {
    let link = interfaces.by_index(address.interface);
    address.ipv4().is_some()
        && link
            .is_some_and(|link| config.network.accepts(&link.name, link.loopback, Some(address.ip)))
}

/// The interface on the network of a range, else the first one that is listened on.
fn served(config: &Config, interfaces: &Interfaces) -> Option<u32> {
    let on_range = |address: &&Address| is_on_range(config, address);
    let is_not_loopback = |address: &&Address| {
        interfaces.by_index(address.interface).is_some_and(|link| !link.loopback)
    };
    let all = || interfaces.addresses.iter().filter(|one| is_listened(config, interfaces, one));
    let found = all().find(on_range).or_else(|| all().find(is_not_loopback))?;
    Some(found.interface)
}

/// Adds an interface with an address on the network of the first proxy range; its index and the address.
fn assume(config: &Config, name: &str, interfaces: &mut Interfaces) -> (u32, Ipv4Addr) {
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
    (index, add_address(config, index, interfaces))
}

/// Adds an address on the network of the first proxy range to an interface, and returns it.
fn add_address(config: &Config, index: u32, interfaces: &mut Interfaces) -> Ipv4Addr {
    let range = proxy_ranges(config).next().map(|range| &range.value);
    let start = range.map_or(DOC_ADDRESS, |range| range.start);
    let netmask = range.and_then(|range| range.netmask).map(u32::from);
    let prefix = netmask.map_or(DEFAULT_PREFIX_LEN, |mask| mask.count_ones().to_le_bytes()[0]);
    let mask = u32::MAX.checked_shl(32 - u32::from(prefix)).unwrap_or(0);
    let host = u32::from(start) & !mask;
    let first = if host == 0 { Ipv4Addr::from(u32::from(start) | 1) } else { start };
    let listened = config.network.listen.iter().filter_map(|listen| match listen.value {
        std::net::IpAddr::V4(ip) => Some(ip),
        std::net::IpAddr::V6(_) => None,
    });
    let is_on_network = |ip: &Ipv4Addr| same_network(*ip, start, mask.into());
    let ip = listened.clone().find(is_on_network).unwrap_or(first);
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
