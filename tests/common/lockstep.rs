//! A TFTP client whose steps the test controls.

use super::lab::Host;
use std::io;
use std::net::{SocketAddr, UdpSocket};

const SERVER: &str = "10.9.0.1";
const BLOCK: usize = 1468;

/// Receives a datagram. A signal to the test process does not interrupt it.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> io::Result<(usize, SocketAddr)> {
    loop {
        match socket.recv_from(buffer) {
            Err(fault) if fault.kind() == io::ErrorKind::Interrupted => {}
            received => return received,
        }
    }
}

/// A TFTP client whose steps the test controls. It uses lockstep (RFC 1350).
pub struct LockstepClient {
    socket: UdpSocket,
    peer: SocketAddr,
    /// Number of the last block.
    block: u16,
    pub got: Vec<u8>,
}

impl LockstepClient {
    /// Sends a request and receives the OACK.
    pub fn ask(client: &Host, address: &str, file: &str) -> Result<Self, String> {
        let socket = client.udp(&format!("{address}:0"));
        let request = format!("\0\x01{file}\0octet\0blksize\0{BLOCK}\0");
        socket.send_to(request.as_bytes(), (SERVER, 69)).map_err(|fault| fault.to_string())?;
        let mut buffer = [0; 600];
        let (size, peer) = receive(&socket, &mut buffer).map_err(|fault| fault.to_string())?;
        match &buffer[..size] {
            [0, 6, ..] => Ok(Self { socket, peer, block: 0, got: Vec::new() }),
            other => Err(String::from_utf8_lossy(&other[4..]).into_owned()),
        }
    }

    /// Acknowledges the last block and receives the next one; `false` after the last block.
    pub fn step(&mut self) -> Result<bool, String> {
        self.acknowledge();
        loop {
            let (block, data) = self.receive()?;
            if block == self.block.wrapping_add(1) {
                self.block = block;
                self.got.extend_from_slice(&data);
                if data.len() < BLOCK {
                    self.acknowledge();
                }
                return Ok(data.len() == BLOCK);
            }
            // The block was sent again: the ACK was lost.
            self.acknowledge();
        }
    }

    /// Waits until the server sends the last block again, which was not acknowledged.
    pub fn wait_for_retransmission(&self) -> Result<(), String> {
        loop {
            if self.receive()?.0 == self.block {
                return Ok(());
            }
        }
    }

    /// Receives the rest of the file.
    pub fn finish(mut self) -> Result<Vec<u8>, String> {
        while self.step()? {}
        Ok(self.got)
    }

    fn acknowledge(&self) {
        let [high, low] = self.block.to_be_bytes();
        // During the fault the datagram is lost.
        drop(self.socket.send_to(&[0, 4, high, low], self.peer));
    }

    fn receive(&self) -> Result<(u16, Vec<u8>), String> {
        let mut buffer = [0; 2048];
        loop {
            let received = receive(&self.socket, &mut buffer);
            let (size, _) = received.map_err(|fault| fault.to_string())?;
            match &buffer[..size] {
                [0, 3, high, low, data @ ..] => {
                    return Ok((u16::from_be_bytes([*high, *low]), data.to_vec()));
                }
                [0, 5, _, _, text @ ..] => return Err(String::from_utf8_lossy(text).into_owned()),
                _ => {}
            }
        }
    }
}
