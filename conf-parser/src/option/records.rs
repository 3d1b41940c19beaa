//! Records of DNS: checked as dnsmasq does (docs/dnsmasq/config-language.md, section 2)
//!
//! ```text
//! cname=<alias>[,<alias>…],<target>[,<ttl>]           mx-host=<name>[,<host>[,<preference>]]
//! srv-host=<name>[,<host>[,<port>[,<priority>[,<weight>]]]]      mx-target=<host>
//! naptr-record=<name>,<order>,<preference>,<flags>,<service>,<regexp>[,<replacement>]
//! ptr-record=<name>[,<target>]      txt-record=<name>[,<text>…]      dns-rr=<name>,<type>[,<hex>]
//! caa-record=<name>,<flags>,<tag>,<value>             interface-name=<name>,<interface>[/4|/6]
//! dynamic-host=<name>,<address>[,<address>],<interface>
//! cache-rr, filter-rr=<type>[,<type>…]
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{FirstGroup, decimal, domain, hex, is_address, number16, parse_all};

/// A `cname` line. An alias may be used once in the whole configuration; the caller checks this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Cname {
    /// The aliases in canonical form, up to one that is not valid.
    pub aliases: Vec<Vec<u8>>,
    /// The name that the aliases refer to.
    pub target: Vec<u8>,
    /// The error of an alias that is not valid. dnsmasq reports a repeated alias before it first.
    pub error: Option<ParseError>,
}

/// Reads the value of a `cname`.
pub(crate) fn cname(arg: Input<'_>) -> Result<Cname, ParseError> {
    let bad = |at| ParseError::own("bad CNAME", at, "an alias and its target");
    let mut fields = arg.split(usize::MAX);
    if fields.len() < 2 {
        return Err(bad(arg));
    }
    if fields.len() > 2 && fields.last().is_some_and(|ttl| decimal(*ttl).is_some()) {
        fields.pop();
    }
    let last = fields.pop().unwrap_or(arg);
    let target = domain(last).ok_or_else(|| bad(last))?;
    let mut cname = Cname { aliases: Vec::new(), target, error: None };
    let mut left = arg;
    for field in fields {
        let Some(alias) = domain(field) else {
            cname.error = Some(bad(field));
            break;
        };
        cname.aliases.push(alias);
        // dnsmasq counts each space before a comma as an empty alias.
        let written = left.split_once(b',').map_or(left, |(written, _)| written);
        let blanks = written.cells().len() - field.cells().len();
        cname.aliases.extend(std::iter::repeat_n(Vec::new(), blanks));
        left = left.split_comma().1.unwrap_or(left);
    }
    Ok(cname)
}

/// Reads the value of an `mx-host`. dnsmasq checks the preference first.
pub(crate) fn mx_host(arg: Input<'_>) -> Result<(), ParseError> {
    let fields = arg.split(3);
    if let Some(preference) = fields.get(2) {
        sixteen_bits(*preference, "bad MX preference")?;
    }
    fields.iter().take(2).try_for_each(|name| named(*name, "bad MX name"))?;
    Ok(())
}

/// Reads the value of an `mx-target`.
pub(crate) fn mx_target(arg: Input<'_>) -> Result<(), ParseError> {
    named(arg, "bad MX target")
}

/// Reads the value of an `srv-host`.
pub(crate) fn srv_host(arg: Input<'_>) -> Result<(), ParseError> {
    let fields = arg.split(5);
    let messages = ["bad SRV record", "bad SRV target"];
    fields.iter().zip(messages).try_for_each(|(name, message)| named(*name, message))?;
    let messages = ["invalid port number", "invalid priority", "invalid weight"];
    let mut numbers = fields.iter().skip(2).zip(messages);
    numbers.try_for_each(|(number, message)| sixteen_bits(*number, message))?;
    Ok(())
}

/// Reads the value of a `naptr-record`.
pub(crate) fn naptr_record(arg: Input<'_>) -> Result<(), ParseError> {
    const MESSAGE: &str = "bad NAPTR record";
    let fields = arg.split(7);
    let &[name, order, preference, _, _, _, ref replacement @ ..] = &fields[..] else {
        return Err(ParseError::own(MESSAGE, arg, "a name, two numbers and three texts"));
    };
    named(name, MESSAGE)?;
    sixteen_bits(order, MESSAGE)?;
    sixteen_bits(preference, MESSAGE)?;
    replacement.iter().try_for_each(|name| named(*name, MESSAGE))?;
    Ok(())
}

