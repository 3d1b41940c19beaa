//! A client's conversation with us, played by the code that answers packets: the offer, port 4011, the menu, the file.

use super::client_spec::ClientSpec;
use super::pcap::CapturedDatagram;
use super::report::{BootFile, Conversation, Exchange, SkippedRule};
use super::report_builder::{boot_servers, entries, exchange};
use super::scenario::Scenario;
use crate::byte_text::{path_text, to_bytes, to_text};
use crate::config::server_names::ServerNames;
use crate::config::{Config, Rule, Service};
use crate::diagnose::boot_file;
use crate::diagnose::boot_file::{FileProblem, FileRequest};
use crate::net::{Interfaces, ReceivedDatagram};
use crate::proxydhcp::{
    Decision, DropReason, Evaluated, PXE_PORT, Port, ReplyKind, ReplyPart, evaluate, message,
};
use crate::sys::privilege::Identity;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::Frame;
use crate::wire::option_display::{mac, printable};
use crate::wire::pxe::item;
use conf_parser::Boot;
use std::net::{Ipv4Addr, SocketAddr};

/// What answers are made from.
pub struct Environment {
    /// The configuration.
    pub config: Config,
    /// Names of boot servers.
    pub names: ServerNames,
    /// Where this machine is.
    pub interfaces: Interfaces,
    /// Who serves files.
    pub identity: Option<Identity>,
}

/// What a client takes from an answer.
struct ReceivedReply {
    file: Vec<u8>,
    next_server: Ipv4Addr,
    menu: Vec<MenuChoice>,
    file_line: Option<String>,
    /// What went wrong on the way.
    warning: Option<String>,
}

/// An entry of the menu.
struct MenuChoice {
    kind: u16,
    text: String,
    /// Who is asked; `None`: whoever answers.
    server: Option<Ipv4Addr>,
    line: Option<String>,
}

/// Where a conversation has come to.
struct Simulation<'w> {
    environment: &'w mut Environment,
    scenario: Scenario,
    client: &'w ClientSpec,
    architecture: Architecture,
    exchanges: Vec<Exchange>,
    boots: Vec<BootFile>,
}

const CLIENT_PORT: u16 = 68;
/// Lines that came near, in a verdict.
const MAX_SKIPPED_RULES: usize = 3;
const ONLY_TFTP: &str = "firmware loads its first file by TFTP only: send it iPXE first, and keep the URL for that (tag:ipxe)";

/// Plays what the clients of a capture have asked, one after the other.
pub fn replay(
    world: &mut Environment,
    seen: &[CapturedDatagram],
    interface: Option<&str>,
) -> Vec<Conversation> {
    let mut clients: Vec<(Vec<u8>, Vec<&CapturedDatagram>)> = Vec::new();
    for one in seen {
        let Some(frame) = Frame::parse(&one.bytes) else { continue };
        let is_ours = [world.config.dhcp.server_port, PXE_PORT].contains(&one.to.port());
        if !is_ours || frame.option(93, 2).is_none() {
            continue;
        }
        match clients.iter_mut().find(|(mac, _)| mac == frame.mac()) {
            Some((_, all)) => all.push(one),
            None => clients.push((frame.mac().to_vec(), vec![one])),
        }
    }
    let told = clients.iter().filter_map(|(_, all)| {
        let client = ClientSpec::of_frame(Frame::parse(&all.first()?.bytes)?);
        let client = ClientSpec { interface: interface.map(str::to_owned), ..client };
        let mut dialogue = Simulation::new(world, &client, client.architecture?);
        dialogue.replay_messages(all);
        Some(dialogue.end())
    });
    told.collect()
}

/// Plays it.
pub fn simulate(
    world: &mut Environment,
    client: &ClientSpec,
    architecture: Architecture,
) -> Conversation {
    let mut dialogue = Simulation::new(world, client, architecture);
    dialogue.begin();
    dialogue.end()
}

impl<'w> Simulation<'w> {
    fn new(world: &'w mut Environment, client: &'w ClientSpec, architecture: Architecture) -> Self {
        let stage = Scenario::of(&world.config, &world.interfaces, client);
        let (exchanges, boots) = (Vec::new(), Vec::new());
        Self { environment: world, scenario: stage, client, architecture, exchanges, boots }
    }

