//! Many TFTP clients in one thread, each with its own socket.

use super::common::lab::{Host, Lab, Process, eventually};
use super::common::measure::{CLIENT_CORE, SERVER_CORE, bind_to_core, family, family_cpu_seconds};
use super::common::random::Random;
use mio::net::UdpSocket;
use mio::{Events, Interest, Poll, Token};
use std::io::ErrorKind;
use std::net::SocketAddr;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// The load.
#[derive(Clone)]
pub struct TftpLoad {
    /// Number of concurrent clients.
    pub clients: usize,
    /// Total number of transfers.
    pub transfers: usize,
    pub file: &'static str,
    /// File size in bytes.
    pub size: usize,
    pub windowsize: usize,
    /// Lost DATA datagrams per thousand.
    pub loss: usize,
    /// Requests for missing files before each transfer, as pxelinux sends them.
    pub misses: usize,
}

/// The result.
pub struct Outcome {
    pub seconds: f64,
    pub bytes: usize,
    pub requests: usize,
    /// Number of retransmitted requests.
    pub asked_again: usize,
    /// Duration of each transfer in milliseconds.
    pub took: Vec<f64>,
}

/// Path of the file.
pub const ROOT: &str = "/srv/tftp";
const BLOCK: usize = 1468;
const SERVER: &str = "10.9.0.1:69";
/// The block size of boot ROMs.
const TIMEOUT: Duration = Duration::from_secs(1);
const GIVE_UP: Duration = Duration::from_secs(60);

struct Client {
    socket: UdpSocket,
    peer: Option<SocketAddr>,
    wanted: u16,
    received: usize,
    in_window: usize,
    gap_reported: bool,
    misses: usize,
    last: Vec<u8>,
    started: Instant,
    due: Instant,
}

/// A running program, and a client in a namespace of its own. They use one CPU each.
pub struct Server {
    lab: Lab,
    daemon: Process,
}

impl Server {
    /// Starts a program with this configuration; `None` if it does not start. `prepare` runs before the start.
    pub fn start(
        program: &Path,
        words: &[&str],
        config: &str,
        prepare: impl FnOnce(&Lab),
    ) -> Option<Self> {
        let lab = Lab::new(["server", "client"]).expect("a lab: run as root");
        let (near, far) = (lab.host("server"), lab.host("client"));
        lab.wire(near.plug("eth0", "02:00:00:00:00:01"), far.plug("c0", "02:00:00:00:00:02"));
        near.ip("addr add 10.9.0.1/24 dev eth0");
        far.ip("addr add 10.9.0.2/24 dev c0");
        lab.file("/srv/dnsmasq.conf", config);
        prepare(&lab);
        let mut command = Command::new(program);
        let daemon = near.spawn(command.args(words).stdout(Stdio::null()).stderr(Stdio::null()));
        let ready = || near.listens_on_udp(69).then_some(());
        eventually(Duration::from_secs(5), ready)?;
        for id in family(daemon.id()) {
            bind_to_core(SERVER_CORE, id);
        }
        bind_to_core(CLIENT_CORE, std::process::id());
        Some(Self { lab, daemon })
    }

    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    pub fn client(&self) -> &Host {
        self.lab.host("client")
    }

    /// Runs `work` in the namespace of the client. Returns its result and the CPU seconds of all processes of the server.
    pub fn measure<T>(&self, work: impl FnOnce() -> T) -> (T, f64) {
        let before = family_cpu_seconds(self.id());
        let result = self.client().inside(work);
        (result, family_cpu_seconds(self.id()) - before)
    }
}

impl TftpLoad {
    /// Runs the load on a program with this configuration. Returns the result and the CPU seconds of the server; `None` if it
    /// does not start.
    pub fn against(
        &self,
        program: &Path,
        words: &[&str],
        config: &str,
    ) -> Option<(Result<Outcome, String>, f64)> {
        let server = Server::start(program, words, config, |lab| self.write_files(lab))?;
        Some(server.measure(|| self.run()))
    }

    /// Writes the file, and the directory in which names are missing.
    pub fn write_files(&self, lab: &Lab) {
        lab.file(&format!("{ROOT}/file"), vec![7; self.size]);
        lab.file(&format!("{ROOT}/pxelinux.cfg/default"), "");
    }

    /// Lockstep transfers of a file of this size, one after the other.
    pub const ONE: Self =
        Self { clients: 1, transfers: 1, file: "file", size: 0, windowsize: 1, loss: 0, misses: 0 };

    /// Must be called in the namespace of the client.
    pub fn run(&self) -> Result<Outcome, String> {
        let mut run = Run {
            load: self,
            poll: Poll::new().map_err(|fault| fault.to_string())?,
            clients: Vec::new(),
            random: Random::new(7),
            left: self.transfers,
            open: 0,
            outcome: Outcome {
                seconds: 0.0,
                bytes: 0,
                requests: 0,
                asked_again: 0,
                took: Vec::new(),
            },
        };
        let start = Instant::now();
        for _ in 0..self.clients.min(self.transfers) {
            run.begin(None);
        }
        run.finish(start)?;
        run.outcome.seconds = start.elapsed().as_secs_f64();
        Ok(run.outcome)
    }
}

struct Run<'a> {
    load: &'a TftpLoad,
    poll: Poll,
    clients: Vec<Option<Client>>,
    random: Random,
    left: usize,
    open: usize,
    outcome: Outcome,
}

