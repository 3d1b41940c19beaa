//! What a line of a log says about a client.

use super::log_record::{Component, LogRecord};
use crate::log_line::DropKind;
use crate::log_line::words::{
    ARCHITECTURE, BYTES_IN, CANNOT_ACCESS, DHCP_SERVER, DROPPED, ERROR, FAILED, FILE, FOR, FROM,
    HAS, NOT_FOUND, OTHER_PROXY, PORT, PROXY, PROXY_IGNORED, PXE, RECEIVED_FROM, SECONDS, SECURE,
    SENT, SINGLE_PORT, STARTED, TFTP_ROOT, TIMED_OUT, TO, VENDOR_CLASS,
};
use crate::wire::client_arch::Architecture;
use std::net::IpAddr;

/// Something that happened to a client.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// The server began.
    Started,
    /// It serves files from there.
    Root(String),
    /// A client was answered on the way to its boot file; on that port, where the log tells.
    Answered {
        /// Who.
        mac: String,
        /// The port.
        port: Option<u16>,
        /// What it runs on, where decisions are logged.
        architecture: Option<Architecture>,
        /// More about it, where decisions are logged.
        outcome: Option<String>,
    },
    /// It would have been, but is to be ignored.
    Ignored {
        /// Who.
        mac: String,
    },
    /// A request of it was dropped, and why, where decisions are logged.
    Dropped {
        /// Who.
        mac: String,
        /// Why.
        reason: String,
        /// The same, as far as it is recognised.
        kind: Option<DropKind>,
    },
    /// It chose from the menu, and is sent there.
    Chosen {
        /// Who.
        mac: String,
        /// Its address.
        ip: IpAddr,
        /// The file.
        file: String,
    },
    /// It has an address.
    Leased {
        /// Who.
        mac: String,
        /// Its address.
        ip: IpAddr,
    },
    /// What the client of a transaction says about itself.
    ArchitectureSeen {
        /// The transaction.
        xid: u32,
        /// What it runs on.
        architecture: Architecture,
    },
    /// The transaction of the next line about a client is that one.
    InTransaction {
        /// The transaction.
        xid: u32,
        /// The line.
        event: Box<Event>,
    },
    /// It has a file.
    Sent {
        /// Who.
        ip: IpAddr,
        /// Which.
        path: String,
    },
    /// How big the file was, and how long it took.
    TransferStats {
        /// Who.
        ip: IpAddr,
        /// Which.
        path: String,
        /// Its size in bytes.
        size: u64,
        /// Seconds.
        seconds: f64,
    },
    /// It did not get a file.
    Refused {
        /// Who, if the log says so.
        ip: Option<IpAddr>,
        /// Which.
        path: String,
        /// Why.
        reason: RefusalReason,
    },
    /// It broke off.
    ClientError {
        /// Who.
        ip: IpAddr,
        /// In the client's words.
        text: String,
    },
    /// It has not acknowledged for long.
    TimedOut {
        /// Who.
        ip: IpAddr,
        /// Which file.
        path: String,
    },
    /// A transfer has failed: it broke off, as a line before says, or has not acknowledged for long.
    Failed {
        /// Who.
        ip: IpAddr,
        /// Which file.
        path: String,
    },
    /// The server remarks on it.
    Notice {
        /// Its hardware address or address.
        client: String,
        /// What.
        text: String,
    },
}

/// Why a file is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// It is not there.
    NotFound,
    /// It may not be read.
    PermissionDenied,
}

/// What an entry says; `None`: nothing about a client.
pub fn event(entry: &LogRecord<'_>) -> Option<Event> {
    match entry.component {
        Component::Process => entry.text.starts_with(STARTED).then_some(Event::Started),
        Component::Dhcp => of_dhcp(entry.text),
        Component::Tftp => of_tftp(entry.text),
    }
}

fn of_dhcp(text: &str) -> Option<Event> {
    let (first, rest) = text.split_once(' ')?;
    if let Ok(xid) = first.parse() {
        return of_transaction(xid, rest);
    }
    of_line(text)
}

