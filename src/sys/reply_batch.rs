//! DHCP replies and TFTP errors to several clients with one system call: sendmmsg(2).

use super::udp::is_icmp_error;
use crate::net::Datagram;
use nix::errno::Errno;
use nix::sys::socket::SockaddrIn;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddrV4};
use std::os::fd::AsRawFd;

/// A control message `IP_PKTINFO` (ip(7)), as `CMSG_DATA` of cmsg(3) lays it out.
#[derive(Clone, Copy)]
#[repr(C)]
struct PacketInfo {
    header: libc::cmsghdr,
    info: libc::in_pktinfo,
}

/// A reply to send.
#[derive(Clone, Copy, Debug)]
pub struct Reply<'a> {
    /// The payload.
    pub bytes: &'a [u8],
    /// The destination.
    pub to: SocketAddrV4,
    /// The source address; `None`: the kernel chooses it.
    pub from: Option<Ipv4Addr>,
    /// The index of the outgoing interface; 0: the routing table decides.
    pub interface: u32,
}

impl<'a> Reply<'a> {
    /// A datagram to this destination.
    pub fn new(datagram: &'a Datagram, to: SocketAddrV4) -> Self {
        let from = match datagram.from {
            Some(IpAddr::V4(from)) => Some(from),
            _ => None,
        };
        Self { bytes: &datagram.bytes, to, from, interface: datagram.interface }
    }
}

/// Sends replies by an IPv4 socket, in their order. `failed` is called with index and error of each reply that cannot be sent;
/// those after it are sent nevertheless.
pub fn send_replies(
    fd: &impl AsRawFd,
    replies: &[Reply<'_>],
    mut failed: impl FnMut(usize, io::Error),
) {
    let mut next = 0;
    while let Some(rest) = replies.get(next..).filter(|rest| !rest.is_empty()) {
        match send_together(fd, rest) {
            Ok(sent) => next += sent,
            // An error is that of the first reply, or of an ICMP message about an earlier datagram.
            Err(error) => {
                if let Err(error) = send_again(fd, &rest[..1], error) {
                    failed(next, error.into());
                }
                next += 1;
            }
        }
    }
}

/// How often a call is repeated after errors of ICMP messages. More of them may have come meanwhile.
const MAX_REPEATS: usize = 4;

/// Repeats the call after the error of an ICMP message.
fn send_again(fd: &impl AsRawFd, reply: &[Reply<'_>], mut error: Errno) -> nix::Result<()> {
    for _ in 0..MAX_REPEATS {
        if !is_icmp_error(error) {
            break;
        }
        match send_together(fd, reply) {
            Ok(_) => return Ok(()),
            Err(next) => error = next,
        }
    }
    Err(error)
}

/// Sends as many as one call can; the number of those before the first one that cannot be sent, at least one.
fn send_together(fd: &impl AsRawFd, replies: &[Reply<'_>]) -> nix::Result<usize> {
    let mut messages = Messages::default();
    for (place, reply) in messages.places().zip(replies) {
        *place.part = iovec(reply.bytes.as_ptr().cast_mut(), reply.bytes.len());
        *place.name = SockaddrIn::from(reply.to).into();
        place.info.set(reply.from, reply.interface);
        place.link(reply.from.is_some() || reply.interface != 0);
    }
    let headers = messages.headers.as_mut_ptr();
    let count = call_length(replies.len().min(Messages::CAPACITY));
    // SAFETY: each header points to its own name, buffer and control message, which live until the call returns. The kernel does
    // not write to them.
    let sent = unsafe { libc::sendmmsg(fd.as_raw_fd(), headers, count, 0) };
    Errno::result(sent).map(|sent| usize::try_from(sent).unwrap_or_default().max(1))
}

/// What the headers of a call point to.
struct Messages {
    names: [libc::sockaddr_in; Messages::CAPACITY],
    infos: [PacketInfo; Messages::CAPACITY],
    parts: [libc::iovec; Messages::CAPACITY],
    headers: [libc::mmsghdr; Messages::CAPACITY],
}

/// One message in [`Messages`].
struct Place<'m> {
    name: &'m mut libc::sockaddr_in,
    info: &'m mut PacketInfo,
    part: &'m mut libc::iovec,
    header: &'m mut libc::mmsghdr,
}

impl Default for Messages {
    fn default() -> Self {
        // SAFETY: zeroed bytes are valid names, control messages, buffers without bytes, and headers without any of them.
        unsafe { std::mem::zeroed() }
    }
}

impl Messages {
    const CAPACITY: usize = 16;

    fn places(&mut self) -> impl Iterator<Item = Place<'_>> {
        let Self { names, infos, parts, headers } = self;
        let places = names.iter_mut().zip(infos).zip(parts.iter_mut().zip(headers));
        places.map(|((name, info), (part, header))| Place { name, info, part, header })
    }
}

impl Place<'_> {
    /// Sets the pointers of the header.
    fn link(self, with_info: bool) {
        let header = &mut self.header.msg_hdr;
        header.msg_name = std::ptr::from_mut(self.name).cast();
        header.msg_namelen = NAME_LEN;
        (header.msg_iov, header.msg_iovlen) = (self.part, 1);
        if with_info {
            header.msg_control = std::ptr::from_mut(self.info).cast();
            header.msg_controllen = CONTROL_LEN as _;
        }
    }
}

