//! The answer to a choice from the menu (PXE 2.1, tag 71; docs/dnsmasq/proxydhcp.md, section 5.3).

use super::proxy_reply::{server_address, with_layer_suffix};
use super::request::{BootItem, Request};
use super::{Decision, DropReason, Provenance, Reply, ReplyKind, ReplyPart, menu, message};
use crate::config::server_names::ServerNames;
use crate::config::{Config, Located};
use crate::wire::pxe::item;
use conf_parser::Boot;
use conf_parser::Keyword;
use std::net::Ipv4Addr;

const BIS: u16 = 0x8000;

/// Decides about a choice.
pub fn decide<'c>(
    config: &'c Config,
    names: &mut ServerNames,
    request: &Request<'c>,
    vendor: &'c Located<Vec<u8>>,
    chosen: BootItem,
) -> Decision<'c> {
    let tags = request.tags.with_tag_ifs(&config.dhcp.tag_ifs);
    if let Some(origin) = config.dhcp.ignores(&tags) {
        return Decision::Drop(DropReason::Ignored(origin.clone()));
    }
    if chosen.layer & BIS != 0 {
        return Decision::Drop(DropReason::Bis);
    }
    // The first of that type, for whatever architecture and tags.
    let service = config.dhcp.services.iter().find(|rule| rule.value.kind == chosen.kind);
    let Some((service, Boot::File(file))) = service.map(|rule| (rule, &rule.value.boot)) else {
        return Decision::Drop(DropReason::UnknownBootServerType(chosen.kind));
    };
    let here = request
        .ranges
        .iter()
        .find(|candidate| candidate.range.holds(&tags) && candidate.holds(request.ciaddr));
    let Some(candidate) = here else {
        return Decision::Drop(DropReason::ClientOutsideRanges(request.ciaddr));
    };

    let mut complaints = Vec::new();
    let siaddr = server_address(service.value.server.as_ref(), names, &mut complaints)
        .unwrap_or(candidate.local);
    // The client's own four bytes go back.
    let echoed = [chosen.kind.to_be_bytes(), chosen.layer.to_be_bytes()].concat();
    let mut answer = Reply {
        message: message::ACK,
        flags: request.frame.flags(),
        ciaddr: Ipv4Addr::UNSPECIFIED,
        yiaddr: request.ciaddr,
        siaddr,
        sname: Vec::new(),
        file: with_layer_suffix(file, chosen.layer),
        server: candidate.local,
        vendor,
        items: vec![(item::BOOT_ITEM, echoed)],
        options: Vec::new(),
        warnings: complaints,
        tags: tags.clone(),
        kind: ReplyKind::BootItem,
        provenance: vec![
            Provenance::new(ReplyPart::ServerId, Keyword::DhcpRange, &candidate.range.origin),
            Provenance::new(ReplyPart::BootFile, Keyword::PxeService, &service.origin),
        ],
    };
    menu::append(&mut answer, &menu::vendor_options(config, request, &tags));
    Decision::Reply(Box::new(answer))
}