/// Reads the value of a `ptr-record`.
pub(crate) fn ptr_record(arg: Input<'_>) -> Result<(), ParseError> {
    arg.split(2).into_iter().try_for_each(|name| named(name, "bad PTR record"))?;
    Ok(())
}

/// Reads the value of a `txt-record`.
pub(crate) fn txt_record(arg: Input<'_>) -> Result<(), ParseError> {
    named(arg.split_comma().0, "bad TXT record")
}

/// Reads the value of a `caa-record`.
pub(crate) fn caa_record(arg: Input<'_>) -> Result<(), ParseError> {
    const MESSAGE: &str = "bad CAA record";
    let &[name, flags, _, _] = &arg.split(4)[..] else {
        return Err(ParseError::own(MESSAGE, arg, "a name, flags, a tag and a value"));
    };
    named(name, MESSAGE)?;
    numbered(flags, MESSAGE)?;
    Ok(())
}

/// Reads the value of a `dns-rr`. dnsmasq reports data that is not hexadecimal as a lack of memory.
pub(crate) fn dns_rr(arg: Input<'_>) -> Result<(), ParseError> {
    const MESSAGE: &str = "bad RR record";
    let fields = arg.split(3);
    let &[name, number, ref data @ ..] = &fields[..] else {
        return Err(ParseError::own(MESSAGE, arg, "a name and the number of a type"));
    };
    named(name, MESSAGE)?;
    numbered(number, MESSAGE)?;
    match data.iter().find(|data| hex(**data, usize::MAX, FirstGroup::HardwareType).is_none()) {
        Some(data) => Err(ParseError::plain(*data, "bytes in hex")),
        None => Ok(()),
    }
}

/// Reads the value of a `dynamic-host`.
pub(crate) fn dynamic_host(arg: Input<'_>) -> Result<(), ParseError> {
    let (name, following) = arg.split_comma();
    let interface = Interface::read(following)?;
    let Some(Interface { addressed: true, family, .. }) = interface else {
        let expected = "a name, an address and an interface";
        return Err(ParseError::own("missing address in dynamic host", arg, expected));
    };
    named(name, "bad dynamic host")?;
    match family {
        Some(family) => Err(ParseError::own("bad dynamic host", family, "no family")),
        None => Ok(()),
    }
}

/// Reads the value of an `interface-name`.
pub(crate) fn interface_name(arg: Input<'_>) -> Result<(), ParseError> {
    const MESSAGE: &str = "bad interface name";
    let (name, following) = arg.split_comma();
    let interface = Interface::read(following)?;
    let interface =
        interface.ok_or_else(|| ParseError::own(MESSAGE, arg, "a name and an interface"))?;
    named(name, MESSAGE)?;
    if interface.addressed {
        return Err(ParseError::own(MESSAGE, interface.name, "no address before the interface"));
    }
    Ok(())
}

/// The interface in a line with a name.
struct Interface<'a> {
    name: Input<'a>,
    /// Whether there are addresses before it.
    addressed: bool,
    family: Option<Input<'a>>,
}

impl<'a> Interface<'a> {
    /// The interface is the first field that is no address, or the last field.
    fn read(following: Option<Input<'a>>) -> Result<Option<Self>, ParseError> {
        let mut addressed = false;
        let Some(mut text) = following else { return Ok(None) };
        loop {
            match text.split_comma() {
                (field, Some(rest)) if is_address(field) => (addressed, text) = (true, rest),
                (name, _) => return Ok(Some(Self { name, addressed, family: family(name)? })),
            }
        }
    }
}

