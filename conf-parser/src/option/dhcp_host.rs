//! `dhcp-host=<part>[,<part>…]`, the parts in any order (docs/dnsmasq/config-language.md, section 3.12)
//!
//! A part is `[<type>-]<hardware address>`, `id:*|<hex:hex>|<text>`, `set:<tag>`, `tag:<tag>`, an address, `[<IPv6>]`,
//! a name, a lease time, `infinite` or `ignore`. A proxyDHCP server assigns no addresses: it uses the tags and the name.

use crate::error::ParseError;
use crate::input::Input;
use crate::option::dhcp_match::MAX_MAC_LEN;
use crate::primitives::{
    Condition, FirstGroup, Hex, Parsed, address4, address6, comma, decimal, domain, hex, in_field,
    parse_all, refuse,
};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::{tag, tag_no_case};
use nom::combinator::{all_consuming, cut, map, map_opt, rest, verify};
use nom::multi::separated_list1;
use nom::sequence::preceded;
use std::net::Ipv4Addr;

/// A `dhcp-host` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DhcpHost {
    /// Hardware addresses, which may contain wildcards.
    pub macs: Vec<Hex>,
    /// The client identifier (option 61, RFC 2132, section 9.14).
    pub client_id: Option<ClientId>,
    /// The tags to set.
    pub set: Vec<Vec<u8>>,
    /// The clients that the line applies to.
    pub conditions: Vec<Condition>,
    /// The IPv4 address; the line applies only on the network of this address.
    pub address: Option<Ipv4Addr>,
    /// Whether the line contains an IPv6 address.
    pub version6: bool,
    /// The name of the client; the last one if there are several.
    pub name: Option<Vec<u8>>,
    /// The number of names. dnsmasq 2.91 and later accept one.
    pub names: usize,
}

/// A client identifier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientId {
    /// `id:*`: the identifier of the client is ignored.
    Ignored,
    /// These bytes.
    Bytes(Vec<u8>),
}

/// A field of a `dhcp-host` line.
enum Part {
    Mac(Hex),
    ClientId(ClientId),
    Set(Vec<u8>),
    Condition(Condition),
    Address(Ipv4Addr),
    Version6,
    Name(Vec<u8>),
    /// A lease time, `ignore`, or nothing: without effect on a proxyDHCP reply.
    NotKept,
}

/// Reads the value of a `dhcp-host`.
pub(crate) fn dhcp_host(arg: Input<'_>) -> Result<DhcpHost, ParseError> {
    let mut host = DhcpHost::default();
    for part in parse_all(separated_list1(comma, in_field(part)), arg)? {
        match part {
            Part::Mac(mac) => host.macs.push(mac),
            Part::ClientId(id) => host.client_id = Some(id),
            Part::Set(tag) => host.set.push(tag),
            Part::Condition(condition) => host.conditions.push(condition),
            Part::Address(address) => host.address = Some(address),
            Part::Version6 => host.version6 = true,
            Part::Name(name) => {
                host.names += 1;
                host.name = Some(name);
            }
            Part::NotKept => {}
        }
    }
    Ok(host)
}

