//! The UDP datagram in a frame.

use super::Datagram;
use super::blocks::Frame;
use pcap_parser::Linktype;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

/// Ethernet types of VLAN tags (IEEE 802.1Q).
const VLAN: [u16; 3] = [0x8100, 0x88a8, 0x9100];
/// Ethernet types of IP.
const IP: [u16; 2] = [0x0800, 0x86dd];
const VLAN_TAG_LEN: usize = 4;
const UDP: u8 = 17;
const UDP_HEADER_LEN: usize = 8;
/// The extension header of a fragment (RFC 8200, section 4.5).
const IPV6_FRAGMENT: u8 = 44;
const IPV6_HEADER_LEN: usize = 40;
const IPV6_FRAGMENT_HEADER_LEN: usize = 8;
/// Offsets of the Ethernet type and header lengths of link types: Ethernet, Linux cooked capture, its version 2.
const ETHERNET_TYPE: usize = 12;
const SLL_TYPE: usize = 14;
const SLL2_HEADER_LEN: usize = 20;
/// BSD loopback: the header is a number in the byte order of the machine.
const NULL_HEADER_LEN: usize = 4;

/// The datagram of a frame; `None` if there is none, or if it is not the first fragment.
pub fn datagram<'b>(frame: &Frame<'b>) -> Option<Datagram<'b>> {
    let packet = packet(frame)?;
    let udp = match packet.first()? >> 4 {
        4 => ipv4(packet)?,
        6 => ipv6(packet)?,
        _ => return None,
    };
    let len = usize::from(word(udp.bytes, 4)?).checked_sub(UDP_HEADER_LEN)?;
    let payload = udp.bytes.get(UDP_HEADER_LEN..)?;
    Some(Datagram {
        time: frame.time,
        from: SocketAddr::new(udp.from, word(udp.bytes, 0)?),
        to: SocketAddr::new(udp.to, word(udp.bytes, 2)?),
        bytes: &payload[..len.min(payload.len())],
        len,
    })
}

/// The IP packet of a frame.
fn packet<'b>(frame: &Frame<'b>) -> Option<&'b [u8]> {
    let bytes = frame.bytes;
    match frame.link_type {
        Linktype::ETHERNET => without_vlan_tags(bytes, ETHERNET_TYPE),
        Linktype::LINUX_SLL => without_vlan_tags(bytes, SLL_TYPE),
        Linktype::LINUX_SLL2 => {
            let rest = bytes.get(SLL2_HEADER_LEN..)?;
            let is_tagged = VLAN.contains(&word(bytes, 0)?);
            // The tag without its first two bytes precedes the packet.
            if is_tagged { without_vlan_tags(rest, 2) } else { Some(rest) }
        }
        Linktype::NULL | Linktype::LOOP => bytes.get(NULL_HEADER_LEN..),
        _ => Some(bytes),
    }
}

/// The IP packet after an Ethernet type and any VLAN tags.
fn without_vlan_tags(bytes: &[u8], type_offset: usize) -> Option<&[u8]> {
    let mut offset = type_offset;
    while VLAN.contains(&word(bytes, offset)?) {
        offset += VLAN_TAG_LEN;
    }
    IP.contains(&word(bytes, offset)?).then(|| &bytes[offset + 2..])
}

/// A UDP datagram with its header, and the addresses of its packet.
struct Udp<'b> {
    from: IpAddr,
    to: IpAddr,
    bytes: &'b [u8],
}

/// RFC 791. The first fragment has the UDP header.
fn ipv4(packet: &[u8]) -> Option<Udp<'_>> {
    let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?).into());
    // The fragment offset is 0.
    let is_first = word(packet, 6)?.trailing_zeros() >= 13;
    let bytes = packet.get(usize::from(packet[0] & 15) * 4..)?;
    (*packet.get(9)? == UDP && is_first).then_some(Udp {
        from: address(12)?,
        to: address(16)?,
        bytes,
    })
}

