//! Client architectures that lines name.

use super::tag_sources::{CLIENT_ARCHITECTURE, architecture_of_class, architectures};
use super::warning_at;
use crate::config::{Config, Origin};
use crate::finding::{Finding, Level};
use crate::reason::ConfigReason;
use conf_parser::Keyword;
use conf_parser::{ClassMatch, OptionMatch};

const X86_64_EFI: u16 = 7;
const BC_EFI: u16 = 9;

/// The first line of a keyword for each of the two architectures.
struct Named<'c> {
    keyword: Keyword,
    seven: Option<&'c Origin>,
    nine: Option<&'c Origin>,
}

/// UEFI on x86-64 sends architecture 7, and some of it 9. RFC 4578 and the registry define them the other way round.
pub fn findings(config: &Config) -> Vec<Finding> {
    let named = named(config);
    let hint = named.iter().find_map(|named| {
        let origin = named.seven.filter(|_| named.nine.is_none())?;
        let keyword = named.keyword.to_string();
        Some(Finding::at(Level::Hint, origin, ConfigReason::ArchitectureNineMissing { keyword }))
    });
    let any_seven = named.iter().any(|named| named.seven.is_some());
    let warning = named.iter().find_map(|named| {
        let origin = named.nine.filter(|_| !any_seven && !boots_all(config))?;
        let keyword = named.keyword.to_string();
        Some(warning_at(origin, ConfigReason::ArchitectureSevenMissing { keyword }))
    });
    hint.into_iter().chain(warning).collect()
}

/// Whether a `dhcp-boot` is for clients of all architectures.
fn boots_all(config: &Config) -> bool {
    let mut boots = config.dhcp.boot_rules.iter();
    boots.any(|rule| rule.conditions.iter().all(|condition| condition.negated))
}

fn named(config: &Config) -> [Named<'_>; 3] {
    let dhcp = &config.dhcp;
    let served = dhcp.services.iter().map(|rule| (rule.value.architecture, &rule.origin));
    let options = dhcp.option_matches.iter().flat_map(|rule| {
        let numbers = match &rule.value.matcher {
            OptionMatch::Code(CLIENT_ARCHITECTURE, value) => architectures(&value.bytes),
            _ => Vec::new(),
        };
        numbers.into_iter().map(|number| (number, &rule.origin))
    });
    let classes = dhcp.classes.iter().filter_map(|rule| match &rule.value.matcher {
        ClassMatch::Vendor(text) => Some((architecture_of_class(text)?, &rule.origin)),
        ClassMatch::User(_) => None,
    });
    [
        Named::of(Keyword::PxeService, served),
        Named::of(Keyword::DhcpMatch, options),
        Named::of(Keyword::DhcpVendorClass, classes),
    ]
}

impl<'c> Named<'c> {
    fn of(keyword: Keyword, architectures: impl Iterator<Item = (u16, &'c Origin)>) -> Self {
        let mut named = Self { keyword, seven: None, nine: None };
        for (number, origin) in architectures {
            match number {
                X86_64_EFI => named.seven = named.seven.or(Some(origin)),
                BC_EFI => named.nine = named.nine.or(Some(origin)),
                _ => {}
            }
        }
        named
    }
}

#[cfg(test)]
mod tests {
    use crate::config::lint::advice::tests::{findings, leveled};

    #[test]
    fn architecture_9_without_7_is_reported() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=9,Net,a.efi";
        assert_eq!(
            findings(lines),
            [
                "c:3: pxe-service names architecture 9 (BC_EFI) and not 7 (x86-64_EFI): most UEFI firmware sends 7"
            ]
        );
    }

    #[test]
    fn architecture_9_is_no_mistake_if_7_is_served_in_another_way() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=9,Net,a.efi";
        assert_eq!(findings(&format!("{lines}\ndhcp-boot=a.efi")), [""; 0]);
        let matched = format!("{lines}\ndhcp-match=set:efi,93,7\ndhcp-boot=tag:efi,a.efi");
        assert_eq!(
            findings(&matched),
            [
                "c:4: dhcp-match names architecture 7 (x86-64_EFI) and not 9 (BC_EFI): some UEFI firmware sends 9"
            ]
        );
    }

    #[test]
    fn architecture_7_without_9_is_one_hint_for_all_keywords() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-match=set:efi,93,7\n\
             dhcp-vendorclass=set:efi,PXEClient:Arch:00007\npxe-service=7,Net,a.efi\n\
             dhcp-boot=tag:efi,a.efi";
        assert_eq!(
            leveled(lines),
            [
                "hint: c:5: pxe-service names architecture 7 (x86-64_EFI) and not 9 (BC_EFI): some UEFI firmware sends 9"
            ]
        );
    }
}