/// The `4` or `6` after an interface and a slash.
pub(crate) fn family(interface: Input<'_>) -> Result<Option<Input<'_>>, ParseError> {
    match interface.split_trimmed(b'/').1 {
        Some(family) if !family.is("4") && !family.is("6") => {
            Err(ParseError::plain(family, "4 or 6"))
        }
        family => Ok(family),
    }
}

/// Reads the value of a `cache-rr` or `filter-rr`: types by number, or by name in any case.
pub(crate) fn types(arg: Input<'_>) -> Result<(), ParseError> {
    let known = |field: &Input<'_>| {
        let name = field.bytes();
        decimal(*field).is_some()
            || TYPES.split_whitespace().any(|known| known.as_bytes().eq_ignore_ascii_case(&name))
    };
    match arg.fields().find(|field| !known(field)) {
        Some(unknown) => Err(ParseError::own("bad RR type", unknown, "the type of a record")),
        None => Ok(()),
    }
}

/// The record types that have a name in dnsmasq (a part of the IANA registry).
const TYPES: &str = "A NS MD MF CNAME SOA MB MG MR NULL WKS PTR HINFO MINFO MX TXT RP AFSDB X25 ISDN RT NSAP \
    NSAP_PTR SIG KEY PX GPOS AAAA LOC NXT EID NIMLOC SRV ATMA NAPTR KX CERT A6 DNAME SINK OPT APL DS SSHFP IPSECKEY \
    RRSIG NSEC DNSKEY DHCID NSEC3 NSEC3PARAM TLSA SMIMEA HIP NINFO RKEY TALINK CDS CDNSKEY OPENPGPKEY CSYNC ZONEMD \
    SVCB HTTPS SPF UINFO UID GID UNSPEC NID L32 L64 LP EUI48 EUI64 TKEY TSIG IXFR AXFR MAILB MAILA ANY URI CAA AVC \
    DOA AMTRELAY RESINFO TA DLV";

pub(super) fn named(text: Input<'_>, message: &'static str) -> Result<(), ParseError> {
    domain(text).map(drop).ok_or_else(|| ParseError::own(message, text, "a domain name"))
}

pub(super) fn numbered(text: Input<'_>, message: &'static str) -> Result<(), ParseError> {
    decimal(text).map(drop).ok_or_else(|| ParseError::own(message, text, "a number"))
}

pub(super) fn sixteen_bits(text: Input<'_>, message: &'static str) -> Result<(), ParseError> {
    parse_all(number16, text)
        .map(drop)
        .map_err(|_| ParseError::own(message, text, "a number up to 65535"))
}

#[cfg(test)]
mod tests {
    use crate::Directive;
    use crate::tests::{refused, value};

    #[test]
    fn cname_has_several_aliases_and_an_optional_time_to_live() {
        let Directive::Cname(cname) = value("cname=A.lan,b,c.example.,60") else { panic!() };
        assert_eq!(cname.aliases, [b"a.lan".to_vec(), b"b".to_vec()]);
        assert_eq!(cname.target, b"c.example");
        let Directive::Cname(cname) = value("cname=a ,5") else { panic!() };
        assert_eq!((cname.aliases, &cname.target[..]), (vec![b"a".to_vec(), vec![]], &b"5"[..]));
    }

    #[test]
    fn faulty_records_have_the_message_of_dnsmasq() {
        refused(&[
            ("cname=a", "bad CNAME"),
            ("mx-host=a,b,70000", "bad MX preference"),
            ("srv-host=_a._tcp.lan,h,80,x", "invalid priority"),
            ("naptr-record=a,1,2,S,SIP", "bad NAPTR record"),
            ("caa-record=a,0,issue", "bad CAA record"),
            ("dns-rr=a,x,01", "bad RR record"),
            ("dns-rr=a,51,zz", "error"),
            ("dynamic-host=a,10.0.0.1", "missing address in dynamic host"),
            ("dynamic-host=a,10.0.0.1,eth0/5", "error"),
            ("dynamic-host=a,10.0.0.1,eth0/4", "bad dynamic host"),
            ("interface-name=a", "bad interface name"),
            ("interface-name=a,eth0/5", "error"),
            ("interface-name=a,10.0.0.1,b", "bad interface name"),
            ("filter-rr=A,28,nosuch", "bad RR type"),
            ("txt-record=\u{e9},x", "bad TXT record"),
        ]);
        assert!(matches!(value("cache-rr=a,svcb,65"), Directive::ValidatedOnly(_)));
    }
}
