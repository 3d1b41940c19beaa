//! `dhcp-host`: search for the line of a client (docs/dnsmasq/proxydhcp.md, section 4.4).

use super::host_record::{self, Host, HostMac};
use super::index::Index;
use super::origins::OriginTable;
use super::tags::TagSet;
use crate::config::Origin;
use conf_parser::{ClientId, DhcpHost};
use std::net::Ipv4Addr;

/// Hosts in file order, indexed by client identifier, hardware address, name and IPv4 address.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    /// The records of all hosts, also of replaced ones.
    records: Vec<u8>,
    /// Where in `records` each host is.
    starts: Vec<usize>,
    origins: OriginTable,
    by_id: Index,
    by_mac: Index,
    /// Keys are in lower case.
    by_name: Index,
    by_address: Index,
    /// Indices of hosts with wildcards in a hardware address.
    wildcards: Vec<usize>,
    /// Index and earlier start of each replaced host, for a rollback.
    replaced: Vec<(usize, usize)>,
}

/// A state of the list to which it can be rolled back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checkpoint {
    hosts: usize,
    bytes: usize,
    keys: [usize; 4],
    wildcards: usize,
    replaced: usize,
}

/// What identifies a client.
#[derive(Clone, Copy, Debug)]
pub struct HostQuery<'a> {
    /// Client identifier (option 61), unless `dhcp-ignore-clid` is set.
    pub client_id: Option<&'a [u8]>,
    /// Hardware type (RFC 2131 `htype`).
    pub htype: u8,
    /// Hardware address (`chaddr`).
    pub mac: &'a [u8],
    /// First label of the host name, if names are compared.
    pub name: Option<&'a [u8]>,
}

/// ARP hardware type of Ethernet.
pub const ETHERNET: u8 = 1;

impl Hosts {
    /// Number of hosts.
    pub fn count(&self) -> usize {
        self.starts.len()
    }

    /// All hosts, in file order.
    pub fn iter(&self) -> impl Iterator<Item = Host<'_>> {
        self.starts.iter().map(|&start| Host::at(&self.records[start..]))
    }

    /// A host by its index, which must be less than [`count`](Self::count).
    pub fn host(&self, index: usize) -> Host<'_> {
        Host::at(&self.records[self.starts[index]..])
    }

    /// The current state.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            hosts: self.starts.len(),
            bytes: self.records.len(),
            keys: [&self.by_id, &self.by_mac, &self.by_name, &self.by_address]
                .map(Index::key_count),
            wildcards: self.wildcards.len(),
            replaced: self.replaced.len(),
        }
    }

    /// Reverts all additions and replacements after the checkpoint.
    pub fn rollback(&mut self, checkpoint: Checkpoint) {
        while self.replaced.len() > checkpoint.replaced
            && let Some((index, start)) = self.replaced.pop()
        {
            self.starts[index] = start;
        }
        self.records.truncate(checkpoint.bytes);
        self.starts.truncate(checkpoint.hosts);
        self.origins.truncate(checkpoint.hosts);
        self.wildcards.truncate(checkpoint.wildcards);
        let indices = [&mut self.by_id, &mut self.by_mac, &mut self.by_name, &mut self.by_address];
        for (index, count) in indices.into_iter().zip(checkpoint.keys) {
            index.truncate(count);
        }
    }

    /// Adds a host at the end.
    pub fn add(&mut self, host: &DhcpHost, origin: &Origin) {
        let index = self.starts.len();
        self.index_host(host, &DhcpHost::default(), index);
        self.starts.push(self.records.len());
        host_record::append(&mut self.records, host);
        self.origins.push(origin);
    }

    /// The line of a host.
    pub fn origin(&self, index: usize) -> Origin {
        self.origins.origin(index)
    }

    /// Replaces a host, until a rollback.
    pub fn replace(&mut self, index: usize, host: &DhcpHost) {
        let before = self.host(index).to_dhcp_host();
        self.index_host(host, &before, index);
        self.replaced.push((index, self.starts[index]));
        self.starts[index] = self.records.len();
        host_record::append(&mut self.records, host);
    }

    /// Adds the keys that `host` has and `before` had not. Old keys stay: candidates are checked by the caller.
    fn index_host(&mut self, host: &DhcpHost, before: &DhcpHost, index: usize) {
        if host.client_id != before.client_id
            && let Some(ClientId::Bytes(id)) = &host.client_id
        {
            self.by_id.add(id, index);
        }
        for mac in host.macs.iter().filter(|mac| !before.macs.contains(mac)) {
            if mac.wildcards.is_empty() {
                self.by_mac.add(&mac.bytes, index);
            } else if self.wildcards.last() != Some(&index) {
                self.wildcards.push(index);
            }
        }
        if host.name != before.name
            && let Some(name) = &host.name
        {
            self.by_name.add(&name.to_ascii_lowercase(), index);
        }
        if host.address != before.address
            && let Some(address) = host.address
        {
            self.by_address.add(&address.octets(), index);
        }
    }

    /// Index of the last host with this address.
    pub fn with_address(&self, address: Ipv4Addr) -> Option<usize> {
        let has = |index: &usize| self.host(*index).address() == Some(address);
        self.by_address.candidates(&address.octets()).filter(has).max()
    }

    /// Index of the last host with this name; case is ignored.
    pub fn with_name(&self, name: &[u8]) -> Option<usize> {
        let name = name.to_ascii_lowercase();
        self.by_name.candidates(&name).filter(|index| has_name(self.host(*index), &name)).max()
    }

    /// Index of the last host with this Ethernet address as its only hardware address.
    pub fn with_only_mac(&self, mac: &[u8]) -> Option<usize> {
        let has = |index: &usize| {
            let mut macs = self.host(*index).macs();
            let is_it = |one: HostMac<'_>| one.wildcards == 0 && host_mac_fits(one, ETHERNET, mac);
            macs.next().is_some_and(is_it) && macs.next().is_none()
        };
        self.by_mac.candidates(mac).filter(has).max()
    }

    /// Index of the host of a client. Hosts with conditions, all true, take precedence; within one kind of match the last
    /// host is used.
    pub fn find(
        &self,
        query: HostQuery<'_>,
        tags: &TagSet,
        usable: impl Fn(Host<'_>) -> bool,
    ) -> Option<usize> {
        let holds = |host: Host<'_>| usable(host) && tags.satisfies_all(host.conditions());
        let conditional = |host: Host<'_>| host.conditions().next().is_some() && holds(host);
        self.find_once(query, conditional).or_else(|| self.find_once(query, holds))
    }

    fn find_once(&self, query: HostQuery<'_>, usable: impl Fn(Host<'_>) -> bool) -> Option<usize> {
        let host = |index: usize| self.host(index);
        // The maximum, because candidates are in no order after a replacement.
        let last = |indices: &mut dyn Iterator<Item = usize>,
                    matches: &dyn Fn(Host<'_>) -> bool| {
            indices.filter(|index| usable(host(*index)) && matches(host(*index))).max()
        };
        let by_id = || {
            let id = query.client_id?;
            let ids = std::iter::once(id).chain(id.strip_prefix(&[0]));
            let mut indices = ids.flat_map(|id| self.by_id.candidates(id));
            last(&mut indices, &|host| has_client_id(host, id))
        };
        let by_mac = || last(&mut self.by_mac.candidates(query.mac), &|host| has_mac(host, query));
        let by_name = || {
            let name = query.name?.to_ascii_lowercase();
            last(&mut self.by_name.candidates(&name), &|host| has_name(host, &name))
        };
        let by_pattern = || {
            let wild = self.wildcards.iter().rev().map(|index| (*index, host(*index)));
            best_wildcard(wild.filter(|(_, host)| usable(*host)), query)
        };
        by_id().or_else(by_mac).or_else(by_name).or_else(by_pattern)
    }
}

