//! Lines of proxyDHCP, and of a DHCP server in the same log.

use super::{Detail, Event, address, is_mac, problem};
use crate::log_line::DropKind;
use crate::log_line::words::{
    ARCHITECTURE, BOOT_FILE, CLIENT_NAME, DHCP_SERVER, DROPPED, FROM, NEXT_SERVER, NO_ADDRESS,
    NO_RANGE, OTHER_PROXY, PACKET_ON, PORT, PROXY, PROXY_IGNORED, PXE, VENDOR_CLASS,
};
use crate::wire::client_arch::Architecture;

/// Vendor classes of clients that boot from the network.
const BOOT_CLASSES: &[&str] = &["PXEClient", "HTTPClient", "AAPLBSDPC"];
/// Beginnings of lines about a fault of the server.
const PROBLEMS: &[&str] = &[
    "warning: ",
    "No IPv4 address found for ",
    "PXE menu too large",
    "PXE BIS not supported",
    "cannot send DHCP/BOOTP option ",
    "Error sending DHCP packet to ",
    "ARP-cache injection failed",
    "unknown interface ",
    "failed to ",
];
/// `sent size:  4 option: 54 server-identifier  192.168.10.2`
const SENT_OPTION: &str = "sent size:";
const SERVER_IDENTIFIER: &str = " server-identifier ";
const VENDOR_OPTIONS: &str = " vendor-encap ";
/// Option 43 with a menu that has a prompt: discovery control, then the boot servers (PXE 2.1, section 2.2.3).
const MENU_WITH_PROMPT: &str = "06:01:03:08:";

pub fn event(text: &str) -> Option<Event> {
    if PROBLEMS.iter().any(|start| text.starts_with(start)) {
        return Some(problem(text.strip_prefix("warning: ").unwrap_or(text)));
    }
    let (first, rest) = text.split_once(' ')?;
    match first.parse() {
        Ok(xid) => in_transaction(xid, rest),
        Err(_) => line(text),
    }
}

fn in_transaction(xid: u32, text: &str) -> Option<Event> {
    if PROBLEMS.iter().any(|start| text.starts_with(start)) {
        return Some(problem(text));
    }
    if let Some(detail) = detail(text) {
        return Some(Event::Detail { xid, detail });
    }
    Some(Event::InTransaction { xid, event: Box::new(line(text)?) })
}

fn detail(text: &str) -> Option<Detail> {
    if let Some(class) = text.strip_prefix(VENDOR_CLASS) {
        let is_boot = BOOT_CLASSES.iter().any(|known| class.starts_with(known));
        return Some(Detail::VendorClass(is_boot, Architecture::from_vendor_class(class)));
    }
    if let Some(name) = text.strip_prefix(CLIENT_NAME) {
        return Some(Detail::Name(name.trim().to_owned()));
    }
    if let Some(file) = text.strip_prefix(BOOT_FILE) {
        return Some(Detail::BootFile(file.to_owned()));
    }
    if let Some(server) = text.strip_prefix(NEXT_SERVER) {
        return Some(Detail::NextServer(address(server)?));
    }
    let option = text.strip_prefix(SENT_OPTION)?;
    if let Some((_, own)) = option.split_once(SERVER_IDENTIFIER) {
        return Some(Detail::OwnAddress(address(own.trim())?));
    }
    let (_, value) = option.split_once(VENDOR_OPTIONS)?;
    value.trim().starts_with(MENU_WITH_PROMPT).then_some(Detail::Menu)
}