fn of_transaction(xid: u32, text: &str) -> Option<Event> {
    if let Some(class) = text.strip_prefix(VENDOR_CLASS) {
        let architecture = Architecture::from_vendor_class(class)?;
        return Some(Event::ArchitectureSeen { xid, architecture });
    }
    Some(Event::InTransaction { xid, event: Box::new(of_line(text)?) })
}

fn of_line(text: &str) -> Option<Event> {
    let (head, rest) = text.split_once(' ')?;
    let word = head.split('(').next().unwrap_or_default();
    let words: Vec<&str> = rest.split(' ').collect();
    match (word, &words[..]) {
        (PXE, [mac, PROXY]) if is_mac(mac) => Some(Event::Answered {
            mac: (*mac).to_owned(),
            port: None,
            architecture: None,
            outcome: None,
        }),
        (PXE, [mac, PROXY_IGNORED]) if is_mac(mac) => {
            Some(Event::Ignored { mac: (*mac).to_owned() })
        }
        (PXE, [ip, mac, file @ ..]) if is_mac(mac) => Some(Event::Chosen {
            mac: (*mac).to_owned(),
            ip: ip.parse().ok()?,
            file: file.join(" "),
        }),
        ("DHCPACK" | "DHCPREQUEST" | "BOOTP", [ip, mac, ..]) if is_mac(mac) => {
            Some(Event::Leased { mac: (*mac).to_owned(), ip: ip.parse().ok()? })
        }
        (PORT, _) => decision(rest),
        _ if is_mac(head) => Some(Event::Notice { client: head.to_owned(), text: rest.to_owned() }),
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
    let (facts, outcome) = rest.get(mac.len()..)?.split_once(": ")?;
    if let Some(why) = outcome.strip_prefix(DROPPED) {
        let kind = DropKind::parse(why);
        return Some(Event::Dropped { mac, reason: why.to_owned(), kind });
    }
    let number = facts.split_once(ARCHITECTURE).and_then(|(_, rest)| rest.split(' ').next());
    let architecture = number.and_then(|number| number.parse().ok()).map(Architecture);
    let outcome = Some(outcome.to_owned());
    Some(Event::Answered { mac, port: port.parse().ok(), architecture, outcome })
}

/// A notice about another server names the client in its midst.
fn other_server(text: &str) -> Option<Event> {
    let about = [DHCP_SERVER, OTHER_PROXY];
    about.iter().find(|begin| text.starts_with(**begin))?;
    let client = text.split([' ', ',']).find(|word| is_mac(word))?;
    Some(Event::Notice { client: client.to_owned(), text: text.to_owned() })
}

fn of_tftp(text: &str) -> Option<Event> {
    if let Some(root) = text.strip_prefix(TFTP_ROOT) {
        let root = root.trim_end().trim_end_matches(SINGLE_PORT);
        let root = root.trim_end().trim_end_matches(SECURE);
        return Some(Event::Root(root.trim_end().to_owned()));
    }
    // What stands behind the last ` to `, ` for `, ` from ` is who.
    let who = |rest: &str, before: &str| {
        let (path, ip) = rest.rsplit_once(before)?;
        Some((path.to_owned(), address(ip)?))
    };
    if let Some(rest) = text.strip_prefix(SENT) {
        let (path, ip) = who(rest, TO)?;
        return Some(Event::Sent { ip, path });
    }
    if let Some(rest) = text.strip_prefix(TIMED_OUT) {
        let (path, ip) = who(rest, TO)?;
        return Some(Event::TimedOut { ip, path });
    }
    if let Some(rest) = text.strip_prefix(FAILED) {
        let (path, ip) = who(rest, TO)?;
        return Some(Event::Failed { ip, path });
    }
    if let Some(rest) = text.strip_prefix(ERROR) {
        let (text, ip) = who(rest, RECEIVED_FROM)?;
        return Some(Event::ClientError { ip, text });
    }
    if let Some(rest) = text.strip_prefix(FILE) {
        let why = RefusalReason::NotFound;
        return Some(match who(rest, &[NOT_FOUND, FOR].concat()) {
            Some((path, ip)) => Event::Refused { ip: Some(ip), path, reason: why },
            None => Event::Refused {
                ip: None,
                path: rest.strip_suffix(NOT_FOUND)?.to_owned(),
                reason: why,
            },
        });
    }
    if let Some(rest) = text.strip_prefix(CANNOT_ACCESS) {
        let path = rest.rsplit_once(": ")?.0.to_owned();
        return Some(Event::Refused { ip: None, path, reason: RefusalReason::PermissionDenied });
    }
    transfer_stats(text).or_else(|| {
        let (client, rest) = text.split_once(' ')?;
        let is_client = is_mac(client) || client.parse::<IpAddr>().is_ok();
        is_client.then(|| Event::Notice { client: client.to_owned(), text: rest.to_owned() })
    })
}

/// `10.0.0.9 has /srv/x: 123 bytes in 0.250 s, 492 kB/s`
fn transfer_stats(text: &str) -> Option<Event> {
    let (ip, rest) = text.split_once(HAS)?;
    let (path, rest) = rest.rsplit_once(": ")?;
    let (size, rest) = rest.split_once(BYTES_IN)?;
    let seconds = rest.split_once(SECONDS)?.0.parse().ok()?;
    Some(Event::TransferStats {
        ip: address(ip)?,
        path: path.to_owned(),
        size: size.parse().ok()?,
        seconds,
    })
}

/// An address, perhaps with the interface of a link behind `%`.
fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}

