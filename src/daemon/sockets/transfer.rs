//! The sockets of transfers.

use crate::effect::ReceiveMode;
use crate::net::{Batch, EgressSocket};
use crate::sys::aio::{MAX_WRITES, WriteContext};
use crate::sys::receive_batch::ReceiveBatch;
use crate::sys::udp;
use crate::sys::udp::SendAddress;
use crate::sys::udp_batch::{GsoSupport, send_batch};
use crate::sys::udp_errors;
use mio::unix::SourceFd;
use mio::{Registry, Token};
use std::io;
use std::net::SocketAddr;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

/// The sockets of transfers, by number.
#[derive(Default)]
pub struct TransferSockets {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    /// To send blocks of several transfers together. `None`: the kernel cannot.
    writes: Option<WriteContext>,
    /// Blocks that are sent together.
    blocks: Vec<Batch>,
}

struct Slot {
    fd: OwnedFd,
    /// Whether UDP segmentation works for it.
    gso: GsoSupport,
    interest: Interest,
    mode: ReceiveMode,
    connection: Connection,
}

/// Whether a socket is connected to its client.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Connection {
    /// It will be after so many further batches.
    After(u32),
    Connected,
    /// The kernel has refused.
    Refused,
}

/// Batches after which a socket is connected: small files are complete before, and end without a further system call.
const BATCHES_BEFORE_CONNECT: u32 = 32;

/// Whether more batches can be collected.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Collected {
    More,
    Full,
}

/// Fewer blocks are sent faster one by one.
const MIN_BLOCKS: usize = 4;

/// The events of a socket.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Interest {
    /// None: most requests need their socket for one answer only.
    None,
    Read,
    /// Also when the send buffer has space.
    ReadWrite,
}

impl TransferSockets {
    /// Opens a socket that is bound to a local address. Returns its number.
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
            connection: Connection::After(BATCHES_BEFORE_CONNECT),
        });
        Ok(id)
    }

    /// Queues ICMP errors for a socket. If this fails, there are none.
    pub fn queue_icmp_errors(&self, id: usize) {
        if let Some(Some(slot)) = self.slots.get(id) {
            let _ = udp_errors::queue_icmp_errors(&slot.fd);
        }
    }

    /// The receiver of a datagram that was answered with ICMP `port unreachable`. `None`: there is none.
    pub fn next_unreachable(&self, id: usize) -> Option<SocketAddr> {
        udp_errors::next_unreachable(&self.slots.get(id)?.as_ref()?.fd)
    }

    /// The number of sockets.
    pub fn count(&self) -> usize {
        self.slots.len() - self.free.len()
    }

    /// Closes a socket.
    pub fn close(&mut self, id: usize) {
        if self.slots.get_mut(id).and_then(Option::take).is_some() {
            self.free.push(id);
        }
    }

    /// From now on there are events for datagrams. Datagrams that were received before cause one too.
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

    /// From now on there are events for space in the send buffer too.
    pub fn register_read_write(&mut self, id: usize, registry: &Registry, token: Token) {
        let Some(Some(slot)) = self.slots.get_mut(id) else { return };
        if slot.interest != Interest::ReadWrite {
            slot.interest = Interest::ReadWrite;
            let interest = mio::Interest::READABLE | mio::Interest::WRITABLE;
            // If this fails, the timer of the transfer sends the rest.
            let _ = registry.reregister(&mut SourceFd(&slot.fd.as_raw_fd()), token, interest);
        }
    }

    /// How datagrams are received from a socket. `None`: there is no such socket.
    pub fn receive_mode(&self, id: usize) -> Option<ReceiveMode> {
        self.slots.get(id)?.as_ref().map(|slot| slot.mode)
    }

    /// Receives the datagrams that are there, up to the capacity of the batch. `None`: there is no such socket.
    pub fn receive(&self, id: usize, inbox: &mut ReceiveBatch) -> Option<io::Result<usize>> {
        Some(inbox.receive(&self.slots.get(id)?.as_ref()?.fd))
    }

    /// Receives one datagram. `None`: there is no such socket.
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

    /// Lets [`Self::take_collected`] send with one system call. Child processes of this process cannot do that. Returns the low 32
    /// bits of the id of the context; `None`: the kernel has no context for it.
    pub fn prepare_writes(&mut self) -> Option<i32> {
        self.writes = WriteContext::new();
        self.writes.as_ref().map(WriteContext::low_id)
    }

    /// Stores a batch that can be sent together with others: one block, by a connected socket. `Err`: it cannot.
    pub fn collect(&mut self, batch: Batch) -> Result<Collected, Batch> {
        let EgressSocket::Transfer(id) = batch.via else { return Err(batch) };
        let slot = self.slots.get(id).and_then(Option::as_ref);
        let is_connected = slot.is_some_and(|slot| slot.connection == Connection::Connected);
        if self.writes.is_none() || !is_connected || batch.bytes.len() > batch.segment {
            return Err(batch);
        }
        self.blocks.push(batch);
        Ok(if self.blocks.len() < MAX_WRITES { Collected::More } else { Collected::Full })
    }

    /// Sends the collected batches with one system call, and takes them out. Bit `n` of the second result: batch `n` was sent. The
    /// others must be sent alone.
    pub fn take_collected(&mut self) -> (Vec<Batch>, u32) {
        let blocks = std::mem::take(&mut self.blocks);
        let sent = match &self.writes {
            Some(writes) if blocks.len() >= MIN_BLOCKS => self.write(writes, &blocks),
            _ => 0,
        };
        (blocks, sent)
    }

    /// Takes back the empty list of [`Self::take_collected`], for the next batches.
    pub fn reuse(&mut self, blocks: Vec<Batch>) {
        self.blocks = blocks;
    }

    /// Bit `n` of the result: block `n` was sent.
    fn write(&self, writes: &WriteContext, blocks: &[Batch]) -> u32 {
        writes.write(blocks.iter().map_while(|batch| {
            let EgressSocket::Transfer(id) = batch.via else { return None };
            Some((self.slots.get(id)?.as_ref()?.fd.as_fd(), &batch.bytes[..]))
        }))
    }

    /// Sends a batch. Returns the number of bytes that fitted into the send buffer.
    pub fn send_batch(&mut self, id: usize, batch: &Batch) -> io::Result<usize> {
        let slot = self.slots.get_mut(id).and_then(Option::as_mut);
        let slot = slot.ok_or(io::ErrorKind::NotConnected)?;
        slot.connection.advance(&slot.fd, batch.to);
        let way = SendAddress { to: batch.to, from: batch.from, interface: batch.interface };
        let way = (slot.connection != Connection::Connected).then_some(way);
        send_batch(&slot.fd, &batch.bytes, batch.segment, way, &mut slot.gso)
    }
}

impl Connection {
    /// A batch is sent to the client: connects the socket, if it is time.
    fn advance(&mut self, fd: &OwnedFd, client: SocketAddr) {
        *self = match *self {
            Self::After(0) => match udp::connect_to(fd, client) {
                Ok(()) => Self::Connected,
                Err(_) => Self::Refused,
            },
            Self::After(count) => Self::After(count - 1),
            state => state,
        };
    }
}
