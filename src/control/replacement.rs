//! The messages between a server and the process that replaces it, on one connection of the control socket.
//!
//! ```text
//! new ─► server  Replace (a request)
//!        server ─► new  Offer, with descriptors: sockets that listen, the control socket, and others     or Refused
//! new ─► server  Prepared: everything that can fail is done
//!        server ─► new  Go: the server does not read the sockets any more
//! new ─► server  Serving: the new process reads them
//! ```
//!
//! If the connection is closed before `Serving`, the server serves as before. After it, the connection stays open: it is the link by
//! which the server reaches a process that it has replaced, until that one has finished its transfers. The next server gets the
//! descriptors of all links.

use crate::status::Counters;
use serde::{Deserialize, Serialize};
use std::net::{IpAddr, SocketAddr};

/// A message.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    /// All messages except datagrams.
    Control(Control),
    /// A datagram on port 69 that may belong to a transfer of the replaced process (`tftp-single-port`).
    Datagram(ForwardedDatagram),
}

/// A message without a datagram.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "message", rename_all = "snake_case")]
pub enum Control {
    /// What the new process can take over. With it the message has a descriptor for each entry of `descriptors`. More than
    /// [`MAX_DESCRIPTORS`] come in several messages.
    Offer(Offer),
    /// The server cannot be replaced now: a sentence for the user.
    Refused {
        /// The sentence.
        reason: String,
        /// Whether it may succeed if it is tried again soon.
        #[serde(default)]
        is_temporary: bool,
    },
    /// The new process could serve now.
    Prepared {
        /// Its process id.
        pid: u32,
    },
    /// The server does not read the sockets any more.
    Go(Box<HandOver>),
    /// The new process reads the sockets.
    Serving,
    /// To the server: a process that was replaced has finished its transfers. What it has counted, and what the processes before
    /// it have counted.
    Finished {
        /// What was counted.
        counters: Box<Counters>,
    },
    /// To a replaced process: a connection of the control socket that is for it. The message has its descriptor.
    Connection,
    /// To a replaced process: the server has ended, with this exit code.
    Ended {
        /// The exit code.
        code: u8,
    },
    /// To a replaced process: the log file was moved.
    ReopenLog,
    /// To the server: a signal that the process which waits has received.
    Signal {
        /// Its name without `SIG`: `TERM`, `HUP`, `USR1`, `USR2`, `INT`.
        name: String,
    },
    /// A message of another version of the program.
    #[serde(other)]
    Unknown,
}

/// What the new process can take over.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Offer {
    /// The process id of the server.
    pub pid: u32,
    /// Its version.
    pub version: String,
    /// The meaning of the descriptors of this message, in their order.
    pub descriptors: Vec<Descriptor>,
    /// Whether another `Offer` follows.
    pub more: bool,
    /// Whether the replaced process needs datagrams of port 69 that are for its transfers (`tftp-single-port`).
    pub needs_datagrams: bool,
}

/// What the new process has to know of the processes that were replaced before.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct HandOver {
    /// What those have counted that have finished before this one.
    pub earlier_counters: Counters,
    /// The process ids of those that have finished, and only wait for the end of the server.
    pub finished: Vec<u32>,
}

/// The meaning of a descriptor.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Descriptor {
    /// A socket for DHCP on all addresses.
    Dhcp {
        /// Its port: 67, or that of `dhcp-alternate-port`, or 4011.
        port: u16,
        /// The interface that it is bound to.
        #[serde(default)]
        device: Option<String>,
    },
    /// A socket for TFTP requests.
    Tftp {
        /// Its address.
        address: SocketAddr,
    },
    /// The control socket.
    ControlSocket,
    /// The socket to the service manager. The new process is the main process of the service.
    ServiceManager,
    /// Standard error, if the log is written there.
    StandardError,
    /// The link to a process that was replaced earlier.
    Link {
        /// Its process id.
        pid: u32,
        /// Whether it needs datagrams of port 69.
        #[serde(default)]
        needs_datagrams: bool,
    },
    /// A descriptor of another version of the program. It is closed.
    #[serde(other)]
    Unknown,
}

/// A datagram on port 69.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedDatagram {
    /// Address and port of the client.
    pub peer: SocketAddr,
    /// The address of this machine that it was sent to.
    pub local: IpAddr,
    /// The index of the interface that received it.
    pub interface: u32,
    /// The datagram.
    pub bytes: Vec<u8>,
}

/// Descriptors in one message, at most.
pub const MAX_DESCRIPTORS: usize = 200;
/// Bytes of a message, at most: an `Offer` with [`MAX_DESCRIPTORS`] addresses, or a datagram.
pub const MAX_MESSAGE_LEN: usize = 72 * 1024;

