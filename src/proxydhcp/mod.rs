//! proxyDHCP (PXE 2.1, section 2.2): a function from a request to a decision, and from that to bytes and log lines.
//!
//! ```text
//! Arrival ─ place ─► Place ─ request ─► Request ─ decide ─► Decision ─ emit ─► bytes ─ lines ─► log
//! ```
//!
//! Nothing is remembered between requests but whose turn it is among several addresses of a boot server's name.

mod assign_tags;
mod boot_item;
mod client_name;
mod drop_reason;
mod encode;
mod events;
pub mod explain;
pub mod foreign_reply;
mod ingress;
mod log_lines;
mod menu;
mod proxy_reply;
mod pxe_options;
mod ranges;
pub mod request;
mod route;
#[cfg(test)]
mod tests;

pub use crate::wire::dhcp::message;
pub use drop_reason::DropReason;

use crate::config::lookup::tags::TagSet;
use crate::config::server_names::ServerNames;
use crate::config::{Config, Located, Origin};
use crate::effect::Effect;
use crate::log_line::DhcpLine;
use crate::net::{Interfaces, ReceivedDatagram};
use crate::wire::dhcp::Frame;
use crate::wire::pxe::Item;
use conf_parser::Keyword;
use request::Request;
use std::net::{Ipv4Addr, SocketAddr};

/// Where a client asks again, once it has an address (PXE 2.1, section 2.2.3).
pub const PXE_PORT: u16 = 4011;

/// The port a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// 67, or what `dhcp-alternate-port` says.
    Server,
    /// 4011.
    Pxe,
}

/// What is to be done about a request.
#[derive(Clone, Debug)]
pub enum Decision<'c> {
    /// Nothing.
    Drop(DropReason),
    /// This.
    Reply(Box<Reply<'c>>),
}

/// A reply, not yet in bytes.
#[derive(Clone, Debug)]
pub struct Reply<'c> {
    /// Its message type.
    pub message: u8,
    /// Its flags.
    pub flags: u16,
    /// Its addresses.
    pub ciaddr: Ipv4Addr,
    /// The client's, in the answer to a boot item.
    pub yiaddr: Ipv4Addr,
    /// Who serves the file.
    pub siaddr: Ipv4Addr,
    /// The same as a name.
    pub sname: Vec<u8>,
    /// What to load.
    pub file: Vec<u8>,
    /// Our address (option 54).
    pub server: Ipv4Addr,
    /// The vendor class we know the client by (option 60).
    pub vendor: &'c Located<Vec<u8>>,
    /// Option 43.
    pub items: Vec<Item>,
    /// Options of `dhcp-option-pxe`.
    pub options: Vec<(u8, Vec<u8>)>,
    /// What went wrong on the way, in order.
    pub warnings: Vec<DhcpLine>,
    /// The tags it was chosen by.
    pub tags: TagSet<'c>,
    /// What kind of answer it is.
    pub kind: ReplyKind,
    /// The lines of the configuration that made it.
    pub provenance: Vec<Provenance<'c>>,
}

/// A line, and what it made of an answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance<'c> {
    /// What.
    pub part: ReplyPart,
    /// The kind of line.
    pub keyword: Keyword,
    /// The line.
    pub origin: &'c Origin,
}

/// Parts of an answer that lines make.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyPart {
    /// That there is one, and our address in it.
    ServerId,
    /// The boot file and who serves it.
    BootFile,
    /// What is told on port 4011.
    DeferredToPxePort,
    /// The entry of the menu of that type.
    MenuEntry(u16),
    /// That item of option 43.
    VendorItem(u8),
    /// That option.
    Option(u8),
    /// That it waits.
    Delay,
    /// That it is not sent.
    Suppressed,
}

impl<'c> Provenance<'c> {
    fn new(made: ReplyPart, keyword: Keyword, origin: &'c Origin) -> Self {
        Self { part: made, keyword, origin }
    }
}

/// Kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// To a DISCOVER, or a REQUEST on 4011; it may wait so many seconds.
    Proxy { delay: Option<u32> },
    /// The same, for a client that is ignored: worked out, logged, not sent.
    Ignored,
    /// To a boot item.
    BootItem,
}

