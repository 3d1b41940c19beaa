//! The kernel's neighbour table (rtnetlink(7)): looking up a hardware address, and adding an entry for a client that cannot
//! answer ARP yet.

use super::interfaces::RouteSocket;
use super::netlink::{attributes, put_attribute};
use crate::net::{Interfaces, NeighbourEntry};
use std::cell::RefCell;
use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::time::{Duration, Instant};

/// `NUD_REACHABLE`: usable now, removed if it is not confirmed.
const REACHABLE: u16 = 0x02;
/// `NUD_REACHABLE`, `STALE`, `DELAY`, `PROBE`, `PERMANENT`: states of an entry with a hardware address.
const KNOWN: u16 = 0x02 | 0x04 | 0x08 | 0x10 | 0x80;
/// Bytes of `struct ndmsg`: family, padding (3), index (4), state (2), flags, type.
const BODY_LEN: usize = 12;
const STATE_AT: usize = 8;
const FLAGS_AT: usize = 10;
/// `NTF_EXT_LEARNED`
const EXTERNALLY_LEARNED: u8 = 0x10;

/// With more links, the whole table is read instead of one entry for each link.
const MAX_LINKS: usize = 64;
/// How long the result for an address is used again.
const MAX_AGE: Duration = Duration::from_secs(1);
const MAX_REMEMBERED: usize = 4096;

/// Look-ups in the table, by a socket that stays open.
pub struct NeighbourTable {
    socket: RouteSocket,
    /// Indexes of the links that may have neighbours.
    links: Vec<u32>,
    remembered: RefCell<HashMap<IpAddr, Remembered>>,
}

struct Remembered {
    since: Instant,
    mac: Option<Vec<u8>>,
}

/// The result of a look-up, and whether all entries were read for it.
struct Found {
    mac: Option<Vec<u8>>,
    read_all: bool,
}

impl NeighbourTable {
    /// Opens the socket, for the links of this moment.
    pub fn open() -> io::Result<Self> {
        let socket = RouteSocket::open()?;
        let interfaces = socket.snapshot()?;
        let mut table = Self { socket, links: Vec::new(), remembered: RefCell::default() };
        table.set_links(&interfaces);
        Ok(table)
    }

    /// Sets the links, after they have changed.
    pub fn set_links(&mut self, interfaces: &Interfaces) {
        let with_neighbours = interfaces.links.iter().filter(|link| !link.loopback);
        self.links = with_neighbours.map(|link| link.index).collect();
    }

    /// The hardware address of a neighbour, if the kernel has an entry.
    pub fn find(&self, neighbour: IpAddr) -> Option<Vec<u8>> {
        let mut remembered = self.remembered.borrow_mut();
        if let Some(known) = remembered.get(&neighbour).filter(|known| known.is_fresh()) {
            return known.mac.clone();
        }
        let Found { mac, read_all } = self.look_up(neighbour);
        // Without an entry, the next look-up may find one: the kernel resolves the address to send the reply. It is cheap
        // where the kernel returns one entry.
        if mac.is_some() || read_all {
            if remembered.len() >= MAX_REMEMBERED {
                remembered.retain(|_, known| known.is_fresh());
            }
            if remembered.len() < MAX_REMEMBERED {
                let mac = mac.clone();
                remembered.insert(neighbour, Remembered { since: Instant::now(), mac });
            }
        }
        mac
    }

    fn look_up(&self, neighbour: IpAddr) -> Found {
        if self.links.len() > MAX_LINKS {
            return Found { mac: self.search(neighbour), read_all: true };
        }
        for &link in &self.links {
            match self.entry(neighbour, link) {
                Ok(Some(mac)) => return Found { mac: Some(mac), read_all: false },
                // Linux before 5.0 returns only the whole table.
                Err(error) if error.raw_os_error() == Some(libc::EOPNOTSUPP) => {
                    return Found { mac: self.search(neighbour), read_all: true };
                }
                // No entry, the link was removed, or the kernel does not support the address family.
                Ok(None) | Err(_) => {}
            }
        }
        Found { mac: None, read_all: false }
    }

