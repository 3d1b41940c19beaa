//! Parses the text of a log line into an event about a client.

use super::boot::TransferStats;
use super::log_record::{Component, LogRecord};
use crate::log_line::DropKind;
use crate::log_line::words::{
    ARCHITECTURE, BYTES_IN, CANNOT_ACCESS, DHCP_SERVER, DROPPED, ERROR, FAILED, FILE, FOR, FROM,
    HAS, NOT_FOUND, OTHER_PROXY, PORT, PROXY, PROXY_IGNORED, PXE, RECEIVED_FROM, SECONDS, SECURE,
    SENT, SINGLE_PORT, STARTED, TFTP_ROOT, TIMED_OUT, TO, VENDOR_CLASS,
};
use crate::wire::client_arch::Architecture;
use std::net::IpAddr;
use std::time::Duration;

/// What a log line is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The server was started.
    Started,
    /// The value of `tftp-root`.
    Root(String),
    /// The server sent an offer or an acknowledgement.
    Answered {
        /// Hardware address.
        mac: String,
        /// The port, with `log-debug` only.
        port: Option<u16>,
        /// The client architecture, with `log-debug` only.
        architecture: Option<Architecture>,
        /// The contents of the reply, with `log-debug` only.
        outcome: Option<String>,
    },
    /// `dhcp-ignore` applies to the client.
    Ignored {
        /// Hardware address.
        mac: String,
    },
    /// A request was dropped, with `log-debug` only.
    Dropped {
        /// Hardware address.
        mac: String,
        /// The reason, as text.
        reason: String,
        /// The reason, if the text is a known one.
        kind: Option<DropKind>,
    },
    /// The client selected a menu entry.
    Chosen {
        /// Hardware address.
        mac: String,
        /// IP address.
        ip: IpAddr,
        /// The boot file of the entry.
        file: String,
    },
    /// A DHCP server assigned an IP address.
    Leased {
        /// Hardware address.
        mac: String,
        /// IP address.
        ip: IpAddr,
    },
    /// The vendor class (option 60) of the client in a transaction, with `log-dhcp` only.
    ArchitectureSeen {
        /// Transaction ID.
        xid: u32,
        /// The client architecture in the vendor class.
        architecture: Architecture,
    },
    /// An event with its transaction ID, with `log-dhcp` only.
    InTransaction {
        /// Transaction ID.
        xid: u32,
        /// The event.
        event: Box<Event>,
    },
    /// A file was sent.
    Sent {
        /// The client.
        ip: IpAddr,
        /// The file.
        path: String,
    },
    /// Size and duration of a transfer, with `log-debug` only.
    TransferStats {
        /// The client.
        ip: IpAddr,
        /// The file.
        path: String,
        /// Size and duration.
        stats: TransferStats,
    },
    /// A file was not sent.
    Refused {
        /// The client; `None`: older versions of dnsmasq do not log it.
        ip: Option<IpAddr>,
        /// The file.
        path: String,
        /// The reason.
        reason: RefusalReason,
    },
    /// The client sent an error.
    ClientError {
        /// The client.
        ip: IpAddr,
        /// Code and message.
        text: String,
    },
    /// The client did not acknowledge a block for too long.
    TimedOut {
        /// The client.
        ip: IpAddr,
        /// The file.
        path: String,
    },
    /// A transfer failed: by the error in a line before, or by a timeout.
    Failed {
        /// The client.
        ip: IpAddr,
        /// The file.
        path: String,
    },
    /// A notice of the server.
    Notice {
        /// Hardware address or IP address.
        client: String,
        /// The text.
        text: String,
    },
}

/// Why a file was not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// It does not exist.
    NotFound,
    /// It is not readable.
    PermissionDenied,
}

/// The event of a record; `None` if it is not about a client.
pub fn event(record: &LogRecord<'_>) -> Option<Event> {
    match record.component {
        Component::Process if record.text.starts_with(STARTED) => Some(Event::Started),
        Component::Process => None,
        Component::Dhcp => dhcp_event(record.text),
        Component::Tftp => tftp_event(record.text),
    }
}

