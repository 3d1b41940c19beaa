//! `pxe-service` and `dhcp-boot` lines that clients do not use as they are meant.

use super::tag_sources::TagSources;
use super::tag_usage::TagUsageReport;
use super::{MAX_FINDINGS, warning_at};
use crate::byte_text::to_text;
use crate::config::{BootTarget, Config, Origin, Rule, Service};
use crate::finding::{Finding, Level};
use crate::reason::ConfigReason;
use crate::wire::client_arch::{Architecture, FIRST_EFI};
use crate::wire::dhcp_option;
use crate::wire::options::contains;
use crate::wire::pxe::IPXE_USER_CLASS;
use conf_parser::Keyword;
use conf_parser::{Boot, ClassMatch, OptionMatch, Server};
use std::collections::BTreeMap;

/// The architecture of EFI byte code.
const EBC: u16 = 9;
const IPXE_OPTION: u32 = dhcp_option::IPXE as u32;
const USER_CLASS: u32 = dhcp_option::USER_CLASS as u32;

/// All findings of this module.
pub fn findings(config: &Config, tags: &TagUsageReport) -> Vec<Finding> {
    let mut findings = shadowed_boots(config, tags);
    findings.extend(names_without_dot(config));
    findings.extend(unresolvable_servers(config));
    findings
}

/// A UEFI client with exactly one `pxe-service` with a file gets that file, and `dhcp-boot` is ignored
/// (docs/dnsmasq/config-language.md, section 3.6). The warning is about each `dhcp-boot` that such a client matches.
fn shadowed_boots(config: &Config, tags: &TagUsageReport) -> Vec<Finding> {
    let mut entries: BTreeMap<u16, Vec<&Rule<Service>>> = BTreeMap::new();
    for rule in config.dhcp.services.iter() {
        entries.entry(rule.value.architecture).or_default().push(rule);
    }
    let sources = TagSources::of(config);
    let single = entries.range(FIRST_EFI..).filter_map(|(_, rules)| match rules[..] {
        [rule] if matches!(rule.value.boot, Boot::File(_)) => Some(rule),
        _ => None,
    });
    let single = single.filter_map(|rule| Some((rule, sources.expand(&rule.conditions)?)));
    let single: Vec<_> = single.take(MAX_FINDINGS).collect();
    let warning = |boot: &Rule<BootTarget>| {
        if boot.conditions.iter().all(|condition| condition.negated) {
            return None; // It is meant for all clients.
        }
        let required = sources.expand(&boot.conditions)?;
        if required.iter().any(|(tag, &negated)| !negated && !tags.is_set(tag)) {
            return None; // No client can satisfy it.
        }
        let (service, _) = single.iter().find(|(service, service_tags)| {
            let architecture = service.value.architecture;
            let agrees = |tag: &&[u8], negated: bool| {
                service_tags.get(tag).is_none_or(|other| *other == negated)
            };
            service.value.boot != Boot::File(boot.value.file.clone())
                && required.iter().all(|(tag, &negated)| {
                    agrees(tag, negated) && (negated || sources.can_set(tag, architecture))
                })
        })?;
        // Usual builds of iPXE send 7, whatever the firmware sends.
        let is_unusual = service.value.architecture == EBC && is_for_ipxe(config, boot);
        let level = if is_unusual { Level::Hint } else { Level::Warning };
        let architecture = architecture_name(service.value.architecture);
        let service = service.origin.to_string();
        let reason = ConfigReason::BootShadowed { architecture, service };
        Some(Finding::at(level, &boot.origin, reason))
    };
    config.dhcp.boot_rules.iter().filter_map(warning).take(MAX_FINDINGS).collect()
}

/// Whether a line requires a tag that is set for iPXE only.
fn is_for_ipxe(config: &Config, boot: &Rule<BootTarget>) -> bool {
    let required = |tag: &[u8]| boot.conditions.iter().any(|one| !one.negated && one.tag == tag);
    let matches = config.dhcp.option_matches.iter().map(|located| &located.value);
    let mut matches = matches.filter(|rule| match &rule.matcher {
        OptionMatch::Code(IPXE_OPTION, _) => true,
        OptionMatch::Code(USER_CLASS, value) => contains(&value.bytes, IPXE_USER_CLASS),
        _ => false,
    });
    let classes = config.dhcp.classes.iter().map(|located| &located.value);
    let mut classes = classes.filter(
        |rule| matches!(&rule.matcher, ClassMatch::User(class) if contains(class, IPXE_USER_CLASS)),
    );
    matches.any(|rule| required(&rule.tag)) || classes.any(|rule| required(&rule.tag))
}

/// The name gets the suffix `.0`. Whether `X.0` exists on another TFTP server cannot be checked; for UEFI it hardly ever
/// does.
fn names_without_dot(config: &Config) -> Vec<Finding> {
    let has_no_dot = |rule: &&Rule<Service>| match &rule.value.boot {
        Boot::File(name) => rule.value.architecture >= FIRST_EFI && !name.contains(&b'.'),
        Boot::Type(_) => false,
    };
    let elsewhere = |rule: &&Rule<Service>| config.tftp.is_none() || rule.value.server.is_some();
    let services = config.dhcp.services.iter().filter(has_no_dot).filter(elsewhere);
    let warning = |rule: &Rule<Service>| {
        let Boot::File(name) = &rule.value.boot else { return None };
        let name = to_text(name);
        Some(warning_at(&rule.origin, ConfigReason::NameWithoutDot { name }))
    };
    services.filter_map(warning).collect()
}

