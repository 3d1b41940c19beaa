//! DHCP requests and other steps as text, as in the fixtures:
//! `REQUEST port=4011 arch=7 ciaddr=192.168.77.50 77=69505845`.

use super::tftp_text::{hex, unhex};
use std::net::{Ipv4Addr, SocketAddrV4};

/// A step of a fixture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// A client sends a datagram.
    Send(Request),
    /// `+ eth0 10.0.0.2/24`: the interface gets an address.
    AddAddress(String, String),
    /// `- eth0 10.0.0.2/24`: the interface loses an address.
    RemoveAddress(String, String),
    /// `reload`: SIGHUP.
    Reload,
    /// `wait 2`: seconds.
    Wait(u64),
}

/// A datagram of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The interface of the server that receives it.
    pub on: String,
    pub from: SocketAddrV4,
    pub to: SocketAddrV4,
    pub bytes: Vec<u8>,
}

const SERVER: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 1);
const CLIENT: Ipv4Addr = Ipv4Addr::new(192, 168, 77, 50);
const MAC: &str = "525400aabb01";
const MESSAGES: [&str; 8] =
    ["DISCOVER", "OFFER", "REQUEST", "DECLINE", "ACK", "NAK", "RELEASE", "INFORM"];

/// Parses a step.
pub fn step(text: &str) -> Step {
    let words: Vec<&str> = text.split(' ').collect();
    match words[..] {
        ["+", interface, address] => Step::AddAddress(interface.to_owned(), address.to_owned()),
        ["-", interface, address] => Step::RemoveAddress(interface.to_owned(), address.to_owned()),
        ["reload"] => Step::Reload,
        ["wait", seconds] => Step::Wait(seconds.parse().expect("seconds")),
        _ => Step::Send(build(words[0], &words[1..])),
    }
}

/// A request under construction.
struct Draft {
    frame: Vec<u8>,
    options: Vec<(u8, Vec<u8>)>,
    /// Bytes after the end option; for `FRAME` the whole datagram.
    tail: Vec<u8>,
    on: String,
    from: Option<SocketAddrV4>,
    to: Option<Ipv4Addr>,
    port: u16,
    end: bool,
}

fn build(verb: &str, words: &[&str]) -> Request {
    let mut draft = Draft {
        frame: vec![0; 240],
        options: Vec::new(),
        tail: Vec::new(),
        on: "eth0".to_owned(),
        from: None,
        to: None,
        port: 67,
        end: true,
    };
    match verb {
        "FRAME" => (draft.frame, draft.end) = (Vec::new(), false),
        "BOOTP" => draft.client(None),
        verb => {
            let message_type = MESSAGES.iter().position(|name| *name == verb);
            let message_type = message_type.unwrap_or_else(|| panic!("no such step: {verb}"));
            draft.client(Some(u8::try_from(message_type + 1).expect("few messages")));
        }
    }
    for word in words {
        draft.word(word);
    }
    draft.finish()
}

impl Draft {
    /// The defaults: a BIOS PXE client that accepts 1472 bytes.
    fn client(&mut self, message: Option<u8>) {
        self.frame[..3].copy_from_slice(&[1, 1, 6]);
        self.frame[4..8].copy_from_slice(&[0x2a, 0x3b, 0x4c, 0x5d]);
        self.frame[28..34].copy_from_slice(&unhex(MAC));
        self.frame[236..].copy_from_slice(&[0x63, 0x82, 0x53, 0x63]);
        let uuid = std::iter::once(0).chain(16..32).collect();
        self.options = vec![(57, vec![5, 0xc0]), (97, uuid), (93, vec![0, 0])];
        self.options.push((60, b"PXEClient".to_vec()));
        self.options.splice(0..0, message.map(|message| (53, vec![message])));
    }

