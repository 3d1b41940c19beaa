//! Data for network input and output: received datagrams, interfaces and addresses, datagrams to send.

use crate::byte_text::to_bytes;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A datagram with the control data of recvmsg(2).
#[derive(Clone, Copy, Debug)]
pub struct ReceivedDatagram<'a> {
    /// The payload.
    pub bytes: &'a [u8],
    /// Address and port of the sender.
    pub peer: SocketAddr,
    /// The destination address; for a broadcast an address of the interface.
    pub local: IpAddr,
    /// Index of the receiving interface; 0 if the kernel did not report it.
    pub interface: u32,
}

/// The interfaces and addresses of this machine at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// All interfaces.
    pub links: Vec<Link>,
    /// All addresses, in the order of the kernel.
    pub addresses: Vec<Address>,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Index of the interface.
    pub index: u32,
    /// Name of the interface.
    pub name: String,
    /// Whether it is a loopback interface.
    pub loopback: bool,
    /// Whether it is administratively down.
    pub down: bool,
    /// MTU in bytes.
    pub mtu: u32,
    /// ARP hardware type; 1 is Ethernet.
    pub hardware_type: u16,
    /// Bytes of a hardware address.
    pub mac_length: usize,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Index of the interface.
    pub interface: u32,
    /// The address.
    pub ip: IpAddr,
    /// Length of the network prefix in bits.
    pub prefix: u8,
    /// The label, if it differs from the name of the interface (`eth0:1`).
    pub label: Option<String>,
}

impl Interfaces {
    /// The interface with that index.
    pub fn by_index(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The interface with that name.
    pub fn by_name(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The addresses of an interface.
    pub fn addresses_of(&self, index: u32) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(move |address| address.interface == index)
    }

    /// The name of an address in the configuration: its label, else its interface.
    pub fn name_of<'a>(&'a self, address: &'a Address) -> Option<&'a str> {
        let link = || self.by_index(address.interface).map(|link| &*link.name);
        address.label.as_deref().or_else(link)
    }

    /// The primary IPv4 address of an interface: the first one without a label.
    pub fn primary_ipv4(&self, index: u32) -> Option<Ipv4Addr> {
        self.addresses_of(index).filter(|address| address.label.is_none()).find_map(Address::ipv4)
    }
}

impl Address {
    /// The address, if it is IPv4.
    pub fn ipv4(&self) -> Option<Ipv4Addr> {
        if let IpAddr::V4(ip) = self.ip { Some(ip) } else { None }
    }

    /// The IPv4 netmask.
    pub fn netmask(&self) -> Ipv4Addr {
        u32::MAX.checked_shl(32 - u32::from(self.prefix.min(32))).unwrap_or(0).into()
    }
}

/// Whether two addresses are in one network.
pub fn same_network(first: Ipv4Addr, second: Ipv4Addr, netmask: Ipv4Addr) -> bool {
    u32::from(first) & u32::from(netmask) == u32::from(second) & u32::from(netmask)
}

/// The socket that sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressSocket {
    /// The socket on the DHCP server port.
    Dhcp,
    /// The socket on port 4011.
    Pxe,
    /// The TFTP listener with that number, which received the request.
    Tftp(usize),
    /// The socket for the errors of TFTP requests that begin no transfer.
    TftpErrors,
    /// The socket of the transfer with that number.
    Transfer(usize),
}

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// The socket.
    pub via: EgressSocket,
    /// Destination.
    pub to: SocketAddr,
    /// Source address; `None`: the kernel selects it.
    pub from: Option<IpAddr>,
    /// Index of the outgoing interface; 0: the routing table decides.
    pub interface: u32,
    /// The neighbour entry for a receiver that does not answer ARP yet.
    pub neighbour: Option<NeighbourEntry>,
    /// The payload.
    pub bytes: Vec<u8>,
}

/// Consecutive datagrams to one receiver in one buffer, for one call (`UDP_SEGMENT`, udp(7)). All have the same size,
/// only the last may be shorter.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// The socket.
    pub via: EgressSocket,
    /// Destination.
    pub to: SocketAddr,
    /// Source address; `None`: the kernel selects it.
    pub from: Option<IpAddr>,
    /// Index of the outgoing interface; 0: the routing table decides.
    pub interface: u32,
    /// Bytes of each datagram except the last.
    pub segment: usize,
    /// The payloads, without gaps.
    pub bytes: Vec<u8>,
}

/// An entry of the kernel's neighbour table for a client that will have the destination address.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourEntry {
    /// Index of its interface.
    pub interface: u32,
    /// Hardware type (`htype`) of the request.
    pub hardware_type: u8,
    /// Hardware address.
    pub mac: Vec<u8>,
}

/// The kernel's table of IPv4 neighbours at one moment, for all network namespaces of the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NeighbourUsage {
    /// Entries, also those that the limit does not count.
    pub entries: u32,
    /// The maximum number of entries: `net.ipv4.neigh.default.gc_thresh3`.
    pub limit: u32,
    /// Entries that were refused since the machine was started. `None`: the kernel does not count them.
    pub refused: Option<u64>,
}

impl NeighbourUsage {
    /// Whether more than half of the limit is in use.
    pub fn is_half_full(self) -> bool {
        u64::from(self.entries) * 2 > u64::from(self.limit)
    }
}

/// Whether `name` matches a pattern. A `*` matches the rest of the name, at least one character.
pub fn interface_matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.iter().position(|&byte| byte == b'*') {
        Some(star) => name.len() > star && name[..star] == pattern[..star],
        None => pattern == name,
    }
}

/// Whether `name` matches one of several patterns.
pub fn any_interface_matches(patterns: &[Vec<u8>], name: &str) -> bool {
    patterns.iter().any(|pattern| interface_matches(pattern, &to_bytes(name)))
}

#[test]
fn star_matches_at_least_one_character() {
    assert!(interface_matches(b"lan1*", b"lan10"));
    assert!(!interface_matches(b"lan1*", b"lan1"));
    assert!(interface_matches(b"e*ignored", b"eth0"));
    assert!(!interface_matches(b"", b"eth0"));
    assert!(any_interface_matches(&[b"e\xE9".to_vec()], &crate::byte_text::to_text(b"e\xE9")));
}
