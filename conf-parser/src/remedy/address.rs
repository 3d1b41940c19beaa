//! Texts that look like an address and are none, and other ranges of numbers.

use crate::error::Remedy;
use crate::input::Input;
use crate::primitives::{address4, address6, decimal};

/// Keywords whose addresses have neither a prefix length nor a port.
const PLAIN: &[&str] =
    &["dhcp-proxy", "dhcp-range", "dhcp-relay", "listen-address", "shared-network"];

/// The remedy for a text that is an address with something after it, or has a wrong number in it.
pub(super) fn remedy(keyword: &str, field: Input<'_>) -> Option<Remedy> {
    let suffix = PLAIN.contains(&keyword).then(|| with_suffix(field)).flatten();
    suffix.or_else(|| wrong_number(field))
}

fn with_suffix(field: Input<'_>) -> Option<Remedy> {
    let (address, suffix, separator) = [b'/', b':', b'#', b' '].into_iter().find_map(|byte| {
        let (address, _) = field.split_once(byte)?;
        let suffix = nom::Input::take_from(&field, address.cells().len());
        Some((address, suffix, byte))
    })?;
    let known = address4(address).is_some() || (separator == b'/' && address6(address).is_some());
    let what = match separator {
        b'/' => "no prefix length is possible here",
        b':' | b'#' => "no port is possible here",
        _ => "fields are separated by commas",
    };
    let text = format!("write {}: {what}", String::from_utf8_lossy(&address.bytes()));
    known.then(|| Remedy::new(suffix, text))
}

/// Numbers with dots between them that are no IPv4 address.
fn wrong_number(field: Input<'_>) -> Option<Remedy> {
    let mut parts = Vec::new();
    let mut left = Some(field.trim());
    while let Some(text) = left {
        let (part, rest) = text.split_once(b'.').map_or((text, None), |(p, r)| (p, Some(r)));
        parts.push((part, decimal(part).filter(|_| !part.is_empty())?));
        left = rest;
    }
    if parts.len() < 2 {
        return None;
    }
    if let Some((part, _)) = parts.iter().find(|(_, number)| *number > 255) {
        return Some(Remedy::new(*part, "a number of an IPv4 address is at most 255"));
    }
    let text = format!("an IPv4 address has four numbers, this has {}", parts.len());
    (parts.len() != 4).then(|| Remedy::new(field, text))
}

/// The remedy for the name of an interface in the place of an address.
pub(super) fn interface_name(field: Input<'_>) -> Option<Remedy> {
    let name = String::from_utf8(field.bytes()).ok()?;
    let first = name.chars().next()?;
    let is_name = first.is_ascii_alphabetic()
        && name.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '_'));
    is_name.then(|| Remedy::new(field, format!("an interface is named with interface={name}")))
}

/// The remedy for two ports with another separator than a comma.
pub(super) fn port_range(value: Input<'_>) -> Option<Remedy> {
    let (first, last) = [b'-', b':', b' '].into_iter().find_map(|byte| value.split_once(byte))?;
    let (first, last) = (first.trim(), last.trim());
    let fine = |port: Input<'_>| !port.is_empty() && decimal(port).is_some();
    let text = |port: Input<'_>| String::from_utf8_lossy(&port.bytes()).into_owned();
    (fine(first) && fine(last))
        .then(|| Remedy::new(value, format!("write {},{}", text(first), text(last))))
}

#[cfg(test)]
mod tests {
    use crate::remedy::tests::caret;

    #[test]
    fn address_with_a_suffix_or_a_wrong_number_has_a_remedy() {
        for (line, column, text) in [
            (
                "listen-address=192.168.1.1/24",
                26,
                "write 192.168.1.1: no prefix length is possible here",
            ),
            ("listen-address=192.168.1.1:53", 26, "write 192.168.1.1: no port is possible here"),
            (
                "listen-address=::1,fd00::1/64",
                26,
                "write fd00::1: no prefix length is possible here",
            ),
            ("listen-address=192.168.1.300", 25, "a number of an IPv4 address is at most 255"),
            ("listen-address=192.168.1", 15, "an IPv4 address has four numbers, this has 3"),
            ("listen-address=eth0", 15, "an interface is named with interface=eth0"),
            ("dhcp-option=3,1.2.3.4/x", 14, "expected IPv4 addresses"),
            ("dhcp-option=option:router,1.2.3", 26, "an IPv4 address has four numbers, this has 3"),
        ] {
            assert_eq!(caret(line), (column, text.to_owned()), "{line}");
        }
    }

    #[test]
    fn port_range_with_another_separator_has_a_remedy() {
        for separator in ["-", ":", " - "] {
            let (_, text) = caret(&format!("tftp-port-range=4000{separator}5000"));
            assert_eq!(text, "write 4000,5000");
        }
        assert_eq!(caret("tftp-port-range=a-b").1, "expected a number");
    }
}