    fn word(&mut self, word: &str) {
        let (name, value) = word.split_once('=').unwrap_or_else(|| panic!("{word}: name=value"));
        let address = |value: &str| value.parse::<Ipv4Addr>().expect("an address").octets();
        match name {
            "on" => value.clone_into(&mut self.on),
            "from" => self.from = Some(value.parse().expect("an address and port")),
            "to" => self.to = Some(value.parse().expect("an address")),
            "port" => self.port = value.parse().expect("a port"),
            "arch" if value == "none" => self.options.retain(|(code, _)| *code != 93),
            "arch" => self.set(93, value.parse::<u16>().expect("a number").to_be_bytes().to_vec()),
            "class" if value == "none" => self.options.retain(|(code, _)| *code != 60),
            "class" => self.set(60, value.as_bytes().to_vec()),
            "xid" => self.put(4, &unhex(value)),
            "secs" => self.put(8, &unhex(value)),
            "flags" => self.put(10, &unhex(value)),
            "ciaddr" => self.put(12, &address(value)),
            "yiaddr" => self.put(16, &address(value)),
            "siaddr" => self.put(20, &address(value)),
            "giaddr" => self.put(24, &address(value)),
            "mac" => self.put(28, &unhex(&value.replace(':', ""))),
            "sname" => self.put(44, &unhex(value)),
            "file" => self.put(108, &unhex(value)),
            "cookie" => self.put(236, &unhex(value)),
            "op" => self.put(0, &unhex(value)),
            "htype" => self.put(1, &unhex(value)),
            "hlen" => self.put(2, &unhex(value)),
            "end" => self.end = value != "none",
            "tail" => self.tail = unhex(value),
            "cut" => self.frame.truncate(value.parse().expect("a size")),
            code => {
                let code = code.parse().unwrap_or_else(|_| panic!("{code}: no such word"));
                self.options.retain(|(ciaddr_or_default, _)| {
                    *ciaddr_or_default != code || !matches!(code, 53 | 57 | 97)
                });
                if value != "none" {
                    self.options.push((code, unhex(value)));
                }
            }
        }
    }

    fn set(&mut self, code: u8, value: Vec<u8>) {
        self.options.retain(|(ciaddr_or_default, _)| *ciaddr_or_default != code);
        self.options.push((code, value));
    }

    fn put(&mut self, at: usize, bytes: &[u8]) {
        self.frame[at..at + bytes.len()].copy_from_slice(bytes);
    }

    fn finish(mut self) -> Request {
        let ciaddr = self.frame.get(12..16).map_or(Ipv4Addr::UNSPECIFIED, |octets| {
            Ipv4Addr::from(*octets.first_chunk::<4>().expect("four bytes"))
        });
        if self.frame.len() == 240 {
            for (code, value) in &self.options {
                let size = u8::try_from(value.len()).expect("a short option");
                self.frame.extend([*code, size]);
                self.frame.extend(value);
            }
            self.frame.extend(self.end.then_some(255));
        }
        self.frame.extend(self.tail);
        let ciaddr_or_default =
            if ciaddr.is_unspecified() && self.port == 4011 { CLIENT } else { ciaddr };
        let default =
            SocketAddrV4::new(ciaddr_or_default, if self.port == 4011 { 4011 } else { 68 });
        let from = self.from.unwrap_or(default);
        let is_broadcast = from.ip().is_unspecified();
        let default = if is_broadcast { Ipv4Addr::BROADCAST } else { SERVER };
        let to = SocketAddrV4::new(self.to.unwrap_or(default), self.port);
        Request { on: self.on, from, to, bytes: self.frame }
    }
}

impl Request {
    /// The request as a step with all its bytes in hexadecimal.
    pub fn to_text(&self) -> String {
        let Self { on, from, to, bytes } = self;
        format!("FRAME on={on} from={from} to={} port={} tail={}", to.ip(), to.port(), hex(bytes))
    }
}

#[test]
fn request_is_unchanged_after_conversion_to_text() {
    let Step::Send(request) = step("REQUEST port=4011 arch=7 ciaddr=10.0.0.9 43=470480000000")
    else {
        panic!()
    };
    assert_eq!((request.from, request.to.port()), ("10.0.0.9:4011".parse().unwrap(), 4011));
    assert_eq!(step(&request.to_text()), Step::Send(request));
}
