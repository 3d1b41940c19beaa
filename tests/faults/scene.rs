//! The program at work, and clients that boot from it while something is done to it.

use crate::common::download::Download;
use crate::common::lab::{Host, Lab, Process};
use crate::common::packet::Ears;
use crate::common::random::Random;
use crate::common::rom::Rom;
use crate::common::{required, room};
use std::fs;
use std::io;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

pub const CONFIG: &str = "port=0\nenable-tftp\ntftp-root=/srv/tftp\ndhcp-range=10.9.0.0,proxy\npxe-prompt=Boot,0\n\
    pxe-service=x86PC,Install,pxelinux\n";
/// What machines boot.
pub const FILE: &str = "pxelinux.0";
pub const SIZE: usize = 200_000;
pub const SERVER: &str = "10.9.0.1";
pub const CLIENT: &str = "10.9.0.2";
/// Somebody else on the same wire.
pub const NEIGHBOUR: &str = "10.9.0.3";
/// What takes longer does not happen.
pub const PATIENCE: Duration = Duration::from_secs(10);
const BLOCK: usize = 1468;
/// Somebody looks after a machine that has not booted by then.
const BOOTED: Duration = Duration::from_secs(60);

/// When something happens to a client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// It knows what to load.
    Told,
    /// It has half of it.
    Half,
}

pub struct Scene {
    pub lab: Lab,
    daemon: Process,
}

impl Scene {
    /// The program with the usual configuration, and more.
    pub fn new(config: &str) -> Option<Self> {
        Self::with(config, &[], &[], |_| ())
    }

    /// With these words and variables too, when something was made ready.
    pub fn with(
        config: &str,
        words: &[&str],
        variables: &[(&str, &str)],
        ready: impl FnOnce(&Lab),
    ) -> Option<Self> {
        let lab = required(Lab::new(["server", "client", "elsewhere"]))?;
        furnish(&lab, config);
        ready(&lab);
        let words = [&["-u", "root", "-x", ""], words].concat();
        let daemon = room::start(&lab, &words, variables, &[67, 69, 4011]);
        Some(Self::at_work(lab, daemon))
    }

    /// One that was started before.
    pub fn at_work(lab: Lab, daemon: Process) -> Self {
        lab.host("client").ip(&format!("addr add {NEIGHBOUR}/24 dev c0"));
        Self { lab, daemon }
    }

    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    pub fn server(&self) -> &Host {
        self.lab.host("server")
    }

    pub fn client(&self) -> &Host {
        self.lab.host("client")
    }

    /// A machine boots, asking again as firmware does. In the middle of it there is some trouble.
    pub fn boot_with(&self, when: Moment, trouble: impl FnOnce()) {
        self.boot(Who { address: CLIENT, server: SERVER }, when, trouble);
    }

    /// The same, of a machine and a server with other addresses.
    pub fn boot(&self, who: Who<'_>, when: Moment, trouble: impl FnOnce()) {
        let ears = Ears::new(self.client());
        let rom = Rom::new("arch=x86PC", &ears, address(who.server), address(who.address));
        let mut trouble = Some(trouble);
        let mut happens = || trouble.take().into_iter().for_each(|trouble| trouble());
        let start = Instant::now();
        loop {
            let booted = rom.boot().and_then(|told| {
                if when == Moment::Told {
                    happens();
                }
                self.load(who, &told.file, |had| {
                    if when == Moment::Half && had > SIZE / 2 {
                        happens();
                    }
                })
            });
            match booted {
                Ok(()) => break,
                Err(reason) => assert!(start.elapsed() < BOOTED, "{when:?}: {reason}"),
            }
        }
        assert!(trouble.is_none(), "nothing has happened");
    }

    /// Loads what it was told; all of it is as it should be, or it is an error.
    fn load(&self, who: Who<'_>, file: &str, mut had: impl FnMut(usize)) -> Result<(), String> {
        let Who { server, address } = who;
        let server = format!("{server}:69");
        let download = Download {
            server: &server,
            file,
            patience: Duration::from_millis(250),
            ..Download::USUAL
        };
        let mut got = Vec::new();
        download.by(self.client().udp(&format!("{address}:0")), |block| {
            got.extend_from_slice(block);
            had(got.len());
        })?;
        assert!(got == contents(SIZE), "{} other bytes", got.len());
        Ok(())
    }

    /// The end: it is still there, and somebody else boots from it.
    pub fn lives(mut self) {
        assert!(self.daemon.ended().is_none(), "it has ended: {:#?}", self.lab.syslog());
        self.boot(Who { address: NEIGHBOUR, server: SERVER }, Moment::Told, || ());
        assert!(self.daemon.ended().is_none(), "it ended at last");
    }

