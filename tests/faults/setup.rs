//! The program under test, and clients that boot from it while a fault happens.

use crate::common::boot_rom::BootRom;
use crate::common::download::Download;
use crate::common::lab::{Host, Lab, Process};
pub use crate::common::lockstep::{LockstepClient, receive};
use crate::common::packet::PacketSocket;
use crate::common::random::Random;
use crate::common::{required, two_hosts};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use std::fs;
use std::net::Ipv4Addr;
use std::process::ExitStatus;
use std::time::{Duration, Instant};

pub const CONFIG: &str = "port=0\nenable-tftp\ntftp-root=/srv/tftp\ndhcp-range=10.9.0.0,proxy\npxe-prompt=Boot,0\n\
    pxe-service=x86PC,Install,pxelinux\n";
/// The boot file.
pub const FILE: &str = "pxelinux.0";
pub const SIZE: usize = 200_000;
pub const SERVER: &str = "10.9.0.1";
pub const CLIENT: &str = "10.9.0.2";
/// The address of another client.
pub const OTHER_CLIENT: &str = "10.9.0.3";
/// Limit for everything that a test waits for.
pub const TIMEOUT: Duration = Duration::from_secs(10);
/// Limit for a boot with retries.
const BOOT_TIMEOUT: Duration = Duration::from_secs(60);

/// The time of the fault during a boot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    /// The client has the name of the boot file.
    AfterReply,
    /// The client has half of the boot file.
    HalfLoaded,
}

pub struct Setup {
    pub lab: Lab,
    daemon: Process,
}

impl Setup {
    /// Starts the program with [`CONFIG`] and these additional lines.
    pub fn new(config: &str) -> Option<Self> {
        Self::with(config, &[], &[], |_| ())
    }

    /// As [`new`](Self::new), with arguments and environment variables. `ready` runs before the start.
    pub fn with(
        config: &str,
        words: &[&str],
        variables: &[(&str, &str)],
        ready: impl FnOnce(&Lab),
    ) -> Option<Self> {
        let lab = required(Lab::new(["server", "client", "elsewhere"]))?;
        write_files(&lab, config);
        ready(&lab);
        let words = [&["-u", "root", "-x", ""], words].concat();
        let daemon = two_hosts::start(&lab, &words, variables, &[67, 69, 4011]);
        Some(Self::with_daemon(lab, daemon))
    }

    /// For a program that is already running.
    pub fn with_daemon(lab: Lab, daemon: Process) -> Self {
        lab.host("client").ip(&format!("addr add {OTHER_CLIENT}/24 dev c0"));
        Self { lab, daemon }
    }

    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    /// The exit status of the process; `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.daemon.ended()
    }

    pub fn server(&self) -> &Host {
        self.lab.host("server")
    }

    pub fn client(&self) -> &Host {
        self.lab.host("client")
    }

    /// Boots a client with retries. The fault happens during the boot.
    pub fn boot_with(&self, when: Moment, fault: impl FnOnce()) {
        self.boot(Client { address: CLIENT, server: SERVER }, when, fault);
    }

    /// As [`boot_with`](Self::boot_with), with other addresses.
    pub fn boot(&self, client: Client<'_>, when: Moment, fault: impl FnOnce()) {
        let packets = PacketSocket::new(self.client());
        let rom =
            BootRom::new("arch=x86PC", &packets, address(client.server), address(client.address));
        let mut fault = Some(fault);
        let mut cause_fault = || {
            if let Some(fault) = fault.take() {
                fault();
            }
        };
        let start = Instant::now();
        loop {
            let booted = rom.boot().and_then(|reply| {
                if when == Moment::AfterReply {
                    cause_fault();
                }
                self.load(client, &reply.file, |had| {
                    if when == Moment::HalfLoaded && had > SIZE / 2 {
                        cause_fault();
                    }
                })
            });
            match booted {
                Ok(()) => break,
                Err(reason) => assert!(start.elapsed() < BOOT_TIMEOUT, "{when:?}: {reason}"),
            }
        }
        assert!(fault.is_none(), "the fault did not happen");
    }

    /// Loads the boot file and checks its contents.
    fn load(
        &self,
        client: Client<'_>,
        file: &str,
        mut had: impl FnMut(usize),
    ) -> Result<(), String> {
        let Client { server, address } = client;
        let server = format!("{server}:69");
        let download = Download {
            server: &server,
            file,
            timeout: Duration::from_millis(250),
            ..Download::DEFAULT
        };
        let mut got = Vec::new();
        download.get_with(self.client().udp(&format!("{address}:0")), |block| {
            got.extend_from_slice(block);
            had(got.len());
        })?;
        assert!(got == contents(SIZE), "{} other bytes", got.len());
        Ok(())
    }

    /// At the end of a test: the process runs, and another client can boot.
    pub fn assert_serves(mut self) {
        assert!(self.daemon.ended().is_none(), "the process has ended: {:#?}", self.lab.syslog());
        self.boot(Client { address: OTHER_CLIENT, server: SERVER }, Moment::AfterReply, || ());
        assert!(self.daemon.ended().is_none(), "the process ended after the boot");
    }

    /// Downloads a file. The error is that of the server.
    pub fn get(&self, file: &str) -> Result<Vec<u8>, String> {
        Download { file, ..Download::DEFAULT }.bytes(self.client())
    }

    /// Whether a log line contains this text.
    pub fn has_logged(&self, text: &str) -> bool {
        self.lab.syslog().iter().any(|line| line.contains(text))
    }

    /// A counter of the kernel of the server: `Ip`, `OutNoRoutes`.
    pub fn counted(&self, protocol: &str, name: &str) -> u64 {
        let text = fs::read_to_string(format!("/proc/{}/net/snmp", self.id())).unwrap_or_default();
        let mut lines = text.lines().filter_map(|line| line.strip_prefix(protocol));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let found = names.split(' ').zip(values.split(' ')).find(|(known, _)| *known == name);
        found.and_then(|(_, value)| value.parse().ok()).expect("the kernel counts it")
    }
}

/// The addresses of a boot.
#[derive(Clone, Copy)]
pub struct Client<'a> {
    pub address: &'a str,
    pub server: &'a str,
}

/// A boot ROM with the address of the client.
pub fn rom(packets: &PacketSocket) -> BootRom<'_> {
    BootRom::new("arch=x86PC", packets, address(SERVER), address(CLIENT))
}

fn address(text: &str) -> Ipv4Addr {
    text.parse().expect("an address")
}

/// Writes the configuration and the boot file.
pub fn write_files(lab: &Lab, config: &str) {
    lab.file(two_hosts::CONFIG, CONFIG.to_owned() + config);
    lab.file(&format!("/srv/tftp/{FILE}"), contents(SIZE));
}

/// Raises the limit of open files of the test, and of the programs that it starts.
pub fn allow_open_files(enough: u64) -> Option<()> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE).expect("there is a limit");
    if soft >= enough {
        return Some(());
    }
    let raised = setrlimit(Resource::RLIMIT_NOFILE, enough, hard.max(enough));
    required(raised.map_err(|_| format!("only {hard} descriptors")))
}

/// Pseudo-random bytes, different for each size.
pub fn contents(size: usize) -> Vec<u8> {
    let mut random = Random::new(size as u64);
    (0..size).map(|_| random.byte()).collect()
}