    /// The entry of one link.
    fn entry(&self, neighbour: IpAddr, link: u32) -> io::Result<Option<Vec<u8>>> {
        let (family, address) = family_and_bytes(neighbour);
        let mut body = request_body(family, link);
        put_attribute(&mut body, libc::NDA_DST, &address);
        match self.socket.get(libc::RTM_GETNEIGH, &body) {
            Ok(reply) => Ok(known_mac(&reply, &address)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Reads the whole table.
    fn search(&self, neighbour: IpAddr) -> Option<Vec<u8>> {
        let (family, address) = family_and_bytes(neighbour);
        let mut found = None;
        // If the list changed while it was read, most of it was read.
        let _ = self.socket.dump(libc::RTM_GETNEIGH, &request_body(family, 0), |_, body| {
            found = known_mac(body, &address).or(found.take());
        });
        found
    }
}

impl Remembered {
    fn is_fresh(&self) -> bool {
        self.since.elapsed() < MAX_AGE
    }
}

fn family_and_bytes(address: IpAddr) -> (libc::c_int, Vec<u8>) {
    match address {
        IpAddr::V4(ip) => (libc::AF_INET, ip.octets().to_vec()),
        IpAddr::V6(ip) => (libc::AF_INET6, ip.octets().to_vec()),
    }
}

fn request_body(family: libc::c_int, link: u32) -> Vec<u8> {
    let mut body = vec![0; BODY_LEN];
    body[0] = u8::try_from(family).unwrap_or_default();
    body[4..8].copy_from_slice(&link.to_ne_bytes());
    body
}

/// The hardware address in an entry for `address`, if it is known.
fn known_mac(body: &[u8], address: &[u8]) -> Option<Vec<u8>> {
    let state = u16::from_ne_bytes(*body.get(8..)?.first_chunk()?);
    let of = |kind| {
        let mut all = attributes(body.get(BODY_LEN..).unwrap_or_default());
        all.find(|attribute| attribute.0 == kind).map(|attribute| attribute.1)
    };
    let is_it = state & KNOWN != 0 && of(libc::NDA_DST) == Some(address);
    of(libc::NDA_LLADDR).filter(|_| is_it).map(<[u8]>::to_vec)
}

/// Adds an entry for `address`, unless there is one already: a forged request must not redirect the traffic of another host
/// (D-011). The hardware type must be that of the link (`EINVAL`); a hardware address of another length is cut or padded
/// with zeros. `ENOBUFS`: the table is full. Needs `CAP_NET_ADMIN`.
pub fn insert(socket: &RouteSocket, address: Ipv4Addr, client: &NeighbourEntry) -> io::Result<()> {
    add(socket, address, client, 0).map(drop)
}

/// As [`insert`]; the limit of the table does not count the entry, and the kernel does not remove it (`NTF_EXT_LEARNED`,
/// since Linux 5.0). 255.255.255.255 is possible too. Whether the entry is new.
pub fn insert_unlimited(
    socket: &RouteSocket,
    address: Ipv4Addr,
    client: &NeighbourEntry,
) -> io::Result<bool> {
    add(socket, address, client, EXTERNALLY_LEARNED)
}

fn add(
    socket: &RouteSocket,
    address: Ipv4Addr,
    client: &NeighbourEntry,
    flags: u8,
) -> io::Result<bool> {
    let link = socket.link(client.interface)?;
    if u16::from(client.hardware_type) != link.hardware_type {
        return Err(io::Error::from_raw_os_error(libc::EINVAL));
    }
    let mut mac = client.mac.clone();
    mac.resize(link.mac_length, 0);
    let mut body = request_body(libc::AF_INET, link.index);
    // The kernel has a broadcast entry of its own, which the limit counts.
    let (state, create) = match address {
        Ipv4Addr::BROADCAST => (libc::NUD_PERMANENT, libc::NLM_F_REPLACE),
        _ => (REACHABLE, libc::NLM_F_EXCL),
    };
    body[STATE_AT..FLAGS_AT].copy_from_slice(&state.to_ne_bytes());
    body[FLAGS_AT] = flags;
    put_attribute(&mut body, libc::NDA_DST, &address.octets());
    put_attribute(&mut body, libc::NDA_LLADDR, &mac);
    match socket.act(libc::RTM_NEWNEIGH, libc::NLM_F_CREATE | create, &body) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(false),
        done => done.map(|()| true),
    }
}

/// Removes the entry of an address. Needs `CAP_NET_ADMIN`.
pub fn remove(socket: &RouteSocket, address: Ipv4Addr, interface: u32) -> io::Result<()> {
    let mut body = request_body(libc::AF_INET, interface);
    put_attribute(&mut body, libc::NDA_DST, &address.octets());
    socket.act(libc::RTM_DELNEIGH, 0, &body)
}
