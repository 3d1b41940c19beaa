//! `dhcp-range=[tag:<tag>,…][set:<tag>,]<start>,proxy|static|<end>[,<netmask>[,<broadcast>]][,<lease time>]`
//! (docs/dnsmasq/config-language.md, section 3.1)
//!
//! Only the proxy form is served. The others are read whole, so that a start can say what it refuses.

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{Condition, address4, address6, decimal, duration, prefixed};
use std::net::{Ipv4Addr, Ipv6Addr};

/// A `dhcp-range` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpRange {
    /// Which clients it is for.
    pub conditions: Vec<Condition>,
    /// The tag a client of this range gets.
    pub set: Option<Vec<u8>>,
    /// What kind of range it is.
    pub kind: RangeKind,
}

/// The kinds of range. Fields are named as in the grammar; a netmask may be left to the interface.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the grammar above names them")]
pub enum RangeKind {
    /// Another server hands out the addresses.
    Proxy { subnet: Ipv4Addr, netmask: Option<Ipv4Addr> },
    /// Addresses for hosts named in the file only.
    Static { subnet: Ipv4Addr, netmask: Option<Ipv4Addr>, lease: Lease },
    /// A pool to hand out from.
    Pool { start: Ipv4Addr, end: Ipv4Addr, netmask: Option<Ipv4Addr>, lease: Lease },
    /// Anything of IPv6.
    Version6,
}

/// How long an address is lent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// For ever.
    Infinite,
    /// So many seconds, at least 120.
    Seconds(u32),
}

const EXPECTED: &str = "bad dhcp-range";
const MIN_LEASE: u32 = 120;
const DEFAULT_LEASE: Lease = Lease::Seconds(3600);
const MAX_FIELDS: usize = 8;

/// Reads the value of a `dhcp-range`.
pub(crate) fn dhcp_range(arg: Input<'_>) -> Result<DhcpRange, ParseError> {
    let mut conditions = Vec::new();
    let mut set = None;
    let mut left = arg;
    while let Some((prefix, rest)) = leading_tag(left) {
        left = rest.ok_or_else(|| ParseError::own(EXPECTED, prefix, "an address"))?;
        if let Some(tag) = prefixed(prefix) {
            conditions.extend((!tag.is_empty()).then(|| Condition::new(tag)));
        } else if set.as_ref().is_some_and(|tag: &Vec<u8>| !tag.is_empty()) {
            return Err(ParseError::own("only one tag allowed", prefix, "an address"));
        } else {
            set = Some(prefix.strip_prefix("set:").unwrap_or(prefix).bytes());
        }
    }
    Ok(DhcpRange { conditions, set, kind: kind(left)? })
}

/// The field in front, unless it could be an address: hex digits, dots, colons and blanks up to a comma.
fn leading_tag(text: Input<'_>) -> Option<(Input<'_>, Option<Input<'_>>)> {
    let in_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b' ' | b'.' | b':');
    match text.structural_bytes().find(|&byte| !in_address(byte)) {
        None | Some(b',') => None,
        Some(_) => Some(text.split_comma()),
    }
}

fn kind(text: Input<'_>) -> Result<RangeKind, ParseError> {
    // The last one keeps what is too much, and can be nothing then.
    let fields = text.split(MAX_FIELDS);
    let &[first, second, ref more @ ..] = &fields[..] else {
        return Err(ParseError::own(EXPECTED, text, "an address and what kind of range it begins"));
    };
    if let Some(start) = address4(first) {
        version4(start, second, more)
    } else if let Some(start) = address6(first) {
        version6(start, &fields[1..])
    } else {
        Err(ParseError::own(EXPECTED, first, "an address"))
    }
}

