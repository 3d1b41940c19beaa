//! The requests of clients as bytes, and what their answers say about them.

use crate::common::boot_rom::parse_request;

/// A port that the server listens on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Port {
    Dhcp,
    Pxe,
    Tftp,
}

pub const PORTS: [Port; 3] = [Port::Dhcp, Port::Pxe, Port::Tftp];

/// The file names of probes begin with this. There are no such files: the answer is an error with the name.
const PROBE: &str = "probe-";

impl Port {
    pub fn number(self) -> u16 {
        match self {
            Self::Dhcp => 67,
            Self::Pxe => 4011,
            Self::Tftp => 69,
        }
    }
}

/// A request of a BIOS client without an address, which receives broadcasts only. `number` is the transaction id.
pub fn discover(number: u32, machine: u32) -> Vec<u8> {
    numbered(parse_request("DISCOVER flags=8000").bytes, number, machine)
}

/// The request to port 4011 of a client with this address.
pub fn pxe_request(number: u32, machine: u32, address: &str) -> Vec<u8> {
    numbered(parse_request(&format!("REQUEST port=4011 ciaddr={address}")).bytes, number, machine)
}

fn numbered(mut bytes: Vec<u8>, number: u32, machine: u32) -> Vec<u8> {
    bytes[4..8].copy_from_slice(&number.to_be_bytes());
    bytes[30..34].copy_from_slice(&machine.to_be_bytes());
    bytes
}

/// The number of the request that a reply is for; `None`: it is no reply.
pub fn number_of_reply(bytes: &[u8]) -> Option<u32> {
    let id = bytes.get(4..)?.first_chunk()?;
    (bytes[0] == 2).then_some(u32::from_be_bytes(*id))
}

/// A TFTP request for a file that does not exist.
pub fn absent_file(number: u32) -> Vec<u8> {
    format!("\0\x01{PROBE}{number}\0octet\0").into_bytes()
}

/// The number of the request that an error is for.
pub fn number_of_error(bytes: &[u8]) -> Option<u32> {
    let text = std::str::from_utf8(bytes.get(4..)?).ok()?;
    let (_, rest) = text.split_once(PROBE)?;
    rest.split(|letter: char| !letter.is_ascii_digit()).next()?.parse().ok()
}
