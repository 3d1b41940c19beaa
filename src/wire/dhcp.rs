//! The BOOTP frame (RFC 951, RFC 2131 section 2)
//!
//! ```text
//!   0 op  1 htype  2 hlen  3 hops  4 xid  8 secs  10 flags  12 ciaddr  16 yiaddr  20 siaddr  24 giaddr
//!  28 chaddr (16)  44 sname (64)  108 file (128)  236 magic cookie  240 options
//! ```

use super::options;
use std::net::Ipv4Addr;
use std::ops::Range;

/// Where the fields stand.
pub mod field {
    use std::ops::Range;

    /// Client address, if the client has one.
    pub const CIADDR: Range<usize> = 12..16;
    /// "Your" address.
    pub const YIADDR: Range<usize> = 16..20;
    /// Next server.
    pub const SIADDR: Range<usize> = 20..24;
    /// Relay agent.
    pub const GIADDR: Range<usize> = 24..28;
    /// Hardware address.
    pub const CHADDR: Range<usize> = 28..44;
    /// Server name.
    pub const SNAME: Range<usize> = 44..108;
    /// Boot file.
    pub const FILE: Range<usize> = 108..236;
    /// Magic cookie (RFC 2131 section 3).
    pub const COOKIE: Range<usize> = 236..240;
    /// Options.
    pub const OPTIONS: usize = 240;
}

/// DHCP message types (RFC 2132, section 9.6).
pub mod message {
    /// DHCPDISCOVER
    pub const DISCOVER: u8 = 1;
    /// DHCPOFFER
    pub const OFFER: u8 = 2;
    /// DHCPREQUEST
    pub const REQUEST: u8 = 3;
    /// DHCPACK
    pub const ACK: u8 = 5;
    /// DHCPINFORM
    pub const INFORM: u8 = 8;

    const NAMES: &[&str] =
        &["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"];

    /// The name of a type, or its number.
    pub fn name(kind: u8) -> String {
        let name = usize::from(kind).checked_sub(1).and_then(|at| NAMES.get(at));
        name.map_or_else(|| format!("message {kind}"), |name| (*name).to_owned())
    }
}

const MAGIC_COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
const MAX_CHADDR_LEN: u8 = 16;

/// The flag by which a client asks for an answer by broadcast (RFC 2131 section 2).
pub const BROADCAST: u16 = 0x8000;

/// A request. Nothing is copied.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Bytes of a BOOTP frame without its options.
    pub const MIN_LEN: usize = field::COOKIE.start;

    /// `None` for what dnsmasq drops without a word: too short, no request, impossible hardware address, or DHCP
    /// without its cookie.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let frame = Self { bytes };
        let plausible = bytes.len() >= Self::MIN_LEN
            && bytes[0] == 1
            && frame.hlen() <= MAX_CHADDR_LEN
            && (frame.htype() != 0 || frame.hlen() == 0);
        let is_dhcp = plausible && frame.option(53, 1).is_some();
        (plausible && (!is_dhcp || bytes[field::COOKIE] == MAGIC_COOKIE)).then_some(frame)
    }

    /// All of it.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Hardware type (RFC 1700: 1 is Ethernet).
    pub fn htype(self) -> u8 {
        self.bytes[1]
    }

    /// Length of the hardware address.
    pub fn hlen(self) -> u8 {
        self.bytes[2]
    }

    /// Transaction.
    pub fn xid(self) -> u32 {
        u32::from_be_bytes(self.array(4))
    }

    /// Flags.
    pub fn flags(self) -> u16 {
        u16::from_be_bytes(self.array(10))
    }

    /// One of the four addresses.
    pub fn address(self, at: Range<usize>) -> Ipv4Addr {
        Ipv4Addr::from(self.array::<4>(at.start))
    }

    /// The hardware address.
    pub fn mac(self) -> &'a [u8] {
        &self.bytes[field::CHADDR][..usize::from(self.hlen())]
    }

    /// The first option of that code with at least `least` bytes, also where options overload other fields.
    pub fn option(self, code: u8, least: usize) -> Option<&'a [u8]> {
        let area = self.options();
        options::find(area, code, least).or_else(|| {
            let overload = *options::find(area, 52, 1)?.first()?;
            let in_file = (overload & 1 != 0)
                .then(|| options::find(&self.bytes[field::FILE], code, least))
                .flatten();
            let in_sname = || {
                (overload & 2 != 0)
                    .then(|| options::find(&self.bytes[field::SNAME], code, least))
                    .flatten()
            };
            in_file.or_else(in_sname)
        })
    }

    /// The option area.
    pub fn options(self) -> &'a [u8] {
        self.bytes.get(field::OPTIONS..).unwrap_or_default()
    }

    fn array<const N: usize>(self, at: usize) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[at..at + N]);
        array
    }
}

/// The file or server name of a field: up to its first NUL.
pub fn string(field: &[u8]) -> &[u8] {
    field.split(|&byte| byte == 0).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(options: &[u8]) -> Vec<u8> {
        let mut bytes = vec![0; field::OPTIONS];
        bytes[..3].copy_from_slice(&[1, 1, 6]);
        bytes[field::COOKIE].copy_from_slice(&MAGIC_COOKIE);
        bytes.extend_from_slice(options);
        bytes
    }

    #[test]
    fn no_prefix_of_a_request_panics() {
        let whole = request(&[53, 1, 1, 60, 3, b'P', b'X', b'E', 52, 1, 3, 255]);
        for cut in 0..whole.len() {
            if let Some(frame) = Frame::parse(&whole[..cut]) {
                let _ = (frame.option(60, 1), frame.mac(), frame.xid(), frame.flags());
            }
        }
    }

    #[test]
    fn what_is_no_request_is_dropped() {
        for (at, byte) in [(0, 2), (2, 17), (1, 0)] {
            let mut bytes = request(&[53, 1, 1]);
            bytes[at] = byte;
            assert!(Frame::parse(&bytes).is_none(), "byte {at} = {byte}");
        }
        assert!(Frame::parse(&request(&[])[..235]).is_none());
    }

    #[test]
    fn dhcp_needs_its_cookie_and_bootp_does_not() {
        let mut bytes = request(&[53, 1, 1]);
        bytes[236] = 0;
        assert!(Frame::parse(&bytes).is_none());
        bytes.truncate(field::OPTIONS);
        assert!(Frame::parse(&bytes).is_some());
    }

    #[test]
    fn overloaded_fields_hold_options_too() {
        let mut bytes = request(&[53, 1, 1, 52, 1, 1, 255]);
        bytes[field::FILE.start..field::FILE.start + 4].copy_from_slice(&[93, 2, 0, 7]);
        assert_eq!(Frame::parse(&bytes).unwrap().option(93, 2), Some(&[0, 7][..]));
    }
}
