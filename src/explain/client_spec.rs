//! The client that is asked about: `mac=52:54:00:12:34:56,arch=x86-64_EFI[,user-class=iPXE][,option:175=…]`.

use crate::byte_text::to_bytes;
use crate::story::Boot;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::{BROADCAST, Frame, field};
use crate::wire::option_display::{mac, printable};
use conf_parser::option_names::OPTIONS;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A client that does not exist.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Its hardware address.
    pub mac: Vec<u8>,
    /// What it runs on; `None`: all there is, one after the other.
    pub architecture: Option<Architecture>,
    /// Options beside those that every client sends.
    pub options: Vec<(u8, Vec<u8>)>,
    /// Its vendor class, if it is not the usual one.
    pub vendor_class: Option<Vec<u8>>,
    /// Its user class.
    pub user_class: Option<Vec<u8>>,
    /// The address that a DHCP server has given it.
    pub address: Option<Ipv4Addr>,
    /// The interface it asks by.
    pub interface: Option<String>,
    /// Its relay.
    pub relay: Option<Ipv4Addr>,
}

/// What is wrong with the description of a client. Each but the first holds the word that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// It does not name an architecture.
    ArchitectureMissing,
    /// The architecture is not known.
    Architecture(String),
    /// It is no hardware address.
    HardwareAddress(String),
    /// It is no IPv4 address.
    Address(String),
    /// The option has no number.
    Option(String),
    /// No word begins like this.
    Unknown(String),
}

/// A machine that nobody has.
const DEFAULT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The user class of iPXE.
pub const IPXE: &[u8] = b"iPXE";
/// What iPXE calls its own options (option 175), and says with them in short.
const IPXE_OPTIONS: (u8, [u8; 3]) = (175, [1, 1, 1]);
const KEYWORDS: &str = "mac=, arch=, user-class=, vendor-class=, option:<number or name>[=], address=, interface= and relay=";

impl ClientSpec {
    fn new() -> Self {
        Self {
            mac: DEFAULT_MAC.to_vec(),
            architecture: None,
            options: Vec::new(),
            vendor_class: None,
            user_class: None,
            address: None,
            interface: None,
            relay: None,
        }
    }

    /// Reads it; the error says what is wrong.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let mut client = Self::new();
        let mut says_architecture = false;
        for word in text.split(',') {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            says_architecture |= name == "arch";
            client.word(name, value).ok_or_else(|| ClientError::of(name, word))?;
        }
        if says_architecture { Ok(client) } else { Err(ClientError::ArchitectureMissing) }
    }

    /// The one that a message is from.
    pub fn of_frame(frame: Frame<'_>) -> Self {
        let option = |code| frame.option(code, 1).map(<[u8]>::to_vec);
        let architecture =
            frame.option(93, 2).map(|value| u16::from_be_bytes([value[0], value[1]]));
        let user_class = option(77).map(|class| printable(&class).into_bytes());
        Self {
            mac: frame.mac().to_vec(),
            architecture: architecture.map(Architecture),
            vendor_class: option(60),
            user_class,
            ..Self::new()
        }
    }

    /// The one that a boot was of, if the log names it.
    pub fn of_boot(boot: &Boot) -> Option<Self> {
        let mac = bytes(boot.mac.as_ref()?)?;
        let address = boot.ip.and_then(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None });
        Some(Self { mac, architecture: boot.architecture, address, ..Self::new() })
    }

    /// Takes one word; `None`: it cannot be read.
    fn word(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "mac" => self.mac = bytes(value).filter(|mac| mac.len() <= 16)?,
            "arch" if value == "all" => self.architecture = None,
            "arch" => self.architecture = Some(Architecture::parse(value)?),
            "user-class" => self.user_class = Some(to_bytes(value).into_owned()),
            "vendor-class" => self.vendor_class = Some(to_bytes(value).into_owned()),
            "address" => self.address = Some(value.parse().ok()?),
            "interface" => self.interface = Some(value.to_owned()),
            "relay" => self.relay = Some(value.parse().ok()?),
            _ => self.options.push((code(name.strip_prefix("option:")?)?, option_value(value))),
        }
        Some(())
    }

    /// Whether it says that it is iPXE: it sends its own options then.
    pub fn is_ipxe(&self) -> bool {
        self.user_class.as_deref() == Some(IPXE)
    }

    /// The vendor class that it says (PXE 2.1, section 2.2.1; UEFI 2.10, section 24.7).
    fn class(&self, architecture: Architecture) -> Vec<u8> {
        let kind = if architecture.is_http() { "HTTPClient" } else { "PXEClient" };
        let usual = || format!("{kind}:Arch:{:05}:UNDI:003016", architecture.0).into_bytes();
        self.vendor_class.clone().unwrap_or_else(usual)
    }

    /// A message of it. `item`: what it has chosen from the menu, as four bytes.
    pub fn message(
        &self,
        architecture: Architecture,
        message: u8,
        address: Option<Ipv4Addr>,
        item: Option<[u8; 4]>,
    ) -> Vec<u8> {
        let mut bytes = vec![0; field::OPTIONS];
        bytes[..3].copy_from_slice(&[1, 1, self.mac.len().to_le_bytes()[0]]);
        bytes[4..8].copy_from_slice(&[0, 0, 0, 1]);
        bytes[10..12].copy_from_slice(&BROADCAST.to_be_bytes());
        bytes[field::CIADDR].copy_from_slice(&address.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        bytes[field::CHADDR][..self.mac.len()].copy_from_slice(&self.mac);
        bytes[field::COOKIE].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        if let Some(relay) = self.relay.filter(|_| address.is_none()) {
            bytes[field::GIADDR].copy_from_slice(&relay.octets());
        }
        for (code, value) in self.sent(architecture, message, item) {
            let value = &value[..value.len().min(255)];
            bytes.extend([code, value.len().to_le_bytes()[0]]);
            bytes.extend(value);
        }
        bytes.push(255);
        bytes
    }

    fn sent(
        &self,
        architecture: Architecture,
        message: u8,
        item: Option<[u8; 4]>,
    ) -> Vec<(u8, Vec<u8>)> {
        let mut uuid = vec![0; 17];
        uuid[11..].iter_mut().zip(&self.mac).for_each(|(byte, mac)| *byte = *mac);
        let mut sent = vec![
            (53, vec![message]),
            (57, vec![5, 0xc0]),
            (93, architecture.0.to_be_bytes().to_vec()),
            (94, vec![1, 3, 16]),
            (97, uuid),
            (60, self.class(architecture)),
        ];
        sent.extend(self.user_class.clone().map(|class| (77, class)));
        sent.extend(self.is_ipxe().then(|| (IPXE_OPTIONS.0, IPXE_OPTIONS.1.to_vec())));
        sent.retain(|(code, _)| self.options.iter().all(|(own, _)| own != code));
        sent.extend(self.options.iter().cloned());
        sent.extend(item.map(|item| (43, [&[71, 4], &item[..], &[255]].concat())));
        sent
    }
}

