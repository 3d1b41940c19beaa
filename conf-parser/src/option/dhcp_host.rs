//! `dhcp-host=<part>[,<part>…]`, the parts in any order (docs/dnsmasq/config-language.md, section 3.12)
//!
//! A part is `[<type>-]<hardware address>`, `id:*|<hex:hex>|<text>`, `set:<tag>`, `tag:<tag>`, an address, `[<IPv6>]`,
//! a name, a lease time, `infinite` or `ignore`. A proxy hands out no addresses; here a line matters by the tags it sets.

use crate::error::ParseError;
use crate::input::Input;
use crate::option::dhcp_match::MAX_MAC_LEN;
use crate::primitives::{Condition, Hex, address4, address6, decimal, domain, hex};
use std::net::Ipv4Addr;

/// A `dhcp-host` line.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct DhcpHost {
    /// Hardware addresses, perhaps with wildcards.
    pub macs: Vec<Hex>,
    /// The client identifier (option 61).
    pub client_id: Option<ClientId>,
    /// Tags to set, as written.
    pub set: Vec<Vec<u8>>,
    /// Which clients it is for.
    pub conditions: Vec<Condition>,
    /// Its IPv4 address; the line counts only on that address's network.
    pub address: Option<Ipv4Addr>,
    /// Whether it has IPv6 addresses.
    pub version6: bool,
    /// The client's name; of several the last.
    pub name: Option<Vec<u8>>,
    /// How many there are. dnsmasq 2.91 and later take one.
    pub names: usize,
}

/// A client identifier as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientId {
    /// `id:*`: ignore the client's identifier.
    Ignored,
    /// These bytes.
    Bytes(Vec<u8>),
}

/// Reads the value of a `dhcp-host`.
pub(crate) fn dhcp_host(arg: Input<'_>) -> Result<DhcpHost, ParseError> {
    let mut host = DhcpHost::default();
    for field in arg.fields() {
        if field.cells().iter().any(|cell| cell.is(b':')) {
            with_colon(&mut host, field)?;
        } else {
            without_colon(&mut host, field)?;
        }
    }
    Ok(host)
}

fn with_colon(host: &mut DhcpHost, field: Input<'_>) -> Result<(), ParseError> {
    if let Some(id) =
        ["id:", "ID:", "Id:", "iD:"].iter().find_map(|prefix| field.strip_prefix(prefix))
    {
        host.client_id = Some(client_id(id)?);
    } else if let Some(tag) = field.strip_prefix("set:").or_else(|| field.strip_prefix("net:")) {
        // Unlike elsewhere, the old prefix sets here.
        host.set.push(tag.bytes());
    } else if let Some(tag) = field.strip_prefix("tag:") {
        host.conditions.push(Condition::new(tag));
    } else if let Some(bracketed) =
        field.strip_prefix("[").filter(|_| field.cells().last().is_some_and(|cell| cell.is(b']')))
    {
        version6(nom::Input::take(&bracketed, bracketed.cells().len() - 1))?;
        host.version6 = true;
    } else {
        let mac = hex(field, MAX_MAC_LEN, true);
        host.macs.push(
            mac.ok_or_else(|| ParseError::own("bad hex constant", field, "a hardware address"))?,
        );
    }
    Ok(())
}

/// Hex when a colon follows, else text.
fn client_id(id: Input<'_>) -> Result<ClientId, ParseError> {
    if id.cells().first().is_some_and(|cell| cell.byte == b'*') {
        return Ok(ClientId::Ignored);
    }
    if !id.cells().iter().any(|cell| cell.is(b':')) {
        return Ok(ClientId::Bytes(id.bytes()));
    }
    let read = hex(id, usize::MAX, false)
        .ok_or_else(|| ParseError::own("bad hex constant", id, "bytes in hex"))?;
    Ok(ClientId::Bytes(read.bytes))
}

/// `<address>[/<prefix length>]`, the brackets gone: checked, not used.
fn version6(inner: Input<'_>) -> Result<(), ParseError> {
    let (address, prefix) =
        inner.split_once(b'/').map_or((inner, None), |(address, prefix)| (address, Some(prefix)));
    let read = address6(address)
        .ok_or_else(|| ParseError::own("bad IPv6 address", address, "an IPv6 address"))?;
    let Some(prefix) = prefix else { return Ok(()) };
    // Only the lower half of the address is looked at.
    let host_bits = |length: i32| {
        let mask = (1_u64 << 128_i32.wrapping_sub(length).rem_euclid(64)) - 1;
        u128::from(read) & u128::from(mask)
    };
    match decimal(prefix) {
        Some(length) if length <= 128 && host_bits(length) == 0 => Ok(()),
        _ => {
            let expected = "a prefix length that leaves no host bits";
            Err(ParseError::own("bad IPv6 prefix", prefix, expected))
        }
    }
}

fn without_colon(host: &mut DhcpHost, field: Input<'_>) -> Result<(), ParseError> {
    if let Some(address) = address4(field) {
        host.address = Some(address);
    } else if field.is_empty() || field.is("ignore") || field.is("infinite") || is_lease_time(field)
    {
        // Lease times mean nothing without leases, and `ignore` does not silence a proxy.
    } else if let Some(name) = domain(field).filter(|name| is_host_name(name)) {
        host.names += 1;
        host.name = Some(name);
    } else {
        return Err(ParseError::own(
            "bad DHCP host name",
            field,
            "a name, an address or a lease time",
        ));
    }
    Ok(())
}

/// Digits, among which blanks may stand, and perhaps a letter. A bare letter is a name, not a time.
fn is_lease_time(field: Input<'_>) -> bool {
    let bytes: Vec<u8> = field.structural_bytes().collect();
    let digits = match bytes.split_last() {
        Some((b's' | b'm' | b'h' | b'd' | b'w' | b'S' | b'M' | b'H' | b'D' | b'W', rest)) => rest,
        _ => &bytes[..],
    };
    !digits.is_empty() && digits.iter().all(|byte| byte.is_ascii_digit() || *byte == b' ')
}

/// Whether a domain name can be a machine's: its first label starts with a letter or digit and goes on with those, `-`
/// and `_`. Nothing is asked of the others, nor of a name that begins with a dot.
pub fn is_host_name(name: &[u8]) -> bool {
    let first = name.split(|&byte| byte == b'.').next().unwrap_or_default();
    let legal = |(at, &byte): (usize, &u8)| {
        byte.is_ascii_alphanumeric() || (at > 0 && matches!(byte, b'-' | b'_'))
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
        let Directive::DhcpHost(host) = value(line) else { panic!("{line} is no host") };
        host
    }

    #[test]
    fn parts_stand_in_any_order() {
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
    fn identifiers_are_hex_with_a_colon_and_text_without() {
        assert_eq!(host("dhcp-host=id:01:02").client_id, Some(ClientId::Bytes(vec![1, 2])));
        assert_eq!(host("dhcp-host=id:0102").client_id, Some(ClientId::Bytes(b"0102".to_vec())));
        assert_eq!(host("dhcp-host=id:*").client_id, Some(ClientId::Ignored));
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
        refused(&[
            ("dhcp-host=52:54:zz", "bad hex constant"),
            ("dhcp-host=52:54:00:12:34:56,[fd00::g]", "bad IPv6 address"),
            ("dhcp-host=52:54:00:12:34:56,[fd00::/129]", "bad IPv6 prefix"),
            ("dhcp-host=-x", "bad DHCP host name"),
        ]);
        assert_eq!(host("dhcp-host=192.168.1.300").name.as_deref(), Some(&b"192.168.1.300"[..]));
    }
}
