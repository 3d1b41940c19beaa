//! The process that uses a UDP port (proc(5)).

use std::collections::HashSet;
use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

/// Programs that start a dnsmasq of their own, and a part of its command line. Each such dnsmasq shares its ports with
/// others (`bind-interfaces` or `bind-dynamic`).
const MANAGERS: &[(&str, &str)] = &[
    ("libvirt", "/libvirt/"),
    ("Incus", "/incus/"),
    ("LXD", "/lxd/"),
    ("NetworkManager", "nm-dnsmasq"),
    ("NetworkManager", "NetworkManager"),
    ("Waydroid", "waydroid"),
    ("LXC", "/lxc/"),
    ("Podman", "/cni/dnsname/"),
    ("Multipass", "multipass"),
];
/// The name of the process.
const DNSMASQ: &str = "dnsmasq";

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

/// One line: the process that uses the UDP port of an address, and what to do. `is_shared`: this program shares the port,
/// so that the other one does not.
pub fn describe_port_owner(address: SocketAddr, is_shared: bool) -> String {
    let port = address.port();
    let Some((id, name)) = owning_process(&sockets(address)) else {
        return format!(
            "  port {port} is taken by a process that is not visible here: \"ss -ulpn\" as root shows it"
        );
    };
    let command_line = command_line(id);
    let owner = Owner {
        unit: systemd_unit(id),
        manager: manager(&command_line).filter(|_| name == DNSMASQ),
        interfaces: interfaces(&command_line),
        id,
        name,
    };
    format!("  port {port} is taken by {}", owner.describe(is_shared))
}

/// The process that uses a port.
struct Owner {
    id: u32,
    name: String,
    unit: Option<String>,
    /// The program that has started it.
    manager: Option<&'static str>,
    /// The interfaces that it serves, as far as its command line has them.
    interfaces: Vec<String>,
}

impl Owner {
    fn describe(&self, is_shared: bool) -> String {
        let Self { id, name, unit, manager, interfaces } = self;
        let remedy = self.remedy(is_shared);
        let of = match (manager, unit) {
            (Some(manager), _) => format!(" of {manager}"),
            (None, Some(unit)) if !self.is_service() => format!(" of {unit}"),
            (None, _) => String::new(),
        };
        let serving = match &interfaces[..] {
            [] => String::new(),
            names => format!(" for {}", names.join(", ")),
        };
        format!("{name}{of} (process {id}){serving}: {remedy}")
    }

    /// What can be done. A dnsmasq of another program is not stopped: that program needs it.
    fn remedy(&self, is_shared: bool) -> String {
        match (&self.unit, self.manager) {
            (_, Some(manager)) if is_shared => {
                format!("it does not share the port: change the configuration of {manager}")
            }
            (_, Some(_)) => {
                "both can run if this configuration has bind-dynamic, and interface= with the interfaces to serve".to_owned()
            }
            (Some(unit), None) if self.is_service() => format!("\"systemctl stop {unit}\" frees it"),
            _ if self.name == DNSMASQ && !is_shared => {
                "stop it, or let both run: each needs bind-dynamic, and interface= with the interfaces that it serves".to_owned()
            }
            _ => "stop it, or move it to another address".to_owned(),
        }
    }

    /// Only a service with the name of the process is stopped as a whole: others may have more processes.
    fn is_service(&self) -> bool {
        let service = self.unit.as_ref().and_then(|unit| unit.strip_suffix(".service"));
        service == Some(&self.name) && self.manager.is_none()
    }
}

/// The words of the command line of a process.
fn command_line(id: u32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{id}/cmdline")).unwrap_or_default();
    bytes.split(|byte| *byte == 0).map(|word| String::from_utf8_lossy(word).into_owned()).collect()
}

fn manager(command_line: &[String]) -> Option<&'static str> {
    let arguments = command_line.get(1..).unwrap_or_default();
    let found = MANAGERS.iter().find(|(_, part)| arguments.iter().any(|word| word.contains(part)));
    found.map(|(manager, _)| *manager)
}

/// The interfaces of `--interface=` in a command line of dnsmasq, and in the file of `--conf-file=`.
fn interfaces(command_line: &[String]) -> Vec<String> {
    let value = |word: &str, option: &str| word.strip_prefix(option).map(str::to_owned);
    let files = command_line.iter().filter_map(|word| value(word, "--conf-file="));
    let texts: Vec<String> = files.filter_map(|file| fs::read_to_string(file).ok()).collect();
    let lines = texts.iter().flat_map(|text| text.lines());
    let of_files = lines.filter_map(|line| value(line, "interface="));
    let of_words = command_line.iter().filter_map(|word| value(word, "--interface="));
    of_words.chain(of_files).collect()
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
        describe_port_owner(here, false).contains("is not visible here"),
        "it is a socket of this process: {}",
        describe_port_owner(here, false)
    );
    assert_eq!(address("0100007F"), Some(IpAddr::from([127, 0, 0, 1])));
    assert_eq!(address("00000000000000000000000000000000"), Some(IpAddr::from([0; 16])));
}

#[test]
fn dnsmasq_of_another_program_is_not_stopped() {
    let words = |text: &str| text.split(' ').map(str::to_owned).collect::<Vec<_>>();
    let both = "both can run if this configuration has bind-dynamic, and interface= with the interfaces to serve";
    for (line, unit, expected) in [
        (
            "/usr/sbin/dnsmasq --conf-file=/var/lib/libvirt/dnsmasq/default.conf --leasefile-ro",
            Some("libvirtd.service"),
            format!("dnsmasq of libvirt (process 7): {both}"),
        ),
        (
            "dnsmasq --keep-in-foreground --bind-interfaces --interface=lxdbr0 --pid-file=/var/snap/lxd/common/lxd/networks/lxdbr0/dnsmasq.pid",
            Some("snap.lxd.daemon.service"),
            format!("dnsmasq of LXD (process 7) for lxdbr0: {both}"),
        ),
        (
            "/usr/sbin/dnsmasq --conf-file=/dev/null --bind-interfaces --pid-file=/run/nm-dnsmasq-eth1.pid",
            Some("NetworkManager.service"),
            format!("dnsmasq of NetworkManager (process 7): {both}"),
        ),
        (
            "dnsmasq -s incus --interface=incusbr0 --pid-file=/var/lib/incus/networks/incusbr0/dnsmasq.pid",
            None,
            format!("dnsmasq of Incus (process 7) for incusbr0: {both}"),
        ),
        (
            "/usr/sbin/dnsmasq -x /run/dnsmasq/dnsmasq.pid",
            Some("dnsmasq.service"),
            "dnsmasq (process 7): \"systemctl stop dnsmasq.service\" frees it".to_owned(),
        ),
        (
            "/usr/sbin/dnsmasq -C mine.conf",
            None,
            "dnsmasq (process 7): stop it, or let both run: each needs bind-dynamic, and interface= with the interfaces that it serves".to_owned(),
        ),
    ] {
        let line = words(line);
        let owner = Owner {
            id: 7,
            name: DNSMASQ.to_owned(),
            unit: unit.map(str::to_owned),
            manager: manager(&line),
            interfaces: interfaces(&line),
        };
        assert_eq!(owner.describe(false), expected);
        assert!(!owner.describe(true).contains("both can run"), "it does not share its port");
    }
}
