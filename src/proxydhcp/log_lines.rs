//! A request and its answer, told as log lines (docs/dnsmasq/proxydhcp.md, section 7).

use super::request::Request;
use super::{DropReason, Reply, ReplyKind};
use crate::byte_text::to_text;
use crate::config::{Dhcp, RangeKind};
use crate::effect::Effect;
use crate::log_line::{DhcpLine, Line, PxeOutcome};
use crate::wire::dhcp::{BROADCAST, field, string};
use crate::wire::option_display::{LoggedOption, printable};
use crate::wire::options;

/// What dnsmasq says about a request it drops: mostly nothing.
pub fn log_drop(why: &DropReason) -> Option<Effect> {
    let line = match why {
        DropReason::UnknownBridgeInterface(name) => {
            Line::Dhcp(None, DhcpLine::UnknownBridgeInterface(name.clone()))
        }
        DropReason::NoAddress(name, true) => {
            Line::Dhcp(None, DhcpLine::InterfaceWithoutAddress(name.clone()))
        }
        DropReason::NoRange(how) => Line::Dhcp(None, DhcpLine::NoRange(how.clone())),
        DropReason::Bis => Line::Dhcp(None, DhcpLine::NoBis),
        _ => return None,
    };
    Some(Effect::Log(line))
}

/// What a request says, before anything is decided. With `log-dhcp` only.
pub fn log_request(dhcp: &Dhcp, request: &Request<'_>, effects: &mut Vec<Effect>) {
    if !dhcp.log {
        return;
    }
    let mut log = |line| effects.push(Effect::Log(Line::Dhcp(Some(request.frame.xid()), line)));
    for candidate in &request.ranges {
        let range = &candidate.range.value;
        log(match range.kind {
            RangeKind::Pool(_) => DhcpLine::AvailableRange(range.start, range.end),
            RangeKind::Proxy | RangeKind::Static(_) => {
                DhcpLine::Subnet(range.start, candidate.netmask)
            }
        });
    }
    if let Some(class) = request.frame.option(60, 1) {
        log(DhcpLine::VendorClass(printable(class)));
    }
    if let Some(class) = &request.user_class {
        log(DhcpLine::UserClass(printable(class)));
    }
    if let Some(name) = &request.name {
        log(DhcpLine::Name(to_text(name)));
    }
}

/// What was answered. The lines about the reply are read from its bytes.
pub fn log_reply(
    dhcp: &Dhcp,
    request: &Request<'_>,
    answer: &Reply<'_>,
    unsent: Vec<DhcpLine>,
    reply: &[u8],
    effects: &mut Vec<Effect>,
) {
    let xid = request.frame.xid();
    let complaints = answer.warnings.iter().cloned().chain(unsent);
    effects.extend(complaints.map(|line| Effect::Log(Line::Dhcp(None, line))));
    let numbered = dhcp.log.then_some(xid);
    let mut log = |xid, line| effects.push(Effect::Log(Line::Dhcp(xid, line)));
    if dhcp.log || !dhcp.quiet {
        log(numbered, pxe_line(request, answer));
    }
    if dhcp.log {
        log(numbered, DhcpLine::Tags(answer.tags.listed()));
    }
    if let ReplyKind::Proxy { delay: Some(seconds) } = answer.kind
        && !dhcp.quiet
    {
        log(Some(xid), DhcpLine::Delay(seconds));
    }
    if dhcp.log && answer.kind != ReplyKind::Ignored {
        log_options(answer, reply).into_iter().for_each(|line| log(numbered, line));
    }
}

fn pxe_line(request: &Request<'_>, answer: &Reply<'_>) -> DhcpLine {
    let file = &answer.file[..answer.file.len().min(field::FILE.len() - 1)];
    let outcome = match answer.kind {
        ReplyKind::Proxy { .. } => PxeOutcome::Proxy,
        ReplyKind::Ignored => PxeOutcome::Ignored,
        ReplyKind::BootItem => PxeOutcome::BootItem { address: answer.yiaddr, file: to_text(file) },
    };
    DhcpLine::Pxe { interface: request.ingress.link.name.clone(), mac: log_mac(request), outcome }
}

/// ARP hardware type of IEEE 1394, whose clients call theirs by another number (RFC 2855; RFC 4361).
const FIREWIRE: u8 = 24;
const LABEL_BY_TYPE: u8 = 27;

/// A client without hardware address is known by its identifier, without its type (D-018).
fn log_mac(request: &Request<'_>) -> Vec<u8> {
    let htype = request.frame.htype();
    match request.client_id {
        Some([kind, rest @ ..]) if request.frame.hlen() == 0 && rest.len() > 2 => {
            let is_type = *kind == htype || (*kind == LABEL_BY_TYPE && htype == FIREWIRE);
            if is_type { rest.to_vec() } else { [&[*kind], rest].concat() }
        }
        _ => request.frame.mac().to_vec(),
    }
}

/// The reply, field by field and option by option.
fn log_options(answer: &Reply<'_>, reply: &[u8]) -> Vec<DhcpLine> {
    let mut lines = Vec::new();
    let area = &reply[field::OPTIONS..];
    let overload = options::find(area, 52, 1).map_or(0, |value| value[0]);
    let text = |field| to_text(string(field));
    let (file, sname) = (&reply[field::FILE], &reply[field::SNAME]);
    if overload & 1 != 0 {
        lines.extend(log_option(file));
    } else if file[0] != 0 {
        lines.push(DhcpLine::BootFile(text(file)));
    }
    if overload & 2 != 0 {
        lines.extend(log_option(sname));
    } else if sname[0] != 0 {
        lines.push(DhcpLine::ServerName(text(sname)));
    }
    if !answer.siaddr.is_unspecified() {
        lines.push(DhcpLine::NextServer(answer.siaddr));
    }
    if answer.flags & BROADCAST != 0 && answer.ciaddr.is_unspecified() {
        lines.push(DhcpLine::Broadcast);
    }
    lines.extend(log_option(area));
    lines
}

fn log_option(area: &[u8]) -> impl Iterator<Item = DhcpLine> {
    options::walk(area)
        .map(|(code, value)| DhcpLine::Sent(LoggedOption { code, value: value.to_vec() }))
}
