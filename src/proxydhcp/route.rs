//! The destination of a reply (RFC 2131, section 4.1; docs/dnsmasq/proxydhcp.md, section 6.8).

use super::request::Request;
use super::{Port, Reply};
use crate::config::Dhcp;
use crate::net::{EgressSocket, NeighbourEntry};
use crate::wire::dhcp::{BROADCAST, field};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// Bytes of a hardware address in an ARP request of Linux (`struct sockaddr`).
const MAX_ARP_MAC_LEN: u8 = 14;

/// How a reply is sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Route {
    /// The socket.
    pub via: EgressSocket,
    /// Address and port of the receiver.
    pub to: SocketAddr,
    /// Index of the outgoing interface; 0: the routing table decides.
    pub interface: u32,
    /// The neighbour entry for a client that does not have its address yet.
    pub neighbour: Option<NeighbourEntry>,
}

/// The destination of a reply.
pub fn route(dhcp: &Dhcp, request: &Request<'_>, reply: &Reply<'_>) -> Route {
    match request.port {
        Port::Pxe => from_pxe_port(request, reply),
        Port::Server => from_server_port(dhcp, request, reply),
    }
}

/// To the source port of the request: some firmware sends from port 4011, some from 68. (dnsmasq 2.92 sends to another
/// port, and clients that ask without an address do not receive the reply.)
fn from_pxe_port(request: &Request<'_>, reply: &Reply<'_>) -> Route {
    let to = if reply.ciaddr.is_unspecified() { request.peer.ip() } else { reply.ciaddr.into() };
    let to = SocketAddr::new(to, request.peer.port());
    Route { via: EgressSocket::Pxe, to, interface: 0, neighbour: None }
}

fn from_server_port(dhcp: &Dhcp, request: &Request<'_>, reply: &Reply<'_>) -> Route {
    let via = EgressSocket::Dhcp;
    let relay = request.frame.address(field::GIADDR);
    if !relay.is_unspecified() {
        let to = (relay, dhcp.server_port).into();
        return Route { via, to, interface: 0, neighbour: None };
    }
    let (htype, hlen) = (request.frame.htype(), request.frame.hlen());
    let interface = request.ingress.interface;
    if reply.flags & BROADCAST != 0 || htype == 0 || hlen == 0 || hlen > MAX_ARP_MAC_LEN {
        let to = (Ipv4Addr::BROADCAST, dhcp.client_port).into();
        return Route { via, to, interface, neighbour: None };
    }
    let mac = request.frame.mac().to_vec();
    let neighbour = Some(NeighbourEntry { interface, hardware_type: htype, mac });
    let to = (IpAddr::from(reply.yiaddr), dhcp.client_port).into();
    Route { via, to, interface, neighbour }
}
