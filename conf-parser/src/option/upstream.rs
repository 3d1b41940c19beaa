//! Upstream servers of DNS, and changes of their answers: checked as dnsmasq does.
//! (docs/dnsmasq/config-language.md, section 2)
//!
//! ```text
//! server, local=[/[<domain>/…]][#|<target>]           rev-server=<address>[/<prefix length>][,<target>]
//! target = <host>[%<interface>][#<port>][@<interface>|@<address>|@<interface>@<address>][#<port>]
//! address=[/[<domain>/…]][#|<address>]                ipset, nftset=[/<domain>/…/]<set>[,<set>…]
//! bogus-nxdomain, ignore-address=<address>[/<prefix length>]
//! alias=<address>[-<address>],<address>[,<netmask>]
//! ```
//!
//! Quotes have no effect, except in `alias`.

use crate::error::{CheckSubject, DeferredCheck, ParseError, Remedy, SystemCheck};
use crate::input::Input;
use crate::primitives::{address4, address6, decimal, domain, is_address, number16, parse_all};

/// Reads the value of a `server` or `local`.
pub(crate) fn server(arg: Input<'_>) -> Result<DeferredCheck, ParseError> {
    let cells = arg.unquoted();
    let (domains, target) = slashed(Input::new(&cells));
    let mut pending = DeferredCheck::default();
    if !target.is_empty() && !target.is("#") {
        pending = ServerTarget::read(target)?.pending()?;
    }
    pending.error = pending.error.or(check_domains(&domains).err());
    checked(pending)
}

/// An error without a check before it is reported immediately.
fn checked(pending: DeferredCheck) -> Result<DeferredCheck, ParseError> {
    match pending {
        DeferredCheck { condition: None, error: Some(error) } => Err(error),
        pending => Ok(pending),
    }
}

/// Reads the value of a `rev-server`. dnsmasq ignores a prefix length that is no number.
pub(crate) fn rev_server(arg: Input<'_>) -> Result<DeferredCheck, ParseError> {
    let cells = arg.unquoted();
    let (network, target) = Input::new(&cells).split_comma();
    let (address, length) = network.split_trimmed(b'/');
    let (message, max) = match (address4(address), address6(address)) {
        (Some(_), _) => ("bad IPv4 prefix length", 32),
        (_, Some(_)) => ("bad IPv6 prefix length", 128),
        _ => return Err(ParseError::plain(address, "a network")),
    };
    let target = match target.filter(|target| !target.is("#")) {
        Some(target) => Some(ServerTarget::read(target)?),
        None => None,
    };
    let length = length.and_then(|text| Some((text, decimal(text)?)));
    let wrong = length.filter(|(_, length)| *length != -1 && !(1..=max).contains(length));
    let wrong = wrong.map(|(text, _)| ParseError::own(message, text, "a prefix length"));
    let Some(target) = target else {
        return checked(DeferredCheck { condition: None, error: wrong });
    };
    let resolve = target.resolve();
    match (wrong, resolve) {
        (Some(error), condition) => checked(DeferredCheck { condition, error: Some(error) }),
        (None, _) => checked(target.pending()?),
    }
}

/// The parts of a server.
struct ServerTarget<'a> {
    host: Input<'a>,
    scope: Option<Input<'a>>,
    /// The texts after the first `@` and after the second one.
    source: Option<(Input<'a>, Option<Input<'a>>)>,
}

impl<'a> ServerTarget<'a> {
    /// Splits the text. dnsmasq checks the ports first.
    fn read(text: Input<'a>) -> Result<Self, ParseError> {
        let (host, source) = text.split_trimmed(b'@');
        let (host, port) = host.split_trimmed(b'#');
        check_port(port)?;
        let (host, scope) = host.split_trimmed(b'%');
        let source = match source {
            None => None,
            Some(source) => {
                let (source, port) = source.split_trimmed(b'#');
                check_port(port)?;
                Some(source.split_trimmed(b'@'))
            }
        };
        Ok(Self { host, scope, source })
    }

    /// A host that is not an address is a name.
    fn resolve(&self) -> Option<SystemCheck> {
        let error = ParseError::own("", self.host, "an address, or a name that can be resolved");
        let error = match port_after_colon(self.host) {
            Some(remedy) => error.with_remedy(remedy),
            None => error,
        };
        (!is_address(self.host))
            .then(|| SystemCheck { subject: CheckSubject::HostName(self.host.bytes()), error })
    }

