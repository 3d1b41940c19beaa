//! A server at work: its addresses, its wires to a client, the program that runs on it.

use super::lab::{Host, Lab, Process, eventually};
use super::packet::{Ears, Heard, client_mac, server_mac};
use super::request::Said;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Two hosts of the laboratory, with wires `eth0`–`c0` … between them.
pub struct Machine<'l> {
    lab: &'l Lab,
    server: &'l Host,
    client: &'l Host,
    ears: Ears,
}

/// A program that serves.
pub struct Running {
    process: Process,
    id: u32,
}

/// Nothing takes longer, unless a program hangs.
const PATIENCE: Duration = Duration::from_secs(3);
/// A datagram that has not arrived after that long was stopped on its way.
const TRAVEL: Duration = Duration::from_millis(100);

impl<'l> Machine<'l> {
    /// Lays wires and gives addresses: `eth0 10.0.0.1/24`, `eth0:1 10.0.1.1/24` with a label, `eth1 -` for none.
    /// What is not called `eth…` leads nowhere.
    pub fn new(lab: &'l Lab, names: [&str; 2], addresses: &[String]) -> Self {
        let [server, client] = names.map(|name| lab.host(name));
        // The client is whoever it says it is, and answers ARP for everybody.
        client.sysctl("net/ipv4/conf/all/accept_local", "1");
        client.ip("route add local 0.0.0.0/0 dev lo");
        let link = |line: &str| line.split([' ', ':']).next().unwrap_or_default().to_owned();
        let links: BTreeSet<String> = addresses.iter().map(|line| link(line)).collect();
        let mut machine = Self { lab, server, client, ears: Ears::new(client) };
        links.iter().for_each(|name| machine.lay(name));
        machine.addresses("add", addresses);
        machine
    }

    /// Makes an interface, and a wire to the client if it is called `eth…`.
    pub fn lay(&mut self, name: &str) {
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
        self.ears = Ears::new(self.client);
    }

    /// Takes an interface away.
    pub fn pull(&self, name: &str) {
        self.server.ip(&format!("link del {name}"));
    }

    /// Gives or takes (`add`, `del`) addresses.
    pub fn addresses(&self, action: &str, addresses: &[String]) {
        for line in addresses {
            let (name, address) = line.split_once(' ').expect("an interface and an address");
            let link = name.split(':').next().unwrap_or(name);
            if address != "-" {
                self.server.ip(&format!("addr {action} {address} dev {link} label {name}"));
            }
        }
    }

    /// Takes all addresses off these interfaces.
    pub fn forget_addresses(&self, interfaces: &[&str]) {
        interfaces.iter().for_each(|name| drop(self.server.ip(&format!("addr flush dev {name}"))));
    }

    /// Starts the program; `None` if it ends at once.
    pub fn start(&self, program: &Path, config: &str, more: &[&str]) -> Option<Running> {
        let mut command = Command::new(program);
        command.args(["-k", "-u", "root", "--group=", "-x", "", "-l", "/run/leases", "-C", config]);
        command.args(more).stdout(Stdio::null()).stderr(Stdio::null());
        let mut process = self.server.spawn(&mut command);
        let id = process.id();
        let mut running =
            eventually(PATIENCE, || (process.ended().is_some() || serves(id)).then_some(()));
        running = running.filter(|()| process.ended().is_none());
        running.map(|()| Running { process, id })
    }

    /// Sends a datagram and waits until the program has done with it; `false` if it hangs.
    pub fn say(&self, running: &Running, said: &Said) -> bool {
        let before = datagrams(running.id);
        self.ears.send(&said.on, said.from, said.to, &said.bytes);
        let sent = Instant::now();
        while datagrams(running.id) == before && sent.elapsed() < TRAVEL {
            std::thread::yield_now();
        }
        let patience = sent + PATIENCE;
        while !rests(running.id) && Instant::now() < patience {
            std::thread::yield_now();
        }
        rests(running.id)
    }

    /// What was sent to the client since the last time.
    pub fn heard(&self) -> Vec<Heard> {
        self.ears.heard()
    }

    /// The laboratory it stands in.
    pub fn lab(&self) -> &'l Lab {
        self.lab
    }
}

impl Running {
    pub fn id(&self) -> u32 {
        self.id
    }

    /// Whether it has ended by itself.
    pub fn ended(&mut self) -> bool {
        self.process.ended().is_some()
    }
}

/// It has sockets, and waits for what they bring.
fn serves(id: u32) -> bool {
    let sockets = fs::read_to_string(format!("/proc/{id}/net/udp")).unwrap_or_default();
    sockets.lines().count() > 1 && rests(id)
}

/// How many datagrams the kernel has passed on, or found nobody for.
fn datagrams(id: u32) -> u64 {
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

/// Whether it waits for events: by the place in the kernel, or where that is not told, by the call (proc(5)).
fn rests(id: u32) -> bool {
    const POLLS: &[libc::c_long] = &[
        libc::SYS_epoll_pwait,
        libc::SYS_ppoll,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_epoll_wait,
        #[cfg(target_arch = "x86_64")]
        libc::SYS_poll,
    ];
    let about = |what: &str| fs::read_to_string(format!("/proc/{id}/{what}")).unwrap_or_default();
    let asleep = about("stat").rsplit(')').next().is_some_and(|rest| rest.starts_with(" S"));
    let (place, call) = (about("wchan"), about("syscall"));
    let polls = || POLLS.iter().any(|poll| call.split(' ').next() == Some(&poll.to_string()));
    asleep && (place.contains("poll") || matches!(&place[..], "" | "0") && polls())
}

fn colons(mac: [u8; 6]) -> String {
    mac.map(|byte| format!("{byte:02x}")).join(":")
}
