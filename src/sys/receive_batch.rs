//! Receiving several datagrams with one system call: recvmmsg(2).

use super::udp::socket_address;
use crate::net::ReceivedDatagram;
use nix::errno::Errno;
use nix::sys::socket::{SockaddrLike, SockaddrStorage};
use std::io;
use std::mem::MaybeUninit;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::os::fd::AsRawFd;

/// Datagrams that were received with one system call. If the socket has `IP_PKTINFO` or `IPV6_RECVPKTINFO`, with the local address
/// and the interface of each.
pub struct ReceiveBatch {
    arrivals: Vec<(usize, SocketAddr, (IpAddr, u32))>,
    /// A buffer for each datagram. Pages that were never written take no memory.
    bytes: Vec<u8>,
    /// A longer datagram is truncated.
    max_len: usize,
}

/// The space for a control message `IP_PKTINFO` or `IPV6_PKTINFO`, aligned as the kernel needs it.
#[derive(Clone, Copy)]
#[repr(C, align(8))]
struct Control([u8; 64]);

impl ReceiveBatch {
    /// The maximum number of datagrams.
    const MAX_CAPACITY: usize = 16;

    /// An empty batch for at most `capacity` datagrams, which is 16 at most. Datagrams longer than `max_len` are truncated.
    pub fn new(capacity: usize, max_len: usize) -> Self {
        let capacity = capacity.min(Self::MAX_CAPACITY);
        Self { arrivals: Vec::with_capacity(capacity), bytes: vec![0; capacity * max_len], max_len }
    }

    /// The maximum number of datagrams of one call.
    pub fn capacity(&self) -> usize {
        self.bytes.len() / self.max_len
    }

    /// Receives datagrams; their number. If it is less than [`Self::capacity`], the socket has no more.
    pub fn receive(&mut self, fd: &impl AsRawFd) -> io::Result<usize> {
        self.arrivals.clear();
        let capacity = self.capacity();
        let mut names =
            [const { MaybeUninit::<libc::sockaddr_storage>::uninit() }; Self::MAX_CAPACITY];
        let mut controls = [const { MaybeUninit::<Control>::uninit() }; Self::MAX_CAPACITY];
        // SAFETY: zeroed bytes are valid buffers without bytes, and valid headers without name, buffers and control message.
        let (mut parts, mut headers): (
            [libc::iovec; Self::MAX_CAPACITY],
            [libc::mmsghdr; Self::MAX_CAPACITY],
        ) = unsafe { (std::mem::zeroed(), std::mem::zeroed()) };
        let buffers = self.bytes.chunks_exact_mut(self.max_len);
        for (((header, part), (name, control)), buffer) in
            headers.iter_mut().zip(&mut parts).zip(names.iter_mut().zip(&mut controls)).zip(buffers)
        {
            *part = libc::iovec { iov_base: buffer.as_mut_ptr().cast(), iov_len: buffer.len() };
            let header = &mut header.msg_hdr;
            header.msg_name = name.as_mut_ptr().cast();
            header.msg_namelen = name_len();
            (header.msg_iov, header.msg_iovlen) = (part, 1);
            header.msg_control = control.as_mut_ptr().cast();
            header.msg_controllen = size_of::<Control>() as _;
        }
        let capacity = libc::c_uint::try_from(capacity).unwrap_or_default();
        // SAFETY: each of the first `capacity` headers points to its own name, buffer and control message, which live until the
        // call returns.
        let received = unsafe {
            libc::recvmmsg(fd.as_raw_fd(), headers.as_mut_ptr(), capacity, 0, std::ptr::null_mut())
        };
        let received = usize::try_from(Errno::result(received)?).unwrap_or_default();
        for header in headers.iter().take(received) {
            let (peer, local) = (peer(&header.msg_hdr), local(&header.msg_hdr));
            let size = usize::try_from(header.msg_len).unwrap_or_default();
            // A datagram always has a sender; without one it cannot be answered.
            let peer = peer.unwrap_or((Ipv4Addr::UNSPECIFIED, 0).into());
            self.arrivals.push((size.min(self.max_len), peer, local));
        }
        Ok(received)
    }

    /// The datagrams of the last call.
    pub fn datagrams(&self) -> impl Iterator<Item = ReceivedDatagram<'_>> {
        let bytes = self.bytes.chunks_exact(self.max_len);
        self.arrivals.iter().zip(bytes).map(|(&(size, peer, (local, interface)), bytes)| {
            ReceivedDatagram { bytes: &bytes[..size], peer, local, interface }
        })
    }
}

