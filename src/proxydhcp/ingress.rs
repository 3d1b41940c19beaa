//! Where a request came in, and whether we listen there (docs/dnsmasq/proxydhcp.md, section 2.1).

use super::DropReason;
use crate::byte_text::to_text;
use crate::config::Config;
use crate::net::{Interfaces, Link, any_interface_matches};
use std::net::{IpAddr, Ipv4Addr};

/// The interface of a request.
#[derive(Clone, Copy, Debug)]
pub struct Ingress<'a> {
    /// The interface it is taken to come from.
    pub link: &'a Link,
    /// Index of the one it did come in by; replies leave by it.
    pub interface: u32,
    /// The interface's address: our own where no range says better.
    pub address: Ipv4Addr,
    /// Whether that was picked by a `listen-address` and goes before the interface's others.
    pub by_listen_address: bool,
}

/// Finds the place, or why the request is not for us.
pub fn find<'a>(
    config: &Config,
    interfaces: &'a Interfaces,
    index: u32,
) -> Result<Ingress<'a>, DropReason> {
    let arrived = interfaces.by_index(index).ok_or(DropReason::NoInterface)?;
    let link = bridged(config, interfaces, arrived)?;
    let network = &config.network;
    let Some(primary) = interfaces.primary_ipv4(link.index) else {
        return Err(DropReason::NoAddress(
            link.name.clone(),
            network.accepts(&link.name, link.loopback, None),
        ));
    };
    if let Some(origin) = network.refuses_dhcp(&link.name) {
        return Err(DropReason::DhcpDisabled(link.name.clone(), origin.clone()));
    }
    if network.accepts(&link.name, link.loopback, Some(primary.into())) {
        return Ok(Ingress { link, interface: index, address: primary, by_listen_address: false });
    }
    let listened = |ip: &Ipv4Addr| network.listen.contains(&IpAddr::V4(*ip));
    let last = interfaces
        .addresses_of(link.index)
        .filter_map(crate::net::Address::ipv4)
        .filter(listened)
        .last();
    last.map(|address| Ingress { link, interface: index, address, by_listen_address: true })
        .ok_or_else(|| {
            DropReason::NotListening(link.name.clone(), network.excepts(&link.name).cloned())
        })
}

/// The interface an alias stands for: last configured first, and so within a line.
fn bridged<'a>(
    config: &Config,
    interfaces: &'a Interfaces,
    arrived: &'a Link,
) -> Result<&'a Link, DropReason> {
    let Some(bridge) = config
        .dhcp
        .bridges
        .iter()
        .rev()
        .find(|bridge| any_interface_matches(&bridge.aliases, &arrived.name))
    else {
        return Ok(arrived);
    };
    let name = to_text(&bridge.interface);
    interfaces.by_name(&name).ok_or(DropReason::UnknownBridgeInterface(name))
}
