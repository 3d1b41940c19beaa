//! Parses the text of a log line into an event about a client or about the server.

mod dhcp;
mod process;
#[cfg(test)]
mod tests;
mod tftp;

use super::boot::TransferStats;
use super::log_record::{Component, LogRecord, guess_component};
use crate::log_line::DropKind;
use crate::log_line::words::CANNOT_READ;
use crate::wire::client_arch::Architecture;
use std::net::IpAddr;

/// What a log line is about.
#[derive(Clone, Debug, PartialEq)]
pub enum Event {
    /// An event of the server, not of one client.
    Server(ServerEvent),
    /// A client sent a message to a DHCP server.
    Requested {
        /// Hardware address.
        mac: String,
        /// The message type, such as `DHCPDISCOVER`.
        message: String,
        /// Why it is not answered, if it is not.
        refusal: Option<String>,
    },
    /// A DHCP server offered or assigned an IP address.
    Assigned {
        /// Hardware address.
        mac: String,
        /// IP address.
        ip: IpAddr,
        /// The message type.
        message: String,
        /// The host name.
        name: Option<String>,
    },
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
        /// The client architecture.
        architecture: Option<Architecture>,
    },
    /// A request was dropped. The line does not name the client.
    DroppedUnnamed {
        /// Where the request arrived: `via eth0`.
        origin: String,
        /// The line.
        text: String,
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
    /// A detail of a transaction, with `log-dhcp` only.
    Detail {
        /// Transaction ID.
        xid: u32,
        /// The detail.
        detail: Detail,
    },
    /// An event with its transaction ID, with `log-dhcp` only.
    InTransaction {
        /// Transaction ID.
        xid: u32,
        /// The event.
        event: Box<Event>,
    },
    /// A file is being sent, with `log-debug` only.
    Loading {
        /// The client.
        ip: IpAddr,
        /// The file.
        path: String,
        /// Bytes.
        size: u64,
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
        /// The client; `None`: the line does not name it.
        ip: Option<IpAddr>,
        /// The file.
        path: String,
        /// The reason.
        reason: RefusalReason,
    },
    /// A request was refused that names no file, or that is no read request.
    BadRequest {
        /// The client.
        ip: IpAddr,
        /// The line.
        text: String,
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

/// An event of the server.
#[derive(Clone, Debug, PartialEq)]
pub enum ServerEvent {
    /// It was started.
    Started,
    /// Its start was refused. The reason is in a line before.
    StartFailed,
    /// It was stopped.
    Stopped,
    /// TFTP is enabled, with this `tftp-root`.
    TftpEnabled(Option<String>),
    /// A warning or an error that may be the cause why a client is not served.
    Problem(String),
    /// Any other line of the process: it may be the reason why a start is refused.
    Other(String),
}

/// A detail of a transaction.
#[derive(Clone, Debug, PartialEq)]
pub enum Detail {
    /// The vendor class (option 60): whether it is that of a network boot, and the client architecture in it.
    VendorClass(bool, Option<Architecture>),
    /// The host name.
    Name(String),
    /// The boot file of the reply.
    BootFile(String),
    /// The server that has the boot file.
    NextServer(IpAddr),
    /// The address of this server.
    OwnAddress(IpAddr),
    /// The reply has a menu with a prompt.
    Menu,
}

/// Why a file was not sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// It does not exist.
    NotFound,
    /// Permission is denied.
    PermissionDenied,
    /// It cannot be read.
    Unreadable(String),
}

/// The event of a record; `None` if it has no meaning for a boot.
pub fn event(record: &LogRecord<'_>) -> Option<Event> {
    match record.component {
        Component::Dhcp => dhcp::event(record.text),
        Component::Tftp => tftp::event(record.text),
        // Old releases log all lines with the identifier of the process.
        Component::Process => match guess_component(record.text) {
            Some(Component::Dhcp) => dhcp::event(record.text),
            // The process reads files too.
            Some(Component::Tftp) if !record.text.starts_with(CANNOT_READ) => {
                tftp::event(record.text)
            }
            _ => process::event(record.text),
        },
    }
}

fn problem(text: &str) -> Event {
    Event::Server(ServerEvent::Problem(text.to_owned()))
}

/// An IP address, without the interface name after `%` of a link-local one.
fn address(text: &str) -> Option<IpAddr> {
    text.split('%').next()?.parse().ok()
}

/// An Ethernet address, or another one with its hardware type in front: `06-00:01:02:03:04:05`.
fn is_mac(word: &str) -> bool {
    let is_byte =
        |byte: &str| byte.len() == 2 && byte.bytes().all(|digit| digit.is_ascii_hexdigit());
    let word = word.split_once('-').filter(|(kind, _)| is_byte(kind)).map_or(word, |(_, mac)| mac);
    word.contains(':') && word.split(':').all(is_byte)
}
