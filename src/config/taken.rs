//! Addresses that `dhcp-host` lines with a name and without an address take from the hosts files
//! (spec: proxyDHCP, section 4.4). They decide on which network the line counts.

use super::hosts::{Hosts, first_label};
use super::names::Names;
use super::run_time::Happened;
use conf_parser::option::dhcp_host::DhcpHost;
use std::collections::HashSet;
use std::net::{IpAddr, Ipv6Addr};

/// Lets each take the one whose turn it is, the last line first: IPv4 addresses, then IPv6 addresses.
pub fn take_addresses(hosts: &mut Hosts, names: &mut Names) -> Vec<Happened> {
    let mut happened = Vec::new();
    for place in (0..hosts.count()).rev() {
        let host = &hosts.lines()[place];
        let (Some(name), None) = (wanted(host), host.address) else { continue };
        let Some((address, several)) = names.turn(&name) else { continue };
        let shown = String::from_utf8_lossy(&name).into_owned();
        happened.extend(several.then(|| told(&shown, address.into(), true)));
        if hosts.with_address(address).is_some() {
            happened.push(told(&shown, address.into(), false));
        } else {
            let host = host.clone();
            hosts.replace(place, DhcpHost { address: Some(address), ..host });
        }
    }
    let mut taken: HashSet<Ipv6Addr> = HashSet::new();
    for place in (0..hosts.count()).rev() {
        let host = &hosts.lines()[place];
        let (Some(name), false) = (wanted(host), host.version6) else { continue };
        let Some((address, several)) = names.turn6(&name) else { continue };
        let shown = String::from_utf8_lossy(&name).into_owned();
        happened.extend(several.then(|| told(&shown, address.into(), true)));
        if taken.insert(address) {
            let host = host.clone();
            hosts.replace(place, DhcpHost { version6: true, ..host });
        } else {
            happened.push(told(&shown, address.into(), false));
        }
    }
    happened
}

/// The name to look up, in small letters.
fn wanted(host: &DhcpHost) -> Option<Vec<u8>> {
    host.name.as_deref().map(|name| first_label(name).to_ascii_lowercase())
}

fn told(name: &str, address: IpAddr, several: bool) -> Happened {
    let name = name.to_owned();
    if several { Happened::Several { name, address } } else { Happened::Taken { name, address } }
}
