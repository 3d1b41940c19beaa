//! The BOOTP frame (RFC 951; RFC 2131, section 2).
//!
//! ```text
//!   0 op  1 htype  2 hlen  3 hops  4 xid  8 secs  10 flags  12 ciaddr  16 yiaddr  20 siaddr  24 giaddr
//!  28 chaddr (16)  44 sname (64)  108 file (128)  236 magic cookie  240 options
//! ```

use super::client_arch::Architecture;
use super::dhcp_option::{self, overload};
use super::options;
use std::net::Ipv4Addr;
use std::ops::Range;

/// Offsets of the fields in a frame.
pub mod field {
    use std::ops::Range;

    /// BOOTREQUEST or BOOTREPLY.
    pub const OP: usize = 0;
    /// Hardware type.
    pub const HTYPE: usize = 1;
    /// Length of the hardware address.
    pub const HLEN: usize = 2;
    /// Transaction ID.
    pub const XID: Range<usize> = 4..8;
    /// Flags.
    pub const FLAGS: Range<usize> = 10..12;
    /// The address of the client, if it has one.
    pub const CIADDR: Range<usize> = 12..16;
    /// The address that the server gives to the client.
    pub const YIADDR: Range<usize> = 16..20;
    /// The next server: the server of the boot file.
    pub const SIADDR: Range<usize> = 20..24;
    /// The relay agent.
    pub const GIADDR: Range<usize> = 24..28;
    /// The hardware address of the client.
    pub const CHADDR: Range<usize> = 28..44;
    /// Server host name, terminated by NUL.
    pub const SNAME: Range<usize> = 44..108;
    /// Boot file name, terminated by NUL.
    pub const FILE: Range<usize> = 108..236;
    /// Magic cookie (RFC 2131, section 3).
    pub const COOKIE: Range<usize> = 236..240;
    /// Start of the options.
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

    /// The name without `DHCP`, or `message 9` for a type without a name.
    pub fn name(message_type: u8) -> String {
        let name = usize::from(message_type).checked_sub(1).and_then(|index| NAMES.get(index));
        name.map_or_else(|| format!("message {message_type}"), |name| (*name).to_owned())
    }
}

/// `op` of a request (RFC 951).
pub const BOOT_REQUEST: u8 = 1;
/// `op` of a reply (RFC 951).
pub const BOOT_REPLY: u8 = 2;
/// The first four bytes of the option area (RFC 2131, section 3).
pub const MAGIC_COOKIE: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
/// The flag by which a client asks for a reply by broadcast (RFC 2131, section 2).
pub const BROADCAST: u16 = 0x8000;

const MAX_CHADDR_LEN: u8 = 16;

/// A request, or a reply. It borrows the datagram; nothing is copied.
#[derive(Clone, Copy, Debug)]
pub struct Frame<'a> {
    bytes: &'a [u8],
}

impl<'a> Frame<'a> {
    /// Bytes of a BOOTP frame without its options.
    pub const MIN_LEN: usize = field::COOKIE.start;

    /// `None` for a datagram that dnsmasq drops without a log line: too short, not a request, an impossible hardware
    /// address, or DHCP without the magic cookie.
    pub fn parse(bytes: &'a [u8]) -> Option<Self> {
        let frame = Self { bytes };
        let plausible = bytes.len() >= Self::MIN_LEN
            && bytes[field::OP] == BOOT_REQUEST
            && frame.hlen() <= MAX_CHADDR_LEN
            && (frame.htype() != 0 || frame.hlen() == 0);
        let is_dhcp = plausible && frame.message_type().is_some();
        (plausible && (!is_dhcp || bytes[field::COOKIE] == MAGIC_COOKIE)).then_some(frame)
    }

    /// A message of a server; `None` if it is not one, or has no magic cookie.
    pub fn parse_reply(bytes: &'a [u8]) -> Option<Self> {
        let frame = Self { bytes };
        let is_reply = bytes.len() >= field::OPTIONS
            && bytes[field::OP] == BOOT_REPLY
            && frame.hlen() <= MAX_CHADDR_LEN
            && bytes[field::COOKIE] == MAGIC_COOKIE;
        is_reply.then_some(frame)
    }