    /// The checks after those of the ports.
    fn pending(&self) -> Result<DeferredCheck, ParseError> {
        let condition = self.resolve().or_else(|| self.scoped());
        let error = self.check_source().err();
        match (condition, error) {
            (None, Some(error)) => Err(error),
            (condition, error) => Ok(DeferredCheck { condition, error }),
        }
    }

    /// The interface of an IPv6 address must exist. dnsmasq ignores the interface of any other host.
    fn scoped(&self) -> Option<SystemCheck> {
        let scope = self.scope.filter(|_| address6(self.host).is_some())?;
        let error = ParseError::own("bad interface name", scope, "an interface of this machine");
        Some(SystemCheck { subject: CheckSubject::Interface(scope.bytes()), error })
    }

    /// After an interface there may be an address. Its family must be that of the host.
    fn check_source(&self) -> Result<(), ParseError> {
        let Some((first, second)) = self.source else { return Ok(()) };
        let address = second.unwrap_or(first);
        let mismatch =
            |message| Err(ParseError::own(message, address, "an address of the host's family"));
        match (address4(address), address6(address)) {
            (Some(_), _) if address6(self.host).is_some() => {
                mismatch("cannot use IPv6 server address with IPv4 source address")
            }
            (_, Some(_)) if address4(self.host).is_some() => {
                mismatch("cannot use IPv4 server address with IPv6 source address")
            }
            (None, None) if second.is_some() => {
                Err(ParseError::own("interface can only be specified once", address, "an address"))
            }
            _ => Ok(()),
        }
    }
}

/// `8.8.8.8:53`
fn port_after_colon(host: Input<'_>) -> Option<Remedy> {
    let (address, port) = host.split_once(b':')?;
    let text = |part: Input<'_>| String::from_utf8_lossy(&part.bytes()).into_owned();
    let is_port = !port.is_empty() && parse_all(number16, port).is_ok();
    (address4(address).is_some() && is_port)
        .then(|| Remedy::new(port, format!("write {}#{}", text(address), text(port))))
}

fn check_port(port: Option<Input<'_>>) -> Result<(), ParseError> {
    let Some(port) = port else { return Ok(()) };
    parse_all(number16, port).map(drop).map_err(|_| ParseError::own("bad port", port, "a port"))
}

/// Reads the value of an `address`.
pub(crate) fn address(arg: Input<'_>) -> Result<(), ParseError> {
    let cells = arg.unquoted();
    let (domains, target) = slashed(Input::new(&cells));
    if !(target.is_empty() || target.is("#") || is_address(target)) {
        let expected = "/<domain>/<address>";
        return Err(ParseError::own("Bad address in --address", target, expected));
    }
    check_domains(&domains)?;
    Ok(())
}

/// Reads the value of an `ipset` or `nftset`.
pub(crate) fn sets(arg: Input<'_>) -> Result<(), ParseError> {
    let cells = arg.unquoted();
    let (domains, sets) = slashed(Input::new(&cells));
    for name in domains.iter().map(|name| name.trim()) {
        if !name.is("#") && domain(name).is_none() {
            return Err(ParseError::plain(name, "a domain"));
        }
    }
    if sets.is_empty() { Err(ParseError::plain(sets, "a set")) } else { Ok(()) }
}

/// Reads the value of an `nftset`. dnsmasq crashes on an empty set; here it is an error.
pub(crate) fn nftset(arg: Input<'_>) -> Result<(), ParseError> {
    let cells = arg.unquoted();
    let (_, list) = slashed(Input::new(&cells));
    sets(arg)?;
    match list.fields().find(|set| set.is_empty()) {
        Some(empty) => Err(ParseError::plain(empty, "a set")),
        None => Ok(()),
    }
}

/// `/<domain>/<domain>/<rest>`: the domains without a change, and the rest.
fn slashed(text: Input<'_>) -> (Vec<Input<'_>>, Input<'_>) {
    let mut domains = Vec::new();
    let Some(mut left) = text.strip_prefix("/") else { return (domains, text) };
    while let Some((domain, rest)) = left.split_once(b'/') {
        domains.push(domain);
        left = rest;
    }
    let target = if domains.is_empty() { left } else { left.trim_start() };
    (domains, target)
}

