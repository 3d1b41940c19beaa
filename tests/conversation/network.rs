//! A server, clients, and a network between them. A script decides which datagrams are lost, duplicated and reordered.

use super::client::{Client, ReadRequest};
use super::disk::Disk;
use pxemasq::config::Tftp;
use pxemasq::effect::{Effect, SocketToken};
use pxemasq::net::{Address, EgressSocket, Interfaces, Link, ReceivedDatagram};
use pxemasq::tftp::schedule::HOLD_LIMIT;
use pxemasq::tftp::{Context, Input, Server, Service};
use pxemasq::time::Timestamp;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

const SERVER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 9, 0, 1));
const CLIENTS: u8 = 6;
/// Fewer than clients, so that clients share addresses.
const ADDRESSES: u8 = 3;
/// After this many transmissions of the same datagram a client sends a new request.
const MAX_REPEATS: usize = 8;
/// Limit in milliseconds for all transfers on a network without faults.
const TIME_LIMIT: u64 = 1_000_000;

/// A datagram in flight to a client.
struct ToClient {
    to: SocketAddr,
    from: (EgressSocket, usize),
    bytes: Vec<u8>,
}

/// A socket of a transfer.
#[derive(Clone, Copy, Default)]
struct Socket {
    open: bool,
    /// Whether the server receives its datagrams (`Effect::WatchSocket`).
    watched: bool,
    /// How many times it was closed.
    closed: usize,
}

/// A datagram in flight to the server. `to` is the socket and its `closed` counter, so that a datagram for an earlier
/// transfer does not reach a later one; `None`: port 69.
struct ToServer {
    from: SocketAddr,
    to: Option<(usize, usize)>,
    bytes: Vec<u8>,
}

/// Server, clients, network and disk.
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
    /// Datagrams in the sockets of transfers that the server has not read yet.
    unread: BTreeMap<usize, Vec<(SocketAddr, Vec<u8>)>>,
    /// Number of complete downloads.
    pub delivered: usize,
}

