//! Options of a DHCP server with leases: checked as dnsmasq does (docs/dnsmasq/config-language.md, section 2)
//!
//! ```text
//! dhcp-relay=<local address>,<server>[#<port>][,<interface>]       dhcp-proxy[=<address>[,…]]
//! dhcp-split-relay=<local address>,<server>[#<port>],<interface>|<address>
//! ra-param=<interface>[,[mtu:<n>|<interface>|off,][high|low,]<interval>[,<lifetime>]]
//! leasequery[=<address>[/<prefix length>]]                         dhcp-duid=<enterprise>,<hex>
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{FirstGroup, address4, address6, decimal, hex, is_address};

/// Reads the value of a `dhcp-relay`. dnsmasq 2.90 and 2.91 accept a value that does not start with an address.
pub(crate) fn dhcp_relay(arg: Input<'_>) -> Result<(), ParseError> {
    let bad = |at| Err(ParseError::own("Bad dhcp-relay", at, "a local address and a server"));
    let fields = arg.split(3);
    let &[local, server, ref interface @ ..] = &fields[..] else { return bad(arg) };
    let (server, _) = server.split_trimmed(b'#');
    let same = match (address4(local), address6(local)) {
        (Some(_), _) => address4(server).is_some(),
        (_, Some(_)) => address6(server).is_some(),
        _ => return Ok(()),
    };
    // A server that is no address is an interface to broadcast on.
    let is_pattern = server.cells().iter().any(|cell| cell.is(b'*'));
    if !same && (is_pattern || !interface.is_empty()) {
        return bad(server);
    }
    Ok(())
}

/// Reads the value of a `dhcp-split-relay`.
pub(crate) fn dhcp_split_relay(arg: Input<'_>) -> Result<(), ParseError> {
    let bad =
        |at| ParseError::own("Bad dhcp-relay", at, "a local address, a server and an interface");
    let &[local, server, _] = &arg.split(3)[..] else { return Err(bad(arg)) };
    for address in [local, server.split_trimmed(b'#').0] {
        address4(address).ok_or_else(|| bad(address))?;
    }
    Ok(())
}

/// Reads the value of a `leasequery`.
pub(crate) fn leasequery(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    let Some(arg) = arg else { return Ok(()) };
    let (address, length) = arg.split_trimmed(b'/');
    if !is_address(address) {
        return Err(ParseError::plain(address, "an address"));
    }
    match length.filter(|length| decimal(*length).is_none()) {
        Some(length) => Err(ParseError::plain(length, "a prefix length")),
        None => Ok(()),
    }
}

/// The minimum MTU of IPv6 (RFC 8200, section 5).
const MIN_MTU: i32 = 1280;

/// Reads the value of a `ra-param`.
pub(crate) fn ra_param(arg: Input<'_>) -> Result<(), ParseError> {
    const MESSAGE: &str = "bad RA-params";
    let (_, Some(mut rest)) = arg.split_comma() else { return Ok(()) };
    let (mut field, mut following) = rest.split_comma();
    let more = |text: Option<Input<'_>>, at| {
        text.map(drop).ok_or_else(|| ParseError::own(MESSAGE, at, "a comma and an interval"))
    };
    if let Some(mtu) = after_any_case(field, "mtu:") {
        if decimal(mtu).is_some_and(|size| size < MIN_MTU) {
            return Err(ParseError::own(MESSAGE, mtu, "an MTU of 1280 or more"));
        }
        more(following, field)?;
        rest = following.unwrap_or(field);
        (field, following) = rest.split_comma();
    }
    if ["high", "low"].iter().any(|word| after_any_case(field, word).is_some()) {
        more(following, field)?;
        rest = following.unwrap_or(field);
    }
    match rest.split(2).into_iter().find(|number| decimal(*number).is_none()) {
        Some(number) => Err(ParseError::own(MESSAGE, number, "a time in seconds")),
        None => Ok(()),
    }
}

fn after_any_case<'a>(text: Input<'a>, word: &str) -> Option<Input<'a>> {
    let start = text.structural_bytes().take(word.len());
    let fits = text.cells().len() >= word.len()
        && start.zip(word.bytes()).all(|(a, b)| a.eq_ignore_ascii_case(&b));
    fits.then(|| nom::Input::take_from(&text, word.len()))
}

/// Reads the value of a `dhcp-duid`. dnsmasq crashes on data that is not hexadecimal; here it is an error.
pub(crate) fn dhcp_duid(arg: Input<'_>) -> Result<(), ParseError> {
    const MESSAGE: &str = "bad DUID";
    let (enterprise, bytes) = arg.split_comma();
    let bytes = bytes.ok_or_else(|| ParseError::own(MESSAGE, arg, "a number and bytes in hex"))?;
    if decimal(enterprise).is_none() {
        return Err(ParseError::own(MESSAGE, enterprise, "an enterprise number"));
    }
    match hex(bytes, usize::MAX, FirstGroup::HardwareType) {
        Some(_) => Ok(()),
        None => Err(ParseError::plain(bytes, "bytes in hex")),
    }
}

/// Reads the value of a `dhcp-proxy`.
pub(crate) fn dhcp_proxy(arg: Option<Input<'_>>) -> Result<(), ParseError> {
    for field in arg.into_iter().flat_map(Input::fields) {
        address4(field)
            .ok_or_else(|| ParseError::own("bad dhcp-proxy address", field, "an IPv4 address"))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use crate::Directive;
    use crate::tests::{refused, value};

    #[test]
    fn faulty_server_options_have_the_message_of_dnsmasq() {
        refused(&[
            ("dhcp-relay=10.0.0.1", "Bad dhcp-relay"),
            ("dhcp-relay=10.0.0.1,eth0,eth1", "Bad dhcp-relay"),
            ("dhcp-split-relay=10.0.0.1,x,eth1", "Bad dhcp-relay"),
            ("leasequery=x", "error"),
            ("ra-param=eth0,mtu:100,60", "bad RA-params"),
            ("ra-param=eth0,high", "bad RA-params"),
            ("dhcp-duid=1", "bad DUID"),
            ("dhcp-duid=1,zz", "error"),
            ("dhcp-proxy=x", "bad dhcp-proxy address"),
        ]);
        for line in
            ["dhcp-relay=x,y", "ra-param=eth0", "ra-param=eth0,mtu:off,LOWEST,60,0", "leasequery"]
        {
            assert!(matches!(value(line), Directive::ValidatedOnly(_)), "{line}");
        }
    }
}
