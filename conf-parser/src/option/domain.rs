//! The domain of the network, and generated names (docs/dnsmasq/config-language.md, section 2)
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
    /// The domain of all clients.
    General(Vec<u8>),
    /// The domain of all clients is the first of the `search` line of `resolv.conf`.
    FromResolvConf,
    /// The domain of some addresses or of an interface.
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
    let (following, network) = match addresses(rest)? {
        // A value that is no address is an interface.
        None => return Ok(Domain::Conditional),
        Some(Addresses { following, network, .. }) => (following, network),
    };
    match following.filter(|word| network && !word.is("local")) {
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
    let Some(prefix) = addresses.following else { return Ok(()) };
    // A generated name is the prefix and an address, and a label has at most 63 bytes.
    let max_len = if addresses.version6 && addresses.network { 17 } else { 47 };
    let read = domain(prefix).filter(|name| name.len() <= max_len);
    let read =
        read.ok_or_else(|| ParseError::own("bad prefix", prefix, "a short prefix of names"))?;
    if addresses.version6 && addresses.length < 64 && read.ends_with(b"*") {
        let expected = "a prefix length of 64 or more";
        return Err(ParseError::own("prefix length too small", rest, expected));
    }
    Ok(())
}

/// A range of addresses or a network, and what follows it.
struct Addresses<'a> {
    version6: bool,
    /// Whether it has a prefix length.
    network: bool,
    length: i32,
    following: Option<Input<'a>>,
}

/// `None` if the text is neither a network nor an address.
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
        return Ok(Some(Addresses { version6, network: false, length: 0, following: None }));
    };
    let (last, following) = rest.split_comma();
    let same = if version6 { address6(last).is_some() } else { address4(last).is_some() };
    if same {
        Ok(Some(Addresses { version6, network: false, length: 0, following }))
    } else {
        Err(ParseError::plain(last, "an address of the same family"))
    }
}

fn prefixed<'a>(network: Input<'a>, rest: Input<'a>) -> Result<Addresses<'a>, ParseError> {
    let (text, following) = rest.split_comma();
    let length = decimal(text).ok_or_else(|| ParseError::plain(text, "a prefix length"))?;
    let (version6, max) = match (address4(network), address6(network)) {
        (Some(_), _) => (false, 32),
        (_, Some(_)) => (true, 128),
        _ => return Err(ParseError::plain(network, "an address")),
    };
    if length > max {
        return Err(ParseError::own("bad prefix length", text, "a prefix length of the address"));
    }
    Ok(Addresses { version6, network: true, length, following })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{refused, value};

    #[test]
    fn domain_applies_to_all_clients_or_to_some() {
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
    fn faulty_domains_have_the_message_of_dnsmasq() {
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
