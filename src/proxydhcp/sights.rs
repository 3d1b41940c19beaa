//! What a request and its answer show of a client's way.

use super::request::Request;
use super::{Answer, Decision, Kind, Made, Port, message};
use crate::effect::Effect;
use crate::sight::{Answered, Mac, Next, Sight};
use crate::wire::options::contains;
use crate::wire::pxe::item;
use std::net::{IpAddr, Ipv4Addr};

const IPXE: &[u8] = b"iPXE";
const WAIT_FOR_EVER: u8 = 255;

/// What is to be seen; of clients with a usual hardware address only.
pub fn sight(request: &Request<'_>, decision: &Decision<'_>) -> Option<Effect> {
    let mac = Mac::try_from(request.frame.mac()).ok()?;
    let sight = match decision {
        Decision::Answer(answer) => answered(request, answer, mac)?,
        Decision::Silent(_) if request.message == Some(message::REQUEST) => {
            let asked = request.frame.option(50, 4)?.first_chunk::<4>()?;
            Sight::Leased { mac, ip: Ipv4Addr::from(*asked) }
        }
        Decision::Silent(_) => return None,
    };
    Some(Effect::Saw(sight))
}

fn answered(request: &Request<'_>, answer: &Answer<'_>, mac: Mac) -> Option<Sight> {
    if answer.kind == Kind::Ignored {
        return None;
    }
    let because = |made: Made| answer.because.iter().find(|cause| cause.made == made);
    let entry = || answer.because.iter().find(|cause| matches!(cause.made, Made::Entry(_)));
    let told = because(Made::File).or_else(|| because(Made::Later));
    let cause = told.or_else(entry).or_else(|| because(Made::Server))?;
    let user_class = request.user_class.as_deref().unwrap_or_default();
    Some(Sight::Answered(Answered {
        mac,
        ip: address(request),
        is_ipxe: contains(user_class, IPXE),
        next: next(request, answer),
        line: cause.origin.clone(),
    }))
}

/// The client's address, as it says itself, or as it shows on port 4011.
fn address(request: &Request<'_>) -> Option<Ipv4Addr> {
    let shown = match request.peer.ip() {
        IpAddr::V4(ip) if request.port == Port::Pxe => Some(ip),
        _ => None,
    };
    Some(request.ciaddr).filter(|ip| !ip.is_unspecified()).or(shown)
}

fn next(request: &Request<'_>, answer: &Answer<'_>) -> Next {
    let ours = answer.siaddr == answer.server;
    let item = |code: u8| answer.items.iter().find(|(known, _)| *known == code);
    match &answer.file[..] {
        file if !file.is_empty() && ours && !contains(file, b"://") => Next::Load(file.to_vec()),
        [] => match (item(item::BOOT_MENU), item(item::MENU_PROMPT)) {
            // Whoever waits for a person may wait for ever.
            (Some(_), Some((_, prompt))) if prompt.first() == Some(&WAIT_FOR_EVER) => {
                Next::Anything
            }
            (Some(_), _) => Next::Ask,
            (None, _) if request.port == Port::Server && answer.items.is_empty() => Next::Ask,
            (None, _) => Next::Anything,
        },
        _ => Next::Anything,
    }
}
