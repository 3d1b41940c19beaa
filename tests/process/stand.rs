//! A machine on which the program is started as distributions start it, and a client.

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
/// A configuration that answers PXE clients, and has no file of ours to miss.
pub const RANGE: &str = "dhcp-range=10.9.0.0,proxy\npxe-service=x86PC,Boot,pxelinux.0,10.9.0.9\n";
pub const PATIENCE: Duration = Duration::from_secs(5);

pub struct Stand {
    pub lab: Lab,
    /// Daemons that were met: they are nobody's children.
    daemons: RefCell<Vec<u32>>,
}

/// The result of a program that has ended.
#[derive(Debug, PartialEq, Eq)]
pub struct Ended {
    pub code: Option<i32>,
    pub stderr: String,
}

/// Of a start into the background that went well.
pub fn started() -> Ended {
    Ended { code: Some(0), stderr: String::new() }
}

impl Stand {
    /// With this configuration, and `small` to be had by TFTP.
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

    /// Starts it with these words, which may be a whole command line, and waits until what was started ends.
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
        // A daemon may have kept it open.
        let piped = child.stderr.as_mut().expect("it is piped");
        if code != Some(0) {
            drop(piped.read_to_string(&mut stderr));
        }
        Ended { code, stderr }
    }

    /// The program, with its configuration and these words.
    pub fn program(words: &[&str]) -> Command {
        let mut command = Command::new(subject());
        command.args(["-C", CONFIG]).args(words);
        command
    }

    /// The same in the background.
    pub fn background(&self, words: &[&str]) -> Ended {
        self.run(&mut Self::program(words))
    }

    /// Starts what stays in the foreground, and waits until it serves.
    pub fn foreground(&self, command: &mut Command) -> Process {
        let server = self.lab.host("server");
        let process = server.spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        let serves = || server.listens_on_udp(69).then_some(());
        eventually(PATIENCE, serves).expect("it serves");
        process
    }

    pub fn get(&self, file: &str) -> Result<Vec<u8>, String> {
        Download { file, ..Download::USUAL }.bytes(self.lab.host("client"))
    }

    /// Lines of the log, `4 dnsmasq-tftp: text`, when there are so many.
    pub fn logged(&self, lines: usize) -> Vec<String> {
        let all = || -> Vec<String> { self.lab.syslog().iter().map(|line| bare(line)).collect() };
        eventually(PATIENCE, || (all().len() >= lines).then_some(()));
        all()
    }
}

/// The process that the usual pid file names.
pub fn daemon() -> Option<u32> {
    fs::read_to_string("/run/dnsmasq.pid").ok()?.trim().parse().ok()
}

/// Ends a daemon, and waits until it has.
pub fn end(id: u32) {
    signal(id, Signal::SIGTERM);
    eventually(PATIENCE, || (!runs(id)).then_some(())).expect("it ends");
}

impl Drop for Stand {
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

/// Whether there is such a process, and it has not ended.
pub fn runs(id: u32) -> bool {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|rest| !rest.is_empty() && !rest.starts_with(" Z"))
}

/// `<30>Nov 22 12:55:36 dnsmasq-tftp[12]: text` as `6 dnsmasq-tftp: text`, the program's own words left out.
pub fn bare(line: &str) -> String {
    let (code, identity, text) = record(line);
    let own = ["started, version", "compile time options:"];
    let text = own.iter().find(|own| text.starts_with(**own)).copied().unwrap_or(text);
    format!("{} {identity}: {text}", code & 7)
}