impl ClientError {
    /// What a word of that name was to be.
    fn of(name: &str, word: &str) -> Self {
        let word = word.to_owned();
        match name {
            "arch" => Self::Architecture(word),
            "mac" => Self::HardwareAddress(word),
            "address" | "relay" => Self::Address(word),
            name if name.starts_with("option:") => Self::Option(word),
            _ => Self::Unknown(word),
        }
    }
}

impl fmt::Display for ClientError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ArchitectureMissing => f.write_str("arch= is missing: a number, a name, or all"),
            Self::Architecture(word) => write!(
                f,
                "{word}: no such architecture; by number, or by a name of IANA's or dnsmasq's, or all"
            ),
            Self::HardwareAddress(word) => write!(f, "{word}: no hardware address"),
            Self::Address(word) => write!(f, "{word}: no IPv4 address"),
            Self::Option(word) => write!(f, "{word}: no such option"),
            Self::Unknown(word) => write!(f, "{word}: a client is described by {KEYWORDS}"),
        }
    }
}

/// Two hex digits each, between `:` or `-`.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let byte = |part: &str| {
        let is_hex = part.len() <= 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        u8::from_str_radix(part, 16).ok().filter(|_| is_hex)
    };
    text.split([':', '-']).map(byte).collect()
}

/// An option by number or name.
fn code(name: &str) -> Option<u8> {
    let named = || OPTIONS.iter().find(|option| option.name == name).map(|option| option.code);
    name.parse().ok().or_else(named)
}

/// Bytes in hex, between colons or behind `hex:`; else a text. Nothing is one zero byte: an option has to be there to be seen.
fn option_value(text: &str) -> Vec<u8> {
    let in_hex = match text.strip_prefix("hex:") {
        Some(hex) => bytes(hex),
        None => Some(text).filter(|text| text.contains(':')).and_then(bytes),
    };
    match text {
        "" => vec![0],
        _ => in_hex.unwrap_or_else(|| to_bytes(text).into_owned()),
    }
}

impl fmt::Display for ClientSpec {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&mac(&self.mac))?;
        let text = |bytes: &Vec<u8>| printable(bytes);
        for (name, value) in [
            ("architecture", self.architecture.map(|architecture| architecture.to_string())),
            ("user class", self.user_class.as_ref().map(text)),
            ("vendor class", self.vendor_class.as_ref().map(text)),
            ("relay", self.relay.map(|relay| relay.to_string())),
        ] {
            value.iter().try_for_each(|value| write!(f, ", {name} {value}"))?;
        }
        self.options.iter().try_for_each(|(code, _)| write!(f, ", option {code}"))
    }
}

#[test]
fn a_client_is_described_in_words() {
    let client = ClientSpec::parse(
        "mac=52:54:00:12:34:56,arch=x64 UEFI,user-class=iPXE,option:175=1:2,option:hostname=pc,address=10.0.0.9",
    )
    .unwrap();
    assert_eq!(
        client.to_string(),
        "52:54:00:12:34:56, architecture 7 (x86-64_EFI), user class iPXE, option 175, option 12"
    );
    let bytes = client.message(Architecture(7), 1, None, None);
    let frame = Frame::parse(&bytes).unwrap();
    assert_eq!(frame.option(175, 1), Some(&[1, 2][..]));
    assert_eq!(frame.option(12, 1), Some(&b"pc"[..]));
    assert_eq!(frame.mac(), [0x52, 0x54, 0, 0x12, 0x34, 0x56]);
    let missing = || ClientError::ArchitectureMissing;
    for (wrong, error, told) in [
        ("mac=1:2", missing(), "arch= is missing: a number, a name, or all"),
        (
            "arch=x",
            ClientError::Architecture("arch=x".into()),
            "arch=x: no such architecture; by number, or by a name of IANA's or dnsmasq's, or all",
        ),
        (
            "arch=7,mac=zz",
            ClientError::HardwareAddress("mac=zz".into()),
            "mac=zz: no hardware address",
        ),
        ("arch=7,relay=x", ClientError::Address("relay=x".into()), "relay=x: no IPv4 address"),
        (
            "arch=7,option:none",
            ClientError::Option("option:none".into()),
            "option:none: no such option",
        ),
    ] {
        assert_eq!(error.to_string(), told);
        assert_eq!(ClientSpec::parse(wrong), Err(error));
    }
    let unknown = ClientSpec::parse("arch=7,colour=red");
    assert_eq!(unknown, Err(ClientError::Unknown("colour=red".into())));
}
