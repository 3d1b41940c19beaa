//! TFTP transfers of a capture.

use super::transfer::{End, Transfer};
use crate::capture::Datagram;
use crate::wire::tftp::Inbound;
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

const TFTP_PORT: u16 = 69;
/// A transfer without datagrams for this time has ended. Servers and clients repeat a datagram several times before.
const IDLE_TIMEOUT: Duration = Duration::from_secs(20);
/// Time between two searches for idle transfers.
const SEARCH_INTERVAL: Duration = Duration::from_secs(1);
/// Limits the memory for a capture of any length.
const MAX_TRANSFERS: usize = 1024;
/// Opcodes of servers: DATA, ERROR, OACK.
const SERVER_OPCODES: [[u8; 2]; 3] = [[0, 3], [0, 5], [0, 6]];

/// The transfers that have not ended, by the address and port of the client.
#[derive(Debug, Default)]
pub struct Transfers {
    running: HashMap<SocketAddr, Transfer>,
    last_search: Duration,
    /// The capture has datagrams of a TFTP server.
    pub has_replies: bool,
}

/// A transfer that has ended.
#[derive(Debug)]
pub struct Ended {
    /// The client.
    pub client: IpAddr,
    /// The transfer.
    pub transfer: Transfer,
    /// How it ended.
    pub end: End,
}

impl Transfers {
    /// Adds a datagram. Returns the transfers that have ended, in the order of their last datagrams.
    pub fn add(&mut self, datagram: &Datagram<'_>) -> Vec<Ended> {
        let mut ended = datagram.time.map_or_else(Vec::new, |now| self.take_idle(now));
        let Datagram { from, to, bytes, .. } = *datagram;
        if to.port() == TFTP_PORT
            && let Some(Inbound::Read { file: Some(file), .. }) = Inbound::parse(bytes)
        {
            ended.extend(self.add_request(datagram, file));
        } else if let Some(transfer) = self.running.get_mut(&to) {
            let is_reply = SERVER_OPCODES.iter().any(|opcode| bytes.starts_with(opcode));
            if is_reply && *transfer.peer.get_or_insert(from) == from {
                self.has_replies = true;
                transfer.last = datagram.time;
                let end = transfer.add_reply(bytes, datagram.len);
                ended.extend(end.and_then(|end| self.take(to, end)));
            }
        } else if let Some(transfer) = self.running.get_mut(&from)
            && transfer.peer == Some(to)
        {
            transfer.last = datagram.time;
            let end = transfer.add_acknowledgement(bytes);
            ended.extend(end.and_then(|end| self.take(from, end)));
        }
        ended
    }

    /// The transfers that have not ended at the end of the capture.
    pub fn finish(mut self, now: Option<Duration>) -> Vec<Ended> {
        let mut ended = now.map_or_else(Vec::new, |now| self.take_idle(now));
        let rest = self.take_all(|_, _| true);
        let is_running = |end: &End| matches!(end, End::ClientSilent | End::ServerSilent);
        ended.extend(rest.into_iter().map(|one| match one.end {
            ref end if is_running(end) => Ended { end: End::CaptureEnds, ..one },
            _ => one,
        }));
        ended
    }

    fn add_request(&mut self, datagram: &Datagram<'_>, file: &[u8]) -> Vec<Ended> {
        let Datagram { from, to, time, .. } = *datagram;
        if let Some(same) = self.running.get_mut(&from).filter(|same| same.repeats(file)) {
            same.requests += 1;
            same.last = time;
            return Vec::new();
        }
        // Some clients do not acknowledge the last block.
        let is_over = |client: &SocketAddr, transfer: &Transfer| {
            *client == from || client.ip() == from.ip() && transfer.is_sent()
        };
        let mut ended = self.take_all(is_over);
        if self.running.len() >= MAX_TRANSFERS {
            ended.extend(self.take_oldest());
        }
        self.running.insert(from, Transfer::new(file, to, time));
        ended
    }

    fn take_idle(&mut self, now: Duration) -> Vec<Ended> {
        if now.saturating_sub(self.last_search) < SEARCH_INTERVAL {
            return Vec::new();
        }
        self.last_search = now;
        let is_idle = |last: Duration| now.saturating_sub(last) > IDLE_TIMEOUT;
        self.take_all(|_, transfer| transfer.last.is_some_and(is_idle))
    }

    fn take_oldest(&mut self) -> Option<Ended> {
        let oldest = self.running.iter().min_by_key(|(_, transfer)| transfer.last);
        let client = *oldest?.0;
        self.take_all(|other, _| *other == client).pop()
    }

    fn take(&mut self, client: SocketAddr, end: End) -> Option<Ended> {
        let transfer = self.running.remove(&client)?;
        Some(Ended { client: client.ip(), transfer, end })
    }

    /// Removes transfers whose end is not in the capture.
    fn take_all(&mut self, mut is_over: impl FnMut(&SocketAddr, &Transfer) -> bool) -> Vec<Ended> {
        let taken = self.running.extract_if(|client, transfer| is_over(client, transfer));
        let mut ended: Vec<Ended> = taken
            .map(|(client, transfer)| Ended {
                client: client.ip(),
                end: transfer.end_without_last_datagram(),
                transfer,
            })
            .collect();
        ended.sort_by_key(|one| one.transfer.last);
        ended
    }
}

#[test]
fn oldest_transfer_ends_when_there_are_too_many() {
    let mut transfers = Transfers::default();
    let mut ended = Vec::new();
    for port in 2000..4000_u16 {
        let from = ([10, 0, 0, 9], port).into();
        let to = ([10, 0, 0, 1], TFTP_PORT).into();
        let (time, bytes) = (Some(Duration::from_millis(port.into())), &b"\0\x01a\0octet\0"[..]);
        ended.extend(transfers.add(&Datagram { time, from, to, bytes, len: bytes.len() }));
    }
    assert_eq!((transfers.running.len(), ended.len()), (MAX_TRANSFERS, 2000 - MAX_TRANSFERS));
    assert_eq!(ended[0].transfer.start, Some(Duration::from_secs(2)));
}