fn dhcp_event(text: &str) -> Option<Event> {
    let (first, rest) = text.split_once(' ')?;
    match first.parse() {
        Ok(xid) => transaction_event(xid, rest),
        Err(_) => dhcp_line(text),
    }
}

fn transaction_event(xid: u32, text: &str) -> Option<Event> {
    if let Some(class) = text.strip_prefix(VENDOR_CLASS) {
        let architecture = Architecture::from_vendor_class(class)?;
        return Some(Event::ArchitectureSeen { xid, architecture });
    }
    Some(Event::InTransaction { xid, event: Box::new(dhcp_line(text)?) })
}

fn dhcp_line(text: &str) -> Option<Event> {
    let (first, rest) = text.split_once(' ')?;
    let keyword = first.split('(').next().unwrap_or_default();
    let words: Vec<&str> = rest.split(' ').collect();
    let owned = |word: &str| word.to_owned();
    match (keyword, &words[..]) {
        (PXE, [mac, PROXY]) if is_mac(mac) => {
            Some(Event::Answered { mac: owned(mac), port: None, architecture: None, outcome: None })
        }
        (PXE, [mac, PROXY_IGNORED]) if is_mac(mac) => Some(Event::Ignored { mac: owned(mac) }),
        (PXE, [ip, mac, file @ ..]) if is_mac(mac) => {
            Some(Event::Chosen { mac: owned(mac), ip: ip.parse().ok()?, file: file.join(" ") })
        }
        ("DHCPACK" | "DHCPREQUEST" | "BOOTP", [ip, mac, ..]) if is_mac(mac) => {
            Some(Event::Leased { mac: owned(mac), ip: ip.parse().ok()? })
        }
        (PORT, _) => decision(rest),
        _ if is_mac(first) => Some(Event::Notice { client: owned(first), text: owned(rest) }),
        _ => other_server(text),
    }
}

/// `67: DISCOVER from 52:54:00:12:34:56 by eth0, architecture 7 (x86-64_EFI), tags eth0: OFFER to …`
fn decision(text: &str) -> Option<Event> {
    let (port, rest) = text.split_once(": ")?;
    let (_, rest) = rest.split_once(FROM)?;
    let mac = rest.split([' ', ',']).next()?.trim_end_matches(':').to_owned();
    if !is_mac(&mac) {
        return None;
    }
    let (request, outcome) = rest.get(mac.len()..)?.split_once(": ")?;
    if let Some(reason) = outcome.strip_prefix(DROPPED) {
        let kind = DropKind::parse(reason);
        return Some(Event::Dropped { mac, reason: reason.to_owned(), kind });
    }
    let number = request.split_once(ARCHITECTURE).and_then(|(_, rest)| rest.split(' ').next());
    let architecture = number.and_then(|number| number.parse().ok()).map(Architecture);
    let outcome = Some(outcome.to_owned());
    Some(Event::Answered { mac, port: port.parse().ok(), architecture, outcome })
}

/// A notice about another server. The hardware address of the client is the first one in the line.
fn other_server(text: &str) -> Option<Event> {
    [DHCP_SERVER, OTHER_PROXY].iter().find(|prefix| text.starts_with(**prefix))?;
    let client = text.split([' ', ',']).find(|word| is_mac(word))?;
    Some(Event::Notice { client: client.to_owned(), text: text.to_owned() })
}

