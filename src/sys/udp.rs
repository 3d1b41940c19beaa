//! UDP sockets, and datagrams with the local address and interface at which they arrived.

use crate::byte_text::to_path;
use nix::errno::Errno;
use nix::sys::socket::sockopt::{
    BindToDevice, Broadcast, Ipv4PacketInfo, Ipv4RecvErr, Ipv4Tos, Ipv6RecvPacketInfo, Ipv6V6Only,
    RcvBuf, RcvBufForce, ReuseAddr, ReusePort, SndBuf, SndBufForce,
};
use nix::sys::socket::{
    AddressFamily, ControlMessage, MsgFlags, SockFlag, SockType, SockaddrIn, SockaddrIn6,
    SockaddrStorage, bind, connect, recvfrom, sendmsg, setsockopt, socket,
};
use std::io::{self, IoSlice};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

/// CS6, network control (RFC 2474, section 4.2.2). dnsmasq sets it for DHCP.
const NETWORK_CONTROL: i32 = 0xC0;

/// Receive buffer for requests. The kernel doubles it, and counts about 800 bytes or more for each request.
const LISTENER_BUFFER_SIZE: usize = 4 << 20;
/// Send buffer for DHCP replies. A slow link takes fewer replies a second than the program makes.
const REPLY_BUFFER_SIZE: usize = 4 << 20;

/// The step in which opening a DHCP socket failed.
pub enum Step {
    /// `socket`
    Open,
    /// `setsockopt`
    Options,
    /// `setsockopt` with `SO_REUSEADDR` or `SO_REUSEPORT`
    Reuse,
    /// `bind`
    Bind,
}

/// Whether other sockets may be bound to the port too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortSharing {
    /// The port belongs to this socket alone.
    Exclusive,
    /// `SO_REUSEADDR` and `SO_REUSEPORT` are set.
    Shared,
    /// The process that this one replaces has a socket for the port, for which [`share_address`] was called.
    Replacing,
}

/// A socket for DHCP on all addresses. It queues ICMP errors, as after `queue_icmp_errors`.
pub fn open_dhcp(port: u16, sharing: PortSharing) -> Result<OwnedFd, (Step, io::Error)> {
    let failed_in = |step: Step| |error: Errno| (step, error.into());
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(AddressFamily::Inet, SockType::Datagram, flags, None)
        .map_err(failed_in(Step::Open))?;
    allow_fragments(&fd).map_err(failed_in(Step::Options))?;
    setsockopt(&fd, Ipv4Tos, &NETWORK_CONTROL).map_err(failed_in(Step::Options))?;
    setsockopt(&fd, Ipv4PacketInfo, &true).map_err(failed_in(Step::Options))?;
    setsockopt(&fd, Broadcast, &true).map_err(failed_in(Step::Options))?;
    enlarge_receive_buffer(&fd);
    enlarge_send_buffer(&fd);
    // Without it, a reply that the kernel drops because its neighbour table is full has no error.
    setsockopt(&fd, Ipv4RecvErr, &true).map_err(failed_in(Step::Options))?;
    if sharing != PortSharing::Exclusive {
        setsockopt(&fd, ReuseAddr, &true).map_err(failed_in(Step::Reuse))?;
    }
    // With it, sockets of a port that differ only in their process would share the datagrams.
    if sharing == PortSharing::Shared {
        setsockopt(&fd, ReusePort, &true).map_err(failed_in(Step::Reuse))?;
    }
    let any = SockaddrIn::from(std::net::SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
    bind(fd.as_raw_fd(), &any).map_err(failed_in(Step::Bind))?;
    Ok(fd)
}

/// Permits that another socket is bound to the same address, or forbids it (`SO_REUSEADDR`).
pub fn share_address(fd: &OwnedFd, shared: bool) {
    // Without the option, the other socket cannot be bound, which has an error of its own.
    let _ = setsockopt(fd, ReuseAddr, &shared);
}

/// From now on the kernel gives datagrams for the address of this socket to other sockets. What waits in the socket can still be
/// read. Without it, what comes between the last read and the end of the socket would be lost. [`start_receiving`] ends it.
pub fn stop_receiving(fd: &OwnedFd) {
    // A connected socket gets datagrams of its peer only, and port 9 (discard, RFC 863) sends none. Which address has a route
    // depends on the interface that the socket is bound to.
    let peers: [IpAddr; 3] =
        [Ipv4Addr::LOCALHOST.into(), Ipv4Addr::BROADCAST.into(), Ipv6Addr::LOCALHOST.into()];
    let _ = peers.into_iter().any(|peer| connect_to(fd, SocketAddr::new(peer, 9)).is_ok());
}

/// Ends what [`stop_receiving`] began, for a socket that is bound to an address and not to an interface.
pub fn start_receiving(fd: &OwnedFd) {
    // The family ends the connection (connect(2)).
    let family = libc::sa_family_t::try_from(libc::AF_UNSPEC).unwrap_or_default();
    let address = libc::in_addr { s_addr: 0 };
    let no_peer =
        libc::sockaddr_in { sin_family: family, sin_port: 0, sin_addr: address, sin_zero: [0; 8] };
    let len = libc::socklen_t::try_from(size_of_val(&no_peer)).unwrap_or_default();
    // SAFETY: the pointer and the length are those of the structure.
    let _ = unsafe { libc::connect(fd.as_raw_fd(), (&raw const no_peer).cast(), len) };
}

/// A socket for TFTP requests to an address. `Ok(None)`: the kernel does not support IPv6.
pub fn open_tftp(address: SocketAddr) -> io::Result<Option<OwnedFd>> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = match socket(family, SockType::Datagram, flags, None) {
        Err(Errno::EAFNOSUPPORT | Errno::EPROTONOSUPPORT | Errno::EINVAL) => {
            return Ok(None);
        }
        opened => opened?,
    };
    setsockopt(&fd, ReuseAddr, &true)?;
    enlarge_receive_buffer(&fd);
    match address {
        SocketAddr::V4(address) => {
            setsockopt(&fd, Ipv4PacketInfo, &true)?;
            allow_fragments(&fd)?;
            bind(fd.as_raw_fd(), &SockaddrIn::from(address))?;
        }
        SocketAddr::V6(address) => {
            setsockopt(&fd, Ipv6V6Only, &true)?;
            setsockopt(&fd, Ipv6RecvPacketInfo, &true)?;
            bind(fd.as_raw_fd(), &SockaddrIn6::from(address))?;
        }
    }
    Ok(Some(fd))
}

