//! What a configuration cannot mean: remarks that follow from the configuration alone.

use super::{Config, Note, Origin, RangeKind, Rule, Service, Target};
use conf_parser::option::dhcp_match::{ClassMatch, OptionMatch};
use conf_parser::option::pxe::{ARCHITECTURES, Boot};
use conf_parser::words::Condition;

/// Option 93 (RFC 4578): what a client runs on.
const CLIENT_ARCHITECTURE: u32 = 93;
/// Option 60.
const VENDOR_CLASS: u32 = 60;
/// Architectures from here on are UEFI's; below are BIOS and its like (spec: config language, section 3.6).
const FIRST_UEFI: u16 = 6;
const X86_64_EFI: u16 = 7;
const BC_EFI: u16 = 9;

/// All of them.
pub fn advice(config: &Config) -> Vec<Note> {
    let mut notes = nothing_to_serve(config);
    notes.extend(port(config));
    notes.extend(silent_range(config));
    notes.extend(half_of_x64(config));
    notes.extend(shadowed_boots(config));
    notes.extend(plain_names(config));
    notes
}

fn note(origin: Option<&Origin>, text: impl Into<String>) -> Note {
    Note { origin: origin.cloned(), text: text.into(), refuses: false }
}

fn proxy_range(config: &Config) -> Option<&Rule<super::Range>> {
    config.dhcp.ranges.iter().find(|range| range.value.kind == RangeKind::Proxy)
}

fn nothing_to_serve(config: &Config) -> Vec<Note> {
    let text = "nothing to serve: neither a dhcp-range=...,proxy nor enable-tftp";
    let idle = proxy_range(config).is_none() && config.tftp.is_none();
    idle.then(|| Note { refuses: true, ..note(None, text) }).into_iter().collect()
}

fn port(config: &Config) -> Option<Note> {
    let text = "port=0 is missing: there is no DNS service here, with or without it";
    (config.process.dns_port != 0).then(|| note(None, text))
}

fn silent_range(config: &Config) -> Option<Note> {
    let range = proxy_range(config).filter(|_| !config.dhcp.pxe)?;
    Some(note(
        Some(&range.origin),
        "a proxy range answers nobody without a pxe-service or pxe-prompt",
    ))
}

/// UEFI on x86-64 calls itself 7, and some of it 9: the registry and RFC 4578 have them the other way round.
fn half_of_x64(config: &Config) -> Vec<Note> {
    let dhcp = &config.dhcp;
    let served = dhcp.services.iter().map(|rule| (rule.value.architecture, &rule.origin));
    let matched = dhcp.option_matches.iter().flat_map(|rule| {
        let architectures = match &rule.value.matcher {
            OptionMatch::Code(CLIENT_ARCHITECTURE, value) => architectures_of(&value.bytes),
            _ => Vec::new(),
        };
        architectures.into_iter().map(|number| (number, &rule.origin))
    });
    [half("pxe-service", served), half("dhcp-match", matched)].into_iter().flatten().collect()
}

fn half<'c>(keyword: &str, architectures: impl Iterator<Item = (u16, &'c Origin)>) -> Option<Note> {
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
    Some(note(seven.or(nine), text))
}

fn architectures_of(value: &[u8]) -> Vec<u16> {
    value.chunks_exact(2).map(|pair| u16::from_be_bytes([pair[0], pair[1]])).collect()
}

/// A UEFI client that a single `pxe-service` with a file fits gets that file, whatever `dhcp-boot` says
/// (spec: config language, section 3.6). It is told where a `dhcp-boot` seems to be meant for such a client.
fn shadowed_boots(config: &Config) -> Vec<Note> {
    let services = &config.dhcp.services;
    let alone = |rule: &&Rule<Service>| {
        let same = |other: &&Rule<Service>| other.value.architecture == rule.value.architecture;
        rule.value.architecture >= FIRST_UEFI
            && matches!(rule.value.boot, Boot::File(_))
            && services.iter().filter(same).count() == 1
    };
    let lone: Vec<&Rule<Service>> = services.iter().filter(alone).collect();
    let shadows = |boot: &Rule<Target>| {
        let service = lone.iter().find(|service| may_meet(config, service, boot))?;
        let architecture = named(service.value.architecture);
        let text = format!(
            "dhcp-boot is not used for {architecture} clients: their only pxe-service ({}) decides",
            service.origin
        );
        Some(note(Some(&boot.origin), text))
    };
    config.dhcp.boots.iter().filter_map(shadows).collect()
}

