//! Description of a simulated client: `mac=52:54:00:12:34:56,arch=uefi[,user-class=iPXE][,option:175=…]`.

use super::raspberry_pi;
use crate::byte_text::to_bytes;
use crate::story::Boot;
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::Frame;
use crate::wire::dhcp_option::{IPXE, USER_CLASS, VENDOR_CLASS};
use crate::wire::option_display::{mac, printable};
use crate::wire::pxe::IPXE_USER_CLASS;
use conf_parser::option_names::OPTIONS;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A simulated client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSpec {
    /// Hardware address, at most 16 bytes.
    pub mac: Vec<u8>,
    /// Its architecture; `None`: not known, or that of [`Self::which`].
    pub architecture: Option<Architecture>,
    /// The kinds of clients that are simulated.
    pub which: Which,
    /// The firmware of a Raspberry Pi, whatever its hardware address is.
    pub is_raspberry_pi: bool,
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

/// The kinds of clients that `arch=` names.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// That of one architecture.
    One,
    /// `ipxe`: iPXE on BIOS and on UEFI.
    Ipxe,
    /// `rpi`.
    RaspberryPi,
    /// `all`: the usual clients.
    All,
    /// `every`: each architecture that has a name.
    Every,
}

/// The mistake in the description of a client, with the invalid part.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientError {
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
pub const DEFAULT_MAC: [u8; 6] = [2, 0, 0, 0, 0, 1];
/// The usual words for one architecture.
const ARCHITECTURE_WORDS: &[(&str, u16)] = &[
    ("bios", 0),
    ("uefi", 7),
    ("uefi64", 7),
    ("x64", 7),
    ("uefi32", 6),
    ("arm64", 11),
    ("riscv64", 27),
    ("http", 16),
];
const WORDS: &str = "bios, uefi, uefi32, arm64, riscv64, http, rpi, ipxe, all or every";
const KEYWORDS: &str = "mac=, arch=, user-class=, vendor-class=, option:<number or name>[=], address=, interface= and relay=";

impl ClientSpec {
    /// A client without own properties, for a table of the usual ones.
    pub fn new() -> Self {
        Self {
            mac: DEFAULT_MAC.to_vec(),
            architecture: None,
            which: Which::All,
            is_raspberry_pi: false,
            options: Vec::new(),
            vendor_class: None,
            user_class: None,
            address: None,
            interface: None,
            relay: None,
        }
    }

    /// Parses a description. An empty one is that of the usual clients.
    pub fn parse(text: &str) -> Result<Self, ClientError> {
        let mut client = Self::new();
        for word in text.split(',').filter(|word| !word.is_empty()) {
            let invalid = |name| move || ClientError::of(name, word);
            match word.split_once('=') {
                Some((name, value)) => client.set(name, value).ok_or_else(invalid(name))?,
                // An option without value.
                None if word.starts_with("option:") => {
                    client.set(word, "").ok_or_else(invalid(word))?;
                }
                None => client.set_architecture(word).ok_or_else(invalid(word))?,
            }
        }
        Ok(client)
    }

    /// The sender of a request.
    pub fn of_frame(frame: Frame<'_>) -> Self {
        let option = |code| frame.option(code, 1).map(<[u8]>::to_vec);
        let user_class = option(USER_CLASS).map(|class| printable(&class).into_bytes());
        let options = option(IPXE).map(|value| (IPXE, value)).into_iter().collect();
        Self {
            mac: frame.mac().to_vec(),
            architecture: frame.architecture(),
            which: Which::One,
            vendor_class: option(VENDOR_CLASS),
            user_class,
            options,
            ..Self::new()
        }
    }

    /// The client of a boot in a log; `None` if the log does not contain its hardware address.
    pub fn of_boot(boot: &Boot) -> Option<Self> {
        let mac = bytes(boot.mac.as_ref()?)?;
        let address = boot.ip.and_then(|ip| if let IpAddr::V4(ip) = ip { Some(ip) } else { None });
        let which = Which::One;
        Some(Self { mac, architecture: boot.architecture, which, address, ..Self::new() })
    }

    /// Sets one property; `None` if the value is invalid.
    fn set(&mut self, name: &str, value: &str) -> Option<()> {
        match name {
            "mac" => self.mac = bytes(value).filter(|mac| mac.len() <= 16)?,
            "arch" => self.set_architecture(value)?,
            "user-class" => self.user_class = Some(to_bytes(value).into_owned()),
            "vendor-class" => self.vendor_class = Some(to_bytes(value).into_owned()),
            "address" => self.address = Some(value.parse().ok()?),
            "interface" => self.interface = Some(value.to_owned()),
            "relay" => self.relay = Some(value.parse().ok()?),
            _ => self.options.push((code(name.strip_prefix("option:")?)?, option_value(value))),
        }
        Some(())
    }

