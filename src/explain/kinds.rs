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
/// The number of EFI byte code, which x64 UEFI sends too.
pub const EBC_UEFI: Architecture = Architecture(9);

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

    /// A Raspberry Pi. Without a hardware address of its own it has one that a `dhcp-mac` line matches, if there is one: rather
    /// one with the tag of its menu entry.
    pub fn raspberry_pi(base: &ClientSpec, config: &Config) -> Self {
        let mut client = ClientSpec { is_raspberry_pi: true, ..base.clone() };
        if client.mac == DEFAULT_MAC {
            let later = &raspberry_pi::VENDORS[1];
            let vendors = || raspberry_pi::VENDORS.iter().rev();
            let with_menu = vendors().find(|vendor| has_mac_line(config, **vendor, true));
            let with_line = || vendors().find(|vendor| has_mac_line(config, **vendor, false));
            let vendor = with_menu.or_else(with_line).unwrap_or(later);
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

/// Whether a `dhcp-mac` line matches Raspberry Pis of this vendor. `with_menu`: their menu entry requires the tag of that line.
fn has_mac_line(config: &Config, vendor: [u8; 3], with_menu: bool) -> bool {
    let requires = |tag: &[u8]| {
        let mut services = config.dhcp.services.iter();
        services.any(|service| {
            let mut conditions = service.conditions.iter();
            raspberry_pi::is_menu_text(&service.value.menu)
                && conditions.any(|condition| !condition.negated && condition.tag == tag)
        })
    };
    let mut lines = config.dhcp.mac_matches.iter().map(|line| &line.value);
    lines.any(|line| line.matcher.bytes.starts_with(&vendor) && (!with_menu || requires(&line.tag)))
}
