//! The addresses of a `dhcp-range`.

use super::address;
use crate::error::Remedy;
use crate::input::Input;
use crate::primitives::{address4, address6, decimal};
use std::net::Ipv4Addr;

/// Words after the first address.
const WORDS: &[&str] = &["proxy", "static"];

/// The remedy for a common mistake in a range of IPv4.
pub(super) fn remedy(value: Input<'_>) -> Option<Remedy> {
    let fields: Vec<Input<'_>> = value.fields().skip_while(is_tag).collect();
    if fields.iter().any(|field| address6(*field).is_some()) {
        return None;
    }
    prefix_length(&fields)
        .or_else(|| several_addresses(&fields))
        .or_else(|| word_first(value))
        .or_else(|| other_separator(&fields))
        .or_else(|| word_in_capitals(&fields))
        .or_else(|| address_only(&fields))
        .or_else(|| fields.iter().find_map(|field| address::remedy("dhcp-range", *field)))
}

/// A tag has a prefix, or is a word that can be no address.
fn is_tag(field: &Input<'_>) -> bool {
    let digit = |byte: u8| byte.is_ascii_digit();
    let starts_with_digit = field.structural_bytes().next().is_some_and(digit);
    !starts_with_digit && !field.contains(b'.') && address6(*field).is_none()
}

