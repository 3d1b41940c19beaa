//! Simulation of a client's boot with the code that handles datagrams: the offer, port 4011, the menu. The boot file is
//! checked by `boot_check`, and the result is made by `conclusion`.

use super::client_spec::ClientSpec;
use super::environment::Environment;
use super::kinds::Kind;
use super::outcome::Outcome;
use super::raspberry_pi::{self, Invitation};
use super::received_reply::{MenuChoice, ReceivedReply};
use super::report::{BootFile, Conversation, Exchange};
use super::report_builder::{Message, exchange};
use super::scenario::Scenario;
use crate::capture::CapturedDatagram;
use crate::net::ReceivedDatagram;
use crate::proxydhcp::{Context, PXE_PORT, Port, evaluate, message};
use crate::reason::ReplyReason;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::Frame;
use crate::wire::dhcp_option::{CLIENT_ARCH, USER_CLASS, VENDOR_SPECIFIC};
use crate::wire::option_display::printable;
use crate::wire::pxe::{HTTP_CLIENT, PXE_CLIENT};
use std::net::{Ipv4Addr, SocketAddr};

/// A simulated boot.
pub struct Simulation<'w> {
    pub environment: &'w mut Environment,
    pub scenario: Scenario,
    pub client: &'w ClientSpec,
    pub architecture: Architecture,
    pub exchanges: Vec<Exchange>,
    pub boots: Vec<BootFile>,
    /// A result that is not about a boot file.
    pub outcome: Option<Outcome>,
}

const CLIENT_PORT: u16 = 68;
/// The server of a boot file that no server can send.
pub const NO_SERVER: &str = "no server";
/// The server of a file that another machine has to send.
pub const OTHER_MACHINE: &str = "another machine";

/// A client of a capture.
struct CapturedClient<'d> {
    /// Its hardware address, and whether it is iPXE.
    key: (Vec<u8>, bool),
    datagrams: Vec<&'d CapturedDatagram>,
}

/// Simulates the clients of a capture, with the requests that they have sent.
pub fn replay(
    environment: &mut Environment,
    datagrams: &[CapturedDatagram],
    interface: Option<&str>,
) -> Vec<Conversation> {
    // The firmware of a machine and the iPXE that it loads are two clients.
    let mut clients: Vec<CapturedClient<'_>> = Vec::new();
    for one in datagrams {
        let Some(frame) = Frame::parse(&one.bytes) else { continue };
        let is_request = [environment.config.dhcp.server_port, PXE_PORT].contains(&one.to.port());
        if !is_request || frame.architecture().is_none() {
            continue;
        }
        let key = (frame.mac().to_vec(), ClientSpec::of_frame(frame).is_ipxe());
        match clients.iter_mut().find(|client| client.key == key) {
            Some(client) => client.datagrams.push(one),
            None => clients.push(CapturedClient { key, datagrams: vec![one] }),
        }
    }
    let conversations = clients.iter().filter_map(|CapturedClient { datagrams: all, .. }| {
        let client = ClientSpec::of_frame(Frame::parse(&all.first()?.bytes)?);
        let client = ClientSpec { interface: interface.map(str::to_owned), ..client };
        let kind = Kind::firmware(&client, client.architecture?);
        let mut simulation = Simulation::new(environment, &kind);
        simulation.replay_messages(all);
        Some(simulation.end(kind.name.clone()))
    });
    conversations.collect()
}

/// Simulates the boot of a client from its first request.
pub fn simulate(environment: &mut Environment, kind: &Kind) -> Conversation {
    let mut simulation = Simulation::new(environment, kind);
    simulation.begin();
    simulation.end(kind.name.clone())
}

impl<'w> Simulation<'w> {
    fn new(environment: &'w mut Environment, kind: &'w Kind) -> Self {
        let Kind { client, architecture, .. } = kind;
        let scenario = Scenario::of(&environment.config, &environment.interfaces, client);
        Self {
            environment,
            scenario,
            client,
            architecture: *architecture,
            exchanges: Vec::new(),
            boots: Vec::new(),
            outcome: None,
        }
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
        if let Some(reason) = self.class_fault(&offer) {
            let outcome = Outcome::fails(reason).at(offer.vendor_line.as_ref());
            return self.outcome = Some(outcome);
        }
        if self.is_http_boot() {
            return self.after_http_offer(&offer);
        }
        if let Some(invitation) = self.invitation(&offer) {
            return self.boot_raspberry_pi(&offer, invitation);
        }
        let is_complete = !offer.menu.is_empty() || !offer.file.is_empty();
        if is_complete || !self.architecture.is_efi() {
            return self.follow_menu(offer);
        }
        let description = "UEFI requests the boot file on this port".to_owned();
        let request = Message { port: Port::Pxe, message_type: message::REQUEST, description };
        if let Some(ack) = self.send(request, None) {
            self.follow_menu(ack);
        }
    }

