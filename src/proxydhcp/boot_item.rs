//! The reply to a choice from the menu (PXE 2.1, tag 71; docs/dnsmasq/proxydhcp.md, section 5.3).

use super::boot_server::{server_address, with_layer_suffix};
use super::request::BootItem;
use super::{Decision, DropReason, Evaluation, Provenance, Reply, ReplyKind, ReplyPart, menu};
use crate::wire::pxe::item;
use conf_parser::Boot;
use conf_parser::Keyword;

/// The bit of a layer that requests boot integrity services.
const BIS: u16 = 0x8000;

/// Decides about a choice.
pub fn decide<'c>(evaluation: &mut Evaluation<'_, 'c>, chosen: BootItem) -> Decision<'c> {
    let (config, request) = (evaluation.config, evaluation.request);
    let tags = evaluation.tags.with_tag_ifs(&config.dhcp.tag_ifs);
    if let Some(origin) = config.dhcp.ignores(&tags) {
        return Decision::Drop(DropReason::Ignored(origin.clone()));
    }
    if chosen.layer & BIS != 0 {
        return Decision::Drop(DropReason::Bis);
    }
    // dnsmasq takes the first line of that type, and does not compare architecture and tags.
    let service = config.dhcp.services.iter().find(|rule| rule.value.kind == chosen.server_type);
    let Some((service, Boot::File(file))) = service.map(|rule| (rule, &rule.value.boot)) else {
        return Decision::Drop(DropReason::UnknownBootServerType(chosen.server_type));
    };
    let holds_client = request
        .ranges
        .iter()
        .find(|matched| matched.range.holds(&tags) && matched.holds(request.ciaddr));
    let Some(range) = holds_client else {
        return Decision::Drop(DropReason::ClientOutsideRanges(request.ciaddr));
    };

    let vendor_options = menu::vendor_options(config, request, &tags);
    let mut reply = Reply::new(evaluation, range, tags.into_owned());
    reply.kind = ReplyKind::BootItem;
    reply.yiaddr = request.ciaddr;
    let server = service.value.server.as_ref();
    reply.siaddr =
        server_address(server, evaluation.names, &mut reply.warnings).unwrap_or(range.local);
    reply.file = with_layer_suffix(file, chosen.layer);
    // The four bytes of the client are returned.
    let echoed = [chosen.server_type.to_be_bytes(), chosen.layer.to_be_bytes()].concat();
    reply.items.push((item::BOOT_ITEM, echoed));
    let source = Provenance::new(ReplyPart::BootFile, Keyword::PxeService, &service.origin);
    reply.provenance.push(source);
    menu::append(&mut reply, &vendor_options);
    Decision::Reply(Box::new(reply))
}
