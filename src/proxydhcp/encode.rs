//! Encoding of a reply (docs/dnsmasq/proxydhcp.md, section 6).

use super::Reply;
use super::request::Request;
use crate::log_line::DhcpLine;
use crate::wire::dhcp::{BOOT_REPLY, field};
use crate::wire::dhcp_option::{
    CLIENT_UUID, MESSAGE_TYPE, SERVER_ID, VENDOR_CLASS, VENDOR_SPECIFIC,
};
use crate::wire::{options, pxe, reply};

/// Initial capacity of the buffer: most replies are shorter.
const REPLY_CAPACITY: usize = 548;

/// A reply in bytes, and a log line for each option that did not fit.
pub struct EncodedReply {
    /// The datagram.
    pub bytes: Vec<u8>,
    /// The options that did not fit.
    pub omitted: Vec<DhcpLine>,
}

/// Encodes a reply. It starts as a copy of the request: fields that are not set here keep the values of the client.
pub fn encode(reply: &Reply<'_>, request: &Request<'_>) -> EncodedReply {
    let relay = relay_option(request);
    let limit = request.max_reply_len() - relay.map_or(0, |value| value.len() + 2);
    let mut builder = reply::Builder::new(fixed_fields(reply, request), limit);
    let mut omitted = Vec::new();
    let mut put = |code, value: &[u8]| {
        if builder.put(code, value).is_err() {
            omitted.push(DhcpLine::NoSpace(code));
        }
    };
    put(MESSAGE_TYPE, &[reply.message_type]);
    put(SERVER_ID, &reply.server.octets());
    put(VENDOR_CLASS, &reply.vendor.value);
    if let Some(uuid) = request.uuid() {
        put(CLIENT_UUID, uuid);
    }
    for value in pxe::pack(reply.items.iter().filter(|item| pxe::fits(item))) {
        put(VENDOR_SPECIFIC, &value);
    }
    for (code, value) in &reply.options {
        put(*code, value);
    }
    let too_long = reply.items.iter().filter(|item| !pxe::fits(item));
    omitted.extend(too_long.map(|_| DhcpLine::NoSpace(VENDOR_SPECIFIC)));
    EncodedReply { bytes: builder.finish(relay), omitted }
}

fn fixed_fields(reply: &Reply<'_>, request: &Request<'_>) -> Vec<u8> {
    let mut fixed = Vec::with_capacity(REPLY_CAPACITY);
    fixed.extend_from_slice(&request.frame.bytes()[..field::OPTIONS]);
    fixed[field::OP] = BOOT_REPLY;
    fixed[field::FLAGS].copy_from_slice(&reply.flags.to_be_bytes());
    fixed[field::CIADDR].copy_from_slice(&reply.ciaddr.octets());
    fixed[field::YIADDR].copy_from_slice(&reply.yiaddr.octets());
    fixed[field::SIADDR].copy_from_slice(&reply.siaddr.octets());
    write_string(&mut fixed[field::SNAME], &reply.sname);
    write_string(&mut fixed[field::FILE], &reply.file);
    fixed
}

/// Writes a text with at least one NUL at its end; a longer text is cut.
fn write_string(field: &mut [u8], text: &[u8]) {
    let text = &text[..text.len().min(field.len() - 1)];
    field.fill(0);
    field[..text.len()].copy_from_slice(text);
}

/// Option 82 is returned unchanged (RFC 3046), if the end option of the request is at an offset where the reply has
/// space for it.
fn relay_option<'a>(request: &Request<'a>) -> Option<&'a [u8]> {
    let value = request.relay?;
    let end = field::OPTIONS + options::end(request.frame.options())?;
    (end + value.len() + 2 < request.max_reply_len()).then_some(value)
}