fn tftp_event(text: &str) -> Option<Event> {
    if let Some(root) = text.strip_prefix(TFTP_ROOT) {
        let root = root.trim_end().trim_end_matches(SINGLE_PORT);
        let root = root.trim_end().trim_end_matches(SECURE);
        return Some(Event::Root(root.trim_end().to_owned()));
    }
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
    if let Some(rest) = text.strip_prefix(ERROR) {
        let (text, ip) = path_and_client(rest, RECEIVED_FROM)?;
        return Some(Event::ClientError { ip, text });
    }
    if let Some(rest) = text.strip_prefix(FILE) {
        return not_found(rest);
    }
    if let Some(rest) = text.strip_prefix(CANNOT_ACCESS) {
        let path = rest.rsplit_once(": ")?.0.to_owned();
        return Some(Event::Refused { ip: None, path, reason: RefusalReason::PermissionDenied });
    }
    transfer_stats(text).or_else(|| tftp_notice(text))
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

fn tftp_notice(text: &str) -> Option<Event> {
    let (client, rest) = text.split_once(' ')?;
    if !is_mac(client) && client.parse::<IpAddr>().is_err() {
        return None;
    }
    Some(Event::Notice { client: client.to_owned(), text: rest.to_owned() })
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

/// An IP address, without the interface name after `%` of a link-local one.
fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}

fn is_mac(word: &str) -> bool {
    let is_byte =
        |byte: &str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    word.contains(':') && word.split(':').all(is_byte)
}

#[cfg(test)]
mod tests {
    use super::super::log_record::log_record;
    use super::*;

    fn parse(component: &str, text: &str) -> Option<Event> {
        event(&log_record(&format!("dnsmasq{component}: {text}"))?)
    }

    const MAC: &str = "52:54:00:12:34:56";

    #[test]
    fn lines_of_dnsmasq_are_parsed_into_events() {
        let ip: IpAddr = [10, 0, 0, 9].into();
        let mac = || MAC.to_owned();
        let dhcp = |text: &str| parse("-dhcp", text);
        let answered =
            Event::Answered { mac: mac(), port: None, architecture: None, outcome: None };
        assert_eq!(dhcp("PXE(eth0) 52:54:00:12:34:56 proxy"), Some(answered.clone()));
        let in_transaction = Event::InTransaction { xid: 7, event: Box::new(answered) };
        assert_eq!(dhcp("7 PXE(eth0) 52:54:00:12:34:56 proxy"), Some(in_transaction));
        let chosen = Event::Chosen { mac: mac(), ip, file: "a b.0".into() };
        assert_eq!(dhcp("PXE(eth0) 10.0.0.9 52:54:00:12:34:56 a b.0"), Some(chosen));
        let seen = Event::ArchitectureSeen { xid: 7, architecture: Architecture(7) };
        assert_eq!(dhcp("7 vendor class: PXEClient:Arch:00007:UNDI:003016"), Some(seen));
        assert_eq!(
            dhcp("DHCPACK(eth0) 10.0.0.9 52:54:00:12:34:56 pc"),
            Some(Event::Leased { mac: mac(), ip })
        );
        let tftp = |text: &str| parse("-tftp", text);
        let path = || "/srv/a to b".to_owned();
        assert_eq!(tftp("sent /srv/a to b to 10.0.0.9"), Some(Event::Sent { ip, path: path() }));
        let reason = RefusalReason::NotFound;
        let refused = |ip| Event::Refused { ip, path: path(), reason };
        assert_eq!(tftp("file /srv/a to b not found for 10.0.0.9"), Some(refused(Some(ip))));
        assert_eq!(tftp("file /srv/a to b not found"), Some(refused(None)));
        let error = Event::ClientError { ip, text: "8 User aborted the transfer".into() };
        assert_eq!(tftp("error 8 User aborted the transfer received from 10.0.0.9"), Some(error));
        for root in ["/srv/my files  ", "/srv/my files secure mode single port mode"] {
            let event = tftp(&format!("TFTP root is {root}"));
            assert_eq!(event, Some(Event::Root("/srv/my files".into())));
        }
        assert_eq!(
            tftp("failed sending /srv/a to b to 10.0.0.9"),
            Some(Event::Failed { ip, path: path() })
        );
        assert_eq!(tftp("something else"), None);
    }
}
