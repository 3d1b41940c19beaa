//! Simulated clients. They accept a reply as the firmware does (PXE 2.1; UEFI 2.10, section 24; iPXE), download the boot
//! file and check that it is a program for that firmware.

use super::program::{self, ARM64, Firmware, IA32, X64};
use super::reply::Reply;
use super::scene::Scene;
use crate::common::boot_rom::parse_request;
use crate::common::download::Download;
use crate::common::lab::eventually;
use crate::common::server_host::Running;
use crate::common::tftp_text::hex;
use nix::sys::socket::{setsockopt, sockopt::Ipv4RecvErr};
use std::net::Ipv4Addr;
use std::time::Duration;

/// What a client got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    Boots(String),
    Fails(String),
    /// Another machine decides it.
    Unknown(String),
    /// The menu has the local disk as its first entry.
    LocalDisk,
}

/// A firmware.
pub struct Kind {
    pub name: &'static str,
    arch: u16,
    mac: &'static str,
    class: Class,
    firmware: Firmware,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Class {
    Bios,
    Uefi,
    HttpBoot,
    Ipxe,
    RaspberryPi,
}

const fn kind(
    name: &'static str,
    arch: u16,
    mac: &'static str,
    class: Class,
    firmware: Firmware,
) -> Kind {
    Kind { name, arch, mac, class, firmware }
}

pub const CLIENTS: &[Kind] = &[
    kind("BIOS", 0, "52:54:00:00:00:01", Class::Bios, Firmware::Bios),
    kind("UEFI x64 (7)", 7, "52:54:00:00:00:07", Class::Uefi, Firmware::Uefi(X64)),
    kind("UEFI x64 (9)", 9, "52:54:00:00:00:09", Class::Uefi, Firmware::Uefi(X64)),
    kind("UEFI ARM64", 11, "52:54:00:00:00:11", Class::Uefi, Firmware::Uefi(ARM64)),
    kind("UEFI IA32", 6, "52:54:00:00:00:06", Class::Uefi, Firmware::Uefi(IA32)),
    kind("HTTP Boot x64", 16, "52:54:00:00:00:16", Class::HttpBoot, Firmware::Uefi(X64)),
    kind("HTTP Boot ARM64", 19, "52:54:00:00:00:19", Class::HttpBoot, Firmware::Uefi(ARM64)),
    kind("iPXE on BIOS", 0, "52:54:00:00:00:02", Class::Ipxe, Firmware::IpxeBios),
    kind("iPXE on UEFI", 7, "52:54:00:00:00:08", Class::Ipxe, Firmware::IpxeUefi(X64)),
    kind("Raspberry Pi", 0, "dc:a6:32:00:00:01", Class::RaspberryPi, Firmware::Bios),
];

/// Vendor class of the boot loader of a Raspberry Pi.
const PI_CLASS: &str = "PXEClient:Arch:00000:UNDI:002001";
const PI_TEXT: &[u8] = b"Raspberry Pi Boot";
/// The first files of the models, in the order in which they ask.
const PI_FILES: [&str; 3] = ["0badcafe/start4.elf", "start4.elf", "bootcode.bin"];
/// The features that a usual build of iPXE reports in option 175: DNS, HTTP, iSCSI, TFTP, `AoE` and menu, on a BIOS also PXE and
/// bzImage, on UEFI also EFI.
const IPXE_BIOS_FEATURES: &str = "170101130101110101150101120101270101210101180101";
const IPXE_UEFI_FEATURES: &str = "170101130101110101150101120101270101240101";

pub struct Client<'a> {
    pub scene: &'a Scene<'a>,
    pub running: &'a Running,
    pub kind: &'a Kind,
    pub address: Ipv4Addr,
}

