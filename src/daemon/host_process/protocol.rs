//! The messages between the packet process and the host process. Each end checks every byte: the other end may be
//! compromised.

use crate::net::NeighbourEntry;
use std::net::Ipv4Addr;

/// A request of the packet process.
///
/// number (4), kind (1), content; numbers in native byte order.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    /// The number that the answer has too.
    pub number: u32,
    /// What is requested; `None`: the message is malformed.
    pub action: Option<Action>,
}

/// What the host process does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Adds a neighbour entry: interface (4), address (4), hardware type (1), hardware address (1–14).
    AddNeighbour(Ipv4Addr, NeighbourEntry),
    /// Adds an entry that the limit of the table does not count, and removes it at the end. The content is the same; the
    /// address may be 255.255.255.255.
    KeepNeighbour(Ipv4Addr, NeighbourEntry),
    /// Binds the sockets of the message to the interface again.
    BindSockets,
}

/// A message of the host process.
///
/// kind (1), content.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Report {
    /// It is confined, and serves: its restrictions, for the log.
    Ready(String),
    /// It does not start: exit code (1) and error.
    Failed(u8, String),
    /// The answer to a request: its number (4) and an error number (4), 0 for success.
    Answer(u32, i32),
    /// A datagram of another DHCP server: source address (4) and payload.
    Reply(Ipv4Addr, Vec<u8>),
}

/// The largest request, with a byte more, so that a longer one is not taken for a shorter one.
pub const MAX_REQUEST_LEN: usize = 5 + 9 + MAX_MAC_LEN + 1;
/// Bytes of a hardware address in an ARP request of Linux (`struct sockaddr`).
const MAX_MAC_LEN: usize = 14;

mod request_kind {
    pub const ADD_NEIGHBOUR: u8 = b'n';
    pub const KEEP_NEIGHBOUR: u8 = b'k';
    pub const BIND_SOCKETS: u8 = b'b';
}

mod report_kind {
    pub const READY: u8 = b'r';
    pub const FAILED: u8 = b'f';
    pub const ANSWER: u8 = b'a';
    pub const REPLY: u8 = b'd';
}

impl Request {
    /// The message for this request.
    pub fn encode(number: u32, action: &Action) -> Vec<u8> {
        let mut message = number.to_ne_bytes().to_vec();
        let (kind, neighbour) = match action {
            Action::AddNeighbour(address, client) => {
                (request_kind::ADD_NEIGHBOUR, Some((address, client)))
            }
            Action::KeepNeighbour(address, client) => {
                (request_kind::KEEP_NEIGHBOUR, Some((address, client)))
            }
            Action::BindSockets => (request_kind::BIND_SOCKETS, None),
        };
        message.push(kind);
        if let Some((address, client)) = neighbour {
            message.extend_from_slice(&client.interface.to_ne_bytes());
            message.extend_from_slice(&address.octets());
            message.push(client.hardware_type);
            message.extend_from_slice(&client.mac);
        }
        message
    }

    /// The request in a message; `None`: it has no number, so it cannot be answered.
    pub fn decode(message: &[u8]) -> Option<Self> {
        let (number, rest) = message.split_first_chunk()?;
        let action = match rest {
            [request_kind::ADD_NEIGHBOUR, content @ ..] => neighbour(content)
                .filter(|(address, _)| has_neighbour_entry(*address))
                .map(|(address, client)| Action::AddNeighbour(address, client)),
            [request_kind::KEEP_NEIGHBOUR, content @ ..] => neighbour(content)
                .filter(|(address, _)| has_neighbour_entry(*address) || address.is_broadcast())
                .map(|(address, client)| Action::KeepNeighbour(address, client)),
            [request_kind::BIND_SOCKETS] => Some(Action::BindSockets),
            _ => None,
        };
        Some(Self { number: u32::from_ne_bytes(*number), action })
    }
}

fn neighbour(content: &[u8]) -> Option<(Ipv4Addr, NeighbourEntry)> {
    let (interface, rest) = content.split_first_chunk()?;
    let (address, rest) = rest.split_first_chunk::<4>()?;
    let (&hardware_type, mac) = rest.split_first()?;
    let (interface, address) = (u32::from_ne_bytes(*interface), Ipv4Addr::from(*address));
    let is_index = (1..=i32::MAX.cast_unsigned()).contains(&interface);
    let is_mac = (1..=MAX_MAC_LEN).contains(&mac.len());
    let client = NeighbourEntry { interface, hardware_type, mac: mac.to_vec() };
    (is_index && is_mac).then_some((address, client))
}

/// Whether an address can be that of one host on a link.
pub fn has_neighbour_entry(address: Ipv4Addr) -> bool {
    !(address.is_unspecified()
        || address.is_broadcast()
        || address.is_multicast()
        || address.is_loopback())
}

