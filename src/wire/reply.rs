//! Writing the options of a reply; options that do not fit go into `file` and `sname`
//! (RFC 2131, section 4.1; docs/dnsmasq/proxydhcp.md, sections 6.2, 6.5, 6.6).

use super::dhcp::field;
use super::dhcp_option::{END, OVERLOAD, RELAY_AGENT, overload};
use super::options::walk;
use std::ops::Range;

/// The length of a value is one byte (RFC 2132, section 2).
const MAX_VALUE_LEN: usize = 255;
/// Relay agents and BOOTP clients expect at least this many bytes (RFC 951).
const MIN_REPLY_LEN: usize = 300;

/// A reply under construction: the fixed fields, and options behind them.
#[derive(Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    /// Bytes that the reply may have, without those that are reserved for option 82.
    limit: usize,
    file: Overflow,
    sname: Overflow,
}

/// A field that takes options when the option area is full.
#[derive(Debug)]
struct Overflow {
    field: Range<usize>,
    /// The bit of the field in option 52.
    bit: u8,
    /// Bytes of options in the field; `None` while it contains no option.
    used: Option<usize>,
}

/// The option does not fit into the reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull;

impl Builder {
    /// Starts from the first 240 bytes of a reply. `file` and `sname` must have their final values: an option is
    /// written only into an empty one.
    pub fn new(fixed: Vec<u8>, limit: usize) -> Self {
        let overflow = |field, bit| Overflow { field, bit, used: None };
        Self {
            bytes: fixed,
            limit,
            file: overflow(field::FILE, overload::FILE),
            sname: overflow(field::SNAME, overload::SNAME),
        }
    }

    /// Appends an option, or writes it into `file` or `sname`.
    pub fn put(&mut self, code: u8, value: &[u8]) -> Result<(), BufferFull> {
        if value.len() > MAX_VALUE_LEN {
            return Err(BufferFull);
        }
        if self.bytes.len() + value.len() + 3 < self.limit {
            self.append(code, value);
            return Ok(());
        }
        let overload = self.overload_offset().or_else(|| self.add_overload());
        let overload = overload.ok_or(BufferFull)?;
        let Self { bytes, file, sname, .. } = self;
        if file.put(bytes, overload, code, value) || sname.put(bytes, overload, code, value) {
            Ok(())
        } else {
            Err(BufferFull)
        }
    }

    /// Ends the fields that contain options, then appends option 82 (`relay`), the end option and padding.
    pub fn finish(mut self, relay: Option<&[u8]>) -> Vec<u8> {
        for overflow in [&self.file, &self.sname] {
            if let Some(used) = overflow.used {
                self.bytes[overflow.field.start + used] = END;
            }
        }
        if let Some(value) = relay {
            self.append(RELAY_AGENT, value);
        }
        self.bytes.push(END);
        let size = self.bytes.len().max(MIN_REPLY_LEN);
        self.bytes.resize(size, 0);
        self.bytes
    }

    fn append(&mut self, code: u8, value: &[u8]) {
        self.bytes.extend_from_slice(&[code, value.len().to_le_bytes()[0]]);
        self.bytes.extend_from_slice(value);
    }

    /// The offset of the value of option 52.
    fn overload_offset(&self) -> Option<usize> {
        let mut offset = field::OPTIONS;
        for (code, value) in walk(&self.bytes[field::OPTIONS..]) {
            if code == OVERLOAD {
                return Some(offset + 2);
            }
            offset += 2 + value.len();
        }
        None
    }

    /// Appends option 52 if a field is empty, and returns the offset of its value. As in dnsmasq the limit is not
    /// checked: a reply may be three bytes too long.
    fn add_overload(&mut self) -> Option<usize> {
        let is_empty = |overflow: &Overflow| self.bytes[overflow.field.start] == 0;
        if !is_empty(&self.file) && !is_empty(&self.sname) {
            return None;
        }
        self.append(OVERLOAD, &[0]);
        Some(self.bytes.len() - 1)
    }
}

impl Overflow {
    /// Writes an option into the field and sets its bit at offset `overload`; `false` if it does not fit.
    fn put(&mut self, bytes: &mut [u8], overload: usize, code: u8, value: &[u8]) -> bool {
        if self.used.is_none() && bytes[self.field.start] == 0 {
            bytes[overload] |= self.bit;
            self.used = Some(0);
        }
        let Some(used) = self.used.filter(|used| used + value.len() + 3 < self.field.len()) else {
            return false;
        };
        let Ok(length) = u8::try_from(value.len()) else { return false };
        let offset = self.field.start + used;
        bytes[offset..offset + 2].copy_from_slice(&[code, length]);
        bytes[offset + 2..offset + 2 + value.len()].copy_from_slice(value);
        self.used = Some(used + 2 + value.len());
        true
    }
}

#[test]
fn options_beyond_the_limit_are_written_into_file_then_sname() {
    let mut reply = Builder::new(vec![0; 240], 252);
    reply.put(53, &[2]).unwrap();
    reply.put(43, &[1; 100]).unwrap();
    reply.put(43, &[2; 50]).unwrap();
    assert_eq!(reply.put(43, &[3; 50]), Err(BufferFull));
    let bytes = reply.finish(None);
    assert_eq!(bytes[240..247], [53, 1, 2, 52, 1, 3, 255]);
    assert_eq!(bytes[108..110], [43, 100]);
    assert_eq!(bytes[210], 255);
    assert_eq!(bytes[44..46], [43, 50]);
    assert_eq!(bytes.len(), 300);
}
