//! `dhcp-range=[tag:<tag>,…][set:<tag>,]<start>,proxy|static|<end>[,<netmask>[,<broadcast>]][,<lease time>]`
//! (spec: config language, section 3.1)
//!
//! Only the proxy form is served. The others are read whole, so that a start can say what it refuses.

use crate::directive::Directive;
use crate::fault::Fault;
use crate::text::Text;
use crate::words::{Condition, address4, address6, duration, prefixed, whole_number};
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

const WORDS: &str = "bad dhcp-range";
const SHORTEST_LEASE: u32 = 120;
const USUAL_LEASE: Lease = Lease::Seconds(3600);
const MOST_PIECES: usize = 8;

/// Reads the value of a `dhcp-range`.
pub fn dhcp_range(arg: Text<'_>) -> Result<Directive, Fault> {
    let mut conditions = Vec::new();
    let mut set = None;
    let mut left = arg;
    while let Some((prefix, rest)) = leading_tag(left) {
        left = rest.ok_or_else(|| Fault::own(WORDS, prefix, "an address"))?;
        if let Some(tag) = prefixed(prefix) {
            conditions.extend((!tag.is_empty()).then(|| Condition::new(tag)));
        } else if set.is_some() {
            return Err(Fault::own("only one tag allowed", prefix, "an address"));
        } else {
            set = Some(prefix.after("set:").unwrap_or(prefix).bytes());
        }
    }
    Ok(Directive::DhcpRange(DhcpRange { conditions, set, kind: kind(left)? }))
}

/// The piece in front, unless it could be an address: hex digits, dots, colons and blanks up to a comma.
fn leading_tag(text: Text<'_>) -> Option<(Text<'_>, Option<Text<'_>>)> {
    let in_address = |byte: u8| byte.is_ascii_hexdigit() || matches!(byte, b' ' | b'.' | b':');
    match text.bare().find(|&byte| !in_address(byte)) {
        None | Some(b',') => None,
        Some(_) => Some(text.cut_comma()),
    }
}

fn kind(text: Text<'_>) -> Result<RangeKind, Fault> {
    let pieces: Vec<Text<'_>> = text.pieces().collect();
    let &[first, second, ref more @ ..] = &pieces[..] else {
        return Err(Fault::own(WORDS, text, "an address and what kind of range it begins"));
    };
    if let Some(extra) = pieces.get(MOST_PIECES) {
        return Err(Fault::own(WORDS, *extra, "nothing more"));
    }
    if let Some(start) = address4(first) {
        version4(start, second, more)
    } else if let Some(start) = address6(first) {
        version6(start, &pieces[1..])
    } else {
        Err(Fault::own(WORDS, first, "an address"))
    }
}

fn version4(start: Ipv4Addr, second: Text<'_>, more: &[Text<'_>]) -> Result<RangeKind, Fault> {
    let mut left = more;
    let netmask = dotted(&mut left);
    let _broadcast = dotted(&mut left);
    let lease = lease(left)?.unwrap_or(USUAL_LEASE);
    if second.is("proxy") {
        return Ok(RangeKind::Proxy { subnet: start, netmask });
    }
    if second.is("static") {
        return Ok(RangeKind::Static { subnet: start, netmask, lease });
    }
    let end =
        address4(second).ok_or_else(|| Fault::own(WORDS, second, "proxy, static or an address"))?;
    let mask = netmask.map_or(0, u32::from);
    if u32::from(start) & mask != u32::from(end) & mask {
        return Err(Fault::own(
            "inconsistent DHCP range",
            second,
            "an address of the same network",
        ));
    }
    Ok(RangeKind::Pool { start: start.min(end), end: start.max(end), netmask, lease })
}