impl Client<'_> {
    /// The client as the argument of `--explain`.
    pub fn description(&self) -> String {
        let Kind { arch, mac, class, .. } = self.kind;
        let more = match class {
            Class::Ipxe => format!(",user-class=iPXE,option:175=hex:{}", colons(self.features())),
            Class::RaspberryPi => format!(",vendor-class={PI_CLASS}"),
            _ => String::new(),
        };
        let relay = self.scene.relay().map_or_else(String::new, |relay| format!(",relay={relay}"));
        format!("mac={mac},arch={arch},address={}{relay}{more}", self.address)
    }

    pub fn boot(&self) -> Outcome {
        self.scene.take_hardware_address(self.kind.mac);
        let Some(offer) = self.discover() else { return fails("no offer") };
        match self.kind.class {
            Class::HttpBoot => http_boot(&offer),
            Class::RaspberryPi => self.raspberry_pi(&offer),
            _ if !offer.vendor_class.starts_with(b"PXEClient") => {
                fails("option 60 of the offer is not PXEClient")
            }
            Class::Ipxe => self.ipxe(&offer),
            Class::Bios | Class::Uefi => self.rom(&offer),
        }
    }

    /// PXE 2.1, figure 2-1; EDK II asks port 4011 if the offer has neither a file nor a menu.
    fn rom(&self, offer: &Reply) -> Outcome {
        if offer.has_file_without_menu() {
            return self.load(offer);
        }
        if !offer.menu.is_empty() {
            return self.choose(offer);
        }
        let Some(ack) = self.ask_4011(server_of(offer), "") else {
            return fails("no reply on port 4011");
        };
        match () {
            () if !ack.vendor_class.starts_with(b"PXEClient") => {
                fails("option 60 of the reply on port 4011 is not PXEClient")
            }
            () if ack.has_file_without_menu() => self.load(&ack),
            () if !ack.menu.is_empty() => self.choose(&ack),
            () => fails("no boot file in the reply on port 4011"),
        }
    }

    /// iPXE ignores a file without a server; it then asks port 4011.
    fn ipxe(&self, offer: &Reply) -> Outcome {
        let has_menu = |reply: &Reply| {
            reply.vendor_class == b"PXEClient"
                && !reply.menu.is_empty()
                && !reply.has_file_without_menu()
        };
        let usable = |reply: &Reply| !reply.file.is_empty() && reply.siaddr != 0;
        if has_menu(offer) {
            return self.choose(offer);
        }
        if usable(offer) {
            return self.load(offer);
        }
        match self.ask_4011(server_of(offer), "") {
            Some(ack) if has_menu(&ack) => self.choose(&ack),
            Some(ack) if usable(&ack) => self.load(&ack),
            Some(ack) if !ack.file.is_empty() => fails("siaddr is 0: iPXE ignores the file"),
            Some(_) => fails("no boot file in the reply on port 4011"),
            None => fails("no reply on port 4011"),
        }
    }

    /// It takes the reply with its text as an invitation and does not read the boot file.
    fn raspberry_pi(&self, offer: &Reply) -> Outcome {
        if !offer.vendor_options.windows(PI_TEXT.len()).any(|part| part == PI_TEXT) {
            return fails("no text \"Raspberry Pi Boot\" in option 43");
        }
        let server = server_of(offer);
        if !self.scene.is_ours(server) {
            return Outcome::Unknown(format!("{server} has to send the files"));
        }
        let mut faults = Vec::new();
        for name in PI_FILES {
            match self.download(server, name) {
                Ok(_) => return Outcome::Boots(name.to_owned()),
                Err(fault) => faults.push(fault),
            }
        }
        fails(faults.join(", "))
    }

    /// Without a user, the client chooses the first entry of the menu at the end of its time limit. Type 0 is the local disk
    /// (PXE 2.1, section 2.2.3).
    fn choose(&self, shown: &Reply) -> Outcome {
        match shown.menu.first() {
            None | Some((0, _)) => Outcome::LocalDisk,
            Some((kind, text)) => self.choose_one(shown, *kind, text),
        }
    }

    fn choose_one(&self, shown: &Reply, kind: u16, text: &str) -> Outcome {
        let listed = shown.servers.iter().find(|(known, _)| *known == kind).map(|(_, ip)| *ip);
        let server = listed.unwrap_or(server_of(shown));
        if !self.scene.is_ours(server) {
            return Outcome::Unknown(format!("{text}: {server} has to answer on port 4011"));
        }
        match self.ask_4011(server, &format!(" 43=4704{kind:04x}0000ff")) {
            Some(ack) if !ack.file.is_empty() => self.load(&ack),
            Some(_) => fails(format!("{text}: no boot file in the reply")),
            None => fails(format!("{text}: no reply on port 4011")),
        }
    }

    /// Downloads the file of a reply and executes it.
    fn load(&self, reply: &Reply) -> Outcome {
        let is_ipxe = self.kind.class == Class::Ipxe;
        let server = match reply.siaddr {
            // EDK II takes the server identifier (option 54); a BIOS and iPXE do not.
            0 if self.kind.class == Class::Uefi => server_of(reply),
            0 => return fails(format!("siaddr is 0: no server for {}", reply.file)),
            siaddr => Ipv4Addr::from(siaddr),
        };
        match reply.file.split_once("://") {
            Some(("tftp", rest)) if is_ipxe => {
                let (host, name) = rest.split_once('/').unwrap_or((rest, ""));
                match host.parse() {
                    Ok(host) => self.load_from(host, name),
                    Err(_) => Outcome::Unknown(format!("{host} is a name")),
                }
            }
            Some(_) if is_ipxe => Outcome::Unknown(format!("URL {}", reply.file)),
            Some(_) if !self.scene.is_ours(server) => fails("firmware loads no URL by TFTP"),
            _ => self.load_from(server, &reply.file),
        }
    }

    fn load_from(&self, server: Ipv4Addr, name: &str) -> Outcome {
        if !self.scene.is_ours(server) {
            return Outcome::Unknown(format!("{server} has to send {name}"));
        }
        let bytes = match self.download(server, name) {
            Ok(bytes) => bytes,
            Err(fault) => return fails(fault),
        };
        match program::fault(self.kind.firmware, &bytes) {
            Some(fault) => fails(format!("{name}: {fault}")),
            None => self.execute(name, program::kind(&bytes)),
        }
    }

    /// An iPXE without embedded script asks again, as iPXE.
    fn execute(&self, name: &str, kind: &str) -> Outcome {
        if !kind.starts_with("ipxe-") {
            return Outcome::Boots(name.to_owned());
        }
        if kind.ends_with("-script") {
            return Outcome::Unknown(format!("the script in {name} decides"));
        }
        let firmware = match self.kind.firmware {
            Firmware::Bios => Firmware::IpxeBios,
            Firmware::Uefi(machine) => Firmware::IpxeUefi(machine),
            _ => return fails(format!("iPXE loads {name}, which is iPXE, without end")),
        };
        // iPXE sends the architecture that it was built for.
        let arch = if self.kind.arch == 9 { 7 } else { self.kind.arch };
        let kind = Kind { class: Class::Ipxe, arch, firmware, ..*self.kind };
        let ipxe = Client { kind: &kind, ..*self };
        match ipxe.boot() {
            Outcome::Boots(file) => Outcome::Boots(format!("{name}, then {file}")),
            Outcome::Fails(fault) => fails(format!("{name}, then: {fault}")),
            Outcome::Unknown(what) => Outcome::Unknown(format!("{name}, then: {what}")),
            Outcome::LocalDisk => Outcome::LocalDisk,
        }
    }

    fn download(&self, server: Ipv4Addr, file: &str) -> Result<Vec<u8>, String> {
        let address = format!("{server}:69");
        let download = Download { server: &address, file, max_attempts: 5, ..Download::DEFAULT };
        let socket = self.scene.client().udp(&format!("{}:0", self.address));
        // Where no program has the port, the error is reported at once.
        setsockopt(&socket, Ipv4RecvErr, &true).expect("Linux has this option");
        let mut bytes = Vec::new();
        let done = download.get_with(socket, |block| bytes.extend_from_slice(block));
        done.map(|()| bytes).map_err(|fault| format!("{file} from {server}: {fault}"))
    }

    fn discover(&self) -> Option<Reply> {
        let words = match self.scene.relay() {
            Some(relay) => {
                let server = self.scene.server_address();
                format!("DISCOVER from={relay}:67 to={server} giaddr={relay}")
            }
            None => "DISCOVER from=0.0.0.0:68".to_owned(),
        };
        self.ask(&words)
    }

    /// UEFI asks from port 4011, the others from port 68.
    fn ask_4011(&self, server: Ipv4Addr, more: &str) -> Option<Reply> {
        if !self.scene.is_ours(server) {
            return None;
        }
        let port = if self.kind.class == Class::Uefi { 4011 } else { 68 };
        let address = self.address;
        self.ask(&format!(
            "REQUEST from={address}:{port} to={server} port=4011 ciaddr={address}{more}"
        ))
    }

    fn features(&self) -> &'static str {
        match self.kind.firmware {
            Firmware::Uefi(_) | Firmware::IpxeUefi(_) => IPXE_UEFI_FEATURES,
            _ => IPXE_BIOS_FEATURES,
        }
    }

    /// Sends a request, and waits until the program has handled it.
    fn ask(&self, words: &str) -> Option<Reply> {
        let Kind { arch, mac, class, .. } = *self.kind;
        let vendor_class = match class {
            Class::HttpBoot => format!("HTTPClient:Arch:{arch:05}:UNDI:003016"),
            Class::RaspberryPi => PI_CLASS.to_owned(),
            _ => format!("PXEClient:Arch:{arch:05}:UNDI:003016"),
        };
        let ipxe = match class {
            Class::Ipxe => format!(" 77={} 175={}", hex(b"iPXE"), self.features()),
            _ => String::new(),
        };
        let text = format!("{words} mac={mac} arch={arch} class={vendor_class}{ipxe}");
        self.scene.send(self.running, &parse_request(&text));
        eventually(self.scene.reply_timeout(), || self.scene.received())
    }
}

/// A reply over HTTP Boot has a URL (UEFI 2.10, section 24.7.3).
fn http_boot(offer: &Reply) -> Outcome {
    if !offer.vendor_class.starts_with(b"HTTPClient") {
        return fails("option 60 of the offer is not HTTPClient");
    }
    match offer.file.split_once("://") {
        Some(("http" | "https", _)) => Outcome::Unknown(format!("URL {}", offer.file)),
        _ => fails(format!("{:?} is no URL", offer.file)),
    }
}

/// The next server, else the server identifier.
fn server_of(reply: &Reply) -> Ipv4Addr {
    Ipv4Addr::from(if reply.siaddr == 0 { reply.server_id } else { reply.siaddr })
}

fn fails(reason: impl Into<String>) -> Outcome {
    Outcome::Fails(reason.into())
}

/// `0a01` as `0a:01`.
fn colons(hex: &str) -> String {
    let bytes: Vec<&str> = hex.as_bytes().chunks(2).flat_map(std::str::from_utf8).collect();
    bytes.join(":")
}

/// Replies that arrive after the program has handled the request were delayed by the kernel only.
pub const TRANSIT: Duration = Duration::from_millis(40);
