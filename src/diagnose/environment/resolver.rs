//! Whether this machine resolves names by the dnsmasq that pxemasq replaces.

use crate::config::Config;
use crate::finding::{Finding, Level};
use crate::net::Interfaces;
use crate::reason::ConfigReason;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};

const RESOLV_CONF: &str = "/etc/resolv.conf";
/// The servers that the stub of systemd-resolved asks.
const BEHIND_STUB: &str = "/run/systemd/resolve/resolv.conf";
/// The addresses of that stub (systemd-resolved.service(8)).
const STUB: [IpAddr; 2] =
    [IpAddr::V4(Ipv4Addr::new(127, 0, 0, 53)), IpAddr::V4(Ipv4Addr::new(127, 0, 0, 54))];

/// The finding that the resolver of this machine asks an address of this machine, where pxemasq does not answer. With
/// `port=0` dnsmasq does not answer either.
pub fn resolver_finding(config: &Config, interfaces: &Interfaces) -> Option<Finding> {
    if config.process.dns_port == 0 {
        return None;
    }
    let (file, address) = own_server(interfaces)?;
    let is_dnsmasq = !is_port_used() || runs_dnsmasq();
    let reason = ConfigReason::ResolverIsDnsmasq { file, address };
    is_dnsmasq.then(|| Finding::general(Level::Warning, reason))
}

/// The first name server that is this machine itself, and the file that names it.
fn own_server(interfaces: &Interfaces) -> Option<(&'static str, IpAddr)> {
    let servers = name_servers(&fs::read_to_string(RESOLV_CONF).ok()?);
    let (file, servers) = if servers.iter().any(|server| STUB.contains(server)) {
        (BEHIND_STUB, name_servers(&fs::read_to_string(BEHIND_STUB).ok()?))
    } else {
        (RESOLV_CONF, servers)
    };
    let is_own = |server: &IpAddr| {
        (server.is_loopback() && !STUB.contains(server))
            || interfaces.addresses.iter().any(|address| address.ip == *server)
    };
    servers.into_iter().find(is_own).map(|server| (file, server))
}

/// The `nameserver` lines (resolv.conf(5)).
fn name_servers(text: &str) -> Vec<IpAddr> {
    let server = |line: &str| {
        let mut words = line.split_whitespace();
        (words.next() == Some("nameserver")).then(|| words.next()?.parse().ok())?
    };
    text.lines().filter_map(server).collect()
}

/// Whether a UDP socket has port 53 (proc(5)).
fn is_port_used() -> bool {
    let tables = ["/proc/net/udp", "/proc/net/udp6"].map(fs::read_to_string);
    tables
        .iter()
        .flatten()
        .flat_map(|table| table.lines().skip(1))
        .any(|line| line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(":0035")))
}

fn runs_dnsmasq() -> bool {
    let processes = fs::read_dir("/proc").into_iter().flatten().flatten();
    let mut names =
        processes.filter_map(|entry| fs::read_to_string(entry.path().join("comm")).ok());
    names.any(|name| name.trim_end() == "dnsmasq")
}

#[test]
fn name_servers_are_read_as_the_resolver_does() {
    let text =
        "# nameserver 10.0.0.9\nsearch lan\nnameserver 127.0.0.1\nnameserver\t::1\nnameserver x\n";
    assert_eq!(name_servers(text), [IpAddr::from([127, 0, 0, 1]), "::1".parse().unwrap()]);
}
