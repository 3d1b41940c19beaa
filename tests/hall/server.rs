//! The server: the real core, driven as the daemon does it, and a model of its processor.

use super::case::{Case, MILLISECOND, Nanos, Processor};
use super::files::HallFiles;
use super::machine::{Message, Received, Tid, client_port, encode};
use super::network::Network;
use super::sockets::Sockets;
use pxemasq::config::Tftp;
use pxemasq::effect::{Effect, ReceiveMode};
use pxemasq::net::{Address, EgressSocket, Interfaces, Link, ReceivedDatagram};
use pxemasq::tftp::{Context, Input, Movement, Server, Service};
use pxemasq::time::Timestamp;
use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

const SERVER: Ipv4Addr = Ipv4Addr::new(10, 255, 0, 1);
/// The interface of all machines, and that of machines with a slow link.
const ETHERNET: u32 = 2;
/// Requests that the socket on port 69 can hold.
const MAX_REQUESTS: usize = 16 * 1024;
/// As in the daemon.
const MAX_DATAGRAMS_PER_TURN: usize = 64;
const MAX_EFFECTS_TOGETHER: usize = 32;
const BATCH: usize = 8;
const MAX_EVENTS: usize = 256;

/// The server.
pub struct Host<'c> {
    case: &'c Case,
    server: Server,
    tftp: Tftp,
    interfaces: Interfaces,
    files: HallFiles,
    effects: Vec<Effect>,
    sockets: Sockets,
    requests: VecDeque<(u32, Message)>,
    /// The time inside a turn.
    clock: Nanos,
    now: Timestamp,
    /// The time in which the processor was busy.
    pub busy: Nanos,
    /// Requests that found no space in the socket.
    pub refused: u64,
}

impl<'c> Host<'c> {
    pub fn new(case: &'c Case) -> Self {
        let mut server = Server::default();
        if !case.control {
            server.disable_congestion_control();
        }
        let link = Link { index: ETHERNET, name: "eth0".to_owned(), mtu: 1500, ..Link::default() };
        let address = Address { interface: ETHERNET, ip: SERVER.into(), prefix: 8, label: None };
        Self {
            case,
            server,
            tftp: Tftp { max_transfers: 30_000, ..Tftp::default() },
            interfaces: Interfaces { links: vec![link], addresses: vec![address] },
            files: HallFiles::new(&case.stages),
            effects: Vec::new(),
            sockets: Sockets::default(),
            requests: VecDeque::new(),
            clock: 0,
            now: Timestamp(0),
            busy: 0,
            refused: 0,
        }
    }

    /// A datagram reaches a socket.
    pub fn arrive(&mut self, at: Nanos, machine: u32, message: Message) {
        // A turn begins when something arrives, or when the turn before has ended.
        self.clock = self.clock.max(at);
        match message {
            Message::Request { .. } if self.requests.len() < MAX_REQUESTS => {
                self.requests.push_back((machine, message));
            }
            Message::Request { .. } => self.refused += 1,
            Message::Ack { to, .. } | Message::Abort { to } => {
                self.sockets.arrive(to, message);
            }
        }
    }

    /// When the next turn of the loop begins.
    pub fn next_turn(&self) -> Option<Nanos> {
        if !self.requests.is_empty() || self.sockets.has_ready() || self.server.has_held() {
            return Some(self.clock);
        }
        let deadline = self.server.deadline()?;
        Some((deadline.0 * MILLISECOND).max(self.clock))
    }

    /// Whether no transfer is left.
    pub fn is_idle(&self) -> bool {
        self.server.load().transfers == 0
    }

    /// One turn of the loop.
    pub fn turn(&mut self, at: Nanos, network: &mut Network<'_>) {
        self.clock = at;
        self.now = Timestamp(at / MILLISECOND);
        self.spend(self.processor().turn);
        let ready = self.sockets.take_ready(MAX_EVENTS);
        self.read_requests(network);
        for id in ready {
            self.server.socket_ready(id, self.now);
        }
        self.perform(network);
        self.expire(network);
        self.serve_transfers(network);
        while self.call(Server::admit_next) {
            self.perform(network);
        }
        self.busy += self.clock - at;
    }

    fn processor(&self) -> Processor {
        self.case.processor
    }

    fn spend(&mut self, time: Nanos) {
        self.clock += time;
    }

