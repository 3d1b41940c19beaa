//! Options of a request (RFC 2347, 2348, 2349, 7440; docs/dnsmasq/tftp.md, section 3).

use crate::config::Tftp;
use crate::wire::tftp::Strings;

/// The options of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NegotiatedOptions {
    /// Bytes of a block.
    pub blksize: usize,
    /// Whether the OACK has the size of the file.
    pub tsize: bool,
    /// Seconds until the first retransmission, if negotiated.
    pub timeout: Option<u8>,
    /// Blocks in flight, at most.
    pub windowsize: u64,
    blksize_requested: bool,
    windowsize_requested: bool,
}

/// How a file is sent (RFC 1350, section 1).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// The bytes of the file.
    Octet,
    /// With CR LF for LF.
    Netascii,
}

/// RFC 1350, section 2.
const DEFAULT_BLKSIZE: usize = 512;
/// The number of datagrams that the kernel takes in one call. dnsmasq grants 32 (D-022).
pub const MAX_WINDOWSIZE: u32 = 64;
/// Bytes of the TFTP, UDP and IP headers, as dnsmasq counts them.
const IPV4_HEADERS_LEN: u32 = 32;
const IPV6_HEADERS_LEN: u32 = 52;

/// The largest block that goes through an interface in one packet.
#[derive(Clone, Copy, Debug)]
pub struct PathMtu {
    /// The interface's; `None` if it is not known.
    pub mtu: Option<u32>,
    /// Whether it is IPv6.
    pub ipv6: bool,
}

/// What limits the options of one client.
#[derive(Clone, Copy, Debug)]
pub struct OptionLimits {
    /// The way to the client.
    pub path: PathMtu,
    /// The largest window, at least 1.
    pub max_windowsize: u32,
}

impl Mode {
    /// Parses a mode. Upper and lower case are the same.
    pub fn parse(mode: &[u8]) -> Option<Self> {
        if mode.eq_ignore_ascii_case(b"octet") {
            Some(Self::Octet)
        } else if mode.eq_ignore_ascii_case(b"netascii") {
            Some(Self::Netascii)
        } else {
            None
        }
    }
}

impl NegotiatedOptions {
    /// Grants options. Unknown ones are ignored; if an option comes twice, the last one counts.
    pub fn negotiate(options: Strings<'_>, mode: Mode, tftp: &Tftp, limits: OptionLimits) -> Self {
        let mut agreed = Self {
            blksize: DEFAULT_BLKSIZE,
            tsize: false,
            timeout: None,
            windowsize: 1,
            blksize_requested: false,
            windowsize_requested: false,
        };
        for (name, value) in options.pairs() {
            let number = leading_number(value);
            if name.eq_ignore_ascii_case(b"blksize") && !tftp.no_blocksize {
                agreed.blksize_requested = true;
                agreed.blksize = block_size(number, tftp, limits.path);
            } else if name.eq_ignore_ascii_case(b"tsize") && mode == Mode::Octet {
                agreed.tsize = true;
            } else if name.eq_ignore_ascii_case(b"timeout") {
                agreed.timeout = Some(u8::try_from(number).unwrap_or(u8::MAX));
            } else if name.eq_ignore_ascii_case(b"windowsize") && mode == Mode::Octet {
                agreed.windowsize_requested = true;
                agreed.windowsize = number.clamp(1, limits.max_windowsize).into();
            }
        }
        agreed
    }

    /// The options of the OACK, in the order of dnsmasq. Empty: no OACK is sent.
    pub fn oack_options(&self, size: u64) -> impl Iterator<Item = (&'static str, u64)> {
        let blksize = self.blksize_requested.then_some(("blksize", self.blksize as u64));
        let tsize = self.tsize.then_some(("tsize", size));
        let timeout = self.timeout.map(|seconds| ("timeout", seconds.into()));
        let windowsize = self.windowsize_requested.then_some(("windowsize", self.windowsize));
        [blksize, tsize, timeout, windowsize].into_iter().flatten()
    }
}

