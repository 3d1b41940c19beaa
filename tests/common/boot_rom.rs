//! The DHCP part of a boot ROM (PXE 2.1): DISCOVER as broadcast, REQUEST to port 4011, first entry of the menu.

use super::lab::eventually;
use super::packet::{PacketSocket, ReceivedPacket};
use super::request::{Request, Step, step};
use super::tftp_text::hex;
use pxemasq::wire::client_arch::Architecture;
use pxemasq::wire::options::find;
use std::net::Ipv4Addr;
use std::time::Duration;

/// A client with the properties of an `--explain` description.
pub struct BootRom<'e> {
    packets: &'e PacketSocket,
    architecture: Architecture,
    /// Its fields and options, in the text form of requests.
    words: String,
    server: Ipv4Addr,
    /// Its IP address after DHCP.
    pub address: Ipv4Addr,
    /// Attempts for each request.
    pub max_attempts: usize,
    relay: Option<Ipv4Addr>,
}

/// The boot file and menu of a reply.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootReply {
    pub file: String,
    pub server: Ipv4Addr,
    /// Texts of the menu entries.
    pub menu: Vec<String>,
}

/// A request without a reply in this time gets none.
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);
const VENDOR_ITEMS: u8 = 43;
const BOOT_MENU: u8 = 9;

impl<'e> BootRom<'e> {
    /// Parses a description as `--explain` has it: `arch=x86-64_EFI,user-class=iPXE`.
    pub fn new(text: &str, packets: &'e PacketSocket, server: Ipv4Addr, address: Ipv4Addr) -> Self {
        let (words, architecture, relay) = (String::new(), Architecture(0), None);
        let mut rom =
            Self { packets, architecture, words, server, address, max_attempts: 1, relay };
        let words: Vec<String> = text.split(',').map(|word| rom.word(word)).collect();
        rom.words = words.concat();
        rom
    }

    /// Converts one word of the description to the text form of requests.
    fn word(&mut self, word: &str) -> String {
        let (name, value) = word.split_once('=').expect("name=value");
        match name {
            "arch" => {
                self.architecture = Architecture::parse(value).expect("an architecture");
                let kind = if self.architecture.is_http() { "HTTPClient" } else { "PXEClient" };
                let number = self.architecture.0;
                return format!(" arch={number} class={kind}:Arch:{number:05}:UNDI:003016");
            }
            "mac" => return format!(" mac={value}"),
            "user-class" => return format!(" 77={} 175=010101", hex(value.as_bytes())),
            "address" => self.address = value.parse().expect("an address"),
            "relay" => self.relay = Some(value.parse().expect("an address")),
            _ => {
                let code = name.strip_prefix("option:").expect("a known word");
                return format!(" {code}={}", value.replace(':', ""));
            }
        }
        String::new()
    }

    /// Requests the boot file. The error names the request without a reply.
    pub fn boot(&self) -> Result<BootReply, String> {
        let discover = match self.relay {
            Some(relay) => format!("DISCOVER from={relay}:67 to={} giaddr={relay}", self.server),
            None => "DISCOVER from=0.0.0.0:68".to_owned(),
        };
        let offer = self.ask(&discover).ok_or("no offer")?;
        let reply = BootReply::read(&offer.bytes);
        let done = !reply.file.is_empty() && (reply.menu.is_empty() || reply.file.contains("://"));
        if done {
            return Ok(reply);
        }
        if !reply.menu.is_empty() {
            return self.choose(&offer, reply.menu);
        }
        let ack = self.ask(&self.on_4011()).ok_or("no answer on port 4011")?;
        let reply = BootReply::read(&ack.bytes);
        if reply.menu.is_empty() { Ok(reply) } else { self.choose(&ack, reply.menu) }
    }

    /// Selects the first menu entry. Type 0 is the local disk and is not requested.
    fn choose(&self, shown: &ReceivedPacket, menu: Vec<String>) -> Result<BootReply, String> {
        let items = find(&shown.bytes[240..], VENDOR_ITEMS, 1).unwrap_or_default();
        let kind = find(items, BOOT_MENU, 3).map(|menu| hex(&menu[..2])).unwrap_or_default();
        if kind == "0000" {
            return Ok(BootReply { menu, ..BootReply::read(&shown.bytes) });
        }
        let words = format!("{} 43=4704{kind}0000ff", self.on_4011());
        let ack = self.ask(&words).ok_or("no answer to a choice")?;
        Ok(BootReply { menu, ..BootReply::read(&ack.bytes) })
    }

    /// The request to port 4011. iPXE sends it from port 68, UEFI from port 4011.
    fn on_4011(&self) -> String {
        let port = if self.architecture.is_efi() { 4011 } else { 68 };
        let Self { address, server, .. } = self;
        format!("REQUEST from={address}:{port} to={server} port=4011 ciaddr={address}")
    }

    fn ask(&self, words: &str) -> Option<ReceivedPacket> {
        drop(self.packets.received());
        let Request { on, from, to, bytes } = parse_request(&format!("{words}{}", self.words));
        // Other packets on the link are skipped.
        let is_reply = |packet: &ReceivedPacket| {
            packet.bytes.first() == Some(&2)
                && packet.bytes.get(236..240) == Some(&MAGIC_COOKIE[..])
        };
        (0..self.max_attempts).find_map(|_| {
            self.packets.send(&on, from, to, &bytes);
            eventually(REPLY_TIMEOUT, || self.packets.received().into_iter().find(is_reply))
        })
    }
}

/// RFC 2131, section 3.
const MAGIC_COOKIE: [u8; 4] = [99, 130, 83, 99];

impl BootReply {
    fn read(reply: &[u8]) -> Self {
        let file = reply[108..236].split(|byte| *byte == 0).next().unwrap_or_default();
        let server = Ipv4Addr::from(*reply[20..].first_chunk::<4>().expect("a reply"));
        let items = find(&reply[240..], VENDOR_ITEMS, 1).unwrap_or_default();
        let mut menu = Vec::new();
        let mut rest = find(items, BOOT_MENU, 1).unwrap_or_default();
        while let [_, _, length, tail @ ..] = rest {
            let (text, next) = tail.split_at(usize::from(*length).min(tail.len()));
            menu.push(String::from_utf8_lossy(text).into_owned());
            rest = next;
        }
        Self { file: String::from_utf8_lossy(file).into_owned(), server, menu }
    }
}

/// Parses the text form of a request.
pub fn parse_request(words: &str) -> Request {
    let Step::Send(request) = step(words) else { panic!("{words}") };
    request
}
