//! The proxy answer: OFFER to a DISCOVER, ACK to a REQUEST on 4011 (docs/dnsmasq/proxydhcp.md, section 5.4).

use super::ranges::MatchedRange;
use super::request::Request;
use super::{
    Decision, DropReason, Port, Provenance, Reply, ReplyKind, ReplyPart, menu, message, pxe_options,
};
use crate::byte_text::to_text;
use crate::config::lookup::tags::{TagSet, TagSetBy};
use crate::config::server_names::ServerNames;
use crate::config::{Config, Located, RangeKind, Rule, Service};
use crate::log_line::DhcpLine;
use crate::wire::client_arch::FIRST_EFI;
use crate::wire::dhcp::BROADCAST;
use conf_parser::Keyword;
use conf_parser::{Boot, Server};
use std::net::Ipv4Addr;

/// Decides about a request that is no boot item.
pub fn decide<'c>(
    config: &'c Config,
    names: &mut ServerNames,
    request: &Request<'c>,
    vendor: &'c Located<Vec<u8>>,
    message: u8,
) -> Decision<'c> {
    let Some(architecture) = request.architecture() else {
        return Decision::Drop(DropReason::NoArchitecture);
    };
    if message != message::DISCOVER && !(message == message::REQUEST && request.port == Port::Pxe) {
        return Decision::Drop(DropReason::UnhandledMessageType(message));
    }
    let seen = request.tags.with_tag_ifs(&config.dhcp.tag_ifs);
    let is_ours = |candidate: &&MatchedRange<'_>| {
        candidate.range.value.kind == RangeKind::Proxy && candidate.range.holds(&seen)
    };
    let Some(candidate) = request.ranges.iter().find(is_ours) else {
        return Decision::Drop(DropReason::NoProxyRange);
    };
    let ignored = config.dhcp.ignores(&seen);
    let mut tags = request.tags.clone();
    candidate.range.value.set.iter().for_each(|tag| {
        tags.set(&tag[..], TagSetBy::Line(&candidate.range.origin));
    });
    let tags = tags.with_tag_ifs(&config.dhcp.tag_ifs);

    let mut answer = new_reply(request, candidate, vendor, message, &tags);
    let single =
        (architecture >= FIRST_EFI).then(|| single_service(config, architecture, &tags)).flatten();
    if architecture >= FIRST_EFI {
        answer.siaddr = candidate.local;
    }
    match single {
        // On the server port nothing is told: everything is on 4011.
        Some(service) if request.port == Port::Server => {
            answer.provenance.push(Provenance::new(
                ReplyPart::DeferredToPxePort,
                Keyword::PxeService,
                &service.origin,
            ));
        }
        Some(service) => apply_service(&mut answer, service, names),
        None => apply_dhcp_boot(&mut answer, config, &tags, names),
    }
    if architecture < FIRST_EFI || (request.port == Port::Pxe && single.is_none()) {
        menu::fill(&mut answer, config, request, architecture, &tags, names);
    }
    pxe_options::fill(&mut answer, config, request, &tags);
    let delay = config.dhcp.delay.as_ref().filter(|rule| rule.holds(&tags));
    let delayed =
        delay.map(|rule| Provenance::new(ReplyPart::Delay, Keyword::DhcpReplyDelay, &rule.origin));
    let silenced =
        ignored.map(|origin| Provenance::new(ReplyPart::Suppressed, Keyword::DhcpIgnore, origin));
    answer.provenance.extend(delayed.into_iter().chain(silenced));
    answer.kind = match ignored {
        Some(_) => ReplyKind::Ignored,
        None => ReplyKind::Proxy { delay: delay.map(|rule| rule.value) },
    };
    Decision::Reply(Box::new(answer))
}

fn new_reply<'c>(
    request: &Request<'c>,
    candidate: &MatchedRange<'c>,
    vendor: &'c Located<Vec<u8>>,
    message: u8,
    tags: &TagSet<'c>,
) -> Reply<'c> {
    // Whoever has no address can only be reached by broadcast.
    let broadcast = if request.ciaddr.is_unspecified() { BROADCAST } else { 0 };
    Reply {
        message: if message == message::DISCOVER { message::OFFER } else { message::ACK },
        flags: request.frame.flags() | broadcast,
        ciaddr: request.ciaddr,
        yiaddr: Ipv4Addr::UNSPECIFIED,
        siaddr: Ipv4Addr::UNSPECIFIED,
        sname: Vec::new(),
        file: Vec::new(),
        server: candidate.local,
        vendor,
        items: Vec::new(),
        options: Vec::new(),
        warnings: Vec::new(),
        tags: tags.clone(),
        kind: ReplyKind::Proxy { delay: None },
        provenance: vec![Provenance::new(
            ReplyPart::ServerId,
            Keyword::DhcpRange,
            &candidate.range.origin,
        )],
    }
}

/// The one service with a file, if there is exactly one for this architecture and these tags.
fn single_service<'c>(
    config: &'c Config,
    architecture: u16,
    tags: &TagSet<'_>,
) -> Option<&'c Rule<Service>> {
    let mut fitting = config.dhcp.services.matching(tags).into_iter().filter(|rule| {
        matches!(&rule.value.boot, Boot::File(_)) && rule.value.architecture == architecture
    });
    fitting.next().filter(|_| fitting.next().is_none())
}

fn apply_service<'c>(answer: &mut Reply<'c>, service: &'c Rule<Service>, names: &mut ServerNames) {
    let Boot::File(file) = &service.value.boot else { return };
    answer.siaddr = server_address(service.value.server.as_ref(), names, &mut answer.warnings)
        .unwrap_or(answer.server);
    answer.sname = match &service.value.server {
        Some(Server::Name(name)) => name.clone(),
        _ => answer.siaddr.to_string().into_bytes(),
    };
    answer.file = with_layer_suffix(file, 0);
    answer.provenance.push(Provenance::new(
        ReplyPart::BootFile,
        Keyword::PxeService,
        &service.origin,
    ));
}

fn apply_dhcp_boot<'c>(
    answer: &mut Reply<'c>,
    config: &'c Config,
    tags: &TagSet<'_>,
    names: &mut ServerNames,
) {
    let Some(boot) = config.dhcp.boot_rules.last_matching(tags) else { return };
    if let Some(address) = server_address(boot.value.server.as_ref(), names, &mut answer.warnings) {
        answer.siaddr = address;
    }
    answer.file.clone_from(&boot.value.file);
    answer.provenance.push(Provenance::new(ReplyPart::BootFile, Keyword::DhcpBoot, &boot.origin));
}

/// A file name without any dot gets the layer behind one.
pub fn with_layer_suffix(file: &[u8], layer: u16) -> Vec<u8> {
    let mut name = file.to_vec();
    if !file.contains(&b'.') {
        name.extend_from_slice(format!(".{layer}").as_bytes());
    }
    name
}

/// The address of a boot server; an unknown name is 0.0.0.0 and a complaint.
pub fn server_address(
    server: Option<&Server>,
    names: &mut ServerNames,
    complaints: &mut Vec<DhcpLine>,
) -> Option<Ipv4Addr> {
    match server? {
        Server::Address(address) => Some(*address),
        Server::Name(name) => Some(names.look_up(name).unwrap_or_else(|| {
            complaints.push(DhcpLine::NoAddressFor(to_text(name)));
            Ipv4Addr::UNSPECIFIED
        })),
    }
}
