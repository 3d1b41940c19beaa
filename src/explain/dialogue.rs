//! A client's conversation with us, played by the code that answers packets: the offer, port 4011, the menu, the file.

use super::capture::Seen;
use super::client::Client;
use super::report::{BootFile, Conversation, Exchange, PassedOver};
use super::stage::Stage;
use super::telling::{boot_servers, entries, exchange};
use crate::boot_file::{self, FileProblem, FileRequest};
use crate::config::names::ServerNames;
use crate::config::{Config, Rule, Service};
use crate::net::{ReceivedDatagram, Interfaces};
use crate::proxydhcp::{Decision, Evaluated, ReplyKind, ReplyPart, PXE_PORT, Port, evaluate, message};
use crate::sys::privilege::Identity;
use crate::wire::architectures::Architecture;
use crate::wire::dhcp::Frame;
use crate::wire::option_names::{mac, printable};
use crate::wire::pxe::item;
use conf_parser::option::pxe::Boot;
use std::net::{Ipv4Addr, SocketAddr};

/// What answers are made from.
pub struct World {
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
struct Heard {
    file: Vec<u8>,
    next_server: Ipv4Addr,
    menu: Vec<Choice>,
    file_line: Option<String>,
    /// What went wrong on the way.
    complaint: Option<String>,
}

/// An entry of the menu.
struct Choice {
    kind: u16,
    text: String,
    /// Who is asked; `None`: whoever answers.
    server: Option<Ipv4Addr>,
    line: Option<String>,
}

/// Where a conversation has come to.
struct Dialogue<'w> {
    world: &'w mut World,
    stage: Stage,
    client: &'w Client,
    architecture: Architecture,
    exchanges: Vec<Exchange>,
    boots: Vec<BootFile>,
}

const CLIENT_PORT: u16 = 68;
/// Lines that came near, in a verdict.
const MOST_NEAR: usize = 3;
const ONLY_TFTP: &str = "firmware loads its first file by TFTP only: send it iPXE first, and keep the URL for that (tag:ipxe)";

/// Plays what the clients of a capture have asked, one after the other.
pub fn replay(world: &mut World, seen: &[Seen], interface: Option<&str>) -> Vec<Conversation> {
    let mut clients: Vec<(Vec<u8>, Vec<&Seen>)> = Vec::new();
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
        let client = Client::of_frame(Frame::parse(&all.first()?.bytes)?);
        let client = Client { interface: interface.map(str::to_owned), ..client };
        let mut dialogue = Dialogue::new(world, &client, client.architecture?);
        dialogue.again(all);
        Some(dialogue.end())
    });
    told.collect()
}

/// Plays it.
pub fn play(world: &mut World, client: &Client, architecture: Architecture) -> Conversation {
    let mut dialogue = Dialogue::new(world, client, architecture);
    dialogue.begin();
    dialogue.end()
}

impl<'w> Dialogue<'w> {
    fn new(world: &'w mut World, client: &'w Client, architecture: Architecture) -> Self {
        let stage = Stage::of(&world.config, &world.interfaces, client);
        let (exchanges, boots) = (Vec::new(), Vec::new());
        Self { world, stage, client, architecture, exchanges, boots }
    }

    fn begin(&mut self) {
        let about = "to everybody on the network: who knows what to boot?".to_owned();
        if let Some(offer) = self.ask(Port::Server, message::DISCOVER, about, None) {
            self.go_on(offer);
        }
    }

    /// What follows an offer.
    fn go_on(&mut self, offer: Heard) {
        let told_all = !offer.menu.is_empty() || !offer.file.is_empty();
        if self.architecture.is_http() {
            return self.fetch(offer, None);
        }
        if told_all || !self.architecture.is_efi() {
            return self.choose(offer);
        }
        let about = "UEFI asks for everything here".to_owned();
        if let Some(ack) = self.ask(Port::Pxe, message::REQUEST, about, None) {
            self.choose(ack);
        }
    }

    /// Goes through the menu, if there is one. What stands first is taken if nobody chooses.
    fn choose(&mut self, heard: Heard) {
        if heard.menu.is_empty() {
            return self.fetch(heard, None);
        }
        for Choice { kind, text: entry, server, line } in heard.menu {
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
            if let Some(ack) = self.ask(Port::Pxe, message::REQUEST, about, chosen) {
                self.fetch(ack, Some(entry));
                continue;
            }
            let silence = self.exchanges.last().and_then(|last| last.silence.clone());
            let why = format!("its choice is not answered: {}", silence.unwrap_or_default());
            let boot = BootFile::of("nothing", "nobody", Some(entry));
            self.boots.push(BootFile { line, trouble: Some(why), ..boot });
        }
    }

