//! Tokens ↔ sockets.

mod addresses;
mod errors;
mod event_source;
mod hand_over;
mod port_order;
mod taken_over;
mod tftp_listeners;
pub mod transfer;

pub use self::event_source::EventSource;
pub use self::taken_over::{DhcpSocket, Leftover, TakenOver};

use self::addresses::scoped;
use self::errors::ErrorSockets;
use self::port_order::random_port_order;
use self::transfer::TransferSockets;
use super::startup::bind_error::{open_dhcp, requesting_lines};
use super::startup::refusals::{Refusals, ToReason};
use crate::config::network::Binding;
use crate::config::{Config, Tftp};
use crate::effect::ReceiveMode;
use crate::error::StartupError;
use crate::net::{Batch, Datagram, EgressSocket, Interfaces};
use crate::proxydhcp::{PXE_PORT, Port};
use crate::reason::StartReason;
use crate::strerror::strerror;
use crate::sys::reply_batch::{self, Reply};
use crate::sys::udp::{self, PortSharing, SendAddress};
use crate::sys::udp_batch::{GsoSupport, send_batch};
use crate::sys::udp_errors;
use mio::unix::SourceFd;
use mio::{Events, Interest, Poll, Waker};
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::sync::Arc;
use std::time::Duration;

/// RFC 1350.
const TFTP_PORT: u16 = 69;

/// All sockets, and the poll with their events.
pub struct Sockets {
    poll: Poll,
    waker: Arc<Waker>,
    dhcp: Option<OwnedFd>,
    pxe: Option<OwnedFd>,
    listeners: Vec<Option<Listener>>,
    transfers: TransferSockets,
    errors: ErrorSockets,
    /// Local addresses that cannot be bound yet.
    waiting: Vec<SocketAddr>,
    /// `tftp-single-port`
    single_port: bool,
    /// Another process serves still.
    takes_over: bool,
    /// Sockets of the server that this process replaces, and that no line needs any more.
    leftovers: Vec<Leftover>,
}

struct Listener {
    fd: OwnedFd,
    address: SocketAddr,
    /// It gets no datagrams until [`Sockets::start_receiving`]: the replaced server still answers them.
    is_silent: bool,
    /// No line needs it: it is open for transfers of a replaced process over port 69.
    is_kept: bool,
}

impl Sockets {
    /// Opens the sockets of the configuration: DHCP first, then TFTP, as dnsmasq does. Those of `taken_over` with the same address
    /// are used instead. `device`: the interface that the DHCP sockets will be bound to.
    pub fn open(
        config: &Config,
        interfaces: &Interfaces,
        device: Option<&str>,
        mut taken_over: TakenOver,
        refusals: &mut Refusals,
    ) -> Result<Self, StartupError> {
        let single_port = config.tftp.as_ref().is_some_and(|tftp| tftp.single_port);
        let mut sockets = Self::none(single_port)?;
        sockets.takes_over = !taken_over.is_empty();
        sockets.open_dhcp(config, device, &mut taken_over, refusals)?;
        if config.network.binding == Binding::Contradictory {
            let error = StartupError::config("cannot set --bind-interfaces and --bind-dynamic");
            refusals
                .check::<()>(|message| StartReason::BindingsContradict { message }, Err(error))?;
        }
        sockets.open_tftp(config, interfaces, &mut taken_over, refusals)?;
        let port = |port| {
            let is_server = sockets.dhcp.is_some() && port == config.dhcp.server_port;
            let is_pxe = sockets.pxe.is_some() && port == PXE_PORT;
            if is_server { Some(Port::Server) } else { is_pxe.then_some(Port::Pxe) }
        };
        sockets.leftovers = taken_over.into_leftovers(port);
        Ok(sockets)
    }

    fn none(single_port: bool) -> Result<Self, StartupError> {
        let poll = Poll::new()
            .map_err(|error| StartupError::other(format!("cannot poll: {}", strerror(&error))))?;
        let waker = Waker::new(poll.registry(), EventSource::Disk.token())
            .map_err(|error| unwatched(&error))?;
        Ok(Self {
            poll,
            waker: Arc::new(waker),
            dhcp: None,
            pxe: None,
            listeners: Vec::new(),
            transfers: TransferSockets::default(),
            errors: ErrorSockets::default(),
            waiting: Vec::new(),
            single_port,
            takes_over: false,
            leftovers: Vec::new(),
        })
    }

