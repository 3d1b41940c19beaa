//! Plain facts shared with the kernel side: what arrived, where we are, what is to be sent.

use crate::byte_text::to_bytes;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// A datagram and everything the kernel knew about it. The cores never ask again.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedDatagram<'a> {
    /// What it holds.
    pub bytes: &'a [u8],
    /// Who sent it.
    pub peer: SocketAddr,
    /// The address it was sent to; for a broadcast, the interface's own.
    pub local: IpAddr,
    /// Index of the interface it came in by; 0 if the kernel did not say.
    pub interface: u32,
}

/// The interfaces and addresses of this machine at one moment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Interfaces {
    /// All links.
    pub links: Vec<Link>,
    /// All addresses, in the order the system lists them.
    pub addresses: Vec<Address>,
}

/// A network interface.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Link {
    /// Its index.
    pub index: u32,
    /// Its name.
    pub name: String,
    /// Whether it leads only to ourselves.
    pub loopback: bool,
    /// Whether it is switched off.
    pub down: bool,
    /// Largest packet, in bytes.
    pub mtu: u32,
    /// What kind of hardware addresses it has (ARP hardware type; 1 is Ethernet).
    pub hardware_type: u16,
    /// And of how many bytes.
    pub mac_length: usize,
}

/// An address of an interface.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Address {
    /// Index of its interface.
    pub interface: u32,
    /// The address.
    pub ip: IpAddr,
    /// Bits of its network.
    pub prefix: u8,
    /// Its label, if it differs from the interface's name (`eth0:1`).
    pub label: Option<String>,
}

impl Interfaces {
    /// The interface of that index.
    pub fn by_index(&self, index: u32) -> Option<&Link> {
        self.links.iter().find(|link| link.index == index)
    }

    /// The interface of that name.
    pub fn by_name(&self, name: &str) -> Option<&Link> {
        self.links.iter().find(|link| link.name == name)
    }

    /// The addresses of an interface.
    pub fn addresses_of(&self, index: u32) -> impl Iterator<Item = &Address> {
        self.addresses.iter().filter(move |address| address.interface == index)
    }

    /// What an address is named by where interfaces are named: its label, else its interface.
    pub fn name_of<'a>(&'a self, address: &'a Address) -> Option<&'a str> {
        let link = || self.by_index(address.interface).map(|link| &*link.name);
        address.label.as_deref().or_else(link)
    }

    /// The IPv4 address an interface answers with: its first one without a label.
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
pub fn same_network(one: Ipv4Addr, other: Ipv4Addr, netmask: Ipv4Addr) -> bool {
    u32::from(one) & u32::from(netmask) == u32::from(other) & u32::from(netmask)
}

/// Which socket sends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EgressSocket {
    /// The one on the DHCP server port.
    Dhcp,
    /// The one on port 4011.
    Pxe,
    /// The TFTP socket of that number, which the request came to.
    Tftp(usize),
    /// That of one transfer.
    Transfer(usize),
}

/// A datagram to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Datagram {
    /// By which socket.
    pub via: EgressSocket,
    /// To whom.
    pub to: SocketAddr,
    /// From which of our addresses; `None` leaves it to the system.
    pub from: Option<IpAddr>,
    /// Out of which interface; 0 leaves it to the routing table.
    pub interface: u32,
    /// The hardware address of a receiver that cannot be asked for it yet.
    pub neighbour: Option<NeighbourEntry>,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Datagrams to one receiver that lie one behind the other, all of one size but the last, which may be shorter: what a
/// kernel takes as one (`UDP_SEGMENT`, udp(7)).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// By which socket.
    pub via: EgressSocket,
    /// To whom.
    pub to: SocketAddr,
    /// From which of our addresses; `None` leaves it to the system.
    pub from: Option<IpAddr>,
    /// Out of which interface; 0 leaves it to the routing table.
    pub interface: u32,
    /// Bytes in each datagram but the last.
    pub segment: usize,
    /// What they hold.
    pub bytes: Vec<u8>,
}

/// A client that has no address yet, but will have `to`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NeighbourEntry {
    /// Index of its interface.
    pub interface: u32,
    /// The kind of its hardware address, as it says.
    pub hardware_type: u8,
    /// Its hardware address.
    pub mac: Vec<u8>,
}

/// Whether `name` fits a pattern: a `*` takes the rest, of which there must be at least one character.
pub fn interface_matches(pattern: &[u8], name: &[u8]) -> bool {
    match pattern.iter().position(|&byte| byte == b'*') {
        Some(star) => name.len() > star && name[..star] == pattern[..star],
        None => pattern == name,
    }
}

/// Whether `name` fits any of several patterns.
pub fn any_interface_matches(patterns: &[Vec<u8>], name: &str) -> bool {
    patterns.iter().any(|pattern| interface_matches(pattern, &to_bytes(name)))
}

#[test]
fn a_star_needs_something_to_stand_for() {
    assert!(interface_matches(b"lan1*", b"lan10"));
    assert!(!interface_matches(b"lan1*", b"lan1"));
    assert!(interface_matches(b"e*ignored", b"eth0"));
    assert!(!interface_matches(b"", b"eth0"));
    assert!(any_interface_matches(&[b"e\xE9".to_vec()], &crate::byte_text::to_text(b"e\xE9")));
}
