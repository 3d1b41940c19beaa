//! The local addresses of TFTP sockets.

use super::TFTP_PORT;
use crate::config::{Config, Tftp};
use crate::net::{Address, Interfaces, any_interface_matches};
use std::net::{IpAddr, SocketAddr, SocketAddrV6};

/// The addresses for TFTP if each has a socket of its own.
pub fn own_addresses(config: &Config, tftp: &Tftp, interfaces: &Interfaces) -> Vec<SocketAddr> {
    let network = &config.network;
    let wanted = |address: &&Address| {
        let Some(link) = interfaces.by_index(address.interface) else { return false };
        // For `interface` and `except-interface`, an address with a label has the label as its name; for the other options
        // it has the name of the interface (docs/dnsmasq/tftp.md, section 1).
        let Some(name) = interfaces.name_of(address) else { return false };
        let listed =
            tftp.interfaces.as_ref().is_none_or(|list| any_interface_matches(list, &link.name));
        let kept_off = tftp.interfaces.is_none() && network.refuses_tftp_sockets(&link.name);
        network.accepts(name, link.loopback, Some(address.ip)) && listed && !kept_off
    };
    interfaces
        .addresses
        .iter()
        .filter(wanted)
        .map(|address| scoped(address.ip, address.interface, TFTP_PORT))
        .collect()
}

/// A link-local address needs its interface.
pub fn scoped(ip: IpAddr, interface: u32, port: u16) -> SocketAddr {
    match ip {
        IpAddr::V6(ip) if ip.is_unicast_link_local() => {
            SocketAddrV6::new(ip, port, 0, interface).into()
        }
        ip => SocketAddr::new(ip, port),
    }
}
