//! Making a client's hardware address known before it answers ARP (rtnetlink(7), `RTM_NEWNEIGH`).

use super::netlink::{act, put_attribute};
use crate::net::{Link, Neighbour};
use std::io;
use std::net::Ipv4Addr;

/// `NUD_REACHABLE`: usable now, forgotten if not confirmed.
const REACHABLE: u16 = 0x02;

/// Enters a client's hardware address for `address` on a link, unless the kernel knows one already: a forged request
/// must not take somebody's address over (D-011). An address of another kind than the link's is invalid; one of
/// another length is cut or filled up. Needs `CAP_NET_ADMIN`.
pub fn enter(link: &Link, address: Ipv4Addr, client: &Neighbour) -> io::Result<()> {
    if u16::from(client.hardware_type) != link.hardware_type {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut mac = client.mac.clone();
    mac.resize(link.mac_length, 0);
    // `struct ndmsg`: family, padding (3), index (4), state (2), flags, type.
    let mut body = vec![0; 12];
    body[0] = u8::try_from(libc::AF_INET).map_err(io::Error::other)?;
    body[4..8].copy_from_slice(&link.index.to_ne_bytes());
    body[8..10].copy_from_slice(&REACHABLE.to_ne_bytes());
    put_attribute(&mut body, libc::NDA_DST, &address.octets());
    put_attribute(&mut body, libc::NDA_LLADDR, &mac);
    match act(libc::RTM_NEWNEIGH, libc::NLM_F_CREATE | libc::NLM_F_EXCL, &body) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        done => done,
    }
}
