//! Description of a simulated client: `mac=52:54:00:12:34:56,arch=x86-64_EFI[,user-class=iPXE][,option:175=…]`.

use crate::byte_text::to_bytes;
use crate::story::Boot;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::{BOOT_REQUEST, BROADCAST, Frame, MAGIC_COOKIE, field};
use crate::wire::dhcp_option::{
    self, CLIENT_ARCH, CLIENT_INTERFACE, CLIENT_UUID, END, MAX_MESSAGE_SIZE, MESSAGE_TYPE,
    USER_CLASS, VENDOR_CLASS, VENDOR_SPECIFIC,
};
use crate::wire::option_display::{mac, printable};
use crate::wire::pxe::{HTTP_CLIENT, IPXE_USER_CLASS, PXE_CLIENT, item};
use conf_parser::option_names::OPTIONS;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A simulated client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Hardware address, at most 16 bytes.
    pub mac: Vec<u8>,
    /// Its architecture; `None`: each known architecture is simulated.
    pub architecture: Option<Architecture>,
    /// Additional options: code and value. They replace options that each client sends.
    pub options: Vec<(u8, Vec<u8>)>,
    /// Its vendor class; `None`: that of a PXE or HTTP Boot client.
    pub vendor_class: Option<Vec<u8>>,
    /// Its user class (option 77).
    pub user_class: Option<Vec<u8>>,
    /// The address that its DHCP server has assigned.
    pub address: Option<Ipv4Addr>,
    /// The interface of this server on which its requests are received.
    pub interface: Option<String>,
    /// The relay agent.
    pub relay: Option<Ipv4Addr>,
}

/// The mistake in the description of a client. Each but the first contains the invalid part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
    /// `arch=` is missing.
    ArchitectureMissing,
    /// An unknown architecture.
    Architecture(String),
    /// Not a hardware address.
    HardwareAddress(String),
    /// Not an IPv4 address.
    Address(String),
    /// An unknown option.
    Option(String),
    /// An unknown keyword.
    Unknown(String),
}

/// A locally administered address, which no vendor assigns.
const DEFAULT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The value of option 175 that iPXE sends, shortened.
const IPXE_OPTIONS: [u8; 3] = [1, 1, 1];
/// Option 57: 1472 bytes, as PXE firmware sends.
const CLIENT_MAX_MESSAGE: [u8; 2] = [5, 0xc0];
/// Option 94: UNDI version 3.16.
const UNDI_VERSION: [u8; 3] = [1, 3, 16];
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

    /// Parses a description.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let mut client = Self::new();
        let mut has_architecture = false;
        for word in text.split(',') {
            let (name, value) = word.split_once('=').unwrap_or((word, ""));
            has_architecture |= name == "arch";
            client.set(name, value).ok_or_else(|| ClientError::of(name, word))?;
        }
        if has_architecture { Ok(client) } else { Err(ClientError::ArchitectureMissing) }
    }

    /// The sender of a request.
    pub fn of_frame(frame: Frame<'_>) -> Self {
        let option = |code| frame.option(code, 1).map(<[u8]>::to_vec);
        let user_class = option(USER_CLASS).map(|class| printable(&class).into_bytes());
        Self {
            mac: frame.mac().to_vec(),
            architecture: frame.architecture(),
            vendor_class: option(VENDOR_CLASS),
            user_class,
            ..Self::new()
        }
    }

    /// The client of a boot in a log; `None` if the log does not contain its hardware address.
    pub fn of_boot(boot: &Boot) -> Option<Self> {
        let mac = bytes(boot.mac.as_ref()?)?;
        let address = boot.ip.and_then(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None });
        Some(Self { mac, architecture: boot.architecture, address, ..Self::new() })
    }

    /// Sets one property; `None` if the value is invalid.
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
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

    /// Whether its user class is that of iPXE, which also sends option 175.
    pub fn is_ipxe(&self) -> bool {
        self.user_class.as_deref() == Some(IPXE_USER_CLASS)
    }

    /// Its vendor class (PXE 2.1, section 2.2.1; UEFI 2.10, section 24.7).
    fn class(&self, architecture: Architecture) -> Vec<u8> {
        let protocol = if architecture.is_http() { HTTP_CLIENT } else { PXE_CLIENT };
        let default = || {
            let rest = format!(":Arch:{:05}:UNDI:003016", architecture.0);
            [protocol, rest.as_bytes()].concat()
        };
        self.vendor_class.clone().unwrap_or_else(default)
    }

    /// A message of the client. `item`: type and layer of the menu entry that it has chosen.
    pub fn message(
        &self,
        architecture: Architecture,
        message_type: u8,
        address: Option<Ipv4Addr>,
        item: Option<[u8; 4]>,
    ) -> Vec<u8> {
        let mut bytes = vec![0; field::OPTIONS];
        bytes[..3].copy_from_slice(&[BOOT_REQUEST, 1, self.mac.len().to_le_bytes()[0]]);
        bytes[field::XID].copy_from_slice(&[0, 0, 0, 1]);
        bytes[field::FLAGS].copy_from_slice(&BROADCAST.to_be_bytes());
        bytes[field::CIADDR].copy_from_slice(&address.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
        bytes[field::CHADDR][..self.mac.len()].copy_from_slice(&self.mac);
        bytes[field::COOKIE].copy_from_slice(&MAGIC_COOKIE);
        if let Some(relay) = self.relay.filter(|_| address.is_none()) {
            bytes[field::GIADDR].copy_from_slice(&relay.octets());
        }
        for (code, value) in self.options(architecture, message_type, item) {
            let value = &value[..value.len().min(255)];
            bytes.extend([code, value.len().to_le_bytes()[0]]);
            bytes.extend(value);
        }
        bytes.push(END);
        bytes
    }

    /// All options of a message.
    fn options(
        &self,
        architecture: Architecture,
        message_type: u8,
        item: Option<[u8; 4]>,
    ) -> Vec<(u8, Vec<u8>)> {
        let mut uuid = vec![0; 17];
        for (byte, mac) in uuid[11..].iter_mut().zip(&self.mac) {
            *byte = *mac;
        }
        let mut options = vec![
            (MESSAGE_TYPE, vec![message_type]),
            (MAX_MESSAGE_SIZE, CLIENT_MAX_MESSAGE.to_vec()),
            (CLIENT_ARCH, architecture.0.to_be_bytes().to_vec()),
            (CLIENT_INTERFACE, UNDI_VERSION.to_vec()),
            (CLIENT_UUID, uuid),
            (VENDOR_CLASS, self.class(architecture)),
        ];
        options.extend(self.user_class.clone().map(|class| (USER_CLASS, class)));
        if self.is_ipxe() {
            options.push((dhcp_option::IPXE, IPXE_OPTIONS.to_vec()));
        }
        options.retain(|(code, _)| self.options.iter().all(|(own, _)| own != code));
        options.extend(self.options.iter().cloned());
        if let Some(chosen) = item {
            let value = [&[item::BOOT_ITEM, 4], &chosen[..], &[END]].concat();
            options.push((VENDOR_SPECIFIC, value));
        }
        options
    }
}

