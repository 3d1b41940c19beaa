//! `dhcp-range=[tag:<tag>,…][set:<tag>,]<start>,proxy|static|<end>[,<netmask>[,<broadcast>]][,<lease time>]`
//! (docs/dnsmasq/config-language.md, section 3.1)
//!
//! All forms are read completely, so that an error message can name what it refuses.

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{
    Condition, Parsed, address4, address6, comma, decimal, duration, field, in_field, parse_all,
    refuse,
};
use nom::Parser;
use nom::branch::alt;
use nom::bytes::complete::tag;
use nom::combinator::{all_consuming, map, map_opt, opt, rest, success, value};
use nom::multi::many0_count;
use nom::sequence::preceded;
use std::net::{Ipv4Addr, Ipv6Addr};

/// A `dhcp-range` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpRange {
    /// The clients that the range applies to.
    pub conditions: Vec<Condition>,
    /// The tag that the range sets on a client.
    pub set: Option<Vec<u8>>,
    /// The kind of the range.
    pub kind: RangeKind,
}

/// The kinds of range. The fields are named as in the grammar; without a netmask, that of the interface applies.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "the grammar above names them")]
pub enum RangeKind {
    /// Another DHCP server assigns the addresses. A lease time has no effect; `None` is none in the line.
    Proxy { subnet: Ipv4Addr, netmask: Option<Ipv4Addr>, lease: Option<Lease> },
    /// Addresses for the hosts of `dhcp-host` lines only.
    Static { subnet: Ipv4Addr, netmask: Option<Ipv4Addr>, lease: Lease },
    /// A pool of addresses to assign.
    Pool { start: Ipv4Addr, end: Ipv4Addr, netmask: Option<Ipv4Addr>, lease: Lease },
    /// A range of IPv6.
    Version6,
}

/// The lease time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lease {
    /// No limit.
    Infinite,
    /// In seconds, at least 120.
    Seconds(u32),
}

const MESSAGE: &str = "bad dhcp-range";
/// In seconds.
const MIN_LEASE: u32 = 120;
const DEFAULT_LEASE: Lease = Lease::Seconds(3600);
const MAX_FIELDS: usize = 8;

/// Reads the value of a `dhcp-range`.
pub(crate) fn dhcp_range(arg: Input<'_>) -> Result<DhcpRange, ParseError> {
    let mut tags = Tags::default();
    let (range, _) = many0_count(|input| tags.read(input)).parse(arg).map_err(into_error)?;
    let kind = parse_all(kind, range)?;
    Ok(DhcpRange { conditions: tags.conditions, set: tags.set, kind })
}

fn into_error(error: nom::Err<ParseError>) -> ParseError {
    match error {
        nom::Err::Error(error) | nom::Err::Failure(error) => error,
        nom::Err::Incomplete(_) => ParseError::plain(Input::new(&[]), ""),
    }
}

/// The tags before the first address.
#[derive(Default)]
struct Tags {
    conditions: Vec<Condition>,
    set: Option<Vec<u8>>,
}

impl Tags {
    /// Reads `tag:<tag>,`, `net:<tag>,` or `[set:]<tag>,`.
    fn read<'a>(&mut self, input: Input<'a>) -> Parsed<'a, ()> {
        let (left, name) = tag_field(input)?;
        let Ok((left, ())) = comma(left) else {
            return refuse(ParseError::own(MESSAGE, name, "an address"));
        };
        if let Some(tag) = name.strip_prefix("tag:").or_else(|| name.strip_prefix("net:")) {
            if !tag.is_empty() {
                self.conditions.push(Condition::new(tag));
            }
        } else if self.set.as_ref().is_some_and(|tag| !tag.is_empty()) {
            return refuse(ParseError::own("only one tag allowed", name, "an address"));
        } else {
            self.set = Some(name.strip_prefix("set:").unwrap_or(name).bytes());
        }
        Ok((left, ()))
    }
}

/// A field that cannot be an address: an address has hexadecimal digits, dots, colons and spaces only.
fn tag_field(input: Input<'_>) -> Parsed<'_, Input<'_>> {
    let in_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b' ' | b'.' | b':');
    match input.structural_bytes().find(|&byte| !in_address(byte)) {
        None | Some(b',') => Err(nom::Err::Error(ParseError::plain(input, "a tag"))),
        Some(_) => field(input),
    }
}

