//! A server, clients, and a network between them that loses, repeats and reorders what it likes; a script says what.

use super::client::{Client, Wish};
use super::disk::Disk;
use pxemasq::config::Tftp;
use pxemasq::effect::{Effect, SocketToken};
use pxemasq::net::{Address, EgressSocket, Interfaces, Link, ReceivedDatagram};
use pxemasq::tftp::{Context, Input, Server};
use pxemasq::time::Timestamp;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));
const CLIENTS: u8 = 6;
/// They share addresses.
const ADDRESSES: u8 = 3;
/// A client that has said the same so often begins again.
const MOST_REPEATS: usize = 8;
/// In a network without faults everybody has what he wants by then, in milliseconds.
const PATIENCE: u64 = 1_000_000;

/// A datagram on its way to a client.
struct ToClient {
    to: SocketAddr,
    from: (EgressSocket, usize),
    bytes: Vec<u8>,
}

/// A socket of a transfer.
#[derive(Clone, Copy, Default)]
struct Socket {
    open: bool,
    /// Whether the server has asked for its datagrams. Without that they do not arrive.
    watched: bool,
    /// How often it was closed before.
    closed: usize,
}

/// A datagram on its way to the server, by the socket and how often that was opened before; `None`: to port 69.
struct ToServer {
    from: SocketAddr,
    to: Option<(usize, usize)>,
    bytes: Vec<u8>,
}

/// All of it.
pub struct Network {
    tftp: Tftp,
    interfaces: Interfaces,
    server: Server,
    disk: Disk,
    now: Timestamp,
    clients: Vec<Option<Client>>,
    next_port: u16,
    to_clients: Vec<ToClient>,
    to_server: Vec<ToServer>,
    sockets: Vec<Socket>,
    /// Files that arrived.
    pub delivered: usize,
}

/// Plays a script; what does not hold is a panic. Files that arrived.
pub fn play(script: &[u8]) -> usize {
    let Some((first, mut rest)) = script.split_first() else { return 0 };
    let mut network = Network::new(*first);
    while let [step, argument, more @ ..] = rest {
        rest = network.step(*step, *argument, more);
    }
    network.calms_down();
    network.delivered
}

impl Network {
    fn new(choice: u8) -> Self {
        let most = [50, 0, 1, 2][usize::from(choice >> 1 & 3)];
        let tftp = Tftp {
            single_port: choice & 1 == 1,
            max_transfers: most.max(usize::from(choice & 1)),
            no_blocksize: choice & 8 == 8,
            log_transfers: choice & 16 == 16,
            ..Tftp::default()
        };
        let link = Link { index: 2, name: "eth0".to_owned(), mtu: 1500, ..Link::default() };
        let address = Address { interface: 2, ip: SERVER, prefix: 24, label: None };
        Self {
            tftp,
            interfaces: Interfaces { links: vec![link], addresses: vec![address] },
            server: Server::default(),
            disk: Disk::new(),
            now: Timestamp(0),
            clients: (0..CLIENTS).map(|_| None).collect(),
            next_port: 1024,
            to_clients: Vec::new(),
            to_server: Vec::new(),
            sockets: Vec::new(),
            delivered: 0,
        }
    }

