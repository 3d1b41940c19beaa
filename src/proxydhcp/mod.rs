//! proxyDHCP (PXE 2.1, section 2.2): a function from a request to a decision, and from that to bytes and log lines.
//!
//! ```text
//! Arrival ─ place ─► Place ─ request ─► Request ─ decide ─► Decision ─ emit ─► bytes ─ lines ─► log
//! ```
//!
//! Nothing is remembered between requests but whose turn it is among several addresses of a boot server's name.

mod boot_item;
mod candidates;
mod client_name;
mod emit;
mod lines;
mod menu;
mod offer;
mod place;
mod pxe_options;
mod request;
mod route;
mod tagging;
#[cfg(test)]
mod tests;

use crate::config::names::Names;
use crate::config::tags::TagSet;
use crate::config::{Config, Origin};
use crate::effect::Effect;
use crate::log_line::DhcpLine;
use crate::net::{Arrival, Interfaces};
use crate::wire::dhcp::Frame;
use crate::wire::pxe::Item;
use request::Request;
use std::net::Ipv4Addr;

/// The port a request came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    /// 67, or what `dhcp-alternate-port` says.
    Server,
    /// 4011.
    Pxe,
}

/// DHCP message types (RFC 2132, section 9.6).
pub mod message {
    /// DHCPDISCOVER
    pub const DISCOVER: u8 = 1;
    /// DHCPOFFER
    pub const OFFER: u8 = 2;
    /// DHCPREQUEST
    pub const REQUEST: u8 = 3;
    /// DHCPACK
    pub const ACK: u8 = 5;
    /// DHCPINFORM
    pub const INFORM: u8 = 8;
}

/// Architectures from here on are EFI: they are sent to port 4011 for everything (PXE 2.1; RFC 4578).
const FIRST_EFI: u16 = 6;

/// Why a request is not answered. Nothing is dropped without one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Why {
    /// Fewer bytes than a BOOTP frame has.
    TooShort,
    /// It came in by an interface that is gone.
    NoInterface,
    /// The interface it is taken to come from is not there.
    BridgeMissing(String),
    /// Its interface has no address; `true`: but would be served.
    NoAddress(String, bool),
    /// DHCP is kept off its interface.
    DhcpRefused,
    /// Its interface is not listened on.
    NotListening,
    /// Not a request at all, or DHCP without cookie.
    NotARequest,
    /// No range is for it; how it came, in the log's words.
    NoRange(String),
    /// BOOTP.
    Bootp,
    /// There is neither `pxe-service` nor `pxe-prompt`.
    PxeIsOff,
    /// Its vendor class does not say PXE.
    NotPxe,
    /// Of another type than those answered here.
    Message(u8),
    /// It does not tell the client's architecture (option 93).
    NoArchitecture,
    /// Ranges are for it, but none of a proxy, or not for its tags.
    NoProxyRange,
    /// A boot item, of a client we ignore.
    Ignored,
    /// A boot item with boot integrity services.
    Bis,
    /// A boot item no service has, or one without a file.
    UnknownItem(u16),
    /// A boot item, from an address outside all ranges.
    AddressOutside(Ipv4Addr),
}

/// What is to be done about a request.
#[derive(Clone, Debug)]
pub enum Decision<'c> {
    /// Nothing.
    Silent(Why),
    /// This.
    Answer(Box<Answer<'c>>),
}

/// A reply, not yet in bytes.
#[derive(Clone, Debug)]
pub struct Answer<'c> {
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
    pub vendor: &'c [u8],
    /// Option 43.
    pub items: Vec<Item>,
    /// Options of `dhcp-option-pxe`.
    pub options: Vec<(u8, Vec<u8>)>,
    /// What went wrong on the way, in order.
    pub complaints: Vec<DhcpLine>,
    /// The tags it was chosen by.
    pub tags: TagSet<'c>,
    /// What kind of answer it is.
    pub kind: Kind,
    /// The lines of the configuration that made it.
    pub because: Vec<&'c Origin>,
}

/// Kinds of answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// To a DISCOVER, or a REQUEST on 4011; it may wait so many seconds.
    Proxy { delay: Option<u32> },
    /// The same, for a client that is ignored: worked out, logged, not sent.
    Ignored,
    /// To a boot item.
    BootItem,
}

/// Answers a datagram: appends what is to be logged and sent, in dnsmasq's order.
pub fn answer(
    config: &Config,
    interfaces: &Interfaces,
    names: &mut Names,
    port: Port,
    arrival: &Arrival<'_>,
    effects: &mut Vec<Effect>,
) {
    let request = match read(config, interfaces, port, arrival) {
        Ok(request) => request,
        Err(why) => return effects.extend(lines::drop_line(&why)),
    };
    lines::before(&config.dhcp, &request, effects);
    match decide(config, names, &request) {
        Decision::Silent(why) => effects.extend(lines::drop_line(&why)),
        Decision::Answer(answer) => {
            let (bytes, complaints) = emit::emit(&answer, &request);
            lines::of_answer(&config.dhcp, &request, &answer, complaints, &bytes, effects);
            effects.extend(route::send(&config.dhcp, &request, &answer, bytes));
        }
    }
}

/// Everything a request says, and everything that follows from who sent it.
fn read<'a>(
    config: &'a Config,
    interfaces: &'a Interfaces,
    port: Port,
    arrival: &'a Arrival<'a>,
) -> Result<Request<'a>, Why> {
    if arrival.bytes.len() < Frame::SHORTEST {
        return Err(Why::TooShort);
    }
    let place = place::find(config, interfaces, arrival.interface)?;
    let frame = Frame::parse(arrival.bytes).ok_or(Why::NotARequest)?;
    Request::read(config, interfaces, port, place, frame, arrival.peer)
}

/// What to do about a request (spec: proxyDHCP, section 5).
fn decide<'c>(config: &'c Config, names: &mut Names, request: &Request<'c>) -> Decision<'c> {
    let Some(message) = request.message else { return Decision::Silent(Why::Bootp) };
    if !config.dhcp.pxe {
        return Decision::Silent(Why::PxeIsOff);
    }
    let Some(vendor) = vendor(config, request) else { return Decision::Silent(Why::NotPxe) };
    match request.boot_item(message) {
        Some(item) => boot_item::decide(config, names, request, vendor, item),
        None => offer::decide(config, names, request, vendor, message),
    }
}

/// The vendor class the client's begins with, as it is configured.
fn vendor<'c>(config: &'c Config, request: &Request<'_>) -> Option<&'c [u8]> {
    let class = request.frame.option(60, 0)?;
    config.dhcp.vendors.iter().find(|vendor| class.starts_with(vendor)).map(|vendor| &vendor[..])
}
