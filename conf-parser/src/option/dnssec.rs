//! Authoritative zones and DNSSEC: checked as dnsmasq does (docs/dnsmasq/config-language.md, section 2)
//!
//! ```text
//! auth-server=<name>[,<address>|<interface>[/4|/6]…]      auth-peer=<address>[,<address>…]
//! auth-zone=<domain>[,[exclude:]<address>[/<length>]|<interface>[/4|/6]…]
//! trust-anchor=<domain>[,[<class>,]<key tag>,<algorithm>,<digest type>,<hex>]
//! dnssec-limits=<number>[,<number>…]                      dnssec-check-unsigned[=no]
//! ```

use super::records::{family, named, sixteen_bits};
use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{FirstGroup, decimal, hex, is_address};

/// Reads the value of an `auth-server`. dnsmasq does not check the name.
pub(crate) fn auth_server(arg: Input<'_>) -> Result<(), ParseError> {
    for field in arg.fields().skip(1) {
        let cells = field.unquoted();
        let field = Input::new(&cells);
        if !is_address(field) {
            family(field)?;
        }
    }
    Ok(())
}

/// Reads the value of an `auth-zone`.
pub(crate) fn auth_zone(arg: Input<'_>) -> Result<(), ParseError> {
    let mut fields = arg.fields();
    fields.next().map_or(Ok(()), |zone| named(zone, "invalid auth-zone"))?;
    for field in fields {
        let (name, length) = field.strip_prefix("exclude:").unwrap_or(field).split_trimmed(b'/');
        let Some(length) = length else { continue };
        let number = decimal(length);
        let fits = if is_address(name) { number.is_some() } else { matches!(number, Some(4 | 6)) };
        if !fits {
            return Err(ParseError::plain(length, "a prefix length, or 4 or 6 after an interface"));
        }
    }
    Ok(())
}

/// Reads the value of an `auth-peer`.
pub(crate) fn auth_peer(arg: Input<'_>) -> Result<(), ParseError> {
    for field in arg.fields() {
        if !is_address(Input::new(&field.unquoted())) {
            return Err(ParseError::plain(field, "an address"));
        }
    }
    Ok(())
}

/// Reads the value of a `trust-anchor`. dnsmasq 2.92 and later accept a domain without a key.
pub(crate) fn trust_anchor(arg: Input<'_>) -> Result<(), ParseError> {
    const MESSAGE: &str = "bad trust anchor";
    let (zone, rest) = arg.split_comma();
    named(zone, MESSAGE)?;
    let Some(rest) = rest else { return Ok(()) };
    let rest = match rest.split_comma() {
        (class, Some(following)) if ["IN", "CH", "HS"].iter().any(|known| class.is(known)) => {
            following
        }
        _ => rest,
    };
    let &[key_tag, algorithm, digest_type, digest] = &rest.split(4)[..] else {
        return Err(ParseError::own(
            MESSAGE,
            rest,
            "a key tag, an algorithm, a digest type and a digest",
        ));
    };
    sixteen_bits(key_tag, MESSAGE)?;
    for number in [algorithm, digest_type] {
        if !decimal(number).is_some_and(|number| (0..=255).contains(&number)) {
            return Err(ParseError::own(MESSAGE, number, "a number up to 255"));
        }
    }
    let mut cells = digest.unquoted().into_owned();
    cells.retain(|cell| !cell.is_blank());
    match hex(Input::new(&cells), usize::MAX, FirstGroup::HardwareType) {
        Some(_) => Ok(()),
        None => Err(ParseError::own("bad HEX in trust anchor", digest, "bytes in hex")),
    }
}

/// Reads the value of a `dnssec-limits`, of which dnsmasq checks four.
pub(crate) fn dnssec_limits(arg: Input<'_>) -> Result<(), ParseError> {
    match arg.fields().take(4).find(|limit| decimal(*limit).is_none()) {
        Some(limit) => Err(ParseError::plain(limit, "a number")),
        None => Ok(()),
    }
}

/// Reads the value of a `dnssec-check-unsigned`.
pub(crate) fn dnssec_check_unsigned(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    match arg.filter(|word| word.bytes() != b"no") {
        Some(word) => Err(ParseError::own("bad value for dnssec-check-unsigned", word, "no")),
        None => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use crate::Directive;
    use crate::tests::{refused, value};

    #[test]
    fn faulty_dnssec_options_have_the_message_of_dnsmasq() {
        refused(&[
            ("auth-server=a,eth0/5", "error"),
            ("auth-zone=a,eth0/5", "error"),
            ("auth-zone=\u{e9}", "invalid auth-zone"),
            ("auth-peer=", "error"),
            ("trust-anchor=.,20326,300,2,00", "bad trust anchor"),
            ("trust-anchor=.,20326,8,2,zz", "bad HEX in trust anchor"),
            ("dnssec-limits=1,x", "error"),
            ("dnssec-check-unsigned=", "bad value for dnssec-check-unsigned"),
        ]);
        for line in [
            "trust-anchor=.,IN,20326,8,2,E0 6D",
            "trust-anchor=corp",
            "auth-zone=a,exclude:10.0.0.0/33,eth0/06",
            "dnssec-limits=1,,,4,x",
        ] {
            assert!(matches!(value(line), Directive::ValidatedOnly(_)), "{line}");
        }
    }
}
