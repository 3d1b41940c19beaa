//! A server that can be replaced, a client on a link that may lose datagrams, and a prober on a link that does not.

use crate::common::lab::{Host, Lab, Process, eventually};
use crate::common::random::Random;
use crate::common::{required, subject};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use pxemasq::control::{self, Command as Request, LAST, MAX_PART_LEN, MORE};
use pxemasq::status::Status;
use pxemasq::sys::control_socket::connect_to_server;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

pub const SERVER: &str = "10.9.0.1";
pub const CLIENT: &str = "10.9.0.2";
pub const CLIENT_BROADCAST: &str = "10.9.0.255";
pub const SERVER_FOR_PROBER: &str = "10.9.1.1";
pub const PROBER: &str = "10.9.1.2";
pub const PROBER_BROADCAST: &str = "10.9.1.255";

pub const CONFIG: &str = "/srv/dnsmasq.conf";
/// Each scene has these lines.
pub const BASE: &str = "port=0\nenable-tftp\ntftp-max=2000\n";
/// Answers on 67 and 4011 for both links.
pub const RANGES: &str = "dhcp-range=10.9.0.0,proxy\ndhcp-range=10.9.1.0,proxy\npxe-prompt=Boot,0\n\
    pxe-service=x86PC,Install,pxelinux\n";
pub const ROOT: &str = "tftp-root=/srv/tftp\n";
pub const PID_FILE: &str = "/var/run/dnsmasq.pid";
pub const CONTROL: &str = "/var/run/dnsmasq.pid.control";
const STDERR: &str = "/srv/stderr";
/// The program hangs if it needs longer.
pub const TIMEOUT: Duration = Duration::from_secs(30);

/// Exit code and standard error of a command.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: Option<i32>,
    pub stderr: String,
}

pub struct Scene {
    pub lab: Lab,
}

impl Scene {
    /// Links, addresses and no server.
    pub fn new() -> Option<Self> {
        let lab = required(Lab::new(["server", "client", "prober"]))?;
        let known = lab.knows_user(65534).then_some(());
        required(known.ok_or_else(|| "users are changed: there is only root here".to_owned()))?;
        for (server_end, host, end, number) in
            [("eth0", "client", "c0", 0), ("eth1", "prober", "c1", 1)]
        {
            let (server, client) = (lab.host("server"), lab.host(host));
            let macs = [format!("02:00:00:00:00:1{number}"), format!("52:54:00:aa:bb:1{number}")];
            lab.wire(server.plug(server_end, &macs[0]), client.plug(end, &macs[1]));
            server.ip(&format!("addr add 10.9.{number}.1/24 dev {server_end}"));
            client.ip(&format!("addr add 10.9.{number}.2/24 dev {end}"));
        }
        Some(Self { lab })
    }

    pub fn server(&self) -> &Host {
        self.lab.host("server")
    }

    pub fn client(&self) -> &Host {
        self.lab.host("client")
    }

    pub fn prober(&self) -> &Host {
        self.lab.host("prober")
    }

    /// Writes the configuration: [`BASE`] and these lines.
    pub fn configure(&self, lines: &str) {
        self.lab.file(CONFIG, format!("{BASE}{lines}"));
    }

    /// The program with its configuration and these arguments.
    pub fn command(words: &[&str]) -> Command {
        Self::command_of(&subject(), words)
    }

    /// As [`Scene::command`], with another build of the program.
    pub fn command_of(program: &Path, words: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(["-C", CONFIG]).args(words).env("LC_ALL", "C");
        command
    }

    /// Starts a command on the server, and waits until the started process ends. Its descendants go on.
    pub fn run(&self, command: &mut Command) -> Ended {
        // A daemon keeps standard error open, so that a pipe would not end.
        let stderr = File::create(STDERR).expect("/srv is writable");
        let mut process = self.server().spawn(command.stdout(Stdio::null()).stderr(stderr));
        let status = eventually(TIMEOUT, || process.ended());
        let code = status.unwrap_or_else(|| panic!("it does not end: {command:?}")).code();
        Ended { code, stderr: fs::read_to_string(STDERR).expect("text") }
    }

    /// Starts the server in the background; its process id.
    pub fn start(&self, words: &[&str]) -> u32 {
        assert_eq!(self.run(&mut Self::command(words)), succeeded());
        pid_in_file().expect("a pid file")
    }

    /// Starts the server in the foreground, with its standard error in this file. Returns when it serves.
    pub fn start_in_foreground(&self, words: &[&str], stderr: &str) -> Process {
        let stderr = File::create(stderr).expect("/srv is writable");
        let mut command = Self::command(words);
        let process = self.server().spawn(command.stdout(Stdio::null()).stderr(stderr));
        let serves = || pid_of_status().ok().filter(|id| *id == process.id());
        eventually(TIMEOUT, serves).expect("it serves");
        process
    }

    /// Replaces the server; the process id of the new one.
    pub fn replace(&self, words: &[&str]) -> u32 {
        let before = pid_of_status().expect("a server runs");
        let words = [words, &["--replace"]].concat();
        assert_eq!(self.run(&mut Self::command(&words)), succeeded());
        pid_after(before).expect("the server was not replaced")
    }

