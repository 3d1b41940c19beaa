//! TFTP: the core with a simulated client.

use super::common::fixture::{Fixture, Transcript};
use super::common::tftp_text::{self, Step, display, step};
use super::{config, logged};
use pxemasq::config::{Config, Tftp};
use pxemasq::effect::Effect;
use pxemasq::net::{Address, EgressSocket, Interfaces, Link, ReceivedDatagram};
use pxemasq::tftp::files::{FileId, Files, OpenError, OpenedFile, ReadResult};
use pxemasq::tftp::{Context, Input, Server};
use pxemasq::time::Timestamp;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

/// The core, its clock and files, and the sockets of the client.
struct Simulation {
    config: Config,
    interfaces: Interfaces,
    server: Server,
    files: Tree,
    now: Timestamp,
    /// The socket of the client, by transfer.
    transfers: HashMap<usize, String>,
    seen: Transcript,
    step: usize,
    waited: Option<Timestamp>,
}

const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 50);
const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);

pub fn play(fixture: &Fixture) -> Transcript {
    let config = config(&fixture.config);
    let link =
        Link { index: 2, name: "eth0".to_owned(), loopback: false, mtu: 1500, ..Link::default() };
    let address = Address { interface: 2, ip: SERVER.into(), prefix: 24, label: None };
    let mut simulation = Simulation {
        config,
        interfaces: Interfaces { links: vec![link], addresses: vec![address] },
        server: Server::default(),
        files: Tree::new(fixture),
        now: Timestamp(100),
        transfers: HashMap::new(),
        seen: Transcript::default(),
        step: 0,
        waited: None,
    };
    for (number, text) in (1..).zip(&fixture.steps) {
        simulation.step = number;
        match step(text) {
            Step::Wait(seconds) => simulation.wait(seconds),
            Step::Send { by, bytes } => simulation.receive(&by, &bytes),
        }
    }
    simulation.seen
}

impl Simulation {
    fn receive(&mut self, by: &str, bytes: &[u8]) {
        let port = by.bytes().next().map_or(0, u16::from) + 40000;
        let port = by.parse().unwrap_or(port);
        let datagram = ReceivedDatagram {
            bytes,
            peer: (CLIENT, port).into(),
            local: SERVER.into(),
            interface: 2,
        };
        let is_request = matches!(bytes, [0, 1 | 2, ..]);
        let with = tftp_text::receiver(by);
        let last = self.transfers.iter().filter(|(_, peer)| *peer == with).map(|(id, _)| *id).max();
        let single_port = self.config.tftp.as_ref().is_some_and(|tftp| tftp.single_port);
        let mut effects = match last.filter(|_| !is_request && !single_port) {
            Some(id) => self.call(|server, context| {
                server.handle_datagrams(id, std::iter::once((datagram.peer, bytes)), context);
            }),
            None => self.input(Input::Request { listener: 0, datagram }),
        };
        if let Some(Effect::OpenSocket { token, .. }) = effects.last() {
            let id = self.transfers.keys().max().map_or(0, |id| id + 1);
            self.transfers.insert(id, by.to_owned());
            let opened = Input::SocketOpened { token: *token, id };
            effects.extend(self.input(opened));
        }
        self.take(effects);
    }

    fn input(&mut self, input: Input<'_>) -> Vec<Effect> {
        self.call(|server, context| server.handle_input(input, context))
    }