    /// Sets the architecture, by a usual word, by number or by name; `None` if it is unknown.
    fn set_architecture(&mut self, value: &str) -> Option<()> {
        let word = value.to_ascii_lowercase();
        self.architecture = None;
        self.which = match &*word {
            "all" => Which::All,
            "every" => Which::Every,
            "ipxe" => Which::Ipxe,
            "rpi" => Which::RaspberryPi,
            word => {
                let usual = ARCHITECTURE_WORDS.iter().find(|(known, _)| *known == word);
                let usual = usual.map(|(_, number)| Architecture(*number));
                self.architecture = Some(usual.or_else(|| Architecture::parse(value))?);
                Which::One
            }
        };
        Some(())
    }

    /// Whether a client of this architecture is a Raspberry Pi.
    pub fn is_raspberry_pi_with(&self, architecture: Architecture) -> bool {
        let by_mac = || {
            let class = self.vendor_class.as_deref();
            raspberry_pi::has_vendor(&self.mac)
                && class.is_none_or(|class| class == raspberry_pi::VENDOR_CLASS)
        };
        let sends_its_requests = architecture == raspberry_pi::ARCHITECTURE && !self.is_ipxe();
        sends_its_requests && (self.is_raspberry_pi || by_mac())
    }

    /// Whether it sends the vendor class of a Raspberry Pi, which some BIOS firmware sends too.
    pub fn has_class_of_raspberry_pi(&self) -> bool {
        self.vendor_class.as_deref() == Some(raspberry_pi::VENDOR_CLASS)
    }

    /// The same client as iPXE.
    pub fn as_ipxe(&self) -> Self {
        Self { user_class: Some(IPXE_USER_CLASS.to_vec()), is_raspberry_pi: false, ..self.clone() }
    }

    /// Whether it is iPXE, which sends its user class and option 175.
    pub fn is_ipxe(&self) -> bool {
        let has_option = self.options.iter().any(|(code, _)| *code == IPXE);
        self.user_class.as_deref() == Some(IPXE_USER_CLASS) || has_option
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
            Self::Architecture(word) => write!(
                f,
                "{word}: unknown architecture; use {WORDS}, a number, or a name of IANA or dnsmasq"
            ),
            Self::HardwareAddress(word) => write!(f, "{word}: not a hardware address"),
            Self::Address(word) => write!(f, "{word}: not an IPv4 address"),
            Self::Option(word) => write!(f, "{word}: unknown option"),
            Self::Unknown(word) => {
                write!(f, "{word}: unknown keyword; use {KEYWORDS}, or a kind of client: {WORDS}")
            }
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
        if self.architecture.is_some_and(|one| self.is_raspberry_pi_with(one)) {
            f.write_str(", Raspberry Pi")?;
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
    for (wrong, error, message) in [
        (
            "arch=x",
            ClientError::Architecture("arch=x".into()),
            "arch=x: unknown architecture; use bios, uefi, uefi32, arm64, riscv64, http, rpi, ipxe, all or every, a number, or a name of IANA or dnsmasq",
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

#[test]
fn usual_words_are_kinds_of_clients_in_either_case() {
    for (text, which, architecture) in [
        ("", Which::All, None),
        ("mac=1:2", Which::All, None),
        ("arch=all", Which::All, None),
        ("arch=Every", Which::Every, None),
        ("arch=BIOS", Which::One, Some(0)),
        ("uefi", Which::One, Some(7)),
        ("x64", Which::One, Some(7)),
        ("arch=uefi64", Which::One, Some(7)),
        ("arch=uefi32", Which::One, Some(6)),
        ("arch=ARM64", Which::One, Some(11)),
        ("arch=riscv64", Which::One, Some(27)),
        ("arch=http", Which::One, Some(16)),
        ("arch=RPi", Which::RaspberryPi, None),
        ("ipxe,mac=1:2", Which::Ipxe, None),
    ] {
        let client = ClientSpec::parse(text).unwrap();
        assert_eq!(
            (client.which, client.architecture),
            (which, architecture.map(Architecture)),
            "{text}"
        );
    }
}
