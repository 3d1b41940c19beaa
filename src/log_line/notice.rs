//! Notices about a client that cannot boot, each with the probable cause and the remedy.

use super::Priority;
use super::words::{DHCP_SERVER, OTHER_PROXY, TFTP_MAX, TRANSFER_TO};
use crate::reason::BootReason;
use crate::wire::option_display::mac;
use std::fmt;
use std::net::{IpAddr, Ipv4Addr};

/// A client, as the log identifies it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum NoticeClient {
    /// Ethernet address.
    Mac([u8; 6]),
    /// IP address, where the Ethernet address is not known.
    Ip(IpAddr),
}

/// The ports from which blocks are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplyPorts {
    /// `tftp-single-port`
    Single,
    /// `tftp-port-range`
    Range(u16, u16),
    /// Any free ports.
    Any,
}

/// A notice. `line` is a line of the configuration as `file:number`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NoticeLine {
    /// What the client did not get, or did not request.
    Boot { client: NoticeClient, reason: BootReason },
    /// A line offers iPXE to iPXE. `reason`: a sentence about the file.
    IpxeLoop {
        client: NoticeClient,
        file: String,
        count: usize,
        line: String,
        reason: Option<String>,
    },
    /// A client loads the same file repeatedly. `reason`: a sentence about the file.
    BootLoop {
        client: NoticeClient,
        file: String,
        count: usize,
        line: String,
        reason: Option<String>,
    },
    /// The client repeats a request, and no acknowledgement of it arrives.
    NoAcks { client: NoticeClient, path: String, count: usize, ports: ReplyPorts },
    /// The limit of transfers was reached and a transfer of this client was dropped.
    TransferEvicted { client: NoticeClient, max: usize },
    /// The limit of transfers was reached and an idle transfer was dropped for a request from its own address.
    IdleTransferReplaced { client: NoticeClient, max: usize },
    /// No socket could be opened for a transfer.
    SocketUnavailable { client: NoticeClient, reason: String },
    /// A file was not sent. `reason`: the sentence of a `FileReason`.
    FileRefused { client: NoticeClient, reason: String, line: Option<String> },
    /// Another DHCP server offers a boot file too.
    OtherServer {
        client: NoticeClient,
        server: Ipv4Addr,
        file: String,
        next_server: Ipv4Addr,
        line: String,
    },
    /// Another proxyDHCP server answers too. `file` may be empty.
    OtherProxy { client: NoticeClient, server: Ipv4Addr, file: String, line: String },
    /// The kernel refused neighbour entries. `refused`: how many, if it counts them; `command`: sets a higher limit.
    NeighbourTableFull { entries: u32, limit: u32, refused: Option<u64>, command: String },
    /// More than half of the neighbour table is in use, and the network has more addresses than it can have entries.
    /// `interface`: as `eth0 (10.0.0.1/16)`; `command` as in `NeighbourTableFull`.
    NeighbourTableSmall {
        entries: u32,
        limit: u32,
        interface: String,
        addresses: u32,
        line: String,
        command: String,
    },
}

impl NoticeLine {
    pub(super) fn identity(&self) -> &'static str {
        match self {
            Self::TransferEvicted { .. }
            | Self::IdleTransferReplaced { .. }
            | Self::SocketUnavailable { .. }
            | Self::NoAcks { .. }
            | Self::FileRefused { .. } => super::TFTP,
            Self::NeighbourTableFull { .. } | Self::NeighbourTableSmall { .. } => super::PROCESS,
            _ => super::DHCP,
        }
    }

    #[expect(clippy::unused_self, reason = "the same signature as the other kinds of line")]
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

/// In front of the command for a higher limit, which a container cannot run.
const REMEDY: &str = "Set a higher limit on this machine, outside of containers:";
/// The remedy for iPXE that loads itself.
const EXCLUDE_IPXE: &str =
    "Set a tag for iPXE (dhcp-match=set:ipxe,175) and exclude iPXE from that line (tag:!ipxe)";
/// The question where the file does not show why it is loaded again.
const UNKNOWN_LOOP: &str = "is the file for other firmware, or does Secure Boot reject it?";

