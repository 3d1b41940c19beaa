//! The boot menu (docs/dnsmasq/config-language.md, sections 3.6, 3.7, 3.20)
//!
//! ```text
//! pxe-service=[tag:<tag>,…]<architecture>,<menu text>[,<basename>|<type>[,<server>]]
//! pxe-prompt=[tag:<tag>,…]<text>[,<seconds>]
//! dhcp-pxe-vendor=<vendor>[,…]
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{
    Condition, Parsed, address4, comma, conditions, decimal, field, number, one_of, parse_all,
    texts,
};
use nom::Parser;
use nom::branch::alt;
use nom::combinator::{cut, map, opt, rest};
use nom::error::context;
use nom::sequence::preceded;
use std::net::Ipv4Addr;

/// A `pxe-service` line: an item of the boot menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PxeService {
    /// The clients that get this item.
    pub conditions: Vec<Condition>,
    /// The client architecture (option 93, RFC 4578, section 2.1).
    pub architecture: u16,
    /// The text of the item; may be empty.
    pub menu: Vec<u8>,
    /// What the item boots.
    pub boot: Boot,
    /// The boot server; `None` is this machine.
    pub server: Option<Server>,
}

/// What a `pxe-service` line boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// A file, without the suffix of the layer (`.0`).
    File(Vec<u8>),
    /// A boot server type; 0 boots from the local disk.
    Type(u16),
}

/// A boot server as the line gives it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// An IPv4 address.
    Address(Ipv4Addr),
    /// A host name, to be resolved for each reply.
    Name(Vec<u8>),
}

/// A `pxe-prompt` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PxePrompt {
    /// The clients that get this prompt.
    pub conditions: Vec<Condition>,
    /// The text of the prompt.
    pub text: Vec<u8>,
    /// Seconds until the client boots the first item of the menu; 255 is no limit.
    pub seconds: u8,
}

/// Names of client architectures, in the order of their numbers.
pub const ARCHITECTURES: &[&str] = &[
    "x86PC",
    "PC98",
    "IA64_EFI",
    "Alpha",
    "Arc_x86",
    "Intel_Lean_Client",
    "IA32_EFI",
    "x86-64_EFI",
    "Xscale_EFI",
    "BC_EFI",
    "ARM32_EFI",
    "ARM64_EFI",
];

/// Reads the value of a `pxe-service`.
pub(crate) fn pxe_service(arg: Input<'_>) -> Result<PxeService, ParseError> {
    let parser = (
        conditions,
        context("a client architecture", architecture),
        preceded(cut(context("a comma and the menu text", comma)), field),
        opt((preceded(comma, boot), opt(preceded(comma, server)))),
    );
    parse_all(parser, arg).map(|(conditions, architecture, menu, tail)| {
        let (boot, server) = tail.unwrap_or((Boot::Type(0), None));
        let server = server.flatten();
        PxeService { conditions, architecture, menu: menu.bytes(), boot, server }
    })
}

/// A number may be quoted, a name may not: `"7"` is an architecture, `"x86PC"` is not.
fn architecture(arg: Input<'_>) -> Parsed<'_, u16> {
    alt((one_of(ARCHITECTURES), map(number, low16))).parse(arg)
}

/// Digits only are a type, anything else is a file.
fn boot(arg: Input<'_>) -> Parsed<'_, Boot> {
    let boot = |field: Input<'_>| {
        decimal(field).map_or_else(|| Boot::File(field.bytes()), |n| Boot::Type(low16(n)))
    };
    map(field, boot).parse(arg)
}

/// The rest of the value: a server name keeps its commas. An empty value is no server.
pub(crate) fn server(arg: Input<'_>) -> Parsed<'_, Option<Server>> {
    let read = |text: Input<'_>| match address4(text) {
        _ if text.is_empty() => None,
        Some(address) => Some(Server::Address(address)),
        None => Some(Server::Name(text.bytes())),
    };
    map(rest, read).parse(arg)
}

/// Reads the value of a `pxe-prompt`. A time that is no number is no limit, and no error.
pub(crate) fn pxe_prompt(arg: Input<'_>) -> Result<PxePrompt, ParseError> {
    parse_all((conditions, field, opt(preceded(comma, rest))), arg).map(
        |(conditions, text, timeout)| {
            let seconds =
                timeout.filter(|text| !text.is_empty()).and_then(decimal).map_or(255, low8);
            PxePrompt { conditions, text: text.bytes(), seconds }
        },
    )
}

/// Reads the value of a `dhcp-pxe-vendor`.
pub(crate) fn dhcp_pxe_vendor(arg: Input<'_>) -> Result<Vec<Vec<u8>>, ParseError> {
    parse_all(texts, arg)
}

/// dnsmasq keeps the low bits: 65536 becomes 0.
fn low16(number: i32) -> u16 {
    let [a, b, ..] = number.to_le_bytes();
    u16::from_le_bytes([a, b])
}

fn low8(number: i32) -> u8 {
    number.to_le_bytes()[0]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Directive;
    use crate::tests::{complaint, value};

    fn service(line: &str) -> PxeService {
        let Directive::PxeService(service) = value(line) else {
            panic!("{line} is not read as pxe-service")
        };
        service
    }

    #[test]
    fn quoted_comma_is_part_of_the_menu_text() {
        let read = service(r#"pxe-service=X86PC, "Boot, now", pxelinux"#);
        assert_eq!((read.architecture, &read.menu[..]), (0, &b"Boot, now"[..]));
        assert_eq!(read.boot, Boot::File(b"pxelinux".to_vec()));
    }

    #[test]
    fn digits_are_a_type_and_missing_boot_is_the_local_disk() {
        assert_eq!(service("pxe-service=7,m,12").boot, Boot::Type(12));
        assert_eq!(service("pxe-service=7,m,12ab").boot, Boot::File(b"12ab".to_vec()));
        assert_eq!(service("pxe-service=x86PC,m").boot, Boot::Type(0));
        assert_eq!(service("pxe-service=70000,m").architecture, 4464);
    }

    #[test]
    fn server_is_an_address_or_a_name_that_keeps_commas() {
        let server = service("pxe-service=x86PC,m,b,10.0.0.1").server;
        assert_eq!(server, Some(Server::Address(Ipv4Addr::new(10, 0, 0, 1))));
        let server = service("pxe-service=x86PC,m,b,10.0.0.1,junk").server;
        assert_eq!(server, Some(Server::Name(b"10.0.0.1,junk".to_vec())));
    }

    #[test]
    fn faulty_menu_lines_have_the_message_of_dnsmasq() {
        for line in [
            "pxe-service=",
            "pxe-service=x86PC",
            r#"pxe-service="x86PC",m"#,
            "pxe-service=tag:a,",
            "pxe-prompt=tag:a",
        ] {
            assert_eq!(complaint(line), "error", "{line}");
        }
    }

    #[test]
    fn prompt_without_a_number_has_no_time_limit() {
        for (line, seconds) in [
            ("pxe-prompt=Press F8, 3", 3),
            ("pxe-prompt=a,b", 255),
            ("pxe-prompt=a", 255),
            ("pxe-prompt=a,300", 44),
        ] {
            let Directive::PxePrompt(prompt) = value(line) else {
                panic!("{line} is not read as pxe-prompt")
            };
            assert_eq!(prompt.seconds, seconds, "{line}");
        }
    }
}
