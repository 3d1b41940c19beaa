//! The kinds of clients that a table has.

use super::client_spec::{ClientSpec, DEFAULT_MAC, Which};
use super::raspberry_pi;
use crate::config::Config;
use crate::wire::client_arch::Architecture;

/// A kind of client.
pub struct Kind {
    /// Its name in a table.
    pub name: String,
    /// Its description.
    pub client: ClientSpec,
    /// Its architecture.
    pub architecture: Architecture,
}

pub const BIOS: Architecture = Architecture(0);
pub const X64_UEFI: Architecture = Architecture(7);

/// The firmware that people boot over the network, with its architecture.
const USUAL: &[(&str, u16)] = &[
    ("BIOS", 0),
    ("UEFI x64", 7),
    ("UEFI x64", 9),
    ("UEFI IA32", 6),
    ("UEFI ARM64", 11),
    ("HTTP Boot x64", 16),
    ("HTTP Boot ARM64", 19),
];

impl Kind {
    fn new(name: String, client: ClientSpec, architecture: Architecture) -> Self {
        Self {
            name,
            client: ClientSpec { architecture: Some(architecture), ..client },
            architecture,
        }
    }

    /// A firmware. Its name is the usual one, else the name of the architecture.
    pub fn firmware(base: &ClientSpec, architecture: Architecture) -> Self {
        let usual = USUAL.iter().find(|(_, number)| *number == architecture.0);
        let name = match usual {
            Some((name, number)) => format!("{name} ({number})"),
            None => architecture.to_string(),
        };
        Self::new(name, base.clone(), architecture)
    }

    /// iPXE on BIOS and on UEFI.
    pub fn ipxe(base: &ClientSpec) -> [Self; 2] {
        [("BIOS", BIOS), ("UEFI", X64_UEFI)].map(|(firmware, architecture)| {
            Self::new(format!("iPXE on {firmware}"), base.as_ipxe(), architecture)
        })
    }

    /// A Raspberry Pi. Without a hardware address of its own it has one that a `dhcp-mac` line matches, if there is one.
    pub fn raspberry_pi(base: &ClientSpec, config: &Config) -> Self {
        let mut client = ClientSpec { is_raspberry_pi: true, ..base.clone() };
        if client.mac == DEFAULT_MAC {
            let has_line = |vendor: &&[u8; 3]| {
                let mut rules = config.dhcp.mac_matches.iter();
                rules.any(|rule| rule.value.matcher.bytes.starts_with(*vendor))
            };
            let later = &raspberry_pi::VENDORS[1];
            let vendor = raspberry_pi::VENDORS.iter().rev().find(has_line).unwrap_or(later);
            client.mac = [&vendor[..], &[0, 0, 1]].concat();
        }
        Self::new("Raspberry Pi".to_owned(), client, raspberry_pi::ARCHITECTURE)
    }

    /// The rows of a table.
    pub fn table(base: &ClientSpec, config: &Config) -> Vec<Self> {
        if base.which == Which::Every {
            let named = |one: Architecture| Self::new(one.to_string(), base.clone(), one);
            return Architecture::all().map(named).collect();
        }
        let usual = USUAL.iter().map(|(_, number)| Self::firmware(base, Architecture(*number)));
        usual.chain([Self::raspberry_pi(base, config)]).chain(Self::ipxe(base)).collect()
    }
}