/// `192.168.0.0/24` or `192.168.0.0/255.255.255.0`, with the prefix length in the first field or in a field of its own.
fn prefix_length(fields: &[Input<'_>]) -> Option<Remedy> {
    let (index, address, suffix) = fields.iter().enumerate().find_map(|(index, field)| {
        field.split_once(b'/').map(|(address, suffix)| (index, address, suffix))
    })?;
    let start = if address.is_empty() { fields.first()? } else { &address };
    address4(*start)?;
    let netmask = netmask(suffix)?;
    let others = fields.iter().enumerate().skip(1).filter(|(other, _)| *other != index);
    let kind = others.map(|(_, field)| *field).find(|field| !is_netmask(*field));
    let kind = kind.map_or_else(|| "proxy".to_owned(), |kind| text(kind).to_ascii_lowercase());
    let slash = fields[index].cells().get(address.cells().len())?;
    Some(Remedy {
        column: slash.column.into(),
        text: format!("write {},{kind},{netmask}", text(*start)),
    })
}

/// The netmask of a prefix length, or a netmask as it is.
fn netmask(suffix: Input<'_>) -> Option<Ipv4Addr> {
    let length = decimal(suffix).filter(|_| !suffix.is_empty());
    match length.map(u32::try_from) {
        Some(Ok(length @ 0..=32)) => {
            Some(Ipv4Addr::from(u32::MAX.checked_shl(32 - length).unwrap_or(0)))
        }
        Some(_) => None,
        None => address4(suffix),
    }
}

fn is_netmask(field: Input<'_>) -> bool {
    address4(field).is_some_and(|mask| {
        u32::from(mask).leading_ones() > 0 && {
            let mask = u32::from(mask);
            mask.leading_ones() + mask.trailing_zeros() == 32
        }
    })
}

/// `A,B,proxy` and `A,<netmask>,proxy`.
fn several_addresses(fields: &[Input<'_>]) -> Option<Remedy> {
    let [start, second, others @ ..] = fields else { return None };
    if !others.iter().any(|field| field.is("proxy")) {
        return None;
    }
    address4(*start)?;
    address4(*second)?;
    let mask = fields[1..].iter().copied().find(|field| is_netmask(*field));
    let mask = mask.map(|mask| format!(",{}", text(mask))).unwrap_or_default();
    let reason = if is_netmask(*second) {
        "the netmask is after proxy"
    } else {
        "with proxy there is one address"
    };
    Some(Remedy::new(*second, format!("{reason}: write {},proxy{mask}", text(*start))))
}

/// `proxy,A`
fn word_first(value: Input<'_>) -> Option<Remedy> {
    let (word, rest) = value.split_comma();
    let (address, mask) = rest?.split_comma();
    let known = WORDS.iter().find(|known| word.is_ignoring_case(known))?;
    address4(address)?;
    let mask = mask.map(|mask| format!(",{}", text(mask))).unwrap_or_default();
    Some(Remedy::new(
        word,
        format!("the address comes first: write {},{known}{mask}", text(address)),
    ))
}

/// `A proxy`, `A;proxy` and `A-B`.
fn other_separator(fields: &[Input<'_>]) -> Option<Remedy> {
    let field = fields.first()?;
    let (start, rest) = [b' ', b';', b'-'].into_iter().find_map(|byte| field.split_once(byte))?;
    let next = rest.trim();
    let known = address4(next).is_some() || WORDS.iter().any(|word| next.is(word));
    let separator = nom::Input::take_from(field, start.cells().len());
    (address4(start.trim()).is_some() && known)
        .then(|| Remedy::new(separator, format!("write {},{}", text(start.trim()), text(next))))
}

fn word_in_capitals(fields: &[Input<'_>]) -> Option<Remedy> {
    fields.iter().find_map(|field| {
        let word = WORDS.iter().find(|word| field.is_ignoring_case(word) && !field.is(word))?;
        Some(Remedy::new(*field, format!("write {word} in lower case")))
    })
}

/// A network without a word after it.
fn address_only(fields: &[Input<'_>]) -> Option<Remedy> {
    let [field] = fields else { return None };
    address4(*field)?;
    Some(Remedy::new(*field, format!("for proxyDHCP write {},proxy", text(*field))))
}

fn text(field: Input<'_>) -> String {
    String::from_utf8_lossy(&field.bytes()).into_owned()
}

#[cfg(test)]
mod tests {
    use crate::remedy::tests::{advice, caret};

    #[test]
    fn prefix_length_becomes_a_netmask() {
        for (value, column, meant) in [
            ("192.168.77.0/24,proxy", 23, "192.168.77.0,proxy,255.255.255.0"),
            ("192.168.77.0/255.255.255.0,proxy", 23, "192.168.77.0,proxy,255.255.255.0"),
            ("10.0.0.0/9,Proxy", 19, "10.0.0.0,proxy,255.128.0.0"),
            ("10.0.0.0/32", 19, "10.0.0.0,proxy,255.255.255.255"),
            ("10.0.0.0/0,proxy", 19, "10.0.0.0,proxy,0.0.0.0"),
            ("10.0.0.0,proxy,/22", 26, "10.0.0.0,proxy,255.255.252.0"),
            ("set:lan,10.0.0.0/8,static", 27, "10.0.0.0,static,255.0.0.0"),
            ("10.0.0.5/24,10.0.0.9", 19, "10.0.0.5,10.0.0.9,255.255.255.0"),
        ] {
            let found = caret(&format!("dhcp-range={value}"));
            assert_eq!(found, (column, format!("write {meant}")), "{value}");
        }
        assert!(advice("dhcp-range=10.0.0.0/33,proxy").starts_with("write 10.0.0.0:"));
    }

    #[test]
    fn proxy_after_several_addresses_has_a_remedy() {
        let one = "with proxy there is one address: write 10.0.0.1,proxy";
        assert_eq!(caret("dhcp-range=10.0.0.1,10.0.0.9,proxy"), (20, one.to_owned()));
        assert_eq!(
            advice("dhcp-range=10.0.0.1,10.0.0.9,255.0.0.0,proxy"),
            format!("{one},255.0.0.0")
        );
        assert_eq!(
            advice("dhcp-range=10.0.0.1,255.0.0.0,proxy"),
            "the netmask is after proxy: write 10.0.0.1,proxy,255.0.0.0"
        );
    }

    #[test]
    fn fields_in_another_order_or_form_have_a_remedy() {
        for (value, remedy) in [
            ("proxy,10.0.0.0", "the address comes first: write 10.0.0.0,proxy"),
            ("10.0.0.0 proxy", "write 10.0.0.0,proxy"),
            ("10.0.0.0;proxy", "write 10.0.0.0,proxy"),
            ("10.0.0.1-10.0.0.9", "write 10.0.0.1,10.0.0.9"),
            ("10.0.0.0,Proxy", "write proxy in lower case"),
            ("10.0.0.0", "for proxyDHCP write 10.0.0.0,proxy"),
            ("10.0.0.300,proxy", "a number of an IPv4 address is at most 255"),
            ("10.0.0.0,proxy#x", "a comment needs a space before #"),
            ("fd00::1,10.0.0.1", "expected a netmask or a lease time"),
            ("10.0.0.0,nothing", "expected proxy, static or an address"),
        ] {
            assert_eq!(advice(&format!("dhcp-range={value}")), remedy, "{value}");
        }
    }
}