impl ClientError {
    /// The mistake in a part with that keyword.
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
                "{word}: unknown architecture; use a number, a name of IANA or dnsmasq, or all"
            ),
            Self::HardwareAddress(word) => write!(f, "{word}: not a hardware address"),
            Self::Address(word) => write!(f, "{word}: not an IPv4 address"),
            Self::Option(word) => write!(f, "{word}: unknown option"),
            Self::Unknown(word) => write!(f, "{word}: unknown keyword; use {KEYWORDS}"),
        }
    }
}

/// Bytes in hexadecimal, separated by `:` or `-`.
fn bytes(text: &str) -> Option<Vec<u8>> {
    let byte = |part: &str| {
        let is_hex = part.len() <= 2 && part.bytes().all(|digit| digit.is_ascii_hexdigit());
        u8::from_str_radix(part, 16).ok().filter(|_| is_hex)
    };
    text.split([':', '-']).map(byte).collect()
}

/// The code of an option, by number or name.
fn code(name: &str) -> Option<u8> {
    let named = || OPTIONS.iter().find(|option| option.name == name).map(|option| option.code);
    name.parse().ok().or_else(named)
}

/// The value of an option: bytes in hexadecimal with colons or after `hex:`, else a text. An empty text is one zero byte,
/// because dnsmasq ignores most options without value.
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
            if let Some(value) = value {
                write!(f, ", {name} {value}")?;
            }
        }
        self.options.iter().try_for_each(|(code, _)| write!(f, ", option {code}"))
    }
}

#[test]
fn client_is_parsed_and_a_mistake_is_reported_with_its_part() {
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
    for (wrong, error, message) in [
        ("mac=1:2", missing(), "arch= is missing: a number, a name, or all"),
        (
            "arch=x",
            ClientError::Architecture("arch=x".into()),
            "arch=x: unknown architecture; use a number, a name of IANA or dnsmasq, or all",
        ),
        (
            "arch=7,mac=zz",
            ClientError::HardwareAddress("mac=zz".into()),
            "mac=zz: not a hardware address",
        ),
        ("arch=7,relay=x", ClientError::Address("relay=x".into()), "relay=x: not an IPv4 address"),
        (
            "arch=7,option:none",
            ClientError::Option("option:none".into()),
            "option:none: unknown option",
        ),
    ] {
        assert_eq!(error.to_string(), message);
        assert_eq!(ClientSpec::parse(wrong), Err(error));
    }
    let unknown = ClientSpec::parse("arch=7,colour=red");
    assert_eq!(unknown, Err(ClientError::Unknown("colour=red".into())));
}
