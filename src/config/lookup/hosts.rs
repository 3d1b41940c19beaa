//! `dhcp-host`: search for the line of a client (docs/dnsmasq/proxydhcp.md, section 4.4).

use super::index::Index;
use super::origins::OriginTable;
use super::tags::TagSet;
use crate::config::Origin;
use conf_parser::{ClientId, DhcpHost};
use std::net::Ipv4Addr;

/// Hosts in file order, indexed by client identifier, hardware address, name and IPv4 address.
#[derive(Clone, Debug, Default)]
pub struct Hosts {
    lines: Vec<DhcpHost>,
    origins: OriginTable,
    by_id: Index,
    by_mac: Index,
    /// Keys are in lower case.
    by_name: Index,
    by_address: Index,
    /// Indices of hosts with wildcards in a hardware address.
    wildcards: Vec<usize>,
    /// Index and earlier value of each replaced host, for a rollback.
    replaced: Vec<(usize, DhcpHost)>,
}

/// A state of the list to which it can be rolled back.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checkpoint {
    lines: usize,
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
        self.lines.len()
    }

    /// All hosts, in file order.
    pub fn lines(&self) -> &[DhcpHost] {
        &self.lines
    }

    /// The current state.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            lines: self.lines.len(),
            keys: [&self.by_id, &self.by_mac, &self.by_name, &self.by_address]
                .map(Index::key_count),
            wildcards: self.wildcards.len(),
            replaced: self.replaced.len(),
        }
    }

    /// Reverts all additions and replacements after the checkpoint.
    pub fn rollback(&mut self, checkpoint: Checkpoint) {
        while self.replaced.len() > checkpoint.replaced
            && let Some((index, host)) = self.replaced.pop()
        {
            self.lines[index] = host;
        }
        self.lines.truncate(checkpoint.lines);
        self.origins.truncate(checkpoint.lines);
        self.wildcards.truncate(checkpoint.wildcards);
        let indices = [&mut self.by_id, &mut self.by_mac, &mut self.by_name, &mut self.by_address];
        for (index, count) in indices.into_iter().zip(checkpoint.keys) {
            index.truncate(count);
        }
    }

    /// Adds a host at the end.
    pub fn add(&mut self, host: DhcpHost, origin: &Origin) {
        let index = self.lines.len();
        self.index_host(&host, &DhcpHost::default(), index);
        self.lines.push(host);
        self.origins.push(origin);
    }

    /// The line of a host.
    pub fn origin(&self, index: usize) -> Origin {
        self.origins.origin(index)
    }

    /// Replaces a host, until a rollback.
    pub fn replace(&mut self, index: usize, host: DhcpHost) {
        let before = self.lines[index].clone();
        self.index_host(&host, &before, index);
        self.lines[index] = host;
        self.replaced.push((index, before));
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
        let has = |index: &usize| self.lines[*index].address == Some(address);
        self.by_address.candidates(&address.octets()).filter(has).max()
    }

    /// Index of the last host with this name; case is ignored.
    pub fn with_name(&self, name: &[u8]) -> Option<usize> {
        let name = name.to_ascii_lowercase();
        self.by_name.candidates(&name).filter(|index| has_name(&self.lines[*index], &name)).max()
    }

    /// Index of the last host with this Ethernet address as its only hardware address.
    pub fn with_only_mac(&self, mac: &[u8]) -> Option<usize> {
        let has = |index: &usize| match &self.lines[*index].macs[..] {
            [one] => one.wildcards.is_empty() && mac_fits(one, ETHERNET, mac),
            _ => false,
        };
        self.by_mac.candidates(mac).filter(has).max()
    }

    /// Index of the host of a client. Hosts with conditions, all true, take precedence; within one kind of match the last
    /// host is used.
    pub fn find(
        &self,
        query: HostQuery<'_>,
        tags: &TagSet,
        usable: impl Fn(&DhcpHost) -> bool,
    ) -> Option<usize> {
        let holds = |host: &DhcpHost| usable(host) && tags.satisfies(&host.conditions);
        let conditional = |host: &DhcpHost| !host.conditions.is_empty() && holds(host);
        self.find_once(query, conditional).or_else(|| self.find_once(query, holds))
    }

    fn find_once(&self, query: HostQuery<'_>, usable: impl Fn(&DhcpHost) -> bool) -> Option<usize> {
        let host = |index: usize| &self.lines[index];
        // The maximum, because candidates are in no order after a replacement.
        let last = |indices: &mut dyn Iterator<Item = usize>,
                    matches: &dyn Fn(&DhcpHost) -> bool| {
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
            best_wildcard(wild.filter(|(_, host)| usable(host)), query)
        };
        by_id().or_else(by_mac).or_else(by_name).or_else(by_pattern)
    }
}

