//! proxyDHCP (PXE 2.1, section 2.2): from a request to a decision, from the decision to a reply and log lines.
//!
//! ```text
//! datagram ─ ingress ─ request ─ assign_tags ─► evaluate ─► Decision ─ encode ─ log_lines ─ route ─► effects
//! ```
//!
//! No state is kept between requests, except the position in the address list of a boot server's name, from which
//! addresses are taken in turn.

mod assign_tags;
mod boot_item;
mod boot_server;
mod client_name;
mod drop_reason;
mod encode;
mod events;
pub mod explain;
pub mod foreign_reply;
mod ingress;
mod log_lines;
mod menu;
mod outcome;
mod proxy_reply;
mod pxe_options;
mod ranges;
pub mod request;
mod route;
#[cfg(test)]
mod tests;

pub use crate::wire::dhcp::message;
pub use drop_reason::DropReason;
pub use encode::{EncodedReply, encode};
pub use outcome::{Counters, Outcome};

use crate::boot_monitor::event::Mac;
use crate::config::lookup::tags::TagSet;
use crate::config::server_names::ServerNames;
use crate::config::{Config, Located, Origin};
use crate::effect::Effect;
use crate::log_line::DhcpLine;
use crate::net::{Datagram, Interfaces, ReceivedDatagram};
use crate::wire::dhcp::Frame;
use crate::wire::dhcp_option::VENDOR_CLASS;
use crate::wire::pxe::{HTTP_CLIENT, Item};
use conf_parser::Keyword;
use explain::no_boot_file::no_boot_file_event;
use ranges::MatchedRange;
use request::{ReceivedRequest, Request};
use std::net::{Ipv4Addr, SocketAddr};

/// The port of a PXE client's second request, when it has an address (PXE 2.1, section 2.2.3).
pub const PXE_PORT: u16 = 4011;

/// The port on which a request was received.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// 67, or the server port of `dhcp-alternate-port`.
    Server,
    /// [`PXE_PORT`].
    Pxe,
}

/// What requests are evaluated with.
pub struct Context<'c, 'n> {
    /// The configuration.
    pub config: &'c Config,
    /// The interfaces and addresses of this machine.
    pub interfaces: &'c Interfaces,
    /// Addresses of boot servers that are configured by name.
    pub names: &'n mut ServerNames,
}

/// Whether a decision is logged with its reasons (`log-debug`).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DecisionLog {
    /// One line for the decision.
    On,
    /// No line: not configured, or suppressed by the rate limit.
    Off,
}

/// The decision about a request.
#[derive(Clone, Debug)]
pub enum Decision<'c> {
    /// No reply is sent.
    Drop(DropReason),
    /// This reply is sent, unless its kind is [`ReplyKind::Ignored`].
    Reply(Box<Reply<'c>>),
}

/// A reply before it is encoded.
#[derive(Clone, Debug)]
pub struct Reply<'c> {
    /// DHCP message type.
    pub message_type: u8,
    /// The flags field.
    pub flags: u16,
    /// The address of the client, as in its request.
    pub ciaddr: Ipv4Addr,
    /// The address of the client, in the reply to a boot item.
    pub yiaddr: Ipv4Addr,
    /// RFC 2131 `siaddr`: the server of the boot file.
    pub siaddr: Ipv4Addr,
    /// RFC 2131 `sname`: the host name of that server.
    pub sname: Vec<u8>,
    /// RFC 2131 `file`: the boot file.
    pub file: Vec<u8>,
    /// Our address (option 54).
    pub server: Ipv4Addr,
    /// The configured vendor class that the client's begins with (option 60).
    pub vendor: &'c Located<Vec<u8>>,
    /// The items of option 43.
    pub items: Vec<Item>,
    /// Options of `dhcp-option-pxe`: code and value.
    pub options: Vec<(u8, Vec<u8>)>,
    /// Problems while the reply was made, in the order of their log lines.
    pub warnings: Vec<DhcpLine>,
    /// All tags of the request, that of the range included.
    pub tags: TagSet<'c>,
    /// What is done with the reply.
    pub kind: ReplyKind,
    /// The lines of the configuration that made it.
    pub provenance: Vec<Provenance<'c>>,
}

/// A line of the configuration, and the part of a reply that it made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Provenance<'c> {
    /// The part of the reply.
    pub part: ReplyPart,
    /// The option of the line.
    pub keyword: Keyword,
    /// File and line number.
    pub origin: &'c Origin,
}