/// Runs a script and returns the number of complete downloads.
///
/// # Panics
/// If a check fails.
pub fn play(script: &[u8]) -> usize {
    let Some((first, mut rest)) = script.split_first() else { return 0 };
    let mut network = Network::new(*first);
    while let [step, argument, more @ ..] = rest {
        rest = network.step(*step, *argument, more);
    }
    network.finish_without_faults();
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
            unread: BTreeMap::new(),
            delivered: 0,
        }
    }

    /// Runs one step of the script and returns the rest of the script.
    fn step<'s>(&mut self, step: u8, argument: u8, rest: &'s [u8]) -> &'s [u8] {
        let nth = usize::from(argument & 0x3f);
        let flag = argument & 0x80 != 0;
        match step % 16 {
            0 => {
                let [low, high, rest @ ..] = rest else { return &[] };
                self.start_download(
                    argument % CLIENTS,
                    ReadRequest::new(u16::from_le_bytes([*low, *high])),
                );
                return rest;
            }
            1..=4 => self.deliver_to_client(nth, flag),
            5..=8 => {
                self.deliver_to_server(nth, flag);
                // Otherwise the transfer is held.
                if argument & 0x40 == 0 {
                    self.serve();
                }
            }
            9 if self.to_clients.len() > nth => drop(self.to_clients.remove(nth)),
            10 if self.to_server.len() > nth => drop(self.to_server.remove(nth)),
            11 => self.advance([1, 10, 50, 100, 250, 1000, 5000, 30_000][nth & 7]),
            12 => self.retransmit(argument % CLIENTS),
            13 => {
                let (noise, rest) = rest.split_at(rest.len().min(usize::from(argument >> 4)));
                self.inject(argument & 15, noise.to_vec());
                return rest;
            }
            14 => self.set_disk_slow(flag),
            15 => self.abandon(argument % CLIENTS, flag),
            _ => {}
        }
        rest
    }

    fn start_download(&mut self, slot: u8, request: ReadRequest) {
        // Each attempt uses a new port, as firmware does.
        self.next_port += 1;
        let client = Client::new(slot % ADDRESSES, self.next_port, request);
        self.clients[usize::from(slot)] = Some(client);
        self.retransmit(slot);
    }

    /// A client retransmits after a timeout.
    fn retransmit(&mut self, slot: u8) {
        let Some(client) = &mut self.clients[usize::from(slot)] else { return };
        if client.repeats >= MAX_REPEATS {
            let request = client.request;
            return self.start_download(slot, request);
        }
        let (bytes, from, peer) = (client.retransmission(), address(client), client.peer);
        self.queue_for_server(from, peer, bytes);
    }

    fn queue_for_server(&mut self, from: SocketAddr, peer: Option<EgressSocket>, bytes: Vec<u8>) {
        let to = match peer {
            Some(EgressSocket::Transfer(id)) => Some((id, self.sockets[id].closed)),
            // Nothing is received from the socket for errors.
            Some(EgressSocket::TftpErrors) => return,
            _ => None,
        };
        self.to_server.push(ToServer { from, to, bytes });
    }

    fn abandon(&mut self, slot: u8, with_error: bool) {
        if let Some(client) = self.clients[usize::from(slot)].take().filter(|_| with_error) {
            self.queue_for_server(address(&client), client.peer, b"\0\x05\0\0no\0".to_vec());
        }
    }

    /// An unrelated host sends a random datagram to port 69 or to the socket of a transfer.
    fn inject(&mut self, choice: u8, bytes: Vec<u8>) {
        let from = SocketAddr::from(([10, 9, 0, 2 + choice % ADDRESSES], 9));
        let id = usize::from(choice / 4);
        let to = self.sockets.get(id).map(|socket| (id, socket.closed)).filter(|_| choice & 3 != 0);
        self.to_server.push(ToServer { from, to, bytes });
    }

    fn deliver_to_client(&mut self, nth: usize, duplicate: bool) {
        if self.to_clients.is_empty() {
            return;
        }
        let at = nth % self.to_clients.len();
        let ToClient { to, from, bytes } = &self.to_clients[at];
        let (to, (via, opened), bytes) = (*to, *from, bytes.clone());
        if !duplicate {
            self.to_clients.remove(at);
        }
        let found = self.clients.iter_mut().flatten().find(|client| client.port == to.port());
        let Some(client) = found else { return };
        if *client.peer.get_or_insert(via) != via {
            return;
        }
        if let [0, 5, ..] = bytes[..] {
            // The request was refused or the transfer was evicted: the client sends a new request.
            client.repeats = MAX_REPEATS;
            return;
        }
        let (answer, from) = (client.receive(&bytes), address(client));
        if client.done {
            self.delivered += 1;
            self.clients.iter_mut().for_each(|entry| {
                drop(entry.take_if(|client| client.done));
            });
        }
        let to = if let EgressSocket::Transfer(id) = via { Some((id, opened)) } else { None };
        if let Some(bytes) = answer {
            self.to_server.push(ToServer { from, to, bytes });
        }
    }

    fn deliver_to_server(&mut self, nth: usize, duplicate: bool) {
        if self.to_server.is_empty() {
            return;
        }
        let at = nth % self.to_server.len();
        let ToServer { from, to, bytes } = &self.to_server[at];
        let (peer, to, bytes) = (*from, *to, bytes.clone());
        if !duplicate {
            self.to_server.remove(at);
        }
        let effects = if let Some((id, closed)) = to {
            let socket = self.sockets[id];
            if !socket.watched || socket.closed != closed {
                return;
            }
            self.unread.entry(id).or_default().push((peer, bytes));
            return self.server.socket_ready(id, self.now);
        } else {
            let datagram = ReceivedDatagram { bytes: &bytes, peer, local: SERVER, interface: 2 };
            self.input(Input::Request { listener: 0, datagram })
        };
        check_answers(&bytes, &effects);
        self.apply(effects);
    }

    /// Serves all transfers whose sockets are ready.
    fn serve(&mut self) {
        while self.server.has_held() {
            let (service, effects) = self.call(Server::serve_next);
            self.apply(effects);
            let Some(Service::ReadSocket(id)) = service else { continue };
            let unread = self.unread.remove(&id).unwrap_or_default();
            let datagrams = unread.iter().map(|(peer, bytes)| (*peer, &bytes[..]));
            let (_, effects) =
                self.call(|server, context| server.handle_datagrams(id, datagrams, context));
            if let [(_, bytes)] = &unread[..] {
                check_answers(bytes, &effects);
            }
            self.apply(effects);
        }
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
        self.apply(effects);
    }

    /// Advances the clock. Each timeout is handled at its deadline.
    fn advance(&mut self, millis: u64) {
        if u128::from(millis) > HOLD_LIMIT.as_millis() {
            self.serve();
        }
        let until = self.now + Duration::from_millis(millis);
        while let Some(due) = self.server.deadline().filter(|due| *due <= until) {
            self.now = self.now.max(due);
            self.handle_timeouts();
        }
        self.now = until;
        self.handle_timeouts();
        self.serve();
    }

    fn handle_timeouts(&mut self) {
        let mut effects = Vec::new();
        while let Some(id) = self.server.next_timeout(self.now, &mut effects) {
            effects.extend(self.input(Input::Timeout(id)));
        }
        self.apply(effects);
        loop {
            let (admitted, effects) = self.call(Server::admit_next);
            self.apply(effects);
            if !admitted {
                return;
            }
        }
    }

    fn set_disk_slow(&mut self, slow: bool) {
        self.disk.slow = slow;
        if slow {
            return;
        }
        let (parts, lookups) = self.disk.take_pending();
        for (file, offset) in parts {
            let effects = self.input(Input::DiskRead { file, offset });
            self.apply(effects);
        }
        for lookup in &lookups {
            let effects = self.input(Input::LookedUp(lookup));
            self.apply(effects);
        }
        loop {
            let (resumed, effects) = self.call(Server::resume_next);
            self.apply(effects);
            if !resumed {
                return;
            }
        }
    }

    /// Applies the effects that the server returned.
    fn apply(&mut self, effects: Vec<Effect>) {
        for effect in effects {
            match effect {
                Effect::Send(sent) => self.queue_for_client(sent.to, sent.via, sent.bytes),
                Effect::SendBatch(batch) => {
                    for bytes in batch.bytes.chunks(batch.segment) {
                        self.queue_for_client(batch.to, batch.via, bytes.to_vec());
                    }
                    let sent = Input::BatchSent { buffer: batch.bytes, partial: None };
                    assert_eq!(self.input(sent), [], "a complete batch has no further effects");
                }
                Effect::CloseSocket(id) => {
                    let Socket { open, closed, .. } = self.sockets[id];
                    assert!(open, "a socket is closed twice");
                    self.unread.remove(&id);
                    self.sockets[id] = Socket { closed: closed + 1, ..Socket::default() };
                }
                Effect::Log(line) | Effect::LogLimited(_, line) => {
                    assert!(!line.to_string().contains('\n'), "{line}");
                }
                Effect::OpenSocket { token, .. } => self.open_socket(token),
                Effect::WatchSocket { id, .. } => {
                    assert!(self.sockets[id].open, "a closed socket is watched");
                    self.sockets[id].watched = true;
                }
                Effect::Observe(_) => {}
                Effect::SendDelayed(..) => panic!("an effect of the DHCP core"),
            }
        }
        assert!(
            self.server.load().transfers <= self.tftp.max_transfers + 1,
            "more transfers than tftp-max"
        );
    }

    fn queue_for_client(&mut self, to: SocketAddr, via: EgressSocket, bytes: Vec<u8>) {
        let opened = match via {
            EgressSocket::Transfer(id) => {
                assert!(self.sockets[id].open, "a closed socket sends a datagram");
                self.sockets[id].closed
            }
            _ => 0,
        };
        let client = self.clients.iter_mut().flatten().find(|client| address(client) == to);
        if let Some(client) = client {
            client.check_sent(&bytes);
        }
        self.to_clients.push(ToClient { to, from: (via, opened), bytes });
    }

    /// Delivers all datagrams without faults: each client must get its file, and all resources must be released.
    fn finish_without_faults(&mut self) {
        self.set_disk_slow(false);
        let end = self.now + Duration::from_millis(TIME_LIMIT);
        while self.clients.iter().any(Option::is_some) {
            while !self.to_clients.is_empty() || !self.to_server.is_empty() {
                self.deliver_to_server(0, false);
                self.serve();
                self.deliver_to_client(0, false);
            }
            self.advance(1000);
            if self.to_clients.is_empty() {
                for slot in 0..CLIENTS {
                    self.retransmit(slot);
                }
            }
            assert!(self.now < end, "a client did not get its file before the time limit");
        }
        // Transfers whose clients sent no ERROR end by their timeout.
        self.advance(TIME_LIMIT);
        assert_eq!(
            (self.server.load().transfers, self.disk.in_use()),
            (0, 0),
            "a transfer or a file is still open"
        );
        assert!(self.sockets.iter().all(|socket| !socket.open), "a socket is still open");
    }
}

/// The answer to an ERROR must not be an ERROR.
fn check_answers(bytes: &[u8], effects: &[Effect]) {
    let is_error_sent =
        |effect: &Effect| matches!(effect, Effect::Send(sent) if sent.bytes[1] == 5);
    let is_error = matches!(bytes[..], [0, 5, ..]);
    assert!(!(is_error && effects.iter().any(is_error_sent)), "the reply to an ERROR is an ERROR");
}

fn address(client: &Client) -> SocketAddr {
    SocketAddr::from(([10, 9, 0, 2 + client.address], client.port))
}