    fn begin(&mut self) {
        let about = "to everybody on the network: who knows what to boot?".to_owned();
        if let Some(offer) = self.send(Port::Server, message::DISCOVER, about, None) {
            self.after_offer(offer);
        }
    }

    /// What follows an offer.
    fn after_offer(&mut self, offer: ReceivedReply) {
        let told_all = !offer.menu.is_empty() || !offer.file.is_empty();
        if self.architecture.is_http() {
            return self.check_boot_file(offer, None);
        }
        if told_all || !self.architecture.is_efi() {
            return self.follow_menu(offer);
        }
        let about = "UEFI asks for everything here".to_owned();
        if let Some(ack) = self.send(Port::Pxe, message::REQUEST, about, None) {
            self.follow_menu(ack);
        }
    }

    /// Goes through the menu, if there is one. What stands first is taken if nobody chooses.
    fn follow_menu(&mut self, heard: ReceivedReply) {
        if heard.menu.is_empty() {
            return self.check_boot_file(heard, None);
        }
        for MenuChoice { kind, text: entry, server, line } in heard.menu {
            if kind == 0 {
                let boot = BootFile::of("the local disk", "the machine itself", Some(entry));
                self.boots.push(BootFile { line, ..boot });
                continue;
            }
            if let Some(other) = server.filter(|server| !self.is_ours(*server)) {
                let name = format!("what {other} says on port 4011");
                let boot = BootFile::of(&name, "another machine", Some(entry));
                self.boots.push(BootFile { line, ..boot });
                continue;
            }
            let about = format!("“{entry}” is chosen from the menu");
            let [high, low] = kind.to_be_bytes();
            let chosen = Some([high, low, 0, 0]);
            if let Some(ack) = self.send(Port::Pxe, message::REQUEST, about, chosen) {
                self.check_boot_file(ack, Some(entry));
                continue;
            }
            let drop_reason = self.exchanges.last().and_then(|last| last.drop_reason.as_ref());
            let drop_reason = drop_reason.map_or_else(String::new, ToString::to_string);
            let why = format!("its choice is not answered: {drop_reason}");
            let boot = BootFile::of("nothing", "nobody", Some(entry));
            self.boots.push(BootFile { line, problem: Some(why), ..boot });
        }
    }

    fn is_ours(&self, ip: Ipv4Addr) -> bool {
        self.scenario.interfaces.addresses.iter().any(|own| own.ipv4() == Some(ip))
    }

    /// What a client has asked in a capture, asked again.
    fn replay_messages(&mut self, seen: &[&CapturedDatagram]) {
        let mut asked = Vec::new();
        let mut last = None;
        for one in seen {
            let Some(frame) = Frame::parse(&one.bytes) else { continue };
            let port = if one.to.port() == PXE_PORT { Port::Pxe } else { Port::Server };
            let kind = frame.option(53, 1).map_or(0, |value| value[0]);
            let same = (port, kind, frame.option(93, 2), frame.option(77, 1), frame.option(43, 1));
            if asked.contains(&same) || kind == 0 {
                continue;
            }
            asked.push(same);
            let about = format!("as in the capture, from {}", one.from);
            let heard = self.deliver(port, kind, about, &one.bytes, one.from.into());
            last = heard.map(|heard| (port, heard)).or(last);
        }
        match last {
            // The capture ends here, and the client would go on.
            Some((Port::Server, offer)) => self.after_offer(offer),
            Some((Port::Pxe, ack)) => self.follow_menu(ack),
            None => {}
        }
    }

    /// One message, and what the client takes from the answer.
    fn send(
        &mut self,
        port: Port,
        kind: u8,
        about: String,
        item: Option<[u8; 4]>,
    ) -> Option<ReceivedReply> {
        let Self { environment: world, scenario: stage, client, architecture, .. } = self;
        let address = Some(stage.client_address).filter(|_| port == Port::Pxe);
        let bytes = client.message(*architecture, kind, address, item);
        let peer: SocketAddr = match (address, client.relay) {
            // iPXE asks from its client port, UEFI from 4011.
            (Some(address), _) if architecture.is_efi() => (address, PXE_PORT).into(),
            (Some(address), _) => (address, CLIENT_PORT).into(),
            (None, Some(relay)) => (relay, world.config.dhcp.server_port).into(),
            (None, None) => (Ipv4Addr::UNSPECIFIED, CLIENT_PORT).into(),
        };
        self.deliver(port, kind, about, &bytes, peer)
    }