/// Parts of a reply that are made by lines of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyPart {
    /// The reply itself, and our address in it.
    ServerId,
    /// The boot file and its server.
    BootFile,
    /// The boot file is sent on port 4011 only.
    DeferredToPxePort,
    /// The menu entry of that boot server type.
    MenuEntry(u16),
    /// The item of option 43 with that code.
    VendorItem(u8),
    /// The option with that code.
    Option(u8),
    /// The delay before the reply is sent.
    Delay,
    /// `dhcp-ignore`: the reply is not sent.
    Suppressed,
}

impl<'c> Provenance<'c> {
    fn new(part: ReplyPart, keyword: Keyword, origin: &'c Origin) -> Self {
        Self { part, keyword, origin }
    }
}

/// Kinds of reply.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyKind {
    /// To a DISCOVER, or to a REQUEST on port 4011; sent after so many seconds.
    Proxy { delay: Option<u32> },
    /// The same for a client of `dhcp-ignore`. As in dnsmasq it is made and logged, but not sent.
    Ignored,
    /// To a boot item.
    BootItem,
}

impl<'c> Reply<'c> {
    /// A reply without boot file, for a request in `range`.
    fn new(evaluation: &Evaluation<'_, 'c>, range: &MatchedRange<'c>, tags: TagSet<'c>) -> Self {
        let origin = &range.range.origin;
        Self {
            message_type: message::ACK,
            flags: evaluation.request.frame.flags(),
            ciaddr: Ipv4Addr::UNSPECIFIED,
            yiaddr: Ipv4Addr::UNSPECIFIED,
            siaddr: Ipv4Addr::UNSPECIFIED,
            sname: Vec::new(),
            file: Vec::new(),
            server: range.local,
            vendor: evaluation.vendor,
            items: Vec::new(),
            options: Vec::new(),
            warnings: Vec::new(),
            tags,
            kind: ReplyKind::Proxy { delay: None },
            provenance: vec![Provenance::new(ReplyPart::ServerId, Keyword::DhcpRange, origin)],
        }
    }

    /// The first line that made `part`.
    pub fn source_of(&self, part: ReplyPart) -> Option<&Provenance<'c>> {
        self.provenance.iter().find(|source| source.part == part)
    }

    /// The first menu entry's line.
    fn first_menu_entry(&self) -> Option<&Provenance<'c>> {
        self.provenance.iter().find(|source| matches!(source.part, ReplyPart::MenuEntry(_)))
    }

    /// Whether the reply has a menu entry.
    fn has_menu_entry(&self) -> bool {
        self.first_menu_entry().is_some()
    }

    /// The value of the first item of option 43 with that code.
    pub fn item(&self, code: u8) -> Option<&[u8]> {
        self.items.iter().find(|(found, _)| *found == code).map(|(_, value)| &**value)
    }
}

/// A request that was read, and the decision about it.
#[derive(Clone, Debug)]
pub struct Evaluated<'c> {
    /// The request.
    pub request: Request<'c>,
    /// Its tags, without that of the range and those of `tag-if`.
    pub tags: TagSet<'c>,
    /// The decision.
    pub decision: Decision<'c>,
}

impl<'c> Evaluated<'c> {
    /// The reply, if there is one.
    pub fn reply(&self) -> Option<&Reply<'c>> {
        match &self.decision {
            Decision::Reply(reply) => Some(reply),
            Decision::Drop(_) => None,
        }
    }

    /// All tags that conditions were compared with: those of the reply, else those of the request with `tag-if`.
    pub fn all_tags(&self, config: &'c Config) -> TagSet<'c> {
        match self.reply() {
            Some(reply) => reply.tags.clone(),
            None => self.tags.with_tag_ifs(&config.dhcp.tag_ifs).into_owned(),
        }
    }
}

/// The state of a decision.
struct Evaluation<'e, 'c> {
    config: &'c Config,
    names: &'e mut ServerNames,
    request: &'e Request<'c>,
    tags: &'e TagSet<'c>,
    vendor: &'c Located<Vec<u8>>,
    message_type: u8,
}

/// Handles a datagram: appends log lines and the reply to `effects`, in dnsmasq's order. The event about a missing boot
/// file and the line of `log_decision` come last, because they search the configuration. `is_notice_due` is called for a
/// client that gets no boot file: whether a notice about it may be logged now. Returns whether there is a reply.
pub fn handle_datagram(
    context: Context<'_, '_>,
    port: Port,
    datagram: &ReceivedDatagram<'_>,
    log_decision: DecisionLog,
    is_notice_due: impl FnOnce(Mac) -> bool,
    effects: &mut Vec<Effect>,
) -> Outcome {
    let Context { config, interfaces, .. } = context;
    let result = evaluate(context, port, datagram);
    let outcome = Outcome::of(&result);
    match &result {
        Ok(evaluated) => apply(config, evaluated, effects),
        Err(reason) => effects.extend(log_lines::log_drop(reason)),
    }
    let (bytes, result) = (datagram.bytes, result.as_ref());
    let request = (port, bytes);
    effects.extend(no_boot_file_event(config, interfaces, request, result, is_notice_due));
    if log_decision == DecisionLog::On {
        effects.push(explain::decision_line::decision_line(config, port, bytes, result));
    }
    outcome
}

