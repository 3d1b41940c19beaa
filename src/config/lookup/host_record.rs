//! Hosts as bytes: a configuration may have a million of them, and a `DhcpHost` takes several hundred bytes.
//!
//! A record is a list of parts: the kind in one byte, the length as a LEB128 number, the value. `END` ends the list.

use conf_parser::{ClientId, Condition, DhcpHost, Hex};
use std::net::Ipv4Addr;

const END: u8 = 0;
/// A hardware address without type and wildcards.
const MAC: u8 = 1;
/// A byte that is 1 if there is a type, the type (two bytes), a bit for each wildcard (two bytes), the address.
const MAC_PATTERN: u8 = 2;
const CLIENT_ID: u8 = 3;
const IGNORED_CLIENT_ID: u8 = 4;
const SET: u8 = 5;
const CONDITION: u8 = 6;
const NEGATED_CONDITION: u8 = 7;
const ADDRESS: u8 = 8;
const VERSION6: u8 = 9;
const NAME: u8 = 10;

/// Appends the record of a host. The number of names is not kept.
pub fn append(records: &mut Vec<u8>, host: &DhcpHost) {
    if let Some(address) = host.address {
        append_part(records, ADDRESS, &address.octets());
    }
    if host.version6 {
        append_part(records, VERSION6, &[]);
    }
    for mac in &host.macs {
        append_mac(records, mac);
    }
    match &host.client_id {
        Some(ClientId::Bytes(id)) => append_part(records, CLIENT_ID, id),
        Some(ClientId::Ignored) => append_part(records, IGNORED_CLIENT_ID, &[]),
        None => {}
    }
    for condition in &host.conditions {
        let kind = if condition.negated { NEGATED_CONDITION } else { CONDITION };
        append_part(records, kind, &condition.tag);
    }
    for tag in host.set.iter().rev() {
        append_part(records, SET, tag);
    }
    if let Some(name) = &host.name {
        append_part(records, NAME, name);
    }
    records.push(END);
}

fn append_mac(records: &mut Vec<u8>, mac: &Hex) {
    if mac.wildcards.is_empty() && mac.hardware_type.is_none() {
        return append_part(records, MAC, &mac.bytes);
    }
    let bits =
        mac.wildcards.iter().filter_map(|&index| 1_u16.checked_shl(u32::try_from(index).ok()?));
    let wildcards = bits.fold(0, |all, bit| all | bit).to_le_bytes();
    let has_type = [u8::from(mac.hardware_type.is_some())];
    let hardware_type = mac.hardware_type.unwrap_or_default().to_le_bytes();
    append_part(
        records,
        MAC_PATTERN,
        &[&has_type, &hardware_type[..], &wildcards, &mac.bytes].concat(),
    );
}

fn append_part(records: &mut Vec<u8>, kind: u8, value: &[u8]) {
    records.push(kind);
    let mut length = value.len();
    while length >= 0x80 {
        records.push(length.to_le_bytes()[0] | 0x80);
        length >>= 7;
    }
    records.push(length.to_le_bytes()[0]);
    records.extend_from_slice(value);
}

/// A host of the configuration.
#[derive(Clone, Copy, Debug)]
pub struct Host<'r> {
    /// The records from this one on.
    records: &'r [u8],
}

/// A hardware address of a host.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct HostMac<'r> {
    /// The bytes; 0 in the place of a wildcard.
    pub bytes: &'r [u8],
    /// A bit for each byte; 1: any byte matches.
    pub wildcards: u16,
    /// The ARP hardware type, if the line has one.
    pub hardware_type: Option<u16>,
}

impl<'r> Host<'r> {
    /// The host at the start of `records`, which [`append`] has written.
    pub fn at(records: &'r [u8]) -> Self {
        Self { records }
    }

