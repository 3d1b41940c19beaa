//! Interfaces, addresses and ports (docs/dnsmasq/config-language.md, sections 3.21, 3.24, 3.25)
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
use crate::primitives::{
    Parsed, address4, address6, comma, decimal, domain, field, number16, parse_all, refuse, texts,
};
use nom::combinator::opt;
use nom::multi::separated_list1;
use nom::sequence::{preceded, separated_pair};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// A `bridge-interface` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bridge {
    /// The interface that requests of the aliases are treated as coming from.
    pub interface: Vec<u8>,
    /// Names of the aliases; one may end in `*`.
    pub aliases: Vec<Vec<u8>>,
}

/// A `shared-network` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedNetwork {
    /// The interface, or an address of this machine or of a relay agent.
    pub on: SharedOn,
    /// An address of the ranges that are used there; `None` is an IPv6 address.
    pub network: Option<Ipv4Addr>,
    /// The interface must exist.
    pub check: DeferredCheck,
}

/// A `host-record` line. A name of a boot server is resolved with it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HostRecord {
    /// The names in canonical form.
    pub names: Vec<Vec<u8>>,
    /// The IPv4 address of the names.
    pub address: Option<Ipv4Addr>,
}

/// Where a `shared-network` applies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SharedOn {
    /// On the interface of this name.
    Interface(Vec<u8>),
    /// On the interface with this address, or on networks of the relay agent with this address.
    Address(Ipv4Addr),
    /// The same for IPv6.
    Address6(Ipv6Addr),
}

/// `IFNAMSIZ` of Linux without the final NUL.
const MAX_INTERFACE_LEN: usize = 15;
/// Server and client port of a `dhcp-alternate-port` without a value.
const ALTERNATE_PORTS: (u16, u16) = (1067, 1068);

/// Reads the value of `interface`, `except-interface`, `no-dhcp-interface` or `no-dhcpv4-interface`.
pub(crate) fn interfaces(arg: Input<'_>) -> Result<Vec<Vec<u8>>, ParseError> {
    parse_all(texts, arg)
}

/// Reads the value of a `listen-address`. Quotes have an effect on commas only.
pub(crate) fn listen_address(arg: Input<'_>) -> Result<Vec<IpAddr>, ParseError> {
    parse_all(separated_list1(comma, unquoted_address), arg)
}

fn unquoted_address(arg: Input<'_>) -> Parsed<'_, IpAddr> {
    let (left, written) = field(arg)?;
    let cells = written.unquoted();
    let address = Input::new(&cells);
    let version4 = address4(address).map(IpAddr::V4);
    match version4.or_else(|| address6(address).map(IpAddr::V6)) {
        Some(address) => Ok((left, address)),
        None => refuse(ParseError::plain(written, "an IP address")),
    }
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
    let (server, client) = read.map_err(|error| error.or_message("invalid port number"))?;
    Ok((server, client.unwrap_or(server.wrapping_add(1))))
}

/// Reads the value of a `bridge-interface`. dnsmasq ignores an alias that is empty or too long.
pub(crate) fn bridge_interface(arg: Input<'_>) -> Result<Bridge, ParseError> {
    let bad = || ParseError::own("bad bridge-interface", arg, "an interface and its aliases");
    let (interface, mut aliases) =
        parse_all(separated_pair(field, comma, texts), arg).map_err(|_| bad())?;
    aliases.retain(|name| !name.is_empty() && name.len() <= MAX_INTERFACE_LEN);
    if interface.cells().len() > MAX_INTERFACE_LEN {
        return Err(bad());
    }
    Ok(Bridge { interface: interface.bytes(), aliases })
}

/// Reads the value of a `shared-network`. The caller checks whether the interface exists.
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
        // dnsmasq ignores the label after a colon.
        let name = name.split(|&byte| byte == b':').next().unwrap_or_default().to_vec();
        check.condition =
            Some(SystemCheck { subject: CheckSubject::Interface(name), error: bad() });
    }
    Ok(SharedNetwork { on, network: network4, check })
}

/// Reads the value of a `host-record`: names, addresses and a time to live, in any order.
pub(crate) fn host_record(arg: Input<'_>) -> Result<HostRecord, ParseError> {
    if !arg.contains(b',') {
        return Err(ParseError::own("Bad host-record", arg, "a name and an address"));
    }
    let mut record = HostRecord::default();
    for part in parse_all(separated_list1(comma, record_part), arg)? {
        match part {
            RecordPart::Address(address) => record.address = Some(address),
            RecordPart::Name(name) => record.names.push(name),
            RecordPart::NotKept => {}
        }
    }
    Ok(record)
}

/// A field of a `host-record`.
enum RecordPart {
    Address(Ipv4Addr),
    Name(Vec<u8>),
    /// An IPv6 address or a time to live.
    NotKept,
}

fn record_part(arg: Input<'_>) -> Parsed<'_, RecordPart> {
    let (left, text) = field(arg)?;
    let is_time = !text.is_empty() && decimal(text).is_some();
    let part = if let Some(address) = address4(text) {
        RecordPart::Address(address)
    } else if is_time || address6(text).is_some() {
        RecordPart::NotKept
    } else if let Some(name) = domain(text) {
        RecordPart::Name(name)
    } else {
        return refuse(ParseError::own("Bad name in host-record", text, "a name or an address"));
    };
    Ok((left, part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{complaint, value};

    #[test]
    fn port_number_is_taken_modulo_32_bits() {
        assert_eq!(value(r#"port="53""#), Directive::Port(53));
        assert_eq!(value("port=4294967349"), Directive::Port(53));
        assert_eq!(value("port="), Directive::Port(0));
        assert_eq!(complaint("port=65536"), "error");
        assert_eq!(complaint("port==5"), "error");
    }

    #[test]
    fn alternate_client_port_defaults_to_server_port_plus_one() {
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
    fn listen_address_with_port_or_scope_is_refused() {
        assert_eq!(complaint("listen-address=127.0.0.1#53"), "error");
        assert_eq!(complaint("listen-address=fe80::1%lo"), "error");
        assert_eq!(
            value(r#"listen-address="127.0.0.1""#),
            Directive::ListenAddress(vec![Ipv4Addr::LOCALHOST.into()])
        );
    }
}
