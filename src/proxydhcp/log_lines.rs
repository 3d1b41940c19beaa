//! Log lines of a request and its reply (docs/dnsmasq/proxydhcp.md, section 7).

use super::request::Request;
use super::{DropReason, Reply, ReplyKind};
use crate::byte_text::to_text;
use crate::config::{Dhcp, RangeKind};
use crate::effect::Effect;
use crate::log_line::{DhcpLine, Line, PxeOutcome};
use crate::wire::dhcp::{BROADCAST, field, string};
use crate::wire::dhcp_option::{OVERLOAD, VENDOR_CLASS, overload};
use crate::wire::option_display::{LoggedOption, printable};
use crate::wire::options;

/// dnsmasq's line for a dropped request. For most reasons it logs none.
pub fn log_drop(reason: &DropReason) -> Option<Effect> {
    let line = match reason {
        DropReason::UnknownBridgeInterface(name) => {
            Line::Dhcp(None, DhcpLine::UnknownBridgeInterface(name.clone()))
        }
        DropReason::NoAddress { interface, served: true } => {
            Line::Dhcp(None, DhcpLine::InterfaceWithoutAddress(interface.clone()))
        }
        DropReason::NoRange(source) => Line::Dhcp(None, DhcpLine::NoRange(source.clone())),
        DropReason::Bis => Line::Dhcp(None, DhcpLine::NoBis),
        _ => return None,
    };
    Some(Effect::Log(line))
}

/// The ranges and options of a request, before the lines of the decision. With `log-dhcp` only.
pub fn log_request(dhcp: &Dhcp, request: &Request<'_>, effects: &mut Vec<Effect>) {
    if !dhcp.log {
        return;
    }
    let mut log = |line| effects.push(Effect::Log(Line::Dhcp(Some(request.frame.xid()), line)));
    for matched in &request.ranges {
        let range = &matched.range.value;
        log(match range.kind {
            RangeKind::Pool(_) => DhcpLine::AvailableRange(range.start, range.end),
            RangeKind::Proxy | RangeKind::Static(_) => {
                DhcpLine::Subnet(range.start, matched.netmask)
            }
        });
    }
    if let Some(class) = request.frame.option(VENDOR_CLASS, 1) {
        log(DhcpLine::VendorClass(printable(class)));
    }
    if let Some(class) = &request.user_class {
        log(DhcpLine::UserClass(printable(class)));
    }
    if let Some(name) = &request.name {
        log(DhcpLine::Name(to_text(name)));
    }
}

/// Warnings of a reply, and the options that did not fit.
pub fn log_warnings(reply: &Reply<'_>, omitted: Vec<DhcpLine>, effects: &mut Vec<Effect>) {
    let lines = reply.warnings.iter().cloned().chain(omitted);
    effects.extend(lines.map(|line| Effect::Log(Line::Dhcp(None, line))));
}

/// The lines of a reply. Its fields and options are read from `bytes`, the encoded reply.
pub fn log_reply(
    dhcp: &Dhcp,
    request: &Request<'_>,
    reply: &Reply<'_>,
    bytes: &[u8],
    effects: &mut Vec<Effect>,
) {
    let xid = request.frame.xid();
    let numbered = dhcp.log.then_some(xid);
    let mut log = |xid, line| effects.push(Effect::Log(Line::Dhcp(xid, line)));
    if dhcp.log || !dhcp.quiet {
        log(numbered, pxe_line(request, reply));
    }
    if dhcp.log {
        log(numbered, DhcpLine::Tags(reply.tags.listed()));
    }
    if let ReplyKind::Proxy { delay: Some(seconds) } = reply.kind
        && !dhcp.quiet
    {
        log(Some(xid), DhcpLine::Delay(seconds));
    }
    if dhcp.log && reply.kind != ReplyKind::Ignored {
        for line in field_lines(reply, bytes) {
            log(numbered, line);
        }
    }
}

fn pxe_line(request: &Request<'_>, reply: &Reply<'_>) -> DhcpLine {
    let file = &reply.file[..reply.file.len().min(field::FILE.len() - 1)];
    let outcome = match reply.kind {
        ReplyKind::Proxy { .. } => PxeOutcome::Proxy,
        ReplyKind::Ignored => PxeOutcome::Ignored,
        ReplyKind::BootItem => PxeOutcome::BootItem { address: reply.yiaddr, file: to_text(file) },
    };
    DhcpLine::Pxe { interface: request.ingress.link.name.clone(), mac: log_mac(request), outcome }
}

/// ARP hardware type of IEEE 1394 (RFC 2855). In client identifiers such clients use type 27 (RFC 4361).
const HTYPE_IEEE1394: u8 = 24;
const CLIENT_ID_TYPE_EUI64: u8 = 27;

/// The hardware address in the log. For a client without one it is the client identifier without its type (D-018).
fn log_mac(request: &Request<'_>) -> Vec<u8> {
    let htype = request.frame.htype();
    match request.client_id {
        Some([id_type, rest @ ..]) if request.frame.hlen() == 0 && rest.len() > 2 => {
            let is_type =
                *id_type == htype || (*id_type == CLIENT_ID_TYPE_EUI64 && htype == HTYPE_IEEE1394);
            if is_type { rest.to_vec() } else { [&[*id_type], rest].concat() }
        }
        _ => request.frame.mac().to_vec(),
    }
}

/// One line for each field and option of an encoded reply.
fn field_lines(reply: &Reply<'_>, bytes: &[u8]) -> Vec<DhcpLine> {
    let mut lines = Vec::new();
    let area = &bytes[field::OPTIONS..];
    let overloaded = options::find(area, OVERLOAD, 1).map_or(0, |value| value[0]);
    let text = |field| to_text(string(field));
    let (file, sname) = (&bytes[field::FILE], &bytes[field::SNAME]);
    if overloaded & overload::FILE != 0 {
        lines.extend(option_lines(file));
    } else if file[0] != 0 {
        lines.push(DhcpLine::BootFile(text(file)));
    }
    if overloaded & overload::SNAME != 0 {
        lines.extend(option_lines(sname));
    } else if sname[0] != 0 {
        lines.push(DhcpLine::ServerName(text(sname)));
    }
    if !reply.siaddr.is_unspecified() {
        lines.push(DhcpLine::NextServer(reply.siaddr));
    }
    if reply.flags & BROADCAST != 0 && reply.ciaddr.is_unspecified() {
        lines.push(DhcpLine::Broadcast);
    }
    lines.extend(option_lines(area));
    lines
}

fn option_lines(area: &[u8]) -> impl Iterator<Item = DhcpLine> {
    options::walk(area)
        .map(|(code, value)| DhcpLine::Sent(LoggedOption { code, value: value.to_vec() }))
}
