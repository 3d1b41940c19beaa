//! The process that uses a UDP port (proc(5)).

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// What uses a UDP port of an address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PortOwner {
    /// Nothing.
    Nothing,
    /// This program, or a process that is not visible to this user.
    Invisible,
    /// A process with that name.
    Process(String),
}

/// What uses the UDP port of an address, of this address or of the wildcard address.
pub fn port_owner(address: SocketAddr) -> PortOwner {
    let sockets = sockets(address);
    if sockets.is_empty() {
        return PortOwner::Nothing;
    }
    match owning_process(&sockets) {
        Some((_, name)) => PortOwner::Process(name),
        None => PortOwner::Invisible,
    }
}

/// One line: the process that uses the UDP port of an address, and how to free the port.
pub fn describe_port_owner(address: SocketAddr) -> String {
    let port = address.port();
    let Some((id, name)) = owning_process(&sockets(address)) else {
        return format!(
            "  port {port} is taken by a process that is not visible here: \"ss -ulpn\" as root shows it"
        );
    };
    let (of, remedy) = match systemd_unit(id) {
        // Only a service with the name of the process is stopped as a whole: others may have more processes.
        Some(unit) if unit.strip_suffix(".service") == Some(&name) => {
            (String::new(), format!("\"systemctl stop {unit}\" frees it"))
        }
        Some(unit) => (format!(" of {unit}"), "stop it or move it to another address".to_owned()),
        None => (String::new(), format!("\"kill {id}\" frees it")),
    };
    format!("  port {port} is taken by {name} (process {id}{of}): {remedy}")
}

/// The sockets that prevent binding the address, as the links in `/proc` name them.
fn sockets(wanted: SocketAddr) -> HashSet<String> {
    let tables = ["udp", "udp6"].map(|table| fs::read_to_string(format!("/proc/net/{table}")));
    let lines = tables.iter().flatten().flat_map(|table| table.lines().skip(1));
    let socket = |line: &str| {
        let mut columns = line.split_whitespace();
        let (ip, port) = columns.nth(1)?.split_once(':')?;
        let inode = columns.nth(7)?;
        let (ip, port) = (address(ip)?, u16::from_str_radix(port, 16).ok()?);
        let collides = ip.is_unspecified() || wanted.ip().is_unspecified() || ip == wanted.ip();
        (port == wanted.port() && collides).then(|| format!("socket:[{inode}]"))
    };
    lines.filter_map(socket).collect()
}

/// `0100007F` is 127.0.0.1: 32-bit words in native byte order.
fn address(hex: &str) -> Option<IpAddr> {
    let groups: Option<Vec<[u8; 4]>> = (0..hex.len() / 8)
        .map(|index| {
            Some(u32::from_str_radix(hex.get(index * 8..index * 8 + 8)?, 16).ok()?.to_ne_bytes())
        })
        .collect();
    let bytes = groups?.concat();
    match bytes.len() {
        4 => Some(IpAddr::from(*bytes.first_chunk::<4>()?)),
        _ => Some(IpAddr::from(*bytes.first_chunk::<16>()?)),
    }
}

/// The first other process that has one of these sockets open, and its name.
fn owning_process(sockets: &HashSet<String>) -> Option<(u32, String)> {
    let own = std::process::id();
    fs::read_dir("/proc").ok()?.flatten().find_map(|entry| {
        let id = entry.file_name().to_str()?.parse().ok().filter(|id| *id != own)?;
        let has_socket = |descriptor: fs::DirEntry| {
            let target = fs::read_link(descriptor.path()).unwrap_or_default();
            target.to_str().is_some_and(|target| sockets.contains(target))
        };
        fs::read_dir(entry.path().join("fd")).ok()?.flatten().any(has_socket).then_some(())?;
        let name = fs::read_to_string(entry.path().join("comm")).ok()?;
        Some((id, name.trim_end().to_owned()))
    })
}

/// The systemd service of a process.
fn systemd_unit(id: u32) -> Option<String> {
    let groups = fs::read_to_string(format!("/proc/{id}/cgroup")).ok()?;
    let last = groups.lines().find_map(|line| Path::new(line).file_name()?.to_str())?;
    last.ends_with(".service").then(|| last.to_owned())
}

#[test]
fn sockets_are_found_by_port_and_address() {
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let here = socket.local_addr().unwrap();
    let count = |ip: &str| sockets(SocketAddr::new(ip.parse().unwrap(), here.port())).len();
    assert_eq!((count("127.0.0.1"), count("0.0.0.0"), count("127.0.0.2")), (1, 1, 0));
    assert_eq!(port_owner(here), PortOwner::Invisible);
    drop(socket);
    assert_eq!(port_owner(here), PortOwner::Nothing);
    let socket = std::net::UdpSocket::bind(here).unwrap();
    let here = socket.local_addr().unwrap();
    assert!(
        describe_port_owner(here).contains("is not visible here"),
        "it is a socket of this process: {}",
        describe_port_owner(here)
    );
    assert_eq!(address("0100007F"), Some(IpAddr::from([127, 0, 0, 1])));
    assert_eq!(address("00000000000000000000000000000000"), Some(IpAddr::from([0; 16])));
}
