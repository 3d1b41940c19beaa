//! The option area: reading it, and building one with what overflows put into `file` and `sname`
//! (RFC 2132, RFC 2131 section 4.1; docs/dnsmasq/proxydhcp.md, sections 3.2, 6.2, 6.5, 6.6)

use super::dhcp::field;
use std::ops::Range;

const PAD: u8 = 0;
const END: u8 = 255;
const OVERLOAD: u8 = 52;
/// One byte tells the length (RFC 2132, section 2).
const MAX_VALUE_LEN: usize = 255;
/// Relays and old clients want at least so many bytes (RFC 951).
const MIN_OPTION_LEN: usize = 300;

/// Walks an option area: code and value, up to the end option or to one that does not fit.
pub fn walk(area: &[u8]) -> impl Iterator<Item = (u8, &[u8])> {
    let mut rest = area;
    std::iter::from_fn(move || {
        loop {
            match *rest {
                [PAD, ref tail @ ..] => rest = tail,
                [END, ..] | [] | [_] => return None,
                [code, length, ref tail @ ..] => {
                    let (value, left) = tail.split_at_checked(length.into())?;
                    rest = left;
                    return Some((code, value));
                }
            }
        }
    })
}

/// The first option of that code with at least `least` bytes.
pub fn find(area: &[u8], code: u8, least: usize) -> Option<&[u8]> {
    walk(area).find(|(found, value)| *found == code && value.len() >= least).map(|(_, value)| value)
}

/// Whether a value holds a text anywhere; the empty one it always does.
pub fn contains(value: &[u8], text: &[u8]) -> bool {
    text.is_empty() || value.windows(text.len()).any(|window| window == text)
}

/// Where the end option stands, if all options before it fit.
pub fn end(area: &[u8]) -> Option<usize> {
    let mut at = 0;
    loop {
        match *area.get(at)? {
            PAD => at += 1,
            END => return Some(at),
            _ => at += 2 + usize::from(*area.get(at + 1)?),
        }
    }
}

/// A reply under construction: a request's first 240 bytes, and options behind them.
#[derive(Debug)]
pub struct Builder {
    bytes: Vec<u8>,
    /// Bytes the reply may have, what is reserved for option 82 not counted.
    limit: usize,
    file: Overflow,
    sname: Overflow,
}

/// A field that takes options when the option area is full.
#[derive(Debug)]
struct Overflow {
    field: Range<usize>,
    bit: u8,
    /// Bytes of options in it, once it is used for them.
    used: Option<usize>,
}

/// An option found no place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BufferFull;

impl Builder {
    /// Starts from the fixed part, whose fields must have their final values.
    pub fn new(fixed: Vec<u8>, limit: usize) -> Self {
        let overflow = |field, bit| Overflow { field, bit, used: None };
        Self {
            bytes: fixed,
            limit,
            file: overflow(field::FILE, 1),
            sname: overflow(field::SNAME, 2),
        }
    }

    /// Appends an option, or puts it where there is room.
    pub fn put(&mut self, code: u8, value: &[u8]) -> Result<(), BufferFull> {
        if value.len() > MAX_VALUE_LEN {
            return Err(BufferFull);
        }
        if self.bytes.len() + value.len() + 3 < self.limit {
            self.append(code, value);
            return Ok(());
        }
        let overload = self.overload_at();
        let overload = overload.or_else(|| {
            let room =
                self.bytes[self.file.field.start] == 0 || self.bytes[self.sname.field.start] == 0;
            // Nothing checks that this one fits: a reply may be three bytes too long.
            room.then(|| {
                self.append(OVERLOAD, &[0]);
                self.bytes.len() - 1
            })
        });
        let at = overload.ok_or(BufferFull)?;
        let Self { bytes, file, sname, .. } = self;
        if file.put(bytes, at, code, value) || sname.put(bytes, at, code, value) {
            Ok(())
        } else {
            Err(BufferFull)
        }
    }

    /// Closes the reply: overflowed fields, the relay's option 82, the end, padding.
    pub fn finish(mut self, relay: Option<&[u8]>) -> Vec<u8> {
        for overflow in [&self.file, &self.sname] {
            if let Some(used) = overflow.used {
                self.bytes[overflow.field.start + used] = END;
            }
        }
        if let Some(value) = relay {
            self.append(82, value);
        }
        self.bytes.push(END);
        let size = self.bytes.len().max(MIN_OPTION_LEN);
        self.bytes.resize(size, 0);
        self.bytes
    }

    fn append(&mut self, code: u8, value: &[u8]) {
        self.bytes.extend_from_slice(&[code, value.len().to_le_bytes()[0]]);
        self.bytes.extend_from_slice(value);
    }

    /// Where the value of option 52 stands.
    fn overload_at(&self) -> Option<usize> {
        let mut at = field::OPTIONS;
        for (code, value) in walk(&self.bytes[field::OPTIONS..]) {
            if code == OVERLOAD {
                return Some(at + 2);
            }
            at += 2 + value.len();
        }
        None
    }
}

impl Overflow {
    fn put(&mut self, bytes: &mut [u8], overload: usize, code: u8, value: &[u8]) -> bool {
        if self.used.is_none() && bytes[self.field.start] == 0 {
            bytes[overload] |= self.bit;
            self.used = Some(0);
        }
        let Some(used) = self.used.filter(|used| used + value.len() + 3 < self.field.len()) else {
            return false;
        };
        let Ok(length) = u8::try_from(value.len()) else { return false };
        let at = self.field.start + used;
        bytes[at..at + 2].copy_from_slice(&[code, length]);
        bytes[at + 2..at + 2 + value.len()].copy_from_slice(value);
        self.used = Some(used + 2 + value.len());
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_walk_ends_at_what_does_not_fit() {
        let area = [0, 1, 1, 7, 0, 2, 0, 3, 9, 1];
        assert_eq!(walk(&area).collect::<Vec<_>>(), [(1, &[7][..]), (2, &[])]);
        assert_eq!(end(&area), None);
        assert_eq!(end(&[1, 1, 255, 255]), Some(3));
    }

    #[test]
    fn short_ones_are_passed_over() {
        assert_eq!(find(&[93, 1, 0, 93, 2, 0, 7], 93, 2), Some(&[0, 7][..]));
    }

    #[test]
    fn what_has_no_room_goes_into_file_then_sname() {
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
}
