//! A TFTP client (RFC 1350, 2347, 2348, 7440) with a socket of the kernel.

use super::lab::Host;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

/// What to download, and how.
#[derive(Clone, Copy)]
pub struct Download<'a> {
    pub server: &'a str,
    pub file: &'a str,
    pub blksize: usize,
    pub windowsize: usize,
    /// Time after which the last datagram is sent again.
    pub timeout: Duration,
    pub max_attempts: usize,
}

impl Download<'_> {
    /// A small file, with the options of UEFI firmware.
    pub const DEFAULT: Self = Self {
        server: "10.9.0.1:69",
        file: "small",
        blksize: 1468,
        windowsize: 1,
        timeout: Duration::from_millis(500),
        max_attempts: 40,
    };

    /// Downloads the file and calls `block` for each block, once and in order. The error is that of the server.
    pub fn get(self, host: &Host, block: impl FnMut(&[u8])) -> Result<(), String> {
        self.get_with(host.udp("10.9.0.2:0"), block)
    }

    /// Downloads the file into memory.
    pub fn bytes(self, host: &Host) -> Result<Vec<u8>, String> {
        let mut all = Vec::new();
        self.get(host, |block| all.extend_from_slice(block)).map(|()| all)
    }

    /// As [`get`](Self::get), with a given socket.
    pub fn get_with(self, socket: UdpSocket, mut block: impl FnMut(&[u8])) -> Result<(), String> {
        let Self { server, file, blksize, windowsize, timeout, max_attempts } = self;
        let request =
            format!("\0\x01{file}\0octet\0blksize\0{blksize}\0windowsize\0{windowsize}\0");
        let server: SocketAddr = server.parse().expect("an address");
        let mut client = Client { socket, peer: None, last: request.into_bytes(), server };
        client.socket.set_read_timeout(Some(timeout)).expect("a socket");
        let (mut buffer, mut wanted, mut in_window) = (vec![0; 65536], 1_u16, 0);
        client.send();
        let mut attempts_left = max_attempts;
        let mut sent_at = Instant::now();
        loop {
            let Some(datagram) = client.receive(&mut buffer)? else {
                attempts_left = attempts_left.checked_sub(1).ok_or("no answer")?;
                sent_at = Instant::now();
                client.send();
                continue;
            };
            match datagram {
                // A delayed OACK; the retransmission of the last datagram is due after the timeout.
                [0, 6, ..] if wanted > 1 => {}
                [0, 6, ..] => {
                    // The options are not parsed: if the server did not grant them, the download fails.
                    client.last = vec![0, 4, 0, 0];
                    client.send();
                }
                [0, 3, high, low, data @ ..] if u16::from_be_bytes([*high, *low]) == wanted => {
                    (attempts_left, sent_at) = (max_attempts, Instant::now());
                    client.last = vec![0, 4, *high, *low];
                    block(data);
                    (wanted, in_window) = (wanted.wrapping_add(1), in_window + 1);
                    let ends = data.len() < blksize;
                    if ends || in_window == windowsize {
                        in_window = 0;
                        client.send();
                    }
                    if ends {
                        return Ok(());
                    }
                }
                [0, 3, ..] => {
                    // A block is missing or was sent again.
                    if sent_at.elapsed() > timeout {
                        (in_window, sent_at) = (0, Instant::now());
                        client.send();
                    }
                }
                [0, 5, _, code, text @ ..] => {
                    return Err(format!("{code} {}", String::from_utf8_lossy(text)));
                }
                other => return Err(format!("{other:?}")),
            }
        }
    }
}

struct Client {
    socket: UdpSocket,
    server: SocketAddr,
    peer: Option<SocketAddr>,
    last: Vec<u8>,
}

impl Client {
    fn send(&self) {
        drop(self.socket.send_to(&self.last, self.peer.unwrap_or(self.server)));
    }

    /// The next datagram; `None` after the timeout.
    fn receive<'b>(&mut self, buffer: &'b mut [u8]) -> Result<Option<&'b [u8]>, String> {
        let received = loop {
            match self.socket.recv_from(buffer) {
                Err(fault) if fault.kind() == ErrorKind::Interrupted => {}
                received => break received,
            }
        };
        match received {
            Ok((size, from)) => {
                self.peer.get_or_insert(from);
                Ok(Some(&buffer[..size]))
            }
            Err(fault) if matches!(fault.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {
                Ok(None)
            }
            Err(fault) => Err(fault.to_string()),
        }
    }
}
