//! The machine of a test: its processes, and clients whose transfers last as long as the test needs.

use crate::common::lab::{Host, eventually, with_context};
use crate::setup::{CONFIG, Setup, TIMEOUT, daemon, runs, status};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::fs;
use std::net::{SocketAddr, UdpSocket};
use std::ops::Deref;
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::Duration;

/// A process that was replaced and has no transfers ends within this time: not before five seconds, so that the service manager has
/// read the pid file or the message about the new one.
pub const MAX_LEAVING: Duration = Duration::from_secs(15);

/// A machine with a server and a client. Dropping it kills all processes of the program.
pub struct Machine(Setup);

impl Machine {
    /// With this configuration and the file `large`.
    pub fn new(config: &str) -> Result<Self, String> {
        let setup = Setup::new(config)?;
        setup.lab.file("/srv/tftp/large", contents());
        Ok(Self(setup))
    }

    /// The main processes of the program, without those that a main process has forked.
    pub fn servers(&self) -> Vec<u32> {
        let is_server = |id: &u32| status(*id, "Name") == "pxemasq";
        self.processes().into_iter().filter(is_server).collect()
    }

    /// All processes of the program, without zombies.
    pub fn processes(&self) -> Vec<u32> {
        let network = |of: &str| fs::read_link(format!("/proc/{of}/ns/net")).ok();
        let own: Option<PathBuf> = self.lab.host("server").inside(|| network("thread-self"));
        let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
        let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        ids.filter(|&id| status(id, "Name").starts_with("pxemasq"))
            .filter(|&id| runs(id) && network(&id.to_string()) == own)
            .collect()
    }

    /// Waits until these are the only main processes.
    pub fn expect_servers(&self, expected: &[u32]) {
        let mut expected = expected.to_vec();
        expected.sort_unstable();
        let is_so = || {
            let mut servers = self.servers();
            servers.sort_unstable();
            (servers == expected).then_some(())
        };
        let found = eventually(MAX_LEAVING, is_so);
        assert!(found.is_some(), "{expected:?} should run, and {:?} run", self.servers());
    }

    /// Waits until no process of the program runs.
    pub fn expect_end(&self) {
        let ended = eventually(TIMEOUT, || self.processes().is_empty().then_some(()));
        assert!(ended.is_some(), "these still run: {:?}", self.processes());
    }

    /// `--replace` from a shell; the exit code and standard error.
    pub fn replace(&self, words: &[&str]) -> (Option<i32>, String) {
        let mut command = Setup::program(&["--replace"]);
        self.run_to_end(command.args(words))
    }

    /// Runs a command to its end. Its standard error is a file, because a server may keep it open.
    pub fn run_to_end(&self, command: &mut Command) -> (Option<i32>, String) {
        let errors = "/srv/stderr";
        let file = fs::File::create(errors).expect("/srv is writable");
        let command = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(file);
        let ended = self.lab.host("server").inside(|| command.status()).expect("it can be started");
        (ended.code(), fs::read_to_string(errors).expect("it exists"))
    }

    /// The process of the pid file.
    #[allow(clippy::unused_self)] // the file exists while the machine does
    pub fn daemon(&self) -> u32 {
        daemon().expect("a pid file")
    }

    /// Waits until the server sends the file.
    pub fn expect_service(&self) {
        let served = || (self.get("small") == Ok(b"hello\n".to_vec())).then_some(());
        eventually(TIMEOUT, served).expect("it serves");
    }

    /// Adds a line to the configuration.
    pub fn configure(&self, line: &str) {
        let text = fs::read_to_string(CONFIG).expect("it exists");
        self.lab.file(CONFIG, format!("{text}{line}\n"));
    }

    /// Whether this text is in the log.
    pub fn expect_line(&self, text: &str) {
        let is_there = || self.lab.syslog().iter().any(|line| line.contains(text)).then_some(());
        eventually(TIMEOUT, is_there).unwrap_or_else(|| panic!("{text}: {:?}", self.lab.syslog()));
    }

    /// Begins to load the file `large`.
    pub fn transfer(&self) -> Transfer {
        Transfer::begin(self.lab.host("client")).expect("a block")
    }
}

impl Deref for Machine {
    type Target = Setup;

    fn deref(&self) -> &Setup {
        &self.0
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        for id in self.processes() {
            let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGKILL);
        }
    }
}

/// The file `large`.
fn contents() -> Vec<u8> {
    (0..100_000_u32).map(|n| (n / 7 % 251) as u8).collect()
}

/// A transfer in blocks of 512 bytes (RFC 1350). Between two calls the client is silent.
pub struct Transfer {
    socket: UdpSocket,
    peer: SocketAddr,
    received: Vec<u8>,
    last: u16,
}

impl Transfer {
    fn begin(client: &Host) -> Result<Self, String> {
        let socket = client.udp("10.9.0.2:0");
        let request = b"\0\x01large\0octet\0";
        socket.send_to(request, "10.9.0.1:69").map_err(with_context("request"))?;
        let mut buffer = [0; 600];
        let (size, peer) = socket.recv_from(&mut buffer).map_err(with_context("block 1"))?;
        match &buffer[..size] {
            [0, 3, 0, 1, data @ ..] => Ok(Self { socket, peer, received: data.to_vec(), last: 1 }),
            other => Err(format!("{other:?}")),
        }
    }

    /// Acknowledges the blocks up to the last one, and compares the file.
    pub fn finish(mut self) {
        let mut buffer = [0; 600];
        let mut is_last = false;
        while !is_last {
            let [high, low] = self.last.to_be_bytes();
            self.socket.send_to(&[0, 4, high, low], self.peer).expect("an ACK can be sent");
            is_last = loop {
                let (size, from) = self.socket.recv_from(&mut buffer).expect("a block");
                assert_eq!(from, self.peer);
                // Others are blocks that were sent again while the client was silent.
                if let [0, 3, high, low, data @ ..] = &buffer[..size]
                    && u16::from_be_bytes([*high, *low]) == self.last + 1
                {
                    self.last += 1;
                    self.received.extend(data);
                    break data.len() < 512;
                }
            };
        }
        let [high, low] = self.last.to_be_bytes();
        self.socket.send_to(&[0, 4, high, low], self.peer).expect("an ACK can be sent");
        assert!(self.received == contents(), "the file differs");
    }
}