/// A client identifier with a leading zero byte matches too.
fn has_client_id(host: Host<'_>, id: &[u8]) -> bool {
    let Some(known) = host.client_id() else { return false };
    known == id || id.strip_prefix(&[0]) == Some(known)
}

fn has_mac(host: Host<'_>, query: HostQuery<'_>) -> bool {
    host.macs().any(|mac| mac.wildcards == 0 && host_mac_fits(mac, query.htype, query.mac))
}

fn has_name(host: Host<'_>, name: &[u8]) -> bool {
    host.name().is_some_and(|known| known.eq_ignore_ascii_case(name))
}

/// The host of a `dhcp-host` line: its name is reduced to the first label.
pub fn from_directive(mut host: DhcpHost) -> DhcpHost {
    if let Some(name) = &mut host.name {
        name.truncate(first_label(name).len());
    }
    host
}

/// The first label of a name.
pub fn first_label(name: &[u8]) -> &[u8] {
    name.split(|&byte| byte == b'.').next().unwrap_or_default()
}

/// Index of the host with the most bytes that are no wildcards; of several the first in `hosts`.
fn best_wildcard<'h>(
    hosts: impl Iterator<Item = (usize, Host<'h>)>,
    query: HostQuery<'_>,
) -> Option<usize> {
    let mut best = None;
    for (index, host) in hosts {
        let fitting = host
            .macs()
            .filter(|mac| mac.wildcards != 0 && host_mac_fits(*mac, query.htype, query.mac));
        let wildcards = |mac: HostMac<'_>| mac.wildcards.count_ones() as usize;
        let exact_bytes =
            fitting.map(|mac| mac.bytes.len() - wildcards(mac) + 1).max().unwrap_or(0);
        if exact_bytes > best.map_or(0, |(count, _)| count) {
            best = Some((exact_bytes, index));
        }
    }
    best.map(|(_, index)| index)
}