fn version4(
    start: Ipv4Addr,
    second: Input<'_>,
    more: &[Input<'_>],
) -> Result<RangeKind, ParseError> {
    let special = second.is("proxy") || second.is("static");
    let end = address4(second);
    if !special && end.is_none() {
        return Err(ParseError::own(EXPECTED, second, "proxy, static or an address"));
    }
    let mut left = more;
    let netmask = dotted(&mut left);
    let end = end.unwrap_or(start);
    let mask = netmask.map_or(0, u32::from);
    if u32::from(start) & mask != u32::from(end) & mask {
        let expected = "an address of the same network";
        return Err(ParseError::own("inconsistent DHCP range", second, expected));
    }
    dotted(&mut left); // the broadcast address
    let lease = lease(left)?.unwrap_or(DEFAULT_LEASE);
    Ok(if second.is("proxy") {
        RangeKind::Proxy { subnet: start, netmask }
    } else if second.is("static") {
        RangeKind::Static { subnet: start, netmask, lease }
    } else {
        RangeKind::Pool { start: start.min(end), end: start.max(end), netmask, lease }
    })
}

/// Takes an address from the front. What has no dot is a lease time.
fn dotted(left: &mut &[Input<'_>]) -> Option<Ipv4Addr> {
    let (first, rest) = left.split_first()?;
    let address = address4(*first)?;
    *left = rest;
    Some(address)
}

/// The last field. An empty one is fine.
fn lease(left: &[Input<'_>]) -> Result<Option<Lease>, ParseError> {
    let Some((&first, rest)) = left.split_first() else { return Ok(None) };
    if let Some(&extra) = rest.first() {
        return Err(ParseError::own(EXPECTED, extra, "nothing behind the lease time"));
    }
    if first.is_empty() {
        return Ok(None);
    }
    if first.is("infinite") || first.is("deprecated") {
        return Ok(Some(Lease::Infinite));
    }
    let seconds = duration(first)
        .ok_or_else(|| ParseError::own(EXPECTED, first, "a netmask or a lease time"))?;
    Ok(Some(Lease::Seconds(seconds.max(MIN_LEASE))))
}

/// Words that may follow an IPv6 start, those that ask for router advertisements first.
const RA_KEYWORDS: &[&str] = &["ra-only", "slaac", "ra-names", "ra-advrouter", "ra-stateless"];
const OTHER_KEYWORDS: &[&str] = &["static", "off-link"];
/// The length of a prefix that nobody has named.
const DEFAULT_PREFIX_LEN: i32 = 64;

/// Checks an IPv6 range as dnsmasq does. `fields` are those behind the start address.
fn version6(start: Ipv6Addr, fields: &[Input<'_>]) -> Result<RangeKind, ParseError> {
    let end = fields.first().and_then(|field| address6(*field));
    let words = &fields[usize::from(end.is_some())..];
    let count = words.iter().take_while(|field| is_word6(**field)).count();
    let (words, mut left) = words.split_at(count);
    let mut prefix = DEFAULT_PREFIX_LEN;
    if let Some((first, rest)) = left.split_first()
        && first.structural_bytes().all(|byte| byte.is_ascii_digit())
        && let Some(length) = decimal(*first).filter(|length| *length <= 128)
    {
        (prefix, left) = (length, rest);
    }
    let is_router = |word: &Input<'_>| RA_KEYWORDS.iter().any(|known| word.is(known));
    let constructed = words.iter().any(|word| word.strip_prefix("constructor:").is_some());
    // Above the first 64 bits nothing is left to compare of a shorter prefix: that is refused before.
    let network = |address: Ipv6Addr| u128::from(address) >> (128 - prefix.clamp(1, 128));
    let same = end.is_none_or(|end| network(end) == network(start));
    let routed = words.iter().any(is_router);
    let words = if prefix > 64 && routed {
        "prefix length must be exactly 64 for RA subnets"
    } else if prefix > 64 && constructed {
        "prefix length must be exactly 64 for subnet constructors"
    } else if prefix < 64 {
        "prefix length must be at least 64"
    } else if !same {
        "inconsistent DHCPv6 range"
    } else if constructed && u128::from(start) >> 64 != 0 {
        "prefix must be zero with \"constructor:\" argument"
    } else {
        return lease(left).map(|_| RangeKind::Version6);
    };
    Err(ParseError::own(words, fields[0], "another prefix"))
}

fn is_word6(field: Input<'_>) -> bool {
    field.strip_prefix("constructor:").is_some()
        || RA_KEYWORDS.iter().chain(OTHER_KEYWORDS).any(|word| field.is(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{refused, value};

    fn proxy(line: &str) -> DhcpRange {
        let Directive::DhcpRange(range) = value(line) else { panic!("{line} is no range") };
        range
    }

    #[test]
    fn a_proxy_range_may_leave_its_netmask_to_the_interface() {
        let range = proxy("dhcp-range=192.168.10.0,proxy");
        assert_eq!(
            range.kind,
            RangeKind::Proxy { subnet: Ipv4Addr::new(192, 168, 10, 0), netmask: None }
        );
        let range = proxy("dhcp-range=192.168.1.136 , proxy,255.255.255.0,192.168.1.255,1h");
        let netmask = Some(Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(
            range.kind,
            RangeKind::Proxy { subnet: Ipv4Addr::new(192, 168, 1, 136), netmask }
        );
    }

    #[test]
    fn a_version6_range_may_be_an_address_and_a_lease_time() {
        for line in ["fd00::1,64", "fd00::1,1h", "fd00::1,129", "fd00::1,slaac,129"] {
            assert_eq!(proxy(&format!("dhcp-range={line}")).kind, RangeKind::Version6, "{line}");
        }
    }

    #[test]
    fn tags_stand_in_front() {
        let range = proxy("dhcp-range=tag:a,net:!b,lan,10.0.0.0,proxy");
        assert_eq!(range.set.as_deref(), Some(&b"lan"[..]));
        assert_eq!(range.conditions[1], Condition { tag: b"b".to_vec(), negated: true });
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
        refused(&[
            (r#"dhcp-range="192.168.1.0",proxy"#, "bad dhcp-range"),
            ("dhcp-range=dead,192.168.0.0,proxy", "bad dhcp-range"),
            ("dhcp-range=10.0.0.0/24,proxy", "bad dhcp-range"),
            ("dhcp-range=10.0.0.1,10.0.0.9,,1h", "bad dhcp-range"),
            ("dhcp-range=set:a,set:b,10.0.0.0,proxy", "only one tag allowed"),
            ("dhcp-range=10.0.0.1,10.0.1.9,255.255.255.0", "inconsistent DHCP range"),
            ("dhcp-range=10.0.0.1,10.0.1.9,255.255.255.0,x", "inconsistent DHCP range"),
            ("dhcp-range=fd00::1,fd01::1,64", "inconsistent DHCPv6 range"),
            ("dhcp-range=fd00::1,", "prefix length must be at least 64"),
            ("dhcp-range=::,slaac,65,x", "prefix length must be exactly 64 for RA subnets"),
            (
                "dhcp-range=fd00::1,constructor:e,x",
                "prefix must be zero with \"constructor:\" argument",
            ),
            (r#"dhcp-range=fd00::1,static,"64""#, "bad dhcp-range"),
        ]);
    }
}