fn block_size(asked: u32, tftp: &Tftp, path: PathMtu) -> usize {
    let bound = if tftp.mtu == 0 { None } else { Some(tftp.mtu) };
    let mtu = [path.mtu, bound].into_iter().flatten().min();
    let heads = if path.ipv6 { IPV6_HEADERS_LEN } else { IPV4_HEADERS_LEN };
    // An MTU that is smaller than the headers is ignored.
    let room = mtu.and_then(|mtu| mtu.checked_sub(heads)).filter(|room| *room > 0);
    let size = asked.clamp(1, tftp.max_blksize).min(room.unwrap_or(u32::MAX));
    usize::try_from(size).unwrap_or(DEFAULT_BLKSIZE)
}

/// Like C's `atoi`, stored in 32 bits without a sign: blanks, a sign, digits. No digits are 0, and -1 is the largest value.
fn leading_number(value: &[u8]) -> u32 {
    let text = value.trim_ascii_start();
    let (minus, digits) = match text {
        [b'-', rest @ ..] => (true, rest),
        [b'+', rest @ ..] => (false, rest),
        _ => (false, text),
    };
    let digits = digits.iter().take_while(|byte| byte.is_ascii_digit());
    let long = digits
        .fold(0_i64, |sum, byte| sum.saturating_mul(10).saturating_add(i64::from(byte - b'0')));
    let long = if minus { long.wrapping_neg() } else { long };
    let [a, b, c, d, ..] = long.to_le_bytes();
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::wire::tftp::Inbound;

    fn limits(mtu: Option<u32>) -> OptionLimits {
        OptionLimits { path: PathMtu { mtu, ipv6: false }, max_windowsize: MAX_WINDOWSIZE }
    }

    fn agreed(options: &str, mode: Mode, tftp: &Tftp) -> Vec<(&'static str, u64)> {
        let datagram = format!("\0\x01f\0octet\0{}", options.replace(' ', "\0") + "\0");
        let Some(Inbound::Read { options, .. }) = Inbound::parse(datagram.as_bytes()) else {
            panic!()
        };
        NegotiatedOptions::negotiate(options, mode, tftp, limits(Some(1500)))
            .oack_options(7)
            .collect()
    }

    #[test]
    fn oack_options_have_fixed_order() {
        let tftp = Tftp::default();
        let listed = agreed("windowsize 99 TIMEOUT 300 x y tsize 0 blksize 1", Mode::Octet, &tftp);
        assert_eq!(listed, [("blksize", 1), ("tsize", 7), ("timeout", 255), ("windowsize", 64)]);
        assert_eq!(
            agreed("windowsize 4 tsize 0 timeout 3", Mode::Netascii, &tftp),
            [("timeout", 3)]
        );
    }

    #[test]
    fn block_size_is_limited_by_mtu_and_buffer() {
        let tftp = Tftp::default();
        for (asked, granted) in [
            ("65464", 1468),
            ("0", 1),
            ("-1", 1468),
            ("abc", 1),
            ("99999999999", 1468),
            (" 600x", 600),
        ] {
            let datagram = format!("\0\x01f\0octet\0blksize\0{asked}\0");
            let Some(Inbound::Read { options: read, .. }) = Inbound::parse(datagram.as_bytes())
            else {
                panic!()
            };
            let agreed = NegotiatedOptions::negotiate(read, Mode::Octet, &tftp, limits(Some(1500)));
            assert_eq!(agreed.blksize, granted, "{asked}");
        }
        let wide = PathMtu { mtu: Some(9000), ipv6: true };
        assert_eq!(block_size(60000, &tftp, wide), 2263);
        assert_eq!(block_size(60000, &Tftp { mtu: 1000, ..Tftp::default() }, wide), 948);
        assert_eq!(block_size(512, &tftp, PathMtu { mtu: Some(20), ipv6: false }), 512);
    }

    #[test]
    fn tsize_of_large_file_is_exact() {
        let Some(Inbound::Read { options, .. }) = Inbound::parse(b"\0\x01f\0octet\0tsize\x000\0")
        else {
            panic!()
        };
        let agreed =
            NegotiatedOptions::negotiate(options, Mode::Octet, &Tftp::default(), limits(None));
        assert_eq!(agreed.oack_options(5 << 30).collect::<Vec<_>>(), [("tsize", 5_368_709_120)]);
    }

    #[test]
    fn blksize_is_not_granted_with_no_blocksize() {
        let tftp = Tftp { no_blocksize: true, ..Tftp::default() };
        assert_eq!(agreed("blksize 1000 tsize 0", Mode::Octet, &tftp), [("tsize", 7)]);
    }
}
