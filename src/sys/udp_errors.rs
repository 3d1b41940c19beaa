//! ICMP errors about datagrams that were sent (`IP_RECVERR`, ip(7)).

use super::udp::socket_address;
use nix::sys::socket::sockopt::{Ipv4RecvErr, Ipv6RecvErr};
use nix::sys::socket::{
    ControlMessageOwned, MsgFlags, SockaddrStorage, getsockname, recvmsg, setsockopt,
};
use std::io::{self, IoSliceMut};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, OwnedFd};

/// Queues ICMP errors for a socket. After each of them, the next call that sends or receives fails once with the error, so
/// that one call is to be repeated.
pub fn queue_icmp_errors(fd: &OwnedFd) -> io::Result<()> {
    let local: SockaddrStorage = getsockname(fd.as_raw_fd())?;
    match local.as_sockaddr_in() {
        Some(_) => setsockopt(fd, Ipv4RecvErr, &true)?,
        None => setsockopt(fd, Ipv6RecvErr, &true)?,
    }
    Ok(())
}

/// The receiver of a datagram that was answered with `port unreachable`. Other ICMP errors are skipped. `None`: the queue
/// has no more.
pub fn next_unreachable(fd: &impl AsRawFd) -> Option<SocketAddr> {
    loop {
        // The datagram that was sent is not needed.
        let mut parts = [IoSliceMut::new(&mut [])];
        let mut control =
            nix::cmsg_space!(libc::sock_extended_err, libc::sockaddr_in6, libc::in6_pktinfo);
        let flags = MsgFlags::MSG_ERRQUEUE | MsgFlags::MSG_DONTWAIT;
        let message =
            recvmsg::<SockaddrStorage>(fd.as_raw_fd(), &mut parts, Some(&mut control), flags)
                .ok()?;
        let is_refused = message.cmsgs().ok()?.any(|part| match part {
            ControlMessageOwned::Ipv4RecvErr(error, _)
            | ControlMessageOwned::Ipv6RecvErr(error, _) => is_port_unreachable(&error),
            _ => false,
        });
        if is_refused && let Some(peer) = message.address {
            return socket_address(&peer);
        }
    }
}

fn is_port_unreachable(error: &libc::sock_extended_err) -> bool {
    let is_icmp = [libc::SO_EE_ORIGIN_ICMP, libc::SO_EE_ORIGIN_ICMP6].contains(&error.ee_origin);
    is_icmp && i32::try_from(error.ee_errno) == Ok(libc::ECONNREFUSED)
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn closed_port_is_reported_and_next_datagram_is_sent() {
    use super::udp::{SendAddress, open_tftp, send};
    use std::net::{Ipv4Addr, UdpSocket};

    let server = open_tftp((Ipv4Addr::LOCALHOST, 0).into()).unwrap().unwrap();
    queue_icmp_errors(&server).unwrap();
    let bind = || UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let (closed, open) = (bind(), bind());
    let closed_address = closed.local_addr().unwrap();
    drop(closed);
    let to = |to| SendAddress { to, from: None, interface: 0 };
    send(&server, b"1", to(closed_address)).unwrap();
    send(&server, b"2", to(open.local_addr().unwrap())).unwrap();
    let mut buffer = [0; 8];
    assert_eq!(open.recv(&mut buffer).unwrap(), 1, "it is sent in spite of the error");
    assert_eq!(next_unreachable(&server), Some(closed_address));
    assert_eq!(next_unreachable(&server), None);
}