    fn call<R>(&mut self, call: impl FnOnce(&mut Server, &mut Context<'_, HallFiles>) -> R) -> R {
        let Self { server, tftp, interfaces, files, effects, now, .. } = self;
        call(server, &mut Context { tftp, interfaces, files, effects, now: *now })
    }

    fn input(&mut self, input: Input<'_>) {
        self.call(|server, context| server.handle_input(input, context));
    }

    fn read_requests(&mut self, network: &mut Network<'_>) {
        for _ in 0..MAX_DATAGRAMS_PER_TURN {
            let Some((machine, message)) = self.requests.pop_front() else { return };
            self.spend(self.processor().receive + self.processor().open);
            let bytes = encode(message, &self.case.stages);
            let (peer, local) = (address_of(machine, message), SERVER.into());
            let datagram = ReceivedDatagram { bytes: &bytes, peer, local, interface: ETHERNET };
            self.input(Input::Request { listener: 0, datagram });
            self.perform(network);
        }
    }

    /// Reads the socket of a transfer as the daemon does.
    fn read_transfer(&mut self, id: usize, network: &mut Network<'_>) {
        for _ in 0..MAX_DATAGRAMS_PER_TURN {
            let Some(mode) = self.sockets.mode(id) else { return };
            let is_done = match mode {
                ReceiveMode::Single => self.receive_one(id, network),
                ReceiveMode::Batch => self.receive_batch(id, network),
            };
            if is_done {
                return;
            }
        }
        self.sockets.set_ready(id);
    }

    fn receive_one(&mut self, id: usize, network: &mut Network<'_>) -> bool {
        self.spend(self.processor().receive);
        let Some((peer, message)) = self.sockets.receive(id) else { return true };
        let bytes = encode(message, &self.case.stages);
        let movement = self.datagrams(id, &[(peer, bytes)]);
        if self.effects.len() >= MAX_EFFECTS_TOGETHER {
            self.perform(network);
        }
        movement == Movement::Moved
    }

    fn receive_batch(&mut self, id: usize, network: &mut Network<'_>) -> bool {
        let mut received = Vec::new();
        while let Some((peer, message)) =
            self.sockets.receive(id).filter(|_| received.len() < BATCH)
        {
            received.push((peer, encode(message, &self.case.stages)));
        }
        let more = received.len().saturating_sub(1) as u64;
        self.spend(self.processor().receive + more * self.processor().receive_more);
        let is_done = received.len() < BATCH;
        self.datagrams(id, &received);
        self.perform(network);
        is_done
    }

    fn datagrams(&mut self, id: usize, received: &[(SocketAddr, Vec<u8>)]) -> Movement {
        let datagrams = received.iter().map(|(peer, bytes)| (*peer, &bytes[..]));
        self.call(|server, context| server.handle_datagrams(id, datagrams, context))
    }

    fn expire(&mut self, network: &mut Network<'_>) {
        while let Some(id) = self.server.next_timeout(self.now, &mut self.effects) {
            self.perform(network);
            self.read_transfer(id, network);
            self.input(Input::Timeout(id));
            self.perform(network);
        }
        self.perform(network);
    }

    fn serve_transfers(&mut self, network: &mut Network<'_>) {
        while let Some(service) = self.call(Server::serve_next) {
            if let Service::ReadSocket(id) = service {
                self.read_transfer(id, network);
            }
            if self.effects.len() >= MAX_EFFECTS_TOGETHER {
                self.perform(network);
            }
        }
        self.perform(network);
    }

    fn perform(&mut self, network: &mut Network<'_>) {
        while !self.effects.is_empty() {
            for effect in std::mem::take(&mut self.effects) {
                self.perform_one(effect, network);
            }
        }
    }

    fn perform_one(&mut self, effect: Effect, network: &mut Network<'_>) {
        match effect {
            Effect::Send(datagram) => {
                self.spend(self.processor().send);
                self.send(datagram.via, datagram.to, &datagram.bytes, network);
            }
            Effect::SendBatch(batch) => {
                let more = batch.bytes.len().div_ceil(batch.segment).saturating_sub(1) as u64;
                self.spend(self.processor().send + more * self.processor().send_more);
                for bytes in batch.bytes.chunks(batch.segment) {
                    self.send(batch.via, batch.to, bytes, network);
                }
                self.input(Input::BatchSent { buffer: batch.bytes, partial: None });
            }
            Effect::OpenSocket { token, .. } => {
                let id = self.sockets.open();
                self.input(Input::SocketOpened { token, id });
            }
            Effect::WatchSocket { id, mode } => self.sockets.watch(id, mode),
            Effect::CloseSocket(id) => self.sockets.close(id),
            Effect::Log(_)
            | Effect::LogLimited(..)
            | Effect::Observe(_)
            | Effect::SendDelayed(..) => {}
        }
    }

    fn send(&mut self, via: EgressSocket, to: SocketAddr, bytes: &[u8], network: &mut Network<'_>) {
        let (EgressSocket::Transfer(id), Some(machine)) = (via, machine_of(to)) else { return };
        if let Some(tid) = self.sockets.tid(id) {
            let block = match *bytes {
                [0, 3, high, low, ..] => Some(u16::from_be_bytes([high, low])),
                _ => None,
            };
            self.sockets.sent(id, to, block);
            let sent = Received { at: self.clock, from: tid, port: to.port(), bytes };
            network.deliver(machine, sent);
        }
    }

    /// Blocks that were sent more than once.
    pub fn repeated(&self) -> u64 {
        self.sockets.repeated
    }
}

/// The address of a machine. Each file is loaded from another port.
fn address_of(machine: u32, message: Message) -> SocketAddr {
    let ip = Ipv4Addr::from(u32::from(Ipv4Addr::new(10, 0, 0, 1)) + machine);
    let port = match message {
        Message::Request { stage, probe } => client_port(stage, probe),
        Message::Ack { .. } | Message::Abort { .. } => 0,
    };
    (ip, port).into()
}

fn machine_of(peer: SocketAddr) -> Option<u32> {
    let IpAddr::V4(ip) = peer.ip() else { return None };
    u32::from(ip).checked_sub(u32::from(Ipv4Addr::new(10, 0, 0, 1)))
}

/// The number of the socket of a transfer, as the effects have it.
pub fn socket_of(tid: Tid) -> usize {
    tid.socket as usize
}
