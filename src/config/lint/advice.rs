//! What a configuration cannot mean: remarks that follow from the configuration alone.

use super::tag_sources::{CLIENT_ARCHITECTURE, TagSources, architecture_of_class, architectures};
use super::tag_usage::TagUsageReport;
use crate::byte_text::to_text;
use crate::config::{BootTarget, Config, ConfigWarning, Origin, RangeKind, Rule, Service};
use crate::wire::client_arch::{Architecture, FIRST_EFI};
use conf_parser::Keyword;
use conf_parser::{Boot, Server};
use conf_parser::{ClassMatch, OptionMatch};
use std::collections::BTreeMap;

/// Remarks of one kind; more would not be read.
const MAX_WARNINGS: usize = 20;
const X86_64_EFI: u16 = 7;
const BC_EFI: u16 = 9;

/// All of them.
pub fn advice(config: &Config, tags: &TagUsageReport) -> Vec<ConfigWarning> {
    let mut notes = nothing_to_serve(config);
    notes.extend(port(config));
    notes.extend(silent_range(config));
    notes.extend(half_of_x64(config));
    notes.extend(shadowed_boots(config, tags));
    notes.extend(plain_names(config));
    notes.extend(unknown_servers(config));
    notes
}

/// Where DNS is off, no names are read: a boot server by name is 0.0.0.0, in dnsmasq too.
fn unknown_servers(config: &Config) -> Vec<ConfigWarning> {
    if config.process.dns_port != 0 {
        return Vec::new();
    }
    let services = config.dhcp.services.iter();
    let services = services.map(|rule| (Keyword::PxeService, &rule.origin, &rule.value.server));
    let boots = config.dhcp.boot_rules.iter();
    let boots = boots.map(|rule| (Keyword::DhcpBoot, &rule.origin, &rule.value.server));
    let remark = |(keyword, origin, server): (Keyword, &Origin, &Option<Server>)| {
        let Some(Server::Name(name)) = server else { return None };
        let name = to_text(name);
        let text = format!("{keyword}: with port=0 no names are read, so {name} is nowhere");
        Some(ConfigWarning::at(origin, text))
    };
    services.chain(boots).filter_map(remark).take(MAX_WARNINGS).collect()
}

fn proxy_range(config: &Config) -> Option<&Rule<crate::config::Range>> {
    config.dhcp.ranges.iter().find(|range| range.value.kind == RangeKind::Proxy)
}

fn nothing_to_serve(config: &Config) -> Vec<ConfigWarning> {
    let text = "nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp";
    let idle = proxy_range(config).is_none() && config.tftp.is_none();
    idle.then(|| ConfigWarning::general(text).into_fatal()).into_iter().collect()
}

fn port(config: &Config) -> Option<ConfigWarning> {
    let text = "port=0 is missing: there is no DNS service here, with or without it";
    (config.process.dns_port != 0).then(|| ConfigWarning::general(text))
}

fn silent_range(config: &Config) -> Option<ConfigWarning> {
    let range = proxy_range(config).filter(|_| !config.dhcp.pxe_enabled)?;
    let text = "a proxy range answers nobody without a pxe-service or pxe-prompt";
    Some(ConfigWarning::at(&range.origin, text))
}

/// UEFI on x86-64 calls itself 7, and some of it 9: the registry and RFC 4578 have them the other way round.
fn half_of_x64(config: &Config) -> Vec<ConfigWarning> {
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
        half(Keyword::PxeService, served),
        half(Keyword::DhcpMatch, options),
        half(Keyword::DhcpVendorClass, classes),
    ];
    all.into_iter().flatten().collect()
}

fn half<'c>(
    keyword: Keyword,
    architectures: impl Iterator<Item = (u16, &'c Origin)>,
) -> Option<ConfigWarning> {
    let (mut seven, mut nine) = (None, None);
    for (number, origin) in architectures {
        match number {
            X86_64_EFI => seven = seven.or(Some(origin)),
            BC_EFI => nine = nine.or(Some(origin)),
            _ => {}
        }
    }
    let text = match (seven, nine) {
        (Some(_), None) => format!(
            "{keyword} names architecture 7 (x86-64_EFI) and not 9 (BC_EFI): some UEFI firmware calls itself 9"
        ),
        (None, Some(_)) => format!(
            "{keyword} names architecture 9 (BC_EFI) and not 7 (x86-64_EFI): most UEFI firmware calls itself 7"
        ),
        _ => return None,
    };
    seven.or(nine).map(|origin| ConfigWarning::at(origin, text))
}

