//! Addresses from hosts files for `dhcp-host` lines with a name and without an address
//! (docs/dnsmasq/proxydhcp.md, section 4.4). A line applies on the network of its address only.

use crate::byte_text::to_text;
use crate::config::lookup::host_record::Host;
use crate::config::lookup::hosts::Hosts;
use crate::config::server_names::{AddressCount, Family, ServerNames};
use crate::log_line::FileLine;
use conf_parser::DhcpHost;
use std::collections::HashSet;
use std::net::IpAddr;

/// Assigns the next address of its name to each line, the last line first: IPv4 addresses, then IPv6 addresses.
/// Returns the log lines.
pub fn assign_addresses(hosts: &mut Hosts, names: &mut ServerNames) -> Vec<FileLine> {
    let mut lines = Vec::new();
    // IPv6 addresses in `dhcp-host` lines are not stored, so only addresses from hosts files are compared.
    let mut used = HashSet::new();
    for family in [Family::V4, Family::V6] {
        for index in (0..hosts.count()).rev() {
            let host = hosts.host(index);
            let Some(name) = name_to_look_up(host, family) else { continue };
            let Some((address, count)) = names.next_address(&name, family) else { continue };
            let name = to_text(&name);
            if count == AddressCount::Several {
                lines.push(FileLine::MultipleAddresses { name: name.clone(), address });
            }
            match address {
                IpAddr::V4(ip) if hosts.with_address(ip).is_none() => {
                    let host = host.to_dhcp_host();
                    hosts.replace(index, &DhcpHost { address: Some(ip), ..host });
                }
                IpAddr::V6(_) if used.insert(address) => {
                    let host = host.to_dhcp_host();
                    hosts.replace(index, &DhcpHost { version6: true, ..host });
                }
                _ => lines.push(FileLine::AddressInUse { name, address }),
            }
        }
    }
    lines
}

/// The name in lower case; `None` for a line without a name or with an address.
fn name_to_look_up(host: Host<'_>, family: Family) -> Option<Vec<u8>> {
    let has_address = match family {
        Family::V4 => host.address().is_some(),
        Family::V6 => host.version6(),
    };
    let name = host.name().filter(|_| !has_address)?;
    Some(name.to_ascii_lowercase())
}
