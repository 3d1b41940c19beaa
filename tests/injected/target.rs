//! The daemon whose packet process makes the calls. It is started again after a call has killed it.

use crate::common::download::Download;
use crate::common::lab::{Lab, Process, allow, eventually};
use crate::common::{subject, two_hosts};
use crate::tracee::{Refusal, Tracee};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use std::cell::RefCell;
use std::fs;
use std::os::unix::net::UnixDatagram;
use std::process::{Command, Stdio};
use std::time::Duration;

const TIMEOUT: Duration = Duration::from_secs(10);
const PORTS: [u16; 3] = [67, 69, 4011];
/// A socket that is neither syslog nor the service manager.
pub const OTHER_SOCKET: &str = "/run/other";
const CONFIG: &str = "port=0\nenable-tftp\ntftp-root=/srv/tftp\ndhcp-range=10.9.0.0,proxy\n\
    pxe-service=x86PC,Boot,pxelinux.0,10.9.0.9\nlog-facility=daemon\n";

pub struct Target<'l> {
    pub lab: &'l Lab,
    pub other_socket: UnixDatagram,
    /// The service manager: its messages are not read.
    _manager: UnixDatagram,
    running: RefCell<Option<(Process, Tracee)>>,
}

/// The kind of a socket, as the table of `/proc/net` of this name has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    Netlink,
    Packet,
    UnixDatagram,
}

impl<'l> Target<'l> {
    pub fn new(lab: &'l Lab) -> Self {
        let (server, client) = (lab.host("server"), lab.host("client"));
        lab.wire(server.plug("eth0", "02:00:00:00:00:01"), client.plug("c0", "02:00:00:00:00:02"));
        server.ip("addr add 10.9.0.1/24 dev eth0");
        client.ip("addr add 10.9.0.2/24 dev c0");
        lab.file(two_hosts::CONFIG, CONFIG);
        lab.file("/srv/tftp/small", two_hosts::SMALL);
        let bind = |path: &str| {
            let socket = UnixDatagram::bind(path).expect("the directory is writable");
            allow(path, 0o666);
            socket
        };
        let (other_socket, manager) = (bind(OTHER_SOCKET), bind("/run/notify"));
        other_socket.set_nonblocking(true).expect("it is open");
        Self { lab, other_socket, _manager: manager, running: RefCell::default() }
    }

    /// Runs `work` with the stopped packet process.
    pub fn with<T>(&self, work: impl FnOnce(&mut Tracee) -> T) -> T {
        let mut running = self.running.borrow_mut();
        let (_, tracee) = running.get_or_insert_with(|| self.start());
        work(tracee)
    }

    fn start(&self) -> (Process, Tracee) {
        let server = self.lab.host("server");
        eventually(TIMEOUT, || {
            PORTS.iter().all(|port| !server.listens_on_udp(*port)).then_some(())
        })
        .expect("the ports are free");
        let lines = self.lab.syslog().len();
        let mut command = Command::new(subject());
        command.args(["-k", "-C", two_hosts::CONFIG]).env("NOTIFY_SOCKET", "/run/notify");
        let daemon = server.spawn(command.stdout(Stdio::null()).stderr(Stdio::null()));
        // The last line of the start, so it is confined.
        let is_ready = || {
            let log = self.lab.syslog();
            log[lines..].iter().any(|line| line.contains("TFTP root is")).then_some(())
        };
        eventually(TIMEOUT, is_ready).expect("it serves");
        let tracee = Tracee::attach(daemon.id());
        (daemon, tracee)
    }

    /// Makes a call in the packet process.
    pub fn call(&self, call: i64, arguments: &[u64]) -> Result<i64, Refusal> {
        let result = self.with(|tracee| tracee.call(call, arguments));
        if result == Err(Refusal::Killed) {
            self.stop();
        }
        result
    }

    /// Copies an argument into the packet process; its address.
    pub fn put(&self, bytes: &[u8]) -> u64 {
        self.with(|tracee| tracee.put(bytes))
    }

    /// A path or other text, with its terminator.
    pub fn text(&self, text: &str) -> u64 {
        self.put(&[text.as_bytes(), b"\0"].concat())
    }

    /// Kills the daemon. The next call starts another one.
    pub fn stop(&self) {
        self.running.borrow_mut().take();
    }

    /// Lets the daemon continue, and downloads a file.
    pub fn serves_after_detach(&self) -> bool {
        let Some((process, tracee)) = self.running.borrow_mut().take() else { return false };
        tracee.detach();
        let client = self.lab.host("client");
        let file = Download { file: "small", ..Download::DEFAULT }.bytes(client);
        drop(process);
        file == Ok(two_hosts::SMALL.as_bytes().to_vec())
    }

    /// The process of the program with this name.
    pub fn helper(&self, name: &str) -> Result<u64, Refusal> {
        let pid = self.with(|tracee| tracee.pid());
        let children = fs::read_to_string(format!("/proc/{pid}/task/{pid}/children"));
        let children = children.unwrap_or_default();
        let is_it = |child: &&str| {
            fs::read_to_string(format!("/proc/{child}/comm")).is_ok_and(|comm| comm.trim() == name)
        };
        let found = children.split_whitespace().find(is_it).and_then(|child| child.parse().ok());
        found.ok_or(Refusal::NoProcess)
    }

    /// The descriptors of the packet process that are sockets of this kind.
    pub fn held(&self, kind: Kind) -> Vec<u64> {
        let pid = self.with(|tracee| tracee.pid());
        let inodes = inodes(pid, kind);
        let entries = fs::read_dir(format!("/proc/{pid}/fd")).expect("it runs").flatten();
        let is_held = entries.filter_map(|entry| {
            let link = fs::read_link(entry.path()).ok()?;
            let inode = link.to_str()?.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned();
            let number = entry.file_name().to_str()?.parse().ok()?;
            inodes.contains(&inode).then_some(number)
        });
        is_held.collect()
    }
}

/// The inodes of all sockets of this kind in the network namespace of a process (proc(5)).
fn inodes(pid: i32, kind: Kind) -> Vec<String> {
    let (table, column) = match kind {
        Kind::Netlink => ("netlink", 9),
        Kind::Packet => ("packet", 8),
        Kind::UnixDatagram => ("unix", 6),
    };
    let table = fs::read_to_string(format!("/proc/{pid}/net/{table}")).unwrap_or_default();
    let inode = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        let is_kind = kind != Kind::UnixDatagram || fields.get(4) == Some(&"0002");
        fields.get(column).filter(|_| is_kind).map(|inode| (*inode).to_owned())
    };
    table.lines().skip(1).filter_map(inode).collect()
}

/// Ends a process that a call has started.
pub fn end(process: i64) {
    if let Ok(pid) = i32::try_from(process)
        && pid > 1
    {
        // It may have ended already.
        let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
    }
}
