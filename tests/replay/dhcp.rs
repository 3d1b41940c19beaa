//! DHCP: the core with a simulated machine. The simulation does the part of the kernel: interface, source address and
//! destination hardware address of a reply.

use super::common::fixture::{Fixture, Transcript};
use super::common::packet::{BROADCAST_MAC, ReceivedPacket, client_mac};
use super::common::request::{Request, Step, step};
use super::common::tftp_text::display;
use super::{Served, config, logged};
use pxemasq::config::Config;
use pxemasq::config::reload::ReloadableFiles;
use pxemasq::config::server_names::ServerNames;
use pxemasq::effect::Effect;
use pxemasq::log_line::{DhcpLine, Line};
use pxemasq::net::{
    Address, Datagram, EgressSocket, Interfaces, Link, ReceivedDatagram, same_network,
};
use pxemasq::proxydhcp::{self, Context, DecisionLog, Outcome, Port};
use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV4};

const PXE_PORT: u16 = 4011;
/// ARP hardware type.
const ETHERNET: u8 = 1;

struct Simulation {
    config: Config,
    interfaces: Interfaces,
    names: ServerNames,
    run_time_files: ReloadableFiles,
    seen: Transcript,
    step: usize,
    /// Delayed replies: seconds and text.
    delayed: Vec<(u32, String)>,
}

pub fn play(fixture: &Fixture) -> Transcript {
    let folder = Served::new(fixture);
    let lines: Vec<String> = fixture.config.iter().map(|line| folder.moved(line)).collect();
    let mut config = config(&lines);
    let mut run_time_files = ReloadableFiles::from_config(&config);
    let snapshot = run_time_files.list().read();
    let names = run_time_files.read(&mut config, snapshot).0;
    let mut simulation = Simulation {
        config,
        interfaces: Interfaces { links: vec![link(1, "lo")], addresses: Vec::new() },
        names,
        run_time_files,
        seen: Transcript::default(),
        step: 0,
        delayed: Vec::new(),
    };
    let addresses = fixture.machine();
    // In the order in which `tests/live` creates them.
    let names = addresses.iter().filter_map(|line| line.split([' ', ':']).next());
    for name in names.collect::<BTreeSet<_>>() {
        let _ = simulation.link(name);
    }
    for line in &addresses {
        simulation.add_address(line);
    }
    for (number, text) in (1..).zip(&fixture.steps) {
        simulation.step = number;
        simulation.take(step(text));
    }
    for line in &mut simulation.seen.log {
        *line = folder.back(line);
    }
    simulation.seen
}

fn link(index: u32, name: &str) -> Link {
    Link { index, name: name.to_owned(), loopback: name == "lo", mtu: 9000, ..Link::default() }
}

impl Simulation {
    fn take(&mut self, step: Step) {
        match step {
            Step::Send(request) => self.receive(&request),
            Step::AddAddress(name, address) => self.add_address(&format!("{name} {address}")),
            Step::RemoveAddress(name, address) => self.remove_address(&name, &address),
            Step::Reload => {
                let snapshot = self.run_time_files.list().read();
                let (names, happened) = self.run_time_files.read(&mut self.config, snapshot);
                self.names = names;
                let lines = happened.into_iter().map(Line::File);
                self.seen.log.extend(lines.map(|line| logged(&line)));
            }
            Step::Wait(seconds) => {
                for (delay, datagram) in std::mem::take(&mut self.delayed) {
                    assert!(u64::from(delay) < seconds, "the fixture ends too early");
                    self.seen.packets.push(format!("{} +{delay}s {datagram}", self.step));
                }
            }
        }
    }

    /// `eth0:1 10.0.0.1/24`
    fn add_address(&mut self, line: &str) {
        let (label, address) = line.split_once(' ').expect("an interface and an address");
        let name = label.split(':').next().unwrap_or(label);
        let index = self.link(name);
        let label = (label != name).then(|| label.to_owned());
        if let Some((ip, prefix)) = parsed(address) {
            self.interfaces.addresses.push(Address { interface: index, ip, prefix, label });
            self.interfaces.addresses.sort_by_key(|address| address.interface);
        }
    }

    fn link(&mut self, name: &str) -> u32 {
        if let Some(link) = self.interfaces.by_name(name) {
            return link.index;
        }
        let index = u32::try_from(self.interfaces.links.len()).expect("few links") + 1;
        self.interfaces.links.push(link(index, name));
        index
    }

    fn remove_address(&mut self, name: &str, address: &str) {
        let index = self.interfaces.by_name(name).expect("an interface").index;
        let (gone, _) = parsed(address).expect("an address");
        let is_kept = |known: &Address| known.interface != index || known.ip != gone;
        self.interfaces.addresses.retain(is_kept);
    }

