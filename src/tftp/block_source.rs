//! A range of blocks → datagrams: octet and netascii (docs/dnsmasq/tftp.md, sections 6, 7).

use super::files::{FileId, Files, OpenedFile, ReadResult};
use super::negotiate::Mode;
use crate::wire::tftp::data_header;
use std::ops::Range;

/// The file of one transfer, as blocks.
#[derive(Clone, Debug)]
pub struct BlockSource {
    file: FileId,
    size: u64,
    blksize: usize,
    netascii: Option<Netascii>,
}

/// The position in a netascii transfer. Blocks hold different numbers of bytes of the file, so each begins where the one
/// before has ended.
#[derive(Clone, Debug, Default)]
struct Netascii {
    /// The number of the current block.
    block: u64,
    /// Where the current block begins.
    at: Position,
    /// Where the next block begins.
    next: Position,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    offset: u64,
    /// Whether the CR for the LF at this offset was sent in the block before.
    carry: bool,
}

/// The result of [`BlockSource::render`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RenderResult {
    /// The datagrams were added. In netascii the last block of the file is known only now: its number.
    Added(Option<u64>),
    /// The part of the file at this offset is not in memory yet.
    Pending(u64),
    /// Reading failed: the message of the system.
    Failed(String),
}

/// Bytes of a DATA datagram before the data.
pub const DATA_HEADER_LEN: usize = 4;

impl BlockSource {
    /// A file that is sent in blocks of `blksize` bytes.
    pub fn new(opened: OpenedFile, blksize: usize, mode: Mode) -> Self {
        let netascii =
            (mode == Mode::Netascii).then(|| Netascii { block: 1, ..Netascii::default() });
        Self { file: opened.file, size: opened.size, blksize, netascii }
    }

    /// The file.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// Its size, in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }

    /// Bytes of the file from this block on. In netascii the number is not exact.
    pub fn remaining(&self, block: u64) -> u64 {
        self.size.saturating_sub(block.saturating_sub(1).saturating_mul(self.blksize as u64))
    }

    /// The number of the last block: the first one that is not full. `None` in netascii, where it is not known before.
    pub fn last(&self) -> Option<u64> {
        self.netascii.is_none().then(|| self.size / self.blksize as u64 + 1)
    }

    /// Bytes of a full block.
    pub fn blksize(&self) -> u64 {
        self.blksize as u64
    }

    /// Bytes of a DATA datagram with a full block.
    pub fn segment(&self) -> usize {
        DATA_HEADER_LEN + self.blksize
    }

    /// Adds the DATA datagrams of these blocks (from 1) to `datagrams`, without a gap between them.
    pub fn render(
        &mut self,
        blocks: Range<u64>,
        files: &mut impl Files,
        datagrams: &mut Vec<u8>,
    ) -> RenderResult {
        if let Some(netascii) = self.netascii.take() {
            return self.netascii_block(netascii, blocks.start, files, datagrams);
        }
        let offset = (blocks.start - 1) * self.blksize as u64;
        let count = usize::try_from(blocks.end - blocks.start).unwrap_or_default();
        let bytes = match self.read(offset, count, files) {
            Ok(bytes) => bytes,
            Err(failed) => return failed,
        };
        let mut pieces = bytes.chunks(self.blksize);
        for block in blocks {
            datagrams.extend_from_slice(&data_header(block));
            // A file that ends with a full block is followed by an empty one.
            datagrams.extend_from_slice(pieces.next().unwrap_or_default());
        }
        RenderResult::Added(None)
    }

    /// Reads the bytes of `count` blocks, or fewer at the end of the file.
    fn read<'f>(
        &self,
        offset: u64,
        count: usize,
        files: &'f mut impl Files,
    ) -> Result<&'f [u8], RenderResult> {
        let left = usize::try_from(self.size.saturating_sub(offset)).unwrap_or(usize::MAX);
        let len = left.min(count * self.blksize);
        // An empty block is read too: a directory can be opened, and only reading fails.
        match files.read(self.file, offset, len) {
            ReadResult::Bytes(bytes) if bytes.len() == len => Ok(bytes),
            // The file has become shorter. dnsmasq logs the text of errno 0 here.
            ReadResult::Bytes(_) => Err(RenderResult::Failed("Success".to_owned())),
            ReadResult::Pending => Err(RenderResult::Pending(offset)),
            ReadResult::Failed(reason) => Err(RenderResult::Failed(reason)),
        }
    }

    /// Netascii has a window of one block. A retransmitted block has the same bytes.
    fn netascii_block(
        &mut self,
        mut netascii: Netascii,
        block: u64,
        files: &mut impl Files,
        datagrams: &mut Vec<u8>,
    ) -> RenderResult {
        if block > netascii.block {
            netascii.at = netascii.next;
            netascii.block = block;
        }
        let rendered = match self.read(netascii.at.offset, 1, files) {
            Ok(raw) => {
                let (data, next) = expand(raw, netascii.at, self.blksize);
                netascii.next = next;
                datagrams.extend_from_slice(&data_header(block));
                datagrams.extend_from_slice(&data);
                RenderResult::Added((next.offset > self.size).then_some(block))
            }
            Err(failed) => failed,
        };
        self.netascii = Some(netascii);
        rendered
    }
}