/// Whether a hardware address matches a pattern: the same length, and the same type if the pattern has one (0: any).
pub fn mac_fits(pattern: &conf_parser::Hex, htype: u8, mac: &[u8]) -> bool {
    let is_wild = |index: usize| pattern.wildcards.contains(&index);
    type_fits(pattern.hardware_type, htype) && bytes_fit(&pattern.bytes, mac, is_wild)
}

/// As [`mac_fits`], for an address of a host.
fn host_mac_fits(pattern: HostMac<'_>, htype: u8, mac: &[u8]) -> bool {
    let is_wild = |index: usize| pattern.is_wild(index);
    type_fits(pattern.hardware_type, htype) && bytes_fit(pattern.bytes, mac, is_wild)
}

fn type_fits(expected: Option<u16>, htype: u8) -> bool {
    expected.is_none_or(|expected| expected == 0 || expected == u16::from(htype))
}

fn bytes_fit(pattern: &[u8], mac: &[u8], is_wild: impl Fn(usize) -> bool) -> bool {
    let mut pairs = pattern.iter().zip(mac).enumerate();
    pattern.len() == mac.len()
        && pairs.all(|(index, (expected, byte))| expected == byte || is_wild(index))
}

#[cfg(test)]
mod tests {
    use super::*;
    use conf_parser::{Directive, Reader};

    fn hosts(lines: &[&str]) -> Hosts {
        let mut hosts = Hosts::default();
        for line in lines {
            add(&mut hosts, line);
        }
        hosts
    }

    fn add(hosts: &mut Hosts, line: &str) {
        let line = format!("dhcp-host={line}");
        let setting = Reader::default().line(line.as_bytes()).unwrap().unwrap();
        let Directive::DhcpHost(host) = setting.directive else { panic!() };
        hosts.add(&from_directive(host), &Origin::default());
    }

    fn with_address(host: Host<'_>) -> DhcpHost {
        DhcpHost { address: Some([10, 0, 0, 9].into()), ..host.to_dhcp_host() }
    }

    fn found(hosts: &Hosts, client_id: Option<&[u8]>, name: Option<&[u8]>) -> Option<Vec<u8>> {
        let query = HostQuery { client_id, htype: 1, mac: &[0x52, 0x54, 0, 1, 2, 3], name };
        let is_near = |host: Host<'_>| host.address().is_none_or(|ip| ip.octets()[0] == 10);
        let index = hosts.find(query, &TagSet::default(), is_near)?;
        hosts.host(index).to_dhcp_host().set.first().cloned()
    }

    #[test]
    fn identifier_precedes_address_name_and_wildcard() {
        let names = ["52:54:00:*:*:*,set:wild", "52:54:00:01:*:*,set:wilder", "pc.lan,set:name"];
        let mut hosts = hosts(&names);
        let checkpoint = hosts.checkpoint();
        for line in ["52:54:00:01:02:03,set:mac", "id:ff:01,set:id"] {
            add(&mut hosts, line);
        }
        assert_eq!(found(&hosts, Some(&[0, 0xff, 1]), None), Some(b"id".to_vec()));
        assert_eq!(found(&hosts, Some(&[9]), Some(b"PC")), Some(b"mac".to_vec()));
        hosts.rollback(checkpoint);
        assert_eq!(found(&hosts, None, Some(b"PC")), Some(b"name".to_vec()));
        assert_eq!(found(&hosts, None, None), Some(b"wilder".to_vec()));
    }

    #[test]
    fn last_of_equal_patterns_is_found_after_a_replacement() {
        let mut hosts = hosts(&["52:54:00:*:*:*,set:first", "52:54:00:*:*:*,set:last"]);
        let changed = with_address(hosts.host(0));
        hosts.replace(0, &changed);
        assert_eq!(found(&hosts, None, None), Some(b"last".to_vec()));
    }

    #[test]
    fn host_with_address_of_another_network_is_not_found() {
        assert_eq!(found(&hosts(&["52:54:00:01:02:03,192.168.0.1,set:a"]), None, None), None);
        assert_eq!(
            found(&hosts(&["52:54:00:01:02:03,10.0.0.1,set:a"]), None, None),
            Some(b"a".to_vec())
        );
    }

    #[test]
    fn rollback_reverts_additions_and_replacements() {
        let mut hosts = hosts(&["52:54:00:01:02:03,set:a", "pc,set:b"]);
        let checkpoint = hosts.checkpoint();
        let changed = with_address(hosts.host(1));
        hosts.replace(1, &changed);
        add(&mut hosts, "pc");
        assert_eq!(hosts.with_address([10, 0, 0, 9].into()), Some(1));
        assert_eq!(hosts.with_name(b"PC"), Some(2));
        hosts.rollback(checkpoint);
        assert_eq!(hosts.with_address([10, 0, 0, 9].into()), None);
        assert_eq!(hosts.with_name(b"pc"), Some(1));
        assert_eq!(hosts.with_only_mac(&[0x52, 0x54, 0, 1, 2, 3]), Some(0));
    }
}