/// Whether one client can be meant by both, and the boot file is for some clients in particular.
fn may_meet(config: &Config, service: &Rule<Service>, boot: &Rule<Target>) -> bool {
    let same_file = service.value.boot == Boot::File(boot.value.file.clone());
    let particular = boot.conditions.iter().any(|condition| !condition.negated);
    let mut all = service.conditions.clone();
    all.extend_from_slice(&boot.conditions);
    unfold(config, &mut all);
    let contradicted = |one: &Condition| {
        all.iter().any(|other| one.tag == other.tag && one.negated != other.negated)
    };
    let architecture = service.value.architecture;
    let fits = |one: &Condition| one.negated || may_be_set_for(config, &one.tag, architecture);
    !same_file && particular && all.iter().all(|one| !contradicted(one) && fits(one))
}

/// Adds what must hold where a tag is set by a single `tag-if`.
fn unfold(config: &Config, conditions: &mut Vec<Condition>) {
    let mut at = 0;
    while let Some(condition) = conditions.get(at).filter(|_| at < MOST_CONDITIONS) {
        let mut rules = config.dhcp.tag_ifs.iter().filter(|rule| rule.set.contains(&condition.tag));
        if let (false, Some(rule), None) = (condition.negated, rules.next(), rules.next()) {
            conditions.extend(rule.conditions.iter().cloned());
        }
        at += 1;
    }
}

/// Enough for any chain of `tag-if` lines that is no circle.
const MOST_CONDITIONS: usize = 100;

/// Whether a client of that architecture can have the tag: not if nothing sets it, nor if other architectures do.
fn may_be_set_for(config: &Config, tag: &[u8], architecture: u16) -> bool {
    let dhcp = &config.dhcp;
    let class = vendor_class(architecture);
    let class_fits = |text: &[u8]| {
        let named = text.windows(5).any(|part| part == b"Arch:");
        !named || part_of(text, &class)
    };
    let options = dhcp.option_matches.iter().filter(|rule| rule.value.tag == tag);
    let options = options.map(|rule| match &rule.value.matcher {
        OptionMatch::Code(CLIENT_ARCHITECTURE, value) => {
            architectures_of(&value.bytes).contains(&architecture)
        }
        OptionMatch::Code(VENDOR_CLASS, value) => class_fits(&value.bytes),
        _ => true,
    });
    let classes = dhcp.classes.iter().filter(|rule| rule.tag == tag);
    let classes = classes.map(|rule| match &rule.matcher {
        ClassMatch::Vendor(text) => class_fits(text),
        ClassMatch::User(_) => true,
    });
    let derived = dhcp.tag_ifs.iter().any(|rule| rule.set.iter().any(|set| set == tag));
    options.chain(classes).any(|fits| fits) || derived
}

/// The vendor class of an architecture (PXE 2.1, section 2.2.1), which a rule may name a part of.
fn vendor_class(architecture: u16) -> String {
    format!("PXEClient:Arch:{architecture:05}:UNDI:")
}

fn part_of(text: &[u8], class: &str) -> bool {
    String::from_utf8_lossy(text).split(":UNDI").next().is_some_and(|text| class.contains(text))
}

/// Without a TFTP server of ours nobody can say whether `X.0` is there; for UEFI it hardly ever is.
fn plain_names(config: &Config) -> Vec<Note> {
    let plain = |rule: &&Rule<Service>| match &rule.value.boot {
        Boot::File(name) => rule.value.architecture >= FIRST_UEFI && !name.contains(&b'.'),
        Boot::Type(_) => false,
    };
    let services = config.dhcp.services.iter().filter(plain).filter(|_| config.tftp.is_none());
    let remark = |rule: &Rule<Service>| {
        let Boot::File(name) = &rule.value.boot else { return None };
        let name = String::from_utf8_lossy(name);
        let text = format!("pxe-service: {name} has no dot, so clients will ask for {name}.0");
        Some(note(Some(&rule.origin), text))
    };
    services.filter_map(remark).collect()
}

fn named(architecture: u16) -> String {
    ARCHITECTURES
        .get(usize::from(architecture))
        .map_or_else(|| format!("architecture {architecture}"), |name| (*name).to_owned())
}

#[cfg(test)]
mod tests {
    use crate::config::Origin;
    use crate::config::build::{Builder, Purpose};
    use conf_parser::Reader;

    fn notes(text: &str) -> Vec<String> {
        let mut builder = Builder::new(Purpose::Check);
        let mut reader = Reader::default();
        for (line, text) in (1..).zip(text.lines()) {
            let origin = Origin { file: "c".into(), line };
            builder.take(reader.line(text.as_bytes()).unwrap().unwrap(), &origin);
        }
        builder.finish().notes.iter().map(ToString::to_string).collect()
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
             dhcp-vendorclass=set:c,PXEClient:Arch:00007\npxe-service=7,Net,a.efi\n\
             pxe-service=9,Net,a.efi\ndhcp-boot=tag:b,b.efi\ndhcp-boot=tag:c,a.efi";
        assert_eq!(notes(lines), [""; 0]);
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