/// Takes an address from the front. What has no dot is a lease time.
fn dotted(left: &mut &[Text<'_>]) -> Option<Ipv4Addr> {
    let (first, rest) = left.split_first()?;
    let address = address4(*first)?;
    *left = rest;
    Some(address)
}

/// The last piece. An empty one is fine.
fn lease(left: &[Text<'_>]) -> Result<Option<Lease>, Fault> {
    let Some((&first, rest)) = left.split_first() else { return Ok(None) };
    if let Some(&extra) = rest.first() {
        return Err(Fault::own(WORDS, extra, "nothing behind the lease time"));
    }
    if first.is_empty() {
        return Ok(None);
    }
    if first.is("infinite") || first.is("deprecated") {
        return Ok(Some(Lease::Infinite));
    }
    let seconds =
        duration(first).ok_or_else(|| Fault::own(WORDS, first, "a netmask or a lease time"))?;
    Ok(Some(Lease::Seconds(seconds.max(SHORTEST_LEASE))))
}

/// Checks an IPv6 range as dnsmasq does. `pieces` are those behind the start address.
fn version6(start: Ipv6Addr, pieces: &[Text<'_>]) -> Result<RangeKind, Fault> {
    let end = pieces.first().and_then(|piece| address6(*piece));
    let words =
        pieces.iter().skip(usize::from(end.is_some())).take_while(|piece| is_word6(**piece));
    let words: Vec<Text<'_>> = words.copied().collect();
    let mut left = &pieces[usize::from(end.is_some()) + words.len()..];
    if end.is_none() && words.is_empty() {
        return Err(Fault::own(WORDS, pieces[0], "an IPv6 address, static, slaac, ra-only, ..."));
    }
    let mut prefix = 64;
    if let Some((first, rest)) = left.split_first()
        && let Some(length) = whole_number(*first).filter(|_| !first.is_empty())
    {
        (prefix, left) = (length, rest);
    }
    lease(left)?;
    let is_router = words.iter().any(|word| word.after("ra-").is_some() || word.is("slaac"));
    let constructed = words.iter().find(|word| word.after("constructor:").is_some());
    let place = pieces[0];
    let complain = |words| Err(Fault::own(words, place, "another prefix"));
    match (is_router, constructed) {
        (true, _) if prefix > 64 => {
            return complain("prefix length must be exactly 64 for RA subnets");
        }
        (_, Some(_)) if prefix > 64 => {
            return complain("prefix length must be exactly 64 for subnet constructors");
        }
        _ if prefix < 64 => return complain("prefix length must be at least 64"),
        _ => {}
    }
    let network = |address: Ipv6Addr| {
        u128::from(address).checked_shr(128 - prefix.clamp(0, 128).unsigned_abs())
    };
    if constructed.is_some() && network(start).is_some_and(|bits| bits != 0) {
        return complain("prefix must be zero with \"constructor:\" argument");
    }
    if end.is_some_and(|end| network(end) != network(start)) {
        return complain("inconsistent DHCPv6 range");
    }
    Ok(RangeKind::Version6)
}

fn is_word6(piece: Text<'_>) -> bool {
    const WORDS6: &[&str] =
        &["static", "ra-only", "slaac", "ra-names", "ra-advrouter", "ra-stateless", "off-link"];
    piece.after("constructor:").is_some() || WORDS6.iter().any(|word| piece.is(word))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{complaint, value};

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
    fn tags_stand_in_front() {
        let range = proxy("dhcp-range=tag:a,net:!b,lan,10.0.0.0,proxy");
        assert_eq!(range.set.as_deref(), Some(&b"lan"[..]));
        assert_eq!(range.conditions[1], Condition { tag: b"b".to_vec(), negated: true });
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
        for (line, words) in [
            (r#"dhcp-range="192.168.1.0",proxy"#, "bad dhcp-range"),
            ("dhcp-range=dead,192.168.0.0,proxy", "bad dhcp-range"),
            ("dhcp-range=10.0.0.0/24,proxy", "bad dhcp-range"),
            ("dhcp-range=10.0.0.1,10.0.0.9,,1h", "bad dhcp-range"),
            ("dhcp-range=set:a,set:b,10.0.0.0,proxy", "only one tag allowed"),
            ("dhcp-range=10.0.0.1,10.0.1.9,255.255.255.0", "inconsistent DHCP range"),
            ("dhcp-range=fd00::1,fd01::1,64", "inconsistent DHCPv6 range"),
        ] {
            assert_eq!(complaint(line), words, "{line}");
        }
    }
}
