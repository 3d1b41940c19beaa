//! The sources of events, and their tokens.

use crate::proxydhcp::Port;
use mio::Token;

/// The source of an event, as its token has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EventSource {
    /// Signals.
    Signals,
    /// Changes of links and addresses.
    AddressWatch,
    /// Results of the threads that read from disks, and requests of the log (see [`Sockets::waker`](super::Sockets::waker)).
    Disk,
    /// Replies of the file process.
    FileProcess,
    /// Reports of `dhcp-script`.
    Script,
    /// Messages of the host process.
    Host,
    /// Messages of the process that replaces this one.
    Successor,
    /// Messages of a process that was replaced.
    Link(usize),
    /// One of the DHCP ports.
    ProxyDhcp(Port),
    /// A socket for TFTP requests.
    Tftp(usize),
    /// The socket of a transfer.
    Transfer(usize),
}

const SIGNALS: usize = 0;
const ADDRESS_WATCH: usize = 1;
const DHCP: usize = 2;
const PXE: usize = 3;
const DISK: usize = 4;
const SCRIPT: usize = 5;
const HOST: usize = 6;
const FILE_PROCESS: usize = 7;
const SUCCESSOR: usize = 8;
const TFTP: usize = 9;
/// More addresses than a machine has.
const LINK: usize = 1 << 23;
/// More than the replaced processes.
const TRANSFER: usize = 1 << 24;

impl EventSource {
    /// The source of a token.
    pub fn from_token(token: Token) -> Self {
        match token.0 {
            SIGNALS => Self::Signals,
            ADDRESS_WATCH => Self::AddressWatch,
            DHCP => Self::ProxyDhcp(Port::Server),
            PXE => Self::ProxyDhcp(Port::Pxe),
            DISK => Self::Disk,
            SCRIPT => Self::Script,
            HOST => Self::Host,
            FILE_PROCESS => Self::FileProcess,
            SUCCESSOR => Self::Successor,
            listener @ TFTP..LINK => Self::Tftp(listener - TFTP),
            link @ LINK..TRANSFER => Self::Link(link - LINK),
            transfer => Self::Transfer(transfer - TRANSFER),
        }
    }

    /// Signals and changes of addresses come before datagrams. Each source comes once.
    pub fn dedup_in_priority_order(roles: &mut Vec<Self>) {
        roles.sort_by_key(|role| {
            (!matches!(role, Self::Signals | Self::AddressWatch), role.token())
        });
        roles.dedup();
    }

    /// Its token.
    pub fn token(self) -> Token {
        Token(match self {
            Self::Signals => SIGNALS,
            Self::AddressWatch => ADDRESS_WATCH,
            Self::ProxyDhcp(Port::Server) => DHCP,
            Self::ProxyDhcp(Port::Pxe) => PXE,
            Self::Disk => DISK,
            Self::Script => SCRIPT,
            Self::Host => HOST,
            Self::FileProcess => FILE_PROCESS,
            Self::Successor => SUCCESSOR,
            Self::Link(index) => LINK + index,
            Self::Tftp(listener) => TFTP + listener,
            Self::Transfer(transfer) => TRANSFER + transfer,
        })
    }
}

#[test]
fn each_source_comes_once_in_a_turn() {
    let dhcp = EventSource::ProxyDhcp(Port::Server);
    let mut roles = Vec::new();
    for _ in 0..3 {
        roles.extend([EventSource::Tftp(1), dhcp, EventSource::Tftp(0), EventSource::Signals]);
        EventSource::dedup_in_priority_order(&mut roles);
    }
    assert_eq!((roles.len(), roles[0]), (4, EventSource::Signals));
}
