//! The sockets for errors of TFTP requests that begin no transfer.
//!
//! dnsmasq opens a socket for each request, also if it only sends an error. Here one socket for each family is kept: most
//! requests of a client that searches for its configuration get an error.

use crate::sys::udp::{self, SendAddress};
use std::io;
use std::net::SocketAddr;
use std::os::fd::OwnedFd;

/// One socket for each family, opened with the first error. It has a port that the kernel chose, as that of a transfer.
#[derive(Default)]
pub struct ErrorSockets {
    ipv4: Option<OwnedFd>,
    ipv6: Option<OwnedFd>,
}

impl ErrorSockets {
    /// Sends an error. The next one tries to open a socket again if there is no free descriptor now.
    pub fn send(&mut self, bytes: &[u8], way: SendAddress) -> io::Result<()> {
        let socket = match way.to {
            SocketAddr::V4(_) => &mut self.ipv4,
            SocketAddr::V6(_) => &mut self.ipv6,
        };
        let fd = match socket {
            Some(fd) => fd,
            closed => closed.insert(udp::open_errors(way.to)?),
        };
        udp::send(fd, bytes, way)
    }
}
