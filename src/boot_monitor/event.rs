//! Events of a client: what the cores have seen of its way through the boot.

use crate::config::Origin;
use crate::reason::BootReason;
use crate::wire::client_arch::Architecture;
use std::net::{IpAddr, Ipv4Addr};

/// A hardware address of 6 bytes, as Ethernet has.
pub type Mac = [u8; 6];

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// The client requests this address from a DHCP server, after that server has offered it.
    LeaseRequested {
        /// The client.
        mac: Mac,
        /// The requested address.
        ip: Ipv4Addr,
    },
    /// A reply was sent to the client.
    ReplySent(ReplySent),
    /// The client has requested a boot file, and gets none.
    NoBootFile {
        /// The client.
        mac: Mac,
        /// The reason.
        reason: BootReason,
    },
    /// A transfer has begun.
    TransferStarted {
        /// The client.
        client: IpAddr,
        /// The path that was opened.
        path: Vec<u8>,
    },
    /// The client has answered a transfer for the first time, with an ACK or an ERROR.
    FirstAck {
        /// The client.
        client: IpAddr,
    },
    /// No socket can be opened for a requested file.
    SocketUnavailable {
        /// The client.
        client: IpAddr,
        /// The message of the system.
        reason: String,
    },
    /// A transfer was ended because another request needed its slot.
    TransferEvicted {
        /// The client of the ended transfer.
        client: IpAddr,
        /// Whether that request came from the same address.
        by_same_client: bool,
    },
    /// A requested file cannot be sent.
    TransferRefused {
        /// The client.
        client: IpAddr,
        /// The path that the requested name stands for.
        path: Vec<u8>,
        /// The reason.
        reason: RefusalReason,
    },
    /// A transfer has ended before the end of the file.
    TransferFailed {
        /// The client.
        client: IpAddr,
        /// Whether the client has ended it before it acknowledged a block of the file. Many clients request only the size at first.
        is_cancelled: bool,
    },
    /// The client has acknowledged a whole file.
    TransferCompleted(CompletedTransfer),
    /// Another server has sent the client a reply with boot information.
    OtherServerReply(OtherServerReply),
}

/// Why a file is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// There is no such file.
    NotFound,
    /// The file may not be read.
    PermissionDenied,
    /// It cannot be opened for another reason.
    Unreadable,
    /// It is not reported.
    Unreported,
}

/// A reply of pxemasq.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplySent {
    /// The client.
    pub mac: Mac,
    /// What the reply answers.
    pub answer: AnswerKind,
    /// Its address, if it has one.
    pub ip: Option<Ipv4Addr>,
    /// The architecture of the client (option 93).
    pub architecture: Option<Architecture>,
    /// Whether the request came from iPXE.
    pub is_ipxe: bool,
    /// The boot file in the reply, if it is served by this TFTP server.
    pub boot_file: Option<Vec<u8>>,
    /// What the client must do next.
    pub next: ExpectedStep,
    /// The line of the configuration that decided the reply.
    pub line: Origin,
}

/// The kinds of replies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AnswerKind {
    /// An offer, to a DISCOVER.
    Offer,
    /// An ACK, to a request on port 4011 or a choice from the menu.
    Pxe,
}

/// What a client must do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedStep {
    /// Send a request to port 4011, after a prompt.
    ProxyRequest {
        /// The length of the prompt.
        seconds: u8,
    },
    /// Request the boot file.
    Download,
    /// Not known: there is a menu, another server continues, or the client may not need the file.
    Unknown,
}

/// A reply of another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherServerReply {
    /// The address of the server.
    pub server: Ipv4Addr,
    /// The client.
    pub mac: Mac,
    /// Whether the reply has no address for the client, so the server is a proxyDHCP server.
    pub is_proxy: bool,
    /// The boot file in the reply.
    pub file: Vec<u8>,
    /// The TFTP server in the reply.
    pub next_server: Ipv4Addr,
}

/// A file that was sent, and acknowledged to the end.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedTransfer {
    /// The size of the file on disk, in bytes.
    pub size: u64,
    /// The client.
    pub client: IpAddr,
    /// The path that was opened. It may be any bytes.
    pub path: Vec<u8>,
}