/// Puts a CR before each LF. Returns the data of one block, and the position of the next one.
fn expand(raw: &[u8], at: Position, blksize: usize) -> (Vec<u8>, Position) {
    let mut data = Vec::with_capacity(blksize + 1);
    let mut inserted = 0;
    let mut carry = false;
    for (index, &byte) in raw.iter().enumerate() {
        if data.len() >= blksize {
            break;
        }
        if byte == b'\n' && !(index == 0 && at.carry) {
            data.push(b'\r');
            inserted += 1;
            if data.len() == blksize {
                carry = true;
                break;
            }
        }
        data.push(byte);
    }
    // dnsmasq advances by a whole block minus the inserted bytes. At the end that is past the end of the file.
    let offset = at.offset + (blksize - inserted) as u64;
    (data, Position { offset, carry })
}

#[cfg(test)]
mod tests {
    use super::super::files::memory::Memory;
    use super::*;

    fn sent(bytes: &[u8], blksize: usize, mode: Mode) -> Vec<Vec<u8>> {
        let mut files = Memory::with(&[("/f", bytes)]);
        let mut source = BlockSource::new(files.open(b"/f").unwrap(), blksize, mode);
        let mut last = source.last();
        let mut all = Vec::new();
        for block in 1.. {
            let (mut once, mut again) = (Vec::new(), Vec::new());
            let rendered = source.render(block..block + 1, &mut files, &mut once);
            let RenderResult::Added(end) = rendered else { panic!() };
            assert_eq!(source.render(block..block + 1, &mut files, &mut again), rendered);
            assert_eq!(once, again, "a repeat differs");
            all.push(once[DATA_HEADER_LEN..].to_vec());
            last = last.or(end);
            if last == Some(block) {
                return all;
            }
        }
        all
    }

    #[test]
    fn window_is_rendered_without_gaps() {
        let mut files = Memory::with(&[("/f", b"abcdef")]);
        let mut source = BlockSource::new(files.open(b"/f").unwrap(), 3, Mode::Octet);
        let mut datagrams = Vec::new();
        assert_eq!(source.render(1..4, &mut files, &mut datagrams), RenderResult::Added(None));
        assert_eq!(datagrams, b"\0\x03\0\x01abc\0\x03\0\x02def\0\x03\0\x03");
    }

    #[test]
    fn full_last_block_is_followed_by_empty_one() {
        assert_eq!(sent(b"", 4, Mode::Octet), [b""]);
        assert_eq!(sent(b"abc", 4, Mode::Octet), [b"abc"]);
        assert_eq!(sent(b"abcd", 4, Mode::Octet), [&b"abcd"[..], b""]);
    }

    /// Fixture tftp/netascii.
    #[test]
    fn netascii_line_end_may_be_split_between_blocks() {
        assert_eq!(sent(b"a\nb\r\n", 512, Mode::Netascii), [b"a\r\nb\r\r\n"]);
        assert_eq!(sent(b"1234567\nab", 8, Mode::Netascii), [&b"1234567\r"[..], b"\nab"]);
        assert_eq!(sent(b"12345678\nab", 8, Mode::Netascii), [&b"12345678"[..], b"\r\nab"]);
    }

    /// All texts of up to six characters, in blocks of 1 to 4, arrive with CR LF for each LF.
    #[test]
    fn netascii_has_all_bytes_for_every_short_text() {
        for text in (0..=6_u32).flat_map(|size| (0..1_u32 << size).map(move |bits| (size, bits))) {
            let plain: Vec<u8> =
                (0..text.0).map(|at| if text.1 >> at & 1 == 1 { b'\n' } else { b'x' }).collect();
            let wanted: Vec<u8> = plain
                .iter()
                .flat_map(|&byte| if byte == b'\n' { vec![13, 10] } else { vec![byte] })
                .collect();
            for blksize in 1..=4 {
                assert_eq!(
                    sent(&plain, blksize, Mode::Netascii).concat(),
                    wanted,
                    "{plain:?} in blocks of {blksize}"
                );
            }
        }
    }

    #[test]
    fn shortened_file_fails() {
        let mut files = Memory::with(&[("/f", b"0123456789")]);
        let mut source = BlockSource::new(files.open(b"/f").unwrap(), 4, Mode::Octet);
        files.put("/f", b"01");
        let rendered = source.render(1..2, &mut files, &mut Vec::new());
        assert_eq!(rendered, RenderResult::Failed("Success".to_owned()));
    }
}