impl Report {
    /// The message for this report.
    pub fn encode(&self) -> Vec<u8> {
        match self {
            Self::Ready(text) => [&[report_kind::READY], text.as_bytes()].concat(),
            Self::Failed(code, error) => [&[report_kind::FAILED, *code], error.as_bytes()].concat(),
            Self::Answer(number, error) => {
                [&[report_kind::ANSWER][..], &number.to_ne_bytes(), &error.to_ne_bytes()].concat()
            }
            Self::Reply(from, bytes) => [&[report_kind::REPLY][..], &from.octets(), bytes].concat(),
        }
    }

    /// The report in a message; `None`: it is malformed.
    pub fn decode(message: &[u8]) -> Option<Self> {
        match message {
            [report_kind::READY, text @ ..] => {
                Some(Self::Ready(String::from_utf8_lossy(text).into_owned()))
            }
            [report_kind::FAILED, code, error @ ..] => {
                Some(Self::Failed(*code, String::from_utf8_lossy(error).into_owned()))
            }
            [report_kind::ANSWER, content @ ..] => {
                let (number, error) = content.split_first_chunk()?;
                let error = i32::from_ne_bytes(error.try_into().ok()?);
                Some(Self::Answer(u32::from_ne_bytes(*number), error))
            }
            [report_kind::REPLY, content @ ..] => {
                let (from, bytes) = content.split_first_chunk::<4>()?;
                Some(Self::Reply(Ipv4Addr::from(*from), bytes.to_vec()))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(interface: u32, mac_len: usize) -> NeighbourEntry {
        NeighbourEntry { interface, hardware_type: 1, mac: vec![2; mac_len] }
    }

    fn kept(address: [u8; 4], client: NeighbourEntry) -> Option<Action> {
        let message = Request::encode(7, &Action::KeepNeighbour(address.into(), client));
        Request::decode(&message).expect("it has a number").action
    }

    fn decoded(address: [u8; 4], client: NeighbourEntry) -> Option<Action> {
        let message = Request::encode(7, &Action::AddNeighbour(address.into(), client));
        Request::decode(&message).expect("it has a number").action
    }

    #[test]
    fn request_is_decoded_as_encoded() {
        let client = entry(3, 6);
        let add = Action::AddNeighbour([10, 0, 0, 9].into(), client.clone());
        assert_eq!(decoded([10, 0, 0, 9], client.clone()), Some(add));
        for address in [[10, 0, 0, 9], [255; 4]] {
            let keep = Action::KeepNeighbour(address.into(), client.clone());
            assert_eq!(kept(address, client.clone()), Some(keep));
        }
        let bind = Request::encode(8, &Action::BindSockets);
        let expected = Request { number: 8, action: Some(Action::BindSockets) };
        assert_eq!(Request::decode(&bind), Some(expected));
    }

    #[test]
    fn neighbour_with_invalid_index_mac_or_address_is_refused() {
        let host = [10, 0, 0, 9];
        for (interface, mac_len) in [(0, 6), (1 << 31, 6), (u32::MAX, 6), (1, 0), (1, 15)] {
            assert_eq!(decoded(host, entry(interface, mac_len)), None, "{interface} {mac_len}");
        }
        for address in [[0; 4], [255; 4], [224, 0, 0, 1], [239, 1, 1, 1], [127, 0, 0, 1]] {
            assert_eq!(decoded(address, entry(1, 6)), None, "{address:?}");
            assert_eq!(kept(address, entry(1, 6)).is_some(), address == [255; 4], "{address:?}");
        }
        assert!(decoded(host, entry(1, 14)).is_some());
        let longest = Request::encode(0, &Action::AddNeighbour(host.into(), entry(1, 14)));
        assert!(longest.len() < MAX_REQUEST_LEN);
    }

    #[test]
    fn report_is_decoded_as_encoded() {
        for report in [
            Report::Ready("Landlock 6".to_owned()),
            Report::Failed(5, "no".to_owned()),
            Report::Answer(7, 22),
            Report::Reply([10, 0, 0, 8].into(), b"payload".to_vec()),
        ] {
            assert_eq!(Report::decode(&report.encode()), Some(report));
        }
    }

    #[test]
    fn arbitrary_bytes_are_decoded_without_panic() {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            state.to_be_bytes()[0]
        };
        let (mut requests, mut reports) = (0, 0);
        for round in 0..50_000_usize {
            let mut message: Vec<u8> = (0..round % 40).map(|_| next()).collect();
            // Half of the messages have a known kind.
            let kinds = [b"nkb", b"faa"][round % 2];
            for at in [0, 4] {
                if let Some(byte) = message.get_mut(at).filter(|_| round % 4 < 2) {
                    *byte = kinds[usize::from(next()) % 3];
                }
            }
            requests +=
                usize::from(Request::decode(&message).is_some_and(|it| it.action.is_some()));
            reports += usize::from(Report::decode(&message).is_some());
        }
        assert!(requests > 100 && reports > 1000, "{requests} {reports}");
    }
}