    /// Hardware addresses, in the order of the line.
    pub fn macs(self) -> impl Iterator<Item = HostMac<'r>> {
        self.parts().filter_map(|(kind, value)| match kind {
            MAC => Some(HostMac { bytes: value, wildcards: 0, hardware_type: None }),
            MAC_PATTERN => pattern(value),
            _ => None,
        })
    }

    /// The client identifier (option 61); `None` also for `id:*`.
    pub fn client_id(self) -> Option<&'r [u8]> {
        self.first(CLIENT_ID)
    }

    /// The tags to set, the last of the line first.
    pub fn set_last_first(self) -> impl Iterator<Item = &'r [u8]> {
        self.parts().filter(|(kind, _)| *kind == SET).map(|(_, tag)| tag)
    }

    /// The conditions: a tag, and whether it must not be set.
    pub fn conditions(self) -> impl Iterator<Item = (&'r [u8], bool)> {
        self.parts().filter_map(|(kind, tag)| match kind {
            CONDITION => Some((tag, false)),
            NEGATED_CONDITION => Some((tag, true)),
            _ => None,
        })
    }

    /// The IPv4 address.
    pub fn address(self) -> Option<Ipv4Addr> {
        let octets: [u8; 4] = self.first(ADDRESS)?.try_into().ok()?;
        Some(octets.into())
    }

    /// Whether the host has an IPv6 address.
    pub fn version6(self) -> bool {
        self.first(VERSION6).is_some()
    }

    /// The name of the client.
    pub fn name(self) -> Option<&'r [u8]> {
        self.first(NAME)
    }

    /// The host as the parser returns it, except for the number of names.
    pub fn to_dhcp_host(self) -> DhcpHost {
        let condition = |(tag, negated): (&[u8], bool)| Condition { tag: tag.to_vec(), negated };
        let mut set: Vec<Vec<u8>> = self.set_last_first().map(<[u8]>::to_vec).collect();
        set.reverse();
        let ignored = || self.first(IGNORED_CLIENT_ID).map(|_| ClientId::Ignored);
        DhcpHost {
            macs: self.macs().map(HostMac::to_hex).collect(),
            client_id: self.client_id().map(|id| ClientId::Bytes(id.to_vec())).or_else(ignored),
            set,
            conditions: self.conditions().map(condition).collect(),
            address: self.address(),
            version6: self.version6(),
            name: self.name().map(<[u8]>::to_vec),
            names: 0,
        }
    }

    fn first(self, kind: u8) -> Option<&'r [u8]> {
        self.parts().find(|(found, _)| *found == kind).map(|(_, value)| value)
    }

    fn parts(self) -> impl Iterator<Item = (u8, &'r [u8])> {
        let mut rest = self.records;
        std::iter::from_fn(move || {
            let (&kind, after) = rest.split_first().filter(|(kind, _)| **kind != END)?;
            let (length, after) = length(after)?;
            let (value, after) = after.split_at_checked(length)?;
            rest = after;
            Some((kind, value))
        })
    }
}

impl HostMac<'_> {
    /// The address as the parser returns it.
    pub fn to_hex(self) -> Hex {
        let is_wild = |index: &usize| self.is_wild(*index);
        Hex {
            bytes: self.bytes.to_vec(),
            wildcards: (0..self.bytes.len()).filter(is_wild).collect(),
            hardware_type: self.hardware_type,
        }
    }

    /// Whether any byte matches at this index.
    pub fn is_wild(self, index: usize) -> bool {
        self.wildcards.checked_shr(u32::try_from(index).unwrap_or(u32::MAX)).unwrap_or(0) & 1 == 1
    }
}

fn pattern(value: &[u8]) -> Option<HostMac<'_>> {
    let [has_type, type_low, type_high, wild_low, wild_high, bytes @ ..] = value else {
        return None;
    };
    let hardware_type = (*has_type == 1).then(|| u16::from_le_bytes([*type_low, *type_high]));
    Some(HostMac { bytes, wildcards: u16::from_le_bytes([*wild_low, *wild_high]), hardware_type })
}

/// A LEB128 number and the bytes after it.
fn length(bytes: &[u8]) -> Option<(usize, &[u8])> {
    let mut length = 0;
    for (index, byte) in bytes.iter().enumerate() {
        length |= usize::from(byte & 0x7F).checked_shl(u32::try_from(index * 7).ok()?)?;
        if byte & 0x80 == 0 {
            return Some((length, &bytes[index + 1..]));
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn host_is_read_as_it_was_appended() {
        let condition = |tag: &[u8], negated| Condition { tag: tag.to_vec(), negated };
        let mac = Hex { bytes: vec![1, 2, 3], ..Hex::default() };
        let wild = Hex { bytes: vec![0; 16], wildcards: vec![0, 15], hardware_type: None };
        let typed = Hex { bytes: vec![9; 6], wildcards: Vec::new(), hardware_type: Some(0x0120) };
        let full = DhcpHost {
            macs: vec![mac, wild, typed],
            client_id: Some(ClientId::Bytes(vec![7; 300])),
            set: vec![b"a".to_vec(), b"b".to_vec()],
            conditions: vec![condition(b"x", true), condition(b"y", false)],
            address: Some([10, 0, 0, 1].into()),
            version6: true,
            name: Some(b"n".repeat(100_000)),
            names: 0,
        };
        let ignored = DhcpHost { client_id: Some(ClientId::Ignored), ..DhcpHost::default() };
        let mut records = Vec::new();
        let hosts = [full, DhcpHost::default(), ignored];
        let starts = hosts.each_ref().map(|host| {
            let start = records.len();
            append(&mut records, host);
            start
        });
        let read = starts.map(|start| Host::at(&records[start..]).to_dhcp_host());
        assert_eq!(read, hosts);
        let host = Host::at(&records);
        assert_eq!(host.set_last_first().collect::<Vec<_>>(), [b"b", b"a"]);
        assert_eq!(Host::at(&records[starts[2]..]).client_id(), None);
    }
}
