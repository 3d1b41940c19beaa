//! What a request and its answer show of a client's way.

use super::request::Request;
use super::{Answer, Decision, Kind, Made, Port, message};
use crate::config::Config;
use crate::effect::Effect;
use crate::net::any_interface_matches;
use crate::sight::{ReplySent, Mac, ExpectedStep, ClientEvent};
use crate::wire::options::contains;
use crate::wire::pxe::item;
use std::net::{IpAddr, Ipv4Addr};

const IPXE: &[u8] = b"iPXE";
const WAIT_FOR_EVER: u8 = 255;

/// What is to be seen; of clients with a usual hardware address only.
pub fn sight(config: &Config, request: &Request<'_>, decision: &Decision<'_>) -> Option<Effect> {
    let mac = Mac::try_from(request.frame.mac()).ok()?;
    let sight = match decision {
        Decision::Answer(answer) => answered(config, request, answer, mac)?,
        Decision::Silent(_) if request.message == Some(message::REQUEST) => {
            let asked = request.frame.option(50, 4)?.first_chunk::<4>()?;
            ClientEvent::LeaseRequested { mac, ip: Ipv4Addr::from(*asked) }
        }
        Decision::Silent(_) => return None,
    };
    Some(Effect::Observe(sight))
}

fn answered(
    config: &Config,
    request: &Request<'_>,
    answer: &Answer<'_>,
    mac: Mac,
) -> Option<ClientEvent> {
    if answer.kind == Kind::Ignored {
        return None;
    }
    let because = |made: Made| answer.because.iter().find(|cause| cause.made == made);
    let told = because(Made::File).or_else(|| because(Made::Later));
    let entry = || answer.because.iter().find(|cause| matches!(cause.made, Made::Entry(_)));
    let cause = told.or_else(entry).or_else(|| because(Made::Server))?;
    let user_class = request.user_class.as_deref().unwrap_or_default();
    Some(ClientEvent::ReplySent(ReplySent {
        mac,
        ip: address(request),
        is_ipxe: contains(user_class, IPXE),
        boot_file: told_here(config, request, answer),
        next: next(request, answer),
        line: cause.origin.clone(),
    }))
}

/// The file that it was told to load from here, where files are served on its interface.
fn told_here(config: &Config, request: &Request<'_>, answer: &Answer<'_>) -> Option<Vec<u8>> {
    let tftp = config.tftp.as_ref()?;
    let name = &request.place.link.name;
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

fn next(request: &Request<'_>, answer: &Answer<'_>) -> ExpectedStep {
    let item = |code: u8| answer.items.iter().find(|(known, _)| *known == code);
    let on_server_port = request.port == Port::Server;
    match item(item::BOOT_MENU) {
        _ if !answer.file.is_empty() && answer.siaddr == answer.server => ExpectedStep::Download,
        _ if !answer.file.is_empty() => ExpectedStep::Unknown,
        // Where there is a choice, nothing may be chosen, or the local disk.
        Some(_) if answer.because.iter().any(|cause| cause.made == Made::Entry(0)) => {
            ExpectedStep::Unknown
        }
        Some(_) if on_server_port => {
            let prompt = item(item::MENU_PROMPT).and_then(|(_, prompt)| prompt.first().copied());
            match prompt {
                None | Some(WAIT_FOR_EVER) => ExpectedStep::Unknown,
                Some(seconds) => ExpectedStep::ProxyRequest { seconds },
            }
        }
        None if on_server_port && answer.items.is_empty() => ExpectedStep::ProxyRequest { seconds: 0 },
        Some(_) | None => ExpectedStep::Unknown,
    }
}