    /// The whole datagram.
    pub fn bytes(self) -> &'a [u8] {
        self.bytes
    }

    /// Hardware type (RFC 1700: 1 is Ethernet).
    pub fn htype(self) -> u8 {
        self.bytes[field::HTYPE]
    }

    /// Length of the hardware address, 0 to 16.
    pub fn hlen(self) -> u8 {
        self.bytes[field::HLEN]
    }

    /// Transaction ID.
    pub fn xid(self) -> u32 {
        u32::from_be_bytes(self.array(field::XID))
    }

    /// Flags; see [`BROADCAST`].
    pub fn flags(self) -> u16 {
        u16::from_be_bytes(self.array(field::FLAGS))
    }

    /// One of the four address fields.
    pub fn address(self, field: Range<usize>) -> Ipv4Addr {
        Ipv4Addr::from(self.array::<4>(field))
    }

    /// The hardware address of the client.
    pub fn mac(self) -> &'a [u8] {
        &self.bytes[field::CHADDR][..usize::from(self.hlen())]
    }

    /// The message type (option 53); `None` is BOOTP.
    pub fn message_type(self) -> Option<u8> {
        self.option(dhcp_option::MESSAGE_TYPE, 1).map(|value| value[0])
    }

    /// The architecture of the client (option 93): the first of the list (RFC 4578, section 2.1).
    pub fn architecture(self) -> Option<Architecture> {
        let value = self.option(dhcp_option::CLIENT_ARCH, 2)?;
        Some(Architecture(u16::from_be_bytes([value[0], value[1]])))
    }

    /// The vendor class (option 60), empty if there is none.
    pub fn vendor_class(self) -> &'a [u8] {
        self.option(dhcp_option::VENDOR_CLASS, 0).unwrap_or_default()
    }

    /// The first option of that code with at least `min_len` bytes, also in fields that option 52 overloads.
    pub fn option(self, code: u8, min_len: usize) -> Option<&'a [u8]> {
        let area = self.options();
        options::find(area, code, min_len).or_else(|| {
            let overloaded = *options::find(area, dhcp_option::OVERLOAD, 1)?.first()?;
            let find_in = |bit: u8, field: Range<usize>| {
                if overloaded & bit == 0 {
                    return None;
                }
                options::find(&self.bytes[field], code, min_len)
            };
            find_in(overload::FILE, field::FILE).or_else(|| find_in(overload::SNAME, field::SNAME))
        })
    }

    /// The option area.
    pub fn options(self) -> &'a [u8] {
        self.bytes.get(field::OPTIONS..).unwrap_or_default()
    }

    fn array<const N: usize>(self, field: Range<usize>) -> [u8; N] {
        let mut array = [0; N];
        array.copy_from_slice(&self.bytes[field]);
        array
    }
}

/// The text of `file` or `sname`: up to the first NUL.
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
    fn truncated_request_is_dropped_or_has_only_the_options_that_are_complete() {
        let whole = request(&[53, 1, 1, 60, 3, b'P', b'X', b'E', 52, 1, 3, 255]);
        for cut in 0..whole.len() {
            let frame = Frame::parse(&whole[..cut]);
            assert_eq!(frame.is_some(), cut >= Frame::MIN_LEN, "{cut}");
            let class = frame.and_then(|frame| frame.option(60, 1));
            assert_eq!(class.is_some(), cut >= field::OPTIONS + 8, "{cut}");
        }
    }

    #[test]
    fn reply_or_impossible_hardware_address_is_dropped() {
        for (offset, byte) in [(0, 2), (2, 17), (1, 0)] {
            let mut bytes = request(&[53, 1, 1]);
            bytes[offset] = byte;
            assert!(Frame::parse(&bytes).is_none(), "byte {offset} = {byte}");
        }
        assert!(Frame::parse(&request(&[])[..235]).is_none());
    }

    #[test]
    fn reply_is_parsed_unless_it_is_cut_off() {
        let mut bytes = request(&[53, 1, 2]);
        bytes[0] = BOOT_REPLY;
        assert_eq!(Frame::parse_reply(&bytes).unwrap().message_type(), Some(message::OFFER));
        assert!(Frame::parse_reply(&bytes[..239]).is_none());
        assert!(Frame::parse_reply(&request(&[53, 1, 1])).is_none(), "a request");
    }

    #[test]
    fn dhcp_without_magic_cookie_is_dropped_and_bootp_is_not() {
        let mut bytes = request(&[53, 1, 1]);
        bytes[236] = 0;
        assert!(Frame::parse(&bytes).is_none());
        bytes.truncate(field::OPTIONS);
        assert!(Frame::parse(&bytes).is_some());
    }

    #[test]
    fn option_is_found_in_an_overloaded_field() {
        let mut bytes = request(&[53, 1, 1, 52, 1, 1, 255]);
        bytes[field::FILE.start..field::FILE.start + 4].copy_from_slice(&[93, 2, 0, 7]);
        assert_eq!(Frame::parse(&bytes).unwrap().option(93, 2), Some(&[0, 7][..]));
        bytes[field::OPTIONS + 5] = 2;
        assert_eq!(Frame::parse(&bytes).unwrap().option(93, 2), None);
    }
}
