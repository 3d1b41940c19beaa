//! Zones we would answer for, and proofs we would ask for: checked as dnsmasq does (spec: config language, section 2)
//!
//! ```text
//! auth-server=<name>[,<address>|<interface>[/4|/6]…]      auth-peer=<address>[,<address>…]
//! auth-zone=<domain>[,[exclude:]<address>[/<length>]|<interface>[/4|/6]…]
//! trust-anchor=<domain>[,[<class>,]<key tag>,<algorithm>,<digest type>,<hex>]
//! dnssec-limits=<number>[,<number>…]                      dnssec-check-unsigned[=no]
//! ```

use super::records::{family, named, sixteen_bits};
use crate::directive::Directive;
use crate::fault::Fault;
use crate::text::Text;
use crate::words::{hex, is_address, whole_number};

/// Reads the value of an `auth-server`. Its name is not looked at.
pub fn auth_server(arg: Text<'_>) -> Result<Directive, Fault> {
    for field in arg.fields().skip(1) {
        let cells = field.restored();
        let field = Text::new(&cells);
        if !is_address(field) {
            family(field)?;
        }
    }
    Ok(Directive::Unserved)
}

/// Reads the value of an `auth-zone`.
pub fn auth_zone(arg: Text<'_>) -> Result<Directive, Fault> {
    let mut fields = arg.fields();
    fields.next().map_or(Ok(()), |zone| named(zone, "invalid auth-zone"))?;
    for field in fields {
        let (place, behind) = field.after("exclude:").unwrap_or(field).cut_at(b'/');
        let Some(behind) = behind else { continue };
        let number = whole_number(behind);
        let fits = if is_address(place) { number.is_some() } else { matches!(number, Some(4 | 6)) };
        if !fits {
            return Err(Fault::plain(behind, "a prefix length, or 4 or 6 behind an interface"));
        }
    }
    Ok(Directive::Unserved)
}

/// Reads the value of an `auth-peer`.
pub fn auth_peer(arg: Text<'_>) -> Result<Directive, Fault> {
    for field in arg.fields() {
        if !is_address(Text::new(&field.restored())) {
            return Err(Fault::plain(field, "an address"));
        }
    }
    Ok(Directive::Unserved)
}

/// Reads the value of a `trust-anchor`. A domain alone, since dnsmasq 2.92, is one without proofs.
pub fn trust_anchor(arg: Text<'_>) -> Result<Directive, Fault> {
    const WORDS: &str = "bad trust anchor";
    let (zone, rest) = arg.cut_comma();
    named(zone, WORDS)?;
    let Some(rest) = rest else { return Ok(Directive::Unserved) };
    let rest = match rest.cut_comma() {
        (class, Some(behind)) if ["IN", "CH", "HS"].iter().any(|known| class.is(known)) => behind,
        _ => rest,
    };
    let &[key_tag, algorithm, digest_type, digest] = &rest.split(4)[..] else {
        return Err(Fault::own(WORDS, rest, "a key tag, an algorithm, a digest type and a digest"));
    };
    sixteen_bits(key_tag, WORDS)?;
    for number in [algorithm, digest_type] {
        if !whole_number(number).is_some_and(|number| (0..=255).contains(&number)) {
            return Err(Fault::own(WORDS, number, "a number up to 255"));
        }
    }
    let mut cells = digest.restored().into_owned();
    cells.retain(|cell| !cell.is_blank());
    match hex(Text::new(&cells), usize::MAX, true) {
        Some(_) => Ok(Directive::Unserved),
        None => Err(Fault::own("bad HEX in trust anchor", digest, "bytes in hex")),
    }
}

/// Reads the value of a `dnssec-limits`, of which four are looked at.
pub fn dnssec_limits(arg: Text<'_>) -> Result<Directive, Fault> {
    match arg.fields().take(4).find(|limit| whole_number(*limit).is_none()) {
        Some(limit) => Err(Fault::plain(limit, "a number")),
        None => Ok(Directive::Unserved),
    }
}

/// Reads the value of a `dnssec-check-unsigned`.
pub fn dnssec_check_unsigned(arg: Option<Text<'_>>) -> Result<Directive, Fault> {
    match arg.filter(|word| word.bytes() != b"no") {
        Some(word) => Err(Fault::own("bad value for dnssec-check-unsigned", word, "no")),
        None => Ok(Directive::Unserved),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{refused, value};

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
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
            assert_eq!(value(line), Directive::Unserved, "{line}");
        }
    }
}
