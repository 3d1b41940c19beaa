//! Ethernet II frames with IPv4 (RFC 791) and UDP (RFC 768).
//!
//! A client without an address sends from 0.0.0.0 and receives datagrams for addresses that it does not have yet. UDP
//! sockets cannot do that, so tests use packet sockets.

use super::lab::Host;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, recvfrom, sendto, socket,
};
use std::collections::BTreeMap;
use std::fmt;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::os::fd::{AsRawFd, OwnedFd};

pub type Mac = [u8; 6];

pub const BROADCAST_MAC: Mac = [0xff; 6];

/// A datagram of the server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReceivedPacket {
    /// The interface of the server that sent it.
    pub on: String,
    /// The destination hardware address.
    pub mac: Mac,
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    /// Type of service.
    pub tos: u8,
    /// The flag "don't fragment".
    pub dont_fragment: bool,
    pub bytes: Vec<u8>,
}

/// A packet socket for all interfaces of the client: `c0` … are connected to `eth0` … of the server.
pub struct PacketSocket {
    fd: OwnedFd,
    ends: BTreeMap<String, LinkAddr>,
}

const IPV4: [u8; 2] = [8, 0];
const ETHERNET_HEADER_LEN: usize = 14;
const IP_HEADER_LEN: usize = 20;
const UDP_HEADER_LEN: usize = 8;
const UDP_PROTOCOL: u8 = 17;

impl PacketSocket {
    /// Receives all frames from now on.
    pub fn new(client: &Host) -> Self {
        client.inside(|| {
            let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
            let fd = socket(AddressFamily::Packet, SockType::Raw, flags, SockProtocol::EthAll)
                .expect("root of a namespace can open packet sockets");
            let links = getifaddrs().expect("there are interfaces").filter_map(|link| {
                let address = *link.address?.as_link_addr()?;
                Some((link.interface_name.replace('c', "eth"), address))
            });
            Self { fd, ends: links.collect() }
        })
    }

    /// Sends a datagram to the server, or as broadcast.
    pub fn send(&self, on: &str, from: SocketAddrV4, to: SocketAddrV4, bytes: &[u8]) {
        let end = self.ends.get(on).unwrap_or_else(|| panic!("no interface is connected to {on}"));
        let mac = if to.ip().is_broadcast() { BROADCAST_MAC } else { server_mac(on) };
        let frame = frame(mac, end.addr().unwrap_or_default(), from, to, bytes);
        // While the interface is down, datagrams are lost.
        let _ = sendto(self.fd.as_raw_fd(), &frame, end, MsgFlags::empty());
    }

    /// The datagrams of the server since the last call.
    pub fn received(&self) -> Vec<ReceivedPacket> {
        let mut buffer = [0; 16 << 10];
        let mut packets = Vec::new();
        while let Ok((size, Some(end))) = recvfrom::<LinkAddr>(self.fd.as_raw_fd(), &mut buffer) {
            let on = self.ends.iter().find(|(_, known)| known.ifindex() == end.ifindex());
            packets.extend(on.and_then(|(on, _)| parse(on, &buffer[..size])));
        }
        packets
    }
}

/// Hardware address of an interface of the server.
pub fn server_mac(interface: &str) -> Mac {
    [2, 0, 0, 0, 0, number(interface)]
}

/// Hardware address of the client interface that is connected to it.
pub fn client_mac(interface: &str) -> Mac {
    [0x52, 0x54, 0, 0xaa, 0xbb, number(interface)]
}

/// `eth0` is 1.
fn number(interface: &str) -> u8 {
    1 + interface.trim_start_matches(char::is_alphabetic).parse::<u8>().unwrap_or(98)
}

/// A frame with a datagram, without UDP checksum (it is optional in IPv4).
pub fn frame(
    to_mac: Mac,
    from_mac: Mac,
    from: SocketAddrV4,
    to: SocketAddrV4,
    bytes: &[u8],
) -> Vec<u8> {
    let length = |size: usize| u16::try_from(size).expect("one packet").to_be_bytes();
    let mut ip = vec![0x45, 0];
    ip.extend(length(IP_HEADER_LEN + UDP_HEADER_LEN + bytes.len()));
    ip.extend([0, 1, 0, 0, 64, UDP_PROTOCOL, 0, 0]);
    ip.extend(from.ip().octets());
    ip.extend(to.ip().octets());
    let checksum = checksum(&ip).to_be_bytes();
    ip[10..12].copy_from_slice(&checksum);
    let udp = [
        from.port().to_be_bytes(),
        to.port().to_be_bytes(),
        length(UDP_HEADER_LEN + bytes.len()),
        [0; 2],
    ];
    [&to_mac[..], &from_mac, &IPV4, &ip, &udp.concat(), bytes].concat()
}

/// Checksum of an IPv4 header (RFC 1071).
fn checksum(header: &[u8]) -> u16 {
    let words = header.chunks(2).map(|pair| u32::from(pair[0]) << 8 | u32::from(pair[1]));
    let sum: u32 = words.sum();
    !u16::try_from((sum & 0xffff) + (sum >> 16)).expect("a short header")
}

/// Parses a frame; `None` if it is not an unfragmented UDP datagram of the server.
fn parse(on: &str, frame: &[u8]) -> Option<ReceivedPacket> {
    let (ethernet, ip) = frame.split_at_checked(ETHERNET_HEADER_LEN)?;
    let (to_mac, from_mac) = (ethernet[..6].try_into().ok()?, &ethernet[6..12]);
    if from_mac[0] != 2 || ethernet[12..] != IPV4 || *ip.get(9)? != UDP_PROTOCOL {
        return None;
    }
    let address = |at: usize| Some(Ipv4Addr::from(*ip.get(at..)?.first_chunk::<4>()?));
    let udp = ip.get(usize::from(ip[0] & 15) * 4..)?;
    let word = |at: usize| Some(u16::from_be_bytes(*udp.get(at..)?.first_chunk()?));
    Some(ReceivedPacket {
        on: on.to_owned(),
        mac: to_mac,
        from: SocketAddrV4::new(address(12)?, word(0)?),
        to: SocketAddrV4::new(address(16)?, word(2)?),
        tos: ip[1],
        dont_fragment: ip[6] & 0x40 != 0,
        bytes: udp.get(UDP_HEADER_LEN..usize::from(word(4)?))?.to_vec(),
    })
}

/// `eth0 10.0.0.1:67 > 10.0.0.9:68`, and fields with an unusual value. Part of the fixture format.
impl fmt::Display for ReceivedPacket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {} > {}", self.on, self.from, self.to)?;
        if self.mac != BROADCAST_MAC && self.mac != client_mac(&self.on) {
            let mac: Vec<String> = self.mac.iter().map(|byte| format!("{byte:02x}")).collect();
            write!(f, " at {}", mac.join(":"))?;
        }
        if self.tos != 0xC0 {
            write!(f, " tos {:02x}", self.tos)?;
        }
        if self.dont_fragment { f.write_str(" in one piece") } else { Ok(()) }
    }
}

#[test]
fn frame_is_parsed_as_it_was_built() {
    let (from, to) = ("10.0.0.1:67".parse().unwrap(), "10.0.0.9:68".parse().unwrap());
    let frame = frame(client_mac("eth0"), server_mac("eth0"), from, to, b"hello");
    let packet = parse("eth0", &frame).unwrap();
    assert_eq!((packet.from, packet.to, &packet.bytes[..]), (from, to, &b"hello"[..]));
    assert_eq!(checksum(&frame[ETHERNET_HEADER_LEN..ETHERNET_HEADER_LEN + IP_HEADER_LEN]), 0);
}