    /// The number of datagrams that the sockets of the server had no space for.
    pub fn full_buffers(&self) -> u64 {
        let text = self.server().inside(|| fs::read_to_string("/proc/thread-self/net/snmp"));
        let text = text.expect("the kernel counts it");
        let mut lines = text.lines().filter_map(|line| line.strip_prefix("Udp: "));
        let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
        let mut found = names.split(' ').zip(values.split(' '));
        let found = found.find(|(name, _)| *name == "RcvbufErrors");
        found.and_then(|(_, value)| value.parse().ok()).expect("the kernel counts it")
    }

    /// Ends the server, and waits until no process of the program is left and the ports are free.
    pub fn stop(&self, id: u32) {
        signal(id, Signal::SIGTERM);
        self.assert_nothing_left();
    }

    /// Waits until no process of the program is left and the ports are free.
    pub fn assert_nothing_left(&self) {
        let left = || programs().is_empty().then_some(());
        let gone = eventually(TIMEOUT, left);
        assert!(gone.is_some(), "these processes are left: {:?}", programs());
        for port in [67, 69, 4011] {
            assert!(!self.server().listens_on_udp(port), "port {port} is not closed");
        }
    }
}

impl Drop for Scene {
    fn drop(&mut self) {
        for id in programs() {
            // It may have ended.
            let _ = kill(Pid::from_raw(id.cast_signed()), Signal::SIGKILL);
        }
    }
}

/// The result of a command that has done its work.
pub fn succeeded() -> Ended {
    Ended { code: Some(0), stderr: String::new() }
}

/// All processes of this lab: programs that were started by this thread, and their descendants.
pub fn programs() -> Vec<u32> {
    let namespace = |process: &str| fs::read_link(format!("/proc/{process}/ns/mnt")).ok();
    let own = namespace("thread-self");
    let entries = fs::read_dir("/proc").expect("/proc is mounted").flatten();
    let names = entries.filter_map(|entry| entry.file_name().into_string().ok());
    let ids = names.filter(|name| namespace(name).is_some_and(|other| Some(other) == own));
    let ids = ids.filter_map(|name| name.parse().ok()).filter(|id| *id != std::process::id());
    ids.filter(|id| runs(*id)).collect()
}

/// Whether the process exists and is no zombie.
pub fn runs(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

pub fn signal(id: u32, signal: Signal) {
    kill(Pid::from_raw(id.cast_signed()), signal).expect("it runs");
}

/// The process id in the pid file.
pub fn pid_in_file() -> Option<u32> {
    fs::read_to_string(PID_FILE).ok()?.trim().parse().ok()
}

/// The state of the server, by its control socket.
pub fn status() -> Result<Status, String> {
    let context = |action: &'static str| move |error: io::Error| format!("{action}: {error}");
    let connection =
        connect_to_server(CONTROL.as_ref()).map_err(|error| format!("connect: {error:?}"))?;
    let request = control::Request::new(Request::Status { earlier: 0 });
    connection.send_blocking(&request.encode()).map_err(context("send"))?;
    let (mut document, mut buffer) = (Vec::new(), vec![0; MAX_PART_LEN + 1]);
    loop {
        if !connection.wait(TIMEOUT) {
            return Err("no answer".to_owned());
        }
        match connection.receive(&mut buffer).map_err(context("receive"))? {
            [MORE, part @ ..] => document.extend_from_slice(part),
            [LAST, part @ ..] => {
                document.extend_from_slice(part);
                return serde_json::from_slice(&document).map_err(|error| error.to_string());
            }
            [] => return Err("the connection was closed".to_owned()),
            [_, error @ ..] => return Err(String::from_utf8_lossy(error).into_owned()),
        }
    }
}

pub fn pid_of_status() -> Result<u32, String> {
    status().map(|status| status.pid)
}

/// The process id of the server that has replaced this one. On a busy machine, the replaced one may still answer a request for the state
/// that is sent directly after the replacement.
pub fn pid_after(replaced: u32) -> Option<u32> {
    eventually(TIMEOUT, || pid_of_status().ok().filter(|id| *id != replaced))
}

/// Pseudo-random bytes, different for each name.
pub fn contents(name: &str, size: usize) -> Vec<u8> {
    let seed = name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31) + u64::from(byte));
    let mut random = Random::new(seed);
    (0..size).map(|_| random.byte()).collect()
}

/// A copy of the program in the lab, in place of another build of the same version.
pub fn other_build(lab: &Lab) -> PathBuf {
    let path = "/srv/other-build/pxemasq";
    lab.copy(subject(), path);
    path.into()
}

/// The program prints this error for a bad configuration, with this exit code.
pub fn failed(code: i32, message: &str) -> Ended {
    Ended { code: Some(code), stderr: format!("\ndnsmasq: {message}\n") }
}

/// `--status=json` of the program; the process id in it.
pub fn pid_of_status_command(scene: &Scene) -> Option<u32> {
    let mut command = Command::new(subject());
    command.args(["-C".as_ref(), OsStr::new(CONFIG), "--status=json".as_ref()]);
    let output = scene.server().run(&mut command);
    serde_json::from_str::<Status>(&output).ok().map(|status| status.pid)
}
