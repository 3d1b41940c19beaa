//! The sockets of the server's transfers.

use super::machine::{Message, Tid};
use super::server::socket_of;
use pxemasq::effect::ReceiveMode;
use std::collections::VecDeque;
use std::net::SocketAddr;

/// The sockets, by number.
#[derive(Default)]
pub struct Sockets {
    all: Vec<Socket>,
    free: Vec<usize>,
    /// Sockets with an event, in the order of the events.
    ready: VecDeque<usize>,
    /// Blocks that were sent more than once.
    pub repeated: u64,
}

/// One socket. The port of the client is that of the first datagram that is sent.
#[derive(Default)]
struct Socket {
    generation: u32,
    /// `None`: closed, or not read.
    mode: Option<ReceiveMode>,
    peer: Option<SocketAddr>,
    received: VecDeque<Message>,
    is_ready: bool,
    /// The highest block that was sent.
    highest: Option<u16>,
}

impl Sockets {
    pub fn open(&mut self) -> usize {
        let id = self.free.pop().unwrap_or(self.all.len());
        if id == self.all.len() {
            self.all.push(Socket::default());
        }
        id
    }

    pub fn close(&mut self, id: usize) {
        let generation = self.all[id].generation + 1;
        self.all[id] = Socket { generation, is_ready: self.all[id].is_ready, ..Socket::default() };
        self.free.push(id);
    }

    pub fn watch(&mut self, id: usize, mode: ReceiveMode) {
        self.all[id].mode = Some(mode);
        if !self.all[id].received.is_empty() {
            self.set_ready(id);
        }
    }

    pub fn mode(&self, id: usize) -> Option<ReceiveMode> {
        self.all[id].mode
    }

    pub fn tid(&self, id: usize) -> Option<Tid> {
        Some(Tid { socket: u32::try_from(id).ok()?, generation: self.all[id].generation })
    }

    /// A datagram arrives. A socket that was closed meanwhile does not get it.
    pub fn arrive(&mut self, to: Tid, message: Message) {
        let id = socket_of(to);
        let socket = &mut self.all[id];
        if socket.generation == to.generation {
            socket.received.push_back(message);
            self.set_ready(id);
        }
    }

    /// Every datagram causes an event, but a socket has one event at a time.
    pub fn set_ready(&mut self, id: usize) {
        if !std::mem::replace(&mut self.all[id].is_ready, true) {
            self.ready.push_back(id);
        }
    }

    pub fn has_ready(&self) -> bool {
        !self.ready.is_empty()
    }

    /// The first sockets with events, in the order in which the daemon reads them.
    pub fn take_ready(&mut self, max: usize) -> Vec<usize> {
        let mut first: Vec<usize> = self.ready.drain(..max.min(self.ready.len())).collect();
        for id in &first {
            self.all[*id].is_ready = false;
        }
        first.sort_unstable();
        first
    }

    /// The next datagram of a socket, and its sender.
    pub fn receive(&mut self, id: usize) -> Option<(SocketAddr, Message)> {
        let socket = self.all.get_mut(id)?;
        Some((socket.peer?, socket.received.pop_front()?))
    }

    /// A datagram is sent: the client of the socket, and the number of the block if it has one.
    pub fn sent(&mut self, id: usize, to: SocketAddr, block: Option<u16>) {
        let socket = &mut self.all[id];
        socket.peer = Some(to);
        let Some(block) = block else { return };
        if socket
            .highest
            .is_some_and(|highest| block.wrapping_sub(highest).wrapping_sub(1) >= 1 << 15)
        {
            self.repeated += 1;
        } else {
            socket.highest = Some(block);
        }
    }
}
