//! The value of a `DHCPv6` option: checked as dnsmasq does, never sent (docs/dnsmasq/config-language.md, section 3.3)

use crate::error::ParseError;
use crate::input::Input;
use crate::option::domain_list::domains;
use crate::option::value_type::{ExpectedValue, Shape, Value, plain_text};
use crate::option_names::Kind;
use crate::primitives::address6;

/// RFC 5908: addresses or a domain list.
const NTP_SERVER: u32 = 56;

pub(super) fn value6(
    text: Input<'_>,
    expected: ExpectedValue,
    shape: &Shape,
) -> Result<Value, ParseError> {
    let hex = shape.hex && shape.colon;
    match expected.kind {
        Some(Kind::Addresses) => addresses(text)?,
        Some(Kind::Domains) => drop(domains(text)?),
        Some(Kind::Any) | None if !hex && is_address_list(text) => addresses(text)?,
        Some(Kind::Any) | None if !hex && expected.code == NTP_SERVER => drop(domains(text)?),
        _ => {}
    }
    Ok(plain_text(text))
}

/// Whether a text can be addresses: hexadecimal digits, colons, dots, brackets, commas, spaces.
fn is_address_list(text: Input<'_>) -> bool {
    let fits = |byte: u8| byte.is_ascii_hexdigit() || b":.[], ".contains(&byte);
    text.structural_bytes().any(|byte| byte == b':') && text.structural_bytes().all(fits)
}

/// Each may be in brackets; either bracket may be missing.
fn addresses(text: Input<'_>) -> Result<(), ParseError> {
    for field in text.fields() {
        let inner = field.strip_prefix("[").unwrap_or(field);
        let closed = inner.cells().last().is_some_and(|cell| cell.is(b']'));
        let size = inner.cells().len() - usize::from(closed);
        if address6(nom::Input::take(&inner, size)).is_none() {
            return Err(ParseError::own("bad IPv6 address", field, "an IPv6 address"));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::tests::{complaint, value};

    #[test]
    fn faulty_values_have_the_message_of_dnsmasq() {
        for (line, message) in [
            ("option6:23,x", "bad IPv6 address"),
            ("option6:23,[::1]x", "bad IPv6 address"),
            ("option6:99,1:2,", "bad IPv6 address"),
            ("option6:56,[::1]a", "bad IPv6 address"),
            ("option6:24,a,\u{e9}", "bad domain in dhcp-option"),
            ("option6:56,\u{e9}", "bad domain in dhcp-option"),
            ("vi-encap:1,option6:dns-server,x", "bad IPv6 address"),
        ] {
            assert_eq!(complaint(&format!("dhcp-option={line}")), message, "{line}");
        }
        for line in
            ["option6:23,[::1", "option6:99,1:2", "vi-encap:1,option6:23,foo", "option6:99,[::1]x"]
        {
            value(&format!("dhcp-option={line}"));
        }
    }
}