/// The sender of a received datagram. The header must be that of a successful call.
fn peer(header: &libc::msghdr) -> Option<SocketAddr> {
    // SAFETY: the kernel has written the name of the header of a successful call, and its length.
    let name = unsafe {
        SockaddrStorage::from_raw(header.msg_name.cast_const().cast(), Some(header.msg_namelen))
    };
    socket_address(&name?)
}

/// The local address and the interface of a received datagram. The header must be that of a successful call.
fn local(header: &libc::msghdr) -> (IpAddr, u32) {
    // SAFETY: the kernel has written the control messages of the header of a successful call. Their data may be unaligned.
    unsafe {
        let mut part = libc::CMSG_FIRSTHDR(header);
        while let Some(&libc::cmsghdr { cmsg_level, cmsg_type, .. }) = part.as_ref() {
            let data = libc::CMSG_DATA(part);
            match (cmsg_level, cmsg_type) {
                // `spec_dst` is the local address for a reply: for a broadcast, the address of the interface.
                (libc::IPPROTO_IP, libc::IP_PKTINFO) => {
                    let info = data.cast::<libc::in_pktinfo>().read_unaligned();
                    let local = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes());
                    return (local.into(), info.ipi_ifindex.cast_unsigned());
                }
                (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO) => {
                    let info = data.cast::<libc::in6_pktinfo>().read_unaligned();
                    return (IpAddr::from(info.ipi6_addr.s6_addr), info.ipi6_ifindex);
                }
                _ => part = libc::CMSG_NXTHDR(header, part),
            }
        }
    }
    (Ipv4Addr::UNSPECIFIED.into(), 0)
}

fn name_len() -> libc::socklen_t {
    libc::socklen_t::try_from(size_of::<libc::sockaddr_storage>()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::udp::open_tftp;
    use nix::sys::socket::getsockname;
    use std::net::{Ipv6Addr, UdpSocket};
    use std::os::fd::OwnedFd;

    /// A socket with a port that the kernel chooses, and the port.
    fn listener(ip: IpAddr) -> Option<(OwnedFd, u16)> {
        let fd = open_tftp((ip, 0).into()).ok()??;
        let name: SockaddrStorage = getsockname(fd.as_raw_fd()).unwrap();
        let port = socket_address(&name).unwrap().port();
        Some((fd, port))
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn requests_are_received_together_with_sender_address_and_interface() {
        let links = crate::sys::interfaces::snapshot().unwrap().links;
        let loopback = links.into_iter().find(|link| link.loopback).unwrap().index;
        for ip in [IpAddr::from(Ipv4Addr::LOCALHOST), Ipv6Addr::LOCALHOST.into()] {
            // A machine may have no IPv6.
            let Some((fd, port)) = listener(ip) else { continue };
            let clients = [(); 2].map(|()| UdpSocket::bind((ip, 0)).unwrap());
            let long = vec![7; 9000];
            for (client, bytes) in [(0, &b"a"[..]), (1, &long), (0, b"")] {
                clients[client].send_to(bytes, (ip, port)).unwrap();
            }
            let mut batch = ReceiveBatch::new(16, 4096);
            assert_eq!(batch.receive(&fd).unwrap(), 3);
            let [first, second] = clients.map(|client| client.local_addr().unwrap());
            let arrived: Vec<_> =
                batch.datagrams().map(|one| (one.bytes.len(), one.peer)).collect();
            assert_eq!(arrived, [(1, first), (4096, second), (0, first)]);
            for datagram in batch.datagrams() {
                assert_eq!((datagram.local, datagram.interface), (ip, loopback));
            }
            assert_eq!(batch.receive(&fd).unwrap_err().kind(), io::ErrorKind::WouldBlock);
            assert_eq!(batch.datagrams().count(), 0);
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn requests_beyond_the_capacity_are_received_by_the_next_call() {
        let (fd, port) = listener(Ipv4Addr::LOCALHOST.into()).unwrap();
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        for number in 0..=16_u8 {
            client.send_to(&[number], (Ipv4Addr::LOCALHOST, port)).unwrap();
        }
        let mut batch = ReceiveBatch::new(16, 4096);
        assert_eq!(batch.receive(&fd).unwrap(), batch.capacity());
        let numbers: Vec<u8> = batch.datagrams().map(|datagram| datagram.bytes[0]).collect();
        assert_eq!(numbers, (0..16).collect::<Vec<u8>>());
        assert_eq!(batch.receive(&fd).unwrap(), 1);
        assert_eq!(batch.datagrams().next().unwrap().bytes, [16]);
    }
}