    fn open_dhcp(
        &mut self,
        config: &Config,
        device: Option<&str>,
        taken_over: &mut TakenOver,
        refusals: &mut Refusals,
    ) -> Result<(), StartupError> {
        let sharing = sharing_of(config);
        if config.dhcp.ranges.is_empty() {
            return Ok(());
        }
        let [range, service] = requesting_lines(config);
        let mut open = |port, line| {
            if let Some(fd) = taken_over.take_dhcp(port, device) {
                return Ok(fd);
            }
            let old: Vec<_> = taken_over.with_port(port).collect();
            for fd in &old {
                udp::share_address(fd);
            }
            let sharing = if old.is_empty() { sharing } else { PortSharing::Replacing };
            open_dhcp(port, sharing, line)
        };
        self.dhcp = refusals.check(PORT, open(config.dhcp.server_port, range))?;
        if config.dhcp.pxe_enabled {
            self.pxe = refusals.check(PORT, open(PXE_PORT, service))?;
        }
        for (fd, port) in [(&self.dhcp, Port::Server), (&self.pxe, Port::Pxe)] {
            fd.iter()
                .try_for_each(|fd| self.register_datagrams(fd, EventSource::ProxyDhcp(port)))?;
        }
        Ok(())
    }

    /// Adds another event source.
    pub fn register_datagrams(
        &self,
        source: &impl AsRawFd,
        role: EventSource,
    ) -> Result<(), StartupError> {
        self.register(source, role).map_err(|error| unwatched(&error))
    }

    /// Whether there are local addresses that cannot be bound yet.
    pub fn wait_for_addresses(&self) -> bool {
        !self.waiting.is_empty()
    }

    /// Ends the wait for events, for the threads that read from disks and for the log. There can be only one.
    pub fn waker(&self) -> Arc<Waker> {
        self.waker.clone()
    }

    fn register(&self, fd: &impl AsRawFd, role: EventSource) -> io::Result<()> {
        let fd = fd.as_raw_fd();
        self.poll.registry().register(&mut SourceFd(&fd), role.token(), Interest::READABLE)
    }

