//! Findings about lines that probably do not have the intended effect. They depend on the configuration alone.

use super::tag_sources::{CLIENT_ARCHITECTURE, TagSources, architecture_of_class, architectures};
use super::tag_usage::TagUsageReport;
use crate::byte_text::to_text;
use crate::config::{BootTarget, Config, Origin, RangeKind, Rule, Service};
use crate::finding::{Finding, Level};
use crate::reason::{ConfigReason, StartReason};
use crate::wire::client_arch::{Architecture, FIRST_EFI};
use conf_parser::Keyword;
use conf_parser::{Boot, Server};
use conf_parser::{ClassMatch, OptionMatch};
use std::collections::BTreeMap;

/// Maximum number of warnings of one kind.
const MAX_WARNINGS: usize = 20;
const X86_64_EFI: u16 = 7;
const BC_EFI: u16 = 9;

/// All findings of this module.
pub fn advice(config: &Config, tags: &TagUsageReport) -> Vec<Finding> {
    let mut warnings = nothing_to_serve(config);
    warnings.extend(dns_port(config));
    warnings.extend(silent_range(config));
    warnings.extend(x64_architectures(config));
    warnings.extend(shadowed_boots(config, tags));
    warnings.extend(names_without_dot(config));
    warnings.extend(unresolvable_servers(config));
    warnings
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
        let name = to_text(name);
        let keyword = keyword.to_string();
        Some(warning_at(origin, ConfigReason::ServerNameWithoutDns { keyword, name }))
    };
    services.chain(boots).filter_map(warning).take(MAX_WARNINGS).collect()
}

fn warning_at(origin: &Origin, reason: ConfigReason) -> Finding {
    Finding::at(Level::Warning, origin, reason)
}

fn proxy_range(config: &Config) -> Option<&Rule<crate::config::Range>> {
    config.dhcp.ranges.iter().find(|range| range.value.kind == RangeKind::Proxy)
}

fn nothing_to_serve(config: &Config) -> Vec<Finding> {
    let serves_nothing = proxy_range(config).is_none() && config.tftp.is_none();
    serves_nothing
        .then(|| Finding::general(Level::Error, StartReason::NothingToServe))
        .into_iter()
        .collect()
}

fn dns_port(config: &Config) -> Option<Finding> {
    let finding = || Finding::general(Level::Warning, ConfigReason::DnsPortMissing);
    (config.process.dns_port != 0).then(finding)
}

fn silent_range(config: &Config) -> Option<Finding> {
    let range = proxy_range(config).filter(|_| !config.dhcp.pxe_enabled)?;
    Some(warning_at(&range.origin, ConfigReason::RangeWithoutService))
}

/// UEFI on x86-64 sends architecture 7, and some of it 9. RFC 4578 and the registry define them the other way round.
fn x64_architectures(config: &Config) -> Vec<Finding> {
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
    let all = [
        missing_half(Keyword::PxeService, served),
        missing_half(Keyword::DhcpMatch, options),
        missing_half(Keyword::DhcpVendorClass, classes),
    ];
    all.into_iter().flatten().collect()
}

fn missing_half<'c>(
    keyword: Keyword,
    architectures: impl Iterator<Item = (u16, &'c Origin)>,
) -> Option<Finding> {
    let (mut seven, mut nine) = (None, None);
    for (number, origin) in architectures {
        match number {
            X86_64_EFI => seven = seven.or(Some(origin)),
            BC_EFI => nine = nine.or(Some(origin)),
            _ => {}
        }
    }
    let keyword = keyword.to_string();
    match (seven, nine) {
        (Some(origin), None) => {
            Some(warning_at(origin, ConfigReason::ArchitectureNineMissing { keyword }))
        }
        (None, Some(origin)) => {
            Some(warning_at(origin, ConfigReason::ArchitectureSevenMissing { keyword }))
        }
        _ => None,
    }
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
    let single: Vec<_> = single.take(MAX_WARNINGS).collect();
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
        let architecture = architecture_name(service.value.architecture);
        let service = service.origin.to_string();
        Some(warning_at(&boot.origin, ConfigReason::BootShadowed { architecture, service }))
    };
    config.dhcp.boot_rules.iter().filter_map(warning).take(MAX_WARNINGS).collect()
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