/// An empty domain, or `#`, is all domains. Spaces before a name are part of it; dnsmasq refuses them before the last of
/// several names.
fn check_domains(domains: &[Input<'_>]) -> Result<(), ParseError> {
    for (index, &written) in domains.iter().enumerate() {
        let inner = index > 0 && written.cells().first().is_some_and(|cell| cell.is_blank());
        let last = index + 1 == domains.len();
        let name = if inner && written.trim().is_empty() { written } else { written.trim_end() };
        let plain = name.strip_prefix("*").unwrap_or(name);
        let named = !name.is_empty() && !name.is("#");
        if (inner && last) || (named && domain(plain).is_none()) {
            return Err(ParseError::plain(written, "a domain"));
        }
    }
    Ok(())
}

/// Reads the value of a `bogus-nxdomain` or `ignore-address`.
pub(crate) fn network(arg: Input<'_>) -> Result<(), ParseError> {
    let cells = arg.unquoted();
    let (address, length) = Input::new(&cells).split_trimmed(b'/');
    let max = match (address4(address), address6(address)) {
        (Some(_), _) => 32,
        (_, Some(_)) => 128,
        _ => return Err(ParseError::plain(address, "an address")),
    };
    match length.filter(|text| decimal(*text).is_none_or(|length| length > max)) {
        Some(length) => Err(ParseError::plain(length, "a prefix length")),
        None => Ok(()),
    }
}

/// Reads the value of an `alias`. Quotes have an effect in the first field only.
pub(crate) fn alias(arg: Input<'_>) -> Result<(), ParseError> {
    let missing = |at| Err(ParseError::own("missing address in alias", at, "an IPv4 address"));
    let (range, rest) = arg.split_comma();
    let (from, to) = range.split_trimmed(b'-');
    let Some(start) = address4(from) else { return missing(from) };
    let Some(rest) = rest else { return missing(range) };
    let cells = rest.unquoted();
    let (target, mask) = Input::new(&cells).split_comma();
    if address4(target).is_none() {
        return missing(target);
    }
    let netmask = match mask {
        None => u32::MAX,
        Some(mask) => match address4(mask) {
            Some(netmask) => netmask.into(),
            None => return missing(mask),
        },
    };
    let Some(to) = to else { return Ok(()) };
    let fits = |end| (u32::from(start) ^ u32::from(end)) & netmask == 0 && start <= end;
    if address4(to).is_some_and(fits) {
        Ok(())
    } else {
        Err(ParseError::own("invalid alias range", to, "an address of the same network, not below"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{refused, value};

    fn pending(line: &str) -> DeferredCheck {
        let Directive::Upstream(upstream) = value(line) else { panic!("{line}") };
        upstream.check
    }

    #[test]
    fn faulty_upstream_options_have_the_message_of_dnsmasq() {
        refused(&[
            ("server=1.2.3.4#70000", "bad port"),
            ("server=::1@1.2.3.4", "cannot use IPv6 server address with IPv4 source address"),
            ("server=1.2.3.4@::1", "cannot use IPv4 server address with IPv6 source address"),
            ("server=1.2.3.4@a@b", "interface can only be specified once"),
            ("server=/a/ b/::1", "error"),
            ("rev-server=10.0.0.0/33,8.8.8.8", "bad IPv4 prefix length"),
            ("rev-server=x,8.8.8.8", "error"),
            ("address=/a/b", "Bad address in --address"),
            ("ipset=/a/", "error"),
            ("nftset=a,,b", "error"),
            ("bogus-nxdomain=1.2.3.4/33", "error"),
            ("alias=1.2.3.9-1.2.3.4,5.6.7.8", "invalid alias range"),
            (r#"alias="1.2.3.4",5.6.7.8"#, "missing address in alias"),
        ]);
    }

    #[test]
    fn port_after_a_colon_has_a_remedy() {
        let remedy = |line| pending(line).condition.expect("a host name").error.remedy;
        assert_eq!(remedy("server=8.8.8.8:53").as_deref(), Some("write 8.8.8.8#53"));
        assert_eq!(remedy("server=dns.example:53"), None);
    }

    #[test]
    fn host_name_and_scope_are_checked_before_later_errors() {
        let name = pending("server=/a/ b/dns.example@x@y");
        assert_eq!(
            name.condition.unwrap().subject,
            CheckSubject::HostName(b"dns.example".to_vec())
        );
        assert_eq!(name.error.unwrap().message.in_file(), "interface can only be specified once");
        let scope = pending("server=fe80::1%eth0#53");
        assert_eq!(scope.condition.unwrap().subject, CheckSubject::Interface(b"eth0".to_vec()));
        assert_eq!(pending("server=/a/b/1.2.3.4%no"), DeferredCheck::default());
        assert_eq!(pending(r#"server="/a/#""#), DeferredCheck::default());
    }
}
