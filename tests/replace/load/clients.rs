//! Many clients in one thread: some load files all the time, and machines boot one after the other.

use super::files::{Files, LARGE, OF_A_MACHINE, ServedRoots};
use super::transfer::{FileRequest, REPEAT, State, Transfer};
use crate::common::random::Random;
use crate::requests::{Port, discover, number_of_reply, pxe_request};
use crate::scene::{CLIENT, CLIENT_BROADCAST, SERVER};
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::RcvBufForce;
use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::ops::RangeInclusive;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// The load.
#[derive(Clone, Copy)]
pub struct ClientLoad {
    /// Transfers at once.
    pub loaders: u32,
    /// A machine begins to boot after each such interval.
    pub machine_interval: Duration,
    /// A client acknowledges a window after this time.
    pub pace: Duration,
}

/// How far the run is.
#[derive(Default)]
pub struct Phase {
    /// No client begins any more.
    pub is_over: AtomicBool,
    /// All clients have finished. They only acknowledge the last block again.
    pub is_finished: AtomicBool,
    /// No server needs them any more.
    pub may_end: AtomicBool,
}

/// What happened.
#[derive(Default)]
pub struct Counts {
    pub machines: u64,
    pub transfers: u64,
    /// Requests that were sent, in the order of [`PORTS`](crate::requests::PORTS).
    pub requests: [u64; 3],
    /// Requests that got no answer at all.
    pub unanswered: [u64; 3],
    pub failures: Vec<String>,
}

/// The client that a transfer is for.
#[derive(Clone, Copy)]
enum Owner {
    Loader,
    Machine,
    /// The request was sent again from another port. This one may still be answered.
    Abandoned,
}

struct Attempt {
    transfer: Transfer,
    owner: Owner,
    /// The request was sent this number of times before.
    repeats: u32,
}

/// A machine before it loads files.
struct Machine {
    port: Port,
    due: Instant,
    repeats: u32,
}

struct Run<'a> {
    clients: ClientLoad,
    files: &'a Files,
    roots: &'a ServedRoots,
    poll: Poll,
    /// Port 68 for broadcasts, and port 4011.
    sockets: [UdpSocket; 2],
    attempts: HashMap<usize, Attempt>,
    /// Transfers that are over. Their server may not know it yet.
    over: HashMap<usize, Transfer>,
    /// When they have ended.
    ends: VecDeque<(Instant, usize)>,
    machines: HashMap<u32, Machine>,
    /// Requests without an answer: their machine.
    open: [HashMap<u32, u32>; 2],
    numbers: u32,
    next_token: usize,
    random: Random,
    counts: Counts,
}

/// The ports of transfers, one after the other.
const PORTS: RangeInclusive<u16> = 10_000..=65_000;
const RECEIVE_BUFFER: usize = 8 << 20;
const MAX_REPEATS: u32 = 30;
/// How often it is checked what is due.
const TICK: Duration = Duration::from_millis(2);
/// For this time after the end a client sends the last datagram again if the server does.
const DALLY: Duration = Duration::from_secs(25);
/// The time for the last transfers.
const DRAIN: Duration = Duration::from_secs(120);

impl ClientLoad {
    /// 200 transfers at once, and a machine each 10 ms.
    pub const STANDARD: Self = Self {
        loaders: 200,
        machine_interval: Duration::from_millis(10),
        pace: Duration::from_millis(50),
    };

    /// Must be called in the namespace of the client.
    pub fn run(self, files: &Files, roots: &ServedRoots, phase: &Phase) -> Counts {
        let mut run = Run::new(self, files, roots);
        (0..self.loaders).for_each(|_| run.load_any());
        let (mut events, mut next_machine) = (Events::with_capacity(512), Instant::now());
        let mut over_since = None;
        loop {
            match run.poll.poll(&mut events, Some(TICK)) {
                Err(error) if error.kind() != std::io::ErrorKind::Interrupted => panic!("{error}"),
                _ => {}
            }
            let now = Instant::now();
            if phase.is_over.load(Ordering::Relaxed) {
                over_since.get_or_insert(now);
            }
            while over_since.is_none() && next_machine <= now {
                next_machine += self.machine_interval;
                run.numbers += 1;
                run.ask(run.numbers, Port::Dhcp, 0);
            }
            for event in &events {
                run.ready(event.token(), over_since.is_none());
            }
            run.tick(now, over_since.is_none());
            let is_late = over_since.is_some_and(|since| now.duration_since(since) > DRAIN);
            if over_since.is_some() && (run.is_finished() || is_late) {
                phase.is_finished.store(true, Ordering::Relaxed);
                if phase.may_end.load(Ordering::Relaxed) {
                    return run.finish();
                }
            }
        }
    }
}