    /// Gets a file; the error is what the client was told.
    pub fn get(&self, file: &str) -> Result<Vec<u8>, String> {
        Download { file, ..Download::USUAL }.bytes(self.client())
    }

    /// Whether such a line was logged.
    pub fn has_told(&self, text: &str) -> bool {
        self.lab.syslog().iter().any(|line| line.contains(text))
    }

    /// What the kernel has counted on the server: `Ip`, `OutNoRoutes`.
    pub fn counted(&self, protocol: &str, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/net/snmp", self.id())).unwrap_or_default();
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let found = names.split(' ').zip(values.split(' ')).find(|(known, _)| *known == name);
        found.and_then(|(_, value)| value.parse().ok()).expect("the kernel counts it")
    }
}

/// A machine that boots, and where from.
#[derive(Clone, Copy)]
pub struct Who<'a> {
    pub address: &'a str,
    pub server: &'a str,
}

/// A machine at the client's address.
pub fn rom(ears: &Ears) -> Rom<'_> {
    Rom::new("arch=x86PC", ears, address(SERVER), address(CLIENT))
}

fn address(text: &str) -> Ipv4Addr {
    text.parse().expect("an address")
}

/// The configuration, and what machines boot.
pub fn furnish(lab: &Lab, config: &str) {
    lab.file(room::CONFIG, CONFIG.to_owned() + config);
    lab.file(&format!("/srv/tftp/{FILE}"), contents(SIZE));
}

/// Bytes of which no two blocks are alike; of another size, other bytes.
pub fn contents(size: usize) -> Vec<u8> {
    let mut random = Random::new(size as u64);
    (0..size).map(|_| random.byte()).collect()
}

/// What comes next; a signal to the tests is no reason to wait no more.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buffer) {
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            received => return received,
        }
    }
}

/// A client in lockstep that does what it is told, and nothing by itself.
pub struct Reader {
    socket: UdpSocket,
    peer: SocketAddr,
    /// The last block it has.
    block: u16,
    pub got: Vec<u8>,
}

impl Reader {
    /// Asks, and is answered.
    pub fn ask(client: &Host, address: &str, file: &str) -> Result<Self, String> {
        let socket = client.udp(&format!("{address}:0"));
        let request = format!("\0\x01{file}\0octet\0blksize\0{BLOCK}\0");
        socket.send_to(request.as_bytes(), (SERVER, 69)).map_err(|fault| fault.to_string())?;
        let mut buffer = [0; 600];
        let (size, peer) = receive(&socket, &mut buffer).map_err(|fault| fault.to_string())?;
        match &buffer[..size] {
            [0, 6, ..] => Ok(Self { socket, peer, block: 0, got: Vec::new() }),
            other => Err(String::from_utf8_lossy(&other[4..]).into_owned()),
        }
    }

    /// Acknowledges what it has, and takes the next block; `false`: that was the last one.
    pub fn step(&mut self) -> Result<bool, String> {
        self.acknowledge();
        loop {
            let (block, data) = self.hear()?;
            if block == self.block.wrapping_add(1) {
                self.block = block;
                self.got.extend_from_slice(&data);
                if data.len() < BLOCK {
                    self.acknowledge();
                }
                return Ok(data.len() == BLOCK);
            }
            // What it has comes again: its word was lost.
            self.acknowledge();
        }
    }

    /// Waits until the last block, which it has not acknowledged, comes again.
    pub fn is_reminded(&self) -> Result<(), String> {
        loop {
            if self.hear()?.0 == self.block {
                return Ok(());
            }
        }
    }

    /// Takes all that is left.
    pub fn finish(mut self) -> Result<Vec<u8>, String> {
        while self.step()? {}
        Ok(self.got)
    }

    fn acknowledge(&self) {
        let [high, low] = self.block.to_be_bytes();
        // While something is wrong it is lost.
        drop(self.socket.send_to(&[0, 4, high, low], self.peer));
    }

    fn hear(&self) -> Result<(u16, Vec<u8>), String> {
        let mut buffer = [0; 2048];
        loop {
            let received = receive(&self.socket, &mut buffer);
            let (size, _) = received.map_err(|fault| fault.to_string())?;
            match &buffer[..size] {
                [0, 3, high, low, data @ ..] => {
                    return Ok((u16::from_be_bytes([*high, *low]), data.to_vec()));
                }
                [0, 5, _, _, text @ ..] => return Err(String::from_utf8_lossy(text).into_owned()),
                _ => {}
            }
        }
    }
}