/// A UEFI client that a single `pxe-service` with a file fits gets that file, whatever `dhcp-boot` says
/// (docs/dnsmasq/config-language.md, section 3.6). It is told where a `dhcp-boot` seems to be meant for such a client.
fn shadowed_boots(config: &Config, tags: &TagUsageReport) -> Vec<ConfigWarning> {
    let mut entries: BTreeMap<u16, Vec<&Rule<Service>>> = BTreeMap::new();
    for rule in config.dhcp.services.iter() {
        entries.entry(rule.value.architecture).or_default().push(rule);
    }
    let setters = TagSources::of(config);
    let lone = entries.range(FIRST_EFI..).filter_map(|(_, rules)| match rules[..] {
        [rule] if matches!(rule.value.boot, Boot::File(_)) => Some(rule),
        _ => None,
    });
    let lone = lone.filter_map(|rule| Some((rule, setters.expand(&rule.conditions)?)));
    let lone: Vec<_> = lone.take(MAX_WARNINGS).collect();
    let shadows = |boot: &Rule<BootTarget>| {
        if boot.conditions.iter().all(|condition| condition.negated) {
            return None; // for no client in particular
        }
        let wanted = setters.expand(&boot.conditions)?;
        if wanted.iter().any(|(tag, &negated)| !negated && !tags.is_set(tag)) {
            return None; // for nobody
        }
        let (service, _) = lone.iter().find(|(service, shown)| {
            let architecture = service.value.architecture;
            let holds_with =
                |tag: &&[u8], negated: bool| shown.get(tag).is_none_or(|other| *other == negated);
            service.value.boot != Boot::File(boot.value.file.clone())
                && wanted.iter().all(|(tag, &negated)| {
                    holds_with(tag, negated) && (negated || setters.can_set(tag, architecture))
                })
        })?;
        let architecture = named(service.value.architecture);
        let text = format!(
            "dhcp-boot is not used for {architecture} clients: their only pxe-service ({}) decides",
            service.origin
        );
        Some(ConfigWarning::at(&boot.origin, text))
    };
    config.dhcp.boot_rules.iter().filter_map(shadows).take(MAX_WARNINGS).collect()
}

/// Of another TFTP server nobody can say whether `X.0` is there; for UEFI it hardly ever is.
fn plain_names(config: &Config) -> Vec<ConfigWarning> {
    let plain = |rule: &&Rule<Service>| match &rule.value.boot {
        Boot::File(name) => rule.value.architecture >= FIRST_EFI && !name.contains(&b'.'),
        Boot::Type(_) => false,
    };
    let elsewhere = |rule: &&Rule<Service>| config.tftp.is_none() || rule.value.server.is_some();
    let services = config.dhcp.services.iter().filter(plain).filter(elsewhere);
    let remark = |rule: &Rule<Service>| {
        let Boot::File(name) = &rule.value.boot else { return None };
        let name = to_text(name);
        let text = format!("pxe-service: {name} has no dot, so clients will ask for {name}.0");
        Some(ConfigWarning::at(&rule.origin, text))
    };
    services.filter_map(remark).collect()
}

fn named(number: u16) -> String {
    let name = Architecture(number).name();
    name.map_or_else(|| format!("architecture {number}"), str::to_owned)
}

#[cfg(test)]
mod tests {
    use crate::config::Origin;
    use crate::config::read::build::{Builder, Purpose};
    use conf_parser::Reader;

