//! Whom DNS asks, and what it does with the answers: checked as dnsmasq does, for nothing here asks anybody.
//! (spec: config language, section 2)
//!
//! ```text
//! server, local=[/[<domain>/…]][#|<target>]           rev-server=<address>[/<prefix length>][,<target>]
//! target = <host>[%<interface>][#<port>][@<interface>|@<address>|@<interface>@<address>][#<port>]
//! address=[/[<domain>/…]][#|<address>]                ipset, nftset=[/<domain>/…/]<set>[,<set>…]
//! bogus-nxdomain, ignore-address=<address>[/<prefix length>]
//! alias=<address>[-<address>],<address>[,<netmask>]
//! ```
//!
//! In all but `alias` quotes do not matter.

use crate::directive::Directive;
use crate::fault::{About, Fault, Pending, Question};
use crate::text::Text;
use crate::words::{address4, address6, domain, is_address, number16, whole, whole_number};

/// Reads the value of a `server` or `local`.
pub fn server(arg: Text<'_>) -> Result<Directive, Fault> {
    let cells = arg.restored();
    let (domains, target) = slashed(Text::new(&cells));
    let mut pending = Pending::default();
    if !target.is_empty() && !target.is("#") {
        pending = Target::read(target)?.pending()?;
    }
    pending.fault = pending.fault.or(check_domains(&domains).err());
    settled(pending)
}

/// A fault that no question comes before is one at once.
fn settled(pending: Pending) -> Result<Directive, Fault> {
    match pending {
        Pending { question: None, fault: Some(fault) } => Err(fault),
        pending => Ok(Directive::Upstream(pending)),
    }
}

/// Reads the value of a `servers-file`, which is read when DNS is.
pub fn servers_file(_: Text<'_>) -> Result<Directive, Fault> {
    Ok(Directive::Upstream(Pending::default()))
}

/// Reads the value of a `rev-server`. A prefix length that is no number is ignored.
pub fn rev_server(arg: Text<'_>) -> Result<Directive, Fault> {
    let cells = arg.restored();
    let (network, target) = Text::new(&cells).cut_comma();
    let (address, length) = network.cut_at(b'/');
    let (words, most) = match (address4(address), address6(address)) {
        (Some(_), _) => ("bad IPv4 prefix length", 32),
        (_, Some(_)) => ("bad IPv6 prefix length", 128),
        _ => return Err(Fault::plain(address, "a network")),
    };
    let target = match target.filter(|target| !target.is("#")) {
        Some(target) => Some(Target::read(target)?),
        None => None,
    };
    let length = length.and_then(|text| Some((text, whole_number(text)?)));
    let wrong = length.filter(|(_, length)| *length != -1 && !(1..=most).contains(length));
    let wrong = wrong.map(|(text, _)| Fault::own(words, text, "a prefix length"));
    let Some(target) = target else { return settled(Pending { question: None, fault: wrong }) };
    let resolve = target.resolve();
    match (wrong, resolve) {
        (Some(fault), question) => settled(Pending { question, fault: Some(fault) }),
        (None, _) => settled(target.pending()?),
    }
}

/// A server, in its parts.
struct Target<'a> {
    host: Text<'a>,
    scope: Option<Text<'a>>,
    /// Behind the first `@`, and behind a second one.
    source: Option<(Text<'a>, Option<Text<'a>>)>,
}

impl<'a> Target<'a> {
    /// Ports are looked at first.
    fn read(text: Text<'a>) -> Result<Self, Fault> {
        let (host, source) = text.cut_at(b'@');
        let (host, port) = host.cut_at(b'#');
        check_port(port)?;
        let (host, scope) = host.cut_at(b'%');
        let source = match source {
            None => None,
            Some(source) => {
                let (source, port) = source.cut_at(b'#');
                check_port(port)?;
                Some(source.cut_at(b'@'))
            }
        };
        Ok(Self { host, scope, source })
    }

    /// What is not an address is a name.
    fn resolve(&self) -> Option<Question> {
        let otherwise = Fault::own("", self.host, "an address, or a name that can be resolved");
        (!is_address(self.host))
            .then(|| Question { about: About::HostName(self.host.bytes()), otherwise })
    }

    /// What is left to check behind the ports.
    fn pending(&self) -> Result<Pending, Fault> {
        let question = self.resolve().or_else(|| self.scoped());
        let fault = self.check_source().err();
        match (question, fault) {
            (None, Some(fault)) => Err(fault),
            (question, fault) => Ok(Pending { question, fault }),
        }
    }

    /// The interface of an IPv6 address must be there. (That of any other host is ignored.)
    fn scoped(&self) -> Option<Question> {
        let scope = self.scope.filter(|_| address6(self.host).is_some())?;
        let otherwise = Fault::own("bad interface name", scope, "an interface of this machine");
        Some(Question { about: About::Interface(scope.bytes()), otherwise })
    }

    /// Of an interface and an address the address comes second; its family is the host's.
    fn check_source(&self) -> Result<(), Fault> {
        let Some((first, second)) = self.source else { return Ok(()) };
        let address = second.unwrap_or(first);
        let complain = |words| Err(Fault::own(words, address, "an address of the host's family"));
        match (address4(address), address6(address)) {
            (Some(_), _) if address6(self.host).is_some() => {
                complain("cannot use IPv6 server address with IPv4 source address")
            }
            (_, Some(_)) if address4(self.host).is_some() => {
                complain("cannot use IPv4 server address with IPv6 source address")
            }
            (None, None) if second.is_some() => {
                Err(Fault::own("interface can only be specified once", address, "an address"))
            }
            _ => Ok(()),
        }
    }
}

