//! The interface of a request, and whether this server listens on it (docs/dnsmasq/proxydhcp.md, section 2.1).

use super::DropReason;
use crate::byte_text::to_text;
use crate::config::Config;
use crate::net::{Interfaces, Link, any_interface_matches};
use std::net::{IpAddr, Ipv4Addr};

/// The interface of a request.
#[derive(Clone, Copy, Debug)]
pub struct Ingress<'a> {
    /// The interface that is evaluated: that of `bridge-interface`, if the receiving one is an alias.
    pub link: &'a Link,
    /// Index of the receiving interface, on which replies are sent.
    pub interface: u32,
    /// An address of the interface: ours, if no range has a better one.
    pub address: Ipv4Addr,
    /// Whether the address was selected by `listen-address`; its ranges are then searched first.
    pub by_listen_address: bool,
}

/// The interface of a request; `Err` if this server does not listen there.
pub fn find<'a>(
    config: &Config,
    interfaces: &'a Interfaces,
    index: u32,
) -> Result<Ingress<'a>, DropReason> {
    let received_on = interfaces.by_index(index).ok_or(DropReason::NoInterface)?;
    let link = bridged(config, interfaces, received_on)?;
    let network = &config.network;
    let Some(primary) = interfaces.primary_ipv4(link.index) else {
        let served = network.accepts(&link.name, link.loopback, None);
        return Err(DropReason::NoAddress { interface: link.name.clone(), served });
    };
    if let Some(origin) = network.refuses_dhcp(&link.name) {
        return Err(DropReason::DhcpDisabled(link.name.clone(), origin.clone()));
    }
    if network.accepts(&link.name, link.loopback, Some(primary.into())) {
        return Ok(Ingress { link, interface: index, address: primary, by_listen_address: false });
    }
    let is_listen_address = |ip: &Ipv4Addr| network.listens_on(IpAddr::V4(*ip));
    let last = interfaces
        .addresses_of(link.index)
        .filter_map(crate::net::Address::ipv4)
        .filter(is_listen_address)
        .last();
    last.map(|address| Ingress { link, interface: index, address, by_listen_address: true })
        .ok_or_else(|| {
            DropReason::NotListening(link.name.clone(), network.excepts(&link.name).cloned())
        })
}

/// The interface of `bridge-interface` for an alias; of several lines the last one counts.
fn bridged<'a>(
    config: &Config,
    interfaces: &'a Interfaces,
    received_on: &'a Link,
) -> Result<&'a Link, DropReason> {
    let Some(bridge) = config
        .dhcp
        .bridges
        .iter()
        .rev()
        .find(|bridge| any_interface_matches(&bridge.aliases, &received_on.name))
    else {
        return Ok(received_on);
    };
    let name = to_text(&bridge.interface);
    interfaces.by_name(&name).ok_or(DropReason::UnknownBridgeInterface(name))
}
