//! Names of boot servers, as hosts files and `host-record` lines give them (docs/dnsmasq/proxydhcp.md, section 6.7).

use crate::log_line::LinePart;
use conf_parser::valid_ascii_name;
use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Names and their addresses, used in turn.
///
/// The one thing in proxyDHCP that remembers: a look-up moves the address it gave to the end of its part.
#[derive(Clone, Debug, Default)]
pub struct ServerNames {
    names: HashMap<Vec<u8>, Addresses>,
    round_robin: bool,
}

/// Of addresses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

/// Addresses of one name.
#[derive(Clone, Debug, Default)]
struct Addresses {
    four: List<Ipv4Addr>,
    /// Few names have any.
    six: Option<Box<List<Ipv6Addr>>>,
}

/// Addresses in two parts: lines on which the name stands first, and the others.
#[derive(Clone, Debug)]
struct List<A> {
    addresses: Vec<A>,
    /// How many are of the first part.
    first: usize,
}

impl<A> Default for List<A> {
    fn default() -> Self {
        Self { addresses: Vec::new(), first: 0 }
    }
}

impl ServerNames {
    /// None yet; `turning`: the addresses of a name are used in turn.
    pub fn new(turning: bool) -> Self {
        Self { names: HashMap::new(), round_robin: turning }
    }

    /// Adds an address. Adding to a name that has one counts as a look-up.
    pub fn add(&mut self, name: &[u8], address: IpAddr, stands_first: bool) {
        let turning = self.round_robin;
        let list = self.names.entry(name.to_ascii_lowercase()).or_default();
        match address {
            IpAddr::V4(address) => list.four.add(address, stands_first, turning),
            IpAddr::V6(address) => {
                list.six.get_or_insert_default().add(address, stands_first, turning);
            }
        }
    }

    /// The IPv4 address of a name, letters in either case.
    pub fn look_up(&mut self, name: &[u8]) -> Option<Ipv4Addr> {
        let turning = self.round_robin;
        self.parse(name)?.four.next_address(turning).map(|(address, _)| address)
    }

    /// An address of a name, and whether it has several of that family.
    pub fn next_address(&mut self, name: &[u8], family: Family) -> Option<(IpAddr, bool)> {
        let turning = self.round_robin;
        let Addresses { four, six } = self.parse(name)?;
        match family {
            Family::V4 => four.next_address(turning).map(|(ip, several)| (ip.into(), several)),
            Family::V6 => {
                six.as_mut()?.next_address(turning).map(|(ip, several)| (ip.into(), several))
            }
        }
    }

    fn parse(&mut self, name: &[u8]) -> Option<&mut Addresses> {
        self.names.get_mut(&name.to_ascii_lowercase())
    }

    /// Adds what a hosts file says: an address, then names. What it says badly is left out.
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
            let mut place = 0;
            for name in words {
                let Some(name) = valid_ascii_name(name) else {
                    read.errors.push((number, LinePart::Name));
                    continue;
                };
                read.names += 1;
                self.add(name, address, place == 0);
                place += 1;
            }
        }
        read
    }
}

/// What came of a hosts file.
pub struct HostsRead {
    /// How many names it has.
    pub names: usize,
    /// Numbers of bad lines, from 1, and what is bad in each.
    pub errors: Vec<(usize, LinePart)>,
}

impl<A: Copy + PartialEq> List<A> {
    /// One name with very many addresses takes time that grows with their square; nobody has such a name.
    fn add(&mut self, address: A, stands_first: bool, turning: bool) {
        self.next_address(turning);
        if self.addresses.contains(&address) {
            return;
        }
        if stands_first {
            self.addresses.insert(self.first, address);
            self.first += 1;
        } else {
            self.addresses.push(address);
        }
    }

    /// The address whose turn it is, and whether there are others.
    fn next_address(&mut self, turning: bool) -> Option<(A, bool)> {
        let several = self.addresses.len() > 1;
        let end = if self.first > 0 { self.first } else { self.addresses.len() };
        let part = &mut self.addresses[..end];
        let address = *part.first()?;
        if turning {
            part.rotate_left(1);
        }
        Some((address, several))
    }
}

#[test]
fn the_first_answer_is_where_reading_has_turned_the_list_to() {
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
fn without_turning_the_first_one_stays() {
    let mut names = ServerNames::default();
    names.read_hosts(b"10.0.0.1 other boot\n10.0.0.2 boot\n10.0.0.3 boot\n");
    assert_eq!(
        [names.look_up(b"boot"), names.look_up(b"boot")],
        [Some(Ipv4Addr::new(10, 0, 0, 2)); 2]
    );
    assert_eq!(names.look_up(b"nosuch"), None);
}