/// A socket for one transfer, bound to a local address.
pub fn open_transfer(local: SocketAddr) -> io::Result<OwnedFd> {
    let family = if local.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(family, SockType::Datagram, flags, None)?;
    if local.is_ipv4() {
        allow_fragments(&fd)?;
    }
    bind(fd.as_raw_fd(), &SockaddrStorage::from(local))?;
    Ok(fd)
}

/// Connects a socket to the client of its transfer. The kernel then keeps the route for all datagrams that are sent without an
/// address, and drops datagrams of other senders: they get ICMP `port unreachable`.
pub fn connect_to(fd: &OwnedFd, client: SocketAddr) -> io::Result<()> {
    // The filter of seccomp compares the length of the address.
    match client {
        SocketAddr::V4(client) => connect(fd.as_raw_fd(), &SockaddrIn::from(client))?,
        SocketAddr::V6(client) => connect(fd.as_raw_fd(), &SockaddrIn6::from(client))?,
    }
    Ok(())
}

/// A socket that only sends, from any local address and a port that the kernel chooses. `to`: an address of the family.
pub fn open_errors(to: SocketAddr) -> io::Result<OwnedFd> {
    let any: IpAddr = match to {
        SocketAddr::V4(_) => Ipv4Addr::UNSPECIFIED.into(),
        SocketAddr::V6(_) => Ipv6Addr::UNSPECIFIED.into(),
    };
    let family = if to.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(family, SockType::Datagram, flags, None)?;
    if to.is_ipv4() {
        allow_fragments(&fd)?;
    } else {
        setsockopt(&fd, Ipv6V6Only, &true)?;
    }
    // Nothing is read from it: what does not fit is dropped. The kernel raises the size to its minimum.
    let _ = setsockopt(&fd, RcvBuf, &0);
    bind(fd.as_raw_fd(), &SockaddrStorage::from(SocketAddr::new(any, 0)))?;
    Ok(fd)
}

/// Sets the receive buffer for requests of thousands of clients that start at the same time. `CAP_NET_ADMIN` allows more
/// than the system's limit.
fn enlarge_receive_buffer(fd: &OwnedFd) {
    if setsockopt(fd, RcvBufForce, &LISTENER_BUFFER_SIZE).is_err() {
        // As much as the limit allows. A client whose request is lost repeats it.
        let _ = setsockopt(fd, RcvBuf, &LISTENER_BUFFER_SIZE);
    }
}

/// Sets the send buffer for the replies to such requests, as [`enlarge_receive_buffer`] does.
fn enlarge_send_buffer(fd: &OwnedFd) {
    if setsockopt(fd, SndBufForce, &REPLY_BUFFER_SIZE).is_err() {
        let _ = setsockopt(fd, SndBuf, &REPLY_BUFFER_SIZE);
    }
}