    fn deliver(
        &mut self,
        port: Port,
        kind: u8,
        about: String,
        bytes: &[u8],
        peer: SocketAddr,
    ) -> Option<ReceivedReply> {
        let Self { environment: world, scenario: stage, .. } = self;
        let local = stage.server_address.into();
        let arrival = ReceivedDatagram { bytes, peer, local, interface: stage.index };
        let Environment { config, names, .. } = &mut **world;
        let judged = evaluate(config, &stage.interfaces, names, port, &arrival);
        let told = exchange(config, port, about, judged.as_ref(), kind);
        let heard = judged.ok().and_then(|judged| ReceivedReply::of(&judged));
        self.exchanges.push(told);
        heard
    }

    /// Asks for the file that an answer names.
    fn check_boot_file(&mut self, heard: ReceivedReply, entry: Option<String>) {
        let name = to_text(&heard.file);
        if name.is_empty() {
            return;
        }
        let mut boot = BootFile { line: heard.file_line, ..BootFile::of(&name, "", entry) };
        let takes_urls = self.architecture.is_http() || self.client.is_ipxe();
        let server = heard.next_server;
        if name.contains("://") {
            "the server of that address".clone_into(&mut boot.server);
            boot.problem = if !takes_urls {
                Some(ONLY_TFTP.to_owned())
            } else if server.is_unspecified() && self.client.is_ipxe() {
                Some(self.no_server(&name))
            } else {
                None
            };
        } else if self.architecture.is_http() {
            boot.problem = Some("UEFI HTTP Boot wants a URL".to_owned());
        } else if let Some(complaint) = heard.warning {
            "nobody".clone_into(&mut boot.server);
            boot.problem = Some(format!("{complaint}: write its address instead"));
        } else if server.is_unspecified() {
            "nobody".clone_into(&mut boot.server);
            boot.problem = Some(self.no_server(&name));
        } else if self.is_ours(server) {
            boot.server = server.to_string();
            self.check_local_file(&heard.file, &mut boot);
        } else {
            boot.server = format!("{server}, another machine");
        }
        self.boots.push(boot);
    }

    fn no_server(&self, name: &str) -> String {
        let ours = self.scenario.server_address;
        format!(
            "no server is named, and iPXE, at least, ignores such an answer: add one behind the file \
             (dhcp-boot={name},,{ours})"
        )
    }

    /// Looks for a file as TFTP would.
    fn check_local_file(&self, name: &[u8], boot: &mut BootFile) {
        let Some(tftp) = &self.environment.config.tftp else {
            boot.problem = Some("no files are served here: enable-tftp is missing".to_owned());
            return;
        };
        let interface = &*self.scenario.name;
        let mac = self.client.mac[..].try_into().ok();
        let wanted =
            FileRequest { name, interface, client: self.scenario.client_address.into(), mac };
        let outcome = boot_file::check_request(wanted, tftp, self.environment.identity.as_ref());
        boot.path = Some(path_text(&outcome.path));
        let trouble = match outcome.file {
            Ok(size) => return boot.size = Some(size),
            Err(ref trouble) => trouble,
        };
        let missing = matches!(trouble, FileProblem::NotFound(_));
        let own = tftp.interface_roots.iter().find(|root| root.value.0 == *to_bytes(interface));
        let origin = own.map(|root| &root.origin).or(tftp.root.as_ref().map(|root| &root.origin));
        let root = origin.map(|origin| format!("; tftp-root is at {origin}"));
        let layer = "; names without a dot get a .0";
        let layered = if missing && self.is_layered(name) { layer } else { "" };
        boot.problem = Some(format!("{outcome}{}{layered}", root.unwrap_or_default()));
    }

    /// Whether a name got its `.0` from us.
    fn is_layered(&self, name: &[u8]) -> bool {
        let base = name.strip_suffix(b".0").unwrap_or_default();
        let named =
            |rule: &Rule<Service>| matches!(&rule.value.boot, Boot::File(file) if file == base);
        self.environment.config.dhcp.services.iter().any(named)
    }

