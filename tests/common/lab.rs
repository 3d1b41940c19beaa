//! A test network in namespaces (a lab).
//!
//! ```text
//!            one thread of `cargo test`, with a file system of its own
//!   ┌──────────────────────────────────────────────────────────────────┐
//!   │  host "router"        host "server"        host "client"         │
//!   │   ┌────────┐           ┌────────┐    link    ┌────────┐          │
//!   │   │   eth0 │           │ eth0 eth1├──────────┤ eth0   │          │
//!   │   └─────┬──┘           └──┬─────┘            └────────┘          │
//!   │         └───── switch ────┘         /etc /home /run /srv /dev    │
//!   │                   └ tap ── QEMU     empty, and gone afterwards   │
//!   └──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Each host is a network namespace. The file system is that of the machine, with empty directories mounted over those
//! from which a server reads its configuration. So paths, users and log lines are the same on every machine, and a test
//! cannot change the network or `/etc` of the machine.
//!
//! Namespaces belong to threads: each test has its own lab, and tests run in parallel. A program that is started from
//! the thread is in the mount namespace of the lab and in the network namespace of its host. The lab ends with its last
//! thread and program; a second lab on the same thread is mounted over the first.

pub mod files;

use std::cell::Cell;
use std::fmt::Display;
use std::fs::{self, File, Permissions};
use std::io;
use std::marker::PhantomData;
use std::net::{Shutdown, UdpSocket};
use std::os::fd::AsRawFd;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::os::unix::net::UnixDatagram;
use std::path::Path;
use std::process::{self, Child, Command, ExitStatus, Stdio};
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use nix::sched::{CloneFlags, setns, unshare};

/// Several hosts with one file system.
pub struct Lab {
    hosts: Vec<Host>,
    syslog: Syslog,
    /// Not `Send`: another thread is not in the namespaces.
    _stays_on_its_thread: PhantomData<Rc<()>>,
}

#[allow(clippy::unused_self)] // files can be written only after `new`
impl Lab {
    /// Moves this thread into a new lab. The error is one line: why that is not possible on this machine.
    pub fn new<const N: usize>(names: [&str; N]) -> Result<Self, String> {
        require_ip()?;
        files::lay_out()?;
        let hosts: Vec<Host> = names.into_iter().map(Host::new).collect::<Result<_, _>>()?;
        let syslog = Host::new("syslog")?;
        // The default is 10 lines; programs block when the queue is full.
        syslog.sysctl("net/unix/max_dgram_qlen", "1000");
        let syslog = syslog.inside(Syslog::listen)?;
        Ok(Self { hosts, syslog, _stays_on_its_thread: PhantomData })
    }

    pub fn host(&self, name: &str) -> &Host {
        let found = self.hosts.iter().find(|host| host.name == name);
        found.unwrap_or_else(|| panic!("the lab has no host {name}"))
    }

    /// Creates a link between two hosts. Both ends are up and have no addresses.
    pub fn wire(&self, one: Plug, other: Plug) {
        one.host.ip(&format!(
            "link add {} address {} type veth peer name {} address {} netns {}",
            one.name,
            one.mac,
            other.name,
            other.mac,
            other.host.namespace_path()
        ));
        one.host.set_up(one.name);
        other.host.set_up(other.name);
    }

    /// Writes a file, and creates the directories above it.
    pub fn file(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = files::place(path);
        fs::write(&path, contents).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    }

    /// Writes an executable script.
    pub fn program(&self, path: &str, script: &str) {
        self.file(path, script);
        allow(path, 0o755);
    }

    /// Copies a file of the machine into the lab.
    pub fn copy(&self, original: impl AsRef<Path>, path: &str) {
        let original = original.as_ref();
        fs::copy(original, files::place(path))
            .unwrap_or_else(|fault| panic!("{} to {path}: {fault}", original.display()));
    }

