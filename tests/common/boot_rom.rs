//! What boot ROMs and firmware do to find out what to load (PXE 2.1): ask discover, then port 4011, and choose from the
//! menu what stands first.

use super::lab::eventually;
use super::packet::{PacketSocket, ReceivedPacket};
use super::request::{Request, Step, step};
use super::tftp_text::hex;
use pxemasq::wire::client_arch::Architecture;
use pxemasq::wire::options::find;
use std::net::Ipv4Addr;
use std::time::Duration;

/// A client, described as `--explain` takes it.
pub struct BootRom<'e> {
    packets: &'e PacketSocket,
    architecture: Architecture,
    /// What it says about itself, in the words of requests.
    words: String,
    server: Ipv4Addr,
    /// Its address, once it has one.
    pub address: Ipv4Addr,
    /// How often it asks for each thing.
    pub max_attempts: usize,
    relay: Option<Ipv4Addr>,
}

/// What it was reply to load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootReply {
    pub file: String,
    pub server: Ipv4Addr,
    /// Texts of the menu it was shown.
    pub menu: Vec<String>,
}

/// Whatever is answered at all is answered within that time.
const REPLY_TIMEOUT: Duration = Duration::from_secs(2);
const VENDOR_ITEMS: u8 = 43;
const BOOT_MENU: u8 = 9;

impl<'e> BootRom<'e> {
    /// Reads a description: `arch=x86-64_EFI,user-class=iPXE`.
    pub fn new(text: &str, packets: &'e PacketSocket, server: Ipv4Addr, address: Ipv4Addr) -> Self {
        let (words, architecture, relay) = (String::new(), Architecture(0), None);
        let mut rom =
            Self { packets, architecture, words, server, address, max_attempts: 1, relay };
        let words: Vec<String> = text.split(',').map(|word| rom.word(word)).collect();
        rom.words = words.concat();
        rom
    }

    /// A word of the description, as the words of requests have it.
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

    /// Finds out what to load. The error says who was silent.
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

    /// Takes what stands first; an entry without a file is reply as it is.
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

    /// iPXE asks from its client port, UEFI from 4011.
    fn on_4011(&self) -> String {
        let port = if self.architecture.is_efi() { 4011 } else { 68 };
        let Self { address, server, .. } = self;
        format!("REQUEST from={address}:{port} to={server} port=4011 ciaddr={address}")
    }

    fn ask(&self, words: &str) -> Option<ReceivedPacket> {
        drop(self.packets.received());
        let Request { on, from, to, bytes } = parse_request(&format!("{words}{}", self.words));
        // Others on the wire have other things to say.
        let is_reply = |heard: &ReceivedPacket| {
            heard.bytes.first() == Some(&2) && heard.bytes.get(236..240) == Some(&MAGIC_COOKIE[..])
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

/// A request in words.
pub fn parse_request(words: &str) -> Request {
    let Step::Send(request) = step(words) else { panic!("{words}") };
    request
}