/// With `port=0` no hosts files are read: the address of a named boot server is 0.0.0.0, in dnsmasq too.
fn unresolvable_servers(config: &Config) -> Vec<Finding> {
    if config.process.dns_port != 0 {
        return Vec::new();
    }
    let services = config.dhcp.services.iter();
    let services = services.map(|rule| (Keyword::PxeService, &rule.origin, &rule.value.server));
    let boots = config.dhcp.boot_rules.iter();
    let boots = boots.map(|rule| (Keyword::DhcpBoot, &rule.origin, &rule.value.server));
    let warning = |(keyword, origin, server): (Keyword, &Origin, &Option<Server>)| {
        let Some(Server::Name(name)) = server else { return None };
        if !can_be_host_name(name) {
            return None; // That is reported, with or without `port=0`.
        }
        let name = to_text(name);
        let keyword = keyword.to_string();
        Some(warning_at(origin, ConfigReason::ServerNameWithoutDns { keyword, name }))
    };
    services.chain(boots).filter_map(warning).take(MAX_FINDINGS).collect()
}

/// Whether a text can be the name of a boot server: another separator shows that the field is something else.
pub fn can_be_host_name(name: &[u8]) -> bool {
    !name.iter().any(|byte| b" ,:/\"'".contains(byte))
}

fn architecture_name(number: u16) -> String {
    let name = Architecture(number).name();
    name.map_or_else(|| format!("architecture {number}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::config::lint::advice::tests::{findings, leveled};

    #[test]
    fn named_server_is_reported_with_port_0_only() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=0,Net,a.0,boot.lan";
        let warning =
            "c:3: pxe-service: with port=0 no hosts files are read: boot.lan cannot be resolved";
        assert_eq!(findings(lines), [warning]);
        let with_names = lines.replace("port=0", "port=53");
        assert!(
            !findings(&with_names).iter().any(|warning| warning.contains("cannot be resolved"))
        );
    }

    #[test]
    fn dhcp_boot_is_reported_if_a_single_service_overrides_it() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-match=set:ipxe,175\n\
             pxe-service=7,Net,a.efi\npxe-service=9,Net,a.efi\ndhcp-boot=tag:ipxe,http://boot/x";
        assert_eq!(
            findings(lines),
            [
                "c:6: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (c:4) is used instead"
            ]
        );
    }

    #[test]
    fn service_for_byte_code_that_overrides_the_file_of_ipxe_is_a_hint() {
        for ipxe in ["dhcp-match=set:i,175", "dhcp-userclass=set:i,iPXE"] {
            let lines = format!(
                "port=0\ndhcp-range=10.0.0.0,proxy\n{ipxe}\npxe-service=9,Net,a.efi\ndhcp-boot=tag:i,http://boot/x"
            );
            let hint = "hint: c:5: dhcp-boot is not used for BC_EFI clients: their only pxe-service (c:4) is used instead";
            assert!(leveled(&lines).iter().any(|finding| finding == hint), "{lines}");
        }
    }

    #[test]
    fn dhcp_boot_for_other_architectures_is_not_reported() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-vendorclass=set:b,PXEClient:Arch:00006\n\
             dhcp-vendorclass=set:c,PXEClient:Arch:00007\n\
             dhcp-vendorclass=set:c,PXEClient:Arch:00009\npxe-service=7,Net,a.efi\n\
             pxe-service=9,Net,a.efi\ndhcp-boot=tag:b,b.efi\ndhcp-boot=tag:c,a.efi";
        assert_eq!(findings(lines), [""; 0]);
    }

    #[test]
    fn tag_if_that_requires_its_own_tag_is_followed_to_an_end() {
        let circle = "tag:t,".repeat(200);
        let lines = format!(
            "port=0\ndhcp-range=10.0.0.0,proxy\ntag-if=set:t,{}\npxe-service=7,Net,a.efi\n\
             pxe-service=9,Net,a.efi\ndhcp-boot=tag:t,b.efi",
            circle.trim_end_matches(',')
        );
        assert_eq!(
            findings(&lines),
            [
                "c:6: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (c:4) is used instead"
            ]
        );
    }

    #[test]
    fn dhcp_boot_for_a_single_host_is_reported_too() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-mac=set:lab,00:11:22:33:44:55\n\
             pxe-service=7,Net,a.efi\npxe-service=9,Net,a.efi\ndhcp-boot=tag:lab,b.efi";
        assert_eq!(
            findings(lines),
            [
                "c:6: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (c:4) is used instead"
            ]
        );
    }

    #[test]
    fn name_without_dot_on_another_server_is_reported() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=11,Net,grub";
        assert_eq!(
            findings(lines),
            ["c:3: pxe-service: grub has no dot, so clients will ask for grub.0"]
        );
    }
}