/// Answers a datagram: appends what is to be logged and sent, in dnsmasq's order. `telling`: the decision is told too.
pub fn handle_datagram(
    config: &Config,
    interfaces: &Interfaces,
    names: &mut ServerNames,
    port: Port,
    arrival: &ReceivedDatagram<'_>,
    telling: bool,
    effects: &mut Vec<Effect>,
) {
    let judged = evaluate(config, interfaces, names, port, arrival);
    if telling {
        effects.push(explain::decision_line::decision_line(
            config,
            port,
            arrival.bytes,
            judged.as_ref(),
        ));
    }
    let Evaluated { request, decision } = match judged {
        Ok(judged) => judged,
        Err(why) => return effects.extend(log_lines::log_drop(&why)),
    };
    effects.extend(events::client_event(config, &request, &decision));
    log_lines::log_request(&config.dhcp, &request, effects);
    match decision {
        Decision::Drop(why) => effects.extend(log_lines::log_drop(&why)),
        Decision::Reply(answer) => {
            let EncodedReply { bytes, omitted: unsent } = reply(&request, &answer);
            log_lines::log_reply(&config.dhcp, &request, &answer, unsent, &bytes, effects);
            effects.extend(route::address_reply(&config.dhcp, &request, &answer, bytes));
        }
    }
}

/// An answer in bytes, and what did not fit into it.
pub struct EncodedReply {
    /// The bytes.
    pub bytes: Vec<u8>,
    /// In the log's words.
    pub omitted: Vec<DhcpLine>,
}

/// An answer in bytes.
pub fn reply(request: &Request<'_>, answer: &Reply<'_>) -> EncodedReply {
    let (bytes, unsent) = encode::encode(answer, request);
    EncodedReply { bytes, omitted: unsent }
}

/// Where an answer goes; `None`: nowhere.
pub fn destination(
    config: &Config,
    request: &Request<'_>,
    answer: &Reply<'_>,
) -> Option<SocketAddr> {
    match route::address_reply(&config.dhcp, request, answer, Vec::new())? {
        Effect::Send(datagram) | Effect::SendDelayed(_, datagram) => Some(datagram.to),
        _ => None,
    }
}

/// A request that was read, and what is to be done about it.
#[derive(Clone, Debug)]
pub struct Evaluated<'c> {
    /// The request.
    pub request: Request<'c>,
    /// What is to be done.
    pub decision: Decision<'c>,
}

/// Reads a datagram and decides. `Err`: it is for nobody here.
pub fn evaluate<'c>(
    config: &'c Config,
    interfaces: &'c Interfaces,
    names: &mut ServerNames,
    port: Port,
    arrival: &'c ReceivedDatagram<'c>,
) -> Result<Evaluated<'c>, DropReason> {
    let request = read(config, interfaces, port, arrival)?;
    let decision = decide(config, names, &request);
    Ok(Evaluated { request, decision })
}

/// Everything a request says, and everything that follows from who sent it.
fn read<'a>(
    config: &'a Config,
    interfaces: &'a Interfaces,
    port: Port,
    arrival: &'a ReceivedDatagram<'a>,
) -> Result<Request<'a>, DropReason> {
    if arrival.bytes.len() < Frame::MIN_LEN {
        return Err(DropReason::TooShort);
    }
    let place = ingress::find(config, interfaces, arrival.interface)?;
    let frame = Frame::parse(arrival.bytes).ok_or(DropReason::NotBootRequest)?;
    Request::read(config, interfaces, port, place, frame, arrival.peer)
}

/// What to do about a request (docs/dnsmasq/proxydhcp.md, section 5).
fn decide<'c>(config: &'c Config, names: &mut ServerNames, request: &Request<'c>) -> Decision<'c> {
    let Some(message) = request.message else { return Decision::Drop(DropReason::Bootp) };
    if !config.dhcp.pxe_enabled {
        return Decision::Drop(DropReason::NoPxeService);
    }
    let Some(vendor) = vendor(config, request) else {
        let class = request.frame.option(60, 1).unwrap_or_default();
        return Decision::Drop(DropReason::NotPxe(class.starts_with(b"HTTPClient")));
    };
    match request.boot_item(message) {
        Some(item) => boot_item::decide(config, names, request, vendor, item),
        None => proxy_reply::decide(config, names, request, vendor, message),
    }
}

/// The vendor class the client's begins with, as it is configured.
fn vendor<'c>(config: &'c Config, request: &Request<'_>) -> Option<&'c Located<Vec<u8>>> {
    let class = request.frame.option(60, 0)?;
    config.dhcp.pxe_vendor_classes.iter().find(|vendor| class.starts_with(&vendor.value))
}
