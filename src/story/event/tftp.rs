//! Lines of TFTP.

use super::{Event, RefusalReason, ServerEvent, address, is_mac, problem};
use crate::log_line::words::{
    BYTES_COMMA, BYTES_IN, CANNOT_ACCESS, CANNOT_READ, ERROR, FAILED, FILE, FOR, HAS, NOT_FOUND,
    RECEIVED_FROM, SECONDS, SECURE, SENDING, SENT, SINGLE_PORT, TFTP_ENABLED, TFTP_MAX, TFTP_ROOT,
    TIMED_OUT, TO, TRANSFER_TO, WARNING,
};
use crate::story::boot::TransferStats;
use std::net::IpAddr;
use std::time::Duration;

/// Old releases log `TFTP sent …`, `TFTP error …`.
const OLD_PREFIX: &str = "TFTP ";
const NO_PORT: &str = "unable to get free port for TFTP";
/// Beginnings of lines about a request that is refused; the address of the client follows.
const BAD_REQUESTS: &[&str] = &[
    "unsupported write request from ",
    "unsupported request from ",
    "empty filename in request from ",
];

pub fn event(text: &str) -> Option<Event> {
    if let Some(root) = text.strip_prefix(TFTP_ROOT) {
        let root = root.trim_end().trim_end_matches(SINGLE_PORT);
        let root = root.trim_end().trim_end_matches(SECURE);
        return Some(enabled(Some(root.trim_end().to_owned())));
    }
    if text.starts_with(TFTP_ENABLED) {
        return Some(enabled(None));
    }
    if text.starts_with(NO_PORT) {
        return Some(problem(text));
    }
    if let Some(warning) = text.strip_prefix(WARNING) {
        return Some(problem(warning));
    }
    let text = text.strip_prefix(OLD_PREFIX).unwrap_or(text);
    end_of_transfer(text).or_else(|| refusal(text)).or_else(|| other(text))
}

fn enabled(root: Option<String>) -> Event {
    Event::Server(ServerEvent::TftpEnabled(root))
}

fn end_of_transfer(text: &str) -> Option<Event> {
    if let Some(rest) = text.strip_prefix(SENT) {
        let (path, ip) = path_and_client(rest, TO)?;
        return Some(Event::Sent { ip, path });
    }
    if let Some(rest) = text.strip_prefix(TIMED_OUT) {
        let (path, ip) = path_and_client(rest, TO)?;
        return Some(Event::TimedOut { ip, path });
    }
    if let Some(rest) = text.strip_prefix(FAILED) {
        let (path, ip) = path_and_client(rest, TO)?;
        return Some(Event::Failed { ip, path });
    }
    let rest = text.strip_prefix(ERROR)?;
    let (text, ip) = path_and_client(rest, RECEIVED_FROM)?;
    Some(Event::ClientError { ip, text: text.trim_end().to_owned() })
}

/// A request that is not answered with a file.
fn refusal(text: &str) -> Option<Event> {
    if let Some(rest) = text.strip_prefix(FILE) {
        return not_found(rest);
    }
    if let Some(rest) = text.strip_prefix(CANNOT_ACCESS) {
        let path = rest.rsplit_once(": ")?.0.to_owned();
        return Some(Event::Refused { ip: None, path, reason: RefusalReason::PermissionDenied });
    }
    if let Some(rest) = text.strip_prefix(CANNOT_READ) {
        let (path, error) = rest.rsplit_once(": ")?;
        let reason = RefusalReason::Unreadable(error.to_owned());
        return Some(Event::Refused { ip: None, path: path.to_owned(), reason });
    }
    let client = BAD_REQUESTS.iter().find_map(|start| text.strip_prefix(start))?;
    Some(Event::BadRequest { ip: address(client)?, text: text.to_owned() })
}

fn other(text: &str) -> Option<Event> {
    transfer_start(text).or_else(|| transfer_stats(text)).or_else(|| notice(text))
}

/// Splits `PATH to CLIENT`. The last separator counts: a path can contain it, an address cannot.
fn path_and_client(text: &str, separator: &str) -> Option<(String, IpAddr)> {
    let (path, ip) = text.rsplit_once(separator)?;
    Some((path.to_owned(), address(ip)?))
}

/// `/srv/x not found for 10.0.0.9`, or without the client in older versions of dnsmasq.
fn not_found(text: &str) -> Option<Event> {
    let reason = RefusalReason::NotFound;
    if let Some((path, ip)) = path_and_client(text, &[NOT_FOUND, FOR].concat()) {
        return Some(Event::Refused { ip: Some(ip), path, reason });
    }
    Some(Event::Refused { ip: None, path: text.strip_suffix(NOT_FOUND)?.to_owned(), reason })
}

fn notice(text: &str) -> Option<Event> {
    let client = match text.strip_prefix(TFTP_MAX) {
        Some(rest) => rest.split_once(TRANSFER_TO)?.1.split(' ').next()?,
        None => text.split(' ').next()?,
    };
    if !is_mac(client) && address(client).is_none() {
        return None;
    }
    let text = text.strip_prefix(client).unwrap_or(text).trim_start();
    let client = address(client).map_or_else(|| client.to_owned(), |ip| ip.to_string());
    Some(Event::Notice { client, text: text.to_owned() })
}

/// `sending /srv/x to 10.0.0.9: 123 bytes, blksize 1468, windowsize 4`
fn transfer_start(text: &str) -> Option<Event> {
    let (rest, _) = text.strip_prefix(SENDING)?.rsplit_once(BYTES_COMMA)?;
    let (rest, size) = rest.rsplit_once(": ")?;
    let (path, ip) = path_and_client(rest, TO)?;
    Some(Event::Loading { ip, path, size: size.parse().ok()? })
}

/// `10.0.0.9 has /srv/x: 123 bytes in 0.250 s, 492 kB/s`
fn transfer_stats(text: &str) -> Option<Event> {
    let (ip, rest) = text.split_once(HAS)?;
    let (path, rest) = rest.rsplit_once(": ")?;
    let (size, rest) = rest.split_once(BYTES_IN)?;
    let seconds = rest.split_once(SECONDS)?.0.parse().ok()?;
    let duration = Duration::try_from_secs_f64(seconds).ok()?;
    let stats = TransferStats { size: size.parse().ok()?, duration, datagrams: None };
    Some(Event::TransferStats { ip: address(ip)?, path: path.to_owned(), stats })
}