fn line(text: &str) -> Option<Event> {
    if let Some(origin) = text.strip_prefix(NO_RANGE) {
        let origin = origin.trim().to_owned();
        return Some(Event::DroppedUnnamed { origin, text: text.to_owned() });
    }
    if let Some(interface) =
        text.strip_prefix(PACKET_ON).and_then(|rest| rest.strip_suffix(NO_ADDRESS))
    {
        return Some(Event::DroppedUnnamed {
            origin: format!("via {interface}"),
            text: text.to_owned(),
        });
    }
    let (first, rest) = text.split_once(' ')?;
    let keyword = first.split('(').next().unwrap_or_default();
    let words: Vec<&str> = rest.split(' ').filter(|word| !word.is_empty()).collect();
    match (keyword, &words[..]) {
        (PXE, _) => pxe(&words),
        (PORT, _) => decision(rest),
        ("DHCPDISCOVER", _) => discover(&words),
        ("DHCPOFFER" | "DHCPACK" | "DHCPREQUEST" | "BOOTP", [ip, mac, name @ ..])
            if is_mac(mac) =>
        {
            Some(Event::Assigned {
                mac: (*mac).to_owned(),
                ip: ip.parse().ok()?,
                message: keyword.to_owned(),
                name: name.first().map(|name| (*name).to_owned()).filter(|_| keyword == "DHCPACK"),
            })
        }
        _ if is_mac(first) => {
            Some(Event::Notice { client: first.to_owned(), text: rest.to_owned() })
        }
        _ => other_server(text),
    }
}

/// The words after `PXE(eth0)`.
fn pxe(words: &[&str]) -> Option<Event> {
    match words {
        [mac, PROXY] if is_mac(mac) => Some(Event::Answered {
            mac: (*mac).to_owned(),
            port: None,
            architecture: None,
            outcome: None,
        }),
        [mac, PROXY_IGNORED] if is_mac(mac) => Some(Event::Ignored { mac: (*mac).to_owned() }),
        [ip, mac, file @ ..] if is_mac(mac) => Some(Event::Chosen {
            mac: (*mac).to_owned(),
            ip: ip.parse().ok()?,
            file: file.join(" "),
        }),
        _ => None,
    }
}

/// The words after `DHCPDISCOVER(eth0)`: a requested address, the hardware address, and why there is no offer.
fn discover(words: &[&str]) -> Option<Event> {
    let index = words.iter().take(2).position(|word| is_mac(word))?;
    let refusal = words[index + 1..].join(" ");
    Some(Event::Requested {
        mac: words[index].to_owned(),
        message: "DHCPDISCOVER".to_owned(),
        refusal: (!refusal.is_empty()).then_some(refusal),
    })
}

/// `67: DISCOVER from 52:54:00:12:34:56 by eth0, architecture 7 (x86-64_EFI), tags eth0: OFFER to …`, or, for a datagram
/// whose options were not parsed, `67: dropped: DISCOVER from 52:54:00:12:34:56: it is too short for DHCP`.
fn decision(text: &str) -> Option<Event> {
    let (port, request) = text.split_once(": ")?;
    let dropped = request.strip_prefix(DROPPED);
    let (_, rest) = request.split_once(FROM)?;
    let mac = rest.split([' ', ',']).next()?.trim_end_matches(':').to_owned();
    if !is_mac(&mac) {
        return None;
    }
    let (request, outcome) = rest.get(mac.len()..)?.split_once(": ")?;
    let number = request.split_once(ARCHITECTURE).and_then(|(_, rest)| rest.split(' ').next());
    let architecture = number.and_then(|number| number.parse().ok()).map(Architecture);
    if let Some(reason) = outcome.strip_prefix(DROPPED).or(dropped.and(Some(outcome))) {
        let kind = DropKind::parse(reason);
        return Some(Event::Dropped { mac, reason: reason.to_owned(), kind, architecture });
    }
    let outcome = Some(outcome.to_owned());
    Some(Event::Answered { mac, port: port.parse().ok(), architecture, outcome })
}

/// A notice about another server. The hardware address of the client is the first one in the line.
fn other_server(text: &str) -> Option<Event> {
    [DHCP_SERVER, OTHER_PROXY].iter().find(|prefix| text.starts_with(**prefix))?;
    let client = text.split([' ', ',']).find(|word| is_mac(word))?;
    Some(Event::Notice { client: client.to_owned(), text: text.to_owned() })
}
