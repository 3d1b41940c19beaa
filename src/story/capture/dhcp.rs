//! DHCP messages of network boot clients and of the servers that reply to them.

use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::{Frame, field, message, string};
use crate::wire::dhcp_option::{
    BOOT_FILE, HOST_NAME, OVERLOAD, SERVER_ID, USER_CLASS, VENDOR_SPECIFIC, overload,
};
use crate::wire::option_display::{mac, printable};
use crate::wire::options::{contains, find, walk};
use crate::wire::pxe::{HTTP_CLIENT, IPXE_USER_CLASS, PXE_CLIENT, item};
use std::net::{IpAddr, Ipv4Addr};

/// The port of the boot server (PXE 2.1, section 2.2.5).
pub const PXE_PORT: u16 = 4011;
/// The vendor class of Apple firmware.
const APPLE_CLIENT: &[u8] = b"AAPLBSDPC";
/// Bytes of an item type and layer in [`item::BOOT_ITEM`].
const BOOT_ITEM_LEN: usize = 2;

/// A message of a client that boots from the network.
#[derive(Debug, PartialEq, Eq)]
pub struct Request {
    /// Hardware address.
    pub mac: String,
    /// Transaction ID.
    pub xid: u32,
    /// The message, as a step names it: `DHCPDISCOVER of iPXE`.
    pub message: String,
    /// Client architecture.
    pub architecture: Option<Architecture>,
    /// The address of the client, if it has one.
    pub address: Option<IpAddr>,
    /// It is the selection of a menu entry.
    pub is_selection: bool,
}

/// A message of a server.
#[derive(Debug, PartialEq, Eq)]
pub struct Reply {
    /// Hardware address of the client.
    pub mac: String,
    /// Transaction ID.
    pub xid: u32,
    /// The message type without `DHCP`.
    pub message: String,
    /// The server.
    pub server: IpAddr,
    /// The address that the client gets.
    pub assigned: Option<IpAddr>,
    /// The address is assigned with this message, not only offered.
    pub is_final: bool,
    /// The host name that the client gets.
    pub name: Option<String>,
    /// The boot file or URL.
    pub file: Option<String>,
    /// The server of the boot file.
    pub next_server: Option<IpAddr>,
    /// The client shows a menu.
    pub has_menu: bool,
    /// The reply is about network boot.
    pub is_boot: bool,
}

impl Request {
    /// `None` if it is not a message of a client that boots from the network.
    pub fn parse(bytes: &[u8], port: u16) -> Option<Self> {
        let frame = Frame::parse(bytes)?;
        let class = frame.vendor_class();
        let boot_classes = [PXE_CLIENT, HTTP_CLIENT, APPLE_CLIENT];
        let is_boot = boot_classes.iter().any(|known| class.starts_with(known));
        if !is_boot && frame.architecture().is_none() {
            return None;
        }
        let is_ipxe =
            frame.option(USER_CLASS, 1).is_some_and(|class| contains(class, IPXE_USER_CLASS));
        let name = frame.message_type().map(message::name)?;
        let of_ipxe = if is_ipxe { " of iPXE" } else { "" };
        let to_port = if port == PXE_PORT { " to port 4011" } else { "" };
        let selected = frame
            .option(VENDOR_SPECIFIC, 1)
            .and_then(|items| find(items, item::BOOT_ITEM, BOOT_ITEM_LEN));
        Some(Self {
            mac: mac(frame.mac()),
            xid: frame.xid(),
            message: format!("DHCP{name}{of_ipxe}{to_port}"),
            architecture: frame.architecture(),
            address: known(frame.address(field::CIADDR)),
            is_selection: selected.is_some(),
        })
    }
}

impl Reply {
    /// `None` if it is not a DHCP message of a server. `from`: its source address.
    pub fn parse(bytes: &[u8], from: IpAddr) -> Option<Self> {
        let frame = Frame::parse_reply(bytes)?;
        let message_type = frame.message_type()?;
        let identifier = frame.option(SERVER_ID, 4).and_then(|id| id.first_chunk::<4>());
        let class = frame.vendor_class();
        let (file, has_menu) = (boot_file(frame), has_menu(frame));
        let is_boot_class = class.starts_with(PXE_CLIENT) || class.starts_with(HTTP_CLIENT);
        Some(Self {
            mac: mac(frame.mac()),
            xid: frame.xid(),
            message: message::name(message_type),
            server: identifier.and_then(|id| known((*id).into())).unwrap_or(from),
            assigned: known(frame.address(field::YIADDR)),
            is_final: message_type == message::ACK,
            name: frame.option(HOST_NAME, 1).map(printable),
            next_server: known(frame.address(field::SIADDR)),
            is_boot: file.is_some() || has_menu || is_boot_class,
            file,
            has_menu,
        })
    }

    /// `OFFER from 10.0.0.1: address 10.0.0.9, file pxelinux.0 of 10.0.0.1`
    pub fn describe(&self) -> String {
        let file = self.file.as_ref().map(|file| match self.next_server {
            Some(server) if !file.contains("://") => format!("file {file} of {server}"),
            _ => format!("file {file}"),
        });
        let address = self.assigned.map(|ip| format!("address {ip}"));
        let menu = self.has_menu.then(|| "menu".to_owned());
        let parts: Vec<String> = [address, menu, file].into_iter().flatten().collect();
        let separator = if parts.is_empty() { "" } else { ": " };
        format!("{} from {}{separator}{}", self.message, self.server, parts.join(", "))
    }
}

/// The boot file of a reply: option 67, otherwise the field `file`, unless it has options.
fn boot_file(reply: Frame<'_>) -> Option<String> {
    let overloaded = reply.option(OVERLOAD, 1).map_or(0, |bits| bits[0]);
    let field = if overloaded & overload::FILE == 0 { &reply.bytes()[field::FILE] } else { &[] };
    let name = printable(string(reply.option(BOOT_FILE, 1).unwrap_or(field)));
    (!name.is_empty()).then_some(name)
}

fn has_menu(reply: Frame<'_>) -> bool {
    let mut vendor = walk(reply.options()).filter(|(code, _)| *code == VENDOR_SPECIFIC);
    vendor.any(|(_, items)| find(items, item::BOOT_MENU, 1).is_some())
}

/// The address, unless it is 0.0.0.0.
fn known(address: Ipv4Addr) -> Option<IpAddr> {
    (!address.is_unspecified()).then_some(address.into())
}