    /// One step of the script; what is left of it.
    fn step<'s>(&mut self, step: u8, argument: u8, rest: &'s [u8]) -> &'s [u8] {
        let nth = usize::from(argument & 0x3f);
        let once_more = argument & 0x80 != 0;
        match step % 16 {
            0 => {
                let [low, high, rest @ ..] = rest else { return &[] };
                self.asks(argument % CLIENTS, Wish::new(u16::from_le_bytes([*low, *high])));
                return rest;
            }
            1..=4 => self.reaches_client(nth, once_more),
            5..=8 => self.reaches_server(nth, once_more),
            9 if self.to_clients.len() > nth => drop(self.to_clients.remove(nth)),
            10 if self.to_server.len() > nth => drop(self.to_server.remove(nth)),
            11 => self.passes([1, 10, 50, 100, 250, 1000, 5000, 30_000][nth & 7]),
            12 => self.repeats(argument % CLIENTS),
            13 => {
                let (noise, rest) = rest.split_at(rest.len().min(usize::from(argument >> 4)));
                self.noise(argument & 15, noise.to_vec());
                return rest;
            }
            14 => self.disk_is(once_more),
            15 => self.gives_up(argument % CLIENTS, once_more),
            _ => {}
        }
        rest
    }

    fn asks(&mut self, who: u8, wish: Wish) {
        // Each attempt has a port of its own, as firmware does it.
        self.next_port += 1;
        let client = Client::new(who % ADDRESSES, self.next_port, wish);
        self.clients[usize::from(who)] = Some(client);
        self.repeats(who);
    }

    /// A client has heard nothing for a while.
    fn repeats(&mut self, who: u8) {
        let Some(client) = &mut self.clients[usize::from(who)] else { return };
        if client.repeats >= MOST_REPEATS {
            let wish = client.wish;
            return self.asks(who, wish);
        }
        let (bytes, from, peer) = (client.says(), address(client), client.peer);
        self.sends(from, peer, bytes);
    }

    fn sends(&mut self, from: SocketAddr, peer: Option<EgressSocket>, bytes: Vec<u8>) {
        let to = match peer {
            Some(EgressSocket::Transfer(id)) => Some((id, self.sockets[id].closed)),
            _ => None,
        };
        self.to_server.push(ToServer { from, to, bytes });
    }

    fn gives_up(&mut self, who: u8, says_so: bool) {
        if let Some(client) = self.clients[usize::from(who)].take().filter(|_| says_so) {
            self.sends(address(&client), client.peer, b"\0\x05\0\0no\0".to_vec());
        }
    }

    /// Anybody sends anything to port 69, or to a transfer.
    fn noise(&mut self, choice: u8, bytes: Vec<u8>) {
        let from = SocketAddr::from(([10, 9, 0, 2 + choice % ADDRESSES], 9));
        let id = usize::from(choice / 4);
        let to = self.sockets.get(id).map(|socket| (id, socket.closed)).filter(|_| choice & 3 != 0);
        self.to_server.push(ToServer { from, to, bytes });
    }

    fn reaches_client(&mut self, nth: usize, once_more: bool) {
        if self.to_clients.is_empty() {
            return;
        }
        let at = nth % self.to_clients.len();
        let ToClient { to, from, bytes } = &self.to_clients[at];
        let (to, (via, opened), bytes) = (*to, *from, bytes.clone());
        if !once_more {
            self.to_clients.remove(at);
        }
        let found = self.clients.iter_mut().flatten().find(|client| client.port == to.port());
        let Some(client) = found else { return };
        if *client.peer.get_or_insert(via) != via {
            return;
        }
        if let [0, 5, ..] = bytes[..] {
            // Refused, or pushed out: it begins again.
            client.repeats = MOST_REPEATS;
            return;
        }
        let (answer, from) = (client.hears(&bytes), address(client));
        if client.done {
            self.delivered += 1;
            self.clients.iter_mut().for_each(|slot| {
                drop(slot.take_if(|client| client.done));
            });
        }
        let to = if let EgressSocket::Transfer(id) = via { Some((id, opened)) } else { None };
        answer.into_iter().for_each(|bytes| self.to_server.push(ToServer { from, to, bytes }));
    }

    fn reaches_server(&mut self, nth: usize, once_more: bool) {
        if self.to_server.is_empty() {
            return;
        }
        let at = nth % self.to_server.len();
        let ToServer { from, to, bytes } = &self.to_server[at];
        let (peer, to, bytes) = (*from, *to, bytes.clone());
        if !once_more {
            self.to_server.remove(at);
        }
        let effects = if let Some((id, closed)) = to {
            let socket = self.sockets[id];
            if !socket.watched || socket.closed != closed {
                return;
            }
            let datagrams = std::iter::once((peer, &bytes[..]));
            self.call(|server, context| server.handle_datagrams(id, datagrams, context)).1
        } else {
            let datagram = ReceivedDatagram { bytes: &bytes, peer, local: SERVER, interface: 2 };
            self.input(Input::Request { listener: 0, datagram })
        };
        let answers = |effect: &Effect| matches!(effect, Effect::Send(sent) if sent.bytes[1] == 5);
        let is_error = matches!(bytes[..], [0, 5, ..]);
        assert!(!(is_error && effects.iter().any(answers)), "an error is answered by an error");
        self.take(effects);
    }

    fn input(&mut self, input: Input<'_>) -> Vec<Effect> {
        self.call(|server, context| server.handle_input(input, context)).1
    }

    /// Calls the server. Returns its result and its effects.
    fn call<R>(
        &mut self,
        call: impl FnOnce(&mut Server, &mut Context<'_, Disk>) -> R,
    ) -> (R, Vec<Effect>) {
        let Self { server, tftp, interfaces, disk, now, .. } = self;
        let mut effects = Vec::new();
        let mut context =
            Context { tftp, interfaces, files: disk, effects: &mut effects, now: *now };
        let result = call(server, &mut context);
        (result, effects)
    }

    fn open_socket(&mut self, token: SocketToken) {
        let free = self.sockets.iter().position(|socket| !socket.open);
        let id = free.unwrap_or(self.sockets.len());
        if id == self.sockets.len() {
            self.sockets.push(Socket::default());
        }
        self.sockets[id].open = true;
        let effects = self.input(Input::SocketOpened { token, id });
        self.take(effects);
    }

    /// Time passes; what is due is done, in time.
    fn passes(&mut self, millis: u64) {
        let until = self.now + Duration::from_millis(millis);
        while let Some(due) = self.server.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.is_due();
        }
        self.now = until;
        self.is_due();
    }

    fn is_due(&mut self) {
        let mut effects = Vec::new();
        while let Some(id) = self.server.next_timeout(self.now, &mut effects) {
            effects.extend(self.input(Input::Timeout(id)));
        }
        self.take(effects);
        loop {
            let (admitted, effects) = self.call(Server::admit_next);
            self.take(effects);
            if !admitted {
                return;
            }
        }
    }

    fn disk_is(&mut self, slow: bool) {
        self.disk.slow = slow;
        if slow {
            return;
        }
        let (parts, lookups) = self.disk.tell();
        for (file, offset) in parts {
            let effects = self.input(Input::DiskRead { file, offset });
            self.take(effects);
        }
        for lookup in &lookups {
            let effects = self.input(Input::LookedUp(lookup));
            self.take(effects);
        }
        loop {
            let (resumed, effects) = self.call(Server::resume_next);
            self.take(effects);
            if !resumed {
                return;
            }
        }
    }

    /// What the server wants done.
    fn take(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(sent) => self.leaves(sent.to, sent.via, sent.bytes),
                Effect::SendBatch(batch) => {
                    for bytes in batch.bytes.chunks(batch.segment) {
                        self.leaves(batch.to, batch.via, bytes.to_vec());
                    }
                    let sent = Input::BatchSent { buffer: batch.bytes, partial: None };
                    assert_eq!(self.input(sent), [], "a batch that was sent needs no answer");
                }
                Effect::CloseSocket(id) => {
                    let Socket { open, closed, .. } = self.sockets[id];
                    assert!(open, "a socket is closed once");
                    self.sockets[id] = Socket { closed: closed + 1, ..Socket::default() };
                }
                Effect::Log(line) | Effect::LogLimited(_, line) => {
                    assert!(!line.to_string().contains('\n'), "{line}");
                }
                Effect::OpenSocket { token, .. } => self.open_socket(token),
                Effect::WatchSocket { id, .. } => {
                    assert!(self.sockets[id].open, "a closed socket is not watched");
                    self.sockets[id].watched = true;
                }
                Effect::Observe(_) => {}
                Effect::SendDelayed(..) => panic!("that is of DHCP"),
            }
        }
        assert!(self.server.load().transfers <= self.tftp.max_transfers + 1, "more than tftp-max");
    }

    fn leaves(&mut self, to: SocketAddr, via: EgressSocket, bytes: Vec<u8>) {
        let opened = match via {
            EgressSocket::Transfer(id) => {
                assert!(self.sockets[id].open, "a closed socket sends nothing");
                self.sockets[id].closed
            }
            _ => 0,
        };
        let client = self.clients.iter_mut().flatten().find(|client| address(client) == to);
        client.into_iter().for_each(|client| client.is_sent(&bytes));
        self.to_clients.push(ToClient { to, from: (via, opened), bytes });
    }

    /// From now on nothing is lost and everybody is patient: then each client gets its file, and nothing is left.
    fn calms_down(&mut self) {
        self.disk_is(false);
        let end = self.now + Duration::from_millis(PATIENCE);
        while self.clients.iter().any(Option::is_some) {
            while !self.to_clients.is_empty() || !self.to_server.is_empty() {
                self.reaches_server(0, false);
                self.reaches_client(0, false);
            }
            self.passes(1000);
            if self.to_clients.is_empty() {
                (0..CLIENTS).for_each(|who| self.repeats(who));
            }
            assert!(self.now < end, "somebody never gets his file");
        }
        // Those whose clients have gone without a word end by themselves.
        self.passes(PATIENCE);
        assert_eq!((self.server.load().transfers, self.disk.in_use()), (0, 0), "something is left");
        assert!(self.sockets.iter().all(|socket| !socket.open), "a socket is left");
    }
}

fn address(client: &Client) -> SocketAddr {
    SocketAddr::from(([10, 9, 0, 2 + client.address], client.port))
}
