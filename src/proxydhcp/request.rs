//! The facts of a request (docs/dnsmasq/proxydhcp.md, section 3).

use super::client_name::client_name;
use super::ingress::Ingress;
use super::ranges::{MatchedRange, SubnetHint, matching_ranges};
use super::{DropReason, Port, assign_tags, message};
use crate::config::Config;
use crate::config::lookup::tags::TagSet;
use crate::net::Interfaces;
use crate::wire::dhcp::{Frame, field};
use crate::wire::{options, pxe};
use std::net::{Ipv4Addr, SocketAddr};

/// A request, and what follows from who sent it.
#[derive(Clone, Debug)]
pub struct Request<'a> {
    /// The frame it came in.
    pub frame: Frame<'a>,
    /// The port it came to.
    pub port: Port,
    /// The interface it came in by.
    pub ingress: Ingress<'a>,
    /// Who sent it.
    pub peer: SocketAddr,
    /// Its message type; `None` is BOOTP.
    pub message: Option<u8>,
    /// The client's address, if it has one.
    pub ciaddr: Ipv4Addr,
    /// Ranges that are for it; at least one.
    pub ranges: Vec<MatchedRange<'a>>,
    /// Option 61, unless it is not to be looked at.
    pub client_id: Option<&'a [u8]>,
    /// Option 77, counts of counted strings blanked.
    pub user_class: Option<Vec<u8>>,
    /// The client's name, if it gives one.
    pub name: Option<Vec<u8>>,
    /// Option 82.
    pub relay: Option<&'a [u8]>,
    /// Its tags, without that of the range.
    pub tags: TagSet<'a>,
}

/// What a client chose from the menu (PXE 2.1, tag 71).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BootItem {
    /// Boot service type.
    pub kind: u16,
    /// Layer; the top bit asks for boot integrity services.
    pub layer: u16,
}

/// IPv4 and UDP heads.
const IP_UDP_HEADER_LEN: u16 = 28;
/// What every client takes (RFC 2131, section 2: 576 bytes of IP).
const MIN_REPLY_SPACE: usize = 548;
const MAX_REPLY_SPACE: usize = 16384;

impl<'a> Request<'a> {
    /// Reads it; `Err` if no range is for it.
    pub fn read(
        config: &'a Config,
        interfaces: &Interfaces,
        port: Port,
        place: Ingress<'a>,
        frame: Frame<'a>,
        peer: SocketAddr,
    ) -> Result<Self, DropReason> {
        let message = frame.option(53, 1).map(|value| value[0]);
        // A client that asks for an address, or looks for a server, does not have one yet.
        let has_none = message.is_some()
            && (frame.option(50, 4).is_some() || message == Some(message::DISCOVER));
        let ciaddr = if has_none { Ipv4Addr::UNSPECIFIED } else { frame.address(field::CIADDR) };
        let relay = if message.is_some() { frame.option(82, 1) } else { None };
        let selector = if message.is_some() { selector(frame, relay) } else { None };
        let origin = subnet_hint(selector, frame.address(field::GIADDR), ciaddr);
        let candidates = matching_ranges(config, interfaces, &place, origin);
        if candidates.is_empty() {
            return Err(DropReason::NoRange(describe_source(origin, &place)));
        }
        let client_id =
            frame.option(61, 1).filter(|_| message.is_some() && !config.dhcp.ignore_client_id);
        // BOOTP is of no use; on port 4011 it is looked at like everything else.
        let is_named = message.is_some_and(|message| message != 0) || port == Port::Pxe;
        let name = if is_named { client_name(frame) } else { None };
        let user_class = frame.option(77, 1).map(mask_length_bytes);
        let tags = TagSet::default();
        let mut request = Self {
            frame,
            port,
            ingress: place,
            peer,
            message,
            ciaddr,
            ranges: candidates,
            client_id,
            user_class,
            name,
            relay,
            tags,
        };
        request.tags = assign_tags::assign_tags(&config.dhcp, &request);
        Ok(request)
    }

    /// The client's architecture: the first of the list (RFC 4578, section 2.1).
    pub fn architecture(&self) -> Option<u16> {
        self.frame.option(93, 2).map(|value| u16::from_be_bytes([value[0], value[1]]))
    }

    /// The client's machine identifier (RFC 4578, section 2.3).
    pub fn uuid(&self) -> Option<&'a [u8]> {
        self.frame.option(97, 17).map(|value| &value[..17])
    }

    /// What the client chose, if the message can say so.
    pub fn boot_item(&self, message: u8) -> Option<BootItem> {
        let can = matches!(message, message::REQUEST | message::INFORM);
        let items = self.frame.option(43, 1).filter(|_| can)?;
        let item = options::find(items, pxe::item::BOOT_ITEM, 4)?;
        Some(BootItem {
            kind: u16::from_be_bytes([item[0], item[1]]),
            layer: u16::from_be_bytes([item[2], item[3]]),
        })
    }

    /// Bytes a reply may have: what the client says it takes (RFC 2132, section 9.10), less the heads.
    pub fn space(&self) -> usize {
        let said = self.frame.option(57, 2).filter(|_| self.message.is_some());
        let space = said
            .map(|value| u16::from_be_bytes([value[0], value[1]]).checked_sub(IP_UDP_HEADER_LEN));
        // Less than the heads wraps, and is then the maximum.
        let space =
            space.map_or(MIN_REPLY_SPACE, |space| space.map_or(MAX_REPLY_SPACE, usize::from));
        space.clamp(MIN_REPLY_SPACE, MAX_REPLY_SPACE)
    }
}

/// 82/5 (RFC 3527), else option 118 (RFC 3011).
fn selector(frame: Frame<'_>, relay: Option<&[u8]>) -> Option<Ipv4Addr> {
    let value =
        relay.and_then(|relay| options::find(relay, 5, 4)).or_else(|| frame.option(118, 4))?;
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

fn describe_source(origin: Option<SubnetHint>, place: &Ingress<'_>) -> String {
    match origin {
        Some(SubnetHint::Selector(address)) => format!("with subnet selector {address}"),
        Some(SubnetHint::Relay(address)) => format!("via {address}"),
        Some(SubnetHint::Client(_)) | None => format!("via {}", place.link.name),
    }
}

/// Counted strings (RFC 3004) with their counts blanked, so that no text spans two of them; other bytes as they are.
fn mask_length_bytes(class: &[u8]) -> Vec<u8> {
    let mut bytes = class.to_vec();
    let mut at = 0;
    while let Some(&count) = class.get(at) {
        bytes[at] = 0;
        at += 1 + usize::from(count);
    }
    if at == class.len() { bytes } else { class.to_vec() }
}

#[test]
fn counts_are_blanked_only_if_they_add_up() {
    assert_eq!(mask_length_bytes(b"\x04iPXE\x01x"), b"\0iPXE\0x");
    assert_eq!(mask_length_bytes(b"iPXE"), b"iPXE");
}