impl<'a> Run<'a> {
    fn new(clients: ClientLoad, files: &'a Files, roots: &'a ServedRoots) -> Self {
        let poll = Poll::new().expect("a poll");
        let mut sockets = ["0.0.0.0:68", &format!("{CLIENT}:4011")].map(|address| {
            let address: SocketAddr = address.parse().expect("an address");
            let socket = UdpSocket::bind(address).expect("a socket");
            socket.set_broadcast(true).expect("a socket");
            setsockopt(&socket, RcvBufForce, &RECEIVE_BUFFER).expect("root can enlarge a buffer");
            socket
        });
        for (token, socket) in sockets.iter_mut().enumerate() {
            let registered = poll.registry().register(socket, Token(token), Interest::READABLE);
            registered.expect("a socket");
        }
        Self {
            clients,
            files,
            roots,
            poll,
            sockets,
            attempts: HashMap::new(),
            over: HashMap::new(),
            ends: VecDeque::new(),
            machines: HashMap::new(),
            open: [HashMap::new(), HashMap::new()],
            numbers: 0,
            next_token: 2,
            random: Random::new(21),
            counts: Counts::default(),
        }
    }

    /// Sends a request of a machine to port 67 or 4011.
    fn ask(&mut self, machine: u32, port: Port, repeats: u32) {
        self.numbers += 1;
        let number = self.numbers;
        let (server, request) = match port {
            Port::Dhcp => (CLIENT_BROADCAST, discover(number, machine)),
            _ => (SERVER, pxe_request(number, machine, CLIENT)),
        };
        let server = SocketAddr::new(server.parse().expect("an address"), port.number());
        let index = port as usize;
        self.sockets[index].send_to(&request, server).expect("the link is up");
        self.counts.requests[index] += 1;
        self.open[index].insert(number, machine);
        self.machines.insert(machine, Machine { port, due: Instant::now() + REPEAT, repeats });
    }

    /// Requests a file from a new port.
    fn load(&mut self, owner: Owner, file_request: FileRequest, repeats: u32) {
        let token = self.next_token;
        let port = PORTS.start() + u16::try_from(token % PORTS.len()).expect("a port");
        let mut transfer = Transfer::begin(file_request, self.roots.get(), port);
        self.next_token += 1;
        let registry = self.poll.registry();
        let registered = registry.register(&mut transfer.socket, Token(token), Interest::READABLE);
        registered.expect("a socket");
        self.counts.requests[Port::Tftp as usize] += 1;
        self.attempts.insert(token, Attempt { transfer, owner, repeats });
    }

    /// Loads a large file.
    fn load_any(&mut self) {
        let file_request =
            FileRequest { file: self.random.of(&LARGE), windowsize: self.random.of(&[1, 1, 2, 4]) };
        self.load(Owner::Loader, file_request, 0);
    }

    fn ready(&mut self, token: Token, goes_on: bool) {
        if token.0 < self.sockets.len() {
            return self.replies(token.0);
        }
        if let Some(transfer) = self.over.get(&token.0) {
            return transfer.answer_again();
        }
        let Some(attempt) = self.attempts.get_mut(&token.0) else { return };
        let state = attempt.transfer.receive(self.files, self.roots.get(), self.clients.pace);
        self.changed(token.0, state, goes_on);
    }

    /// Reads replies on port 68 or 4011.
    fn replies(&mut self, index: usize) {
        let mut buffer = [0; 2048];
        while let Ok((size, _)) = self.sockets[index].recv_from(&mut buffer) {
            let number = number_of_reply(&buffer[..size]);
            let Some(id) = number.and_then(|number| self.open[index].remove(&number)) else {
                continue;
            };
            // A reply to a request that was sent again meanwhile is not needed.
            let is_current =
                self.machines.get(&id).is_some_and(|machine| machine.port as usize == index);
            match (is_current, index) {
                (false, _) => {}
                (true, 0) => self.ask(id, Port::Pxe, 0),
                (true, _) => {
                    self.machines.remove(&id);
                    let file_request = FileRequest { file: OF_A_MACHINE[0], windowsize: 1 };
                    self.load(Owner::Machine, file_request, 0);
                }
            }
        }
    }

