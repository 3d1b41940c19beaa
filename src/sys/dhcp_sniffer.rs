//! What servers tell everybody on our networks (packet(7)). It is heard beside the kernel's own sockets: no port is
//! taken, and nobody who has it is disturbed.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsRawFd, OwnedFd};

/// An ear for broadcasts from port 67.
pub struct DhcpSniffer(OwnedFd);

/// A datagram that was heard.
pub struct SniffedReply<'b> {
    /// Who said it.
    pub from: Ipv4Addr,
    /// What.
    pub bytes: &'b [u8],
}

const SERVER_PORT: u32 = 67;
const UDP: u32 = 17;
const UDP_HEADER_LEN: usize = 8;
const BOOT_REPLY: u32 = 2;
const ETH_P_ALL: u32 = 0xffff;

impl DhcpSniffer {
    /// Begins to hear what is sent to `client_port`. It takes root to begin, and none to go on.
    pub fn open(client_port: u16) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Packet, SockType::Datagram, flags, SockProtocol::EthIp)?;
        attach(&fd, &filter(client_port))?;
        // Before the filter there was none.
        while recv(fd.as_raw_fd(), &mut [0], MsgFlags::empty()).is_ok() {}
        Ok(Self(fd))
    }

    /// The next datagram, if there is one.
    pub fn next<'b>(&self, buffer: &'b mut [u8]) -> Option<SniffedReply<'b>> {
        let size = recv(self.0.as_raw_fd(), buffer, MsgFlags::empty()).ok()?;
        datagram(&buffer[..size])
    }
}

/// What an IPv4 packet holds (RFC 791, 3.1; RFC 768), whatever it says of its length.
fn datagram(packet: &[u8]) -> Option<SniffedReply<'_>> {
    let from = Ipv4Addr::from(*packet.get(12..)?.first_chunk::<4>()?);
    let bytes = packet.get(usize::from(packet[0] & 15) * 4 + UDP_HEADER_LEN..)?;
    Some(SniffedReply { from, bytes })
}

impl AsRawFd for DhcpSniffer {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

/// A classic filter (bpf(4), as Linux has it): broadcasts, UDP, unfragmented, from port 67 to that port, a reply.
fn filter(client_port: u16) -> Vec<libc::sock_filter> {
    const PACKET_TYPE: u32 = 0xffff_f000 + 4;
    const BROADCAST: u32 = 1;
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF_BEHIND: u16 = 0x48;
    const LOAD_BYTE_BEHIND: u16 = 0x50;
    const SKIP_IP_HEADER: u16 = 0xb1;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let go = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    // So many steps to the last line, which drops it.
    let unless = |k, jf| libc::sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf, k };
    vec![
        go(LOAD_WORD, PACKET_TYPE),
        unless(BROADCAST, 12),
        go(LOAD_BYTE, 9),
        unless(UDP, 10),
        go(LOAD_HALF, 6),
        libc::sock_filter { code: JUMP_IF_SET, jt: 8, jf: 0, k: 0x1fff },
        go(SKIP_IP_HEADER, 0),
        go(LOAD_HALF_BEHIND, 0),
        unless(SERVER_PORT, 5),
        go(LOAD_HALF_BEHIND, 2),
        unless(client_port.into(), 3),
        go(LOAD_BYTE_BEHIND, 8),
        unless(BOOT_REPLY, 1),
        go(RETURN, ETH_P_ALL),
        go(RETURN, 0),
    ]
}

fn attach(fd: &OwnedFd, filter: &[libc::sock_filter]) -> io::Result<()> {
    let mut filter = filter.to_vec();
    let len = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies `program` and the filter it describes, and both live through the call.
    let done = unsafe {
        libc::setsockopt(
            fd.as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_ATTACH_FILTER,
            (&raw const program).cast(),
            libc::socklen_t::try_from(size_of_val(&program)).map_err(io::Error::other)?,
        )
    };
    Errno::result(done).map(drop).map_err(Into::into)
}

#[test]
fn no_packet_is_read_beyond_its_end() {
    let mut packet: Vec<u8> = (0..80).collect();
    for head in (0x40..=0x4f).chain([0, 0xff]) {
        packet[0] = head;
        for size in 0..=packet.len() {
            let heard = datagram(&packet[..size]);
            let start = usize::from(head & 15) * 4 + UDP_HEADER_LEN;
            assert_eq!(heard.is_some(), size >= 16 && size >= start, "{head} {size}");
            assert!(heard.is_none_or(|heard| *heard.bytes == packet[start..size]));
        }
    }
}