/// The effects of a decision.
fn apply(config: &Config, evaluated: &Evaluated<'_>, effects: &mut Vec<Effect>) {
    let Evaluated { request, decision, .. } = evaluated;
    effects.extend(events::client_event(config, request, decision));
    log_lines::log_request(&config.dhcp, request, effects);
    match decision {
        Decision::Drop(reason) => effects.extend(log_lines::log_drop(reason)),
        Decision::Reply(reply) => {
            let EncodedReply { bytes, omitted } = encode(reply, request);
            log_lines::log_warnings(reply, omitted, effects);
            log_lines::log_reply(&config.dhcp, request, reply, &bytes, effects);
            effects.extend(send(config, request, reply, bytes));
        }
    }
}

/// Sends a reply now or after its delay; `None` for a client of `dhcp-ignore`.
fn send(
    config: &Config,
    request: &Request<'_>,
    reply: &Reply<'_>,
    bytes: Vec<u8>,
) -> Option<Effect> {
    let delay = match reply.kind {
        ReplyKind::Ignored => return None,
        ReplyKind::Proxy { delay } => delay.unwrap_or(0),
        ReplyKind::BootItem => 0,
    };
    let route = route::route(&config.dhcp, request, reply);
    let datagram = Datagram {
        via: route.via,
        to: route.to,
        from: None,
        interface: route.interface,
        neighbour: route.neighbour,
        bytes,
    };
    Some(if delay > 0 { Effect::SendDelayed(delay, datagram) } else { Effect::Send(datagram) })
}

/// Where a reply is sent to; `None` for a client of `dhcp-ignore`.
pub fn destination(
    config: &Config,
    request: &Request<'_>,
    reply: &Reply<'_>,
) -> Option<SocketAddr> {
    if reply.kind == ReplyKind::Ignored {
        return None;
    }
    Some(route::route(&config.dhcp, request, reply).to)
}

/// Reads a datagram and decides. `Err` if the datagram is not a request for this server.
pub fn evaluate<'c>(
    context: Context<'c, '_>,
    port: Port,
    datagram: &ReceivedDatagram<'c>,
) -> Result<Evaluated<'c>, DropReason> {
    let Context { config, interfaces, names } = context;
    if datagram.bytes.len() < Frame::MIN_LEN {
        return Err(DropReason::TooShort);
    }
    let ingress = ingress::find(config, interfaces, datagram.interface)?;
    let frame = Frame::parse(datagram.bytes).ok_or(DropReason::NotBootRequest)?;
    let received = ReceivedRequest { port, ingress, frame, peer: datagram.peer };
    let request = Request::read(config, interfaces, received)?;
    let tags = assign_tags::assign_tags(&config.dhcp, &request);
    let decision = decide(config, names, &request, &tags);
    Ok(Evaluated { request, tags, decision })
}

/// The decision about a request (docs/dnsmasq/proxydhcp.md, section 5).
fn decide<'c>(
    config: &'c Config,
    names: &mut ServerNames,
    request: &Request<'c>,
    tags: &TagSet<'c>,
) -> Decision<'c> {
    let Some(message_type) = request.message_type else { return Decision::Drop(DropReason::Bootp) };
    if !config.dhcp.pxe_enabled {
        return Decision::Drop(DropReason::NoPxeService);
    }
    let Some(vendor) = vendor(config, request) else {
        return Decision::Drop(not_pxe(request));
    };
    let mut evaluation = Evaluation { config, names, request, tags, vendor, message_type };
    match request.boot_item() {
        Some(item) => boot_item::decide(&mut evaluation, item),
        None => proxy_reply::decide(&mut evaluation),
    }
}

/// The first configured vendor class that the client's begins with.
fn vendor<'c>(config: &'c Config, request: &Request<'_>) -> Option<&'c Located<Vec<u8>>> {
    let class = request.frame.option(VENDOR_CLASS, 0)?;
    config.dhcp.pxe_vendor_classes.iter().find(|vendor| class.starts_with(&vendor.value))
}

fn not_pxe(request: &Request<'_>) -> DropReason {
    if request.frame.vendor_class().starts_with(HTTP_CLIENT) {
        DropReason::HttpBootClient
    } else {
        DropReason::NotPxe
    }
}