impl Run<'_> {
    /// Starts the next transfer in the slot of an ended one.
    fn begin(&mut self, place: Option<usize>) {
        if self.left == 0 {
            return;
        }
        self.left -= 1;
        self.open += 1;
        let place = place.unwrap_or(self.clients.len());
        let now = Instant::now();
        self.ask(place, self.load.misses, now);
    }

    /// Each request uses a new socket.
    fn ask(&mut self, place: usize, misses: usize, started: Instant) {
        let address = "10.9.0.2:0".parse().expect("an address");
        let mut socket = UdpSocket::bind(address).expect("a socket");
        let registry = self.poll.registry();
        registry.register(&mut socket, Token(place), Interest::READABLE).expect("a socket");
        let window = match self.load.windowsize {
            1 => String::new(),
            size => format!("windowsize\0{size}\0"),
        };
        let file = match misses {
            0 => self.load.file.to_owned(),
            _ => format!("pxelinux.cfg/{:08X}", self.outcome.requests),
        };
        let last = format!("\0\x01{file}\0octet\0blksize\0{BLOCK}\0tsize\x000\0{window}");
        let client = Client {
            socket,
            peer: None,
            wanted: 1,
            received: 0,
            in_window: 0,
            gap_reported: false,
            misses,
            last: last.into_bytes(),
            started,
            due: Instant::now() + TIMEOUT,
        };
        client.send();
        self.outcome.requests += 1;
        if place == self.clients.len() {
            self.clients.push(None);
        }
        self.clients[place] = Some(client);
    }

    fn finish(&mut self, start: Instant) -> Result<(), String> {
        let mut events = Events::with_capacity(256);
        let mut buffer = [0; 2048];
        let mut scan = Instant::now();
        while self.open > 0 {
            let pause = Some(Duration::from_millis(20));
            self.poll.poll(&mut events, pause).map_err(|fault| fault.to_string())?;
            for event in &events {
                self.receive(event.token().0, &mut buffer)?;
            }
            if start.elapsed() > GIVE_UP {
                return Err(format!("{} of {} stalled", self.open, self.load.transfers));
            }
            if scan.elapsed() > Duration::from_millis(20) {
                scan = Instant::now();
                self.repeat(scan);
            }
        }
        Ok(())
    }

    fn repeat(&mut self, now: Instant) {
        for client in self.clients.iter_mut().flatten().filter(|client| client.due <= now) {
            self.outcome.asked_again += usize::from(client.peer.is_none());
            client.in_window = 0;
            client.due = now + TIMEOUT;
            client.send();
        }
    }

    fn receive(&mut self, place: usize, buffer: &mut [u8]) -> Result<(), String> {
        loop {
            let Some(Some(client)) = self.clients.get_mut(place) else { return Ok(()) };
            let (size, from) = match client.socket.recv_from(buffer) {
                Err(fault) if fault.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(_) => continue,
                Ok(received) => received,
            };
            client.peer.get_or_insert(from);
            client.due = Instant::now() + TIMEOUT;
            match &buffer[..size] {
                [0, 6, ..] if client.received == 0 => client.acknowledge(0),
                [0, 3, ..] if self.load.loss > 0 && self.random.below(1000) < self.load.loss => {}
                [0, 3, high, low, data @ ..] => {
                    let block = u16::from_be_bytes([*high, *low]);
                    if client.takes(block, data.len(), self.load) {
                        self.outcome.bytes += self.load.size;
                        self.outcome.took.push(client.started.elapsed().as_secs_f64() * 1e3);
                        self.clients[place] = None;
                        self.open -= 1;
                        self.begin(Some(place));
                        return Ok(());
                    }
                }
                [0, 5, ..] if client.misses > 0 => {
                    let (misses, started) = (client.misses - 1, client.started);
                    self.ask(place, misses, started);
                    return Ok(());
                }
                [0, 5, _, _, text @ ..] => return Err(String::from_utf8_lossy(text).into_owned()),
                _ => {}
            }
        }
    }
}

impl Client {
    fn send(&self) {
        let to = self.peer.unwrap_or_else(|| SERVER.parse().expect("an address"));
        drop(self.socket.send_to(&self.last, to));
    }

    fn acknowledge(&mut self, block: u16) {
        self.last = [[0, 4], block.to_be_bytes()].concat();
        self.in_window = 0;
        self.send();
    }

    /// Handles a block; `true`: the file is complete.
    fn takes(&mut self, block: u16, size: usize, load: &TftpLoad) -> bool {
        if block != self.wanted {
            // One ACK for each gap, and none for duplicates.
            let ahead = block.wrapping_sub(self.wanted) < 1 << 15;
            if ahead && !std::mem::replace(&mut self.gap_reported, true) {
                self.acknowledge(self.wanted.wrapping_sub(1));
            }
            return false;
        }
        self.gap_reported = false;
        self.wanted = self.wanted.wrapping_add(1);
        self.received += size;
        self.in_window += 1;
        self.last = [[0, 4], block.to_be_bytes()].concat();
        let whole = size < BLOCK;
        if whole {
            assert_eq!(self.received, load.size, "the file is incomplete");
        }
        if whole || self.in_window == load.windowsize {
            self.acknowledge(block);
        }
        whole
    }
}