fn architecture_name(number: u16) -> String {
    let name = Architecture(number).name();
    name.map_or_else(|| format!("architecture {number}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::config::Origin;
    use crate::config::read::build::{Builder, Purpose};
    use conf_parser::Reader;

    fn warnings(text: &str) -> Vec<String> {
        let mut builder = Builder::new(Purpose::Check);
        let mut reader = Reader::default();
        for (line, text) in (1..).zip(text.lines()) {
            let origin = Origin { file: "c".into(), line };
            builder.apply(reader.line(text.as_bytes()).unwrap().unwrap(), &origin);
        }
        builder.finish().findings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn correct_configuration_has_no_warnings() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\nenable-tftp\ntftp-root=/t\n\
             dhcp-match=set:bios,option:client-arch,0\ndhcp-boot=tag:bios,pxelinux.0\n\
             dhcp-match=set:ipxe,175\n\
             pxe-service=x86PC,Net,pxelinux\npxe-service=tag:!ipxe,x86-64_EFI,Net,a.efi\n\
             pxe-service=tag:!ipxe,BC_EFI,Net,a.efi\ndhcp-boot=tag:ipxe,http://boot/x";
        assert_eq!(warnings(lines), [""; 0]);
    }

    #[test]
    fn named_server_is_reported_with_port_0_only() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=0,Net,a.0,boot.lan";
        let warning =
            "c:3: pxe-service: with port=0 no hosts files are read: boot.lan cannot be resolved";
        assert_eq!(warnings(lines), [warning]);
        let with_names = lines.replace("port=0", "port=53");
        assert!(
            !warnings(&with_names).iter().any(|warning| warning.contains("cannot be resolved"))
        );
    }

    #[test]
    fn range_without_service_is_reported() {
        assert_eq!(
            warnings("port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-boot=x"),
            ["c:2: a proxy range answers no client without a pxe-service or pxe-prompt"]
        );
        assert_eq!(
            warnings("port=0"),
            ["nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp"]
        );
    }

    #[test]
    fn dhcp_boot_is_reported_if_a_single_service_overrides_it() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-match=set:ipxe,175\n\
             pxe-service=7,Net,a.efi\npxe-service=9,Net,a.efi\ndhcp-boot=tag:ipxe,http://boot/x";
        assert_eq!(
            warnings(lines),
            [
                "c:6: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (c:4) is used instead"
            ]
        );
    }

    #[test]
    fn dhcp_boot_for_other_architectures_is_not_reported() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-vendorclass=set:b,PXEClient:Arch:00006\n\
             dhcp-vendorclass=set:c,PXEClient:Arch:00007\n\
             dhcp-vendorclass=set:c,PXEClient:Arch:00009\npxe-service=7,Net,a.efi\n\
             pxe-service=9,Net,a.efi\ndhcp-boot=tag:b,b.efi\ndhcp-boot=tag:c,a.efi";
        assert_eq!(warnings(lines), [""; 0]);
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
            warnings(&lines),
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
            warnings(lines),
            [
                "c:6: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (c:4) is used instead"
            ]
        );
    }

    #[test]
    fn architecture_9_without_7_is_reported() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=9,Net,a.efi";
        assert_eq!(
            warnings(lines),
            [
                "c:3: pxe-service names architecture 9 (BC_EFI) and not 7 (x86-64_EFI): most UEFI firmware sends 7"
            ]
        );
    }

    #[test]
    fn name_without_dot_on_another_server_is_reported() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=11,Net,grub";
        assert_eq!(
            warnings(lines),
            ["c:3: pxe-service: grub has no dot, so clients will ask for grub.0"]
        );
    }
}
