//! Options of TFTP (docs/dnsmasq/config-language.md, sections 3.26, 3.27)
//!
//! ```text
//! enable-tftp[=<interface>[,…]]     tftp-root=<directory>[,<interface>]     tftp-unique-root[=ip|mac]
//! tftp-max=<n>     tftp-mtu=<n>     tftp-port-range=<first>,<last>
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{comma, field, number, number16, parse_all, texts};
use nom::branch::alt;
use nom::bytes::complete::tag_no_case;
use nom::combinator::{all_consuming, opt, rest, value};
use nom::error::context;
use nom::sequence::{preceded, separated_pair};

/// A `tftp-root` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TftpRoot {
    /// The path of the directory; empty is no root.
    pub directory: Vec<u8>,
    /// The interface that the root applies to; `None` is all interfaces.
    pub interface: Option<Vec<u8>>,
}

/// The name of the directory of a client under the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueRoot {
    /// The IPv4 address of the client.
    Address,
    /// The hardware address of the client.
    Mac,
}

/// Reads the value of an `enable-tftp`. An empty value is a list of one empty name, which no interface has.
pub(crate) fn enable_tftp(arg: Option<Input<'_>>) -> Result<Option<Vec<Vec<u8>>>, ParseError> {
    arg.map(|list| parse_all(texts, list)).transpose()
}

/// Reads the value of a `tftp-root`.
pub(crate) fn tftp_root(arg: Input<'_>) -> Result<TftpRoot, ParseError> {
    let (directory, interface) = parse_all((field, opt(preceded(comma, rest))), arg)?;
    Ok(TftpRoot { directory: directory.bytes(), interface: interface.map(Input::bytes) })
}

/// Reads the value of a `tftp-unique-root`.
pub(crate) fn tftp_unique_root(arg: Option<Input<'_>>) -> Result<UniqueRoot, ParseError> {
    let address = value(UniqueRoot::Address, all_consuming(tag_no_case("ip")));
    let mac = value(UniqueRoot::Mac, all_consuming(tag_no_case("mac")));
    let parser = context("ip or mac", alt((address, mac)));
    arg.map_or(Ok(UniqueRoot::Address), |kind| parse_all(parser, kind))
}

/// Reads the value of a `tftp-max`, `tftp-mtu` or `edns-packet-max`.
pub(crate) fn count(arg: Input<'_>) -> Result<u32, ParseError> {
    parse_all(number, arg).map(i32::cast_unsigned)
}

/// Reads the value of a `tftp-port-range`. The first port may be the higher one; 0,0 is no range.
pub(crate) fn tftp_port_range(arg: Input<'_>) -> Result<(u16, u16), ParseError> {
    let read = parse_all(separated_pair(number16, comma, number16), arg)
        .map_err(|error| error.or_message("bad port range"));
    read.map(|(one, other)| (one.min(other), one.max(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{complaint, value};

    #[test]
    fn tftp_root_with_second_field_applies_to_that_interface() {
        let Directive::TftpRoot(root) = value("tftp-root=/srv/tftp, eth0,x") else { panic!() };
        assert_eq!(
            (&root.directory[..], root.interface.as_deref()),
            (&b"/srv/tftp"[..], Some(&b"eth0,x"[..]))
        );
    }

    #[test]
    fn enable_tftp_with_empty_value_differs_from_no_value() {
        assert_eq!(value("enable-tftp"), Directive::EnableTftp(None));
        assert_eq!(value("enable-tftp="), Directive::EnableTftp(Some(vec![Vec::new()])));
    }

    #[test]
    fn port_range_is_sorted_and_checked() {
        assert_eq!(value("tftp-port-range=2,1"), Directive::TftpPortRange(1, 2));
        for line in ["tftp-port-range=1", "tftp-port-range=1,70000", "tftp-port-range=,,,"] {
            assert_eq!(complaint(line), "bad port range", "{line}");
        }
    }

    #[test]
    fn quoted_mac_is_refused_because_a_and_c_are_hex_digits() {
        assert_eq!(complaint(r#"tftp-unique-root="mac""#), "error");
        assert_eq!(
            value(r#"tftp-unique-root="ip""#),
            Directive::TftpUniqueRoot(UniqueRoot::Address)
        );
    }
}
