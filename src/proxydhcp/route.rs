//! Where a reply goes (RFC 2131, section 4.1; docs/dnsmasq/proxydhcp.md, section 6.8).

use super::request::Request;
use super::{Port, Reply, ReplyKind};
use crate::config::Dhcp;
use crate::effect::Effect;
use crate::net::{Datagram, EgressSocket, NeighbourEntry};
use crate::wire::dhcp::{BROADCAST, field};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Hardware addresses that ARP can hold.
const MAX_ARP_MAC_LEN: u8 = 14;

/// Sends it, now or later; nothing for a client that is ignored.
pub fn address_reply(
    dhcp: &Dhcp,
    request: &Request<'_>,
    answer: &Reply<'_>,
    bytes: Vec<u8>,
) -> Option<Effect> {
    let datagram = match request.port {
        Port::Pxe => from_pxe_port(request, answer, bytes),
        Port::Server => from_server_port(dhcp, request, answer, bytes),
    };
    match answer.kind {
        ReplyKind::Ignored => None,
        ReplyKind::Proxy { delay: Some(seconds) } if seconds > 0 => {
            Some(Effect::SendDelayed(seconds, datagram))
        }
        ReplyKind::Proxy { .. } | ReplyKind::BootItem => Some(Effect::Send(datagram)),
    }
}

/// Always to the port that asked: some firmware asks from 4011, some from 68. (2.92 sends elsewhere, and clients that
/// ask without an address never hear it.)
fn from_pxe_port(request: &Request<'_>, answer: &Reply<'_>, bytes: Vec<u8>) -> Datagram {
    let to = if answer.ciaddr.is_unspecified() { request.peer.ip() } else { answer.ciaddr.into() };
    datagram(EgressSocket::Pxe, SocketAddr::new(to, request.peer.port()), bytes)
}

fn from_server_port(
    dhcp: &Dhcp,
    request: &Request<'_>,
    answer: &Reply<'_>,
    bytes: Vec<u8>,
) -> Datagram {
    let relay = request.frame.address(field::GIADDR);
    if !relay.is_unspecified() {
        return datagram(EgressSocket::Dhcp, (relay, dhcp.server_port).into(), bytes);
    }
    let (htype, hlen) = (request.frame.htype(), request.frame.hlen());
    let interface = request.ingress.interface;
    if answer.flags & BROADCAST != 0 || htype == 0 || hlen == 0 || hlen > MAX_ARP_MAC_LEN {
        let to = (Ipv4Addr::BROADCAST, dhcp.client_port).into();
        return Datagram { interface, ..datagram(EgressSocket::Dhcp, to, bytes) };
    }
    let mac = request.frame.mac().to_vec();
    let neighbour = NeighbourEntry { interface, hardware_type: htype, mac };
    let to = (IpAddr::from(answer.yiaddr), dhcp.client_port).into();
    Datagram { interface, neighbour: Some(neighbour), ..datagram(EgressSocket::Dhcp, to, bytes) }
}

fn datagram(via: EgressSocket, to: SocketAddr, bytes: Vec<u8>) -> Datagram {
    Datagram { via, to, from: None, interface: 0, neighbour: None, bytes }
}
