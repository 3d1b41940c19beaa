//! Random DHCP requests, valid and invalid.

use super::configuration::{MACS, NAMES};
use crate::common::random::Random;
use crate::common::request::Request;
use std::net::{Ipv4Addr, SocketAddrV4};

const MAGIC: [u8; 4] = [0x63, 0x82, 0x53, 0x63];
const OPTIONS: usize = 240;

/// A random datagram with this transaction ID.
pub fn random_request(
    random: &mut Random,
    number: u32,
    relayed: bool,
    servers: &[Ipv4Addr],
) -> Request {
    let port = random.of(&[67, 4011]);
    let mut draft = Draft { random, bytes: vec![0; OPTIONS] };
    let ciaddr = draft.head(relayed);
    draft.options();
    draft.overload();
    draft.mutate();
    let mut bytes = draft.bytes;
    if let Some(xid) = bytes.get_mut(4..8) {
        xid.copy_from_slice(&number.to_be_bytes());
    }
    let on = random.of(&["eth0", "eth0", "eth0", "eth1"]).to_owned();
    let (from, to) = ends(random, ciaddr, port, relayed, servers);
    Request { on, from, to, bytes }
}

fn ends(
    random: &mut Random,
    ciaddr: Ipv4Addr,
    port: u16,
    relayed: bool,
    servers: &[Ipv4Addr],
) -> (SocketAddrV4, SocketAddrV4) {
    let source = random.of(&[68, 68, 68, 4011, 4011, 1067, 40000]);
    let known = !ciaddr.is_unspecified() || port == 4011 || relayed;
    let sender = match random.below(8) {
        0 => Ipv4Addr::new(10, 0, 0, 66),
        _ if known && ciaddr.is_unspecified() => Ipv4Addr::new(10, 0, 0, 9),
        _ => ciaddr,
    };
    let broadcast = sender.is_unspecified() || servers.is_empty() || random.once_in(4);
    let to = if broadcast { Ipv4Addr::BROADCAST } else { random.of(servers) };
    (SocketAddrV4::new(sender, source), SocketAddrV4::new(to, port))
}

struct Draft<'r> {
    random: &'r mut Random,
    bytes: Vec<u8>,
}

impl Draft<'_> {
    /// Fills the fixed fields and returns the address of the client.
    fn head(&mut self, relayed: bool) -> Ipv4Addr {
        let random = &mut *self.random;
        let odd = random.once_in(6);
        let hlen = if odd { random.of(&[0, 16, 15, 17, 1, 6]) } else { 6 };
        let htype = if odd { random.of(&[0, 6, 24, 1]) } else { 1 };
        let broadcast = random.of(&[0, 0x80]);
        let ciaddr = match random.below(6) {
            0..=2 => Ipv4Addr::UNSPECIFIED,
            3 => Ipv4Addr::new(10, 1, 0, 9),
            4 => Ipv4Addr::new(10, 0, 0, random.byte()),
            _ => Ipv4Addr::new(10, 0, 0, 9),
        };
        let giaddr =
            random.of(&["10.0.0.200", "10.9.0.1", "192.168.5.1", "10.3.0.9", "172.16.0.1"]);
        let mac = random.of(MACS);
        self.bytes[..3].copy_from_slice(&[1, htype, hlen]);
        self.bytes[10] = broadcast;
        self.bytes[12..16].copy_from_slice(&ciaddr.octets());
        if relayed {
            let giaddr: Ipv4Addr = giaddr.parse().expect("an address");
            self.bytes[24..28].copy_from_slice(&giaddr.octets());
        }
        for (at, digits) in mac.split(':').enumerate() {
            self.bytes[28 + at] = u8::from_str_radix(digits, 16).expect("hex");
        }
        self.bytes[236..].copy_from_slice(&MAGIC);
        ciaddr
    }

    fn options(&mut self) {
        let mut options: Vec<(u8, Vec<u8>)> = Vec::new();
        let random = &mut *self.random;
        if !random.once_in(20) {
            let odd = random.once_in(12);
            let kinds: &[u8] = if odd { &[4, 7, 2, 0, 99] } else { &[1, 1, 1, 3, 3, 3, 8] };
            options.push((53, vec![random.of(kinds)]));
        }
        if !random.once_in(12) {
            let class =
                if random.once_in(4) { random.of(CLASSES) } else { b"PXEClient:Arch:00007" };
            options.push((60, class.to_vec()));
        }
        if !random.once_in(12) {
            let arch = random.of(&[0, 0, 0, 6, 7, 7, 7, 9, 11, 16, 99]);
            let more = if random.once_in(6) { vec![0, arch, 0, 7] } else { vec![0, arch] };
            options.push((93, more));
        }
        for _ in 0..random.below(7) {
            options.push(option(random));
        }
        if random.once_in(3) {
            let count = options.len();
            options.rotate_left(random.below(count + 1));
        }
        for (code, value) in options {
            self.bytes.extend([code, value.len().to_le_bytes()[0]]);
            self.bytes.extend(value);
        }
        if !self.random.once_in(12) {
            self.bytes.push(255);
        }
        if self.random.once_in(3) {
            let size = self.bytes.len().max(300);
            self.bytes.resize(size, 0);
        }
    }

    /// Options in `file` and `sname` (RFC 2131, section 4.1).
    fn overload(&mut self) {
        if !self.random.once_in(12) {
            return;
        }
        for (at, size) in [(108, 128), (44, 64)] {
            let (code, mut value) = option(self.random);
            value.truncate(size - 3);
            self.bytes[at..at + 2].copy_from_slice(&[code, value.len().to_le_bytes()[0]]);
            self.bytes[at + 2..at + 2 + value.len()].copy_from_slice(&value);
            self.bytes[at + 2 + value.len()] = self.random.of(&[255, 0]);
        }
        let overload = [52, 1, self.random.of(&[1, 2, 3, 0])];
        self.bytes.splice(OPTIONS..OPTIONS, overload);
    }

    /// Changes, removes and inserts bytes.
    fn mutate(&mut self) {
        if !self.random.once_in(4) {
            return;
        }
        for _ in 0..=self.random.below(3) {
            let at = match self.random.below(4) {
                0 => self.random.below(OPTIONS),
                _ => OPTIONS + self.random.below((self.bytes.len() - OPTIONS).max(1)),
            };
            match self.random.below(5) {
                0 => self.bytes.truncate(at),
                1 => self.bytes.insert(at.min(self.bytes.len()), 0),
                _ if at < self.bytes.len() => self.bytes[at] = self.random.byte(),
                _ => {}
            }
            if self.bytes.len() < OPTIONS {
                return;
            }
        }
    }
}

