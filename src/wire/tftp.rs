//! TFTP datagrams: RFC 1350, option lists RFC 2347, windowsize RFC 7440.

/// What a client may send. Holds broken requests too, because dnsmasq answers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Inbound<'a> {
    /// A missing file name or mode is `None`; the options follow as name, value, name, value.
    Read { file: Option<&'a [u8]>, mode: Option<&'a [u8]>, options: Strings<'a> },
    /// A request to write, whatever follows.
    Write,
    /// A block, or the OACK as block 0, has arrived.
    Ack(u16),
    /// The client gives up.
    Error { code: u16, text: &'a [u8] },
    /// Anything else.
    Other(u16),
}

impl<'a> Inbound<'a> {
    /// `None`: too short to mean anything, and dnsmasq says nothing either.
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

/// NUL-terminated strings, one after the other. An empty or unterminated one ends the list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Strings<'a>(&'a [u8]);

impl<'a> Strings<'a> {
    /// The next string.
    pub fn take(&mut self) -> Option<&'a [u8]> {
        let end = self.0.iter().position(|&byte| byte == 0).filter(|&end| end > 0)?;
        let (string, rest) = (&self.0[..end], &self.0[end + 1..]);
        self.0 = rest;
        Some(string)
    }

    /// Pairs of name and value, while both are there.
    pub fn pairs(mut self) -> impl Iterator<Item = (&'a [u8], &'a [u8])> {
        std::iter::from_fn(move || Some((self.take()?, self.take()?)))
    }
}

fn number(bytes: &[u8]) -> Option<(u16, &[u8])> {
    let (head, tail) = bytes.split_first_chunk()?;
    Some((u16::from_be_bytes(*head), tail))
}

/// The head of a DATA datagram; only the low half of a block number travels.
pub fn data_header(block: u64) -> [u8; 4] {
    let [.., high, low] = block.to_be_bytes();
    [0, 3, high, low]
}

/// An OACK (RFC 2347).
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

/// An ERROR; a longer text is cut.
pub fn error(code: u16, text: &str) -> Vec<u8> {
    let mut bytes = vec![0, 5];
    bytes.extend_from_slice(&code.to_be_bytes());
    bytes.extend_from_slice(&text.as_bytes()[..text.len().min(MAX_ERROR_TEXT_LEN)]);
    bytes.push(0);
    bytes
}

#[test]
fn no_prefix_of_a_request_panics() {
    let whole = b"\0\x01a\0octet\0blksize\x00512\0";
    (0..whole.len()).for_each(|cut| _ = Inbound::parse(&whole[..cut]));
}

#[test]
fn an_unterminated_option_ends_the_list() {
    let Some(Inbound::Read { file, mode, options }) =
        Inbound::parse(b"\0\x01a\0octet\0blksize\x00512\0tsize\x000")
    else {
        panic!("not a request")
    };
    assert_eq!((file, mode), (Some(&b"a"[..]), Some(&b"octet"[..])));
    assert_eq!(options.pairs().collect::<Vec<_>>(), [(&b"blksize"[..], &b"512"[..])]);
}

#[test]
fn a_long_error_text_is_cut() {
    assert_eq!(error(1, &"x".repeat(600)).len(), 504);
    assert_eq!(oack([("blksize", 512)].into_iter()), b"\0\x06blksize\x00512\0");
}
