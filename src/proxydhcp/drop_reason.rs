//! Why a request is not answered.

use super::message;
use crate::config::Origin;
use crate::log_line::DropKind;
use std::fmt;
use std::net::Ipv4Addr;

/// The reason. Nothing is dropped without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Fewer bytes than a BOOTP frame has.
    TooShort,
    /// It came in by an interface that is gone.
    NoInterface,
    /// The interface it is taken to come from is not there.
    UnknownBridgeInterface(String),
    /// Its interface has no address; `true`: but would be served.
    NoAddress(String, bool),
    /// DHCP is kept off its interface, by that line.
    DhcpDisabled(String, Origin),
    /// Its interface is not listened on; by that line, or because others are named.
    NotListening(String, Option<Origin>),
    /// Not a request at all, or DHCP without cookie.
    NotBootRequest,
    /// No range is for it; how it came, in the log's words.
    NoRange(String),
    /// BOOTP.
    Bootp,
    /// There is neither `pxe-service` nor `pxe-prompt`.
    NoPxeService,
    /// Its vendor class does not say PXE; `true`: it is that of UEFI HTTP Boot.
    NotPxe(bool),
    /// Of another type than those answered here.
    UnhandledMessageType(u8),
    /// It does not tell the client's architecture (option 93).
    NoArchitecture,
    /// Ranges are for it, but none of a proxy, or not for its tags.
    NoProxyRange,
    /// A boot item, of a client that a line says to ignore.
    Ignored(Origin),
    /// A boot item with boot integrity services.
    Bis,
    /// A boot item no service has, or one without a file.
    UnknownBootServerType(u16),
    /// A boot item, from an address outside all ranges.
    ClientOutsideRanges(Ipv4Addr),
}

impl DropReason {
    /// Whether it is what all other clients of a network get: they want an address, and we give none.
    pub fn is_routine(&self) -> bool {
        let asks_for_an_address =
            matches!(self, Self::UnhandledMessageType(message::REQUEST | message::INFORM));
        asks_for_an_address || matches!(self, Self::Bootp | Self::NotPxe(false))
    }
}

impl DropReason {
    /// The reason without its data.
    pub fn kind(&self) -> DropKind {
        match self {
            Self::TooShort => DropKind::TooShort,
            Self::NoInterface => DropKind::NoInterface,
            Self::UnknownBridgeInterface(_) => DropKind::UnknownBridgeInterface,
            Self::NoAddress(..) => DropKind::NoAddress,
            Self::DhcpDisabled(..) => DropKind::DhcpDisabled,
            Self::NotListening(_, Some(_)) => DropKind::InterfaceExcepted,
            Self::NotListening(_, None) => DropKind::NotListening,
            Self::NotBootRequest => DropKind::NotBootRequest,
            Self::NoRange(_) => DropKind::NoRange,
            Self::Bootp => DropKind::Bootp,
            Self::NoPxeService => DropKind::NoPxeService,
            Self::NotPxe(true) => DropKind::HttpBoot,
            Self::NotPxe(false) => DropKind::NotPxe,
            Self::UnhandledMessageType(message::REQUEST) => DropKind::AsksForAddress,
            Self::UnhandledMessageType(_) => DropKind::OtherMessage,
            Self::NoArchitecture => DropKind::NoArchitecture,
            Self::NoProxyRange => DropKind::NoProxyRange,
            Self::Ignored(_) => DropKind::Ignored,
            Self::Bis => DropKind::Bis,
            Self::UnknownBootServerType(_) => DropKind::UnknownBootServerType,
            Self::ClientOutsideRanges(_) => DropKind::ClientOutsideRanges,
        }
    }
}

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let kind = self.kind();
        match self {
            Self::UnknownBridgeInterface(name)
            | Self::NoAddress(name, _)
            | Self::NotListening(name, None) => kind.write(f, &[name]),
            Self::DhcpDisabled(name, line) | Self::NotListening(name, Some(line)) => {
                kind.write(f, &[line, name])
            }
            Self::NoRange(how) => kind.write(f, &[how]),
            Self::UnhandledMessageType(code) => kind.write(f, &[code]),
            Self::Ignored(line) => kind.write(f, &[line]),
            Self::UnknownBootServerType(code) => kind.write(f, &[&format_args!("{code:#06x}")]),
            Self::ClientOutsideRanges(address) => kind.write(f, &[address]),
            _ => kind.write(f, &[]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every reason and its sentence.
    fn all() -> Vec<(DropReason, &'static str)> {
        let line = || Origin { file: "/etc/c".into(), line: 3 };
        let name = || "eth0".to_owned();
        vec![
            (DropReason::TooShort, "it is too short for DHCP"),
            (DropReason::NoInterface, "the interface it came by is gone"),
            (
                DropReason::UnknownBridgeInterface(name()),
                "interface eth0 of bridge-interface does not exist",
            ),
            (DropReason::NoAddress(name(), true), "eth0 has no IPv4 address"),
            (DropReason::DhcpDisabled(name(), line()), "/etc/c:3 disables DHCP on eth0"),
            (DropReason::NotListening(name(), Some(line())), "/etc/c:3 excludes eth0"),
            (
                DropReason::NotListening(name(), None),
                "eth0 is not among the interfaces we listen on",
            ),
            (DropReason::NotBootRequest, "it is no DHCP request"),
            (DropReason::NoRange("via eth0".into()), "no dhcp-range is for a request via eth0"),
            (DropReason::Bootp, "it is BOOTP: it has no message type (option 53)"),
            (
                DropReason::NoPxeService,
                "there is no pxe-service and no pxe-prompt: without one no client is answered",
            ),
            (
                DropReason::NotPxe(true),
                "it is a client of UEFI HTTP Boot, for which dhcp-pxe-vendor=PXEClient,HTTPClient is missing",
            ),
            (
                DropReason::NotPxe(false),
                "it is no PXE client: its vendor class (option 60) is no PXE vendor class",
            ),
            (
                DropReason::UnhandledMessageType(message::REQUEST),
                "it asks a DHCP server for its address",
            ),
            (
                DropReason::UnhandledMessageType(message::INFORM),
                "messages of type 8 are for a DHCP server",
            ),
            (DropReason::NoArchitecture, "it has no client architecture (option 93)"),
            (DropReason::NoProxyRange, "no proxy range is for it"),
            (DropReason::Ignored(line()), "/etc/c:3 ignores this client"),
            (DropReason::Bis, "it asks for boot integrity services"),
            (
                DropReason::UnknownBootServerType(0x8001),
                "no pxe-service with a file has type 0x8001, which it chose",
            ),
            (
                DropReason::ClientOutsideRanges(Ipv4Addr::new(10, 0, 1, 9)),
                "its address 10.0.1.9 is outside of all ranges",
            ),
        ]
    }

    #[test]
    fn every_reason_is_recognised_by_its_sentence() {
        for (why, sentence) in all() {
            assert_eq!(why.to_string(), sentence);
            let near = format!("{sentence}; dhcp-range /etc/c:1 is for the network of 10.0.0.0");
            for text in [sentence, &near] {
                assert_eq!(DropKind::parse(text), Some(why.kind()), "{text}");
            }
        }
        for kind in DropKind::all() {
            assert!(all().iter().any(|(why, _)| why.kind() == kind), "{kind:?} has no sentence");
        }
        assert_eq!(DropKind::parse("it is"), None);
    }
}
