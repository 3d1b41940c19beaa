//! Where we listen (docs/dnsmasq/config-language.md, sections 3.21, 3.24, 3.25)
//!
//! ```text
//! interface, except-interface, no-dhcp-interface, no-dhcpv4-interface=<interface>[,…]
//! listen-address=<address>[,…]          local-service[=net|host]          port=<port>
//! resolv-file[=<path>]
//! dhcp-alternate-port[=<server port>[,<client port>]]
//! host-record=<name>[,<name>…],<address>[,<ttl>]
//! bridge-interface=<interface>,<alias>[,…]        shared-network=<interface>|<address>,<address>
//! ```

use crate::error::{CheckSubject, DeferredCheck, ParseError, SystemCheck};
use crate::input::Input;
use crate::primitives::{address4, address6, comma, decimal, domain, number16, parse_all};
use nom::combinator::opt;
use nom::sequence::preceded;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A `bridge-interface` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The interface requests are taken to come from.
    pub interface: Vec<u8>,
    /// Patterns of those they do come from.
    pub aliases: Vec<Vec<u8>>,
}

/// A `shared-network` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedNetwork {
    /// The interface, or an address of this machine or of a relay.
    pub on: SharedOn,
    /// An address of the ranges that are usable there; `None` is one of IPv6.
    pub network: Option<Ipv4Addr>,
    /// The interface must be there.
    pub check: DeferredCheck,
}

/// A `host-record` line: names of boot servers may be looked up in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRecord {
    /// The names.
    pub names: Vec<Vec<u8>>,
    /// Their IPv4 address.
    pub address: Option<Ipv4Addr>,
}

/// Where a `shared-network` holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedOn {
    /// On an interface.
    Interface(Vec<u8>),
    /// Where that address is.
    Address(Ipv4Addr),
    /// Where that one is.
    Address6(Ipv6Addr),
}

/// `IFNAMSIZ` of Linux without the final NUL.
const MAX_INTERFACE_LEN: usize = 15;
/// Server and client port of a `dhcp-alternate-port` without a value.
const ALTERNATE_PORTS: (u16, u16) = (1067, 1068);

/// Reads the value of `interface`, `except-interface`, `no-dhcp-interface` or `no-dhcpv4-interface`.
pub(crate) fn interfaces(arg: Input<'_>) -> Result<Vec<Vec<u8>>, ParseError> {
    Ok(names(arg))
}

fn names(arg: Input<'_>) -> Vec<Vec<u8>> {
    arg.fields().map(Input::bytes).collect()
}

/// Reads the value of a `listen-address`. Quotes do not matter but for commas.
pub(crate) fn listen_address(arg: Input<'_>) -> Result<Vec<IpAddr>, ParseError> {
    let addresses = arg.fields().map(|written| {
        let cells = written.unquoted();
        let field = Input::new(&cells);
        let four = address4(field).map(IpAddr::V4);
        four.or_else(|| address6(field).map(IpAddr::V6))
            .ok_or_else(|| ParseError::plain(written, "an IP address"))
    });
    addresses.collect()
}

/// Reads the value of a `local-service`.
pub(crate) fn local_service(arg: Option<Input<'_>>) -> Result<bool, ParseError> {
    match arg {
        None => Ok(false),
        Some(word) if word.is("net") => Ok(false),
        Some(word) if word.is("host") || word.bytes() == b"host" => Ok(true),
        Some(other) => Err(ParseError::plain(other, "net or host")),
    }
}

/// Reads the value of a `port`.
pub(crate) fn port(arg: Input<'_>) -> Result<u16, ParseError> {
    parse_all(number16, arg)
}

/// Reads the value of a `dhcp-alternate-port`.
pub(crate) fn dhcp_alternate_port(arg: Option<Input<'_>>) -> Result<(u16, u16), ParseError> {
    let Some(arg) = arg else { return Ok(ALTERNATE_PORTS) };
    let read = parse_all((number16, opt(preceded(comma, number16))), arg);
    let (server, client) = read.map_err(|fault| fault.or_message("invalid port number"))?;
    Ok((server, client.unwrap_or(server.wrapping_add(1))))
}

