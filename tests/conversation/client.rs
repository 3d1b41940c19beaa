//! A simulated TFTP client (RFC 1350, 2347, 2348, 7440). It repeats its requests until it has the file, and compares each
//! block with the expected contents.

use super::disk::{FILES, contents};
use pxemasq::net::EgressSocket;

/// The file and the options of a read request.
#[derive(Clone, Copy)]
pub struct ReadRequest {
    pub file: usize,
    pub blksize: Option<usize>,
    pub windowsize: Option<usize>,
    pub netascii: bool,
    pub tsize: bool,
}

impl ReadRequest {
    /// Decodes 16 random bits.
    pub fn new(bits: u16) -> Self {
        let of = |shift: u16, all: &[Option<usize>]| all[usize::from(bits >> shift) % all.len()];
        Self {
            file: usize::from(bits & 7),
            blksize: of(
                3,
                &[None, Some(8), Some(100), Some(512), Some(1024), Some(1468), Some(60_000)],
            ),
            windowsize: of(6, &[None, Some(1), Some(2), Some(5), Some(64)]),
            netascii: (bits >> 9).is_multiple_of(8),
            tsize: bits >> 12 & 1 == 1,
        }
    }

    fn encode(&self) -> Vec<u8> {
        let mode = if self.netascii { "netascii" } else { "octet" };
        let option = |name: &str, value: Option<usize>| {
            value.map(|value| format!("{name}\0{value}\0")).unwrap_or_default()
        };
        let options = [
            option("tsize", self.tsize.then_some(0)),
            option("blksize", self.blksize),
            option("windowsize", self.windowsize),
        ];
        let file = FILES[self.file].0;
        format!("\0\x01{file}\0{mode}\0{}", options.concat()).into_bytes()
    }

    /// The bytes that the client must receive.
    fn expected(&self) -> Vec<u8> {
        let plain = contents(self.file);
        if !self.netascii {
            return plain;
        }
        let both = |byte: &u8| if *byte == b'\n' { vec![b'\r', b'\n'] } else { vec![*byte] };
        plain.iter().flat_map(both).collect()
    }
}

/// A client during a download.
pub struct Client {
    pub port: u16,
    pub address: u8,
    pub request: ReadRequest,
    expected: Vec<u8>,
    /// The socket of the server that sends the file; `None` before the first datagram.
    pub peer: Option<EgressSocket>,
    blksize: usize,
    windowsize: usize,
    got: Vec<u8>,
    /// Number of the last received block, and of the last acknowledged one.
    blocks: usize,
    acknowledged: usize,
    last: Vec<u8>,
    /// How many times `last` was sent.
    pub repeats: usize,
    pub done: bool,
}

impl Client {
    pub fn new(address: u8, port: u16, request: ReadRequest) -> Self {
        Self {
            port,
            address,
            request,
            expected: request.expected(),
            peer: None,
            blksize: 512,
            windowsize: 1,
            got: Vec::new(),
            blocks: 0,
            acknowledged: 0,
            last: request.encode(),
            repeats: 0,
            done: false,
        }
    }

    /// The datagram to send after a timeout: the request or the last ACK.
    pub fn retransmission(&mut self) -> Vec<u8> {
        self.repeats += 1;
        self.last.clone()
    }

    /// Checks a datagram that the server sends: each block has the bytes of the file and is within the window.
    ///
    /// # Panics
    /// If a check fails.
    pub fn check_sent(&mut self, bytes: &[u8]) {
        match bytes {
            [0, 3, high, low, data @ ..] => {
                let block = usize::from(u16::from_be_bytes([*high, *low]));
                let first = (block - 1) * self.blksize;
                let end = (first + self.blksize).min(self.expected.len());
                assert!(
                    block <= self.acknowledged + self.windowsize,
                    "block {block} is beyond the window"
                );
                assert_eq!(*data, self.expected[first..end], "block {block} has other bytes");
            }
            [0, 6, options @ ..] => self.check_options(options),
            [0, 5, ..] => {}
            other => panic!("the server sent {other:?}"),
        }
    }

    fn check_options(&mut self, options: &[u8]) {
        let words: Vec<&str> = options
            .split(|byte| *byte == 0)
            .map(|word| str::from_utf8(word).expect("text"))
            .collect();
        for pair in words.chunks_exact(2) {
            let value: usize = pair[1].parse().expect("a number");
            let within = |asked: Option<usize>| asked.is_some_and(|asked| value <= asked);
            match pair[0] {
                "blksize" => {
                    assert!(within(self.request.blksize));
                    self.blksize = value;
                }
                "windowsize" => {
                    assert!(within(self.request.windowsize));
                    self.windowsize = value;
                }
                "tsize" => assert!(self.request.tsize && value == FILES[self.request.file].1),
                other => panic!("the option {other} was not requested"),
            }
        }
    }

    /// Receives a datagram from `peer` and returns the reply.
    pub fn receive(&mut self, bytes: &[u8]) -> Option<Vec<u8>> {
        match bytes {
            [0, 6, ..] if self.blocks == 0 => Some(self.acknowledge()),
            [0, 3, high, low, data @ ..] => {
                let block = usize::from(u16::from_be_bytes([*high, *low]));
                if block != self.blocks + 1 {
                    // A block is missing, or this one is a duplicate.
                    return (block > self.blocks || self.windowsize == 1)
                        .then(|| self.acknowledge());
                }
                self.got.extend_from_slice(data);
                self.blocks = block;
                self.repeats = 0;
                let ends = data.len() < self.blksize;
                if ends {
                    assert!(self.got == self.expected, "the file has other bytes");
                    self.done = true;
                }
                let due = ends || block == self.acknowledged + self.windowsize;
                due.then(|| self.acknowledge())
            }
            _ => None,
        }
    }

    fn acknowledge(&mut self) -> Vec<u8> {
        self.acknowledged = self.blocks;
        let [.., high, low] = self.blocks.to_be_bytes();
        self.last = vec![0, 4, high, low];
        self.last.clone()
    }
}
