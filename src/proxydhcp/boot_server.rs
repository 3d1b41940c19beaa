//! Addresses and file names of boot servers (docs/dnsmasq/proxydhcp.md, sections 5.3, 5.4).

use crate::byte_text::to_text;
use crate::config::server_names::ServerNames;
use crate::log_line::DhcpLine;
use conf_parser::Server;
use std::net::Ipv4Addr;

/// `file` with the layer as its suffix, if the name contains no dot.
pub fn with_layer_suffix(file: &[u8], layer: u16) -> Vec<u8> {
    let mut name = file.to_vec();
    if !file.contains(&b'.') {
        name.extend_from_slice(format!(".{layer}").as_bytes());
    }
    name
}

/// The address of a boot server. For a name without address it is 0.0.0.0, and a warning is added.
pub fn server_address(
    server: Option<&Server>,
    names: &mut ServerNames,
    warnings: &mut Vec<DhcpLine>,
) -> Option<Ipv4Addr> {
    match server? {
        Server::Address(address) => Some(*address),
        Server::Name(name) => Some(names.look_up(name).unwrap_or_else(|| {
            warnings.push(DhcpLine::NoAddressFor(to_text(name)));
            Ipv4Addr::UNSPECIFIED
        })),
    }
}
