//! UDP datagrams of a capture (pcap, pcapng).

use crate::byte_text::to_path;
use crate::strerror::strerror;
use pcap_parser::{Block, Linktype, PcapBlockOwned, PcapError, create_reader};
use std::fs::File;
use std::net::{Ipv4Addr, SocketAddrV4};
use std::{fmt, io};

/// A datagram that somebody sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CapturedDatagram {
    /// By whom.
    pub from: SocketAddrV4,
    /// To whom.
    pub to: SocketAddrV4,
    /// What it holds.
    pub bytes: Vec<u8>,
}

/// Why a capture cannot be read.
#[derive(Debug)]
pub enum CaptureError {
    /// The file cannot be opened.
    Unreadable(io::Error),
    /// It is in no format of a capture, or broken.
    NoCapture,
}

impl fmt::Display for CaptureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(error) => f.write_str(&strerror(error)),
            Self::NoCapture => f.write_str("it is no capture, or broken"),
        }
    }
}

const BUFFER: usize = 1 << 20;
/// Ethernet types.
const IPV4: [u8; 2] = [0x08, 0x00];
const VLAN: [[u8; 2]; 2] = [[0x81, 0x00], [0x88, 0xa8]];
const UDP: u8 = 17;
const UDP_HEADER_LEN: usize = 8;
/// Heads of what Linux calls cooked, old and new.
const COOKED: usize = 16;
const COOKED2: usize = 20;
const NULL: usize = 4;

/// All IPv4 datagrams of a file to these ports; the error says why it cannot be read.
pub fn datagrams(path: &str, ports: &[u16]) -> Result<Vec<CapturedDatagram>, CaptureError> {
    let file = File::open(to_path(path)).map_err(CaptureError::Unreadable)?;
    let no_capture = |_: PcapError<&[u8]>| CaptureError::NoCapture;
    let mut reader = create_reader(BUFFER, file).map_err(no_capture)?;
    let (mut seen, mut kinds) = (Vec::new(), Vec::new());
    loop {
        match reader.next() {
            Ok((size, block)) => {
                let wanted = |one: &CapturedDatagram| ports.contains(&one.to.port());
                seen.extend(datagram(&block, &mut kinds).filter(wanted));
                reader.consume(size);
            }
            // One that was cut off ends here.
            Err(PcapError::Eof | PcapError::UnexpectedEof) => return Ok(seen),
            Err(PcapError::Incomplete(_)) => {
                if reader.reader_exhausted() || reader.refill().is_err() {
                    return Ok(seen);
                }
            }
            Err(error) => return Err(no_capture(error)),
        }
    }
}

/// The datagram of a block; `kinds`: of the links, as they were told so far.
fn datagram(block: &PcapBlockOwned<'_>, kinds: &mut Vec<Linktype>) -> Option<CapturedDatagram> {
    let (kind, frame) = match block {
        PcapBlockOwned::LegacyHeader(header) => {
            kinds.push(header.network);
            return None;
        }
        PcapBlockOwned::Legacy(block) => (*kinds.first()?, block.data),
        PcapBlockOwned::NG(Block::SectionHeader(_)) => {
            kinds.clear();
            return None;
        }
        PcapBlockOwned::NG(Block::InterfaceDescription(link)) => {
            kinds.push(link.linktype);
            return None;
        }
        PcapBlockOwned::NG(Block::EnhancedPacket(packet)) => {
            (*kinds.get(usize::try_from(packet.if_id).ok()?)?, packet.data)
        }
        PcapBlockOwned::NG(Block::SimplePacket(packet)) => (*kinds.first()?, packet.data),
        PcapBlockOwned::NG(_) => return None,
    };
    let packet = match kind {
        Linktype::ETHERNET => of_ethernet(frame)?,
        Linktype::LINUX_SLL => frame.get(COOKED..)?,
        Linktype::LINUX_SLL2 => frame.get(COOKED2..)?,
        Linktype::NULL => frame.get(NULL..)?,
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

/// RFC 791, RFC 768. Pieces of a datagram are left out.
fn of_packet(packet: &[u8]) -> Option<CapturedDatagram> {
    let word = |bytes: &[u8], at: usize| Some(u16::from_be_bytes(*bytes.get(at..)?.first_chunk()?));
    let address = |at: usize| Some(Ipv4Addr::from(*packet.get(at..)?.first_chunk::<4>()?));
    // Neither an offset nor more pieces.
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
    fn datagrams_are_found_below_whatever_link() {
        let seen = of_packet(&packet()).unwrap();
        assert_eq!((seen.from.port(), seen.to.port(), &seen.bytes[..]), (68, 67, &b"hello"[..]));
        for tag in [&[][..], &[0x81, 0, 0, 7]] {
            let frame = [&[0; 12][..], tag, &IPV4, &packet()].concat();
            assert_eq!(of_ethernet(&frame), Some(&packet()[..]));
        }
        for cut in 0..packet().len() {
            drop(of_packet(&packet()[..cut]));
        }
    }

    #[test]
    fn a_capture_is_read() {
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
