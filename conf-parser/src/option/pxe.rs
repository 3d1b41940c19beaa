//! The menu (docs/dnsmasq/config-language.md, sections 3.6, 3.7, 3.20)
//!
//! ```text
//! pxe-service=[tag:<tag>,…]<architecture>,<menu text>[,<basename>|<type>[,<server>]]
//! pxe-prompt=[tag:<tag>,…]<text>[,<seconds>]
//! dhcp-pxe-vendor=<vendor>[,…]
//! ```

use crate::error::ParseError;
use crate::input::Input;
use crate::primitives::{
    Condition, Parsed, address4, comma, conditions, decimal, field, number, one_of, parse_all, rest,
};
use nom::Parser;
use nom::branch::alt;
use nom::combinator::{cut, map, opt};
use nom::error::context;
use nom::sequence::preceded;
use std::net::Ipv4Addr;

/// A line of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PxeService {
    /// Which clients see it.
    pub conditions: Vec<Condition>,
    /// The client architecture it is for (option 93).
    pub architecture: u16,
    /// Its text in the menu; may be empty.
    pub menu: Vec<u8>,
    /// What it boots.
    pub boot: Boot,
    /// Who serves it.
    pub server: Option<Server>,
}

/// What a line of the menu boots.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Boot {
    /// A file, named without its layer suffix.
    File(Vec<u8>),
    /// A boot service type of another server; 0 is the local disk.
    Type(u16),
}

/// A boot server as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Server {
    /// By address.
    Address(Ipv4Addr),
    /// By name, looked up for each reply.
    Name(Vec<u8>),
}

/// A prompt.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PxePrompt {
    /// Which clients see it.
    pub conditions: Vec<Condition>,
    /// What it says.
    pub text: Vec<u8>,
    /// Seconds until the first line of the menu is taken; 255 waits for ever.
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

/// A number may be quoted, a name may not: `"7"` is an architecture, `"x86PC"` is none.
fn architecture(arg: Input<'_>) -> Parsed<'_, u16> {
    alt((one_of(ARCHITECTURES), map(number, low16))).parse(arg)
}

/// All digits is a type, anything else a file.
fn boot(arg: Input<'_>) -> Parsed<'_, Boot> {
    let boot = |field: Input<'_>| {
        decimal(field).map_or_else(|| Boot::File(field.bytes()), |n| Boot::Type(low16(n)))
    };
    map(field, boot).parse(arg)
}

/// Everything that is left: a server name keeps its commas. An empty one is none.
pub(crate) fn server(arg: Input<'_>) -> Parsed<'_, Option<Server>> {
    let read = |text: Input<'_>| match address4(text) {
        _ if text.is_empty() => None,
        Some(address) => Some(Server::Address(address)),
        None => Some(Server::Name(text.bytes())),
    };
    map(rest, read).parse(arg)
}

/// Reads the value of a `pxe-prompt`. What is no number waits for ever, without complaint.
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
    Ok(arg.fields().map(Input::bytes).collect())
}

/// dnsmasq keeps the low bits: 65536 is 0.
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
        let Directive::PxeService(service) = value(line) else { panic!("{line} is no service") };
        service
    }

    #[test]
    fn a_quoted_comma_belongs_to_the_menu_text() {
        let read = service(r#"pxe-service=X86PC, "Boot, now", pxelinux"#);
        assert_eq!((read.architecture, &read.menu[..]), (0, &b"Boot, now"[..]));
        assert_eq!(read.boot, Boot::File(b"pxelinux".to_vec()));
    }

    #[test]
    fn digits_are_a_type_and_nothing_is_the_local_disk() {
        assert_eq!(service("pxe-service=7,m,12").boot, Boot::Type(12));
        assert_eq!(service("pxe-service=7,m,12ab").boot, Boot::File(b"12ab".to_vec()));
        assert_eq!(service("pxe-service=x86PC,m").boot, Boot::Type(0));
        assert_eq!(service("pxe-service=70000,m").architecture, 4464);
    }

    #[test]
    fn a_server_is_an_address_or_a_name_with_its_commas() {
        let server = service("pxe-service=x86PC,m,b,10.0.0.1").server;
        assert_eq!(server, Some(Server::Address(Ipv4Addr::new(10, 0, 0, 1))));
        let server = service("pxe-service=x86PC,m,b,10.0.0.1,junk").server;
        assert_eq!(server, Some(Server::Name(b"10.0.0.1,junk".to_vec())));
    }

    #[test]
    fn what_dnsmasq_refuses_is_refused() {
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
    fn a_prompt_without_a_number_waits_for_ever() {
        for (line, seconds) in [
            ("pxe-prompt=Press F8, 3", 3),
            ("pxe-prompt=a,b", 255),
            ("pxe-prompt=a", 255),
            ("pxe-prompt=a,300", 44),
        ] {
            let Directive::PxePrompt(prompt) = value(line) else { panic!("{line} is no prompt") };
            assert_eq!(prompt.seconds, seconds, "{line}");
        }
    }
}
