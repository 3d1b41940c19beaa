//! `/etc/ethers` (ethers(5)), for `read-ethers`: hardware addresses of hosts by name or IPv4 address.

use crate::config::Origin;
use crate::config::lookup::hosts::{ETHERNET, Hosts};
use crate::log_line::LinePart;
use conf_parser::{DhcpHost, is_host_name};
use conf_parser::{Hex, valid_ascii_name};
use std::net::Ipv4Addr;

/// Path of the file.
pub const ETHERS_FILE: &str = "/etc/ethers";

/// A valid line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EthersEntry {
    mac: Vec<u8>,
    host: EthersHost,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum EthersHost {
    Address(Ipv4Addr),
    Name(Vec<u8>),
}

/// Length of an Ethernet address in bytes.
const MAC_LEN: usize = 6;

/// Parses the file: each line with its number, from 1, or the part of it that is invalid.
pub fn read(file: &[u8]) -> Vec<(usize, Result<EthersEntry, LinePart>)> {
    let lines = (1..).zip(file.split(|&byte| byte == b'\n'));
    let lines = lines.map(|(number, line)| (number, line.trim_ascii_end()));
    let has_entry = |line: &[u8]| !matches!(line.first(), None | Some(b'#' | b'+'));
    lines
        .filter(|(_, line)| has_entry(line))
        .map(|(number, line)| (number, parse_line(line)))
        .collect()
}

fn parse_line(line: &[u8]) -> Result<EthersEntry, LinePart> {
    let blank = line.iter().position(u8::is_ascii_whitespace).ok_or(LinePart::Line)?;
    let (mac, host) = line.split_at(blank);
    let (mac, host) = (parse_mac(mac).ok_or(LinePart::Line)?, host.trim_ascii_start());
    if host.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
        let address = std::str::from_utf8(host).ok().and_then(|text| text.parse().ok());
        return Ok(EthersEntry {
            mac,
            host: EthersHost::Address(address.ok_or(LinePart::Address)?),
        });
    }
    let name = valid_ascii_name(host).filter(|name| is_host_name(name)).ok_or(LinePart::Name)?;
    Ok(EthersEntry { mac, host: EthersHost::Name(name.to_vec()) })
}

/// Six bytes in hexadecimal, separated by `:` or `-`; dnsmasq ignores further groups.
fn parse_mac(text: &[u8]) -> Option<Vec<u8>> {
    let digits = |group: &[u8]| match group {
        b"*" => Some(0),
        _ if !group.iter().all(u8::is_ascii_hexdigit) => None,
        _ => u8::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok(),
    };
    let groups = text.split(|byte| matches!(byte, b':' | b'-')).take(MAC_LEN);
    groups.map(digits).collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == MAC_LEN)
}

/// Result of [`merge_into`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Merged {
    /// The entry is stored.
    Stored,
    /// An earlier line of this file has the same name or address.
    Repeated,
}

/// Adds the hardware address to the host with that name or address, else the name or address to the host with that
/// hardware address, else adds a host. `first` is the index of the first host that this file has added.
pub fn merge_into(hosts: &mut Hosts, entry: EthersEntry, first: usize, origin: &Origin) -> Merged {
    let EthersEntry { mac, host: key } = entry;
    let known = match &key {
        EthersHost::Address(address) => hosts.with_address(*address),
        EthersHost::Name(name) => hosts.with_name(name),
    };
    // The address is an Ethernet address, whatever hardware type the `dhcp-host` line has.
    let hardware_type = Some(ETHERNET.into());
    let mac = vec![Hex { bytes: mac, hardware_type, ..Hex::default() }];
    if let Some(index) = known {
        if index >= first {
            return Merged::Repeated;
        }
        let host = hosts.host(index).to_dhcp_host();
        hosts.replace(index, &DhcpHost { macs: mac, ..host });
        return Merged::Stored;
    }
    let index = hosts.with_only_mac(&mac[0].bytes);
    let host = index.map_or_else(DhcpHost::default, |index| hosts.host(index).to_dhcp_host());
    let host = match key {
        EthersHost::Address(address) => DhcpHost { address: Some(address), macs: mac, ..host },
        EthersHost::Name(name) => DhcpHost { name: Some(name), macs: mac, ..host },
    };
    match index {
        Some(index) => hosts.replace(index, &host),
        None => hosts.add(&host, origin),
    }
    Merged::Stored
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_parsed_as_dnsmasq_parses_them() {
        let file =
            b"52:54:00:aa:bb:01 pc\n52-54-0-aa-bb-2 10.0.0.9 \nzz y\n52:54:00:aa:bb:04 \n# c\n\n\
                     +x\n52:54:00:aa:bb:05 10.0.0.300\n52:54:00:aa:bb:06 a b\n1:2 c\n\
                     1:2:3:4:5:7:zz b\n1:+2:3:4:5:8 b";
        let entries: Vec<_> = read(file)
            .into_iter()
            .map(|(line, read)| (line, read.map(|entry| entry.mac[5])))
            .collect();
        let bad = Err;
        assert_eq!(
            entries,
            [
                (1, Ok(1)),
                (2, Ok(2)),
                (3, bad(LinePart::Line)),
                (4, bad(LinePart::Line)),
                (8, bad(LinePart::Address)),
                (9, bad(LinePart::Name)),
                (10, bad(LinePart::Line)),
                (11, Ok(7)),
                (12, bad(LinePart::Line))
            ]
        );
    }

    #[test]
    fn entry_is_merged_by_name_or_address_and_stored_once() {
        let mut hosts = Hosts::default();
        let named = DhcpHost { name: Some(b"pc".to_vec()), ..DhcpHost::default() };
        hosts.add(&named, &Origin::default_value());
        let first = hosts.count();
        let mac_of = |hosts: &Hosts| hosts.host(0).to_dhcp_host().macs[0].clone();
        let merge = |hosts: &mut Hosts, line: &str| {
            merge_into(hosts, parse_line(line.as_bytes()).unwrap(), first, &Origin::default_value())
        };
        assert_eq!(merge(&mut hosts, "52:54:00:00:00:01 pc"), Merged::Stored);
        assert_eq!((hosts.count(), mac_of(&hosts).bytes[5]), (1, 1));
        assert_eq!(merge(&mut hosts, "52:54:00:00:00:01 10.0.0.9"), Merged::Stored);
        assert_eq!((hosts.count(), hosts.host(0).address()), (1, Some([10, 0, 0, 9].into())));
        assert_eq!(mac_of(&hosts).hardware_type, Some(ETHERNET.into()));
        assert_eq!(merge(&mut hosts, "52:54:00:00:00:02 other"), Merged::Stored);
        assert_eq!(merge(&mut hosts, "52:54:00:00:00:03 other"), Merged::Repeated);
        assert_eq!(hosts.count(), 2);
    }
}