fn check_port(port: Option<Text<'_>>) -> Result<(), Fault> {
    let Some(port) = port else { return Ok(()) };
    whole(number16, port).map(drop).map_err(|_| Fault::own("bad port", port, "a port"))
}

/// Reads the value of an `address`.
pub fn address(arg: Text<'_>) -> Result<Directive, Fault> {
    let cells = arg.restored();
    let (domains, target) = slashed(Text::new(&cells));
    if !(target.is_empty() || target.is("#") || is_address(target)) {
        let expected = "/<domain>/<address>";
        return Err(Fault::own("Bad address in --address", target, expected));
    }
    check_domains(&domains)?;
    Ok(Directive::Unserved)
}

/// Reads the value of an `ipset` or `nftset`.
pub fn sets(arg: Text<'_>) -> Result<Directive, Fault> {
    let cells = arg.restored();
    let (domains, sets) = slashed(Text::new(&cells));
    for name in domains.iter().map(|name| name.trim()) {
        if !name.is("#") && domain(name).is_none() {
            return Err(Fault::plain(name, "a domain"));
        }
    }
    if sets.is_empty() { Err(Fault::plain(sets, "a set")) } else { Ok(Directive::Unserved) }
}

/// Reads the value of an `nftset`. dnsmasq crashes on an empty set.
pub fn nftset(arg: Text<'_>) -> Result<Directive, Fault> {
    let cells = arg.restored();
    let (_, list) = slashed(Text::new(&cells));
    let read = sets(arg)?;
    match list.fields().find(|set| set.is_empty()) {
        Some(empty) => Err(Fault::plain(empty, "a set")),
        None => Ok(read),
    }
}

/// `/<domain>/<domain>/<rest>`: the domains as they stand, and the rest.
fn slashed(text: Text<'_>) -> (Vec<Text<'_>>, Text<'_>) {
    let mut domains = Vec::new();
    let Some(mut left) = text.after("/") else { return (domains, text) };
    while let Some((domain, rest)) = left.cut(b'/') {
        domains.push(domain);
        left = rest;
    }
    let target = if domains.is_empty() { left } else { left.trim_start() };
    (domains, target)
}

/// An empty domain, or `#`, stands for all. Blanks in front of a name belong to it; in front of the last of several
/// they make dnsmasq miss the end of its list.
fn check_domains(domains: &[Text<'_>]) -> Result<(), Fault> {
    for (place, &written) in domains.iter().enumerate() {
        let inner = place > 0 && written.cells().first().is_some_and(|cell| cell.is_blank());
        let last = place + 1 == domains.len();
        let name = if inner && written.trim().is_empty() { written } else { written.trim_end() };
        let plain = name.after("*").unwrap_or(name);
        let named = !name.is_empty() && !name.is("#");
        if (inner && last) || (named && domain(plain).is_none()) {
            return Err(Fault::plain(written, "a domain"));
        }
    }
    Ok(())
}

/// Reads the value of a `bogus-nxdomain` or `ignore-address`.
pub fn network(arg: Text<'_>) -> Result<Directive, Fault> {
    let cells = arg.restored();
    let (address, length) = Text::new(&cells).cut_at(b'/');
    let most = match (address4(address), address6(address)) {
        (Some(_), _) => 32,
        (_, Some(_)) => 128,
        _ => return Err(Fault::plain(address, "an address")),
    };
    match length.filter(|text| whole_number(*text).is_none_or(|length| length > most)) {
        Some(length) => Err(Fault::plain(length, "a prefix length")),
        None => Ok(Directive::Unserved),
    }
}

/// Reads the value of an `alias`. Quotes matter in the first field only.
pub fn alias(arg: Text<'_>) -> Result<Directive, Fault> {
    let missing = |at| Err(Fault::own("missing address in alias", at, "an IPv4 address"));
    let (range, rest) = arg.cut_comma();
    let (from, to) = range.cut_at(b'-');
    let Some(start) = address4(from) else { return missing(from) };
    let Some(rest) = rest else { return missing(range) };
    let cells = rest.restored();
    let (target, mask) = Text::new(&cells).cut_comma();
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
    let Some(to) = to else { return Ok(Directive::Unserved) };
    let fits = |end| (u32::from(start) ^ u32::from(end)) & netmask == 0 && start <= end;
    if address4(to).is_some_and(fits) {
        Ok(Directive::Unserved)
    } else {
        Err(Fault::own("invalid alias range", to, "an address of the same network, not below"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::{refused, value};

    fn pending(line: &str) -> Pending {
        let Directive::Upstream(pending) = value(line) else { panic!("{line}") };
        pending
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused_in_its_words() {
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
    fn names_and_scopes_are_asked_of_the_machine_before_what_comes_later() {
        let name = pending("server=/a/ b/dns.example@x@y");
        assert_eq!(name.question.unwrap().about, About::HostName(b"dns.example".to_vec()));
        assert_eq!(name.fault.unwrap().complaint.in_file(), "interface can only be specified once");
        let scope = pending("server=fe80::1%eth0#53");
        assert_eq!(scope.question.unwrap().about, About::Interface(b"eth0".to_vec()));
        assert_eq!(pending("server=/a/b/1.2.3.4%no"), Pending::default());
        assert_eq!(pending(r#"server="/a/#""#), Pending::default());
    }
}
