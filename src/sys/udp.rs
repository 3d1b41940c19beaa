//! UDP sockets, and datagrams with the address and interface they arrived at.

use crate::byte_text::to_path;
use crate::net::ReceivedDatagram;
use nix::sys::socket::sockopt::{
    BindToDevice, Broadcast, Ipv4PacketInfo, Ipv4Tos, Ipv6RecvPacketInfo, Ipv6V6Only, RcvBuf,
    RcvBufForce, ReuseAddr, ReusePort,
};
use nix::sys::socket::{
    AddressFamily, ControlMessage, ControlMessageOwned, MsgFlags, SockFlag, SockType, SockaddrIn,
    SockaddrIn6, SockaddrStorage, bind, recvfrom, recvmsg, sendmsg, setsockopt, socket,
};
use std::io::{self, IoSlice, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::{AsRawFd, OwnedFd};

/// CS6, network control (RFC 2474): what dnsmasq marks DHCP with.
const NETWORK_CONTROL: i32 = 0xC0;

/// Bytes for requests that wait. The kernel counts some 800 for each.
const LISTENER_BUFFER_SIZE: usize = 4 << 20;

/// Which step of opening a DHCP socket has failed.
pub enum Step {
    /// There is no socket at all.
    Open,
    /// An option.
    Options,
    /// Sharing the port.
    Reuse,
    /// The port.
    Bind,
}

/// Whether other sockets may be bound to the port too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PortSharing {
    /// The port belongs to this socket alone.
    Exclusive,
    /// `SO_REUSEADDR` and `SO_REUSEPORT` are set.
    Shared,
}

/// A socket for DHCP on all addresses.
pub fn open_dhcp(port: u16, sharing: PortSharing) -> Result<OwnedFd, (Step, io::Error)> {
    let at = |step: Step| |error: nix::errno::Errno| (step, error.into());
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd =
        socket(AddressFamily::Inet, SockType::Datagram, flags, None).map_err(at(Step::Open))?;
    allow_fragments(&fd).map_err(at(Step::Options))?;
    setsockopt(&fd, Ipv4Tos, &NETWORK_CONTROL).map_err(at(Step::Options))?;
    setsockopt(&fd, Ipv4PacketInfo, &true).map_err(at(Step::Options))?;
    setsockopt(&fd, Broadcast, &true).map_err(at(Step::Options))?;
    if sharing == PortSharing::Shared {
        setsockopt(&fd, ReuseAddr, &true).map_err(at(Step::Reuse))?;
        setsockopt(&fd, ReusePort, &true).map_err(at(Step::Reuse))?;
    }
    let any = SockaddrIn::from(std::net::SocketAddrV4::new(Ipv4Addr::UNSPECIFIED, port));
    bind(fd.as_raw_fd(), &any).map_err(at(Step::Bind))?;
    Ok(fd)
}

/// A socket for TFTP requests to an address. `Ok(None)`: the kernel has no IPv6.
pub fn open_tftp(address: SocketAddr) -> io::Result<Option<OwnedFd>> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = match socket(family, SockType::Datagram, flags, None) {
        Err(
            nix::errno::Errno::EAFNOSUPPORT
            | nix::errno::Errno::EPROTONOSUPPORT
            | nix::errno::Errno::EINVAL,
        ) => {
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

/// A socket for one transfer, from an address of ours.
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

/// Lets requests of a whole hall wait, while the first are answered. More than the system's limit needs
/// `CAP_NET_ADMIN`.
fn enlarge_receive_buffer(fd: &OwnedFd) {
    if setsockopt(fd, RcvBufForce, &LISTENER_BUFFER_SIZE).is_err() {
        // As much as there is to be had: who is not heard asks again.
        _ = setsockopt(fd, RcvBuf, &LISTENER_BUFFER_SIZE);
    }
}

/// Lets a socket hear one interface only. For a socket that hears another one it needs `CAP_NET_RAW`.
pub fn bind_to_device(fd: &OwnedFd, interface: &str) -> io::Result<()> {
    Ok(setsockopt(fd, BindToDevice, &to_path(interface).as_os_str().to_owned())?)
}

/// Receives one datagram into `buffer`; a longer one is cut.
pub fn receive<'b>(fd: &impl AsRawFd, buffer: &'b mut [u8]) -> io::Result<ReceivedDatagram<'b>> {
    let mut control = nix::cmsg_space!(libc::in_pktinfo, libc::in6_pktinfo);
    let mut parts = [IoSliceMut::new(buffer)];
    let message = recvmsg::<SockaddrStorage>(
        fd.as_raw_fd(),
        &mut parts,
        Some(&mut control),
        MsgFlags::empty(),
    )?;
    let (mut local, mut interface) = (IpAddr::V4(Ipv4Addr::UNSPECIFIED), 0);
    for part in message.cmsgs()? {
        match part {
            // `spec_dst` is the address to answer from: for a broadcast, the interface's own.
            ControlMessageOwned::Ipv4PacketInfo(info) => {
                local = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes()).into();
                interface = info.ipi_ifindex.cast_unsigned();
            }
            ControlMessageOwned::Ipv6PacketInfo(info) => {
                (local, interface) = (IpAddr::from(info.ipi6_addr.s6_addr), info.ipi6_ifindex);
            }
            _ => {}
        }
    }
    let peer = message
        .address
        .and_then(|address| socket_address(&address))
        .ok_or(io::ErrorKind::InvalidData)?;
    let size = message.bytes;
    Ok(ReceivedDatagram { bytes: &buffer[..size], peer, local, interface })
}

