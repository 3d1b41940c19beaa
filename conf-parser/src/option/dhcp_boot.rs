//! The boot file and the delay of replies (docs/dnsmasq/config-language.md, sections 3.2, 3.18)
//!
//! ```text
//! dhcp-boot=[tag:<tag>,…][<file>][,[<server name>][,<server>]]
//! dhcp-reply-delay=[tag:<tag>,…]<seconds>
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::option::pxe::{Server, server};
use crate::primitives::{Condition, address4, comma, conditions, field, number, parse_all};
use nom::Parser;
use nom::combinator::{map, opt};
use nom::sequence::preceded;

/// A `dhcp-boot` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpBoot {
    /// The clients that the line applies to.
    pub conditions: Vec<Condition>,
    /// The name of the boot file; may be empty.
    pub file: Vec<u8>,
    /// The name of the boot server, which dnsmasq puts into no proxyDHCP reply; may be empty.
    pub server_name: Vec<u8>,
    /// The boot server; `None` is this machine.
    pub server: Option<Server>,
}

/// A `dhcp-reply-delay` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyDelay {
    /// The clients that the line applies to.
    pub conditions: Vec<Condition>,
    /// Delay of a reply, in seconds.
    pub seconds: u32,
}

/// Reads the value of a `dhcp-boot`.
pub(crate) fn dhcp_boot(arg: Input<'_>) -> Result<DhcpBoot, ParseError> {
    // Unlike in pxe-service, a quoted address is an address.
    let boot_server = map(server, |server| match server {
        Some(Server::Name(name)) => Some(unquoted_address(&name).unwrap_or(Server::Name(name))),
        other => other,
    });
    let names = opt((preceded(comma, field), opt(preceded(comma, boot_server))));
    parse_all((conditions, field, names), arg).map(|(conditions, file, names)| {
        let (name, server) = names.map_or((None, None), |(name, server)| (Some(name), server));
        let server_name = name.map(Input::bytes).unwrap_or_default();
        DhcpBoot { conditions, file: file.bytes(), server_name, server: server.flatten() }
    })
}

fn unquoted_address(name: &[u8]) -> Option<Server> {
    address4(Input::new(&crate::lex::argument(name))).map(Server::Address)
}

/// Reads the value of a `dhcp-reply-delay`.
pub(crate) fn dhcp_reply_delay(arg: Input<'_>) -> Result<ReplyDelay, ParseError> {
    let parser = (conditions, number.map(i32::cast_unsigned));
    parse_all(parser, arg).map(|(conditions, seconds)| ReplyDelay { conditions, seconds })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{complaint, value};
    use std::net::Ipv4Addr;

    fn boot(line: &str) -> DhcpBoot {
        let Directive::DhcpBoot(boot) = value(line) else {
            panic!("{line} is not read as dhcp-boot")
        };
        boot
    }

    #[test]
    fn first_field_without_tag_prefix_is_the_file() {
        assert_eq!(boot("dhcp-boot=a,f").file, b"a");
        assert_eq!(boot("dhcp-boot=set:a,f").file, b"set:a");
        assert_eq!(boot(r#"dhcp-boot="tag:a",f"#).file, b"tag:a");
        assert_eq!(boot("dhcp-boot=").file, b"");
    }

    #[test]
    fn third_field_is_the_server_even_in_quotes() {
        let nine = Some(Server::Address(Ipv4Addr::new(9, 9, 9, 9)));
        assert_eq!(boot("dhcp-boot=f,s,9.9.9.9").server, nine);
        assert_eq!(boot(r#"dhcp-boot=f,s,"9.9.9.9""#).server, nine);
        assert_eq!(
            boot("dhcp-boot=f,s,9.9.9.9,x").server,
            Some(Server::Name(b"9.9.9.9,x".to_vec()))
        );
        assert_eq!(boot("dhcp-boot=f,s").server, None);
    }

    #[test]
    fn conditions_without_a_file_are_refused() {
        assert_eq!(complaint("dhcp-boot=tag:a,tag:b"), "error");
        assert_eq!(boot("dhcp-boot=tag:a,").conditions.len(), 1);
        assert_eq!(complaint("dhcp-reply-delay=tag:a,b"), "error");
    }
}
