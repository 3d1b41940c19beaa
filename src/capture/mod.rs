//! UDP datagrams of a packet capture (pcap, pcapng).
//!
//! ```text
//! read ─ blocks ─► Frame ─ packet ─► Datagram
//! ```

mod blocks;
mod packet;
mod repetition;

use crate::byte_text::to_path;
use crate::strerror::strerror;
use blocks::Blocks;
use pcap_parser::{PcapError, create_reader};
use repetition::Repetitions;
use std::fs::File;
use std::io::Read;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;
use std::{fmt, io};

/// A UDP datagram over IPv4 or IPv6.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Datagram<'b> {
    /// The time since 1970-01-01 00:00 UTC; `None` if the capture has no times.
    pub time: Option<Duration>,
    /// Source.
    pub from: SocketAddr,
    /// Destination.
    pub to: SocketAddr,
    /// The payload, as far as it was captured: the end is missing if the capture limits the length of packets, or if the
    /// datagram was fragmented.
    pub bytes: &'b [u8],
    /// Bytes of the payload.
    pub len: usize,
}

/// A UDP datagram over IPv4 that does not borrow from the capture.
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
/// The first bytes of a capture: pcapng, then pcap with microseconds and nanoseconds, in both byte orders.
const MAGIC: [[u8; 4]; 5] = [
    [0x0a, 0x0d, 0x0d, 0x0a],
    [0xd4, 0xc3, 0xb2, 0xa1],
    [0xa1, 0xb2, 0xc3, 0xd4],
    [0x4d, 0x3c, 0xb2, 0xa1],
    [0xa1, 0xb2, 0x3c, 0x4d],
];

/// Whether a file that begins with these bytes is a capture.
pub fn is_capture(start: &[u8]) -> bool {
    MAGIC.iter().any(|magic| start.starts_with(magic))
}

/// Reads a capture to its end and calls `each` for each datagram. A datagram that was captured on several interfaces is
/// passed once.
///
/// # Errors
/// It is not a capture, or damaged. A capture that is cut off is no error.
pub fn read(
    input: impl Read + Send,
    mut each: impl FnMut(&Datagram<'_>),
) -> Result<(), CaptureError> {
    let no_capture = |_: PcapError<&[u8]>| CaptureError::NoCapture;
    let mut reader = create_reader(BUFFER_CAPACITY, input).map_err(no_capture)?;
    let (mut blocks, mut repetitions) = (Blocks::default(), Repetitions::default());
    loop {
        match reader.next() {
            Ok((size, block)) => {
                if let Some(frame) = blocks.frame(&block)
                    && let Some(datagram) = packet::datagram(&frame)
                    && !repetitions.contains(&frame, &datagram)
                {
                    each(&datagram);
                }
                reader.consume(size);
            }
            // A capture that is still written, or was cut off, ends with an incomplete block.
            Err(PcapError::Eof | PcapError::UnexpectedEof) => return Ok(()),
            Err(PcapError::Incomplete(_)) => {
                if reader.reader_exhausted() || reader.refill().is_err() {
                    return Ok(());
                }
            }
            Err(error) => return Err(no_capture(error)),
        }
    }
}

/// All datagrams of a file over IPv4 to these ports.
pub fn datagrams(path: &str, ports: &[u16]) -> Result<Vec<CapturedDatagram>, CaptureError> {
    let file = File::open(to_path(path)).map_err(CaptureError::Unreadable)?;
    let mut datagrams = Vec::new();
    read(file, |one| {
        if let (SocketAddr::V4(from), SocketAddr::V4(to)) = (one.from, one.to)
            && ports.contains(&to.port())
        {
            datagrams.push(CapturedDatagram { from, to, bytes: one.bytes.to_vec() });
        }
    })?;
    Ok(datagrams)
}

#[cfg(test)]
mod tests {
    use super::packet::tests::packet;
    use super::*;

    const IPV4: [u8; 2] = [0x08, 0x00];

    fn pcap(magic: u32, records: &[[u32; 2]]) -> Vec<u8> {
        let frame = [&[0; 12][..], &IPV4, &packet()].concat();
        let size = u32::try_from(frame.len()).unwrap();
        let mut bytes = [magic, 0x0004_0002, 0, 0, 65535, 1].map(u32::to_le_bytes).concat();
        for [seconds, fraction] in records {
            bytes.extend([*seconds, *fraction, size, size].map(u32::to_le_bytes).concat());
            bytes.extend(&frame);
        }
        bytes
    }

    fn times(bytes: &[u8]) -> Vec<Option<Duration>> {
        let mut times = Vec::new();
        read(bytes, |datagram| times.push(datagram.time)).unwrap();
        times
    }

    #[test]
    fn time_is_in_microseconds_or_nanoseconds() {
        for (magic, nanos) in [(0xa1b2_c3d4, 250_000), (0xa1b2_3c4d, 250)] {
            let bytes = pcap(magic, &[[7, 250]]);
            assert_eq!(times(&bytes), [Some(Duration::new(7, nanos))]);
            assert!(is_capture(&bytes));
        }
        assert!(!is_capture(b"Nov 22 17:50:08") && !is_capture(&[0x0a, 0x0d]));
    }

    #[test]
    fn capture_is_read_up_to_an_incomplete_record() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.pcap");
        let bytes = pcap(0xa1b2_c3d4, &[[0, 0], [1, 0], [2, 0]]);
        std::fs::write(&path, &bytes[..bytes.len() - 30]).unwrap();
        assert_eq!(datagrams(path.to_str().unwrap(), &[67]).unwrap().len(), 2);
        assert_eq!(datagrams(path.to_str().unwrap(), &[69]).unwrap(), []);
        std::fs::write(&path, "no capture at all").unwrap();
        let read = |path: &str| datagrams(path, &[67]).unwrap_err();
        let broken = read(path.to_str().unwrap());
        assert!(matches!(broken, CaptureError::NoCapture), "{broken}");
        let missing = read("/nowhere");
        assert!(matches!(missing, CaptureError::Unreadable(_)), "{missing}");
        assert_eq!(missing.to_string(), "No such file or directory");
    }
}
