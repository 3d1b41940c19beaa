//! Simulation of a client's boot with the code that handles datagrams: the offer, port 4011, the menu, the file.

use super::client_spec::ClientSpec;
use super::received_reply::{MenuChoice, ReceivedReply};
use super::report::{BootFile, Conversation, Exchange, SkippedRule};
use super::report_builder::{Message, exchange};
use super::scenario::Scenario;
use crate::byte_text::{path_text, to_bytes, to_text};
use crate::capture::CapturedDatagram;
use crate::config::server_names::ServerNames;
use crate::config::{Config, Rule, Service};
use crate::diagnose::boot_file;
use crate::diagnose::boot_file::FileRequest;
use crate::net::{Interfaces, ReceivedDatagram};
use crate::proxydhcp::{Context, DropReason, PXE_PORT, Port, evaluate, message};
use crate::sys::privilege::Identity;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::Frame;
use crate::wire::dhcp_option::{CLIENT_ARCH, USER_CLASS, VENDOR_SPECIFIC};
use crate::wire::option_display::{mac, printable};
use conf_parser::Boot;
use std::net::{Ipv4Addr, SocketAddr};

/// The server that is simulated.
pub struct Environment {
    /// The configuration.
    pub config: Config,
    /// Addresses of boot servers that are configured by name.
    pub names: ServerNames,
    /// The interfaces and addresses of this machine.
    pub interfaces: Interfaces,
    /// The user that serves files; `None` if the user does not exist.
    pub identity: Option<Identity>,
}

/// A simulated boot.
struct Simulation<'w> {
    environment: &'w mut Environment,
    scenario: Scenario,
    client: &'w ClientSpec,
    architecture: Architecture,
    exchanges: Vec<Exchange>,
    boots: Vec<BootFile>,
}

const CLIENT_PORT: u16 = 68;
/// Skipped lines in a verdict.
const MAX_SKIPPED_RULES: usize = 3;
/// The server of a boot file that no server can send.
const NO_SERVER: &str = "no server";
const ONLY_TFTP: &str = "firmware loads its first file by TFTP only: send iPXE first, and the URL to iPXE only (tag:ipxe)";

/// Simulates the clients of a capture, with the requests that they have sent.
pub fn replay(
    environment: &mut Environment,
    datagrams: &[CapturedDatagram],
    interface: Option<&str>,
) -> Vec<Conversation> {
    let mut clients: Vec<(Vec<u8>, Vec<&CapturedDatagram>)> = Vec::new();
    for one in datagrams {
        let Some(frame) = Frame::parse(&one.bytes) else { continue };
        let is_request = [environment.config.dhcp.server_port, PXE_PORT].contains(&one.to.port());
        if !is_request || frame.architecture().is_none() {
            continue;
        }
        match clients.iter_mut().find(|(mac, _)| mac == frame.mac()) {
            Some((_, all)) => all.push(one),
            None => clients.push((frame.mac().to_vec(), vec![one])),
        }
    }
    let conversations = clients.iter().filter_map(|(_, all)| {
        let client = ClientSpec::of_frame(Frame::parse(&all.first()?.bytes)?);
        let client = ClientSpec { interface: interface.map(str::to_owned), ..client };
        let mut simulation = Simulation::new(environment, &client, client.architecture?);
        simulation.replay_messages(all);
        Some(simulation.end())
    });
    conversations.collect()
}

/// Simulates the boot of a client from its first request.
pub fn simulate(
    environment: &mut Environment,
    client: &ClientSpec,
    architecture: Architecture,
) -> Conversation {
    let mut simulation = Simulation::new(environment, client, architecture);
    simulation.begin();
    simulation.end()
}

impl<'w> Simulation<'w> {
    fn new(
        environment: &'w mut Environment,
        client: &'w ClientSpec,
        architecture: Architecture,
    ) -> Self {
        let scenario = Scenario::of(&environment.config, &environment.interfaces, client);
        let (exchanges, boots) = (Vec::new(), Vec::new());
        Self { environment, scenario, client, architecture, exchanges, boots }
    }

    fn begin(&mut self) {
        let description = "by broadcast, to all servers of the network".to_owned();
        let discover = Message { port: Port::Server, message_type: message::DISCOVER, description };
        if let Some(offer) = self.send(discover, None) {
            self.after_offer(offer);
        }
    }

    /// The steps after an offer.
    fn after_offer(&mut self, offer: ReceivedReply) {
        let is_complete = !offer.menu.is_empty() || !offer.file.is_empty();
        if self.architecture.is_http() {
            return self.check_boot_file(offer, None);
        }
        if is_complete || !self.architecture.is_efi() {
            return self.follow_menu(offer);
        }
        let description = "UEFI requests the boot file on this port".to_owned();
        let request = Message { port: Port::Pxe, message_type: message::REQUEST, description };
        if let Some(ack) = self.send(request, None) {
            self.follow_menu(ack);
        }
    }

