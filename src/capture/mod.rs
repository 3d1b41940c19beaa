//! UDP datagrams of a packet capture (pcap, pcapng).

use crate::byte_text::to_path;
use crate::strerror::strerror;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::{fmt, io};

/// A UDP datagram over IPv4.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedDatagram {
    /// Source.
    pub from: SocketAddrV4,
    /// Destination.
    pub to: SocketAddrV4,
    /// The payload.
    pub bytes: Vec<u8>,
}

/// Why a capture cannot be read.
#[derive(Debug)]
pub enum CaptureError {
    /// The file cannot be opened.
    Unreadable(io::Error),
    /// It is not a capture, or damaged.
    NoCapture,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => f.write_str(&strerror(error)),
            Self::NoCapture => f.write_str("it is not a pcap or pcapng file, or damaged"),
        }
    }
}

/// Bytes of the read buffer, which limits the length of a block.
const BUFFER_CAPACITY: usize = 1 << 20;
/// Ethernet types.
const IPV4: [u8; 2] = [0x08, 0x00];
const VLAN: [[u8; 2]; 2] = [[0x81, 0x00], [0x88, 0xa8]];
const UDP: u8 = 17;
const UDP_HEADER_LEN: usize = 8;
/// Header lengths of link types: Linux cooked capture, its version 2, BSD loopback.
const SLL_HEADER_LEN: usize = 16;
const SLL2_HEADER_LEN: usize = 20;
const NULL_HEADER_LEN: usize = 4;

/// All datagrams of a file to these ports.
pub fn datagrams(path: &str, ports: &[u16]) -> Result<Vec<CapturedDatagram>, CaptureError> {
    let file = File::open(to_path(path)).map_err(CaptureError::Unreadable)?;
    let no_capture = |_: PcapError<&[u8]>| CaptureError::NoCapture;
    let mut reader = create_reader(BUFFER_CAPACITY, file).map_err(no_capture)?;
    let (mut datagrams, mut link_types) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Ok((size, block)) => {
                let to_port = |one: &CapturedDatagram| ports.contains(&one.to.port());
                datagrams.extend(datagram(&block, &mut link_types).filter(to_port));
                reader.consume(size);
            }
            // A capture that is still written, or was cut off, ends with an incomplete block.
            Err(PcapError::Eof | PcapError::UnexpectedEof) => return Ok(datagrams),
            Err(PcapError::Incomplete(_)) => {
                if reader.reader_exhausted() || reader.refill().is_err() {
                    return Ok(datagrams);
                }
            }
            Err(error) => return Err(no_capture(error)),
        }
    }
}

/// The datagram of a block. `link_types`: of the interfaces that were described so far, by their number.
fn datagram(
    block: &PcapBlockOwned<'_>,
    link_types: &mut Vec<Linktype>,
) -> Option<CapturedDatagram> {
    let (link_type, frame) = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            link_types.push(header.network);
            return None;
        }
        PcapBlockOwned::Legacy(block) => (*link_types.first()?, block.data),
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            link_types.clear();
            return None;
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(link)) => {
            link_types.push(link.linktype);
            return None;
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            (*link_types.get(usize::try_from(packet.if_id).ok()?)?, packet.data)
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => (*link_types.first()?, packet.data),
        PcapBlockOwned::NG(_) => return None,
    };
    let packet = match link_type {
        Linktype::ETHERNET => of_ethernet(frame)?,
        Linktype::LINUX_SLL => frame.get(SLL_HEADER_LEN..)?,
        Linktype::LINUX_SLL2 => frame.get(SLL2_HEADER_LEN..)?,
        Linktype::NULL => frame.get(NULL_HEADER_LEN..)?,
        _ => frame,
    };
    of_packet(packet)
}

fn of_ethernet(frame: &[u8]) -> Option<&[u8]> {
    let mut rest = frame.get(12..)?;
    while VLAN.iter().any(|kind| rest.starts_with(kind)) {
        rest = rest.get(4..)?;
    }
    rest.strip_prefix(&IPV4)
}

/// The datagram of an IPv4 packet (RFC 791, RFC 768); `None` for a fragment.
fn of_packet(packet: &[u8]) -> Option<CapturedDatagram> {
    let word = |bytes: &[u8], at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
    // Fragment offset and the flag "more fragments" are 0.
    let is_whole = word(packet, 6)?.trailing_zeros() >= 14;
    if packet.first()? >> 4 != 4 || *packet.get(9)? != UDP || !is_whole {
        return None;
    }
    let udp = packet.get(usize::from(packet[0] & 15) * 4..)?;
    let length = usize::from(word(udp, 4)?);
    Some(CapturedDatagram {
        from: SocketAddrV4::new(address(12)?, word(udp, 0)?),
        to: SocketAddrV4::new(address(16)?, word(udp, 2)?),
        bytes: udp.get(UDP_HEADER_LEN..length.min(udp.len()))?.to_vec(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `hello` from 10.0.0.2:68 to 10.0.0.1:67.
    fn packet() -> Vec<u8> {
        let ip = [0x45, 0, 0, 33, 0, 0, 0, 0, 64, 17, 0, 0, 10, 0, 0, 2, 10, 0, 0, 1];
        [&ip[..], &[0, 68, 0, 67, 0, 13, 0, 0], b"hello"].concat()
    }

    #[test]
    fn datagram_is_found_with_and_without_vlan_tag() {
        let seen = of_packet(&packet()).unwrap();
        assert_eq!((seen.from.port(), seen.to.port(), &seen.bytes[..]), (68, 67, &b"hello"[..]));
        for tag in [&[][..], &[0x81, 0, 0, 7]] {
            let frame = [&[0; 12][..], tag, &IPV4, &packet()].concat();
            assert_eq!(of_ethernet(&frame), Some(&packet()[..]));
        }
        for cut in 0..packet().len() {
            let has_udp_header = cut >= 28;
            assert_eq!(of_packet(&packet()[..cut]).is_some(), has_udp_header, "{cut}");
        }
    }

    #[test]
    fn capture_is_read_up_to_an_incomplete_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        let frame = [&[0; 12][..], &IPV4, &packet()].concat();
        let size = u32::try_from(frame.len()).unwrap().to_le_bytes();
        let head = [0xa1b2_c3d4_u32, 0x0004_0002, 0, 0, 65535, 1].map(u32::to_le_bytes).concat();
        let record = [&[0; 8][..], &size, &size, &frame].concat();
        std::fs::write(&path, [&head[..], &record, &record, &record[..20]].concat()).unwrap();
        assert_eq!(datagrams(path.to_str().unwrap(), &[67]).unwrap().len(), 2);
        std::fs::write(&path, "no capture at all").unwrap();
        let read = |path: &str| datagrams(path, &[67]).unwrap_err();
        let broken = read(path.to_str().unwrap());
        assert!(matches!(broken, CaptureError::NoCapture), "{broken}");
        let missing = read("/nowhere");
        assert!(matches!(missing, CaptureError::Unreadable(_)), "{missing}");
        assert_eq!(missing.to_string(), "No such file or directory");
    }
}
