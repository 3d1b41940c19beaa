//! What is remarkable about a client's way, and what helps.

use super::Priority;
use super::words::{DHCP_SERVER, OTHER_PROXY};
use crate::wire::option_display::mac;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A client, as the log shows it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NoticeClient {
    /// By its hardware address.
    Mac([u8; 6]),
    /// By its address.
    Ip(IpAddr),
}

/// A notice. Lines of the configuration are in it as `file:number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeLine {
    /// It was answered and never came to port 4011.
    NoProxyRequest { client: NoticeClient, line: String },
    /// It was told what to load and never did.
    NoDownload { client: NoticeClient, file: String, line: String },
    /// iPXE is sent iPXE.
    IpxeLoop { client: NoticeClient, file: String, count: usize, line: String },
    /// A file is loaded and left again and again.
    BootLoop { client: NoticeClient, file: String, count: usize, line: String },
    /// Nothing of what is sent to it is acknowledged.
    NoAcks { client: NoticeClient, path: String, count: usize },
    /// There were as many transfers as may be; one of its had to go.
    TransferEvicted { client: NoticeClient, max: usize },
    /// There was no socket for a transfer of its.
    SocketUnavailable { client: NoticeClient, reason: String },
    /// A file is not there; something near it is, perhaps.
    FileNotFound {
        client: NoticeClient,
        path: String,
        suggestion: Option<String>,
        line: Option<String>,
    },
    /// A file may not be read; why, in words.
    FileDenied { client: NoticeClient, reason: String, line: Option<String> },
    /// Another DHCP server names a boot file.
    OtherServer {
        client: NoticeClient,
        server: Ipv4Addr,
        file: String,
        next_server: Ipv4Addr,
        line: String,
    },
    /// Another proxy answers.
    OtherProxy { client: NoticeClient, server: Ipv4Addr, file: String, line: String },
}

impl NoticeLine {
    pub(super) fn identity(&self) -> &'static str {
        match self {
            Self::TransferEvicted { .. }
            | Self::SocketUnavailable { .. }
            | Self::NoAcks { .. }
            | Self::FileNotFound { .. }
            | Self::FileDenied { .. } => super::TFTP,
            _ => super::DHCP,
        }
    }

    #[expect(clippy::unused_self, reason = "as of all lines")]
    pub(super) fn priority(&self) -> Priority {
        Priority::Notice
    }
}

impl fmt::Display for NoticeClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Mac(bytes) => f.write_str(&mac(bytes)),
            Self::Ip(ip) => ip.fmt(f),
        }
    }
}

impl fmt::Display for NoticeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoProxyRequest { client, line } => write!(
                f,
                "{client} was answered ({line}) and never came to port 4011: does a firewall drop UDP port 4011, did another offer win, or is there no DHCP server?"
            ),
            Self::NoDownload { client, file, line } => write!(
                f,
                "{client} was told to load {file} ({line}) and never asked for it: does a firewall drop UDP port 69?"
            ),
            Self::IpxeLoop { client, file, count: times, line } => write!(
                f,
                "{client} has loaded {file} {times} times within a minute: {line} sends it to iPXE too. Set a tag for iPXE (dhcp-match=set:ipxe,175) and keep it off that line (tag:!ipxe)"
            ),
            Self::BootLoop { client, file, count: times, line } => write!(
                f,
                "{client} has loaded {file} ({line}) {times} times within a minute, and left it each time: is it for another firmware, or refused by Secure Boot?"
            ),
            Self::NoAcks { client, path, count: times } => write!(
                f,
                "{client} has asked for {path} {times} times and acknowledged nothing: does a firewall drop answers from other ports than 69? (tftp-port-range, tftp-single-port)"
            ),
            Self::TransferEvicted { client, max: most } => write!(
                f,
                "there are as many transfers as may be (tftp-max={most}): one to {client} made room for another client, for it was not answered, or nearly all were {client}'s"
            ),
            Self::SocketUnavailable { client, reason } => write!(
                f,
                "{client} cannot be sent a file: {reason}. Allow more open files (LimitNOFILE=), or fewer transfers (tftp-max)"
            ),
            Self::FileNotFound { client, path, suggestion: near, line } => {
                write!(f, "{client} stopped at {path}, which does not exist")?;
                near.iter().try_for_each(|near| write!(f, ", but {near}"))?;
                named(f, line.as_deref())
            }
            Self::FileDenied { client, reason: why, line } => {
                write!(f, "{client} stopped there: {why}")?;
                named(f, line.as_deref())
            }
            Self::OtherServer { client, server, file, next_server, line } => {
                write!(
                    f,
                    "{DHCP_SERVER}{server} tells {client} to boot {file} from {next_server}, beside us ({line}): take boot file and next-server out of its configuration"
                )
            }
            Self::OtherProxy { client, server, file, line } => {
                write!(f, "{OTHER_PROXY}{server}, answers {client} beside us ({line})")?;
                if file.is_empty() { Ok(()) } else { write!(f, " and names {file}") }
            }
        }
    }
}

fn named(f: &mut fmt::Formatter<'_>, line: Option<&str>) -> fmt::Result {
    match line {
        Some(line) => write!(f, " ({line} names it)"),
        None => Ok(()),
    }
}