    /// Chooses each entry of the menu. Without a menu the client loads the file of the reply.
    fn follow_menu(&mut self, reply: ReceivedReply) {
        if reply.menu.is_empty() {
            return self.check_boot_file(reply, None);
        }
        for choice in reply.menu {
            self.choose(choice);
        }
    }

    fn choose(&mut self, choice: MenuChoice) {
        let MenuChoice { server_type, text: entry, server, line } = choice;
        if server_type == 0 {
            let boot = BootFile::of("the local disk", "the machine itself", Some(entry));
            self.boots.push(BootFile { line, ..boot });
            return;
        }
        if let Some(other) = server.filter(|server| !self.is_ours(*server)) {
            let name = format!("the reply of {other} on port 4011");
            let boot = BootFile::of(&name, "another machine", Some(entry));
            self.boots.push(BootFile { line, ..boot });
            return;
        }
        let description = format!("“{entry}” is chosen from the menu");
        let request = Message { port: Port::Pxe, message_type: message::REQUEST, description };
        let [high, low] = server_type.to_be_bytes();
        if let Some(ack) = self.send(request, Some([high, low, 0, 0])) {
            return self.check_boot_file(ack, Some(entry));
        }
        let reason = self.exchanges.last().and_then(|last| last.drop_reason.as_ref());
        let reason = reason.map_or_else(String::new, ToString::to_string);
        let problem = Some(format!("its choice is not answered: {reason}"));
        let boot = BootFile::of("nothing", NO_SERVER, Some(entry));
        self.boots.push(BootFile { line, problem, ..boot });
    }

    fn is_ours(&self, ip: Ipv4Addr) -> bool {
        self.scenario.interfaces.addresses.iter().any(|own| own.ipv4() == Some(ip))
    }

    /// Evaluates the requests of a capture, each once, and continues after the last one.
    fn replay_messages(&mut self, datagrams: &[&CapturedDatagram]) {
        let mut replayed = Vec::new();
        let mut last = None;
        for one in datagrams {
            let Some(frame) = Frame::parse(&one.bytes) else { continue };
            let port = if one.to.port() == PXE_PORT { Port::Pxe } else { Port::Server };
            let message_type = frame.message_type().unwrap_or(0);
            let options = [CLIENT_ARCH, USER_CLASS, VENDOR_SPECIFIC];
            let key = (port, message_type, options.map(|code| frame.option(code, 1)));
            if replayed.contains(&key) || message_type == 0 {
                continue;
            }
            replayed.push(key);
            let description = format!("as in the capture, from {}", one.from);
            let message = Message { port, message_type, description };
            let reply = self.deliver(message, &one.bytes, one.from.into());
            last = reply.map(|reply| (port, reply)).or(last);
        }
        match last {
            Some((Port::Server, offer)) => self.after_offer(offer),
            Some((Port::Pxe, ack)) => self.follow_menu(ack),
            None => {}
        }
    }

    /// Sends a message; the reply, if there is one.
    fn send(&mut self, message: Message, item: Option<[u8; 4]>) -> Option<ReceivedReply> {
        let Self { environment, scenario, client, architecture, .. } = self;
        let address = Some(scenario.client_address).filter(|_| message.port == Port::Pxe);
        let bytes = client.message(*architecture, message.message_type, address, item);
        let peer: SocketAddr = match (address, client.relay) {
            // iPXE sends from its client port, UEFI from port 4011.
            (Some(address), _) if architecture.is_efi() => (address, PXE_PORT).into(),
            (Some(address), _) => (address, CLIENT_PORT).into(),
            (None, Some(relay)) => (relay, environment.config.dhcp.server_port).into(),
            (None, None) => (Ipv4Addr::UNSPECIFIED, CLIENT_PORT).into(),
        };
        self.deliver(message, &bytes, peer)
    }

    /// Evaluates a datagram from `peer` and adds it to the report.
    fn deliver(
        &mut self,
        message: Message,
        bytes: &[u8],
        peer: SocketAddr,
    ) -> Option<ReceivedReply> {
        let Self { environment, scenario, .. } = self;
        let local = scenario.server_address.into();
        let datagram = ReceivedDatagram { bytes, peer, local, interface: scenario.index };
        let Environment { config, names, .. } = &mut **environment;
        let context = Context { config, interfaces: &scenario.interfaces, names };
        let result = evaluate(context, message.port, &datagram);
        self.exchanges.push(exchange(config, message, result.as_ref()));
        ReceivedReply::of(&result.ok()?)
    }

