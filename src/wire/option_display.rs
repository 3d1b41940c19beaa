//! A DHCP option, shown as dnsmasq shows it (docs/dnsmasq/proxydhcp.md, section 7.6).

use conf_parser::option_names::{Kind, by_code};
use std::fmt;
use std::net::Ipv4Addr;

/// An option of a reply. Shows as `sent size:  4 option: 54 server-identifier  10.9.0.1`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoggedOption {
    /// Its number.
    pub code: u8,
    /// Its value.
    pub value: Vec<u8>,
}

/// Of a longer value the log shows so many bytes, and dots.
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

/// The printing characters of bytes; all others are left out.
pub fn printable(bytes: &[u8]) -> String {
    bytes.iter().filter(|byte| (32..127).contains(*byte)).map(|&byte| char::from(byte)).collect()
}

/// A hardware address: `52:54:00:12:34:56`, or `<null>`.
pub fn mac(bytes: &[u8]) -> String {
    if bytes.is_empty() { "<null>".to_owned() } else { joined(bytes) }
}

/// Two digits a byte, between colons.
fn joined(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digit = |half: u8| char::from(DIGITS[usize::from(half)]);
    let mut text = String::with_capacity(3 * bytes.len());
    for (at, byte) in bytes.iter().enumerate() {
        text.extend((at > 0).then_some(':'));
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

/// A remainder under four bytes is left out.
fn addresses(value: &[u8]) -> String {
    let (whole, _) = value.as_chunks::<4>();
    whole.iter().map(|&octets| Ipv4Addr::from(octets).to_string()).collect::<Vec<_>>().join(", ")
}

fn number(value: &[u8]) -> u32 {
    value.iter().fold(0, |sum: u32, &byte| (sum << 8) | u32::from(byte))
}

/// `1d2h3m4s` without the parts that are zero; nothing for no time at all.
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
fn values_read_as_dnsmasq_2_90_logged_them() {
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
