//! Sockets that the running server has passed to the process that replaces it.

use crate::proxydhcp::Port;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// Sockets of the running server. What waits in them goes on to this process.
#[derive(Debug, Default)]
pub struct TakenOver {
    /// Sockets for DHCP.
    pub dhcp: Vec<DhcpSocket>,
    /// Sockets for TFTP requests, with their addresses.
    pub tftp: Vec<(SocketAddr, OwnedFd)>,
}

/// A socket for DHCP.
#[derive(Debug)]
pub struct DhcpSocket {
    /// The port.
    pub port: u16,
    /// The interface that it is bound to.
    pub device: Option<String>,
    /// The socket.
    pub fd: OwnedFd,
}

/// A socket that is not used any more. What waits in it is handled as if one of the other sockets had received it.
#[derive(Debug)]
pub enum Leftover {
    /// For DHCP.
    Dhcp(Port, OwnedFd),
    /// For TFTP requests.
    Tftp(OwnedFd),
}

impl TakenOver {
    /// Whether there is no socket.
    pub fn is_empty(&self) -> bool {
        self.dhcp.is_empty() && self.tftp.is_empty()
    }

    /// The DHCP socket with this port and interface, if there is one.
    pub fn take_dhcp(&mut self, port: u16, device: Option<&str>) -> Option<OwnedFd> {
        let is_it = |socket: &DhcpSocket| socket.port == port && socket.device.as_deref() == device;
        let at = self.dhcp.iter().position(is_it)?;
        Some(self.dhcp.swap_remove(at).fd)
    }

    /// DHCP sockets with this port. A new socket for the port can be bound only if they have `SO_REUSEADDR`.
    pub fn with_port(&self, port: u16) -> impl Iterator<Item = &OwnedFd> {
        self.dhcp.iter().filter(move |socket| socket.port == port).map(|socket| &socket.fd)
    }

    /// The TFTP socket with this address, if there is one.
    pub fn take_tftp(&mut self, address: SocketAddr) -> Option<OwnedFd> {
        let at = self.tftp.iter().position(|(other, _)| *other == address)?;
        Some(self.tftp.swap_remove(at).1)
    }

    /// The sockets that are left. `port`: the meaning of a DHCP port; without one, requests to it are not answered any
    /// more. `tftp`: whether TFTP requests are answered.
    pub fn into_leftovers(self, port: impl Fn(u16) -> Option<Port>, tftp: bool) -> Vec<Leftover> {
        let dhcp = self
            .dhcp
            .into_iter()
            .filter_map(|socket| port(socket.port).map(|port| Leftover::Dhcp(port, socket.fd)));
        let tftp = self.tftp.into_iter().filter(|_| tftp).map(|(_, fd)| Leftover::Tftp(fd));
        dhcp.chain(tftp).collect()
    }
}
