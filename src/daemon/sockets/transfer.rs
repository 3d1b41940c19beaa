//! The sockets of transfers.

use crate::effect::ReceiveMode;
use crate::net::Batch;
use crate::sys::udp;
use crate::sys::udp::SendAddress;
use crate::sys::udp_batch::{GsoSupport, RecvBatch, send_batch};
use mio::unix::SourceFd;
use mio::{Registry, Token};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

/// One socket for each transfer, by number.
#[derive(Default)]
pub struct TransferSockets {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
}

struct Slot {
    fd: OwnedFd,
    /// Whether the kernel cuts large packets into segments for it, as far as we know.
    gso: GsoSupport,
    interest: Interest,
    mode: ReceiveMode,
}

/// What the poll tells us of a socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interest {
    /// Nothing yet: most requests need their socket for one answer only.
    None,
    Read,
    /// And that there is room to send.
    ReadWrite,
}

impl TransferSockets {
    /// Opens one, that leaves from an address of ours.
    pub fn open(&mut self, local: SocketAddr) -> io::Result<usize> {
        let fd = udp::open_transfer(local)?;
        let id = self.free.pop().unwrap_or(self.slots.len());
        if id == self.slots.len() {
            self.slots.push(None);
        }
        self.slots[id] = Some(Slot {
            fd,
            gso: GsoSupport::Unknown,
            interest: Interest::None,
            mode: ReceiveMode::Single,
        });
        Ok(id)
    }

    /// Closes one.
    pub fn close(&mut self, id: usize) {
        if self.slots.get_mut(id).and_then(Option::take).is_some() {
            self.free.push(id);
        }
    }

    /// From now on the poll tells when a client answers. What has come before is told too.
    pub fn register_read(
        &mut self,
        id: usize,
        mode: ReceiveMode,
        registry: &Registry,
        token: Token,
    ) -> io::Result<()> {
        let Some(Some(slot)) = self.slots.get_mut(id) else { return Ok(()) };
        (slot.interest, slot.mode) = (Interest::Read, mode);
        registry.register(&mut SourceFd(&slot.fd.as_raw_fd()), token, mio::Interest::READABLE)
    }

    /// From now on the poll tells too when there is room again.
    pub fn register_read_write(&mut self, id: usize, registry: &Registry, token: Token) {
        let Some(Some(slot)) = self.slots.get_mut(id) else { return };
        if slot.interest != Interest::ReadWrite {
            slot.interest = Interest::ReadWrite;
            let interest = mio::Interest::READABLE | mio::Interest::WRITABLE;
            // Without it, the client's silence makes us try again.
            drop(registry.reregister(&mut SourceFd(&slot.fd.as_raw_fd()), token, interest));
        }
    }

    /// How datagrams are received from a socket. `None`: there is no such socket.
    pub fn receive_mode(&self, id: usize) -> Option<ReceiveMode> {
        self.slots.get(id)?.as_ref().map(|slot| slot.mode)
    }

    /// Takes what has come, as much as there is room for; `None`: there is no such socket.
    pub fn receive(&self, id: usize, inbox: &mut RecvBatch) -> Option<io::Result<usize>> {
        Some(inbox.receive(&self.slots.get(id)?.as_ref()?.fd))
    }

    /// Takes one datagram; `None`: there is no such socket.
    pub fn receive_one(
        &self,
        id: usize,
        buffer: &mut [u8],
    ) -> Option<io::Result<(usize, SocketAddr)>> {
        Some(udp::receive_plain(&self.slots.get(id)?.as_ref()?.fd, buffer))
    }

    /// Sends one datagram.
    pub fn send(&self, id: usize, bytes: &[u8], way: SendAddress) -> io::Result<()> {
        let slot = self.slots.get(id).and_then(Option::as_ref);
        udp::send(&slot.ok_or(io::ErrorKind::NotConnected)?.fd, bytes, way)
    }

    /// Sends many; how many bytes found room.
    pub fn send_batch(&mut self, id: usize, batch: &Batch) -> io::Result<usize> {
        let slot = self.slots.get_mut(id).and_then(Option::as_mut);
        let slot = slot.ok_or(io::ErrorKind::NotConnected)?;
        let way = SendAddress { to: batch.to, from: batch.from, interface: batch.interface };
        send_batch(&slot.fd, &batch.bytes, batch.segment, way, &mut slot.gso)
    }
}
