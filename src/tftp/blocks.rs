//! A range of blocks → datagrams: octet and netascii (spec: TFTP, sections 6, 7).

use super::files::{FileId, Files, Opened, Read};
use super::negotiate::Mode;
use crate::wire::tftp::data_head;
use std::ops::Range;

/// Where the blocks of one transfer come from.
#[derive(Clone, Debug)]
pub struct Source {
    file: FileId,
    size: u64,
    blksize: usize,
    netascii: Option<Netascii>,
}

/// Where netascii is: blocks differ in how much of the file they hold, so each begins where the last has ended.
#[derive(Clone, Debug, Default)]
struct Netascii {
    /// The block that begins here.
    block: u64,
    at: Position,
    /// Where the block after it begins.
    next: Position,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct Position {
    offset: u64,
    /// The CR of the LF here has been sent.
    carry: bool,
}

/// The datagrams of a range of blocks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rendered {
    /// These; and the last block of the file, where this is what tells.
    Blocks(Vec<Vec<u8>>, Option<u64>),
    /// The disk is slow.
    Pending,
    /// It failed; the system's words.
    Failed(String),
}

impl Source {
    /// A file to be sent in blocks.
    pub fn new(opened: Opened, blksize: usize, mode: Mode) -> Self {
        let netascii =
            (mode == Mode::Netascii).then(|| Netascii { block: 1, ..Netascii::default() });
        Self { file: opened.file, size: opened.size, blksize, netascii }
    }

    /// The file.
    pub fn file(&self) -> FileId {
        self.file
    }

    /// The block that ends the file, where that can be told beforehand: the first one that is not full.
    pub fn last(&self) -> Option<u64> {
        self.netascii.is_none().then(|| self.size / self.blksize as u64 + 1)
    }

    /// Makes the datagrams of blocks 1 and up.
    pub fn render(&mut self, blocks: Range<u64>, files: &mut impl Files) -> Rendered {
        if self.netascii.is_some() {
            return self.netascii_block(blocks.start, files);
        }
        let mut datagrams = Vec::new();
        for block in blocks {
            let offset = (block - 1) * self.blksize as u64;
            match self.read(block, offset, files) {
                Ok(datagram) => datagrams.push(datagram),
                Err(failed) => return failed,
            }
        }
        Rendered::Blocks(datagrams, None)
    }

    /// A DATA datagram with what the file has at an offset.
    fn read(&self, block: u64, offset: u64, files: &mut impl Files) -> Result<Vec<u8>, Rendered> {
        let left = self.size.saturating_sub(offset);
        let size = usize::try_from(left).unwrap_or(usize::MAX).min(self.blksize);
        let mut datagram = Vec::with_capacity(4 + self.blksize);
        datagram.extend_from_slice(&data_head(block));
        datagram.resize(4 + size, 0);
        // Even an empty block is read: a directory can be opened, and only reading it tells.
        match files.read(self.file, offset, &mut datagram[4..]) {
            Read::Bytes(read) if read == size => Ok(datagram),
            // The file has shrunk: dnsmasq names the error that there was none.
            Read::Bytes(_) => Err(Rendered::Failed("Success".to_owned())),
            Read::Pending => Err(Rendered::Pending),
            Read::Failed(reason) => Err(Rendered::Failed(reason)),
        }
    }

    /// Netascii is sent block by block, and a block is rendered again exactly as it was.
    fn netascii_block(&mut self, block: u64, files: &mut impl Files) -> Rendered {
        let mut state = self.netascii.clone().unwrap_or_default();
        if block > state.block {
            state.at = state.next;
            state.block = block;
        }
        let raw = match self.read(block, state.at.offset, files) {
            Ok(datagram) => datagram,
            Err(failed) => return failed,
        };
        let (data, next) = expand(&raw[4..], state.at, self.blksize);
        state.next = next;
        let is_last = next.offset > self.size;
        self.netascii = Some(state);
        Rendered::Blocks(vec![[&raw[..4], &data].concat()], is_last.then_some(block))
    }
}

/// Puts a CR before each LF. What falls out of a full block begins the next.
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
    // On an acknowledgement dnsmasq goes on by a whole block less what was inserted, past the end at the end.
    let offset = at.offset + (blksize - inserted) as u64;
    (data, Position { offset, carry })
}

#[cfg(test)]
mod tests {
    use super::super::files::memory::Memory;
    use super::*;

    fn sent(bytes: &[u8], blksize: usize, mode: Mode) -> Vec<Vec<u8>> {
        let mut files = Memory::with(&[("/f", bytes)]);
        let mut source = Source::new(files.open(b"/f").unwrap(), blksize, mode);
        let mut last = source.last();
        let mut all = Vec::new();
        for block in 1.. {
            let Rendered::Blocks(once, end) = source.render(block..block + 1, &mut files) else {
                panic!()
            };
            assert_eq!(
                source.render(block..block + 1, &mut files),
                Rendered::Blocks(once.clone(), end),
                "a repeat differs"
            );
            all.push(once[0][4..].to_vec());
            last = last.or(end);
            if last == Some(block) {
                return all;
            }
        }
        all
    }

    #[test]
    fn a_full_last_block_is_followed_by_an_empty_one() {
        assert_eq!(sent(b"", 4, Mode::Octet), [b""]);
        assert_eq!(sent(b"abc", 4, Mode::Octet), [b"abc"]);
        assert_eq!(sent(b"abcd", 4, Mode::Octet), [&b"abcd"[..], b""]);
    }

    /// Fixtures tftp/netascii-lines and tftp/netascii-boundary.
    #[test]
    fn a_line_end_may_fall_between_blocks() {
        assert_eq!(sent(b"a\nb\r\n", 512, Mode::Netascii), [b"a\r\nb\r\r\n"]);
        assert_eq!(sent(b"1234567\nab", 8, Mode::Netascii), [&b"1234567\r"[..], b"\nab"]);
        assert_eq!(sent(b"12345678\nab", 8, Mode::Netascii), [&b"12345678"[..], b"\r\nab"]);
    }

    /// Exhaustion: any text of up to six characters, in blocks of 1 to 4, arrives with CR LF for each LF.
    #[test]
    fn netascii_loses_and_repeats_nothing() {
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
    fn a_file_that_has_shrunk_ends_the_transfer() {
        let mut files = Memory::with(&[("/f", b"0123456789")]);
        let mut source = Source::new(files.open(b"/f").unwrap(), 4, Mode::Octet);
        files.put("/f", b"01");
        assert_eq!(source.render(1..2, &mut files), Rendered::Failed("Success".to_owned()));
    }
}
