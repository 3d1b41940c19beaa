//! The kernel's neighbour table (rtnetlink(7)): looking up a hardware address, and adding an entry for a client that cannot
//! answer ARP yet.

use super::netlink::{act, attributes, dump, put_attribute};
use crate::net::{Link, NeighbourEntry};
use std::io;
use std::net::{IpAddr, Ipv4Addr};

/// `NUD_REACHABLE`: usable now, removed if it is not confirmed.
const REACHABLE: u16 = 0x02;
/// `NUD_REACHABLE`, `STALE`, `DELAY`, `PROBE`, `PERMANENT`: states of an entry with a hardware address.
const KNOWN: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;
/// Bytes of `struct ndmsg`: family, padding (3), index (4), state (2), flags, type.
const BODY_LEN: usize = 12;

/// The hardware address of a neighbour, if the kernel has an entry.
pub fn find(neighbour: IpAddr) -> Option<Vec<u8>> {
    let (family, address) = match neighbour {
        IpAddr::V4(ip) => (libc::AF_INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6, ip.octets().to_vec()),
    };
    let mut body = vec![0; BODY_LEN];
    body[0] = u8::try_from(family).ok()?;
    let mut found = None;
    // If the list changed while it was read, most of it was read.
    let _ = dump(libc::RTM_GETNEIGH, &body, |_, body| {
        let state = body.get(8..).and_then(<[u8]>::first_chunk).map(|two| u16::from_ne_bytes(*two));
        let known = state.is_some_and(|state| state & KNOWN != 0);
        let of = |kind| {
            let mut all = attributes(body.get(BODY_LEN..).unwrap_or_default());
            all.find(|attribute| attribute.0 == kind).map(|attribute| attribute.1)
        };
        if known && of(libc::NDA_DST) == Some(&address) {
            found = of(libc::NDA_LLADDR).map(<[u8]>::to_vec);
        }
    });
    found
}

/// Adds an entry for `address` on a link, unless there is one already: a forged request must not redirect the traffic of
/// another host (D-011). The hardware type must be that of the link (`EINVAL`); a hardware address of another length is cut
/// or padded with zeros. Needs `CAP_NET_ADMIN`.
pub fn insert(link: &Link, address: Ipv4Addr, client: &NeighbourEntry) -> io::Result<()> {
    if u16::from(client.hardware_type) != link.hardware_type {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut mac = client.mac.clone();
    mac.resize(link.mac_length, 0);
    let mut body = vec![0; BODY_LEN];
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
