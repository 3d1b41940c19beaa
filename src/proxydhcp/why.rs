//! Why a request is not answered.

use super::message;
use crate::config::Origin;
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

impl fmt::Display for DropReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::TooShort => f.write_str("it is too short for DHCP"),
            Self::NoInterface => f.write_str("the interface it came by is gone"),
            Self::UnknownBridgeInterface(name) => {
                write!(f, "there is no {name}, which bridge-interface names")
            }
            Self::NoAddress(name, _) => write!(f, "{name} has no IPv4 address"),
            Self::DhcpDisabled(name, line) => write!(f, "{line} keeps DHCP off {name}"),
            Self::NotListening(name, Some(line)) => write!(f, "{line} keeps us off {name}"),
            Self::NotListening(name, None) => {
                write!(f, "{name} is not among the interfaces we listen on")
            }
            Self::NotBootRequest => f.write_str("it is no DHCP request"),
            Self::NoRange(how) => write!(f, "no dhcp-range is for a request {how}"),
            Self::Bootp => f.write_str("it is BOOTP: it has no message type (option 53)"),
            Self::NoPxeService => f.write_str(
                "there is no pxe-service and no pxe-prompt: without one nobody is answered",
            ),
            Self::NotPxe(true) => f.write_str(
                "it is a client of UEFI HTTP Boot, for which dhcp-pxe-vendor=PXEClient,HTTPClient is missing",
            ),
            Self::NotPxe(false) => {
                f.write_str("it is no PXE client: its vendor class (option 60) does not say so")
            }
            Self::UnhandledMessageType(message::REQUEST) => f.write_str("it asks a DHCP server for its address"),
            Self::UnhandledMessageType(kind) => write!(f, "messages of type {kind} are for a DHCP server"),
            Self::NoArchitecture => f.write_str("it does not tell its architecture (option 93)"),
            Self::NoProxyRange => f.write_str("no proxy range is for it"),
            Self::Ignored(line) => write!(f, "{line} says to ignore it"),
            Self::Bis => f.write_str("it asks for boot integrity services"),
            Self::UnknownBootServerType(kind) => {
                write!(f, "no pxe-service with a file has type {kind:#06x}, which it chose")
            }
            Self::ClientOutsideRanges(address) => {
                write!(f, "its address {address} is outside of all ranges")
            }
        }
    }
}
