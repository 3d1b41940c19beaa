//! `dhcp-host`: finding the line of a machine (spec: proxyDHCP, section 4.4).

use super::index::Index;
use super::tags::TagSet;
use conf_parser::option::dhcp_host::{ClientId, DhcpHost};
use std::net::Ipv4Addr;

/// All `dhcp-host` lines, in file order, found by what identifies a machine.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    lines: Vec<DhcpHost>,
    by_id: Index,
    by_mac: Index,
    /// In small letters.
    by_name: Index,
    /// Those that have a hardware address with wildcards.
    wild: Vec<usize>,
}

/// What identifies a machine.
#[derive(Clone, Copy, Debug)]
pub struct Machine<'a> {
    /// Option 61, unless it is to be ignored.
    pub client_id: Option<&'a [u8]>,
    /// Hardware type.
    pub htype: u8,
    /// Hardware address.
    pub mac: &'a [u8],
    /// Its name, up to the first dot, if names are to be looked at.
    pub name: Option<&'a [u8]>,
}

impl Hosts {
    /// How many lines there are.
    pub fn count(&self) -> usize {
        self.lines.len()
    }

    /// Forgets all lines behind the first `count`.
    pub fn truncate(&mut self, count: usize) {
        self.lines.truncate(count);
        [&mut self.by_id, &mut self.by_mac, &mut self.by_name]
            .into_iter()
            .for_each(|index| index.truncate(count));
        self.wild.retain(|place| *place < count);
    }

    /// The addresses that are given to machines.
    pub fn addresses(&self) -> impl Iterator<Item = Ipv4Addr> {
        self.lines.iter().filter_map(|host| host.address)
    }

    /// Adds a line.
    pub fn add(&mut self, host: DhcpHost) {
        let place = self.lines.len();
        if let Some(ClientId::Bytes(id)) = &host.client_id {
            self.by_id.add(id, place);
        }
        let (exact, wild): (Vec<_>, Vec<_>) = host.macs.iter().partition(|mac| mac.wild.is_empty());
        exact.iter().for_each(|mac| self.by_mac.add(&mac.bytes, place));
        self.wild.extend((!wild.is_empty()).then_some(place));
        if let Some(name) = &host.name {
            self.by_name.add(&name.to_ascii_lowercase(), place);
        }
        self.lines.push(host);
    }

    /// The line of a machine. Lines with conditions that hold go before all others; within one kind of match the
    /// last line counts.
    pub fn find(
        &self,
        machine: Machine<'_>,
        tags: &TagSet,
        usable: impl Fn(&DhcpHost) -> bool,
    ) -> Option<&DhcpHost> {
        let holds = |host: &&DhcpHost| usable(host) && tags.fulfil(&host.conditions);
        let conditional = |host: &&DhcpHost| !host.conditions.is_empty() && holds(host);
        self.one_pass(machine, conditional).or_else(|| self.one_pass(machine, holds))
    }

    fn one_pass(
        &self,
        machine: Machine<'_>,
        usable: impl Fn(&&DhcpHost) -> bool,
    ) -> Option<&DhcpHost> {
        let host = |place: usize| &self.lines[place];
        // A client identifier with a zero byte in front is looked for without it, too.
        let by_id = || {
            let id = machine.client_id?;
            let ids = std::iter::once(id).chain(id.strip_prefix(&[0]));
            let places = ids.flat_map(|id| self.by_id.places(id));
            let fits = |at: &usize| usable(&host(*at)) && has_client_id(host(*at), id);
            places.filter(fits).max().map(host)
        };
        let by_mac = || {
            let near = self.by_mac.places(machine.mac).map(host);
            near.filter(&usable).find(|host| exact(host, machine))
        };
        let by_name = || {
            let name = machine.name?.to_ascii_lowercase();
            self.by_name.places(&name).map(host).filter(&usable).find(|host| has_name(host, &name))
        };
        let by_pattern =
            || best_wildcard(self.wild.iter().rev().map(|at| host(*at)).filter(&usable), machine);
        by_id().or_else(by_mac).or_else(by_name).or_else(by_pattern)
    }
}

/// A client identifier with a zero byte in front matches too.
fn has_client_id(host: &DhcpHost, id: &[u8]) -> bool {
    let Some(ClientId::Bytes(known)) = &host.client_id else { return false };
    known == id || id.strip_prefix(&[0]) == Some(&known[..])
}

fn exact(host: &DhcpHost, machine: Machine<'_>) -> bool {
    host.macs.iter().any(|mac| mac.wild.is_empty() && mac_fits(mac, machine.htype, machine.mac))
}

fn has_name(host: &DhcpHost, name: &[u8]) -> bool {
    host.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
}

/// The one with the most exact bytes; of equals the first met.
fn best_wildcard<'h>(
    hosts: impl Iterator<Item = &'h DhcpHost>,
    machine: Machine<'_>,
) -> Option<&'h DhcpHost> {
    let mut best: Option<(usize, &DhcpHost)> = None;
    for host in hosts {
        let fitting = host
            .macs
            .iter()
            .filter(|mac| !mac.wild.is_empty() && mac_fits(mac, machine.htype, machine.mac));
        let exact_bytes =
            fitting.map(|mac| mac.bytes.len() - mac.wild.len() + 1).max().unwrap_or(0);
        if exact_bytes > best.map_or(0, |(count, _)| count) {
            best = Some((exact_bytes, host));
        }
    }
    best.map(|(_, host)| host)
}

/// Whether a hardware address fits a pattern: same length, same type if the pattern has one (0 is any).
pub fn mac_fits(pattern: &conf_parser::words::Hex, htype: u8, mac: &[u8]) -> bool {
    let type_fits =
        pattern.hardware_type.is_none_or(|wanted| wanted == 0 || wanted == u16::from(htype));
    let byte_fits =
        |(place, (want, have)): (usize, (&u8, &u8))| want == have || pattern.wild.contains(&place);
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
            hosts.add(host);
        }
        hosts
    }

    fn found(hosts: &Hosts, client_id: Option<&[u8]>, name: Option<&[u8]>) -> Option<Vec<u8>> {
        let machine = Machine { client_id, htype: 1, mac: &[0x52, 0x54, 0, 1, 2, 3], name };
        let is_near = |host: &DhcpHost| host.address.is_none_or(|ip| ip.octets()[0] == 10);
        let host = hosts.find(machine, &TagSet::default(), is_near)?;
        host.set.first().cloned()
    }

    #[test]
    fn identifier_then_address_then_name_then_wildcard() {
        let hosts = hosts(&[
            "52:54:00:*:*:*,set:wild",
            "52:54:00:01:*:*,set:wilder",
            "pc,set:name",
            "52:54:00:01:02:03,set:mac",
            "id:ff:01,set:id",
        ]);
        assert_eq!(found(&hosts, Some(&[0, 0xff, 1]), None), Some(b"id".to_vec()));
        assert_eq!(found(&hosts, Some(&[9]), Some(b"PC")), Some(b"mac".to_vec()));
        let mut hosts = hosts;
        hosts.truncate(3);
        assert_eq!(found(&hosts, None, Some(b"PC")), Some(b"name".to_vec()));
        assert_eq!(found(&hosts, None, None), Some(b"wilder".to_vec()));
    }

    #[test]
    fn an_address_of_another_network_does_not_count() {
        assert_eq!(found(&hosts(&["52:54:00:01:02:03,192.168.0.1,set:a"]), None, None), None);
        assert_eq!(
            found(&hosts(&["52:54:00:01:02:03,10.0.0.1,set:a"]), None, None),
            Some(b"a".to_vec())
        );
    }
}
