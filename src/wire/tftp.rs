//! TFTP datagrams (RFC 1350; options RFC 2347).

/// A datagram of a client. Malformed requests are included, because dnsmasq answers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// RRQ. A missing file name or mode is `None`; `options` are name, value, name, value.
    Read { file: Option<&'a [u8]>, mode: Option<&'a [u8]>, options: Strings<'a> },
    /// WRQ; the rest is not parsed.
    Write,
    /// ACK of a block, or of the OACK as block 0.
    Ack(u16),
    /// ERROR: the client ends the transfer.
    Error { code: u16, text: &'a [u8] },
    /// Any other opcode.
    Other(u16),
}

impl<'a> Inbound<'a> {
    /// `None` if the datagram is too short; dnsmasq sends no reply to it.
    pub fn parse(datagram: &'a [u8]) -> Option<Self> {
        let (opcode, body) = number(datagram)?;
        Some(match opcode {
            1 => {
                let mut strings = Strings(body);
                let file = strings.take();
                Self::Read { file, mode: file.and_then(|_| strings.take()), options: strings }
            }
            2 => Self::Write,
            4 => Self::Ack(number(body)?.0),
            5 => {
                let (code, text) = number(body)?;
                Self::Error { code, text: Strings(text).take().unwrap_or_default() }
            }
            opcode => Self::Other(opcode),
        })
    }
}

/// A sequence of NUL-terminated strings. An unterminated one ends the list, and an empty one except as a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strings<'a>(&'a [u8]);

impl<'a> Strings<'a> {
    /// The strings of an OACK are those after its opcode (RFC 2347).
    pub fn of_oack(datagram: &'a [u8]) -> Option<Self> {
        Some(Self(datagram.strip_prefix(&[0, 6])?))
    }

    /// Removes and returns the next string.
    pub fn take(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0).filter(|&end| end > 0)?;
        let (string, rest) = (&self.0[..end], &self.0[end + 1..]);
        self.0 = rest;
        Some(string)
    }

    /// Pairs of name and value, up to the first incomplete pair. A pair with an empty value is left out.
    pub fn pairs(mut self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        let pairs = std::iter::from_fn(move || Some((self.take()?, self.take_value()?)));
        pairs.filter(|(_, value)| !value.is_empty())
    }

    /// Like [`Strings::take`], but an empty string does not end the list.
    fn take_value(&mut self) -> Option<&'a [u8]> {
        match self.0 {
            [0, rest @ ..] => {
                self.0 = rest;
                Some(&[])
            }
            _ => self.take(),
        }
    }
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (number, tail) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*number), tail))
}

/// The first four bytes of a DATA datagram, with the low 16 bits of the block number.
pub fn data_header(block: u64) -> [u8; 4] {
    let [.., high, low] = block.to_be_bytes();
    [0, 3, high, low]
}

/// An OACK with these options (RFC 2347).
pub fn oack<'a>(options: impl Iterator<Item = (&'a str, u64)>) -> Vec<u8> {
    let mut bytes = vec![0, 6];
    for (name, value) in options {
        bytes.extend_from_slice(name.as_bytes());
        bytes.push(0);
        bytes.extend_from_slice(value.to_string().as_bytes());
        bytes.push(0);
    }
    bytes
}

/// Error codes (RFC 1350, appendix).
pub mod error_code {
    /// Not defined: the text has the reason.
    pub const UNDEFINED: u16 = 0;
    /// File not found.
    pub const FILE_NOT_FOUND: u16 = 1;
    /// Access violation.
    pub const ACCESS_VIOLATION: u16 = 2;
    /// Illegal TFTP operation.
    pub const ILLEGAL_OPERATION: u16 = 4;
    /// Unknown transfer ID: the datagram came from another port or address than that of the client.
    pub const UNKNOWN_TID: u16 = 5;
}

/// Longest text of an ERROR datagram.
const MAX_ERROR_TEXT_LEN: usize = 499;

/// An ERROR datagram (RFC 1350, section 5); the text is cut after 499 bytes.
pub fn error(code: u16, text: &str) -> Vec<u8> {
    let [high, low] = code.to_be_bytes();
    let text = &text.as_bytes()[..text.len().min(MAX_ERROR_TEXT_LEN)];
    [&[0, 5, high, low], text, &[0]].concat()
}

#[test]
fn truncated_request_has_only_the_strings_that_are_complete() {
    let whole = b"\0\x01a\0octet\0blksize\x00512\0";
    for cut in 0..whole.len() {
        match Inbound::parse(&whole[..cut]) {
            None => assert!(cut < 2, "{cut}"),
            Some(Inbound::Read { file, mode, options }) => {
                let found = (file.is_some(), mode.is_some(), options.pairs().count());
                assert_eq!(found, (cut >= 4, cut >= 10, 0), "{cut}");
            }
            Some(other) => panic!("{other:?}"),
        }
    }
}

#[test]
fn unterminated_option_ends_the_list() {
    let Some(Inbound::Read { file, mode, options }) =
        Inbound::parse(b"\0\x01a\0octet\0blksize\x00512\0tsize\x000")
    else {
        panic!("not a request")
    };
    assert_eq!((file, mode), (Some(&b"a"[..]), Some(&b"octet"[..])));
    assert_eq!(options.pairs().collect::<Vec<_>>(), [(&b"blksize"[..], &b"512"[..])]);
}

/// Fixture tftp/hostile-options. dnsmasq ignores `tsize` here (D-041).
#[test]
fn option_with_empty_value_is_skipped() {
    let options = |tail: &'static [u8]| Strings(tail).pairs().collect::<Vec<_>>();
    let tsize = (&b"tsize"[..], &b"0"[..]);
    assert_eq!(options(b"blksize\0\0tsize\x000\0"), [tsize]);
    assert_eq!(options(b"tsize\x000\0blksize\0\0"), [tsize]);
    assert_eq!(options(b"blksize\0\0timeout\0\0tsize\x000\0"), [tsize]);
    assert_eq!(options(b"blksize\0"), [], "the value is missing");
    assert_eq!(options(b"\0\0tsize\x000\0"), [], "an empty name ends the list");
}

#[test]
fn long_error_text_is_cut() {
    assert_eq!(error(1, &"x".repeat(600)).len(), 504);
    let oack = oack([("blksize", 512)].into_iter());
    assert_eq!(oack, b"\0\x06blksize\x00512\0");
    let pairs: Vec<_> = Strings::of_oack(&oack).unwrap().pairs().collect();
    assert_eq!(pairs, [(&b"blksize"[..], &b"512"[..])]);
}
