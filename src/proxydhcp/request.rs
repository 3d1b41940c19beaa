//! The fields of a request that decisions depend on (docs/dnsmasq/proxydhcp.md, section 3).

use super::client_name::client_name;
use super::ingress::Ingress;
use super::ranges::{MatchedRange, SubnetHint, matching_ranges};
use super::{DropReason, Port, message};
use crate::config::Config;
use crate::net::Interfaces;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::{Frame, field};
use crate::wire::dhcp_option::{
    CLIENT_ID, CLIENT_UUID, MAX_MESSAGE_SIZE, RELAY_AGENT, REQUESTED_ADDRESS, SUBNET_SELECTION,
    USER_CLASS, VENDOR_SPECIFIC, relay,
};
use crate::wire::{options, pxe};
use std::net::{Ipv4Addr, SocketAddr};

/// A request before its options are evaluated.
#[derive(Clone, Copy, Debug)]
pub struct ReceivedRequest<'a> {
    /// The port on which it was received.
    pub port: Port,
    /// The interface on which it was received.
    pub ingress: Ingress<'a>,
    /// The request.
    pub frame: Frame<'a>,
    /// Address and port of the sender.
    pub peer: SocketAddr,
}

/// A request with the ranges that match it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The frame.
    pub frame: Frame<'a>,
    /// The port on which it was received.
    pub port: Port,
    /// The interface on which it was received.
    pub ingress: Ingress<'a>,
    /// Address and port of the sender.
    pub peer: SocketAddr,
    /// Its message type; `None` is BOOTP.
    pub message_type: Option<u8>,
    /// The address of the client, 0.0.0.0 if it has none.
    pub ciaddr: Ipv4Addr,
    /// Ranges that match; at least one.
    pub ranges: Vec<MatchedRange<'a>>,
    /// Option 61, unless `dhcp-ignore-clid` is set.
    pub client_id: Option<&'a [u8]>,
    /// Option 77, with 0 instead of each length byte (RFC 3004).
    pub user_class: Option<Vec<u8>>,
    /// The host name of the client, from option 81 or 12.
    pub name: Option<Vec<u8>>,
    /// Option 82.
    pub relay: Option<&'a [u8]>,
}

/// The menu entry that a client has chosen (PXE 2.1, tag 71).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootItem {
    /// Boot server type.
    pub server_type: u16,
    /// Layer; the top bit requests boot integrity services.
    pub layer: u16,
}

/// Bytes of the IPv4 and UDP headers.
const IP_UDP_HEADER_LEN: u16 = 28;
/// Bytes of DHCP that each client accepts (RFC 2131, section 2: 576 bytes of IP).
const MIN_MAX_REPLY_LEN: usize = 548;
const MAX_REPLY_LEN: usize = 16384;

impl<'a> Request<'a> {
    /// Reads the options of a request; `Err` if no range matches.
    pub fn read(
        config: &'a Config,
        interfaces: &Interfaces,
        received: ReceivedRequest<'a>,
    ) -> Result<Self, DropReason> {
        let ReceivedRequest { port, ingress, frame, peer } = received;
        let message_type = frame.message_type();
        // These options have a meaning in DHCP only, not in BOOTP.
        let dhcp_option = |code, min_len| {
            if message_type.is_some() { frame.option(code, min_len) } else { None }
        };
        // A client that requests an address, or looks for a server, does not have an address yet.
        let has_no_address =
            message_type == Some(message::DISCOVER) || dhcp_option(REQUESTED_ADDRESS, 4).is_some();
        let ciaddr =
            if has_no_address { Ipv4Addr::UNSPECIFIED } else { frame.address(field::CIADDR) };
        let relay = dhcp_option(RELAY_AGENT, 1);
        let selector = if message_type.is_some() { selector(frame, relay) } else { None };
        let hint = subnet_hint(selector, frame.address(field::GIADDR), ciaddr);
        let ranges = matching_ranges(config, interfaces, &ingress, hint);
        if ranges.is_empty() {
            return Err(DropReason::NoRange(describe_source(hint, &ingress)));
        }
        let use_client_id = !config.dhcp.ignore_client_id;
        let client_id = if use_client_id { dhcp_option(CLIENT_ID, 1) } else { None };
        // dnsmasq ignores the name of a BOOTP client on the server port, and uses it on port 4011.
        let use_name = message_type.is_some_and(|kind| kind != 0) || port == Port::Pxe;
        let name = if use_name { client_name(frame) } else { None };
        let user_class = frame.option(USER_CLASS, 1).map(mask_length_bytes);
        Ok(Self {
            frame,
            port,
            ingress,
            peer,
            message_type,
            ciaddr,
            ranges,
            client_id,
            user_class,
            name,
            relay,
        })
    }

