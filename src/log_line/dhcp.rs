//! Lines of proxyDHCP (docs/dnsmasq/proxydhcp.md, section 7).

use super::Priority;
use super::words::{
    BOOT_FILE, CLIENT_NAME, NEXT_SERVER, NO_ADDRESS, NO_RANGE, PACKET_ON, PROXY, PROXY_IGNORED,
    PXE, VENDOR_CLASS,
};
use crate::wire::option_display::{LoggedOption, mac};
use std::fmt;
use std::net::Ipv4Addr;

/// A line of proxyDHCP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum DhcpLine {
    /// At the start: a network that is served.
    ProxyRange(Ipv4Addr),
    /// At the start: the sockets are bound to one interface (`SO_BINDTODEVICE`).
    BoundToDevice(String),

    /// No range matches a request. The text says how it was received.
    NoRange(String),
    /// An interface of `bridge-interface` does not exist.
    UnknownBridgeInterface(String),
    /// A request was received on an interface without an IPv4 address.
    InterfaceWithoutAddress(String),
    /// A proxy range that matches the request: network and netmask.
    Subnet(Ipv4Addr, Ipv4Addr),
    /// A range of addresses that matches the request.
    AvailableRange(Ipv4Addr, Ipv4Addr),
    /// Vendor class (option 60), printable characters only.
    VendorClass(String),
    /// User class (option 77), printable characters only.
    UserClass(String),
    /// Host name of the client.
    Name(String),

    /// The name of a boot server does not resolve.
    NoAddressFor(String),
    /// The menu does not fit into option 43.
    MenuTooLarge,
    /// An option does not fit into the reply.
    NoSpace(u8),
    /// An option is configured twice for the same clients.
    Duplicate(u8),
    /// The client requests boot integrity services (BIS).
    NoBis,

    /// The result for a PXE client.
    Pxe { interface: String, mac: Vec<u8>, outcome: PxeOutcome },
    /// The tags of the request.
    Tags(String),
    /// Delay of the reply, in seconds.
    Delay(u32),
    /// Field `file` of the reply.
    BootFile(String),
    /// Field `sname` of the reply.
    ServerName(String),
    /// Field `siaddr` of the reply.
    NextServer(Ipv4Addr),
    /// The broadcast flag of the reply is set.
    Broadcast,
    /// An option of the reply.
    Sent(LoggedOption),

    /// A reply could not be sent.
    SendFailed { to: Ipv4Addr, reason: String },
    /// The ARP entry of the client could not be added.
    ArpFailed(String),
}

/// Result for a request of a PXE client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PxeOutcome {
    /// A proxyDHCP reply is sent.
    Proxy,
    /// The reply is computed and not sent (`dhcp-ignore`).
    Ignored,
    /// The reply to the choice of a menu entry, with a boot file.
    BootItem { address: Ipv4Addr, file: String },
}

impl DhcpLine {
    pub(super) fn priority(&self) -> Priority {
        match self {
            Self::NoBis | Self::MenuTooLarge | Self::ArpFailed(_) => Priority::Error,
            Self::NoRange(_)
            | Self::UnknownBridgeInterface(_)
            | Self::InterfaceWithoutAddress(_)
            | Self::NoAddressFor(_)
            | Self::NoSpace(_)
            | Self::Duplicate(_)
            | Self::SendFailed { .. } => Priority::Warning,
            _ => Priority::Info,
        }
    }
}

impl fmt::Display for DhcpLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ProxyRange(subnet) => write!(f, "DHCP, proxy on subnet {subnet}"),
            Self::BoundToDevice(interface) => {
                write!(f, "DHCP, sockets bound exclusively to interface {interface}")
            }
            Self::NoRange(source) => {
                write!(f, "{NO_RANGE}{source}")
            }
            Self::UnknownBridgeInterface(name) => {
                write!(f, "unknown interface {name} in bridge-interface")
            }
            Self::InterfaceWithoutAddress(interface) => {
                write!(f, "{PACKET_ON}{interface}{NO_ADDRESS}")
            }
            Self::Subnet(subnet, netmask) => write!(f, "available DHCP subnet: {subnet}/{netmask}"),
            Self::AvailableRange(start, end) => write!(f, "available DHCP range: {start} -- {end}"),
            Self::VendorClass(text) => write!(f, "{VENDOR_CLASS}{text}"),
            Self::UserClass(text) => write!(f, "user class: {text}"),
            Self::Name(name) => write!(f, "{CLIENT_NAME}{name}"),
            Self::NoAddressFor(name) => write!(f, "No IPv4 address found for {name}"),
            Self::MenuTooLarge => f.write_str("PXE menu too large"),
            Self::Duplicate(code) => write!(f, "Ignoring duplicate dhcp-option {code}"),
            Self::NoSpace(code) => {
                write!(f, "cannot send DHCP/BOOTP option {code}: no space left in packet")
            }
            Self::NoBis => f.write_str("PXE BIS not supported"),
            Self::Pxe { interface, mac: bytes, outcome } => {
                write!(f, "{PXE}({interface}) ")?;
                outcome.write(f, &mac(bytes))
            }
            Self::Tags(tags) => write!(f, "tags: {tags}"),
            Self::Delay(seconds) => write!(f, "reply delay: {seconds}"),
            Self::BootFile(file) => write!(f, "{BOOT_FILE}{file}"),
            Self::ServerName(name) => write!(f, "server name: {name}"),
            Self::NextServer(address) => write!(f, "{NEXT_SERVER}{address}"),
            Self::Broadcast => f.write_str("broadcast response"),
            Self::Sent(option) => option.fmt(f),
            Self::SendFailed { to, reason } => {
                write!(f, "Error sending DHCP packet to {to}: {reason}")
            }
            Self::ArpFailed(reason) => write!(f, "ARP-cache injection failed: {reason}"),
        }
    }
}

impl PxeOutcome {
    fn write(&self, f: &mut fmt::Formatter<'_>, mac: &str) -> fmt::Result {
        match self {
            Self::Proxy => write!(f, "{mac} {PROXY}"),
            Self::Ignored => write!(f, "{mac} {PROXY_IGNORED}"),
            Self::BootItem { address, file } => write!(f, "{address} {mac} {file}"),
        }
    }
}