    fn is_ours(&self, ip: Ipv4Addr) -> bool {
        self.stage.interfaces.addresses.iter().any(|own| own.ipv4() == Some(ip))
    }

    /// What a client has asked in a capture, asked again.
    fn again(&mut self, seen: &[&Seen]) {
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
            let heard = self.say(port, kind, about, &one.bytes, one.from.into());
            last = heard.map(|heard| (port, heard)).or(last);
        }
        match last {
            // The capture ends here, and the client would go on.
            Some((Port::Server, offer)) => self.go_on(offer),
            Some((Port::Pxe, ack)) => self.choose(ack),
            None => {}
        }
    }

    /// One message, and what the client takes from the answer.
    fn ask(&mut self, port: Port, kind: u8, about: String, item: Option<[u8; 4]>) -> Option<Heard> {
        let Self { world, stage, client, architecture, .. } = self;
        let address = Some(stage.theirs).filter(|_| port == Port::Pxe);
        let bytes = client.message(*architecture, kind, address, item);
        let peer: SocketAddr = match (address, client.relay) {
            // iPXE asks from its client port, UEFI from 4011.
            (Some(address), _) if architecture.is_efi() => (address, PXE_PORT).into(),
            (Some(address), _) => (address, CLIENT_PORT).into(),
            (None, Some(relay)) => (relay, world.config.dhcp.server_port).into(),
            (None, None) => (Ipv4Addr::UNSPECIFIED, CLIENT_PORT).into(),
        };
        self.say(port, kind, about, &bytes, peer)
    }

    fn say(
        &mut self,
        port: Port,
        kind: u8,
        about: String,
        bytes: &[u8],
        peer: SocketAddr,
    ) -> Option<Heard> {
        let Self { world, stage, .. } = self;
        let local = stage.ours.into();
        let arrival = ReceivedDatagram { bytes, peer, local, interface: stage.index };
        let World { config, names, .. } = &mut **world;
        let judged = evaluate(config, &stage.interfaces, names, port, &arrival);
        let told = exchange(config, port, about, judged.as_ref(), kind);
        let heard = judged.ok().and_then(|judged| Heard::of(&judged));
        self.exchanges.push(told);
        heard
    }

    /// Asks for the file that an answer names.
    fn fetch(&mut self, heard: Heard, entry: Option<String>) {
        let name = String::from_utf8_lossy(&heard.file).into_owned();
        if name.is_empty() {
            return;
        }
        let mut boot = BootFile { line: heard.file_line, ..BootFile::of(&name, "", entry) };
        let takes_urls = self.architecture.is_http() || self.client.is_ipxe();
        let server = heard.next_server;
        if name.contains("://") {
            "the server of that address".clone_into(&mut boot.server);
            boot.trouble = if !takes_urls {
                Some(ONLY_TFTP.to_owned())
            } else if server.is_unspecified() && self.client.is_ipxe() {
                Some(self.no_server(&name))
            } else {
                None
            };
        } else if self.architecture.is_http() {
            boot.trouble = Some("UEFI HTTP Boot wants a URL".to_owned());
        } else if let Some(complaint) = heard.complaint {
            "nobody".clone_into(&mut boot.server);
            boot.trouble = Some(format!("{complaint}: write its address instead"));
        } else if server.is_unspecified() {
            "nobody".clone_into(&mut boot.server);
            boot.trouble = Some(self.no_server(&name));
        } else if self.is_ours(server) {
            boot.server = server.to_string();
            self.look(&heard.file, &mut boot);
        } else {
            boot.server = format!("{server}, another machine");
        }
        self.boots.push(boot);
    }

    fn no_server(&self, name: &str) -> String {
        let ours = self.stage.ours;
        format!(
            "no server is named, and iPXE, at least, ignores such an answer: add one behind the file \
             (dhcp-boot={name},,{ours})"
        )
    }

    /// Looks for a file as TFTP would.
    fn look(&self, name: &[u8], boot: &mut BootFile) {
        let Some(tftp) = &self.world.config.tftp else {
            boot.trouble = Some("no files are served here: enable-tftp is missing".to_owned());
            return;
        };
        let interface = &*self.stage.name;
        let mac = self.client.mac[..].try_into().ok();
        let wanted = FileRequest { name, interface, client: self.stage.theirs.into(), mac };
        let outcome = boot_file::check_request(wanted, tftp, self.world.identity.as_ref());
        boot.path = Some(outcome.path.display().to_string());
        let trouble = match outcome.file {
            Ok(size) => return boot.size = Some(size),
            Err(ref trouble) => trouble,
        };
        let missing = matches!(trouble, FileProblem::NotFound(_));
        let own = tftp.interface_roots.iter().find(|root| root.value.0 == interface.as_bytes());
        let origin = own.map(|root| &root.origin).or(tftp.root.as_ref().map(|root| &root.origin));
        let root = origin.map(|origin| format!("; tftp-root is at {origin}"));
        let layer = "; names without a dot get a .0";
        let layered = if missing && self.is_layered(name) { layer } else { "" };
        boot.trouble = Some(format!("{outcome}{}{layered}", root.unwrap_or_default()));
    }

    /// Whether a name got its `.0` from us.
    fn is_layered(&self, name: &[u8]) -> bool {
        let base = name.strip_suffix(b".0").unwrap_or_default();
        let named =
            |rule: &Rule<Service>| matches!(&rule.value.boot, Boot::File(file) if file == base);
        self.world.config.dhcp.services.iter().any(named)
    }

    fn end(self) -> Conversation {
        let works = !self.boots.is_empty() && self.boots.iter().all(|boot| boot.trouble.is_none());
        let verdict = self.verdict();
        Conversation {
            client: self.client.to_string(),
            architecture: self.architecture.0,
            architecture_name: self.architecture.name(),
            mac: mac(&self.client.mac),
            user_class: self.client.user_class.as_deref().map(printable),
            interface: self.stage.name,
            server: self.stage.ours,
            address: self.stage.theirs,
            observed: Vec::new(),
            assumed: self.stage.assumed,
            exchanges: self.exchanges,
            boots: self.boots,
            works,
            verdict,
        }
    }

    fn verdict(&self) -> String {
        if let Some(boot) = self.boots.iter().find(|boot| boot.trouble.is_some()) {
            let line = boot.line.as_ref().map_or_else(String::new, |line| format!("{line}: "));
            return format!("{line}{}", boot.trouble.as_deref().unwrap_or_default());
        }
        if let Some(boot) = self.boots.first() {
            let line = boot.line.as_ref().map_or_else(String::new, |line| format!(" ({line})"));
            return format!("it boots {}{line}", boot.name);
        }
        let Some(last) = self.exchanges.last() else { return String::new() };
        let what = match &last.silence {
            Some(why) => format!("it is not answered: {why}{}", self.elsewhere()),
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
    let ignored = last.silence.as_ref().is_some_and(|why| why.ends_with("says to ignore it"));
    let mut passed: Vec<&PassedOver> = last.passed_over.iter().filter(|_| !ignored).collect();
    // A service that misses a tag is nearer than one for another machine, and that than what is for later.
    passed.sort_by_key(|one| match one.keyword {
        "dhcp-boot" | "dhcp-option" => 2,
        _ if one.why.starts_with("is for architecture") => 1,
        _ => 0,
    });
    let told = passed.into_iter().take(MOST_NEAR).map(|one| {
        let hints: String = one.hints.iter().map(|hint| format!("; {hint}")).collect();
        format!("{} ({}) {}{hints}", one.line, one.keyword, one.why)
    });
    told.collect()
}

impl Dialogue<'_> {
    /// What may help somebody who asks on another machine than the one that serves.
    fn elsewhere(&self) -> &'static str {
        let asked = self.client.interface.is_none() && self.exchanges.len() == 1;
        let here = self.exchanges.iter().all(|one| one.tags.is_empty());
        let hint = " (another machine is on that network? interface=lan0, or any other name that this one has not, \
                    asks as if this one were)";
        if asked && here { hint } else { "" }
    }
}

impl Heard {
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
        let choice = |(kind, text): (u16, Vec<u8>)| Choice {
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
            complaint: answer.warnings.first().map(ToString::to_string),
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
            trouble: None,
        }
    }
}
