//! A server on which the program is started as by distributions, and a client.

use crate::common::download::Download;
use crate::common::lab::{Lab, Process, eventually, record};
pub use crate::common::measure::status;
use crate::common::subject;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};
use std::time::Duration;

pub const CONFIG: &str = "/srv/dnsmasq.conf";
/// Answers PXE clients with a boot file of another server.
pub const RANGE: &str = "dhcp-range=10.9.0.0,proxy\npxe-service=x86PC,Boot,pxelinux.0,10.9.0.9\n";
pub const TIMEOUT: Duration = Duration::from_secs(5);

pub struct Setup {
    pub lab: Lab,
    /// Process IDs of daemons: they are not child processes of the test.
    daemons: RefCell<Vec<u32>>,
}

/// Exit code and standard error of the started process.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: Option<i32>,
    pub stderr: String,
}

/// The result of a successful start in the background.
pub fn started() -> Ended {
    Ended { code: Some(0), stderr: String::new() }
}

impl Setup {
    /// Writes this configuration and the file `small`.
    pub fn new(config: &str) -> Result<Self, String> {
        let lab = Lab::new(["server", "client"])?;
        if !lab.knows_user(65534) {
            return Err("users are changed: there is only root here".to_owned());
        }
        let (server, client) = (lab.host("server"), lab.host("client"));
        lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "02:00:00:00:00:02"));
        server.ip("addr add 10.9.0.1/24 dev eth0");
        client.ip("addr add 10.9.0.2/24 dev c0");
        lab.file("/srv/tftp/small", "hello\n");
        lab.file(CONFIG, format!("port=0\nenable-tftp\ntftp-root=/srv/tftp\n{config}"));
        Ok(Self { lab, daemons: RefCell::default() })
    }

    /// Runs a command until the started process ends; a daemon continues.
    pub fn run(&self, command: &mut Command) -> Ended {
        let mut child = self
            .lab
            .host("server")
            .inside(|| {
                let command = command.stdin(Stdio::null()).stdout(Stdio::null());
                command.stderr(Stdio::piped()).env("LC_ALL", "C").spawn()
            })
            .expect("it can be started");
        let code = child.wait().expect("it ends").code();
        self.daemons.borrow_mut().extend(daemon());
        let mut stderr = String::new();
        // A daemon may keep the pipe open.
        let piped = child.stderr.as_mut().expect("it is piped");
        if code != Some(0) {
            drop(piped.read_to_string(&mut stderr));
        }
        Ended { code, stderr }
    }

    /// The program with its configuration and these arguments.
    pub fn program(words: &[&str]) -> Command {
        let mut command = Command::new(subject());
        command.args(["-C", CONFIG]).args(words);
        command
    }

    /// Starts the program in the background.
    pub fn background(&self, words: &[&str]) -> Ended {
        self.run(&mut Self::program(words))
    }

    /// Starts the program in the foreground and waits until it serves.
    pub fn foreground(&self, command: &mut Command) -> Process {
        let server = self.lab.host("server");
        let process = server.spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let serves = || server.listens_on_udp(69).then_some(());
        eventually(TIMEOUT, serves).expect("it serves");
        process
    }

    pub fn get(&self, file: &str) -> Result<Vec<u8>, String> {
        Download { file, ..Download::DEFAULT }.bytes(self.lab.host("client"))
    }

    /// The log, as `4 dnsmasq-tftp: text`, when it has this number of lines.
    pub fn logged(&self, lines: usize) -> Vec<String> {
        let all = || -> Vec<String> { self.lab.syslog().iter().map(|line| bare(line)).collect() };
        eventually(TIMEOUT, || (all().len() >= lines).then_some(()));
        all()
    }
}

/// The process ID in the default PID file.
pub fn daemon() -> Option<u32> {
    fs::read_to_string("/run/dnsmasq.pid").ok()?.trim().parse().ok()
}

/// Terminates a daemon and waits for its end.
pub fn end(id: u32) {
    signal(id, Signal::SIGTERM);
    eventually(TIMEOUT, || (!runs(id)).then_some(())).expect("it ends");
}

impl Drop for Setup {
    fn drop(&mut self) {
        for &id in self.daemons.borrow().iter().filter(|&&id| runs(id)) {
            _ = kill(pid(id), Signal::SIGKILL);
        }
    }
}

pub fn signal(id: u32, signal: Signal) {
    kill(pid(id), signal).expect("it runs");
}

fn pid(id: u32) -> Pid {
    Pid::from_raw(id.cast_signed())
}

/// Whether the process exists and is no zombie.
pub fn runs(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

/// `<30>Nov 22 12:55:36 dnsmasq-tftp[12]: text` as `6 dnsmasq-tftp: text`, without version and compile time options.
pub fn bare(line: &str) -> String {
    let (code, identity, text) = record(line);
    let own = ["started, version", "compile time options:"];
    let text = own.iter().find(|own| text.starts_with(**own)).copied().unwrap_or(text);
    format!("{} {identity}: {text}", code & 7)
}