    fn end(self) -> Conversation {
        let works = !self.boots.is_empty() && self.boots.iter().all(|boot| boot.problem.is_none());
        let verdict = self.verdict();
        Conversation {
            client: self.client.to_string(),
            architecture: self.architecture.0,
            architecture_name: self.architecture.name(),
            mac: mac(&self.client.mac),
            user_class: self.client.user_class.as_deref().map(printable),
            interface: self.scenario.name,
            server: self.scenario.server_address,
            address: self.scenario.client_address,
            observed: Vec::new(),
            assumed: self.scenario.assumed,
            exchanges: self.exchanges,
            boots: self.boots,
            works,
            verdict,
        }
    }

    fn verdict(&self) -> String {
        if let Some(boot) = self.boots.iter().find(|boot| boot.problem.is_some()) {
            let line = boot.line.as_ref().map_or_else(String::new, |line| format!("{line}: "));
            return format!("{line}{}", boot.problem.as_deref().unwrap_or_default());
        }
        if let Some(boot) = self.boots.first() {
            let line = boot.line.as_ref().map_or_else(String::new, |line| format!(" ({line})"));
            return format!("it boots {}{line}", boot.name);
        }
        let Some(last) = self.exchanges.last() else { return String::new() };
        let what = match &last.drop_reason {
            Some(why) => format!("it is not answered: {why}{}", self.next_loader()),
            None => format!(
                "it is told no boot file: no pxe-service and no dhcp-boot is for architecture {}",
                self.architecture
            ),
        };
        let nearest = nearest(last);
        if nearest.is_empty() { what } else { format!("{what}. {}", nearest.join(". ")) }
    }
}

/// The lines that came nearest, in words.
fn nearest(last: &Exchange) -> Vec<String> {
    let ignored = matches!(last.drop_reason, Some(DropReason::Ignored(_)));
    let mut passed: Vec<&SkippedRule> = last.passed_over.iter().filter(|_| !ignored).collect();
    // A service that misses a tag is nearer than one for another machine, and that than what is for later.
    passed.sort_by_key(|one| one.distance);
    let told = passed.into_iter().take(MAX_SKIPPED_RULES).map(|one| {
        let hints: String = one.hints.iter().map(|hint| format!("; {hint}")).collect();
        format!("{} ({}) {}{hints}", one.line, one.keyword, one.reason)
    });
    told.collect()
}

impl Simulation<'_> {
    /// What may help somebody who asks on another machine than the one that serves.
    fn next_loader(&self) -> &'static str {
        let asked = self.client.interface.is_none() && self.exchanges.len() == 1;
        let here = self.exchanges.iter().all(|one| one.tags.is_empty());
        let hint = " (another machine is on that network? interface=lan0, or any other name that this one has not, \
                    asks as if this one were)";
        if asked && here { hint } else { "" }
    }
}

impl ReceivedReply {
    fn of(judged: &Evaluated<'_>) -> Option<Self> {
        let Decision::Reply(answer) = &judged.decision else { return None };
        if answer.kind == ReplyKind::Ignored {
            return None;
        }
        let item = |code: u8| answer.items.iter().find(|(known, _)| *known == code);
        let line = |made: ReplyPart| {
            let cause = answer.provenance.iter().find(|cause| cause.part == made);
            cause.map(|cause| cause.origin.to_string())
        };
        let servers =
            item(item::BOOT_SERVERS).map_or_else(Vec::new, |(_, list)| boot_servers(list));
        let menu = item(item::BOOT_MENU).map_or_else(Vec::new, |(_, value)| entries(value));
        let choice = |(kind, text): (u16, Vec<u8>)| MenuChoice {
            kind,
            text: printable(&text),
            server: servers.iter().find(|(known, _)| *known == kind).map(|(_, ip)| *ip),
            line: line(ReplyPart::MenuEntry(kind)),
        };
        Some(Self {
            file: answer.file.clone(),
            next_server: answer.siaddr,
            menu: menu.into_iter().map(choice).collect(),
            file_line: line(ReplyPart::BootFile),
            warning: answer.warnings.first().map(ToString::to_string),
        })
    }
}

impl BootFile {
    fn of(name: &str, server: &str, entry: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            server: server.to_owned(),
            entry,
            line: None,
            path: None,
            size: None,
            problem: None,
        }
    }
}
