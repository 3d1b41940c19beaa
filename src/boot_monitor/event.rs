//! What is seen of a client on its way, for whoever watches how it goes on.

use crate::config::Origin;
use std::net::{IpAddr, Ipv4Addr};

/// The hardware address of Ethernet and its like.
pub type Mac = [u8; 6];

/// One thing that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientEvent {
    /// It asks a DHCP server for this address, of which it knows that it will get it.
    LeaseRequested {
        /// Who.
        mac: Mac,
        /// The address.
        ip: Ipv4Addr,
    },
    /// It was answered.
    ReplySent(ReplySent),
    /// It begins to load a file of this path.
    TransferStarted {
        /// Who.
        client: IpAddr,
        /// As it was opened.
        path: Vec<u8>,
    },
    /// It acknowledges what it is sent, or breaks off: it hears us.
    FirstAck {
        /// Who.
        client: IpAddr,
    },
    /// It asked for a file, and there is no socket to send it by.
    SocketUnavailable {
        /// Who.
        client: IpAddr,
        /// The system's words.
        reason: String,
    },
    /// What it was being sent made room for somebody else.
    TransferEvicted {
        /// Who.
        client: IpAddr,
    },
    /// It asked for a file and did not get it.
    TransferRefused {
        /// Who.
        client: IpAddr,
        /// The path that the name leads to.
        path: Vec<u8>,
        /// Why.
        reason: RefusalReason,
    },
    /// It has acknowledged the whole file.
    TransferCompleted(CompletedTransfer),
    /// Another server answers it, with something to boot.
    OtherServerReply(OtherServerReply),
}

/// Why a file is not sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefusalReason {
    /// It is not there.
    NotFound,
    /// It may not be read.
    PermissionDenied,
    /// It is of no interest: nobody wants to hear of it, or it is not to be had at all.
    Unreported,
}

/// An answer of ours.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ReplySent {
    /// To whom.
    pub mac: Mac,
    /// Its address, where it has one already.
    pub ip: Option<Ipv4Addr>,
    /// Whether it says that it is iPXE.
    pub is_ipxe: bool,
    /// The file it was told to load, if it is served here.
    pub boot_file: Option<Vec<u8>>,
    /// What it is to do next.
    pub next: ExpectedStep,
    /// The line that says so.
    pub line: Origin,
}

/// What a client is to do next.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExpectedStep {
    /// Ask on port 4011, behind a prompt of so many seconds.
    ProxyRequest {
        /// Of the prompt.
        seconds: u8,
    },
    /// Load what it was told.
    Download,
    /// Anything: a person chooses, another server goes on, or a file that it need not want.
    Unknown,
}

/// An answer of another server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherServerReply {
    /// The server.
    pub server: Ipv4Addr,
    /// Who is answered.
    pub mac: Mac,
    /// Whether it lends no address, and so is a proxy.
    pub is_proxy: bool,
    /// The boot file it names.
    pub file: Vec<u8>,
    /// Who serves that.
    pub next_server: Ipv4Addr,
}

/// A file that was sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CompletedTransfer {
    /// Its size on disk, in bytes.
    pub size: u64,
    /// To whom.
    pub client: IpAddr,
    /// Its path as it was opened, with whatever bytes it has.
    pub path: Vec<u8>,
}
