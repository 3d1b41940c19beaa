//! `dhcp-host`: finding the line of a machine (docs/dnsmasq/proxydhcp.md, section 4.4).

use super::index::Index;
use super::origins::OriginTable;
use super::tags::TagSet;
use crate::config::Origin;
use conf_parser::{ClientId, DhcpHost};
use std::net::Ipv4Addr;

/// What is known of machines, in file order, found by what identifies a machine.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    lines: Vec<DhcpHost>,
    origins: OriginTable,
    by_id: Index,
    by_mac: Index,
    /// In small letters.
    by_name: Index,
    by_address: Index,
    /// Those that have a hardware address with wildcards.
    wildcards: Vec<usize>,
    /// Those that were changed, as they were.
    replaced: Vec<(usize, DhcpHost)>,
}

/// How far the list had come.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checkpoint {
    lines: usize,
    keys: [usize; 4],
    wildcards: usize,
    replaced: usize,
}

/// What identifies a machine.
#[derive(Clone, Copy, Debug)]
pub struct HostQuery<'a> {
    /// Option 61, unless it is to be ignored.
    pub client_id: Option<&'a [u8]>,
    /// Hardware type.
    pub htype: u8,
    /// Hardware address.
    pub mac: &'a [u8],
    /// Its name, up to the first dot, if names are to be looked at.
    pub name: Option<&'a [u8]>,
}

/// ARP hardware type.
pub const ETHERNET: u8 = 1;

impl Hosts {
    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// All of them.
    pub fn lines(&self) -> &[DhcpHost] {
        &self.lines
    }

    /// How far the list has come.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            lines: self.lines.len(),
            keys: [&self.by_id, &self.by_mac, &self.by_name, &self.by_address].map(Index::len),
            wildcards: self.wildcards.len(),
            replaced: self.replaced.len(),
        }
    }

    /// Forgets all that was added and changed since.
    pub fn rollback(&mut self, mark: Checkpoint) {
        while self.replaced.len() > mark.replaced
            && let Some((place, host)) = self.replaced.pop()
        {
            self.lines[place] = host;
        }
        self.lines.truncate(mark.lines);
        self.origins.truncate(mark.lines);
        self.wildcards.truncate(mark.wildcards);
        let indices = [&mut self.by_id, &mut self.by_mac, &mut self.by_name, &mut self.by_address];
        indices.into_iter().zip(mark.keys).for_each(|(index, count)| index.truncate(count));
    }

    /// Adds a machine.
    pub fn add(&mut self, host: DhcpHost, origin: &Origin) {
        let place = self.lines.len();
        self.index_host(&host, &DhcpHost::default(), place);
        self.lines.push(host);
        self.origins.push(origin);
    }

    /// Where the line of a machine was written.
    pub fn origin(&self, place: usize) -> Origin {
        self.origins.origin(place)
    }

    /// Changes a machine, until it is rewound.
    pub fn replace(&mut self, place: usize, host: DhcpHost) {
        let before = self.lines[place].clone();
        self.index_host(&host, &before, place);
        self.lines[place] = host;
        self.replaced.push((place, before));
    }

    /// Files what it has and had not before. What it has no more stays filed: an index only proposes.
    fn index_host(&mut self, host: &DhcpHost, before: &DhcpHost, place: usize) {
        if host.client_id != before.client_id
            && let Some(ClientId::Bytes(id)) = &host.client_id
        {
            self.by_id.add(id, place);
        }
        for mac in host.macs.iter().filter(|mac| !before.macs.contains(mac)) {
            if mac.wildcards.is_empty() {
                self.by_mac.add(&mac.bytes, place);
            } else if self.wildcards.last() != Some(&place) {
                self.wildcards.push(place);
            }
        }
        if host.name != before.name
            && let Some(name) = &host.name
        {
            self.by_name.add(&name.to_ascii_lowercase(), place);
        }
        if host.address != before.address
            && let Some(address) = host.address
        {
            self.by_address.add(&address.octets(), place);
        }
    }

    /// The last one with an address.
    pub fn with_address(&self, address: Ipv4Addr) -> Option<usize> {
        let has = |place: &usize| self.lines[*place].address == Some(address);
        self.by_address.candidates(&address.octets()).filter(has).max()
    }

    /// The last one of a name: all of it, but for the size of letters.
    pub fn with_name(&self, name: &[u8]) -> Option<usize> {
        let name = name.to_ascii_lowercase();
        self.by_name.candidates(&name).filter(|place| has_name(&self.lines[*place], &name)).max()
    }

    /// The last one with this Ethernet address and no other.
    pub fn with_only_mac(&self, mac: &[u8]) -> Option<usize> {
        let has = |place: &usize| match &self.lines[*place].macs[..] {
            [one] => one.wildcards.is_empty() && mac_fits(one, ETHERNET, mac),
            _ => false,
        };
        self.by_mac.candidates(mac).filter(has).max()
    }

    /// The place of a machine's line. Lines with conditions that hold go before all others; within one kind of match
    /// the last line counts.
    pub fn find(
        &self,
        machine: HostQuery<'_>,
        tags: &TagSet,
        usable: impl Fn(&DhcpHost) -> bool,
    ) -> Option<usize> {
        let holds = |host: &DhcpHost| usable(host) && tags.satisfies(&host.conditions);
        let conditional = |host: &DhcpHost| !host.conditions.is_empty() && holds(host);
        self.find_once(machine, conditional).or_else(|| self.find_once(machine, holds))
    }

    fn find_once(
        &self,
        machine: HostQuery<'_>,
        usable: impl Fn(&DhcpHost) -> bool,
    ) -> Option<usize> {
        let host = |place: usize| &self.lines[place];
        // Of several the last line: what the index proposes is in no order, once lines have changed.
        let last = |places: &mut dyn Iterator<Item = usize>, fits: &dyn Fn(&DhcpHost) -> bool| {
            places.filter(|at| usable(host(*at)) && fits(host(*at))).max()
        };
        let by_id = || {
            let id = machine.client_id?;
            let ids = std::iter::once(id).chain(id.strip_prefix(&[0]));
            let mut places = ids.flat_map(|id| self.by_id.candidates(id));
            last(&mut places, &|host| has_client_id(host, id))
        };
        let by_mac =
            || last(&mut self.by_mac.candidates(machine.mac), &|host| exact(host, machine));
        let by_name = || {
            let name = machine.name?.to_ascii_lowercase();
            last(&mut self.by_name.candidates(&name), &|host| has_name(host, &name))
        };
        let by_pattern = || {
            let wild = self.wildcards.iter().rev().map(|at| (*at, host(*at)));
            best_wildcard(wild.filter(|(_, host)| usable(host)), machine)
        };
        by_id().or_else(by_mac).or_else(by_name).or_else(by_pattern)
    }
}

