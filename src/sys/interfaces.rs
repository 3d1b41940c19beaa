//! Links, addresses and their changes (rtnetlink(7)).

pub use super::netlink::RouteSocket;
use super::netlink::{attributes, open};
use crate::byte_text::{to_bytes, to_text};
use crate::net::{Address, Interfaces, Link};
use nix::sys::socket::{MsgFlags, SockFlag, recv};
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

const RTMGRP_LINK: u32 = 0x1;
const RTMGRP_IPV4_IFADDR: u32 = 0x10;
const RTMGRP_IPV6_IFADDR: u32 = 0x100;
/// Bytes of `struct ifinfomsg`.
const LINK_BODY_LEN: usize = 16;
/// Bytes of `struct ifaddrmsg`.
const ADDRESS_BODY_LEN: usize = 8;

/// Attempts to read a list that changes while it is read.
const MAX_ATTEMPTS: usize = 10;

/// All links and addresses of this moment, by a socket of its own.
pub fn snapshot() -> io::Result<Interfaces> {
    RouteSocket::open()?.snapshot()
}

impl RouteSocket {
    /// All links and addresses of this moment.
    pub fn snapshot(&self) -> io::Result<Interfaces> {
        let mut attempts = (1..MAX_ATTEMPTS).map(|_| self.query());
        let consistent = attempts.find(|result| !result.as_ref().is_err_and(has_changed));
        consistent.unwrap_or_else(|| self.query())
    }

    fn query(&self) -> io::Result<Interfaces> {
        let mut found = Interfaces::default();
        self.dump(libc::RTM_GETLINK, &[0; LINK_BODY_LEN], |kind, body| {
            if kind == libc::RTM_NEWLINK {
                found.links.extend(link(body));
            }
        })?;
        let mut addresses = Vec::new();
        self.dump(libc::RTM_GETADDR, &[0; ADDRESS_BODY_LEN], |kind, body| {
            if kind == libc::RTM_NEWADDR {
                addresses.extend(address(body, &found));
            }
        })?;
        // The order of getifaddrs(3), which dnsmasq uses: IPv4 first.
        addresses.sort_by_key(|address| address.ip.is_ipv6());
        found.addresses = addresses;
        Ok(found)
    }

    /// The link with this index. `NotFound` or `ENODEV`: there is none.
    pub fn link(&self, index: u32) -> io::Result<Link> {
        let mut body = [0; LINK_BODY_LEN];
        body[4..8].copy_from_slice(&index.to_ne_bytes());
        let reply = self.get(libc::RTM_GETLINK, &body)?;
        link(&reply).ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

fn has_changed(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::Interrupted
}

/// A socket that becomes readable when links or addresses change.
pub struct Watch(OwnedFd);

impl Watch {
    /// Opens the socket.
    pub fn new() -> io::Result<Self> {
        open(RTMGRP_LINK | RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, SockFlag::SOCK_NONBLOCK)
            .map(Self)
    }

    /// Discards all messages. The caller reads a new snapshot.
    pub fn drain(&self) {
        let mut buffer = [0; 8192];
        while recv(self.0.as_raw_fd(), &mut buffer, MsgFlags::empty()).is_ok() {}
    }
}

impl AsRawFd for Watch {
    fn as_raw_fd(&self) -> i32 {
        self.0.as_raw_fd()
    }
}

/// `struct ifinfomsg`: family, padding, type (2), index (4), flags (4), change (4).
fn link(body: &[u8]) -> Option<Link> {
    let hardware_type = u16::from_ne_bytes(*body.get(2..)?.first_chunk()?);
    let index = u32::from_ne_bytes(*body.get(4..)?.first_chunk()?);
    let flags = u32::from_ne_bytes(*body.get(8..)?.first_chunk()?);
    let mut link = Link {
        index,
        loopback: flags & libc::IFF_LOOPBACK.cast_unsigned() != 0,
        down: flags & libc::IFF_UP.cast_unsigned() == 0,
        hardware_type,
        ..Link::default()
    };
    for (kind, value) in attributes(body.get(LINK_BODY_LEN..)?) {
        match kind {
            libc::IFLA_ADDRESS => link.mac_length = value.len(),
            libc::IFLA_IFNAME => link.name = text(value),
            libc::IFLA_MTU => {
                link.mtu = value.first_chunk().map_or(0, |bytes| u32::from_ne_bytes(*bytes));
            }
            _ => {}
        }
    }
    Some(link)
}

/// `struct ifaddrmsg`: family, prefix length, flags, scope, index (4). On a point-to-point link, `IFA_LOCAL` is the address
/// of this machine and `IFA_ADDRESS` that of the peer.
fn address(body: &[u8], found: &Interfaces) -> Option<Address> {
    let (prefix, interface) = (*body.get(1)?, u32::from_ne_bytes(*body.get(4..)?.first_chunk()?));
    let (mut ip, mut local, mut label) = (None, None, None);
    for (kind, value) in attributes(body.get(ADDRESS_BODY_LEN..)?) {
        match kind {
            libc::IFA_ADDRESS => ip = ip_address(value),
            libc::IFA_LOCAL => local = ip_address(value),
            libc::IFA_LABEL => label = Some(text(value)),
            _ => {}
        }
    }
    let link = found.by_index(interface)?;
    let label = label.filter(|label| *label != link.name);
    Some(Address { interface, ip: local.or(ip)?, prefix, label })
}

fn ip_address(value: &[u8]) -> Option<IpAddr> {
    match value.len() {
        4 => Some(IpAddr::from(*value.first_chunk::<4>()?)),
        16 => Some(IpAddr::from(*value.first_chunk::<16>()?)),
        _ => None,
    }
}

fn text(value: &[u8]) -> String {
    to_text(value.strip_suffix(&[0]).unwrap_or(value))
}

/// Whether there is an interface of that name.
pub fn has_interface(name: &str) -> bool {
    nix::net::if_::if_nametoindex(&*to_bytes(name)).is_ok()
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn snapshot_has_the_loopback_interface() {
    let found = snapshot().unwrap();
    assert!(found.links.iter().any(|link| link.loopback && link.mtu > 0), "{found:?}");
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn link_by_index_equals_that_of_the_snapshot() {
    let socket = RouteSocket::open().unwrap();
    let found = socket.snapshot().unwrap();
    for link in &found.links {
        assert_eq!(socket.link(link.index).ok().as_ref(), Some(link));
    }
    assert!(socket.link(u32::MAX >> 1).is_err(), "no machine has so many links");
    assert_eq!(socket.snapshot().unwrap(), found, "the socket is used again after an error");
}
