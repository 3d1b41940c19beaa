//! The domain of this network (docs/dnsmasq/config-language.md, section 2)
//!
//! ```text
//! domain, domain-suffix=<domain>|#|<domain>,<addresses>|<domain>,<interface>
//! synth-domain=<domain>,<addresses>[,<prefix>[*]]
//! addresses = <address>/<prefix length>[,local] | <address>[,<address>]
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{address4, address6, decimal, domain};

/// A `domain` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Domain {
    /// The domain of all.
    General(Vec<u8>),
    /// The domain of all, from the search line of `resolv.conf`.
    FromResolvConf,
    /// That of some addresses, or of an interface.
    Conditional,
}

/// Reads the value of a `domain`.
pub(crate) fn domain_line(arg: Input<'_>) -> Result<Domain, ParseError> {
    if arg.bytes() == b"#" {
        return Ok(Domain::FromResolvConf);
    }
    let (name, rest) = arg.split_comma();
    let name = domain(name).ok_or_else(|| ParseError::plain(name, "a domain"))?;
    let Some(rest) = rest else { return Ok(Domain::General(name)) };
    let cells = rest.unquoted();
    let rest = Input::new(&cells);
    let (behind, network) = match addresses(rest)? {
        // Anything else is an interface.
        None => return Ok(Domain::Conditional),
        Some(Addresses { behind, network, .. }) => (behind, network),
    };
    match behind.filter(|word| network && !word.is("local")) {
        Some(word) => Err(ParseError::plain(word, "local")),
        None => Ok(Domain::Conditional),
    }
}

/// Reads the value of a `synth-domain`.
pub(crate) fn synth_domain(arg: Input<'_>) -> Result<(), ParseError> {
    let (name, rest) = arg.split_comma();
    if domain(name).is_none() {
        return Err(ParseError::plain(name, "a domain"));
    }
    let cells = rest.ok_or_else(|| ParseError::plain(name, "a comma and addresses"))?.unquoted();
    let rest = Input::new(&cells);
    let addresses = addresses(rest)?.ok_or_else(|| ParseError::plain(rest, "addresses"))?;
    let Some(prefix) = addresses.behind else { return Ok(()) };
    // A name made from an address must have room for the address.
    let longest = if addresses.version6 && addresses.network { 17 } else { 47 };
    let read = domain(prefix).filter(|name| name.len() <= longest);
    let read =
        read.ok_or_else(|| ParseError::own("bad prefix", prefix, "a short prefix of names"))?;
    if addresses.version6 && addresses.length < 64 && read.ends_with(b"*") {
        let expected = "a prefix length of 64 or more";
        return Err(ParseError::own("prefix length too small", rest, expected));
    }
    Ok(())
}

/// A stretch of addresses, and what follows it.
struct Addresses<'a> {
    version6: bool,
    /// Written with a prefix length.
    network: bool,
    length: i32,
    behind: Option<Input<'a>>,
}

/// `None`: neither a network nor an address.
fn addresses(text: Input<'_>) -> Result<Option<Addresses<'_>>, ParseError> {
    let (network, length) = text.split_trimmed(b'/');
    if let Some(length) = length {
        return prefixed(network, length).map(Some);
    }
    let (first, rest) = text.split_comma();
    let version6 = address6(first).is_some();
    if !version6 && address4(first).is_none() {
        return Ok(None);
    }
    let Some(rest) = rest else {
        return Ok(Some(Addresses { version6, network: false, length: 0, behind: None }));
    };
    let (last, behind) = rest.split_comma();
    let same = if version6 { address6(last).is_some() } else { address4(last).is_some() };
    if same {
        Ok(Some(Addresses { version6, network: false, length: 0, behind }))
    } else {
        Err(ParseError::plain(last, "an address of the same family"))
    }
}

fn prefixed<'a>(network: Input<'a>, rest: Input<'a>) -> Result<Addresses<'a>, ParseError> {
    let (text, behind) = rest.split_comma();
    let length = decimal(text).ok_or_else(|| ParseError::plain(text, "a prefix length"))?;
    let (version6, most) = match (address4(network), address6(network)) {
        (Some(_), _) => (false, 32),
        (_, Some(_)) => (true, 128),
        _ => return Err(ParseError::plain(network, "an address")),
    };
    if length > most {
        return Err(ParseError::own("bad prefix length", text, "a prefix length of the address"));
    }
    Ok(Addresses { version6, network: true, length, behind })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{refused, value};

    #[test]
    fn a_domain_is_for_all_or_for_some() {
        assert_eq!(
            value("domain=Lan.Example."),
            Directive::Domain(Domain::General(b"lan.example".to_vec()))
        );
        assert_eq!(value(r##"domain="#""##), Directive::Domain(Domain::FromResolvConf));
        for line in ["domain=a,eth0", "domain=a,10.0.0.0/24,local", "domain=a,1.2.3.4,1.2.3.5,x"] {
            assert_eq!(value(line), Directive::Domain(Domain::Conditional), "{line}");
        }
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
        refused(&[
            ("domain=lan,10.0.0.0/33", "bad prefix length"),
            ("domain=lan,10.0.0.0/24,x", "error"),
            ("domain=lan,10.0.0.1,fd00::1", "error"),
            ("synth-domain=lan", "error"),
            ("synth-domain=lan,10.0.0.0/24,a\u{e9}", "bad prefix"),
            ("synth-domain=lan,fd00::/64,a-prefix-that-is-long", "bad prefix"),
            ("synth-domain=lan,fd00::/48,a*", "prefix length too small"),
        ]);
    }
}
