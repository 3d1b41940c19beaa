//! `/etc/ethers` (ethers(5)), for `read-ethers`: hardware addresses of machines that are known by name or address.

use crate::config::Origin;
use crate::config::lookup::hosts::{ETHERNET, Hosts};
use crate::log_line::LinePart;
use conf_parser::{DhcpHost, is_host_name};
use conf_parser::{Hex, valid_ascii_name};
use std::net::Ipv4Addr;

/// Where it is.
pub const ETHERS_FILE: &str = "/etc/ethers";

/// A line.
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

const MAC: usize = 6;

/// Reads the file: lines by number, or what of them is bad.
pub fn read(file: &[u8]) -> Vec<(usize, Result<EthersEntry, LinePart>)> {
    let lines = (1..).zip(file.split(|&byte| byte == b'\n'));
    let lines = lines.map(|(number, line)| (number, line.trim_ascii_end()));
    let counts = |line: &[u8]| !matches!(line.first(), None | Some(b'#' | b'+'));
    lines.filter(|(_, line)| counts(line)).map(|(number, line)| (number, ether(line))).collect()
}

fn ether(line: &[u8]) -> Result<EthersEntry, LinePart> {
    let blank = line.iter().position(u8::is_ascii_whitespace).ok_or(LinePart::Line)?;
    let (mac, who) = line.split_at(blank);
    let (mac, who) = (bytes(mac).ok_or(LinePart::Line)?, who.trim_ascii_start());
    if who.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.') {
        let address = std::str::from_utf8(who).ok().and_then(|text| text.parse().ok());
        return Ok(EthersEntry {
            mac,
            host: EthersHost::Address(address.ok_or(LinePart::Address)?),
        });
    }
    let name = valid_ascii_name(who).filter(|name| is_host_name(name)).ok_or(LinePart::Name)?;
    Ok(EthersEntry { mac, host: EthersHost::Name(name.to_vec()) })
}

/// Six bytes in hex, between `:` or `-`; what follows them does not count.
fn bytes(text: &[u8]) -> Option<Vec<u8>> {
    let digits = |group: &[u8]| match group {
        b"*" => Some(0),
        _ if !group.iter().all(u8::is_ascii_hexdigit) => None,
        _ => u8::from_str_radix(std::str::from_utf8(group).ok()?, 16).ok(),
    };
    let groups = text.split(|byte| matches!(byte, b':' | b'-')).take(MAC);
    groups.map(digits).collect::<Option<Vec<u8>>>().filter(|bytes| bytes.len() == MAC)
}

/// Puts a line where it belongs: into the line of that name or address, else into that of the hardware address, else
/// into one of its own. `false`: one of the same name or address came before it from here, at `first` or behind.
pub fn merge_into(
    hosts: &mut Hosts,
    EthersEntry { mac, host: who }: EthersEntry,
    first: usize,
    origin: &Origin,
) -> bool {
    let known = match &who {
        EthersHost::Address(address) => hosts.with_address(*address),
        EthersHost::Name(name) => hosts.with_name(name),
    };
    // It is about Ethernet, whatever the line of the machine says that it goes into.
    let hardware_type = Some(ETHERNET.into());
    let mac = vec![Hex { bytes: mac, hardware_type, ..Hex::default() }];
    if let Some(place) = known {
        let is_ours = place >= first;
        if !is_ours {
            hosts.replace(place, DhcpHost { macs: mac, ..hosts.lines()[place].clone() });
        }
        return !is_ours;
    }
    let place = hosts.with_only_mac(&mac[0].bytes);
    let host = place.map_or_else(DhcpHost::default, |place| hosts.lines()[place].clone());
    let host = match who {
        EthersHost::Address(address) => DhcpHost { address: Some(address), macs: mac, ..host },
        EthersHost::Name(name) => DhcpHost { name: Some(name), macs: mac, ..host },
    };
    match place {
        Some(place) => hosts.replace(place, host),
        None => hosts.add(host, origin),
    }
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_read_as_dnsmasq_reads_them() {
        let file =
            b"52:54:00:aa:bb:01 pc\n52-54-0-aa-bb-2 10.0.0.9 \nzz y\n52:54:00:aa:bb:04 \n# c\n\n\
                     +x\n52:54:00:aa:bb:05 10.0.0.300\n52:54:00:aa:bb:06 a b\n1:2 c\n\
                     1:2:3:4:5:7:zz b\n1:+2:3:4:5:8 b";
        let told: Vec<_> = read(file)
            .into_iter()
            .map(|(line, read)| (line, read.map(|ether| ether.mac[5])))
            .collect();
        let bad = Err;
        assert_eq!(
            told,
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
    fn a_line_goes_where_its_machine_is() {
        let mut hosts = Hosts::default();
        let named = DhcpHost { name: Some(b"pc".to_vec()), ..DhcpHost::default() };
        hosts.add(named, &Origin::default_value());
        let first = hosts.count();
        let say = |hosts: &mut Hosts, line: &str| {
            merge_into(hosts, ether(line.as_bytes()).unwrap(), first, &Origin::default_value())
        };
        assert!(say(&mut hosts, "52:54:00:00:00:01 pc"));
        assert_eq!((hosts.count(), &hosts.lines()[0].macs[0].bytes[5]), (1, &1));
        assert!(say(&mut hosts, "52:54:00:00:00:01 10.0.0.9"));
        assert_eq!((hosts.count(), hosts.lines()[0].address), (1, Some([10, 0, 0, 9].into())));
        assert_eq!(hosts.lines()[0].macs[0].hardware_type, Some(ETHERNET.into()));
        assert!(say(&mut hosts, "52:54:00:00:00:02 other"));
        assert!(!say(&mut hosts, "52:54:00:00:00:03 other"), "twice");
        assert_eq!(hosts.count(), 2);
    }
}