/// Binds a socket to an interface (`SO_BINDTODEVICE`). To change the interface needs `CAP_NET_RAW`.
pub fn bind_to_device(fd: &OwnedFd, interface: &str) -> io::Result<()> {
    Ok(setsockopt(fd, BindToDevice, &to_path(interface).as_os_str().to_owned())?)
}

/// Receives one datagram into `buffer`, without local address and interface; its length and sender.
pub fn receive_plain(fd: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (size, peer) = recvfrom::<SockaddrStorage>(fd.as_raw_fd(), buffer)?;
    let peer = peer.and_then(|peer| socket_address(&peer)).ok_or(io::ErrorKind::InvalidData)?;
    Ok((size, peer))
}

/// Destination and source of datagrams.
#[derive(Clone, Copy, Debug)]
pub struct SendAddress {
    /// The destination.
    pub to: SocketAddr,
    /// The source address; `None`: the kernel chooses it.
    pub from: Option<IpAddr>,
    /// The index of the outgoing interface; 0: the routing table decides.
    pub interface: u32,
}

/// Sends one datagram.
pub fn send(fd: &impl AsRawFd, bytes: &[u8], way: SendAddress) -> io::Result<()> {
    let (parts, to) = ([IoSlice::new(bytes)], SockaddrStorage::from(way.to));
    let info = packet_info(way);
    let control = info.as_ref().map(PacketInfo::message);
    let send = || sendmsg(fd.as_raw_fd(), &parts, control.as_slice(), MsgFlags::empty(), Some(&to));
    // The error may be about another client of the same socket.
    let sent = send().or_else(|error| if is_icmp_error(error) { send() } else { Err(error) });
    sent.map(drop).map_err(io::Error::from)
}

/// [`is_icmp_error`] for an error of the standard library.
pub fn is_icmp(error: &io::Error) -> bool {
    error.raw_os_error().is_some_and(|number| is_icmp_error(Errno::from_raw(number)))
}

/// Whether the error of a call may be that of an ICMP message about an earlier datagram: then the call is to be repeated.
pub fn is_icmp_error(error: Errno) -> bool {
    matches!(
        error,
        Errno::ECONNREFUSED
            | Errno::EHOSTUNREACH
            | Errno::ENETUNREACH
            | Errno::EHOSTDOWN
            | Errno::ENONET
            | Errno::EACCES
            | Errno::EPROTO
            | Errno::ENOPROTOOPT
            | Errno::EOPNOTSUPP
            | Errno::EMSGSIZE
    )
}

/// The control message with source address and outgoing interface (ip(7), ipv6(7)).
pub(super) enum PacketInfo {
    V4(libc::in_pktinfo),
    V6(libc::in6_pktinfo),
}

impl PacketInfo {
    pub(super) fn message(&self) -> ControlMessage<'_> {
        match self {
            Self::V4(info) => ControlMessage::Ipv4PacketInfo(info),
            Self::V6(info) => ControlMessage::Ipv6PacketInfo(info),
        }
    }
}

/// `None`: the kernel chooses both.
pub(super) fn packet_info(SendAddress { from, interface, .. }: SendAddress) -> Option<PacketInfo> {
    let ipv4 = |from: Ipv4Addr| {
        PacketInfo::V4(libc::in_pktinfo {
            ipi_ifindex: interface.cast_signed(),
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        })
    };
    match from {
        None if interface == 0 => None,
        None => Some(ipv4(Ipv4Addr::UNSPECIFIED)),
        Some(IpAddr::V4(from)) => Some(ipv4(from)),
        Some(IpAddr::V6(from)) => Some(PacketInfo::V6(libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr { s6_addr: from.octets() },
            ipi6_ifindex: interface,
        })),
    }
}

/// Disables path MTU discovery (ip(7)): routers fragment large datagrams, as TFTP clients expect.
fn allow_fragments(fd: &impl AsRawFd) -> nix::Result<()> {
    let value = libc::IP_PMTUDISC_DONT;
    let size = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or_default();
    // SAFETY: the value lives until the call returns, and `size` is its size.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            (&raw const value).cast(),
            size,
        )
    };
    Errno::result(result).map(drop)
}

pub(super) fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    let four = address.as_sockaddr_in().map(|four| SocketAddr::from((four.ip(), four.port())));
    four.or_else(|| {
        let six = address.as_sockaddr_in6()?;
        Some(
            std::net::SocketAddrV6::new(six.ip(), six.port(), six.flowinfo(), six.scope_id())
                .into(),
        )
    })
}