/// A client identifier with a zero byte in front matches too.
fn has_client_id(host: &DhcpHost, id: &[u8]) -> bool {
    let Some(ClientId::Bytes(known)) = &host.client_id else { return false };
    known == id || id.strip_prefix(&[0]) == Some(&known[..])
}

fn exact(host: &DhcpHost, machine: HostQuery<'_>) -> bool {
    host.macs
        .iter()
        .any(|mac| mac.wildcards.is_empty() && mac_fits(mac, machine.htype, machine.mac))
}

fn has_name(host: &DhcpHost, name: &[u8]) -> bool {
    host.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
}

/// The machine of a `dhcp-host` line, which is known by the first label of its name. There may be very many: none
/// keeps room for more than it has.
pub fn from_directive(mut host: DhcpHost) -> DhcpHost {
    host.name = host.name.as_deref().map(|name| first_label(name).to_vec());
    host.macs.shrink_to_fit();
    host.set.shrink_to_fit();
    host.conditions.shrink_to_fit();
    host
}

/// The machine's part of a name.
pub fn first_label(name: &[u8]) -> &[u8] {
    name.split(|&byte| byte == b'.').next().unwrap_or_default()
}

/// The one with the most exact bytes; of equals the first met.
fn best_wildcard<'h>(
    hosts: impl Iterator<Item = (usize, &'h DhcpHost)>,
    machine: HostQuery<'_>,
) -> Option<usize> {
    let mut best = None;
    for (place, host) in hosts {
        let fitting = host
            .macs
            .iter()
            .filter(|mac| !mac.wildcards.is_empty() && mac_fits(mac, machine.htype, machine.mac));
        let exact_bytes =
            fitting.map(|mac| mac.bytes.len() - mac.wildcards.len() + 1).max().unwrap_or(0);
        if exact_bytes > best.map_or(0, |(count, _)| count) {
            best = Some((exact_bytes, place));
        }
    }
    best.map(|(_, place)| place)
}

