//! Broadcast replies of DHCP servers, read from a packet socket (packet(7)). It does not use the port, so other programs
//! can bind it.

use nix::errno::Errno;
use nix::sys::socket::{AddressFamily, MsgFlags, SockFlag, SockProtocol, SockType, recv, socket};
use std::io;
use std::net::Ipv4Addr;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

/// A packet socket for broadcasts from port 67.
pub struct DhcpSniffer(OwnedFd);

/// A datagram of another server.
pub struct SniffedReply<'b> {
    /// The source address.
    pub from: Ipv4Addr,
    /// The payload.
    pub bytes: &'b [u8],
}

const SERVER_PORT: u32 = 67;
const UDP: u32 = 17;
const UDP_HEADER_LEN: usize = 8;
const BOOT_REPLY: u32 = 2;
const ETH_P_ALL: u32 = 0xffff;

impl DhcpSniffer {
    /// Opens a socket for datagrams to `client_port`. It needs `CAP_NET_RAW`; to read from it needs no privilege.
    pub fn open(client_port: u16) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let fd = socket(AddressFamily::Packet, SockType::Datagram, flags, SockProtocol::EthIp)?;
        attach(&fd, &filter(client_port))?;
        // Discard what arrived before the filter was attached.
        while recv(fd.as_raw_fd(), &mut [0], MsgFlags::empty()).is_ok() {}
        Ok(Self(fd))
    }

    /// The next datagram; `None`: none has arrived.
    pub fn next<'b>(&self, buffer: &'b mut [u8]) -> Option<SniffedReply<'b>> {
        let size = recv(self.0.as_raw_fd(), buffer, MsgFlags::empty()).ok()?;
        datagram(&buffer[..size])
    }
}

/// The UDP payload of an IPv4 packet (RFC 791, section 3.1; RFC 768). The length fields are ignored.
fn datagram(packet: &[u8]) -> Option<SniffedReply<'_>> {
    let from = Ipv4Addr::from(*packet.get(12..)?.first_chunk::<4>()?);
    let bytes = packet.get(usize::from(packet[0] & 15) * 4 + UDP_HEADER_LEN..)?;
    Some(SniffedReply { from, bytes })
}

impl AsFd for DhcpSniffer {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

/// A classic BPF filter (bpf(4)). It accepts broadcasts that are unfragmented UDP, from port 67 to this port, with a
/// BOOTREPLY.
fn filter(client_port: u16) -> Vec<libc::sock_filter> {
    const PACKET_TYPE: u32 = 0xffff_f000 + 4;
    const BROADCAST: u32 = 1;
    const LOAD_WORD: u16 = 0x20;
    const LOAD_HALF: u16 = 0x28;
    const LOAD_BYTE: u16 = 0x30;
    const LOAD_HALF_INDEXED: u16 = 0x48;
    const LOAD_BYTE_INDEXED: u16 = 0x50;
    const LOAD_IP_HEADER_LEN: u16 = 0xb1;
    const JUMP_IF_EQUAL: u16 = 0x15;
    const JUMP_IF_SET: u16 = 0x45;
    const RETURN: u16 = 0x06;
    let statement = |code, k| libc::sock_filter { code, jt: 0, jf: 0, k };
    // `jump`: instructions to skip, up to the last one, which drops the packet.
    let unless = |k, jump| libc::sock_filter { code: JUMP_IF_EQUAL, jt: 0, jf: jump, k };
    vec![
        statement(LOAD_WORD, PACKET_TYPE),
        unless(BROADCAST, 12),
        statement(LOAD_BYTE, 9),
        unless(UDP, 10),
        statement(LOAD_HALF, 6),
        libc::sock_filter { code: JUMP_IF_SET, jt: 8, jf: 0, k: 0x1fff },
        statement(LOAD_IP_HEADER_LEN, 0),
        statement(LOAD_HALF_INDEXED, 0),
        unless(SERVER_PORT, 5),
        statement(LOAD_HALF_INDEXED, 2),
        unless(client_port.into(), 3),
        statement(LOAD_BYTE_INDEXED, 8),
        unless(BOOT_REPLY, 1),
        statement(RETURN, ETH_P_ALL),
        statement(RETURN, 0),
    ]
}

fn attach(fd: &OwnedFd, filter: &[libc::sock_filter]) -> io::Result<()> {
    let mut filter = filter.to_vec();
    let len = u16::try_from(filter.len()).map_err(io::Error::other)?;
    let program = libc::sock_fprog { len, filter: filter.as_mut_ptr() };
    // SAFETY: the kernel copies `program` and its filter, and both live until the call returns.
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
fn packet_of_any_length_is_not_read_beyond_its_end() {
    let mut packet: Vec<u8> = (0..80).collect();
    for first_byte in (0x40..=0x4f).chain([0, 0xff]) {
        packet[0] = first_byte;
        for size in 0..=packet.len() {
            let reply = datagram(&packet[..size]);
            let start = usize::from(first_byte & 15) * 4 + UDP_HEADER_LEN;
            assert_eq!(reply.is_some(), size >= 16 && size >= start, "{first_byte} {size}");
            assert!(reply.is_none_or(|reply| *reply.bytes == packet[start..size]));
        }
    }
}
