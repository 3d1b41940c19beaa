//! A request that is stored until it can be answered.

use crate::net::ReceivedDatagram;
use crate::wire::tftp::Inbound;
use std::net::{IpAddr, SocketAddr};

/// A copy of a request datagram, with its addresses.
#[derive(Debug)]
pub struct StoredRequest {
    bytes: Vec<u8>,
    /// The client.
    pub peer: SocketAddr,
    /// The destination address of the request.
    pub local: IpAddr,
    /// The index of the interface that received the request.
    pub interface: u32,
}

impl StoredRequest {
    /// Copies a datagram.
    pub fn copy_of(datagram: &ReceivedDatagram<'_>) -> Self {
        let ReceivedDatagram { bytes, peer, local, interface } = *datagram;
        Self { bytes: bytes.to_vec(), peer, local, interface }
    }

    /// The datagram.
    pub fn datagram(&self) -> ReceivedDatagram<'_> {
        let Self { bytes, peer, local, interface } = self;
        ReceivedDatagram { bytes, peer: *peer, local: *local, interface: *interface }
    }

    /// The name of the requested file, if there is one.
    pub fn file(&self) -> Option<&[u8]> {
        match Inbound::parse(&self.bytes)? {
            Inbound::Read { file, .. } => file,
            _ => None,
        }
    }

    /// Whether a datagram repeats this request: same client address and port, same bytes.
    pub fn is_repeated_by(&self, datagram: &ReceivedDatagram<'_>) -> bool {
        self.peer == datagram.peer && self.bytes == datagram.bytes
    }
}
