//! DHCP options in the format of dnsmasq's log (docs/dnsmasq/proxydhcp.md, section 7.6).

use conf_parser::option_names::{Kind, by_code};
use std::fmt;
use std::net::Ipv4Addr;

/// An option of a reply. Displayed as `sent size:  4 option: 54 server-identifier  10.9.0.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOption {
    /// The code of the option.
    pub code: u8,
    /// The value without code and length.
    pub value: Vec<u8>,
}

/// A longer value is cut off after this many bytes, and dots follow.
const MAX_HEX_BYTES: usize = 14;

impl fmt::Display for LoggedOption {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let known = by_code(self.code);
        let name = known.map_or("", |option| option.name);
        write!(f, "sent size:{:3} option:{:3} {name}  ", self.value.len(), self.code)?;
        match known.map_or(Kind::Any, |option| option.kind) {
            Kind::Addresses => f.write_str(&addresses(&self.value)),
            Kind::Name => printable(&self.value).fmt(f),
            Kind::Number(_) => write!(f, "{}", number(&self.value)),
            Kind::Time => f.write_str(&time(number(&self.value))),
            Kind::Octets(_) | Kind::Domains | Kind::Any => f.write_str(&hex(&self.value)),
        }
    }
}

/// The printable ASCII characters; all other bytes are removed.
pub fn printable(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len());
    text.extend(
        bytes.iter().filter(|byte| (32..127).contains(*byte)).map(|&byte| char::from(byte)),
    );
    text
}

/// A hardware address as `52:54:00:12:34:56`; `<null>` if it is empty.
pub fn mac(bytes: &[u8]) -> String {
    if bytes.is_empty() { "<null>".to_owned() } else { joined(bytes) }
}

/// Two hexadecimal digits for each byte, separated by colons.
fn joined(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut text = String::with_capacity(3 * bytes.len());
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            text.push(':');
        }
        text.extend([digit(byte >> 4), digit(byte & 15)]);
    }
    text
}

fn hex(value: &[u8]) -> String {
    match value.get(..MAX_HEX_BYTES) {
        Some(shown) if value.len() > MAX_HEX_BYTES => joined(shown) + "...",
        _ => joined(value),
    }
}

/// Fewer than four bytes at the end are ignored.
fn addresses(value: &[u8]) -> String {
    let (whole, _) = value.as_chunks::<4>();
    whole.iter().map(|&octets| Ipv4Addr::from(octets).to_string()).collect::<Vec<_>>().join(", ")
}

fn number(value: &[u8]) -> u32 {
    value.iter().fold(0, |sum: u32, &byte| (sum << 8) | u32::from(byte))
}

/// `1d2h3m4s` without the parts that are zero, so 0 is an empty string; `infinite` for the maximum.
pub fn time(seconds: u32) -> String {
    if seconds == u32::MAX {
        return "infinite".to_owned();
    }
    let parts = [
        (seconds / 86400, 'd'),
        (seconds / 3600 % 24, 'h'),
        (seconds / 60 % 60, 'm'),
        (seconds % 60, 's'),
    ];
    parts
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, unit)| format!("{count}{unit}"))
        .collect()
}

#[test]
fn options_are_displayed_as_in_the_log_of_dnsmasq_2_90() {
    for (code, value, line) in [
        (53, &[2][..], "sent size:  1 option: 53 message-type  2"),
        (54, &[10, 9, 0, 1], "sent size:  4 option: 54 server-identifier  10.9.0.1"),
        (60, b"PXEClient", "sent size:  9 option: 60 vendor-class  50:58:45:43:6c:69:65:6e:74"),
        (
            97,
            &[0; 17],
            "sent size: 17 option: 97 client-machine-id  00:00:00:00:00:00:00:00:00:00:00:00:00:00...",
        ),
        (10, b"\0PX", "sent size:  3 option: 10   00:50:58"),
        (67, b"a\x01b", "sent size:  3 option: 67 bootfile-name  ab"),
        (51, &[0, 1, 81, 129], "sent size:  4 option: 51 lease-time  1d1s"),
    ] {
        assert_eq!(LoggedOption { code, value: value.to_vec() }.to_string(), line);
    }
}