/// A client identifier with a leading zero byte matches too.
fn has_client_id(host: &DhcpHost, id: &[u8]) -> bool {
    let Some(ClientId::Bytes(known)) = &host.client_id else { return false };
    known == id || id.strip_prefix(&[0]) == Some(&known[..])
}

fn has_mac(host: &DhcpHost, query: HostQuery<'_>) -> bool {
    host.macs.iter().any(|mac| mac.wildcards.is_empty() && mac_fits(mac, query.htype, query.mac))
}

fn has_name(host: &DhcpHost, name: &[u8]) -> bool {
    host.name.as_deref().is_some_and(|known| known.eq_ignore_ascii_case(name))
}

/// The host of a `dhcp-host` line: its name is reduced to the first label. There may be very many hosts, so spare
/// capacity is released.
pub fn from_directive(mut host: DhcpHost) -> DhcpHost {
    host.name = host.name.as_deref().map(|name| first_label(name).to_vec());
    host.macs.shrink_to_fit();
    host.set.shrink_to_fit();
    host.conditions.shrink_to_fit();
    host
}

/// The first label of a name.
pub fn first_label(name: &[u8]) -> &[u8] {
    name.split(|&byte| byte == b'.').next().unwrap_or_default()
}

/// Index of the host with the most bytes that are no wildcards; of several the first in `hosts`.
fn best_wildcard<'h>(
    hosts: impl Iterator<Item = (usize, &'h DhcpHost)>,
    query: HostQuery<'_>,
) -> Option<usize> {
    let mut best = None;
    for (index, host) in hosts {
        let fitting = host
            .macs
            .iter()
            .filter(|mac| !mac.wildcards.is_empty() && mac_fits(mac, query.htype, query.mac));
        let exact_bytes =
            fitting.map(|mac| mac.bytes.len() - mac.wildcards.len() + 1).max().unwrap_or(0);
        if exact_bytes > best.map_or(0, |(count, _)| count) {
            best = Some((exact_bytes, index));
        }
    }
    best.map(|(_, index)| index)
}

/// Whether a hardware address matches a pattern: the same length, and the same type if the pattern has one (0: any).
pub fn mac_fits(pattern: &conf_parser::Hex, htype: u8, mac: &[u8]) -> bool {
    let type_fits =
        pattern.hardware_type.is_none_or(|expected| expected == 0 || expected == u16::from(htype));
    let byte_fits = |(offset, (expected, byte)): (usize, (&u8, &u8))| {
        expected == byte || pattern.wildcards.contains(&offset)
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
        let query = HostQuery { client_id, htype: 1, mac: &[0x52, 0x54, 0, 1, 2, 3], name };
        let is_near = |host: &DhcpHost| host.address.is_none_or(|ip| ip.octets()[0] == 10);
        let index = hosts.find(query, &TagSet::default(), is_near)?;
        hosts.lines()[index].set.first().cloned()
    }

    #[test]
    fn identifier_precedes_address_name_and_wildcard() {
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
    fn last_of_equal_patterns_is_found_after_a_replacement() {
        let mut hosts = hosts(&["52:54:00:*:*:*,set:first", "52:54:00:*:*:*,set:last"]);
        let changed = DhcpHost { address: Some([10, 0, 0, 9].into()), ..hosts.lines()[0].clone() };
        hosts.replace(0, changed);
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
        let changed = DhcpHost { address: Some([10, 0, 0, 9].into()), ..hosts.lines()[1].clone() };
        hosts.replace(1, changed);
        hosts.add(
            DhcpHost { name: Some(b"pc".to_vec()), ..DhcpHost::default() },
            &Origin::default(),
        );
        assert_eq!(hosts.with_address([10, 0, 0, 9].into()), Some(1));
        assert_eq!(hosts.with_name(b"PC"), Some(2));
        hosts.rollback(checkpoint);
        assert_eq!(hosts.with_address([10, 0, 0, 9].into()), None);
        assert_eq!(hosts.with_name(b"pc"), Some(1));
        assert_eq!(hosts.with_only_mac(&[0x52, 0x54, 0, 1, 2, 3]), Some(0));
    }
}
