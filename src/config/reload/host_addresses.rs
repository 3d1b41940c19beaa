//! Addresses that `dhcp-host` lines with a name and without an address take from the hosts files
//! (docs/dnsmasq/proxydhcp.md, section 4.4). They decide on which network the line counts.

use crate::byte_text::to_text;
use crate::config::lookup::hosts::Hosts;
use crate::config::server_names::{Family, ServerNames};
use crate::log_line::FileLine;
use conf_parser::DhcpHost;
use std::collections::HashSet;
use std::net::IpAddr;

/// Lets each take the one whose turn it is, the last line first: IPv4 addresses, then IPv6 addresses.
pub fn assign_addresses(hosts: &mut Hosts, names: &mut ServerNames) -> Vec<FileLine> {
    let mut told = Vec::new();
    // IPv6 addresses that are written in a line are not known here: only two that are taken can meet.
    let mut taken = HashSet::new();
    for family in [Family::V4, Family::V6] {
        for place in (0..hosts.count()).rev() {
            let host = &hosts.lines()[place];
            let Some(name) = name_to_look_up(host, family) else { continue };
            let Some((address, several)) = names.next_address(&name, family) else { continue };
            let name = to_text(&name);
            told.extend(
                several.then(|| FileLine::MultipleAddresses { name: name.clone(), address }),
            );
            let host = host.clone();
            match address {
                IpAddr::V4(ip) if hosts.with_address(ip).is_none() => {
                    hosts.replace(place, DhcpHost { address: Some(ip), ..host });
                }
                IpAddr::V6(_) if taken.insert(address) => {
                    hosts.replace(place, DhcpHost { version6: true, ..host });
                }
                _ => told.push(FileLine::AddressInUse { name, address }),
            }
        }
    }
    told
}

/// In small letters; `None` for a line that has no name, or has an address.
fn name_to_look_up(host: &DhcpHost, family: Family) -> Option<Vec<u8>> {
    let has_address = match family {
        Family::V4 => host.address.is_some(),
        Family::V6 => host.version6,
    };
    let name = host.name.as_deref().filter(|_| !has_address)?;
    Some(name.to_ascii_lowercase())
}
