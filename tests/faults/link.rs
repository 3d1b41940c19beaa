//! A packet socket on one interface.

use crate::common::lab::Host;
use nix::ifaddrs::getifaddrs;
use nix::sys::socket::sockopt::ReceiveTimeout;
use nix::sys::socket::{
    AddressFamily, LinkAddr, MsgFlags, SockFlag, SockProtocol, SockType, bind, recv, sendto,
    setsockopt, socket,
};
use nix::sys::time::{TimeVal, TimeValLike};
use std::os::fd::{AsRawFd, OwnedFd};

/// Sends and receives all frames of an interface.
pub struct Link {
    fd: OwnedFd,
    end: LinkAddr,
}

/// Milliseconds.
const RECEIVE_TIMEOUT_MS: i64 = 2;

impl Link {
    pub fn new(host: &Host, name: &str) -> Self {
        host.inside(|| {
            let kind = (SockType::Raw, SockFlag::SOCK_CLOEXEC, SockProtocol::EthAll);
            let fd = socket(AddressFamily::Packet, kind.0, kind.1, kind.2)
                .expect("root of a network namespace can open packet sockets");
            let mut links = getifaddrs().expect("there are interfaces");
            let end = links
                .find_map(|link| {
                    let address = *link.address?.as_link_addr()?;
                    (link.interface_name == name).then_some(address)
                })
                .expect("it is there");
            // The address selects all protocols.
            bind(fd.as_raw_fd(), &end).expect("it is up");
            setsockopt(&fd, ReceiveTimeout, &TimeVal::milliseconds(RECEIVE_TIMEOUT_MS))
                .expect("a socket");
            Self { fd, end }
        })
    }

    /// Sends a frame; blocks while the queue is full.
    pub fn send(&self, frame: &[u8]) {
        // While the other end is down, frames are lost.
        _ = sendto(self.fd.as_raw_fd(), frame, &self.end, MsgFlags::empty());
    }

    /// The next frame; `None` after the timeout.
    pub fn receive<'b>(&self, buffer: &'b mut [u8]) -> Option<&'b [u8]> {
        let size = recv(self.fd.as_raw_fd(), buffer, MsgFlags::empty()).ok()?;
        Some(&buffer[..size])
    }

    pub fn mac(&self) -> [u8; 6] {
        self.end.addr().unwrap_or_default()
    }
}
