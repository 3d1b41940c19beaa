//! What a request and its answer show of a client's way.

use super::request::Request;
use super::{Decision, Port, Reply, ReplyKind, ReplyPart, message};
use crate::boot_monitor::event::{ClientEvent, ExpectedStep, Mac, ReplySent};
use crate::config::Config;
use crate::effect::Effect;
use crate::net::any_interface_matches;
use crate::wire::options::contains;
use crate::wire::pxe::item;
use std::net::{IpAddr, Ipv4Addr};

const IPXE_OPTION: &[u8] = b"iPXE";
const NO_MENU_TIMEOUT: u8 = 255;

/// What is to be seen; of clients with a usual hardware address only.
pub fn client_event(
    config: &Config,
    request: &Request<'_>,
    decision: &Decision<'_>,
) -> Option<Effect> {
    let mac = Mac::try_from(request.frame.mac()).ok()?;
    let sight = match decision {
        Decision::Reply(answer) => reply_sent(config, request, answer, mac)?,
        Decision::Drop(_) if request.message == Some(message::REQUEST) => {
            let asked = request.frame.option(50, 4)?.first_chunk::<4>()?;
            ClientEvent::LeaseRequested { mac, ip: Ipv4Addr::from(*asked) }
        }
        Decision::Drop(_) => return None,
    };
    Some(Effect::Observe(sight))
}

fn reply_sent(
    config: &Config,
    request: &Request<'_>,
    answer: &Reply<'_>,
    mac: Mac,
) -> Option<ClientEvent> {
    if answer.kind == ReplyKind::Ignored {
        return None;
    }
    let because = |made: ReplyPart| answer.provenance.iter().find(|cause| cause.part == made);
    let told = because(ReplyPart::BootFile).or_else(|| because(ReplyPart::DeferredToPxePort));
    let entry =
        || answer.provenance.iter().find(|cause| matches!(cause.part, ReplyPart::MenuEntry(_)));
    let cause = told.or_else(entry).or_else(|| because(ReplyPart::ServerId))?;
    let user_class = request.user_class.as_deref().unwrap_or_default();
    Some(ClientEvent::ReplySent(ReplySent {
        mac,
        ip: address(request),
        is_ipxe: contains(user_class, IPXE_OPTION),
        boot_file: advertised_file(config, request, answer),
        next: expected_step(request, answer),
        line: cause.origin.clone(),
    }))
}

/// The file that it was told to load from here, where files are served on its interface.
fn advertised_file(config: &Config, request: &Request<'_>, answer: &Reply<'_>) -> Option<Vec<u8>> {
    let tftp = config.tftp.as_ref()?;
    let name = &request.ingress.link.name;
    let served = tftp.interfaces.as_ref().is_none_or(|list| any_interface_matches(list, name));
    let here = answer.siaddr == answer.server || answer.siaddr.is_unspecified();
    let file = Some(&answer.file).filter(|file| !file.is_empty() && !contains(file, b"://"));
    file.filter(|_| served && here).cloned()
}

/// The client's address, as it says itself, or as it shows on port 4011.
fn address(request: &Request<'_>) -> Option<Ipv4Addr> {
    let shown = match request.peer.ip() {
        IpAddr::V4(ip) if request.port == Port::Pxe => Some(ip),
        _ => None,
    };
    Some(request.ciaddr).filter(|ip| !ip.is_unspecified()).or(shown)
}

fn expected_step(request: &Request<'_>, answer: &Reply<'_>) -> ExpectedStep {
    let item = |code: u8| answer.items.iter().find(|(known, _)| *known == code);
    let on_server_port = request.port == Port::Server;
    match item(item::BOOT_MENU) {
        _ if !answer.file.is_empty() && answer.siaddr == answer.server => ExpectedStep::Download,
        _ if !answer.file.is_empty() => ExpectedStep::Unknown,
        // Where there is a choice, nothing may be chosen, or the local disk.
        Some(_) if answer.provenance.iter().any(|cause| cause.part == ReplyPart::MenuEntry(0)) => {
            ExpectedStep::Unknown
        }
        Some(_) if on_server_port => {
            let prompt = item(item::MENU_PROMPT).and_then(|(_, prompt)| prompt.first().copied());
            match prompt {
                None | Some(NO_MENU_TIMEOUT) => ExpectedStep::Unknown,
                Some(seconds) => ExpectedStep::ProxyRequest { seconds },
            }
        }
        None if on_server_port && answer.items.is_empty() => {
            ExpectedStep::ProxyRequest { seconds: 0 }
        }
        Some(_) | None => ExpectedStep::Unknown,
    }
}
