//! What a client loads, and when it is told (docs/dnsmasq/config-language.md, sections 3.2, 3.18)
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

/// A `dhcp-boot` line. The server name in the middle reaches no proxy reply and is not kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DhcpBoot {
    /// Which clients it is for.
    pub conditions: Vec<Condition>,
    /// The boot file; may be empty.
    pub file: Vec<u8>,
    /// Who serves it.
    pub server: Option<Server>,
}

/// A `dhcp-reply-delay` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplyDelay {
    /// Which clients wait.
    pub conditions: Vec<Condition>,
    /// How long.
    pub seconds: u32,
}

/// Reads the value of a `dhcp-boot`.
pub(crate) fn dhcp_boot(arg: Input<'_>) -> Result<DhcpBoot, ParseError> {
    // Unlike in a pxe-service, quotes do not keep an address from being one.
    let boot_server = map(server, |written| match written {
        Some(Server::Name(name)) => Some(unquoted_address(&name).unwrap_or(Server::Name(name))),
        other => other,
    });
    let names = opt((preceded(comma, field), opt(preceded(comma, boot_server))));
    parse_all((conditions, field, names), arg).map(|(conditions, file, names)| {
        let server = names.and_then(|(_, server)| server).flatten();
        DhcpBoot { conditions, file: file.bytes(), server }
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
        let Directive::DhcpBoot(boot) = value(line) else { panic!("{line} is no dhcp-boot") };
        boot
    }

    #[test]
    fn a_bare_word_is_always_the_file() {
        assert_eq!(boot("dhcp-boot=a,f").file, b"a");
        assert_eq!(boot("dhcp-boot=set:a,f").file, b"set:a");
        assert_eq!(boot(r#"dhcp-boot="tag:a",f"#).file, b"tag:a");
        assert_eq!(boot("dhcp-boot=").file, b"");
    }

    #[test]
    fn the_third_piece_is_the_server_quoted_or_not() {
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
    fn conditions_alone_are_an_error() {
        assert_eq!(complaint("dhcp-boot=tag:a,tag:b"), "error");
        assert_eq!(boot("dhcp-boot=tag:a,").conditions.len(), 1);
        assert_eq!(complaint("dhcp-reply-delay=tag:a,b"), "error");
    }
}