    fn notes(text: &str) -> Vec<String> {
        let mut builder = Builder::new(Purpose::Check);
        let mut reader = Reader::default();
        for (line, text) in (1..).zip(text.lines()) {
            let origin = Origin { file: "c".into(), line };
            builder.apply(reader.line(text.as_bytes()).unwrap().unwrap(), &origin);
        }
        builder.finish().warnings.iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_usual_file_is_left_alone() {
        let usual = "port=0\ndhcp-range=10.0.0.0,proxy\nenable-tftp\ntftp-root=/t\n\
             dhcp-match=set:bios,option:client-arch,0\ndhcp-boot=tag:bios,pxelinux.0\n\
             dhcp-match=set:ipxe,175\n\
             pxe-service=x86PC,Net,pxelinux\npxe-service=tag:!ipxe,x86-64_EFI,Net,a.efi\n\
             pxe-service=tag:!ipxe,BC_EFI,Net,a.efi\ndhcp-boot=tag:ipxe,http://boot/x";
        assert_eq!(notes(usual), [""; 0]);
    }

    #[test]
    fn where_no_names_are_read_a_server_by_name_is_nowhere() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=0,Net,a.0,boot.lan";
        let remark = "c:3: pxe-service: with port=0 no names are read, so boot.lan is nowhere";
        assert_eq!(notes(lines), [remark]);
        let with_names = lines.replace("port=0", "port=53");
        assert!(!notes(&with_names).iter().any(|note| note.contains("nowhere")));
    }

    #[test]
    fn a_range_alone_answers_nobody() {
        assert_eq!(
            notes("port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-boot=x"),
            ["c:2: a proxy range answers nobody without a pxe-service or pxe-prompt"]
        );
        assert_eq!(
            notes("port=0"),
            ["nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp"]
        );
    }

    #[test]
    fn a_second_stage_behind_a_lone_service_is_never_reached() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-match=set:ipxe,175\n\
             pxe-service=7,Net,a.efi\npxe-service=9,Net,a.efi\ndhcp-boot=tag:ipxe,http://boot/x";
        assert_eq!(
            notes(lines),
            [
                "c:6: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (c:4) decides"
            ]
        );
    }

    #[test]
    fn what_both_name_is_no_contradiction() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-vendorclass=set:b,PXEClient:Arch:00006\n\
             dhcp-vendorclass=set:c,PXEClient:Arch:00007\n\
             dhcp-vendorclass=set:c,PXEClient:Arch:00009\npxe-service=7,Net,a.efi\n\
             pxe-service=9,Net,a.efi\ndhcp-boot=tag:b,b.efi\ndhcp-boot=tag:c,a.efi";
        assert_eq!(notes(lines), [""; 0]);
    }

    #[test]
    fn a_circle_of_tags_ends() {
        let circle = "tag:t,".repeat(200);
        let lines = format!(
            "port=0\ndhcp-range=10.0.0.0,proxy\ntag-if=set:t,{}\npxe-service=7,Net,a.efi\n\
             pxe-service=9,Net,a.efi\ndhcp-boot=tag:t,b.efi",
            circle.trim_end_matches(',')
        );
        assert_eq!(
            notes(&lines),
            [
                "c:6: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (c:4) decides"
            ]
        );
    }

    #[test]
    fn a_boot_file_for_single_machines_is_shadowed_too() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\ndhcp-mac=set:lab,00:11:22:33:44:55\n\
             pxe-service=7,Net,a.efi\npxe-service=9,Net,a.efi\ndhcp-boot=tag:lab,b.efi";
        assert_eq!(
            notes(lines),
            [
                "c:6: dhcp-boot is not used for x86-64_EFI clients: their only pxe-service (c:4) decides"
            ]
        );
    }

    #[test]
    fn seven_and_nine_belong_together() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=9,Net,a.efi";
        assert_eq!(
            notes(lines),
            [
                "c:3: pxe-service names architecture 9 (BC_EFI) and not 7 (x86-64_EFI): most UEFI firmware calls itself 7"
            ]
        );
    }

    #[test]
    fn a_name_without_a_dot_gets_a_layer() {
        let lines = "port=0\ndhcp-range=10.0.0.0,proxy\npxe-service=11,Net,grub";
        assert_eq!(
            notes(lines),
            ["c:3: pxe-service: grub has no dot, so clients will ask for grub.0"]
        );
    }
}