/// Receives one datagram into `buffer`, without where it arrived.
pub fn receive_plain(fd: &impl AsRawFd, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    let (size, peer) = recvfrom::<SockaddrStorage>(fd.as_raw_fd(), buffer)?;
    let peer = peer.and_then(|peer| socket_address(&peer)).ok_or(io::ErrorKind::InvalidData)?;
    Ok((size, peer))
}

/// Where datagrams go, and from where.
#[derive(Clone, Copy, Debug)]
pub struct SendAddress {
    /// To whom.
    pub to: SocketAddr,
    /// From which of our addresses; `None` leaves it to the system.
    pub from: Option<IpAddr>,
    /// Out of which interface; 0 leaves it to the routing table.
    pub interface: u32,
}

/// Sends one datagram.
pub fn send(fd: &impl AsRawFd, bytes: &[u8], way: SendAddress) -> io::Result<()> {
    let (parts, to) = ([IoSlice::new(bytes)], SockaddrStorage::from(way.to));
    let info = packet_info(way);
    let control = info.as_ref().map(PacketInfo::message);
    let sent = sendmsg(fd.as_raw_fd(), &parts, control.as_slice(), MsgFlags::empty(), Some(&to));
    sent.map(drop).map_err(io::Error::from)
}

/// Where a datagram leaves, as the kernel is told (ip(7), ipv6(7)).
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

/// `None` if all is left to the system.
pub(super) fn packet_info(SendAddress { from, interface, .. }: SendAddress) -> Option<PacketInfo> {
    let four = |from: Ipv4Addr| {
        PacketInfo::V4(libc::in_pktinfo {
            ipi_ifindex: interface.cast_signed(),
            ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(from.octets()) },
            ipi_addr: libc::in_addr { s_addr: 0 },
        })
    };
    match from {
        None if interface == 0 => None,
        None => Some(four(Ipv4Addr::UNSPECIFIED)),
        Some(IpAddr::V4(from)) => Some(four(from)),
        Some(IpAddr::V6(from)) => Some(PacketInfo::V6(libc::in6_pktinfo {
            ipi6_addr: libc::in6_addr { s6_addr: from.octets() },
            ipi6_ifindex: interface,
        })),
    }
}

/// Switches path MTU discovery off (ip(7)): what is too large is cut on the way, as TFTP's clients expect.
fn allow_fragments(fd: &impl AsRawFd) -> nix::Result<()> {
    let value = libc::IP_PMTUDISC_DONT;
    let size = libc::socklen_t::try_from(size_of_val(&value)).unwrap_or_default();
    // SAFETY: the value lives through the call, and `size` is its size.
    let result = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::IPPROTO_IP,
            libc::IP_MTU_DISCOVER,
            (&raw const value).cast(),
            size,
        )
    };
    nix::errno::Errno::result(result).map(drop)
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

#[test]
#[cfg_attr(miri, ignore = "Miri has no such call")]
fn a_datagram_tells_where_it_arrived() {
    let listener = open_tftp((Ipv4Addr::LOCALHOST, 0).into()).unwrap().unwrap();
    let name: SockaddrIn = nix::sys::socket::getsockname(listener.as_raw_fd()).unwrap();
    let client = std::net::UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    client.send_to(b"hello", (Ipv4Addr::LOCALHOST, name.port())).unwrap();
    let mut buffer = [0; 16];
    let arrival = receive(&listener, &mut buffer).unwrap();
    assert_eq!((arrival.bytes, arrival.local), (&b"hello"[..], IpAddr::V4(Ipv4Addr::LOCALHOST)));
    assert_eq!(arrival.peer, client.local_addr().unwrap());
    let link = super::interfaces::snapshot()
        .unwrap()
        .links
        .into_iter()
        .find(|link| link.loopback)
        .unwrap();
    assert_eq!(arrival.interface, link.index);
}
