//! A network laboratory inside the machine the tests run on.
//!
//! ```text
//!            one thread of `cargo test`, with a file system of its own
//!   ┌──────────────────────────────────────────────────────────────────┐
//!   │  host "router"        host "server"        host "client"         │
//!   │   ┌────────┐           ┌────────┐    wire    ┌────────┐          │
//!   │   │   eth0 │           │ eth0 eth1├──────────┤ eth0   │          │
//!   │   └─────┬──┘           └──┬─────┘            └────────┘          │
//!   │         └───── switch ────┘         /etc /home /run /srv /dev    │
//!   │                   └ tap ── QEMU     empty, and gone afterwards   │
//!   └──────────────────────────────────────────────────────────────────┘
//! ```
//!
//! Each host is a network namespace. The file system is the real one with fresh directories laid
//! over those a server reads its set-up from, so that paths, users and log lines are the same on
//! every machine and nothing of the real machine can be touched: not its network, not its `/etc`.
//!
//! Namespaces belong to threads, therefore every test has a laboratory of its own and tests run
//! side by side. Programs started from the thread are born into its file system, and into the
//! network of the host that spawned them. The laboratory ends with its last thread and program;
//! a second one on the same thread is laid over the first.

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

/// Several hosts and the file system they share.
pub struct Lab {
    hosts: Vec<Host>,
    syslog: Syslog,
    /// Another thread would see the real machine instead.
    _stays_on_its_thread: PhantomData<Rc<()>>,
}

#[allow(clippy::unused_self)] // files may be written once there is a laboratory, not before
impl Lab {
    /// Moves this thread into a new laboratory. The error is one line on why this machine has none.
    pub fn new<const N: usize>(names: [&str; N]) -> Result<Self, String> {
        require_ip()?;
        files::lay_out()?;
        let hosts: Vec<Host> = names.into_iter().map(Host::new).collect::<Result<_, _>>()?;
        let syslog = Host::new("syslog")?;
        // Usually ten lines may wait, and more make programs wait.
        syslog.sysctl("net/unix/max_dgram_qlen", "1000");
        let syslog = syslog.inside(Syslog::listen)?;
        Ok(Self { hosts, syslog, _stays_on_its_thread: PhantomData })
    }

    pub fn host(&self, name: &str) -> &Host {
        let found = self.hosts.iter().find(|host| host.name == name);
        found.unwrap_or_else(|| panic!("the laboratory has no host {name}"))
    }

    /// A cable between two hosts, both ends up and without addresses.
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

    /// Writes a file, and the directories above it, in the laboratory.
    pub fn file(&self, path: &str, contents: impl AsRef<[u8]>) {
        let path = files::place(path);
        fs::write(&path, contents).unwrap_or_else(|fault| panic!("{}: {fault}", path.display()));
    }

    /// Writes a program: a script that says by what it is run.
    pub fn program(&self, path: &str, script: &str) {
        self.file(path, script);
        allow(path, 0o755);
    }

    /// Copies a file of the real machine into the laboratory.
    pub fn copy(&self, original: impl AsRef<Path>, path: &str) {
        let original = original.as_ref();
        fs::copy(original, files::place(path))
            .unwrap_or_else(|fault| panic!("{} to {path}: {fault}", original.display()));
    }

    /// Makes `path` a symbolic link that reads `target`.
    pub fn link(&self, target: &str, path: &str) {
        symlink(target, files::place(path)).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    }

    /// What programs said to `/dev/log` up to now: `<30>Nov 22 00:35:45 dnsmasq[12]: text`.
    pub fn syslog(&self) -> Vec<String> {
        self.syslog.lines.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The same, and forgets them.
    pub fn take_syslog(&self) -> Vec<String> {
        std::mem::take(&mut self.syslog.lines.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Whether programs can become this user. Under `unshare -Urn` there is only root.
    pub fn knows_user(&self, id: u32) -> bool {
        let map = fs::read_to_string("/proc/self/uid_map").unwrap_or_default();
        map.lines().any(|line| {
            let column = |n| line.split_whitespace().nth(n).and_then(|text| text.parse().ok());
            let (first, count): (Option<u32>, Option<u32>) = (column(0), column(2));
            first.zip(count).is_some_and(|(first, count)| id.wrapping_sub(first) < count)
        })
    }
}

/// A machine of the laboratory: a network namespace, kept alive by the open file.
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

    /// Runs `work` with this host's network and always comes back, even from a panic.
    pub fn inside<T>(&self, work: impl FnOnce() -> T) -> T {
        let _guard = NamespaceGuard(current_namespace());
        enter(&self.namespace);
        work()
    }

    /// Starts a program on this host; it ends with the returned value.
    pub fn spawn(&self, command: &mut Command) -> Process {
        match self.inside(|| command.stdin(Stdio::null()).spawn()) {
            Ok(child) => Process(child),
            Err(fault) => panic!("{}: {fault}", command.get_program().display()),
        }
    }

    /// Runs a program on this host to its end and returns what it printed. It has to succeed.
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

    /// Sets a variable of this host's network: `net/ipv4/ip_forward`.
    pub fn sysctl(&self, name: &str, value: &str) {
        let path = format!("/proc/sys/{name}");
        self.inside(|| fs::write(&path, value)).unwrap_or_else(|fault| panic!("{path}: {fault}"));
    }

    /// A socket of this host. It may broadcast, and gives up reading after some seconds, so that
    /// a silent program fails a test instead of hanging it.
    pub fn udp(&self, address: &str) -> UdpSocket {
        self.inside(|| {
            let socket = UdpSocket::bind(address)?;
            socket.set_broadcast(true)?;
            socket.set_read_timeout(Some(TIMEOUT))?;
            Ok(socket)
        })
        .unwrap_or_else(|fault: io::Error| panic!("{}: {address}: {fault}", self.name))
    }

    /// Whether any program here has the port open: the sign that a server is ready.
    pub fn listens_on_udp(&self, port: u16) -> bool {
        let tables = ["/proc/thread-self/net/udp", "/proc/thread-self/net/udp6"];
        let sockets = self.inside(|| tables.map(fs::read_to_string));
        let suffix = format!(":{port:04X}");
        sockets.iter().flatten().flat_map(|table| table.lines().skip(1)).any(|line| {
            line.split_whitespace().nth(1).is_some_and(|local| local.ends_with(&suffix))
        })
    }

    /// Gives an interface away, with its wire. Its addresses are lost, and it is down.
    pub fn move_interface(&self, interface: &str, to: &Host) {
        self.ip(&format!("link set {interface} netns {}", to.namespace_path()));
    }

    /// The end of a cable: `lab.wire(server.plug("eth0", MAC), client.plug("c0", OTHER_MAC))`.
    pub fn plug<'a>(&'a self, name: &'a str, mac: &'a str) -> Plug<'a> {
        Plug { host: self, name, mac }
    }