/// Whether a hardware address fits a pattern: same length, same type if the pattern has one (0 is any).
pub fn mac_fits(pattern: &conf_parser::Hex, htype: u8, mac: &[u8]) -> bool {
    let type_fits =
        pattern.hardware_type.is_none_or(|wanted| wanted == 0 || wanted == u16::from(htype));
    let byte_fits = |(place, (want, have)): (usize, (&u8, &u8))| {
        want == have || pattern.wildcards.contains(&place)
    };
    type_fits
        && pattern.bytes.len() == mac.len()
        && pattern.bytes.iter().zip(mac).enumerate().all(byte_fits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conf_parser::{Directive, Reader};

    fn hosts(lines: &[&str]) -> Hosts {
        let mut hosts = Hosts::default();
        for line in lines {
            let setting =
                Reader::default().line(format!("dhcp-host={line}").as_bytes()).unwrap().unwrap();
            let Directive::DhcpHost(host) = setting.directive else { panic!() };
            hosts.add(from_directive(host), &Origin::default());
        }
        hosts
    }

    fn found(hosts: &Hosts, client_id: Option<&[u8]>, name: Option<&[u8]>) -> Option<Vec<u8>> {
        let machine = HostQuery { client_id, htype: 1, mac: &[0x52, 0x54, 0, 1, 2, 3], name };
        let is_near = |host: &DhcpHost| host.address.is_none_or(|ip| ip.octets()[0] == 10);
        let place = hosts.find(machine, &TagSet::default(), is_near)?;
        hosts.lines()[place].set.first().cloned()
    }

    #[test]
    fn identifier_then_address_then_name_then_wildcard() {
        let mut hosts = hosts(&[
            "52:54:00:*:*:*,set:wild",
            "52:54:00:01:*:*,set:wilder",
            "pc.lan,set:name",
            "52:54:00:01:02:03,set:mac",
            "id:ff:01,set:id",
        ]);
        assert_eq!(found(&hosts, Some(&[0, 0xff, 1]), None), Some(b"id".to_vec()));
        assert_eq!(found(&hosts, Some(&[9]), Some(b"PC")), Some(b"mac".to_vec()));
        hosts.rollback(Checkpoint { lines: 3, keys: [0, 0, 1, 0], wildcards: 2, replaced: 0 });
        assert_eq!(found(&hosts, None, Some(b"PC")), Some(b"name".to_vec()));
        assert_eq!(found(&hosts, None, None), Some(b"wilder".to_vec()));
    }

    #[test]
    fn of_patterns_alike_the_last_counts_even_if_another_has_changed() {
        let mut hosts = hosts(&["52:54:00:*:*:*,set:first", "52:54:00:*:*:*,set:last"]);
        let changed = DhcpHost { address: Some([10, 0, 0, 9].into()), ..hosts.lines()[0].clone() };
        hosts.replace(0, changed);
        assert_eq!(found(&hosts, None, None), Some(b"last".to_vec()));
    }

    #[test]
    fn an_address_of_another_network_does_not_count() {
        assert_eq!(found(&hosts(&["52:54:00:01:02:03,192.168.0.1,set:a"]), None, None), None);
        assert_eq!(
            found(&hosts(&["52:54:00:01:02:03,10.0.0.1,set:a"]), None, None),
            Some(b"a".to_vec())
        );
    }

    #[test]
    fn what_was_changed_and_added_is_forgotten_by_rewinding() {
        let mut hosts = hosts(&["52:54:00:01:02:03,set:a", "pc,set:b"]);
        let mark = hosts.checkpoint();
        let changed = DhcpHost { address: Some([10, 0, 0, 9].into()), ..hosts.lines()[1].clone() };
        hosts.replace(1, changed);
        hosts.add(
            DhcpHost { name: Some(b"pc".to_vec()), ..DhcpHost::default() },
            &Origin::default(),
        );
        assert_eq!(hosts.with_address([10, 0, 0, 9].into()), Some(1));
        assert_eq!(hosts.with_name(b"PC"), Some(2));
        hosts.rollback(mark);
        assert_eq!(hosts.with_address([10, 0, 0, 9].into()), None);
        assert_eq!(hosts.with_name(b"pc"), Some(1));
        assert_eq!(hosts.with_only_mac(&[0x52, 0x54, 0, 1, 2, 3]), Some(0));
    }
}
