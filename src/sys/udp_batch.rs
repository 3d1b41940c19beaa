//! Sending many datagrams to one client with one system call.

use super::udp::{PacketInfo, SendAddress, is_icmp_error, packet_info};
use nix::errno::Errno;
use nix::sys::socket::{
    ControlMessage, MsgFlags, MultiHeaders, SockaddrStorage, sendmmsg, sendmsg, sendto,
};
use nix::unistd::write;
use std::io::{self, IoSlice};
use std::os::fd::{AsFd, AsRawFd};

/// Segments of one packet that every kernel accepts (`UDP_MAX_SEGMENTS`).
const MAX_SEGMENTS: usize = 64;
/// Payload of the largest UDP datagram over IPv4.
const MAX_BYTES: usize = 65_507;

/// Whether the kernel splits one large packet into datagrams (generic segmentation offload: `UDP_SEGMENT`, udp(7)).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GsoSupport {
    /// It has not refused so far.
    Unknown,
    /// It has refused. It does so if a block is larger than a packet of the link, if packets are encrypted, and if the
    /// kernel is old.
    Refused,
}

/// Sends datagrams of `segment` bytes, the last of which may be shorter; the number of bytes that were sent. It is less than
/// all if the send buffer is full. Without a `way`, the socket must be connected.
///
/// Unless the kernel has refused it before, many datagrams are sent as segments of one packet. After a refusal they are
/// sent one by one, and `gso` is set.
pub fn send_batch(
    fd: &(impl AsFd + AsRawFd),
    bytes: &[u8],
    segment: usize,
    way: Option<SendAddress>,
    gso: &mut GsoSupport,
) -> io::Result<usize> {
    let max_count = MAX_SEGMENTS.min(MAX_BYTES / segment).max(1);
    let mut sent_bytes = 0;
    while sent_bytes < bytes.len() {
        // The remainder that does not fill a packet of the largest size is sent first, so that the client can begin sooner.
        let remainder = (bytes.len() - sent_bytes).div_ceil(segment) % max_count;
        let count = if remainder == 0 { max_count } else { remainder };
        let part = &bytes[sent_bytes..bytes.len().min(sent_bytes + count * segment)];
        let send = |gso: GsoSupport| {
            if gso == GsoSupport::Unknown || part.len() <= segment {
                send_segments(fd, part, segment, way)
            } else {
                send_each(fd, part, segment, way)
            }
        };
        let mut sent = send(*gso);
        // The error may be about another client of the same socket.
        if sent.is_err_and(is_icmp_error) {
            sent = send(*gso);
        }
        if part.len() > segment && sent.is_err_and(is_refusal) {
            *gso = GsoSupport::Refused;
            sent = send_each(fd, part, segment, way);
        }
        match sent {
            Ok(sent) => sent_bytes += sent,
            Err(Errno::EAGAIN) => break,
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(sent_bytes)
}

/// Whether the kernel cannot split the packet. Other errors are about the datagram.
fn is_refusal(error: Errno) -> bool {
    matches!(error, Errno::EIO | Errno::EINVAL | Errno::EMSGSIZE | Errno::ENOPROTOOPT)
}

/// Sends datagrams as segments of one packet.
fn send_segments(
    fd: &(impl AsFd + AsRawFd),
    bytes: &[u8],
    segment: usize,
    way: Option<SendAddress>,
) -> nix::Result<usize> {
    let size = u16::try_from(segment).map_err(|_| Errno::EMSGSIZE)?;
    let (parts, to) = ([IoSlice::new(bytes)], way.map(|way| SockaddrStorage::from(way.to)));
    let send = |control: &[ControlMessage<'_>]| {
        sendmsg(fd.as_raw_fd(), &parts, control, MsgFlags::empty(), to.as_ref())
    };
    let info = way.and_then(packet_info);
    let info = info.as_ref().map(PacketInfo::message);
    if bytes.len() <= segment {
        // Lockstep transfers send each block here. `sendto` and `write` copy less than `sendmsg`, and the filter of seccomp
        // does not run for `write`, because any arguments are allowed.
        return match (info, &to) {
            (Some(info), _) => send(&[info]),
            (None, Some(to)) => sendto(fd.as_raw_fd(), bytes, to, MsgFlags::empty()),
            (None, None) => write(fd, bytes),
        };
    }
    let segment_size = ControlMessage::UdpGsoSegments(&size);
    match info {
        Some(info) => send(&[info, segment_size]),
        None => send(&[segment_size]),
    }
}

/// Sends datagrams one by one, with one system call.
fn send_each(
    fd: &(impl AsFd + AsRawFd),
    bytes: &[u8],
    segment: usize,
    way: Option<SendAddress>,
) -> nix::Result<usize> {
    let parts: Vec<_> = bytes.chunks(segment).map(|part| [IoSlice::new(part)]).collect();
    let to = vec![way.map(|way| SockaddrStorage::from(way.to)); parts.len()];
    let info = way.and_then(packet_info);
    let control = info.as_ref().map(PacketInfo::message);
    // The kernel reads unused space as a control message and returns an error.
    let space = match &info {
        None => None,
        Some(PacketInfo::V4(_)) => Some(nix::cmsg_space!(libc::in_pktinfo)),
        Some(PacketInfo::V6(_)) => Some(nix::cmsg_space!(libc::in6_pktinfo)),
    };
    let mut headers = MultiHeaders::preallocate(parts.len(), space);
    let sent =
        sendmmsg(fd.as_raw_fd(), &mut headers, &parts, &to, control.as_slice(), MsgFlags::empty())?;
    Ok(sent.map(|one| one.bytes).sum())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::receive_batch::ReceiveBatch;
    use crate::sys::udp::{open_tftp, open_transfer};
    use std::net::{IpAddr, Ipv4Addr};

    /// Sends `count` datagrams of 1000 bytes and one of 10 bytes over loopback; the sizes that arrive.
    fn arrived(
        fd: &(impl AsFd + AsRawFd),
        count: usize,
        from: Option<IpAddr>,
        gso: &mut GsoSupport,
    ) -> Vec<usize> {
        let listener = open_tftp((Ipv4Addr::LOCALHOST, 0).into()).unwrap().unwrap();
        let name: nix::sys::socket::SockaddrIn =
            nix::sys::socket::getsockname(listener.as_raw_fd()).unwrap();
        let way = SendAddress { to: (Ipv4Addr::LOCALHOST, name.port()).into(), from, interface: 0 };
        let bytes = vec![7; count * 1000 + 10];
        assert_eq!(send_batch(fd, &bytes, 1000, Some(way), gso).unwrap(), bytes.len());
        let (mut inbox, mut sizes) = (ReceiveBatch::new(8, 2048), Vec::new());
        while inbox.receive(&listener).is_ok() {
            sizes.extend(inbox.datagrams().map(|one| one.bytes.len()));
        }
        sizes
    }

    fn expected(count: usize) -> Vec<usize> {
        let mut sizes = vec![1000; count];
        sizes.push(10);
        sizes
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn window_arrives_completely_and_in_order() {
        let fd = open_transfer((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        for count in [0, 1, 5, 64, 100] {
            assert_eq!(arrived(&fd, count, None, &mut GsoSupport::Unknown), expected(count));
            assert_eq!(
                arrived(&fd, count, None, &mut GsoSupport::Refused),
                expected(count),
                "one by one"
            );
            let from = Some(Ipv4Addr::LOCALHOST.into());
            assert_eq!(
                arrived(&fd, count, from, &mut GsoSupport::Unknown),
                expected(count),
                "from an address"
            );
            assert_eq!(
                arrived(&fd, count, from, &mut GsoSupport::Refused),
                expected(count),
                "and one by one"
            );
        }
    }

    /// The kernel does not split packets of a socket without checksums (`EINVAL`).
    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn datagrams_are_sent_one_by_one_after_the_kernel_refused_to_split_them() {
        let fd = open_transfer((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let (on, size) = (1, libc::socklen_t::try_from(size_of::<libc::c_int>()).unwrap());
        // SAFETY: the value lives until the call returns, and `size` is its size.
        let done = unsafe {
            let value = (&raw const on).cast();
            libc::setsockopt(fd.as_raw_fd(), libc::SOL_SOCKET, libc::SO_NO_CHECK, value, size)
        };
        assert_eq!(done, 0);
        let mut gso = GsoSupport::Unknown;
        assert_eq!(arrived(&fd, 5, None, &mut gso), expected(5));
        assert_eq!(gso, GsoSupport::Refused, "it is not tried again");
    }

    /// `EIO`: packets are encrypted. `EMSGSIZE`, `EINVAL`: blocks are too large. `ENOPROTOOPT`: an old kernel.
    #[test]
    fn only_errors_of_splitting_are_refusals() {
        for error in [Errno::EIO, Errno::EINVAL, Errno::EMSGSIZE, Errno::ENOPROTOOPT] {
            assert!(is_refusal(error));
        }
        for error in [Errno::EAGAIN, Errno::ENETUNREACH, Errno::EPERM, Errno::ECONNREFUSED] {
            assert!(!is_refusal(error));
        }
    }
}