    /// Up, and quiet: a kernel that greets its IPv6 neighbours disturbs captures.
    fn set_up(&self, interface: &str) {
        if Path::new("/proc/sys/net/ipv6").exists() {
            self.ip(&format!("link set {interface} addrgenmode none"));
        }
        self.ip(&format!("link set {interface} up"));
    }

    /// A name for the namespace that `ip` in another process understands.
    fn namespace_path(&self) -> String {
        format!("/proc/{}/fd/{}", process::id(), self.namespace.as_raw_fd())
    }
}

/// A network interface to be: where, its name and its hardware address.
#[derive(Clone, Copy)]
pub struct Plug<'a> {
    host: &'a Host,
    name: &'a str,
    mac: &'a str,
}

/// A bridge in a namespace of its own. Frames pass from the first moment on: no spanning tree.
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

    /// A cable from the host into the next free port.
    pub fn attach(&self, lab: &Lab, plug: Plug) {
        self.ports.set(self.ports.get() + 1);
        let port = format!("port{}", self.ports.get());
        let mac = format!("02:00:00:00:ff:{:02x}", self.ports.get());
        lab.wire(self.host.plug(&port, &mac), plug);
        self.host.ip(&format!("link set {port} master bridge"));
    }

    /// A port for an emulated machine, which has to be spawned on [`Switch::host`].
    pub fn tap(&self, name: &str) {
        self.host.ip(&format!("tuntap add {name} mode tap"));
        self.host.ip(&format!("link set {name} master bridge"));
        self.host.set_up(name);
    }

    /// The place that sees all traffic.
    pub fn host(&self) -> &Host {
        &self.host
    }
}

/// A running program. Dropping it kills it, by its process number and no other.
pub struct Process(Child);

impl Process {
    pub fn id(&self) -> u32 {
        self.0.id()
    }

    /// How it ended, or `None` while it runs.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.0.try_wait().expect("a child of ours can be waited for")
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // It may have ended by itself: `kill` refuses politely then.
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Sets the mode of a file, or socket, of the laboratory.
pub fn allow(path: &str, mode: u32) {
    let done = fs::set_permissions(path, Permissions::from_mode(mode));
    done.unwrap_or_else(|fault| panic!("{path}: {fault}"));
}

/// A record on its way to syslog, `<30>Nov 22 12:55:36 dnsmasq-tftp[12]: text`: its code, `dnsmasq-tftp` and `text`.
pub fn record(line: &str) -> (u32, &str, &str) {
    let (code, rest) = line.split_once('>').expect("a priority");
    let (head, text) = rest.split_once("]: ").expect("an identity");
    let identity = head.rsplit(' ').next().and_then(|name| name.split('[').next());
    let code = code.trim_start_matches('<').parse().expect("a number");
    (code, identity.unwrap_or_default(), text)
}

/// Asks until there is an answer.
pub fn eventually<T>(limit: Duration, mut ask: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(answer) = ask() {
            return Some(answer);
        }
        if Instant::now() > end {
            return None;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// The listener at `/dev/log`. A thread empties it, with_context a full socket stops those who log.
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

/// Reads until the socket is shut down, which shows as a datagram of no bytes.
fn record_lines(socket: &UnixDatagram, lines: &Mutex<Vec<String>>) {
    let mut datagram = vec![0; 64 << 10];
    while let Ok(length @ 1..) = socket.recv(&mut datagram) {
        let line = String::from_utf8_lossy(&datagram[..length]).trim_end_matches('\0').to_owned();
        lines.lock().unwrap_or_else(PoisonError::into_inner).push(line);
    }
}

/// Returns the thread to the namespace it came from.
struct NamespaceGuard(File);

impl Drop for NamespaceGuard {
    fn drop(&mut self) {
        enter(&self.0);
    }
}

fn enter(namespace: &File) {
    setns(namespace, CloneFlags::CLONE_NEWNET).expect("a namespace of ours lets us in");
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

/// How long [`Host::udp`] waits for an answer.
const TIMEOUT: Duration = Duration::from_secs(5);
