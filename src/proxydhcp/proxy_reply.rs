//! The proxy reply: OFFER to a DISCOVER, ACK to a REQUEST on port 4011 (docs/dnsmasq/proxydhcp.md, section 5.4).

use super::boot_server::{server_address, with_layer_suffix};
use super::ranges::MatchedRange;
use super::{
    Decision, DropReason, Evaluation, Port, Provenance, Reply, ReplyKind, ReplyPart, menu, message,
    pxe_options,
};
use crate::config::lookup::tags::{TagSet, TagSetBy};
use crate::config::server_names::ServerNames;
use crate::config::{Config, Origin, RangeKind, Rule, Service};
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::BROADCAST;
use conf_parser::Keyword;
use conf_parser::{Boot, Server};

/// Decides about a request that is no boot item.
pub fn decide<'c>(evaluation: &mut Evaluation<'_, 'c>) -> Decision<'c> {
    let Some(architecture) = evaluation.request.architecture() else {
        return Decision::Drop(DropReason::NoArchitecture);
    };
    if !is_handled(evaluation) {
        return Decision::Drop(DropReason::UnhandledMessageType(evaluation.message_type));
    }
    let config = evaluation.config;
    let request_tags = evaluation.tags.with_tag_ifs(&config.dhcp.tag_ifs);
    let Some(range) = proxy_range(evaluation, &request_tags) else {
        return Decision::Drop(DropReason::NoProxyRange);
    };
    let ignored_by = config.dhcp.ignores(&request_tags);
    let tags = tags_in_range(evaluation, range);
    let mut reply = new_reply(evaluation, range, tags.clone());
    fill(&mut reply, evaluation, architecture, &tags);
    pxe_options::fill(&mut reply, config, evaluation.request, &tags);
    finish(&mut reply, config, &tags, ignored_by);
    Decision::Reply(Box::new(reply))
}

/// DISCOVER on both ports, REQUEST on port 4011.
fn is_handled(evaluation: &Evaluation<'_, '_>) -> bool {
    let is_pxe_port = evaluation.request.port == Port::Pxe;
    match evaluation.message_type {
        message::DISCOVER => true,
        message::REQUEST => is_pxe_port,
        _ => false,
    }
}

/// The first proxy range whose conditions hold.
fn proxy_range<'e, 'c>(
    evaluation: &Evaluation<'e, 'c>,
    tags: &TagSet<'_>,
) -> Option<&'e MatchedRange<'c>> {
    evaluation
        .request
        .ranges
        .iter()
        .find(|matched| matched.range.value.kind == RangeKind::Proxy && matched.range.holds(tags))
}

/// The tags of the request, the tag of the range, and those of `tag-if`.
fn tags_in_range<'c>(evaluation: &Evaluation<'_, 'c>, range: &MatchedRange<'c>) -> TagSet<'c> {
    let mut tags = evaluation.tags.clone();
    if let Some(tag) = &range.range.value.set {
        tags.set(&tag[..], TagSetBy::Line(&range.range.origin));
    }
    tags.add_tag_ifs(&evaluation.config.dhcp.tag_ifs);
    tags
}

fn new_reply<'c>(
    evaluation: &Evaluation<'_, 'c>,
    range: &MatchedRange<'c>,
    tags: TagSet<'c>,
) -> Reply<'c> {
    let mut reply = Reply::new(evaluation, range, tags);
    reply.ciaddr = evaluation.request.ciaddr;
    if evaluation.message_type == message::DISCOVER {
        reply.message_type = message::OFFER;
    }
    // A client without address receives broadcasts only.
    if reply.ciaddr.is_unspecified() {
        reply.flags |= BROADCAST;
    }
    reply
}

/// Boot file and menu.
fn fill<'c>(
    reply: &mut Reply<'c>,
    evaluation: &mut Evaluation<'_, 'c>,
    architecture: Architecture,
    tags: &TagSet<'_>,
) {
    let (config, port) = (evaluation.config, evaluation.request.port);
    let mut single = None;
    if architecture.is_efi() {
        single = single_service(config, architecture, tags);
        reply.siaddr = reply.server;
    }
    match single {
        // On the server port the reply has no boot file: dnsmasq sends it on port 4011.
        Some(service) if port == Port::Server => reply.provenance.push(Provenance::new(
            ReplyPart::DeferredToPxePort,
            Keyword::PxeService,
            &service.origin,
        )),
        Some(service) => apply_service(reply, service, evaluation.names),
        None => apply_dhcp_boot(reply, config, tags, evaluation.names),
    }
    if !architecture.is_efi() || (port == Port::Pxe && single.is_none()) {
        menu::fill(reply, evaluation, architecture, tags);
    }
}

/// Delay and `dhcp-ignore`.
fn finish<'c>(
    reply: &mut Reply<'c>,
    config: &'c Config,
    tags: &TagSet<'_>,
    ignored_by: Option<&'c Origin>,
) {
    let delay = config.dhcp.delay.as_ref().filter(|rule| rule.holds(tags));
    if let Some(rule) = delay {
        let source = Provenance::new(ReplyPart::Delay, Keyword::DhcpReplyDelay, &rule.origin);
        reply.provenance.push(source);
    }
    reply.kind = ReplyKind::Proxy { delay: delay.map(|rule| rule.value) };
    if let Some(origin) = ignored_by {
        let source = Provenance::new(ReplyPart::Suppressed, Keyword::DhcpIgnore, origin);
        reply.provenance.push(source);
        reply.kind = ReplyKind::Ignored;
    }
}

/// The service with a file, if there is exactly one for this architecture and these tags.
fn single_service<'c>(
    config: &'c Config,
    architecture: Architecture,
    tags: &TagSet<'_>,
) -> Option<&'c Rule<Service>> {
    let mut fitting = config.dhcp.services.matching(tags).into_iter().filter(|rule| {
        matches!(&rule.value.boot, Boot::File(_)) && rule.value.architecture == architecture.0
    });
    fitting.next().filter(|_| fitting.next().is_none())
}

fn apply_service<'c>(reply: &mut Reply<'c>, service: &'c Rule<Service>, names: &mut ServerNames) {
    let Boot::File(file) = &service.value.boot else { return };
    reply.siaddr = server_address(service.value.server.as_ref(), names, &mut reply.warnings)
        .unwrap_or(reply.server);
    reply.sname = match &service.value.server {
        Some(Server::Name(name)) => name.clone(),
        _ => reply.siaddr.to_string().into_bytes(),
    };
    reply.file = with_layer_suffix(file, 0);
    let source = Provenance::new(ReplyPart::BootFile, Keyword::PxeService, &service.origin);
    reply.provenance.push(source);
}

fn apply_dhcp_boot<'c>(
    reply: &mut Reply<'c>,
    config: &'c Config,
    tags: &TagSet<'_>,
    names: &mut ServerNames,
) {
    let Some(boot) = config.dhcp.boot_rules.last_matching(tags) else { return };
    if let Some(address) = server_address(boot.value.server.as_ref(), names, &mut reply.warnings) {
        reply.siaddr = address;
    }
    reply.file.clone_from(&boot.value.file);
    reply.provenance.push(Provenance::new(ReplyPart::BootFile, Keyword::DhcpBoot, &boot.origin));
}