    /// Whether the client loads a URL, and does not use port 4011 (UEFI 2.10, section 24.7).
    pub fn is_http_boot(&self) -> bool {
        let class = self.client.vendor_class.as_deref();
        self.architecture.is_http() || class.is_some_and(|class| class.starts_with(HTTP_CLIENT))
    }

    fn after_http_offer(&mut self, offer: &ReceivedReply) {
        match &offer.deferred_line {
            Some(line) if offer.file.is_empty() => {
                self.outcome = Some(Outcome::fails(ReplyReason::UrlDeferred).at(Some(line)));
            }
            _ => self.check_boot_file(offer, None),
        }
    }

    /// Firmware ignores a reply with another vendor class than its own (option 60). A client with an unusual class may not.
    fn class_fault(&self, offer: &ReceivedReply) -> Option<ReplyReason> {
        if self.is_http_boot() {
            let fits = offer.vendor_class.starts_with(HTTP_CLIENT);
            return (!fits).then_some(ReplyReason::HttpClassMissing);
        }
        let own = self.client.vendor_class.as_deref();
        let is_pxe = own.is_none_or(|class| class.starts_with(PXE_CLIENT));
        let class = printable(&offer.vendor_class);
        (is_pxe && !offer.vendor_class.starts_with(PXE_CLIENT))
            .then_some(ReplyReason::PxeClassMissing { class })
    }

    /// How the offer invites the client, if it is a Raspberry Pi. Other BIOS firmware sends its vendor class too: without
    /// the text of an invitation the client is not taken for a Raspberry Pi.
    fn invitation(&self, offer: &ReceivedReply) -> Option<Invitation> {
        let menu = offer.menu.iter().map(|entry| &*entry.text);
        let invitation = raspberry_pi::invitation(menu, &offer.prompt);
        let is_one = self.client.is_raspberry_pi_with(self.architecture);
        let may_be_one = self.client.has_class_of_raspberry_pi()
            && self.architecture == raspberry_pi::ARCHITECTURE
            && !self.client.is_ipxe();
        (is_one || (may_be_one && invitation != Invitation::Missing)).then_some(invitation)
    }

    /// Chooses each entry of the menu. Without a menu the client loads the file of the reply.
    fn follow_menu(&mut self, reply: ReceivedReply) {
        if reply.menu.is_empty() {
            return self.check_boot_file(&reply, None);
        }
        let is_for_pi = |entry: &MenuChoice| {
            entry.server_type == 0 && entry.text.contains(raspberry_pi::MENU_TEXT)
        };
        if reply.menu.iter().all(is_for_pi) {
            let line = reply.menu.first().and_then(|entry| entry.line.as_ref());
            self.outcome = Some(Outcome::fails(ReplyReason::PiEntryOnly).at(line));
            return;
        }
        for choice in reply.menu {
            self.choose(choice);
        }
    }

    fn choose(&mut self, choice: MenuChoice) {
        let MenuChoice { server_type, text: entry, server, line } = choice;
        let (name, from, outcome) = match server {
            _ if server_type == 0 => {
                let outcome = Outcome::boots(ReplyReason::BootsLocalDisk);
                ("the local disk".to_owned(), "itself", outcome)
            }
            None => {
                let reason = ReplyReason::BootServerSearched { entry: entry.clone(), server_type };
                ("the reply of a boot server".to_owned(), OTHER_MACHINE, Outcome::unknown(reason))
            }
            Some(server) if !self.is_ours(server) => {
                let reason = ReplyReason::OtherBootServer { entry: entry.clone(), server };
                let name = format!("the reply of {server} on port 4011");
                (name, OTHER_MACHINE, Outcome::unknown(reason))
            }
            Some(_) => match self.request_entry(server_type, &entry) {
                Ok(ack) => return self.check_boot_file(&ack, Some(entry)),
                Err(reason) => ("nothing".to_owned(), NO_SERVER, Outcome::fails(reason)),
            },
        };
        self.boots.push(BootFile::of(&name, from, Some(entry), outcome.at(line.as_ref())));
    }

    /// The reply to the choice of an entry.
    fn request_entry(
        &mut self,
        server_type: u16,
        entry: &str,
    ) -> Result<ReceivedReply, ReplyReason> {
        let description = format!("“{entry}” is chosen from the menu");
        let request = Message { port: Port::Pxe, message_type: message::REQUEST, description };
        let [high, low] = server_type.to_be_bytes();
        self.send(request, Some([high, low, 0, 0])).ok_or_else(|| {
            let why = self.exchanges.last().and_then(|last| last.drop_reason.as_ref());
            let why = why.map_or_else(String::new, ToString::to_string);
            ReplyReason::ChoiceIgnored { entry: entry.to_owned(), why }
        })
    }

    pub fn is_ours(&self, ip: Ipv4Addr) -> bool {
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
            (Some(address), _) if architecture.is_efi() && !client.is_ipxe() => {
                (address, PXE_PORT).into()
            }
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
}