const CLASSES: &[&[u8]] = &[
    b"PXEClient",
    b"PXEClient:Arch:00000:UNDI:002001",
    b"PXEClient:Arch:00007:UNDI:003016",
    b"PXEClient:Arch:00007",
    b"PXEClient",
    b"PXEClient",
    b"HTTPClient:Arch:00016",
    b"PXE",
    b"MSFT 5.0",
    b"",
    b"xPXEClient",
    b"PXEClient\0Arch",
];
const ITEMS: &[&[u8]] = &[
    &[71, 4, 0x80, 0, 0, 0],
    &[71, 4, 0x80, 0, 0, 0],
    &[71, 4, 0x80, 1, 0, 0],
    &[71, 4, 0x80, 0, 0, 3],
    &[71, 4, 0x80, 0, 0x80, 0],
    &[71, 4, 0, 1, 0, 0],
    &[71, 4, 0x90, 0, 0, 0],
    &[71, 3, 0x80, 0, 0],
    &[0, 0, 71, 4, 0x80, 0, 0, 1, 255],
    &[6, 1, 8, 71, 5, 0x80, 0, 0, 0, 9],
    &[255, 71, 4, 0x80, 0, 0, 0],
];
const RELAYS: &[&[u8]] = &[
    b"\x01\x05port1",
    b"\x01\x02\x01\x02\x02\x02r1",
    b"\x05\x04\x0a\x00\x00\x05",
    b"\x05\x04\x0a\x09\x00\x05",
    b"\x06\x02r1\x0b\x04\x0a\x00\x00\x01",
    b"\x01\x09x",
    b"\x0b\x04\x0a\x00\x00\x4d\x02\x02\x01\x02",
];
const OTHERS: &[(u8, &[u8])] = &[
    (77, b"iPXE"),
    (77, b"\x04iPXE"),
    (77, b"\x01a\x04gPXE"),
    (77, b"\x05iPXE"),
    (77, b""),
    (175, &[1, 1, 1]),
    (175, &[0xb1, 4, 1, 2, 3, 4]),
    (55, &[1, 3, 43, 60, 66, 67]),
    (54, &[10, 0, 0, 1]),
    (61, b"cid"),
    (61, b"\0cid"),
    (61, &[1, 0x52, 0x54, 0, 0xaa, 0xbb, 1]),
    (61, &[1, 2, 3, 4]),
    (50, &[10, 0, 0, 50]),
    (50, &[10, 0]),
    (118, &[10, 0, 0, 7]),
    (118, &[192, 168, 5, 7]),
    (118, &[10, 9]),
    (124, b"\0\0\x01\x37\x08\x07MSFT 5."),
    (125, b"\0\0\x0d\xe9\x06\x01\x01a\x02\x01b"),
    (125, b"\0\0\x0d\xe9\x03\x01\x01a\0\0\x0d\xe9\x06\x01\x01a\x02\x01b"),
    (94, &[1, 3, 16]),
    (12, b"bad name"),
    (81, b"\x04\0\0\x02pc\x03lan\0"),
    (81, b"\0\0\0pc.lan"),
    (81, b"\0\0\0"),
    (81, b"\x04\0\0\x09pc"),
];

fn option(random: &mut Random) -> (u8, Vec<u8>) {
    match random.below(10) {
        0 => (97, [&[0], &[7; 16][..]].concat()[..random.of(&[17, 17, 17, 16, 1])].to_vec()),
        1 => {
            let size = random.of(&[0_u16, 27, 28, 300, 576, 600, 700, 1500, 9000, 65535]);
            (57, size.to_be_bytes().to_vec())
        }
        2..=3 => (43, random.of(ITEMS).to_vec()),
        4 => {
            let name = random.of(NAMES).as_bytes();
            (12, [name, if random.once_in(3) { &[0] } else { &[] }].concat())
        }
        5 => {
            let long = random.once_in(6).then(|| [vec![9, 200], vec![7; 200]].concat());
            (82, [random.of(RELAYS).to_vec(), long.unwrap_or_default()].concat())
        }
        6 if random.once_in(4) => {
            let size = random.below(40);
            (random.byte(), (0..size).map(|_| random.byte()).collect())
        }
        _ => {
            let (code, value) = random.of(OTHERS);
            (code, value.to_vec())
        }
    }
}