/// RFC 8200. Of the extension headers only that of a fragment is expected.
fn ipv6(packet: &[u8]) -> Option<Udp<'_>> {
    let address = |at: usize| Some(Ipv6Addr::from(*packet.get(at..)?.first_chunk::<16>()?).into());
    let (mut kind, mut bytes) = (*packet.get(6)?, packet.get(IPV6_HEADER_LEN..)?);
    if kind == IPV6_FRAGMENT {
        let is_first = word(bytes, 2)? >> 3 == 0;
        kind = if is_first { bytes[0] } else { return None };
        bytes = bytes.get(IPV6_FRAGMENT_HEADER_LEN..)?;
    }
    (kind == UDP).then_some(Udp { from: address(8)?, to: address(24)?, bytes })
}

fn word(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?))
}

#[cfg(test)]
pub mod tests {
    use super::*;

    /// `hello` from 10.0.0.2:68 to 10.0.0.1:67.
    pub fn packet() -> Vec<u8> {
        let ip = [0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1];
        [&ip[..], &[0, 68, 0, 67, 0, 13, 0, 0], b"hello"].concat()
    }

    fn ipv6_packet(next: u8, extension: &[u8]) -> Vec<u8> {
        let addresses = [[0xfd; 16], [0xfe; 16]].concat();
        let head = [0x60, 0, 0, 0, 0, 13, next, 64];
        [&head[..], &addresses, extension, &packet()[20..]].concat()
    }

    fn found(link_type: Linktype, bytes: &[u8]) -> Option<Datagram<'_>> {
        datagram(&Frame { interface: 0, link_type, time: None, bytes })
    }

    #[test]
    fn datagram_is_found_in_each_link_type() {
        let packet = packet();
        let frames = [
            (Linktype::ETHERNET, [&[0; 12][..], &[8, 0]].concat()),
            (Linktype::ETHERNET, [&[0; 12][..], &[0x81, 0, 0, 7, 8, 0]].concat()),
            (Linktype::LINUX_SLL, [&[0; 14][..], &[8, 0]].concat()),
            (Linktype::LINUX_SLL2, [&[8, 0][..], &[0; 18]].concat()),
            (Linktype::LINUX_SLL2, [&[0x81, 0][..], &[0; 18], &[0, 7, 8, 0]].concat()),
            (Linktype::NULL, vec![2, 0, 0, 0]),
            (Linktype::RAW, vec![]),
            (Linktype::IPV4, vec![]),
        ];
        for (link_type, head) in frames {
            let frame = [head, packet.clone()].concat();
            let one = found(link_type, &frame).unwrap_or_else(|| panic!("{link_type:?}"));
            assert_eq!((one.from.port(), one.to.port(), one.bytes), (68, 67, &b"hello"[..]));
        }
    }

    #[test]
    fn packet_that_is_cut_off_has_the_length_of_the_datagram() {
        let packet = packet();
        for cut in 0..packet.len() {
            let one = found(Linktype::RAW, &packet[..cut]);
            assert_eq!(
                one.map(|one| (one.bytes.len(), one.len)),
                (cut >= 28).then(|| (cut - 28, 5))
            );
        }
    }

    #[test]
    fn only_the_first_fragment_has_a_datagram() {
        let mut packet = packet();
        packet[6] = 0x20;
        assert!(found(Linktype::RAW, &packet).is_some(), "more fragments");
        packet[7] = 1;
        assert!(found(Linktype::RAW, &packet).is_none(), "a later fragment");
        let first = ipv6_packet(44, &[17, 0, 0, 1, 0, 0, 0, 0]);
        assert_eq!(found(Linktype::RAW, &first).unwrap().bytes, b"hello");
        let later = ipv6_packet(44, &[17, 0, 0, 8, 0, 0, 0, 0]);
        assert!(found(Linktype::RAW, &later).is_none());
    }

    #[test]
    fn datagram_is_found_in_ipv6() {
        let packet = ipv6_packet(17, &[]);
        let one = found(Linktype::RAW, &packet).unwrap();
        assert_eq!(one.from, SocketAddr::from(([0xfd; 16], 68)));
        assert!(found(Linktype::RAW, &ipv6_packet(6, &[])).is_none(), "TCP");
    }
}