fn is_mac(word: &str) -> bool {
    let mut bytes = word.split(':');
    let is_byte =
        |byte: &str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    word.contains(':') && bytes.all(is_byte)
}

#[cfg(test)]
mod tests {
    use super::super::log_record::log_record;
    use super::*;

    fn read(part: &str, text: &str) -> Option<Event> {
        event(&log_record(&format!("dnsmasq{part}: {text}"))?)
    }

    const MAC: &str = "52:54:00:12:34:56";

    #[test]
    fn lines_of_dnsmasq_are_understood() {
        let ip: IpAddr = [10, 0, 0, 9].into();
        let mac = || MAC.to_owned();
        let dhcp = |text: &str| read("-dhcp", text);
        let answered =
            Event::Answered { mac: mac(), port: None, architecture: None, outcome: None };
        assert_eq!(dhcp("PXE(eth0) 52:54:00:12:34:56 proxy"), Some(answered.clone()));
        let of = Event::InTransaction { xid: 7, event: Box::new(answered) };
        assert_eq!(dhcp("7 PXE(eth0) 52:54:00:12:34:56 proxy"), Some(of));
        let chosen = Event::Chosen { mac: mac(), ip, file: "a b.0".into() };
        assert_eq!(dhcp("PXE(eth0) 10.0.0.9 52:54:00:12:34:56 a b.0"), Some(chosen));
        let says = Event::ArchitectureSeen { xid: 7, architecture: Architecture(7) };
        assert_eq!(dhcp("7 vendor class: PXEClient:Arch:00007:UNDI:003016"), Some(says));
        assert_eq!(
            dhcp("DHCPACK(eth0) 10.0.0.9 52:54:00:12:34:56 pc"),
            Some(Event::Leased { mac: mac(), ip })
        );
        let tftp = |text: &str| read("-tftp", text);
        let path = || "/srv/a to b".to_owned();
        assert_eq!(tftp("sent /srv/a to b to 10.0.0.9"), Some(Event::Sent { ip, path: path() }));
        let why = RefusalReason::NotFound;
        let missed = |ip| Event::Refused { ip, path: path(), reason: why };
        assert_eq!(tftp("file /srv/a to b not found for 10.0.0.9"), Some(missed(Some(ip))));
        assert_eq!(tftp("file /srv/a to b not found"), Some(missed(None)));
        let gave = Event::ClientError { ip, text: "8 User aborted the transfer".into() };
        assert_eq!(tftp("error 8 User aborted the transfer received from 10.0.0.9"), Some(gave));
        for root in ["/srv/my files  ", "/srv/my files secure mode single port mode"] {
            let read = tftp(&format!("TFTP root is {root}"));
            assert_eq!(read, Some(Event::Root("/srv/my files".into())));
        }
        assert_eq!(
            tftp("failed sending /srv/a to b to 10.0.0.9"),
            Some(Event::Failed { ip, path: path() })
        );
        assert_eq!(tftp("something else"), None);
    }
}
