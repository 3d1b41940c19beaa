//! Names of boot servers, from hosts files and `host-record` lines (docs/dnsmasq/proxydhcp.md, section 6.7).

use crate::log_line::LinePart;
use conf_parser::valid_ascii_name;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names and their addresses, used in turn (`no-round-robin`: the first one is always used).
///
/// It is the only state of proxyDHCP: a look-up moves the returned address to the end of its part of the list.
#[derive(Clone, Debug, Default)]
pub struct ServerNames {
    names: HashMap<Vec<u8>, Addresses>,
    round_robin: bool,
}

/// Address family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4.
    V4,
    /// IPv6.
    V6,
}

/// Position of a name in its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NamePosition {
    /// The canonical name. Addresses of such lines are returned before all others.
    First,
    /// An alias.
    Other,
}

impl NamePosition {
    /// The position of the name with this index, from 0.
    pub fn of(index: usize) -> Self {
        if index == 0 { Self::First } else { Self::Other }
    }
}

/// Whether a name has several addresses of one family.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum AddressCount {
    /// One address.
    One,
    /// Two or more.
    Several,
}

/// Addresses of one name.
#[derive(Clone, Debug, Default)]
struct Addresses {
    ipv4: List<Ipv4Addr>,
    /// Boxed, because few names have IPv6 addresses.
    ipv6: Option<Box<List<Ipv6Addr>>>,
}

/// Addresses in two parts: those of lines where the name is the first one, then the others.
#[derive(Clone, Debug)]
struct List<A> {
    addresses: Vec<A>,
    /// Number of addresses in the first part.
    first: usize,
}

impl<A> Default for List<A> {
    fn default() -> Self {
        Self { addresses: Vec::new(), first: 0 }
    }
}

impl ServerNames {
    /// An empty list.
    pub fn new(round_robin: bool) -> Self {
        Self { names: HashMap::new(), round_robin }
    }

    /// Adds an address. If the name has one already, dnsmasq rotates its list as for a look-up.
    pub fn add(&mut self, name: &[u8], address: IpAddr, position: NamePosition) {
        let round_robin = self.round_robin;
        let list = self.names.entry(name.to_ascii_lowercase()).or_default();
        match address {
            IpAddr::V4(address) => list.ipv4.add(address, position, round_robin),
            IpAddr::V6(address) => {
                list.ipv6.get_or_insert_default().add(address, position, round_robin);
            }
        }
    }

    /// The next IPv4 address of a name; case is ignored.
    pub fn look_up(&mut self, name: &[u8]) -> Option<Ipv4Addr> {
        let round_robin = self.round_robin;
        self.addresses_of(name)?.ipv4.next_address(round_robin).map(|(address, _)| address)
    }

    /// The next address of a name, and whether the name has several of that family.
    pub fn next_address(&mut self, name: &[u8], family: Family) -> Option<(IpAddr, AddressCount)> {
        let round_robin = self.round_robin;
        let Addresses { ipv4, ipv6 } = self.addresses_of(name)?;
        match family {
            Family::V4 => ipv4.next_address(round_robin).map(|(ip, count)| (ip.into(), count)),
            Family::V6 => {
                ipv6.as_mut()?.next_address(round_robin).map(|(ip, count)| (ip.into(), count))
            }
        }
    }

    fn addresses_of(&mut self, name: &[u8]) -> Option<&mut Addresses> {
        self.names.get_mut(&name.to_ascii_lowercase())
    }

    /// Adds the lines of a hosts file: an address, then names. Invalid parts are skipped and reported.
    pub fn read_hosts(&mut self, file: &[u8]) -> HostsRead {
        let mut read = HostsRead { names: 0, errors: Vec::new() };
        for (number, line) in (1..).zip(file.split(|&byte| byte == b'\n')) {
            let line = line.split(|&byte| byte == b'#').next().unwrap_or_default();
            let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
            let Some(address) = words.next() else { continue };
            let address = std::str::from_utf8(address).ok().and_then(|text| text.parse().ok());
            let Some(address) = address else {
                read.errors.push((number, LinePart::Address));
                continue;
            };
            let mut position = NamePosition::First;
            for name in words {
                let Some(name) = valid_ascii_name(name) else {
                    read.errors.push((number, LinePart::Name));
                    continue;
                };
                read.names += 1;
                self.add(name, address, position);
                position = NamePosition::Other;
            }
        }
        read
    }
}

/// Result of a hosts file.
pub struct HostsRead {
    /// Number of valid names.
    pub names: usize,
    /// Numbers of invalid lines, from 1, and the invalid part of each.
    pub errors: Vec<(usize, LinePart)>,
}

impl<A: Copy + PartialEq> List<A> {
    /// The time for all addresses of one name is quadratic in their number, which is small in practice.
    fn add(&mut self, address: A, position: NamePosition, round_robin: bool) {
        self.next_address(round_robin);
        if self.addresses.contains(&address) {
            return;
        }
        if position == NamePosition::First {
            self.addresses.insert(self.first, address);
            self.first += 1;
        } else {
            self.addresses.push(address);
        }
    }

    /// The next address, and whether there are others.
    fn next_address(&mut self, round_robin: bool) -> Option<(A, AddressCount)> {
        let several = self.addresses.len() > 1;
        let count = if several { AddressCount::Several } else { AddressCount::One };
        let end = if self.first > 0 { self.first } else { self.addresses.len() };
        let part = &mut self.addresses[..end];
        let address = *part.first()?;
        if round_robin {
            part.rotate_left(1);
        }
        Some((address, count))
    }
}

#[test]
fn reading_rotates_the_list_of_a_name() {
    for (count, first) in [(1, 1), (2, 1), (3, 2), (4, 1)] {
        let mut names = ServerNames::new(true);
        for last in 1..=count {
            names.read_hosts(format!("10.0.0.{last} Boot # x\n").as_bytes());
        }
        assert_eq!(
            names.look_up(b"BOOT"),
            Some(Ipv4Addr::new(10, 0, 0, first)),
            "{count} addresses"
        );
    }
}

#[test]
fn without_round_robin_the_first_address_is_always_returned() {
    let mut names = ServerNames::default();
    names.read_hosts(b"10.0.0.1 other boot\n10.0.0.2 boot\n10.0.0.3 boot\n");
    assert_eq!(
        [names.look_up(b"boot"), names.look_up(b"boot")],
        [Some(Ipv4Addr::new(10, 0, 0, 2)); 2]
    );
    assert_eq!(names.look_up(b"nosuch"), None);
}