/// The first byte of a message.
mod kind {
    pub const CONTROL: u8 = b'J';
    pub const DATAGRAM: u8 = b'D';
}

impl Message {
    /// The bytes of the message.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            // No field has a type that JSON cannot represent.
            Self::Control(control) => {
                [&[kind::CONTROL], &serde_json::to_vec(control).unwrap_or_default()[..]].concat()
            }
            Self::Datagram(datagram) => datagram.encode(),
        }
    }

    /// The message of these bytes; `None`: it is malformed.
    pub fn decode(bytes: &[u8]) -> Option<Self> {
        match bytes.split_first()? {
            (&kind::CONTROL, json) => serde_json::from_slice(json).ok().map(Self::Control),
            (&kind::DATAGRAM, rest) => ForwardedDatagram::decode(rest).map(Self::Datagram),
            _ => None,
        }
    }
}

impl ForwardedDatagram {
    /// Interface, length of the addresses, addresses as text, datagram.
    fn encode(&self) -> Vec<u8> {
        let addresses = format!("{} {}", self.peer, self.local);
        let length = u8::try_from(addresses.len()).unwrap_or_default();
        let mut bytes = vec![kind::DATAGRAM];
        bytes.extend(self.interface.to_le_bytes());
        bytes.push(length);
        bytes.extend(&addresses.as_bytes()[..length.into()]);
        bytes.extend(&self.bytes);
        bytes
    }

    fn decode(bytes: &[u8]) -> Option<Self> {
        let (interface, rest) = bytes.split_first_chunk()?;
        let (length, rest) = rest.split_first()?;
        let (addresses, bytes) = rest.split_at_checked((*length).into())?;
        let (peer, local) = std::str::from_utf8(addresses).ok()?.split_once(' ')?;
        Some(Self {
            peer: peer.parse().ok()?,
            local: local.parse().ok()?,
            interface: u32::from_le_bytes(*interface),
            bytes: bytes.to_vec(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offer() -> Offer {
        Offer {
            pid: 12,
            version: "0.1.0".to_owned(),
            descriptors: vec![
                Descriptor::Dhcp { port: 67, device: Some("eth0".to_owned()) },
                Descriptor::Tftp { address: "[fe80::1%3]:69".parse().unwrap() },
                Descriptor::ControlSocket,
                Descriptor::Link { pid: 7, needs_datagrams: true },
            ],
            more: false,
            needs_datagrams: true,
        }
    }

    fn hand_over() -> HandOver {
        let earlier_counters = Counters { offers: 3, ..Counters::default() };
        HandOver { earlier_counters, finished: vec![7] }
    }

    #[test]
    fn message_is_decoded_as_it_was_encoded() {
        let datagram = ForwardedDatagram {
            peer: "[fe80::2%3]:2070".parse().unwrap(),
            local: "fe80::1".parse().unwrap(),
            interface: 3,
            bytes: vec![0, 4, 0, 1],
        };
        for message in [
            Message::Control(Control::Offer(offer())),
            Message::Control(Control::Prepared { pid: 5 }),
            Message::Control(Control::Go(Box::new(hand_over()))),
            Message::Control(Control::Signal { name: "HUP".to_owned() }),
            Message::Datagram(datagram),
        ] {
            assert_eq!(Message::decode(&message.encode()), Some(message));
        }
    }

    #[test]
    fn unknown_messages_and_descriptors_are_accepted_and_malformed_ones_are_not() {
        let decoded = |json: &str| Message::decode(format!("J{json}").as_bytes());
        assert_eq!(decoded(r#"{"message":"new","x":1}"#), Some(Message::Control(Control::Unknown)));
        let offer = decoded(r#"{"message":"offer","pid":1,"descriptors":[{"kind":"x","y":2}]}"#);
        let Some(Message::Control(Control::Offer(offer))) = offer else { panic!("{offer:?}") };
        assert_eq!(offer.descriptors, [Descriptor::Unknown]);
        for bytes in [&b""[..], b"J", b"J{}", b"X", b"D\0\0\0\0\x09a", b"D\0\0\0\0\x03a b"] {
            assert_eq!(Message::decode(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn offer_with_all_descriptors_fits_into_a_message() {
        let address = "[fe80:1111:2222:3333:4444:5555:6666:7777%4294967295]:69".parse().unwrap();
        let descriptors = vec![Descriptor::Tftp { address }; MAX_DESCRIPTORS];
        let message = Message::Control(Control::Offer(Offer { descriptors, ..offer() }));
        assert!(message.encode().len() < MAX_MESSAGE_LEN / 2);
    }
}
