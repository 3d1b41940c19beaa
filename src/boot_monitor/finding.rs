//! Problems that the monitor finds.

use super::event::{Mac, OtherServerReply, RefusalReason};
use crate::config::Origin;
use crate::reason::BootReason;
use crate::wire::client_arch::Architecture;
use std::net::IpAddr;

/// A client: by its hardware address if that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ClientKey {
    /// A client that has got a reply.
    Mac(Mac),
    /// A client that is known by its requests for files only.
    Ip(IpAddr),
}

/// A problem that was found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Finding {
    /// The client has got an offer and has sent no request to port 4011.
    NoProxyRequest {
        /// The client.
        client: ClientKey,
        /// The line that decided the offer.
        line: Origin,
    },
    /// The client has got the name of a boot file and has not requested it.
    NoDownload {
        /// The client.
        client: ClientKey,
        /// The boot file in the reply.
        file: Vec<u8>,
        /// The line that decided the reply.
        line: Origin,
    },
    /// The client has requested a boot file and gets none.
    NoBootFile {
        /// The client.
        client: ClientKey,
        /// The reason.
        reason: BootReason,
    },
    /// The client loads the same boot file again and again.
    BootLoop(BootLoop),
    /// The client requests the same file again and again, and acknowledges nothing.
    NoAcks {
        /// The client.
        client: ClientKey,
        /// The path.
        path: Vec<u8>,
        /// The number of requests.
        count: usize,
    },
    /// A transfer was ended, because the limit of transfers was reached.
    TransferEvicted {
        /// The client of the ended transfer.
        client: ClientKey,
        /// Whether a request from the same address needed the slot.
        by_same_client: bool,
    },
    /// No socket can be opened for a requested file.
    SocketUnavailable {
        /// The client.
        client: ClientKey,
        /// The message of the system.
        reason: String,
    },
    /// The client has not got these files, and no other file since then. The daemon decides which of them it reports.
    FilesRefused {
        /// The client.
        client: ClientKey,
        /// The files, in the order of the requests.
        file: Vec<RefusedFile>,
    },
    /// The file exists, and cannot be opened. It is reported even if the client gets another file.
    FileUnreadable {
        /// The client.
        client: ClientKey,
        /// The file.
        file: RefusedFile,
    },
    /// Another server sends boot information to a client of pxemasq. The line decides the replies of pxemasq.
    OtherServer(OtherServerReply, Origin),
}

/// A file that a client has not got.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefusedFile {
    /// The path.
    pub path: Vec<u8>,
    /// The reason.
    pub reason: RefusalReason,
    /// The line of the configuration with this file, if there is one.
    pub line: Option<Origin>,
}

/// A boot file that a client loads again and again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootLoop {
    /// The client.
    pub client: ClientKey,
    /// The boot file in the reply.
    pub file: Vec<u8>,
    /// The path that was opened.
    pub path: Vec<u8>,
    /// The number of loads within a minute.
    pub count: usize,
    /// The line that decided the reply.
    pub line: Origin,
    /// The architecture of the client (option 93).
    pub architecture: Option<Architecture>,
    /// Whether the request came from iPXE.
    pub is_ipxe: bool,
}
