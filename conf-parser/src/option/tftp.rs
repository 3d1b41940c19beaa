//! TFTP (docs/dnsmasq/config-language.md, sections 3.26, 3.27)
//!
//! ```text
//! enable-tftp[=<interface>[,…]]     tftp-root=<directory>[,<interface>]     tftp-unique-root[=ip|mac]
//! tftp-max=<n>     tftp-mtu=<n>     tftp-port-range=<first>,<last>
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{comma, number, number16, parse_all};
use nom::sequence::separated_pair;

/// A `tftp-root` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TftpRoot {
    /// The directory; empty is none.
    pub directory: Vec<u8>,
    /// The one interface it is for.
    pub interface: Option<Vec<u8>>,
}

/// Whose own directory is looked for under the root.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UniqueRoot {
    /// One of the client's address.
    Address,
    /// One of the client's hardware address.
    Mac,
}

/// Reads the value of an `enable-tftp`. An empty value is a list that matches nothing.
pub(crate) fn enable_tftp(arg: Option<Input<'_>>) -> Result<Option<Vec<Vec<u8>>>, ParseError> {
    Ok(arg.map(|list| list.fields().map(Input::bytes).collect()))
}

/// Reads the value of a `tftp-root`.
pub(crate) fn tftp_root(arg: Input<'_>) -> Result<TftpRoot, ParseError> {
    let (directory, interface) = arg.split_comma();
    Ok(TftpRoot { directory: directory.bytes(), interface: interface.map(Input::bytes) })
}

/// Reads the value of a `tftp-unique-root`.
pub(crate) fn tftp_unique_root(arg: Option<Input<'_>>) -> Result<UniqueRoot, ParseError> {
    match arg {
        None => Ok(UniqueRoot::Address),
        Some(kind) if kind.is_ignoring_case("ip") => Ok(UniqueRoot::Address),
        Some(kind) if kind.is_ignoring_case("mac") => Ok(UniqueRoot::Mac),
        Some(other) => Err(ParseError::plain(other, "ip or mac")),
    }
}

/// Reads the value of a `tftp-max`, `tftp-mtu` or `edns-packet-max`.
pub(crate) fn count(arg: Input<'_>) -> Result<u32, ParseError> {
    parse_all(number, arg).map(i32::cast_unsigned)
}

/// Reads the value of a `tftp-port-range`. The ends may be exchanged; both 0 is no range.
pub(crate) fn tftp_port_range(arg: Input<'_>) -> Result<(u16, u16), ParseError> {
    let read = parse_all(separated_pair(number16, comma, number16), arg)
        .map_err(|fault| fault.or_message("bad port range"));
    read.map(|(one, other)| (one.min(other), one.max(other)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{complaint, value};

    #[test]
    fn a_root_may_be_for_one_interface() {
        let Directive::TftpRoot(root) = value("tftp-root=/srv/tftp, eth0,x") else { panic!() };
        assert_eq!(
            (&root.directory[..], root.interface.as_deref()),
            (&b"/srv/tftp"[..], Some(&b"eth0,x"[..]))
        );
    }

    #[test]
    fn an_empty_list_is_not_the_same_as_none() {
        assert_eq!(value("enable-tftp"), Directive::EnableTftp(None));
        assert_eq!(value("enable-tftp="), Directive::EnableTftp(Some(vec![Vec::new()])));
    }

    #[test]
    fn port_ranges_are_put_in_order() {
        assert_eq!(value("tftp-port-range=2,1"), Directive::TftpPortRange(1, 2));
        for line in ["tftp-port-range=1", "tftp-port-range=1,70000", "tftp-port-range=,,,"] {
            assert_eq!(complaint(line), "bad port range", "{line}");
        }
    }

    #[test]
    fn a_quoted_keyword_is_none() {
        assert_eq!(complaint(r#"tftp-unique-root="mac""#), "error");
        assert_eq!(
            value(r#"tftp-unique-root="ip""#),
            Directive::TftpUniqueRoot(UniqueRoot::Address)
        );
    }
}