    /// Creates a symbolic link at `path` with the text `target`.
    pub fn link(&self, target: &str, path: &str) {
        symlink(target, files::place(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    }

    /// All datagrams to `/dev/log`: `<30>Nov 22 00:35:45 dnsmasq[12]: text`.
    pub fn syslog(&self) -> Vec<String> {
        self.syslog.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Returns and removes the lines of [`syslog`](Self::syslog).
    pub fn take_syslog(&self) -> Vec<String> {
        std::mem::take(&mut self.syslog.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether the user exists in the user namespace. With `unshare -Urn` there is only root.
    pub fn knows_user(&self, id: u32) -> bool {
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        map.lines().any(|line| {
            let column = |n| line.split_whitespace().nth(n).and_then(|text| text.parse().ok());
            let (first, count): (Option<u32>, Option<u32>) = (column(0), column(2));
            first.zip(count).is_some_and(|(first, count)| id.wrapping_sub(first) < count)
        })
    }
}

/// A host: a network namespace, which exists as long as the file is open.
pub struct Host {
    name: String,
    namespace: File,
}

impl Host {
    fn new(name: &str) -> Result<Self, String> {
        let _guard = NamespaceGuard(current_namespace());
        unshare(CloneFlags::CLONE_NEWNET).map_err(with_context("no network namespace"))?;
        let host = Self { name: name.to_owned(), namespace: current_namespace() };
        host.ip("link set lo up");
        Ok(host)
    }

    /// Runs `work` in the network namespace of this host and returns to the previous one, also after a panic.
    pub fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        let _guard = NamespaceGuard(current_namespace());
        enter(&self.namespace);
        work()
    }

    /// Starts a program on this host; it is killed when the returned value is dropped.
    pub fn spawn(&self, command: &mut Command) -> Process {
        match self.inside(|| command.stdin(Stdio::null()).spawn()) {
            Ok(child) => Process(child),
            Err(fault) => panic!("{}: {fault}", command.get_program().display()),
        }
    }

    /// Runs a program on this host and returns its standard output. Panics if it fails.
    pub fn run(&self, command: &mut Command) -> String {
        let output = self
            .inside(|| command.output())
            .unwrap_or_else(|fault| panic!("{}: {fault}", command.get_program().display()));
        let complaint = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{}: {command:?}: {complaint}", self.name);
        String::from_utf8_lossy(&output.stdout).into_owned()
    }

    /// `server.ip("addr add 10.9.0.1/24 dev eth0")`
    pub fn ip(&self, words: &str) -> String {
        self.run(Command::new("ip").args(words.split_whitespace()))
    }

    /// Sets a sysctl of this network namespace: `net/ipv4/ip_forward`.
    pub fn sysctl(&self, name: &str, value: &str) {
        let path = format!("/proc/sys/{name}");
        self.inside(|| fs::write(&path, value)).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    }

    /// A UDP socket of this host. It can send broadcasts and has a receive timeout, so that a test fails instead of
    /// hanging if a program does not answer.
    pub fn udp(&self, address: &str) -> UdpSocket {
        self.inside(|| {
            let socket = UdpSocket::bind(address)?;
            socket.set_broadcast(true)?;
            socket.set_read_timeout(Some(TIMEOUT))?;
            Ok(socket)
        })
        .unwrap_or_else(|fault: io::Error| panic!("{}: {address}: {fault}", self.name))
    }

    /// Whether a program on this host has bound the port.
    pub fn listens_on_udp(&self, port: u16) -> bool {
        let tables = ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"];
        let sockets = self.inside(|| tables.map(fs::read_to_string));
        let suffix = format!(":{port:04X}");
        sockets.iter().flatten().flat_map(|table| table.lines().skip(1)).any(|line| {
            line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&suffix))
        })
    }

    /// Moves an interface to another host. It loses its addresses and is down.
    pub fn move_interface(&self, interface: &str, to: &Host) {
        self.ip(&format!("link set {interface} netns {}", to.namespace_path()));
    }

    /// The end of a link: `lab.wire(server.plug("eth0", MAC), client.plug("c0", OTHER_MAC))`.
    pub fn plug<'a>(&'a self, name: &'a str, mac: &'a str) -> Plug<'a> {
        Plug { host: self, name, mac }
    }

    /// Sets an interface up, without IPv6 addresses: router solicitations would be in captures.
    fn set_up(&self, interface: &str) {
        if Path::new("/proc/sys/net/ipv6").exists() {
            self.ip(&format!("link set {interface} addrgenmode none"));
        }
        self.ip(&format!("link set {interface} up"));
    }

    /// The namespace as a path for `ip`.
    fn namespace_path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.namespace.as_raw_fd())
    }
}

/// A network interface to create: host, name and hardware address.
#[derive(Clone, Copy)]
pub struct Plug<'a> {
    host: &'a Host,
    name: &'a str,
    mac: &'a str,
}

/// A bridge in its own namespace, without spanning tree, so that it forwards frames at once.
pub struct Switch {
    host: Host,
    ports: Cell<usize>,
}