fn kind(input: Input<'_>) -> Parsed<'_, RangeKind> {
    let (left, first) = field(input)?;
    if !input.contains(b',') {
        let expected = "an address and what kind of range it begins";
        return refuse(ParseError::own(MESSAGE, input, expected));
    }
    let (left, ()) = comma(left)?;
    if let Some(start) = address4(first) {
        version4(start, left)
    } else if let Some(start) = address6(first) {
        let (end, fields) = rest(left)?;
        match version6(start, &fields.split(MAX_FIELDS - 1)) {
            Ok(range) => Ok((end, range)),
            Err(error) => refuse(error),
        }
    } else {
        refuse(ParseError::own(MESSAGE, first, "an address"))
    }
}

/// The second field of an IPv4 range.
#[derive(Clone, Copy)]
enum Second {
    Proxy,
    Static,
    End(Ipv4Addr),
}

/// `proxy|static|<end>[,<netmask>[,<broadcast>]][,<lease time>]`
fn version4(start: Ipv4Addr, input: Input<'_>) -> Parsed<'_, RangeKind> {
    let (left, kind) = second(input)?;
    let (left, netmask) = opt(preceded(comma, dotted)).parse(left)?;
    let end = if let Second::End(end) = kind { end } else { start };
    let mask = netmask.map_or(0, u32::from);
    if u32::from(start) & mask != u32::from(end) & mask {
        let expected = "an address of the same network";
        return refuse(ParseError::own("inconsistent DHCP range", input, expected));
    }
    let (left, _broadcast) = opt(preceded(comma, dotted)).parse(left)?;
    let explicit = alt((map(preceded(comma, lease), Some), success(None)));
    map(explicit, |explicit| {
        let lease = explicit.unwrap_or(DEFAULT_LEASE);
        match kind {
            Second::Proxy => RangeKind::Proxy { subnet: start, netmask, lease: explicit },
            Second::Static => RangeKind::Static { subnet: start, netmask, lease },
            Second::End(end) => {
                RangeKind::Pool { start: start.min(end), end: start.max(end), netmask, lease }
            }
        }
    })
    .parse(left)
}

fn second(input: Input<'_>) -> Parsed<'_, Second> {
    let proxy = value(Second::Proxy, all_consuming(tag("proxy")));
    let fixed = value(Second::Static, all_consuming(tag("static")));
    let end = map(map_opt(rest, address4), Second::End);
    let other = |field| refuse(ParseError::own(MESSAGE, field, "proxy, static or an address"));
    in_field(alt((proxy, fixed, end, other))).parse(input)
}

/// An IPv4 address. A field without a dot is a lease time.
fn dotted(input: Input<'_>) -> Parsed<'_, Ipv4Addr> {
    map_opt(field, address4).parse(input)
}

/// The last field; it may be empty.
fn lease(input: Input<'_>) -> Parsed<'_, Lease> {
    let (left, time) = field(input)?;
    if let Ok((extra, ())) = comma(left) {
        return refuse(ParseError::own(MESSAGE, extra, "nothing after the lease time"));
    }
    let lease = if time.is_empty() {
        DEFAULT_LEASE
    } else if time.is("infinite") || time.is("deprecated") {
        Lease::Infinite
    } else if let Some(seconds) = duration(time) {
        Lease::Seconds(seconds.max(MIN_LEASE))
    } else {
        return refuse(ParseError::own(MESSAGE, time, "a netmask or a lease time"));
    };
    Ok((left, lease))
}

/// Keywords after the start of an IPv6 range that turn router advertisements on.
const RA_KEYWORDS: &[&str] = &["ra-only", "slaac", "ra-names", "ra-advrouter", "ra-stateless"];
/// Further keywords after the start of an IPv6 range.
const OTHER_KEYWORDS: &[&str] = &["static", "off-link"];
/// The prefix length of an IPv6 range without one.
const DEFAULT_PREFIX_LEN: i32 = 64;

/// Checks an IPv6 range as dnsmasq does. `fields` are those after the start address; dnsmasq splits at commas first.
fn version6(start: Ipv6Addr, fields: &[Input<'_>]) -> Result<RangeKind, ParseError> {
    let end = fields.first().and_then(|field| address6(*field));
    let keywords = &fields[usize::from(end.is_some())..];
    let count = keywords.iter().take_while(|field| is_keyword6(**field)).count();
    let (keywords, left) = keywords.split_at(count);
    let (prefix, left) = prefix_len(left);
    match prefix_error(start, end, keywords, prefix) {
        Some(message) => Err(ParseError::own(message, fields[0], "another prefix")),
        None => lease6(left).map(|()| RangeKind::Version6),
    }
}

fn prefix_len<'a, 'b>(fields: &'b [Input<'a>]) -> (i32, &'b [Input<'a>]) {
    if let Some((first, rest)) = fields.split_first()
        && first.structural_bytes().all(|byte| byte.is_ascii_digit())
        && let Some(length) = decimal(*first).filter(|length| *length <= 128)
    {
        (length, rest)
    } else {
        (DEFAULT_PREFIX_LEN, fields)
    }
}

fn prefix_error(
    start: Ipv6Addr,
    end: Option<Ipv6Addr>,
    keywords: &[Input<'_>],
    prefix: i32,
) -> Option<&'static str> {
    let is_router = |word: &Input<'_>| RA_KEYWORDS.iter().any(|known| word.is(known));
    let constructed = keywords.iter().any(|word| word.strip_prefix("constructor:").is_some());
    // A prefix length of 0 does not reach the comparison: it is refused before.
    let network = |address: Ipv6Addr| u128::from(address) >> (128 - prefix.clamp(1, 128));
    if prefix > 64 && keywords.iter().any(is_router) {
        Some("prefix length must be exactly 64 for RA subnets")
    } else if prefix > 64 && constructed {
        Some("prefix length must be exactly 64 for subnet constructors")
    } else if prefix < 64 {
        Some("prefix length must be at least 64")
    } else if end.is_some_and(|end| network(end) != network(start)) {
        Some("inconsistent DHCPv6 range")
    } else if constructed && u128::from(start) >> 64 != 0 {
        Some("prefix must be zero with \"constructor:\" argument")
    } else {
        None
    }
}

/// The lease time must be the last field. The eighth field keeps its commas, so it is no lease time then.
fn lease6(fields: &[Input<'_>]) -> Result<(), ParseError> {
    let Some((&first, rest)) = fields.split_first() else { return Ok(()) };
    if let Some(&extra) = rest.first() {
        return Err(ParseError::own(MESSAGE, extra, "nothing after the lease time"));
    }
    parse_all(lease, first).map(drop)
}

fn is_keyword6(field: Input<'_>) -> bool {
    field.strip_prefix("constructor:").is_some()
        || RA_KEYWORDS.iter().chain(OTHER_KEYWORDS).any(|word| field.is(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{refused, value};

    fn proxy(line: &str) -> DhcpRange {
        let Directive::DhcpRange(range) = value(line) else {
            panic!("{line} is not read as dhcp-range")
        };
        range
    }

    #[test]
    fn proxy_range_is_read_with_and_without_netmask() {
        let range = proxy("dhcp-range=192.168.10.0,proxy");
        assert_eq!(
            range.kind,
            RangeKind::Proxy { subnet: Ipv4Addr::new(192, 168, 10, 0), netmask: None, lease: None }
        );
        let range = proxy("dhcp-range=192.168.1.136 , proxy,255.255.255.0,192.168.1.255,1h");
        let netmask = Some(Ipv4Addr::new(255, 255, 255, 0));
        assert_eq!(
            range.kind,
            RangeKind::Proxy {
                subnet: Ipv4Addr::new(192, 168, 1, 136),
                netmask,
                lease: Some(Lease::Seconds(3600))
            }
        );
    }

    #[test]
    fn version6_range_of_address_and_lease_time_is_accepted() {
        for line in ["fd00::1,64", "fd00::1,1h", "fd00::1,129", "fd00::1,slaac,129"] {
            assert_eq!(proxy(&format!("dhcp-range={line}")).kind, RangeKind::Version6, "{line}");
        }
    }

    #[test]
    fn tags_before_the_address_are_conditions_or_set() {
        let range = proxy("dhcp-range=tag:a,net:!b,lan,10.0.0.0,proxy");
        assert_eq!(range.set.as_deref(), Some(&b"lan"[..]));
        assert_eq!(range.conditions[1], Condition { tag: b"b".to_vec(), negated: true });
    }

    #[test]
    fn faulty_ranges_have_the_message_of_dnsmasq() {
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