    fn receive(&mut self, request: &Request) {
        let link = self.interfaces.by_name(&request.on).expect("an interface");
        let arrival = ReceivedDatagram {
            bytes: &request.bytes,
            peer: request.from.into(),
            local: (*request.to.ip()).into(),
            interface: link.index,
        };
        let port = match request.to.port() {
            PXE_PORT if self.config.dhcp.pxe_enabled => Port::Pxe,
            port if port == self.config.dhcp.server_port => Port::Server,
            _ => return, // no socket is bound
        };
        let mut effects = Vec::new();
        let Self { config, interfaces, names, .. } = self;
        let context = Context { config, interfaces, names };
        let outcome = proxydhcp::handle_datagram(
            context,
            port,
            &arrival,
            DecisionLog::Off,
            |_| true,
            &mut effects,
        );
        let is_reply =
            |effect: &Effect| matches!(effect, Effect::Send(_) | Effect::SendDelayed(..));
        let replies = effects.iter().filter(|effect| is_reply(effect)).count();
        let is_answered = matches!(outcome, Outcome::Answered(_));
        assert_eq!(replies, usize::from(is_answered), "{outcome:?}");
        for effect in effects {
            self.apply(effect);
        }
    }

    fn apply(&mut self, effect: Effect) {
        match effect {
            Effect::Log(line) => self.seen.log.push(logged(&line)),
            Effect::Send(datagram) => {
                let text = self.sent_as(&datagram);
                self.seen.packets.extend(text.map(|text| format!("{} {text}", self.step)));
            }
            Effect::SendDelayed(delay, datagram) => {
                let text = self.sent_as(&datagram);
                self.delayed.extend(text.map(|text| (delay, text)));
            }
            Effect::Observe(_) => {}
            Effect::SendBatch(_)
            | Effect::CloseSocket(_)
            | Effect::LogLimited(..)
            | Effect::OpenSocket { .. }
            | Effect::WatchSocket { .. } => {
                unreachable!("DHCP opens no sockets")
            }
        }
    }

    /// The datagram as the client receives it; `None` if the kernel does not send it. If the core sets no interface and
    /// source address, the kernel selects them.
    fn sent_as(&mut self, datagram: &Datagram) -> Option<String> {
        let SocketAddr::V4(to) = datagram.to else { unreachable!("DHCP is IPv4") };
        let Some((index, source)) = self.route(datagram.interface, *to.ip()) else {
            let reason = "Network is unreachable".to_owned();
            self.log(DhcpLine::SendFailed { to: *to.ip(), reason });
            return None;
        };
        let port = match datagram.via {
            EgressSocket::Pxe => PXE_PORT,
            _ => self.config.dhcp.server_port,
        };
        let on = self.interfaces.by_index(index).expect("an interface").name.clone();
        let mut mac = if to.ip().is_broadcast() { BROADCAST_MAC } else { client_mac(&on) };
        match &datagram.neighbour {
            Some(client) if client.hardware_type != ETHERNET => {
                self.log(DhcpLine::ArpFailed("Invalid argument".to_owned()));
            }
            Some(client) => {
                mac = client.mac[..].try_into().expect("an Ethernet address has 6 bytes");
            }
            None => {}
        }
        let from = SocketAddrV4::new(source, port);
        let packet = ReceivedPacket {
            on,
            mac,
            from,
            to,
            tos: 0xC0,
            dont_fragment: false,
            bytes: Vec::new(),
        };
        // Only `eth…` interfaces are connected to the client.
        packet.on.starts_with("eth").then(|| format!("{packet} {}", display(&datagram.bytes)))
    }

    fn log(&mut self, line: DhcpLine) {
        self.seen.log.push(logged(&Line::Dhcp(None, line)));
    }

    /// The outgoing interface of a datagram and its source address.
    fn route(&self, interface: u32, to: Ipv4Addr) -> Option<(u32, Ipv4Addr)> {
        let near = |address: &&Address| {
            address.ipv4().is_some_and(|ip| same_network(ip, to, address.netmask()))
        };
        let here = |address: &&Address| address.interface == interface;
        let all = &self.interfaces.addresses;
        let found = match interface {
            0 => all.iter().find(near)?,
            _ => all.iter().filter(here).find(near).or_else(|| all.iter().find(here))?,
        };
        Some((found.interface, found.ipv4()?))
    }
}

fn parsed(address: &str) -> Option<(IpAddr, u8)> {
    let (ip, prefix) = address.split_once('/')?;
    Some((ip.parse().ok()?, prefix.parse().ok()?))
}