/// Reads the value of a `bridge-interface`. Empty and over-long aliases are dropped without a word.
pub(crate) fn bridge_interface(arg: Input<'_>) -> Result<Bridge, ParseError> {
    let bad = || ParseError::own("bad bridge-interface", arg, "an interface and its aliases");
    let (interface, aliases) = arg.split_comma();
    let usable = |name: &Vec<u8>| !name.is_empty() && name.len() <= MAX_INTERFACE_LEN;
    let aliases = names(aliases.ok_or_else(bad)?).into_iter().filter(usable).collect();
    if interface.cells().len() > MAX_INTERFACE_LEN {
        return Err(bad());
    }
    Ok(Bridge { interface: interface.bytes(), aliases })
}

/// Reads the value of a `shared-network`. Whether the interface exists is for the reader of the file to ask.
pub(crate) fn shared_network(arg: Input<'_>) -> Result<SharedNetwork, ParseError> {
    let bad =
        || ParseError::own("bad shared-network", arg, "an interface or address, and an address");
    let (on, network) = arg.split_comma();
    let network = network.ok_or_else(bad)?;
    let network4 = address4(network);
    let on = match (address4(on), address6(on)) {
        (Some(address), _) if network4.is_some() => SharedOn::Address(address),
        (None, None)
            if on.cells().len() <= MAX_INTERFACE_LEN && on.structural_bytes().eq(on.bytes()) =>
        {
            SharedOn::Interface(on.bytes())
        }
        (None, Some(address)) if address6(network).is_some() => SharedOn::Address6(address),
        _ => return Err(bad()),
    };
    if network4.is_none() && address6(network).is_none() {
        return Err(bad());
    }
    let mut check = DeferredCheck::default();
    if let SharedOn::Interface(name) = &on {
        // A label is not looked at.
        let name = name.split(|&byte| byte == b':').next().unwrap_or_default().to_vec();
        check.question = Some(SystemCheck { subject: CheckSubject::Interface(name), error: bad() });
    }
    Ok(SharedNetwork { on, network: network4, check })
}

/// Reads the value of a `host-record`: names, addresses and a time to live, in any order.
pub(crate) fn host_record(arg: Input<'_>) -> Result<HostRecord, ParseError> {
    let mut record = HostRecord::default();
    let fields: Vec<Input<'_>> = arg.fields().collect();
    if fields.len() < 2 {
        return Err(ParseError::own("Bad host-record", arg, "a name and an address"));
    }
    for field in fields {
        if let Some(address) = address4(field) {
            record.address = Some(address);
        } else if address6(field).is_none() && (field.is_empty() || decimal(field).is_none()) {
            let bad = || ParseError::own("Bad name in host-record", field, "a name or an address");
            record.names.push(domain(field).ok_or_else(bad)?);
        }
    }
    Ok(record)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{complaint, value};

    #[test]
    fn a_port_wraps_at_32_bits_as_the_c_library_has_it() {
        assert_eq!(value(r#"port="53""#), Directive::Port(53));
        assert_eq!(value("port=4294967349"), Directive::Port(53));
        assert_eq!(value("port="), Directive::Port(0));
        assert_eq!(complaint("port=65536"), "error");
        assert_eq!(complaint("port==5"), "error");
    }

    #[test]
    fn one_alternate_port_implies_the_next() {
        assert_eq!(
            value("dhcp-alternate-port"),
            Directive::AlternatePort { server: 1067, client: 1068 }
        );
        assert_eq!(
            value("dhcp-alternate-port=80"),
            Directive::AlternatePort { server: 80, client: 81 }
        );
        assert_eq!(complaint("dhcp-alternate-port=a"), "invalid port number");
    }

    #[test]
    fn only_plain_addresses_can_be_listened_on() {
        assert_eq!(complaint("listen-address=127.0.0.1#53"), "error");
        assert_eq!(complaint("listen-address=fe80::1%lo"), "error");
        assert_eq!(
            value(r#"listen-address="127.0.0.1""#),
            Directive::ListenAddress(vec![Ipv4Addr::LOCALHOST.into()])
        );
    }
}
