//! Findings about single lines that select clients.

use super::Reasons;
use super::quotes;
use super::tag_sources::CLIENT_ARCHITECTURE;
use crate::byte_text::to_text;
use crate::finding::Level;
use crate::reason::ConfigReason;
use crate::wire::client_arch::Architecture;
use conf_parser::{ClassMatch, DhcpHost, Hex, OptionMatch, TagRule, ValueType};

/// `00-11-22-33-44-55` is a host name.
pub fn name_as_address(host: &DhcpHost) -> Option<ConfigReason> {
    let name = host.name.as_deref().filter(|name| is_dashed_address(name))?;
    let name = to_text(name);
    let address = name.replace('-', ":");
    Some(ConfigReason::AddressReadAsName { name, address })
}

fn is_dashed_address(name: &[u8]) -> bool {
    if name.len() != "00-11-22-33-44-55".len() {
        return false; // The usual case, of very many lines.
    }
    let pairs: Vec<&[u8]> = name.split(|byte| *byte == b'-').collect();
    pairs.len() == 6
        && pairs.iter().all(|pair| pair.len() == 2 && pair.iter().all(u8::is_ascii_hexdigit))
}

/// The first group before a dash is the hardware type, so an address with dashes loses its first byte.
pub fn of_mac_match(rule: &TagRule<Hex>) -> Reasons {
    let short = rule.matcher.hardware_type.filter(|_| rule.matcher.bytes.len() == 5);
    let short = short.map(|hardware_type| ConfigReason::AddressWithDashes { hardware_type });
    let tag = tag_with_prefix("dhcp-mac", &rule.tag);
    tag.into_iter().chain(short).map(|reason| (Level::Warning, reason)).collect()
}

/// The findings about a `dhcp-vendorclass` or `dhcp-userclass`.
pub fn of_class_match(rule: &TagRule<ClassMatch>) -> Reasons {
    let (keyword, text, special) = match &rule.matcher {
        ClassMatch::Vendor(text) => {
            let digits = short_architecture(text).map(|reason| (Level::Warning, reason));
            ("dhcp-vendorclass", text, digits)
        }
        ClassMatch::User(text) => {
            let case = class_of_ipxe(text).map(|reason| (Level::Hint, reason));
            ("dhcp-userclass", text, case)
        }
    };
    let tag = tag_with_prefix(keyword, &rule.tag);
    let reasons = quotes::in_text(keyword, text).into_iter().chain(tag);
    reasons.map(|reason| (Level::Warning, reason)).chain(special).collect()
}

/// `PXEClient:Arch:7`: clients send five digits (PXE 2.1, section 2.2.1). The start of such a number is fine.
fn short_architecture(text: &[u8]) -> Option<ConfigReason> {
    let class = to_text(text);
    let (before, number) = class.split_once("Arch:")?;
    let digits = number.split(':').next().filter(|digits| digits.len() < 5)?;
    let architecture: u16 = digits.parse().ok()?;
    let is_start = Architecture::all().any(|known| format!("{:05}", known.0).starts_with(digits));
    let meant = format!("{before}Arch:{architecture:05}");
    (!is_start).then_some(ConfigReason::ShortArchitecture { class, meant })
}

fn class_of_ipxe(text: &[u8]) -> Option<ConfigReason> {
    let differs = text.eq_ignore_ascii_case(b"iPXE") && text != b"iPXE";
    differs.then(|| ConfigReason::UserClassInOtherCase { class: to_text(text) })
}

/// `dhcp-mac=tag:lab,...` sets a tag of the name `tag:lab`, unlike `dhcp-match`.
fn tag_with_prefix(keyword: &'static str, tag: &[u8]) -> Option<ConfigReason> {
    let name = to_text(tag.strip_prefix(b"tag:").or_else(|| tag.strip_prefix(b"net:"))?);
    Some(ConfigReason::TagWithPrefix { keyword, tag: to_text(tag), name })
}

/// `dhcp-match=set:efi,option:client-arch,x86-64_EFI`: the names are for `pxe-service` only.
pub fn architecture_as_text(matcher: &OptionMatch) -> Option<ConfigReason> {
    let OptionMatch::Code(CLIENT_ARCHITECTURE, value) = matcher else {
        return None;
    };
    if value.value_type != ValueType::Text {
        return None;
    }
    let text = to_text(&value.bytes);
    let hex = text.strip_prefix("0x").and_then(|digits| u16::from_str_radix(digits, 16).ok());
    let remedy = match hex.map(Architecture).or_else(|| Architecture::parse(&text)) {
        Some(number) if text.parse() == Ok(number.0) => ": remove the quotation marks".to_owned(),
        Some(number) => format!(": write {}", number.0),
        None => String::new(),
    };
    Some(ConfigReason::ArchitectureAsText { text, remedy })
}

#[cfg(test)]
mod tests {
    use crate::config::lint::advice::tests::{check, check_fine};

    #[test]
    fn hardware_address_with_dashes_is_a_warning() {
        check(&[
            (
                "dhcp-host=00-11-22-33-44-55,set:a",
                "warning: dhcp-host: 00-11-22-33-44-55 is read as a host name: write 00:11:22:33:44:55",
            ),
            (
                "dhcp-mac=set:a,00-11-22-33-44-55",
                "warning: dhcp-mac: the first number before a dash is the hardware type (0): write colons between the bytes",
            ),
        ]);
        check_fine(&["dhcp-host=00:11:22:33:44:55,set:a", "dhcp-mac=set:a,01-00:11:22:33:44:55"]);
    }

    #[test]
    fn tag_with_the_prefix_of_a_condition_is_a_warning() {
        check(&[(
            "dhcp-userclass=tag:ipxe,iPXE",
            "warning: dhcp-userclass sets a tag of the name tag:ipxe: write set:ipxe",
        )]);
        check_fine(&["dhcp-userclass=ipxe,iPXE", "dhcp-match=tag:ipxe,175\ndhcp-boot=tag:ipxe,a"]);
    }

    #[test]
    fn architecture_as_text_is_a_warning() {
        check(&[
            (
                "dhcp-match=set:efi,option:client-arch,x86-64_EFI",
                "warning: dhcp-match: x86-64_EFI is compared as a text, and clients send a number: write 7",
            ),
            (
                "dhcp-match=set:efi,93,0x0b",
                "warning: dhcp-match: 0x0b is compared as a text, and clients send a number: write 11",
            ),
            (
                "dhcp-match=set:efi,93,\"7\"",
                "warning: dhcp-match: 7 is compared as a text, and clients send a number: remove the quotation marks",
            ),
            (
                "dhcp-match=set:efi,93,xyz",
                "warning: dhcp-match: xyz is compared as a text, and clients send a number",
            ),
        ]);
    }

    #[test]
    fn class_that_clients_do_not_send_is_reported() {
        check(&[
            (
                "dhcp-vendorclass=set:efi,PXEClient:Arch:7",
                "warning: dhcp-vendorclass: clients send five digits, so PXEClient:Arch:7 matches none: write PXEClient:Arch:00007",
            ),
            (
                "dhcp-userclass=set:ipxe,ipxe",
                "hint: dhcp-userclass: iPXE sends iPXE, which ipxe does not match",
            ),
        ]);
        check_fine(&[
            "dhcp-vendorclass=set:arm,PXEClient:Arch:00011",
            "dhcp-vendorclass=set:any,PXEClient:Arch:0001",
            "dhcp-vendorclass=set:any,PXEClient",
            "dhcp-userclass=set:ipxe,iPXE",
            "dhcp-userclass=set:own,lab",
        ]);
    }
}
