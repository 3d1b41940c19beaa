//! An answer in bytes (docs/dnsmasq/proxydhcp.md, section 6).

use super::Reply;
use super::request::Request;
use crate::log_line::DhcpLine;
use crate::wire::dhcp::field;
use crate::wire::{options, pxe};

/// Most replies are shorter.
const MIN_REPLY_LEN: usize = 548;

/// The reply, and what did not fit into it.
///
/// It is made from the request: what is not set here stays as the client sent it.
pub fn encode(answer: &Reply<'_>, request: &Request<'_>) -> (Vec<u8>, Vec<DhcpLine>) {
    let mut fixed = Vec::with_capacity(MIN_REPLY_LEN);
    fixed.extend_from_slice(&request.frame.bytes()[..field::OPTIONS]);
    fixed[0] = 2;
    fixed[10..12].copy_from_slice(&answer.flags.to_be_bytes());
    fixed[field::CIADDR].copy_from_slice(&answer.ciaddr.octets());
    fixed[field::YIADDR].copy_from_slice(&answer.yiaddr.octets());
    fixed[field::SIADDR].copy_from_slice(&answer.siaddr.octets());
    write_string(&mut fixed[field::SNAME], &answer.sname);
    write_string(&mut fixed[field::FILE], &answer.file);

    let relay = relay_option(request);
    let limit = request.space() - relay.map_or(0, |value| value.len() + 2);
    let mut reply = options::Builder::new(fixed, limit);
    let mut complaints = Vec::new();
    let mut put = |code, value: &[u8]| {
        if reply.put(code, value).is_err() {
            complaints.push(DhcpLine::NoSpace(code));
        }
    };
    put(53, &[answer.message]);
    put(54, &answer.server.octets());
    put(60, &answer.vendor.value);
    if let Some(uuid) = request.uuid() {
        put(97, uuid);
    }
    let (items, longer): (Vec<_>, Vec<_>) = answer.items.iter().cloned().partition(pxe::fits);
    pxe::pack(&items).iter().for_each(|items| put(43, items));
    answer.options.iter().for_each(|(code, value)| put(*code, value));
    complaints.extend(longer.iter().map(|_| DhcpLine::NoSpace(43)));
    (reply.finish(relay), complaints)
}

/// At least one NUL ends it.
fn write_string(field: &mut [u8], text: &[u8]) {
    let text = &text[..text.len().min(field.len() - 1)];
    field.fill(0);
    field[..text.len()].copy_from_slice(text);
}

/// Option 82 goes back as it came (RFC 3046), if the request has an end option where the reply has room.
fn relay_option<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    let value = request.relay?;
    let end = field::OPTIONS + options::end(request.frame.options())?;
    (end + value.len() + 2 < request.space()).then_some(value)
}
