//! The reason why a request gets no reply.

use super::message;
use crate::config::Origin;
use crate::log_line::DropKind;
use std::fmt;
use std::net::Ipv4Addr;

/// Each dropped request has one of these reasons.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DropReason {
    /// Fewer bytes than a BOOTP frame has.
    TooShort,
    /// The interface on which it was received does not exist any more.
    NoInterface,
    /// `bridge-interface` names an interface that does not exist.
    UnknownBridgeInterface(String),
    /// The interface has no IPv4 address. `served`: by its name it would be listened on, and dnsmasq logs a line.
    NoAddress { interface: String, served: bool },
    /// That line (`no-dhcp-interface`) disables DHCP on the interface.
    DhcpDisabled(String, Origin),
    /// The interface is not listened on: that line excludes it, or only others are configured.
    NotListening(String, Option<Origin>),
    /// Not a request, or DHCP without magic cookie.
    NotBootRequest,
    /// No range matches; the source of the request, as in dnsmasq's log line.
    NoRange(String),
    /// BOOTP: it has no message type.
    Bootp,
    /// The configuration has neither `pxe-service` nor `pxe-prompt`.
    NoPxeService,
    /// Its vendor class is none of the configured ones.
    NotPxe,
    /// The same, and its vendor class is that of UEFI HTTP Boot.
    HttpBootClient,
    /// A message type that is not answered on this port.
    UnhandledMessageType(u8),
    /// It has no architecture (option 93).
    NoArchitecture,
    /// Ranges match, but none of them is a proxy range whose conditions hold.
    NoProxyRange,
    /// A boot item of a client that this line ignores (`dhcp-ignore`).
    Ignored(Origin),
    /// A boot item that requests boot integrity services.
    Bis,
    /// A boot item whose type no `pxe-service` has, or one without a file.
    UnknownBootServerType(u16),
    /// A boot item from an address outside of all ranges.
    ClientOutsideRanges(Ipv4Addr),
}

impl DropReason {
    /// Whether the request is one of an ordinary DHCP client, which needs an address and no boot file.
    pub fn is_routine(&self) -> bool {
        let needs_address =
            matches!(self, Self::UnhandledMessageType(message::REQUEST | message::INFORM));
        needs_address || matches!(self, Self::Bootp | Self::NotPxe)
    }

    /// The reason without its data.
    pub fn kind(&self) -> DropKind {
        match self {
            Self::TooShort => DropKind::TooShort,
            Self::NoInterface => DropKind::NoInterface,
            Self::UnknownBridgeInterface(_) => DropKind::UnknownBridgeInterface,
            Self::NoAddress { .. } => DropKind::NoAddress,
            Self::DhcpDisabled(..) => DropKind::DhcpDisabled,
            Self::NotListening(_, Some(_)) => DropKind::InterfaceExcepted,
            Self::NotListening(_, None) => DropKind::NotListening,
            Self::NotBootRequest => DropKind::NotBootRequest,
            Self::NoRange(_) => DropKind::NoRange,
            Self::Bootp => DropKind::Bootp,
            Self::NoPxeService => DropKind::NoPxeService,
            Self::HttpBootClient => DropKind::HttpBoot,
            Self::NotPxe => DropKind::NotPxe,
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
            | Self::NoAddress { interface: name, .. }
            | Self::NotListening(name, None) => kind.write(f, &[name]),
            Self::DhcpDisabled(name, line) | Self::NotListening(name, Some(line)) => {
                kind.write(f, &[line, name])
            }
            Self::NoRange(source) => kind.write(f, &[source]),
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

    /// Each reason and its text.
    fn all() -> Vec<(DropReason, &'static str)> {
        [of_packet(), of_request()].concat()
    }

    /// Reasons before the options are parsed.
    fn of_packet() -> Vec<(DropReason, &'static str)> {
        let line = || Origin { file: "/etc/c".into(), line: 3 };
        let name = || "eth0".to_owned();
        vec![
            (DropReason::TooShort, "it is too short for DHCP"),
            (DropReason::NoInterface, "the interface that received it was removed"),
            (
                DropReason::UnknownBridgeInterface(name()),
                "interface eth0 of bridge-interface does not exist",
            ),
            (DropReason::NoAddress { interface: name(), served: true }, "eth0 has no IPv4 address"),
            (DropReason::DhcpDisabled(name(), line()), "/etc/c:3 disables DHCP on eth0"),
            (DropReason::NotListening(name(), Some(line())), "/etc/c:3 excludes eth0"),
            (
                DropReason::NotListening(name(), None),
                "eth0 is not among the interfaces we listen on",
            ),
            (DropReason::NotBootRequest, "it is no DHCP request"),
            (DropReason::NoRange("via eth0".into()), "no dhcp-range is for a request via eth0"),
        ]
    }

    /// Reasons that a parsed request gives.
    fn of_request() -> Vec<(DropReason, &'static str)> {
        let line = || Origin { file: "/etc/c".into(), line: 3 };
        vec![
            (DropReason::Bootp, "it is BOOTP: it has no message type (option 53)"),
            (
                DropReason::NoPxeService,
                "there is no pxe-service and no pxe-prompt: without one no client is answered",
            ),
            (
                DropReason::HttpBootClient,
                "it is a client of UEFI HTTP Boot, for which dhcp-pxe-vendor=PXEClient,HTTPClient is missing",
            ),
            (
                DropReason::NotPxe,
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
    fn each_reason_is_parsed_from_its_text() {
        for (reason, text) in all() {
            assert_eq!(reason.to_string(), text);
            let with_skipped_rule =
                format!("{text}; dhcp-range /etc/c:1 is for the network of 10.0.0.0");
            for text in [text, &with_skipped_rule] {
                assert_eq!(DropKind::parse(text), Some(reason.kind()), "{text}");
            }
        }
        for kind in DropKind::all() {
            let is_listed = all().iter().any(|(reason, _)| reason.kind() == kind);
            assert!(is_listed, "{kind:?} is not tested");
        }
        assert_eq!(DropKind::parse("it is"), None);
    }
}