/// A field with a colon is never a name, an IPv4 address or a lease time.
fn part(field: Input<'_>) -> Parsed<'_, Part> {
    if field.contains(b':') {
        let client_id = map(preceded(tag_no_case("id:"), cut(client_id)), Part::ClientId);
        // Unlike in other options, the old prefix `net:` sets a tag here.
        let set = map(preceded(alt((tag("set:"), tag("net:"))), rest), set);
        let condition = map(preceded(tag("tag:"), rest), condition);
        alt((client_id, set, condition, bracketed, mac)).parse(field)
    } else {
        alt((map(map_opt(rest, address4), Part::Address), not_kept, name)).parse(field)
    }
}

fn set(tag: Input<'_>) -> Part {
    Part::Set(tag.bytes())
}

fn condition(tag: Input<'_>) -> Part {
    Part::Condition(Condition::new(tag))
}

fn mac(field: Input<'_>) -> Parsed<'_, Part> {
    let (end, text) = rest(field)?;
    match hex(text, MAX_MAC_LEN, FirstGroup::HardwareType) {
        Some(mac) => Ok((end, Part::Mac(mac))),
        None => refuse(ParseError::own("bad hex constant", field, "a hardware address")),
    }
}

/// Hexadecimal if it contains a colon, else text.
fn client_id(field: Input<'_>) -> Parsed<'_, ClientId> {
    let (end, id) = rest(field)?;
    let read = if id.cells().first().is_some_and(|cell| cell.byte == b'*') {
        ClientId::Ignored
    } else if !id.contains(b':') {
        ClientId::Bytes(id.bytes())
    } else if let Some(hex) = hex(id, usize::MAX, FirstGroup::Bytes) {
        ClientId::Bytes(hex.bytes)
    } else {
        return refuse(ParseError::own("bad hex constant", id, "bytes in hex"));
    };
    Ok((end, read))
}

/// `[<address>[/<prefix length>]]`: checked and not kept.
fn bracketed(field: Input<'_>) -> Parsed<'_, Part> {
    let closed = |text: &Input<'_>| text.cells().last().is_some_and(|cell| cell.is(b']'));
    let (end, text) = preceded(tag("["), verify(rest, closed)).parse(field)?;
    let inner = nom::Input::take(&text, text.cells().len() - 1);
    let (address, prefix) =
        inner.split_once(b'/').map_or((inner, None), |(address, prefix)| (address, Some(prefix)));
    let Some(version6) = address6(address) else {
        return refuse(ParseError::own("bad IPv6 address", address, "an IPv6 address"));
    };
    match prefix.filter(|prefix| !is_host_prefix(version6.into(), *prefix)) {
        Some(prefix) => {
            let expected = "a prefix length that leaves no host bits";
            refuse(ParseError::own("bad IPv6 prefix", prefix, expected))
        }
        None => Ok((end, Part::Version6)),
    }
}

/// Whether no bit of the address is set after the prefix. dnsmasq checks the lower 64 bits of the address only.
fn is_host_prefix(address: u128, prefix: Input<'_>) -> bool {
    decimal(prefix).is_some_and(|length| {
        let mask = (1_u64 << 128_i32.wrapping_sub(length).rem_euclid(64)) - 1;
        length <= 128 && address & u128::from(mask) == 0
    })
}

/// An empty field, `ignore`, `infinite` or a lease time. dnsmasq answers a client with `ignore` by proxyDHCP all the
/// same.
fn not_kept(field: Input<'_>) -> Parsed<'_, Part> {
    let lease = verify(rest, |text: &Input<'_>| text.is_empty() || is_lease_time(*text));
    let keyword = all_consuming(alt((tag("ignore"), tag("infinite"))));
    map(alt((keyword, lease)), |_| Part::NotKept).parse(field)
}

fn name(field: Input<'_>) -> Parsed<'_, Part> {
    let (end, text) = rest(field)?;
    let Some(name) = domain(text).filter(|name| is_host_name(name)) else {
        let expected = "a name, an address or a lease time";
        return refuse(ParseError::own("bad DHCP host name", field, expected));
    };
    Ok((end, Part::Name(name)))
}

/// Digits and spaces, with an optional unit. A unit without digits is a name.
fn is_lease_time(field: Input<'_>) -> bool {
    let bytes: Vec<u8> = field.structural_bytes().collect();
    let digits = match bytes.split_last() {
        Some((b's' | b'm' | b'h' | b'd' | b'w' | b'S' | b'M' | b'H' | b'D' | b'W', rest)) => rest,
        _ => &bytes[..],
    };
    !digits.is_empty() && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ')
}

/// Whether dnsmasq accepts a domain name as the name of a host.
///
/// The first label starts with a letter or a digit; letters, digits, `-` and `_` follow. dnsmasq checks no other label.
pub fn is_host_name(name: &[u8]) -> bool {
    let first = name.split(|&byte| byte == b'.').next().unwrap_or_default();
    let legal = |(index, &byte): (usize, &u8)| {
        byte.is_ascii_alphanumeric() || (index > 0 && matches!(byte, b'-' | b'_'))
    };
    let blank = name.contains(&b' ') && name.iter().all(|byte| b" .".contains(byte));
    !name.is_empty() && !blank && first.iter().enumerate().all(legal)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{refused, value};

    fn host(line: &str) -> DhcpHost {
        let Directive::DhcpHost(host) = value(line) else {
            panic!("{line} is not read as dhcp-host")
        };
        host
    }

    #[test]
    fn parts_are_read_in_any_order() {
        let read = host("dhcp-host=52:54:00:*:*:*,set:red,net:blue,tag:!x,pc,10.0.0.5,1h");
        assert_eq!(read.macs[0].wildcards, [3, 4, 5]);
        assert_eq!(read.set, [b"red".to_vec(), b"blue".to_vec()]);
        assert!(read.conditions[0].negated);
        assert_eq!(
            (read.name.as_deref(), read.address),
            (Some(&b"pc"[..]), Some(Ipv4Addr::new(10, 0, 0, 5)))
        );
    }

    #[test]
    fn client_id_is_hex_with_a_colon_and_text_without() {
        assert_eq!(host("dhcp-host=id:01:02").client_id, Some(ClientId::Bytes(vec![1, 2])));
        assert_eq!(host("dhcp-host=id:0102").client_id, Some(ClientId::Bytes(b"0102".to_vec())));
        assert_eq!(host("dhcp-host=id:*").client_id, Some(ClientId::Ignored));
    }

    #[test]
    fn faulty_hosts_have_the_message_of_dnsmasq() {
        refused(&[
            ("dhcp-host=52:54:zz", "bad hex constant"),
            ("dhcp-host=52:54:00:12:34:56,[fd00::g]", "bad IPv6 address"),
            ("dhcp-host=52:54:00:12:34:56,[fd00::/129]", "bad IPv6 prefix"),
            ("dhcp-host=-x", "bad DHCP host name"),
        ]);
        assert_eq!(host("dhcp-host=192.168.1.300").name.as_deref(), Some(&b"192.168.1.300"[..]));
    }
}
