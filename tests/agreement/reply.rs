//! The part of a DHCP reply that a firmware reads (RFC 2131, 2132; PXE 2.1, section 2.2).

use std::net::Ipv4Addr;

#[derive(Clone, Debug, Default)]
pub struct Reply {
    pub siaddr: u32,
    /// Option 54.
    pub server_id: u32,
    /// The field `file`, else option 67.
    pub file: String,
    /// Option 60.
    pub vendor_class: Vec<u8>,
    /// Option 43.
    pub vendor_options: Vec<u8>,
    /// PXE discovery control (item 6 of option 43).
    pub discovery_control: u8,
    /// Types and texts of the menu (item 9).
    pub menu: Vec<(u16, String)>,
    /// Types and first addresses of the boot servers (item 8).
    pub servers: Vec<(u16, Ipv4Addr)>,
}

impl Reply {
    /// `None` if the datagram is not a reply.
    pub fn read(bytes: &[u8]) -> Option<Self> {
        if bytes.first() != Some(&2) || bytes.get(236..240)? != [99, 130, 83, 99] {
            return None;
        }
        let number = |value: &[u8]| value.first_chunk::<4>().map_or(0, |b| u32::from_be_bytes(*b));
        let text = |value: &[u8]| {
            let end = value.iter().position(|byte| *byte == 0).unwrap_or(value.len());
            String::from_utf8_lossy(&value[..end]).into_owned()
        };
        let mut reply = Self {
            siaddr: number(&bytes[20..24]),
            file: text(&bytes[108..236]),
            ..Self::default()
        };
        for (code, value) in items(&bytes[240..]) {
            match code {
                43 => reply.vendor_options.extend(value),
                54 => reply.server_id = number(value),
                60 => reply.vendor_class = value.to_vec(),
                67 if reply.file.is_empty() => reply.file = text(value),
                _ => {}
            }
        }
        reply.read_vendor_options();
        Some(reply)
    }

    fn read_vendor_options(&mut self) {
        let bytes = self.vendor_options.clone();
        for (code, value) in items(&bytes) {
            match code {
                6 => self.discovery_control = value.first().copied().unwrap_or(0),
                8 => self.servers.extend(servers(value)),
                9 => self.menu.extend(entries(value)),
                _ => {}
            }
        }
    }

    /// PXE 2.1, section 2.2.2: bit 3, with a boot file in the reply, suppresses the menu.
    pub fn has_file_without_menu(&self) -> bool {
        !self.file.is_empty() && (self.discovery_control & 8 != 0 || self.menu.is_empty())
    }
}

fn items(mut bytes: &[u8]) -> Vec<(u8, &[u8])> {
    let mut items = Vec::new();
    loop {
        match bytes {
            [0, rest @ ..] => bytes = rest,
            [255, ..] | [] | [_] => return items,
            [code, length, rest @ ..] => {
                let (value, tail) = rest.split_at(usize::from(*length).min(rest.len()));
                items.push((*code, value));
                bytes = tail;
            }
        }
    }
}

fn entries(mut bytes: &[u8]) -> Vec<(u16, String)> {
    let mut entries = Vec::new();
    while let [high, low, length, rest @ ..] = bytes {
        let (text, tail) = rest.split_at(usize::from(*length).min(rest.len()));
        let kind = u16::from_be_bytes([*high, *low]);
        entries.push((kind, String::from_utf8_lossy(text).into_owned()));
        bytes = tail;
    }
    entries
}

fn servers(mut bytes: &[u8]) -> Vec<(u16, Ipv4Addr)> {
    let mut servers = Vec::new();
    while let [high, low, count, rest @ ..] = bytes {
        let (addresses, tail) = rest.split_at((usize::from(*count) * 4).min(rest.len()));
        let first = addresses.first_chunk::<4>().map(|octets| Ipv4Addr::from(*octets));
        servers.extend(first.map(|ip| (u16::from_be_bytes([*high, *low]), ip)));
        bytes = tail;
    }
    servers
}