    fn tick(&mut self, now: Instant, goes_on: bool) {
        while let Some((at, token)) = self.ends.front()
            && now.duration_since(*at) > DALLY
        {
            self.over.remove(token);
            self.ends.pop_front();
        }
        let late: Vec<u32> = self
            .machines
            .iter()
            .filter(|(_, machine)| machine.due <= now)
            .map(|(id, _)| *id)
            .collect();
        for id in late {
            let Machine { port, repeats, .. } = self.machines[&id];
            if repeats == MAX_REPEATS {
                self.machines.remove(&id);
                self.counts.failures.push(format!("no answer on port {}", port.number()));
            } else {
                self.ask(id, port, repeats + 1);
            }
        }
        let states: Vec<(usize, State)> = self
            .attempts
            .iter_mut()
            .filter(|(_, attempt)| !matches!(attempt.owner, Owner::Abandoned))
            .map(|(token, attempt)| (*token, attempt.transfer.tick(now)))
            .filter(|(_, state)| *state != State::Open)
            .collect();
        for (token, state) in states {
            self.changed(token, state, goes_on);
        }
    }

    fn changed(&mut self, token: usize, state: State, goes_on: bool) {
        let Some(attempt) = self.attempts.get_mut(&token) else { return };
        let Attempt { owner, repeats, transfer } = attempt;
        let (owner, repeats, file_request) = (*owner, *repeats, transfer.file_request);
        if matches!(owner, Owner::Abandoned) {
            if transfer.is_answered() {
                transfer.abandon();
                let attempt = self.attempts.remove(&token);
                self.over.extend(attempt.map(|attempt| (token, attempt.transfer)));
                self.ends.push_back((Instant::now(), token));
            }
            return;
        }
        match state {
            State::Open => {}
            State::Unanswered if repeats < MAX_REPEATS => {
                attempt.owner = Owner::Abandoned;
                self.load(owner, file_request, repeats + 1);
            }
            State::Unanswered => {
                self.ended(token, Err("no answer on port 69".to_owned()), goes_on);
            }
            State::Complete => self.ended(token, Ok(()), goes_on),
            State::Failed(reason) => self.ended(token, Err(reason), goes_on),
        }
    }

    /// A transfer has ended: the client goes on.
    fn ended(&mut self, token: usize, result: Result<(), String>, goes_on: bool) {
        let Some(Attempt { owner, mut transfer, .. }) = self.attempts.remove(&token) else {
            return;
        };
        let position = OF_A_MACHINE.iter().position(|file| *file == transfer.file_request.file);
        match result {
            Ok(()) => self.counts.transfers += 1,
            Err(reason) => {
                self.counts.failures.push(reason);
                transfer.abandon();
            }
        }
        self.over.insert(token, transfer);
        self.ends.push_back((Instant::now(), token));
        match owner {
            Owner::Loader if goes_on => self.load_any(),
            Owner::Machine => match position.and_then(|last| OF_A_MACHINE.get(last + 1)) {
                Some(file) => self.load(owner, FileRequest { file: *file, windowsize: 1 }, 0),
                None => self.counts.machines += 1,
            },
            Owner::Loader | Owner::Abandoned => {}
        }
    }

    fn is_finished(&self) -> bool {
        let mut owners = self.attempts.values().map(|attempt| attempt.owner);
        self.machines.is_empty() && owners.all(|owner| matches!(owner, Owner::Abandoned))
    }

    fn finish(mut self) -> Counts {
        let unfinished =
            self.attempts.values().filter(|attempt| !matches!(attempt.owner, Owner::Abandoned));
        let unfinished = unfinished.count() + self.machines.len();
        if unfinished > 0 {
            self.counts.failures.push(format!("{unfinished} clients have not finished"));
        }
        let abandoned = self.attempts.len() as u64;
        self.counts.unanswered = [self.open[0].len() as u64, self.open[1].len() as u64, abandoned];
        self.counts
    }
}