    /// The architecture of the client (option 93).
    pub fn architecture(&self) -> Option<Architecture> {
        self.frame.architecture()
    }

    /// The 17 bytes of the machine identifier (RFC 4578, section 2.3).
    pub fn uuid(&self) -> Option<&'a [u8]> {
        self.frame.option(CLIENT_UUID, 17).map(|value| &value[..17])
    }

    /// The menu entry that the client has chosen; only in a REQUEST or an INFORM.
    pub fn boot_item(&self) -> Option<BootItem> {
        if !matches!(self.message_type?, message::REQUEST | message::INFORM) {
            return None;
        }
        let items = self.frame.option(VENDOR_SPECIFIC, 1)?;
        let item = options::find(items, pxe::item::BOOT_ITEM, 4)?;
        Some(BootItem {
            server_type: u16::from_be_bytes([item[0], item[1]]),
            layer: u16::from_be_bytes([item[2], item[3]]),
        })
    }

    /// Bytes that the reply may have: the client's maximum (RFC 2132, section 9.10) without IP and UDP header.
    pub fn max_reply_len(&self) -> usize {
        let option = self.frame.option(MAX_MESSAGE_SIZE, 2).filter(|_| self.message_type.is_some());
        let Some(value) = option else { return MIN_MAX_REPLY_LEN };
        // dnsmasq subtracts without a check: a maximum that is smaller than the headers becomes the largest one.
        u16::from_be_bytes([value[0], value[1]])
            .checked_sub(IP_UDP_HEADER_LEN)
            .map_or(MAX_REPLY_LEN, usize::from)
            .clamp(MIN_MAX_REPLY_LEN, MAX_REPLY_LEN)
    }
}

/// The link selection of option 82 (RFC 3527), else option 118 (RFC 3011).
fn selector(frame: Frame<'_>, relay: Option<&[u8]>) -> Option<Ipv4Addr> {
    let value = relay
        .and_then(|relay| options::find(relay, relay::LINK_SELECTION, 4))
        .or_else(|| frame.option(SUBNET_SELECTION, 4))?;
    value.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets))
}

fn subnet_hint(
    selector: Option<Ipv4Addr>,
    relay: Ipv4Addr,
    client: Ipv4Addr,
) -> Option<SubnetHint> {
    let relay = (!relay.is_unspecified()).then_some(SubnetHint::Relay(relay));
    let client = (!client.is_unspecified()).then_some(SubnetHint::Client(client));
    selector.map(SubnetHint::Selector).or(relay).or(client)
}

/// The source of a request, in dnsmasq's words.
fn describe_source(hint: Option<SubnetHint>, ingress: &Ingress<'_>) -> String {
    match hint {
        Some(SubnetHint::Selector(address)) => format!("with subnet selector {address}"),
        Some(SubnetHint::Relay(address)) => format!("via {address}"),
        Some(SubnetHint::Client(_)) | None => format!("via {}", ingress.link.name),
    }
}

/// Length-prefixed strings (RFC 3004) with 0 instead of each length, so that no text matches across two strings. Bytes
/// that are no such list are unchanged.
fn mask_length_bytes(class: &[u8]) -> Vec<u8> {
    let mut bytes = class.to_vec();
    let mut offset = 0;
    while let Some(&count) = class.get(offset) {
        bytes[offset] = 0;
        offset += 1 + usize::from(count);
    }
    if offset == class.len() { bytes } else { class.to_vec() }
}

#[test]
fn length_bytes_are_masked_only_in_a_complete_list() {
    assert_eq!(mask_length_bytes(b"\x04iPXE\x01x"), b"\0iPXE\0x");
    assert_eq!(mask_length_bytes(b"iPXE"), b"iPXE");
}