    fn call(&mut self, call: impl FnOnce(&mut Server, &mut Context<'_, Tree>)) -> Vec<Effect> {
        let Self { config, interfaces, server, files, now, .. } = self;
        let unserved = Tftp::default();
        let tftp = config.tftp.as_deref().unwrap_or(&unserved);
        let mut effects = Vec::new();
        let mut context = Context { tftp, interfaces, files, effects: &mut effects, now: *now };
        call(server, &mut context);
        while server.has_held() {
            server.serve_next(&mut context);
        }
        effects
    }

    fn wait(&mut self, seconds: u64) {
        let until = self.now + Duration::from_secs(seconds);
        self.waited = Some(self.now);
        while let Some(deadline) = self.server.deadline().filter(|deadline| *deadline <= until) {
            self.now = deadline.max(self.now);
            let mut effects = Vec::new();
            while let Some(id) = self.server.next_timeout(self.now, &mut effects) {
                effects.extend(self.input(Input::Timeout(id)));
            }
            self.take(effects);
        }
        (self.now, self.waited) = (until, None);
    }

    fn take(&mut self, effects: Vec<Effect>) {
        let when = self
            .waited
            .map_or(String::new(), |since| format!("+{}s ", (self.now.0 - since.0 + 500) / 1000));
        for effect in effects {
            match effect {
                Effect::Log(line) => self.seen.log.push(logged(&line)),
                Effect::Send(datagram) | Effect::SendDelayed(_, datagram) => {
                    assert!(!matches!(datagram.via, EgressSocket::Dhcp | EgressSocket::Pxe));
                    let to = by_port(datagram.to.port());
                    self.seen.packets.push(format!(
                        "{} {when}{to} {}",
                        self.step,
                        display(&datagram.bytes)
                    ));
                }
                Effect::SendBatch(batch) => {
                    assert!(matches!(batch.via, EgressSocket::Transfer(_) | EgressSocket::Tftp(_)));
                    let to = by_port(batch.to.port());
                    for datagram in batch.bytes.chunks(batch.segment) {
                        let shown = display(datagram);
                        self.seen.packets.push(format!("{} {when}{to} {shown}", self.step));
                    }
                }
                Effect::CloseSocket(_)
                | Effect::OpenSocket { .. }
                | Effect::WatchSocket { .. }
                | Effect::Observe(_)
                | Effect::LogLimited(..) => {}
            }
        }
    }
}

fn by_port(port: u16) -> String {
    char::from(u8::try_from(port - 40000).expect("a port of the client is a letter plus 40000"))
        .to_string()
}

/// Resolves a path as a file system does: `//` is `/`, and `..` is the parent directory.
fn tidied(path: &[u8]) -> Vec<u8> {
    let mut parts: Vec<&[u8]> = Vec::new();
    for part in path.split(|&byte| byte == b'/').filter(|part| !part.is_empty()) {
        if part == b".." { _ = parts.pop() } else { parts.push(part) }
    }
    parts.iter().flat_map(|part| [b"/", *part].concat()).collect()
}

/// The files of a fixture.
struct Tree {
    files: HashMap<Vec<u8>, Option<Vec<u8>>>,
    open: Vec<Vec<u8>>,
}

impl Tree {
    fn new(fixture: &Fixture) -> Self {
        let files = fixture
            .files
            .iter()
            .map(|(path, contents)| (path.clone().into_bytes(), contents.bytes()));
        Self { files: files.collect(), open: Vec::new() }
    }
}

/// Bytes of a file name (limits.h).
const NAME_MAX: usize = 255;

impl Files for Tree {
    fn open(&mut self, path: &[u8]) -> Result<OpenedFile, OpenError> {
        if path.split(|&byte| byte == b'/').any(|name| name.len() > NAME_MAX) {
            return Err(OpenError::Failed("File name too long".to_owned()));
        }
        let path = tidied(path);
        let contents = self.files.get(&path).ok_or(OpenError::NotFound)?;
        self.open.push(path);
        // A directory has a size on most file systems. The test does not send it to a client.
        Ok(OpenedFile {
            file: FileId(self.open.len() - 1),
            size: contents.as_ref().map_or(60, |bytes| bytes.len() as u64),
        })
    }

    fn read(&mut self, file: FileId, offset: u64, wanted: usize) -> ReadResult<'_> {
        let Some(bytes) = &self.files[&self.open[file.0]] else {
            return ReadResult::Failed("Is a directory".to_owned());
        };
        let left = usize::try_from(offset).ok().and_then(|at| bytes.get(at..)).unwrap_or_default();
        ReadResult::Bytes(&left[..left.len().min(wanted)])
    }

    fn close(&mut self, _: FileId) {}

    fn is_directory(&mut self, path: &[u8]) -> Option<bool> {
        Some(path.strip_suffix(b"/").is_some_and(|path| self.files.get(path) == Some(&None)))
    }

    fn mac_of(&self, _: IpAddr) -> Option<[u8; 6]> {
        None
    }
}