impl Switch {
    pub fn new() -> Result<Self, String> {
        let host = Host::new("switch")?;
        host.ip("link add bridge type bridge stp_state 0 mcast_snooping 0");
        host.set_up("bridge");
        Ok(Self { host, ports: Cell::new(0) })
    }

    /// Connects the host to a new port.
    pub fn attach(&self, lab: &Lab, plug: Plug) {
        self.ports.set(self.ports.get() + 1);
        let port = format!("port{}", self.ports.get());
        let mac = format!("02:00:00:00:ff:{:02x}", self.ports.get());
        lab.wire(self.host.plug(&port, &mac), plug);
        self.host.ip(&format!("link set {port} master bridge"));
    }

    /// Creates a port for an emulated machine, which must be spawned on [`Switch::host`].
    pub fn tap(&self, name: &str) {
        self.host.ip(&format!("tuntap add {name} mode tap"));
        self.host.ip(&format!("link set {name} master bridge"));
        self.host.set_up(name);
    }

    /// The namespace of the bridge.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

/// A running program. Dropping it kills the process.
pub struct Process(Child);

impl Process {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// Its exit status; `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("the process is a child of the test")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // `kill` fails if it has already ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Sets the mode of a file or socket in the lab.
pub fn allow(path: &str, mode: u32) {
    let done = fs::set_permissions(path, Permissions::from_mode(mode));
    done.unwrap_or_else(|fault| panic!("{path}: {fault}"));
}

/// Parses a syslog datagram, `<30>Nov 22 12:55:36 dnsmasq-tftp[12]: text`: priority, `dnsmasq-tftp` and `text`.
pub fn record(line: &str) -> (u32, &str, &str) {
    let (code, rest) = line.split_once('>').expect("a priority");
    let (head, text) = rest.split_once("]: ").expect("an identity");
    let identity = head.rsplit(' ').next().and_then(|name| name.split('[').next());
    let code = code.trim_start_matches('<').parse().expect("a number");
    (code, identity.unwrap_or_default(), text)
}

/// Calls `poll` until it returns a value; `None` after the time limit.
pub fn eventually<T>(limit: Duration, mut poll: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = poll() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The socket `/dev/log`. A thread reads it, because programs block when it is full.
struct Syslog {
    socket: Arc<UnixDatagram>,
    lines: Arc<Mutex<Vec<String>>>,
    listener: Option<JoinHandle<()>>,
}

impl Syslog {
    fn listen() -> Result<Self, String> {
        let socket = UnixDatagram::bind("/dev/log").map_err(with_context("/dev/log"))?;
        allow("/dev/log", 0o666);
        let (socket, lines) = (Arc::new(socket), Arc::new(Mutex::new(Vec::new())));
        let listener = {
            let (socket, lines) = (Arc::clone(&socket), Arc::clone(&lines));
            Some(thread::spawn(move || record_lines(&socket, &lines)))
        };
        Ok(Self { socket, lines, listener })
    }
}

impl Drop for Syslog {
    fn drop(&mut self) {
        drop(self.socket.shutdown(Shutdown::Both));
        drop(self.listener.take().map(JoinHandle::join));
    }
}

/// Reads until the socket is shut down: then `recv` returns 0.
fn record_lines(socket: &UnixDatagram, lines: &Mutex<Vec<String>>) {
    let mut datagram = vec![0; 64 << 10];
    while let Ok(length @ 1..) = socket.recv(&mut datagram) {
        let line = String::from_utf8_lossy(&datagram[..length]).trim_end_matches('\0').to_owned();
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Returns the thread to a namespace when dropped.
struct NamespaceGuard(File);

impl Drop for NamespaceGuard {
    fn drop(&mut self) {
        enter(&self.0);
    }
}

fn enter(namespace: &File) {
    setns(namespace, CloneFlags::CLONE_NEWNET).expect("a thread can return to its own namespace");
}

fn current_namespace() -> File {
    File::open("/proc/thread-self/ns/net").expect("a thread has a network namespace")
}

fn require_ip() -> Result<(), String> {
    let found = Command::new("ip").arg("-V").output();
    found.map(drop).map_err(with_context("the program ip (Debian: iproute2) does not run"))
}

pub fn with_context<E: Display>(what: impl Display) -> impl FnOnce(E) -> String {
    move |fault| format!("{what}: {fault}")
}

/// Receive timeout of [`Host::udp`].
const TIMEOUT: Duration = Duration::from_secs(5);