impl fmt::Display for ReplyPorts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Single => f.write_str("port 69"),
            Self::Range(first, last) => write!(f, "the ports {first} to {last} (tftp-port-range)"),
            Self::Any => f.write_str(
                "other ports than 69 (set tftp-port-range, and permit it, or tftp-single-port)",
            ),
        }
    }
}

impl fmt::Display for NoticeLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Boot { client, reason } => write!(f, "{client} {reason}"),
            Self::IpxeLoop { client, file, count, line, reason } => write!(
                f,
                "{client} has loaded {file} {count} times within a minute: {line} sends it to iPXE too. {}",
                reason.as_deref().unwrap_or(EXCLUDE_IPXE)
            ),
            Self::BootLoop { client, file, count, line, reason } => write!(
                f,
                "{client} has loaded {file} ({line}) {count} times within a minute and restarted each time: {}",
                reason.as_deref().unwrap_or(UNKNOWN_LOOP)
            ),
            Self::NoAcks { client, path, count, ports } => write!(
                f,
                "{client} has requested {path} {count} times, and no acknowledgement arrived. Possible causes: a firewall drops the blocks, which come from {ports}, or the client was switched off"
            ),
            Self::TransferEvicted { client, max } => write!(
                f,
                "{TFTP_MAX}{max} reached: {TRANSFER_TO}{client} was dropped for another client ({client} never acknowledged it, or held most slots)"
            ),
            Self::IdleTransferReplaced { client, max } => write!(
                f,
                "{TFTP_MAX}{max} reached: {TRANSFER_TO}{client} was dropped for a new request from the same address, because it had made no progress for 10 seconds. If clients share this address (NAT), increase tftp-max"
            ),
            Self::SocketUnavailable { client, reason } => write!(
                f,
                "{client} cannot be sent a file: {reason}. Increase LimitNOFILE=, or reduce tftp-max"
            ),
            Self::FileRefused { client, reason, line } => {
                write_refused_file(f, client, reason, line.as_deref())
            }
            Self::OtherServer { client, server, file, next_server, line } => write!(
                f,
                "{DHCP_SERVER}{server} offers {client} the boot file {file} from {next_server}, in competition with {line}: remove boot file and next-server from its configuration"
            ),
            Self::OtherProxy { client, server, file, line } => {
                write_other_proxy(f, (client, server), line, file)
            }
            Self::NeighbourTableFull { entries, limit, refused, command } => {
                write_full_table(f, (*entries, *limit), *refused, command)
            }
            Self::NeighbourTableSmall { entries, limit, interface, addresses, line, command } => {
                write!(
                    f,
                    "the kernel's neighbour table has {entries} entries, limit {limit}; the network of {interface} ({line}) has {addresses} addresses. When the table is full, further clients get no answer. {REMEDY} {command}"
                )
            }
        }
    }
}

fn write_full_table(
    f: &mut fmt::Formatter<'_>,
    (entries, limit): (u32, u32),
    refused: Option<u64>,
    command: &str,
) -> fmt::Result {
    write!(f, "the kernel's neighbour table is full: {entries} entries, limit {limit}")?;
    refused.map_or(Ok(()), |refused| write!(f, ", {refused} refused"))?;
    write!(
        f,
        ". Clients without an entry get no DHCP reply, no file and no answer to ARP. {REMEDY} {command}"
    )
}

fn write_other_proxy(
    f: &mut fmt::Formatter<'_>,
    (client, server): (&impl fmt::Display, &Ipv4Addr),
    line: &str,
    file: &str,
) -> fmt::Result {
    write!(f, "{OTHER_PROXY}{server}, answers {client} too, in competition with {line}")?;
    if file.is_empty() { Ok(()) } else { write!(f, " and offers {file}") }
}

fn write_refused_file(
    f: &mut fmt::Formatter<'_>,
    client: &impl fmt::Display,
    reason: &impl fmt::Display,
    line: Option<&str>,
) -> fmt::Result {
    write!(f, "{client} did not get a file: {reason}")?;
    match line {
        Some(line) => write!(f, " (configured at {line})"),
        None => Ok(()),
    }
}
