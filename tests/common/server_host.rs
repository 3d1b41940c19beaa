//! A server host: its interfaces, its addresses, its links to a client, and the program that runs on it.

use super::lab::{Host, Lab, Process, eventually};
use super::packet::{PacketSocket, ReceivedPacket, client_mac, server_mac};
use super::request::Request;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// A server and a client of the lab, with links `eth0`–`c0` … between them.
pub struct ServerHost<'l> {
    lab: &'l Lab,
    server: &'l Host,
    client: &'l Host,
    packets: PacketSocket,
}

/// The running program.
pub struct Running {
    process: Process,
    id: u32,
}

/// The program hangs if it needs longer.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A datagram that has not arrived by then was dropped, for example by the kernel.
const MAX_TRANSIT_TIME: Duration = Duration::from_millis(100);

impl<'l> ServerHost<'l> {
    /// Creates interfaces with addresses: `eth0 10.0.0.1/24`, `eth0:1 10.0.1.1/24` with a label, `eth1 -` without address.
    /// An interface with another name than `eth…` is a bridge without ports.
    pub fn new(lab: &'l Lab, names: [&str; 2], addresses: &[String]) -> Self {
        let [server, client] = names.map(|name| lab.host(name));
        // The client may use any source address and answers ARP for all addresses.
        client.sysctl("net/ipv4/conf/all/accept_local", "1");
        client.ip("route add local 0.0.0.0/0 dev lo");
        let link = |line: &str| line.split([' ', ':']).next().unwrap_or_default().to_owned();
        let links: BTreeSet<String> = addresses.iter().map(|line| link(line)).collect();
        let mut machine = Self { lab, server, client, packets: PacketSocket::new(client) };
        for name in &links {
            machine.add_interface(name);
        }
        machine.change_addresses("add", addresses);
        machine
    }

    /// Creates an interface; `eth…` is linked to the client.
    pub fn add_interface(&mut self, name: &str) {
        let Some(number) = name.strip_prefix("eth") else {
            self.server.ip(&format!("link add {name} type bridge"));
            self.server.ip(&format!("link set {name} up"));
            return;
        };
        let end = format!("c{number}");
        let macs = [server_mac(name), client_mac(name)].map(colons);
        let plugs = [self.server.plug(name, &macs[0]), self.client.plug(&end, &macs[1])];
        self.lab.wire(plugs[0], plugs[1]);
        self.server.ip(&format!("link set {name} mtu 9000"));
        self.client.ip(&format!("link set {end} mtu 9000"));
        self.packets = PacketSocket::new(self.client);
    }

    /// Deletes an interface.
    pub fn remove_interface(&self, name: &str) {
        self.server.ip(&format!("link del {name}"));
    }

    /// Adds or deletes addresses; the action is `add` or `del`.
    pub fn change_addresses(&self, action: &str, addresses: &[String]) {
        for line in addresses {
            let (name, address) = line.split_once(' ').expect("an interface and an address");
            let link = name.split(':').next().unwrap_or(name);
            if address != "-" {
                self.server.ip(&format!("addr {action} {address} dev {link} label {name}"));
            }
        }
    }

    /// Deletes all addresses of these interfaces.
    pub fn flush_addresses(&self, interfaces: &[&str]) {
        for name in interfaces {
            let _ = self.server.ip(&format!("addr flush dev {name}"));
        }
    }

    /// Starts the program as root; `None` if it ends at once.
    pub fn start(&self, program: &Path, config: &str, more: &[&str]) -> Option<Running> {
        let usual = ["-k", "-u", "root", "--group=", "-x", "", "-l", "/run/leases", "-C", config];
        self.start_with(program, &[&usual, more].concat())
    }

    /// Starts the program with these arguments only; `None` if it ends at once.
    pub fn start_with(&self, program: &Path, arguments: &[&str]) -> Option<Running> {
        let mut command = Command::new(program);
        command.args(arguments).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = self.server.spawn(&mut command);
        let id = process.id();
        let mut running =
            eventually(TIMEOUT, || (process.ended().is_some() || is_ready(id)).then_some(()));
        running = running.filter(|()| process.ended().is_none());
        running.map(|()| Running { process, id })
    }

    /// Sends a datagram and waits until the program has handled it; `false` if it hangs.
    pub fn send(&self, running: &Running, request: &Request) -> bool {
        let before = counted_datagrams(running.id);
        self.packets.send(&request.on, request.from, request.to, &request.bytes);
        let sent = Instant::now();
        while counted_datagrams(running.id) == before && sent.elapsed() < MAX_TRANSIT_TIME {
            std::thread::yield_now();
        }
        let deadline = sent + TIMEOUT;
        while !is_waiting(running.id) && Instant::now() < deadline {
            std::thread::yield_now();
        }
        is_waiting(running.id)
    }

    /// The datagrams to the client since the last call.
    pub fn received(&self) -> Vec<ReceivedPacket> {
        self.packets.received()
    }

    /// The lab of this host.
    pub fn lab(&self) -> &'l Lab {
        self.lab
    }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether the process has ended.
    pub fn ended(&mut self) -> bool {
        self.process.ended().is_some()
    }
}

/// It has UDP sockets and waits for events.
fn is_ready(id: u32) -> bool {
    let sockets = fs::read_to_string(format!("/proc/{id}/net/udp")).unwrap_or_default();
    sockets.lines().count() > 1 && is_waiting(id)
}

/// Number of datagrams that the kernel delivered, or dropped because no socket was bound.
fn counted_datagrams(id: u32) -> u64 {
    const COUNTERS: [&str; 4] = ["InDatagrams", "NoPorts", "InErrors", "IgnoredMulti"];
    let text = fs::read_to_string(format!("/proc/{id}/net/snmp")).unwrap_or_default();
    let mut lines = text.lines().filter(|line| line.starts_with("Udp: "));
    let (names, values) = (lines.next().unwrap_or_default(), lines.next().unwrap_or_default());
    let counters = names.split(' ').zip(values.split(' '));
    counters
        .filter(|(name, _)| COUNTERS.contains(name))
        .filter_map(|(_, value)| value.parse::<u64>().ok())
        .sum()
}

/// Whether it waits for events: by `wchan`, or, if the kernel hides that, by the system call (proc(5)).
fn is_waiting(id: u32) -> bool {
    const POLL_CALLS: &[libc::c_long] = &[
        libc::SYS_epoll_pwait,
        libc::SYS_ppoll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
    ];
    let proc_file =
        |what: &str| fs::read_to_string(format!("/proc/{id}/{what}")).unwrap_or_default();
    let asleep = proc_file("stat").rsplit(')').next().is_some_and(|rest| rest.starts_with(" S"));
    let (wait_channel, call) = (proc_file("wchan"), proc_file("syscall"));
    let polls = || POLL_CALLS.iter().any(|poll| call.split(' ').next() == Some(&poll.to_string()));
    asleep && (wait_channel.contains("poll") || matches!(&wait_channel[..], "" | "0") && polls())
}

fn colons(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