impl PacketInfo {
    /// The source address (`None`: the kernel chooses it), and the outgoing interface.
    fn set(&mut self, from: Option<Ipv4Addr>, interface: u32) {
        let Self { header, info } = self;
        header.cmsg_len = CONTROL_LEN as _;
        (header.cmsg_level, header.cmsg_type) = (libc::IPPROTO_IP, libc::IP_PKTINFO);
        info.ipi_ifindex = interface.cast_signed();
        info.ipi_spec_dst.s_addr =
            u32::from_ne_bytes(from.unwrap_or(Ipv4Addr::UNSPECIFIED).octets());
    }
}

/// `CMSG_LEN` of the message.
const CONTROL_LEN: usize = std::mem::offset_of!(PacketInfo, info) + size_of::<libc::in_pktinfo>();
/// Bytes of the name of an IPv4 socket. It is 16 on each architecture.
const NAME_LEN: libc::socklen_t = 16;

fn iovec(bytes: *mut u8, length: usize) -> libc::iovec {
    libc::iovec { iov_base: bytes.cast(), iov_len: length }
}

fn call_length(messages: usize) -> libc::c_uint {
    libc::c_uint::try_from(messages).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::udp::{PortSharing, open_dhcp};
    use nix::sys::socket::getsockname;
    use std::net::{SocketAddr, UdpSocket};
    use std::os::fd::OwnedFd;

    /// A socket with a port that the kernel chooses, and the port.
    fn dhcp_socket() -> (OwnedFd, u16) {
        let opened = open_dhcp(0, PortSharing::Exclusive);
        let fd = opened.unwrap_or_else(|(_, error)| panic!("{error}"));
        let name: SockaddrIn = getsockname(fd.as_raw_fd()).unwrap();
        (fd, name.port())
    }

    fn client() -> UdpSocket {
        let client = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        client.set_nonblocking(true).unwrap();
        client
    }

    fn reply_to(client: &UdpSocket, bytes: &'static [u8]) -> Reply<'static> {
        let SocketAddr::V4(to) = client.local_addr().unwrap() else { unreachable!() };
        Reply { bytes, to, from: None, interface: 0 }
    }

    /// Index and error number of the replies that cannot be sent.
    fn failures(fd: &OwnedFd, replies: &[Reply<'_>]) -> Vec<(usize, Option<i32>)> {
        let mut failures = Vec::new();
        send_replies(fd, replies, |index, error| failures.push((index, error.raw_os_error())));
        failures
    }

    fn received(client: &UdpSocket) -> Vec<Vec<u8>> {
        let mut buffer = [0; 100];
        let next = || client.recv(&mut buffer).ok().map(|size| buffer[..size].to_vec());
        std::iter::from_fn(next).collect()
    }

    #[test]
    fn control_message_has_the_layout_of_cmsg() {
        let info = u32::try_from(size_of::<libc::in_pktinfo>()).unwrap();
        // SAFETY: these functions calculate sizes only.
        let (len, space) = unsafe { (libc::CMSG_LEN(info), libc::CMSG_SPACE(info)) };
        assert_eq!(CONTROL_LEN, len as usize);
        assert!(size_of::<PacketInfo>() <= space as usize);
        assert_eq!(NAME_LEN as usize, size_of::<libc::sockaddr_in>());
    }

    /// More than the replies of two calls.
    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn replies_are_sent_in_order_each_to_its_client() {
        let (fd, _) = dhcp_socket();
        let clients = [client(), client()];
        let of = |index: usize| reply_to(&clients[index % 2], [&b"0"[..], b"1", b"2"][index % 3]);
        let replies: Vec<_> = (0..40).map(of).collect();
        assert_eq!(failures(&fd, &replies), []);
        for (nth, client) in clients.iter().enumerate() {
            let own = replies.iter().skip(nth).step_by(2);
            assert_eq!(received(client), own.map(|reply| reply.bytes).collect::<Vec<_>>());
        }
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn reply_leaves_from_its_own_source_address() {
        let (fd, port) = dhcp_socket();
        let client = client();
        let from = |from| Reply { from, ..reply_to(&client, b"x") };
        let addresses = [Some(Ipv4Addr::new(127, 0, 0, 5)), None, Some(Ipv4Addr::LOCALHOST)];
        assert_eq!(failures(&fd, &addresses.map(from)), []);
        for address in addresses {
            let source = client.recv_from(&mut [0; 9]).unwrap().1;
            assert_eq!(source, (address.unwrap_or(Ipv4Addr::LOCALHOST), port).into());
        }
    }

    /// One in the middle of a call, the first and the last of a call, and two in sequence.
    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn error_is_that_of_its_reply_and_the_others_are_sent() {
        let (fd, _) = dhcp_socket();
        let client = client();
        let bad = [0, 3, 4, 15, 17, 33];
        let reply = |index: usize| {
            // There is no interface with this index.
            let interface = if bad.contains(&index) { 0x7fff_ffff } else { 0 };
            Reply { interface, ..reply_to(&client, b"x") }
        };
        let replies: Vec<_> = (0..34).map(reply).collect();
        let expected = bad.map(|index| (index, Some(libc::ENODEV)));
        assert_eq!(failures(&fd, &replies), expected);
        assert_eq!(received(&client).len(), replies.len() - bad.len());
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn error_of_an_icmp_message_is_not_that_of_the_next_reply() {
        let (fd, _) = dhcp_socket();
        crate::sys::udp_errors::queue_icmp_errors(&fd).unwrap();
        let (closed, open) = (client(), client());
        let refused = reply_to(&closed, b"lost");
        drop(closed);
        assert_eq!(failures(&fd, &[refused, reply_to(&open, b"1"), reply_to(&open, b"2")]), []);
        assert_eq!(received(&open), [b"1", b"2"]);
    }
}