    /// The DHCP sockets.
    pub fn all_dhcp(&self) -> Vec<BorrowedFd<'_>> {
        [&self.dhcp, &self.pxe].into_iter().flatten().map(AsFd::as_fd).collect()
    }

    /// Binds the DHCP sockets to one interface (`SO_BINDTODEVICE`) at the start. A missing privilege is no error: the interface filters do the same, more slowly.
    pub fn bind_dhcp_first_to(&self, interface: &str) -> Result<(), StartupError> {
        let mut both = [&self.dhcp, &self.pxe].into_iter().flatten();
        match both.try_for_each(|fd| udp::bind_to_device(fd, interface)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => {
                Err(StartupError::network(format!(
                    "failed to set SO_BINDTODEVICE on DHCP socket: {}",
                    strerror(&error)
                )))
            }
            _ => Ok(()),
        }
    }

    /// Waits for events.
    pub fn poll(&mut self, events: &mut Events, pause: Option<Duration>) -> io::Result<()> {
        self.poll.poll(events, pause)
    }

    /// A DHCP socket.
    pub fn dhcp(&self, port: Port) -> Option<&OwnedFd> {
        match port {
            Port::Server => self.dhcp.as_ref(),
            Port::Pxe => self.pxe.as_ref(),
        }
    }

    /// A socket for TFTP requests.
    pub fn listener(&self, at: usize) -> Option<&OwnedFd> {
        self.listeners.get(at)?.as_ref().map(|listener| &listener.fd)
    }

    /// Opens a socket for a transfer: bound to a local address and its interface, and to a free port of
    /// `tftp-port-range`, chosen at random.
    pub fn open_transfer(
        &mut self,
        tftp: &Tftp,
        (local, interface): (IpAddr, u32),
    ) -> io::Result<usize> {
        let (first, last) = tftp.ports.unwrap_or((0, 0));
        let mut opened = Err(io::ErrorKind::AddrInUse.into());
        for port in random_port_order(first, last) {
            opened = self.transfers.open(scoped(local, interface, port));
            // Only a port that is taken makes the next one worth a try.
            if !matches!(&opened, Err(error) if error.kind() == io::ErrorKind::AddrInUse) {
                break;
            }
        }
        if let (Some(_), Ok(id)) = (tftp.ports, &opened) {
            self.transfers.queue_icmp_errors(*id);
        }
        opened
    }

    /// From now on there are events of a transfer's socket.
    pub fn register_transfer(&mut self, id: usize, mode: ReceiveMode) -> io::Result<()> {
        let token = EventSource::Transfer(id).token();
        self.transfers.register_read(id, mode, self.poll.registry(), token)
    }

    /// The receiver of a datagram that was answered with ICMP `port unreachable`. `None`: there is no more.
    pub fn next_unreachable(&self, source: EventSource) -> Option<SocketAddr> {
        match source {
            EventSource::ProxyDhcp(port) => udp_errors::next_unreachable(self.dhcp(port)?),
            EventSource::Tftp(at) => udp_errors::next_unreachable(self.listener(at)?),
            EventSource::Transfer(id) => self.transfers.next_unreachable(id),
            _ => None,
        }
    }

    /// The number of sockets of transfers.
    pub fn open_transfers(&self) -> usize {
        self.transfers.count()
    }

    /// The sockets of transfers.
    pub fn transfers(&mut self) -> &mut TransferSockets {
        &mut self.transfers
    }

    /// Sends a batch. Returns the number of bytes that were sent. If the send buffer of a transfer's socket is full, there
    /// is an event when it has space.
    pub fn send_batch(&mut self, batch: &Batch) -> io::Result<usize> {
        match batch.via {
            EgressSocket::Transfer(id) => {
                let gone = self.transfers.send_batch(id, batch)?;
                if gone < batch.bytes.len() {
                    self.transfers.register_read_write(
                        id,
                        self.poll.registry(),
                        EventSource::Transfer(id).token(),
                    );
                }
                Ok(gone)
            }
            EgressSocket::Tftp(listener) => {
                let fd = self.listener(listener).ok_or(io::ErrorKind::NotConnected)?;
                let way =
                    SendAddress { to: batch.to, from: batch.from, interface: batch.interface };
                // Segmentation may fail for one client and work for the next.
                send_batch(fd, &batch.bytes, batch.segment, Some(way), &mut GsoSupport::Unknown)
            }
            EgressSocket::Dhcp | EgressSocket::Pxe | EgressSocket::TftpErrors => {
                Err(io::ErrorKind::NotConnected.into())
            }
        }
    }

    /// Sends a datagram of a transfer.
    pub fn send(&mut self, datagram: &Datagram) -> io::Result<()> {
        let Datagram { via, to, from, interface, bytes, .. } = datagram;
        let way = SendAddress { to: *to, from: *from, interface: *interface };
        match via {
            EgressSocket::Tftp(listener) => {
                let fd = self.listener(*listener).ok_or(io::ErrorKind::NotConnected)?;
                udp::send(fd, bytes, way)
            }
            EgressSocket::Transfer(id) => self.transfers.send(*id, bytes, way),
            EgressSocket::Dhcp | EgressSocket::Pxe | EgressSocket::TftpErrors => {
                Err(io::ErrorKind::NotConnected.into())
            }
        }
    }

    /// Sends errors of TFTP requests that begin no transfer, in their order. Those that cannot be sent are dropped.
    pub fn send_errors(&mut self, errors: &[Datagram]) {
        self.errors.send(errors);
    }

    /// Sends DHCP replies in their order. Returns index and error of each that cannot be sent, the last one first.
    pub fn send_replies(
        &self,
        via: EgressSocket,
        replies: &[Reply<'_>],
    ) -> Vec<(usize, io::Error)> {
        let mut failures = Vec::new();
        let fd = if via == EgressSocket::Pxe { &self.pxe } else { &self.dhcp };
        if let Some(fd) = fd {
            reply_batch::send_replies(fd, replies, |index, error| failures.push((index, error)));
        }
        failures.reverse();
        failures
    }
}

/// Whether other programs may use the DHCP ports too.
fn sharing_of(config: &Config) -> PortSharing {
    match config.network.binding {
        Binding::Wildcard => PortSharing::Exclusive,
        _ => PortSharing::Shared,
    }
}

/// The reason of a port that cannot be opened.
const PORT: ToReason = |message| StartReason::PortUnavailable { message };

fn unwatched(error: &io::Error) -> StartupError {
    StartupError::other(format!("cannot poll: {}", strerror(error)))
}
