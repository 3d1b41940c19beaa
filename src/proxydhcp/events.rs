//! Events for the boot monitor: what a request and its reply mean for the boot of the client.

use super::outcome::answer_kind;
use super::request::Request;
use super::{Decision, Port, Reply, ReplyKind, ReplyPart, message};
use crate::boot_monitor::event::{ClientEvent, ExpectedStep, Mac, ReplySent};
use crate::config::Config;
use crate::effect::Effect;
use crate::net::any_interface_matches;
use crate::wire::dhcp_option::REQUESTED_ADDRESS;
use crate::wire::options::contains;
use crate::wire::pxe::{IPXE_USER_CLASS, NO_PROMPT_TIMEOUT, item};
use std::net::{IpAddr, Ipv4Addr};

/// The event of a decision; `None` for a client whose hardware address does not have six bytes.
pub fn client_event(
    config: &Config,
    request: &Request<'_>,
    decision: &Decision<'_>,
) -> Option<Effect> {
    let mac = Mac::try_from(request.frame.mac()).ok()?;
    let event = match decision {
        Decision::Reply(reply) => reply_sent(config, request, reply, mac)?,
        Decision::Drop(_) if request.message_type == Some(message::REQUEST) => {
            let requested = request.frame.option(REQUESTED_ADDRESS, 4)?.first_chunk::<4>()?;
            ClientEvent::LeaseRequested { mac, ip: Ipv4Addr::from(*requested) }
        }
        Decision::Drop(_) => return None,
    };
    Some(Effect::Observe(event))
}

fn reply_sent(
    config: &Config,
    request: &Request<'_>,
    reply: &Reply<'_>,
    mac: Mac,
) -> Option<ClientEvent> {
    if reply.kind == ReplyKind::Ignored {
        return None;
    }
    let source = reply
        .source_of(ReplyPart::BootFile)
        .or_else(|| reply.source_of(ReplyPart::DeferredToPxePort))
        .or_else(|| reply.first_menu_entry())
        .or_else(|| reply.source_of(ReplyPart::ServerId))?;
    let user_class = request.user_class.as_deref().unwrap_or_default();
    Some(ClientEvent::ReplySent(ReplySent {
        mac,
        answer: answer_kind(reply.message_type),
        ip: address(request),
        architecture: request.architecture(),
        is_ipxe: contains(user_class, IPXE_USER_CLASS),
        boot_file: advertised_file(config, request, reply),
        next: expected_step(request, reply),
        line: source.origin.clone(),
    }))
}

/// The boot file of the reply, if the client loads it by TFTP from this server, on an interface where TFTP is served.
fn advertised_file(config: &Config, request: &Request<'_>, reply: &Reply<'_>) -> Option<Vec<u8>> {
    let tftp = config.tftp.as_ref()?;
    let name = &request.ingress.link.name;
    let served = tftp.interfaces.as_ref().is_none_or(|list| any_interface_matches(list, name));
    let is_ours = reply.siaddr == reply.server || reply.siaddr.is_unspecified();
    let is_file_name = !reply.file.is_empty() && !contains(&reply.file, b"://");
    (served && is_ours && is_file_name).then(|| reply.file.clone())
}

/// The address of the client: `ciaddr`, else its source address on port 4011.
fn address(request: &Request<'_>) -> Option<Ipv4Addr> {
    if !request.ciaddr.is_unspecified() {
        return Some(request.ciaddr);
    }
    match request.peer.ip() {
        IpAddr::V4(ip) if request.port == Port::Pxe => Some(ip),
        _ => None,
    }
}

/// A client with a menu requests what is chosen from it. With a menu entry for the local disk (type 0) it may make no
/// further request.
fn expected_step(request: &Request<'_>, reply: &Reply<'_>) -> ExpectedStep {
    if reply.kind == ReplyKind::BootItem {
        return download(reply);
    }
    if reply.item(item::BOOT_MENU).is_some() {
        return after_menu(request, reply);
    }
    if !reply.file.is_empty() {
        return download(reply);
    }
    if request.port == Port::Server && reply.items.is_empty() {
        return ExpectedStep::ProxyRequest { seconds: 0 };
    }
    ExpectedStep::Unknown
}

/// Whether a download can be observed here.
fn download(reply: &Reply<'_>) -> ExpectedStep {
    let is_ours = !reply.file.is_empty() && reply.siaddr == reply.server;
    if is_ours { ExpectedStep::Download } else { ExpectedStep::Unknown }
}

fn after_menu(request: &Request<'_>, reply: &Reply<'_>) -> ExpectedStep {
    let boots_from_disk = reply.source_of(ReplyPart::MenuEntry(0)).is_some();
    let timeout = reply.item(item::MENU_PROMPT).and_then(|prompt| prompt.first().copied());
    match timeout {
        Some(seconds)
            if seconds != NO_PROMPT_TIMEOUT && !boots_from_disk && request.port == Port::Server =>
        {
            ExpectedStep::ProxyRequest { seconds }
        }
        _ => ExpectedStep::Unknown,
    }
}