    /// Checks the file that a reply names, as the client would load it.
    fn check_boot_file(&mut self, reply: ReceivedReply, entry: Option<String>) {
        let name = to_text(&reply.file);
        if name.is_empty() {
            return;
        }
        let line = reply.file_line.clone();
        let mut boot = BootFile { line, ..BootFile::of(&name, NO_SERVER, entry) };
        let server = reply.next_server;
        if name.contains("://") {
            "the server of that address".clone_into(&mut boot.server);
            boot.problem = self.url_problem(&name, server);
        } else if self.architecture.is_http() {
            boot.server.clear();
            boot.problem = Some("UEFI HTTP Boot requires a URL".to_owned());
        } else if let Some(warning) = reply.warning {
            boot.problem = Some(format!("{warning}: write its address instead"));
        } else if server.is_unspecified() {
            boot.problem = Some(self.no_server(&name));
        } else if self.is_ours(server) {
            boot.server = server.to_string();
            self.check_local_file(&reply.file, &mut boot);
        } else {
            boot.server = format!("{server}, another machine");
        }
        self.boots.push(boot);
    }

    fn url_problem(&self, name: &str, server: Ipv4Addr) -> Option<String> {
        let is_ipxe = self.client.is_ipxe();
        if !self.architecture.is_http() && !is_ipxe {
            return Some(ONLY_TFTP.to_owned());
        }
        (server.is_unspecified() && is_ipxe).then(|| self.no_server(name))
    }

    fn no_server(&self, name: &str) -> String {
        let ours = self.scenario.server_address;
        format!(
            "the line has no server address, and iPXE ignores such a reply: add the address \
             (dhcp-boot={name},,{ours})"
        )
    }

    /// Checks a file as the TFTP server would open it.
    fn check_local_file(&self, name: &[u8], boot: &mut BootFile) {
        let Some(tftp) = &self.environment.config.tftp else {
            boot.problem = Some("TFTP is not enabled: add enable-tftp".to_owned());
            return;
        };
        let interface = &*self.scenario.name;
        let mac = self.client.mac[..].try_into().ok();
        let request =
            FileRequest { name, interface, client: self.scenario.client_address.into(), mac };
        let check = boot_file::check_request(request, tftp, self.environment.identity.as_ref());
        boot.path = Some(path_text(&check.path));
        let problem = match check.file {
            Ok(size) => return boot.size = Some(size),
            Err(ref problem) => problem,
        };
        let is_missing = problem.is_missing();
        let own = tftp.interface_roots.iter().find(|root| root.value.0 == *to_bytes(interface));
        let origin = own.map(|root| &root.origin).or(tftp.root.as_ref().map(|root| &root.origin));
        let root = origin.map(|origin| format!("; tftp-root is at {origin}"));
        let suffix = if is_missing && self.has_layer_suffix(name) {
            "; a name without a dot gets the suffix .0"
        } else {
            ""
        };
        boot.problem = Some(format!("{check}{}{suffix}", root.unwrap_or_default()));
    }

    /// Whether the suffix `.0` was added to a name of a `pxe-service` line.
    fn has_layer_suffix(&self, name: &[u8]) -> bool {
        let base = name.strip_suffix(b".0").unwrap_or_default();
        let names_base =
            |rule: &Rule<Service>| matches!(&rule.value.boot, Boot::File(file) if file == base);
        self.environment.config.dhcp.services.iter().any(names_base)
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
            return format!("boots {}{line}", boot.name);
        }
        let Some(last) = self.exchanges.last() else { return String::new() };
        let problem = match &last.drop_reason {
            Some(reason) => format!("no reply is sent: {reason}{}", self.other_server_hint()),
            None => format!(
                "the reply names no boot file: no pxe-service and no dhcp-boot matches architecture {}",
                self.architecture
            ),
        };
        let skipped = skipped_rules(last);
        if skipped.is_empty() { problem } else { format!("{problem}. {}", skipped.join(". ")) }
    }
}

/// The skipped lines that are the likeliest mistakes.
fn skipped_rules(last: &Exchange) -> Vec<String> {
    if matches!(last.drop_reason, Some(DropReason::Ignored(_))) {
        return Vec::new();
    }
    let mut skipped: Vec<&SkippedRule> = last.skipped_rules.iter().collect();
    skipped.sort_by_key(|rule| rule.distance);
    let sentence = |rule: &SkippedRule| {
        let hints: String = rule.hints.iter().map(|hint| format!("; {hint}")).collect();
        format!("{} ({}) {}{hints}", rule.line, rule.keyword, rule.reason)
    };
    skipped.into_iter().take(MAX_SKIPPED_RULES).map(sentence).collect()
}

impl Simulation<'_> {
    /// A hint for a configuration that is checked on another machine than its server.
    fn other_server_hint(&self) -> &'static str {
        let is_first = self.client.interface.is_none() && self.exchanges.len() == 1;
        let has_no_tags = self.exchanges.iter().all(|one| one.tags.is_empty());
        let hint = " (checking for another server? add interface=<any name>: unknown interfaces are simulated)";
        if is_first && has_no_tags { hint } else { "" }
    }
}
