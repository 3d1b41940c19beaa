//! A session: one client and the file that it is sent. [`Transfer`] decides which blocks are sent, [`BlockSource`] makes
//! their bytes.

mod sending;

use super::admission::SlotTicket;
use super::admission::pending::CLIENT_RETRY_INTERVAL;
use super::block_source::BlockSource;
use super::congestion::{Bound, Flight};
use super::counters::{Ending, SentData, TransferState};
use super::files::FileId;
use super::schedule::{Schedule, Ticket};
use super::timers::TimerHandle;
use super::transfer::{Action, Event, Outcome, Transfer};
use crate::boot_monitor::event::{ClientEvent, CompletedTransfer};
use crate::effect::Effect;
use crate::log_line::{DecisionLine, Line, TftpLine};
use crate::net::{Batch, Datagram, EgressSocket, Interfaces, ReceivedDatagram};
use crate::time::Timestamp;
use crate::wire::option_display::printable;
use crate::wire::tftp::{error, error_code};
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// A client, and how datagrams are sent to it.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The socket.
    pub via: EgressSocket,
    /// The address and port of the client.
    pub peer: SocketAddr,
    /// The address of this machine that the request was sent to.
    pub local: IpAddr,
    /// The index of the interface that received the request.
    pub interface: u32,
    /// The address of the client as log lines show it.
    pub address_text: String,
}

impl Peer {
    /// The sender of a datagram.
    pub fn new(via: EgressSocket, from: &ReceivedDatagram<'_>, interfaces: &Interfaces) -> Self {
        let ReceivedDatagram { peer, local, interface, .. } = *from;
        Self { via, peer, local, interface, address_text: log_address(&peer, interfaces) }
    }

    /// Sends a datagram to the client.
    pub fn send(&self, bytes: Vec<u8>) -> Effect {
        let (via, to, (from, interface)) = (self.via, self.peer, self.source());
        Effect::Send(Datagram { via, to, from, interface, neighbour: None, bytes })
    }

    /// Sends datagrams of `segment` bytes each. The last one may be shorter.
    fn send_batch(&self, bytes: Vec<u8>, segment: usize) -> Effect {
        let (via, to, (from, interface)) = (self.via, self.peer, self.source());
        Effect::SendBatch(Batch { via, to, from, interface, segment, bytes })
    }

    /// The source address and the interface, which a datagram from a socket for all addresses must name. The socket of a
    /// transfer is bound to them. The routing table decides about the interface of an error, except for a link-local address.
    fn source(&self) -> (Option<IpAddr>, u32) {
        let is_link_local = matches!(self.local, IpAddr::V6(ip) if ip.is_unicast_link_local());
        match self.via {
            EgressSocket::Tftp(_) => (Some(self.local), self.interface),
            EgressSocket::TftpErrors if is_link_local => (Some(self.local), self.interface),
            EgressSocket::TftpErrors => (Some(self.local), 0),
            EgressSocket::Transfer(_) | EgressSocket::Dhcp | EgressSocket::Pxe => (None, 0),
        }
    }
}

/// An address as log lines show it. An IPv6 address with a scope is followed by the name of the link.
pub fn log_address(peer: &SocketAddr, interfaces: &Interfaces) -> String {
    let ip = peer.ip();
    match peer {
        SocketAddr::V6(peer) if peer.scope_id() != 0 => {
            let link = interfaces.by_index(peer.scope_id());
            link.map_or_else(|| ip.to_string(), |link| format!("{ip}%{}", link.name))
        }
        _ => ip.to_string(),
    }
}

/// A file name as log lines and error texts show it: its printable characters.
pub fn sanitized(name: &[u8]) -> String {
    printable(name)
}

/// A session.
#[derive(Debug)]
pub struct Session {
    client: Peer,
    /// The path that was opened.
    path: Vec<u8>,
    transfer: Transfer,
    source: BlockSource,
    oack: Option<Vec<u8>>,
    /// When the transfer began. `None`: its duration is not logged.
    started_at: Option<Timestamp>,
    /// How the transfer is counted. `None`: it is not counted yet.
    pub ticket: Option<SlotTicket>,
    /// Blocks that are sent as soon as all received datagrams are handled and the disk has the blocks.
    unsent: Option<Range<u64>>,
    /// Blocks that were sent last.
    last_sent: Range<u64>,
    /// The bytes of the file in them.
    last_bytes: u64,
    /// What was sent.
    sent: SentData,
    /// The offset of the file that the session waits for, in bytes.
    awaiting_disk_at: Option<u64>,
    /// The timer of the transfer.
    pub timer: TimerHandle,
    /// The blocks in flight.
    flight: Flight,
    /// The session is in the schedule.
    pub schedule_ticket: Option<Ticket>,
    /// When the session was put into the schedule. `None`: its blocks were sent since, or are held because of the bound.
    pub held_since: Option<Timestamp>,
}

/// What a session is made of.
pub struct SessionParts {
    /// The client.
    pub client: Peer,
    /// The path that was opened.
    pub path: Vec<u8>,
    /// The transfer.
    pub transfer: Transfer,
    /// The blocks that are sent first.
    pub first: Range<u64>,
    /// The file.
    pub source: BlockSource,
    /// The OACK, if options were granted. It is block 0.
    pub oack: Option<Vec<u8>>,
    /// When the transfer began. `None`: its duration is not logged.
    pub started_at: Option<Timestamp>,
}

/// Whether a session goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Continue,
    /// It ends.
    Finished(Ending),
}

/// Whether the first datagram of a session is being sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// The transfer starts with this call. If the file cannot be read, no line reports a failed transfer.
    Starting,
    /// It was sent before.
    Running,
}

impl Session {
    /// A session whose first blocks are unsent.
    pub fn new(parts: SessionParts) -> Self {
        let SessionParts { client, path, transfer, first, source, oack, started_at } = parts;
        let flight = Flight::new(source.segment());
        Self {
            client,
            path,
            transfer,
            source,
            oack,
            started_at,
            ticket: None,
            unsent: Some(first),
            last_sent: 0..0,
            last_bytes: 0,
            sent: SentData::default(),
            awaiting_disk_at: None,
            timer: TimerHandle::default(),
            flight,
            schedule_ticket: None,
            held_since: None,
        }
    }

    /// The address and port of the client.
    pub fn peer(&self) -> SocketAddr {
        self.client.peer
    }

    /// The address of this machine that the request was sent to, and the index of its interface.
    pub fn local(&self) -> (IpAddr, u32) {
        (self.client.local, self.client.interface)
    }

    /// Sets the socket that sends the blocks.
    pub fn set_socket(&mut self, via: EgressSocket) {
        self.client.via = via;
    }

    /// The file.
    pub fn file(&self) -> FileId {
        self.source.file()
    }

    /// What was sent.
    pub fn sent(&self) -> SentData {
        self.sent
    }

    /// The bytes that the client has acknowledged. In netascii the number is not exact.
    pub fn acknowledged(&self) -> u64 {
        self.source.size() - self.source.remaining(self.transfer.unacknowledged())
    }

    /// The state of the transfer. `None`: it has not begun.
    pub fn state(&self) -> Option<TransferState<'_>> {
        Some(TransferState {
            client: self.client.peer.ip(),
            path: &self.path,
            size: self.source.size(),
            acknowledged: self.acknowledged(),
            since: self.ticket?.since(),
            progress: self.progress(),
            waits_for_disk: self.awaiting_disk_at.is_some(),
            repeated: self.sent.repeated,
        })
    }

    /// Whether there are blocks to send.
    pub fn has_unsent(&self) -> bool {
        self.unsent.is_some()
    }

    /// Whether each block is sent when the one before it is acknowledged.
    pub fn is_lockstep(&self) -> bool {
        self.transfer.is_lockstep()
    }

    /// The time of the next [`Event::Tick`].
    pub fn deadline(&self) -> Timestamp {
        self.transfer.deadline()
    }

    /// When the client has last acknowledged a new block.
    pub fn progress(&self) -> Timestamp {
        self.transfer.progress()
    }

    /// Whether the first block waits for the disk, and the client is likely to wait for it still.
    pub fn first_block_pending(&self, now: Timestamp) -> bool {
        self.awaiting_disk_at.is_some() && now < self.progress() + CLIENT_RETRY_INTERVAL
    }

    /// The file and the offset that the session waits for.
    pub fn awaiting_disk(&self) -> Option<(FileId, u64)> {
        Some((self.file(), self.awaiting_disk_at?))
    }

    /// Puts the session into the schedule, unless it is there. The rest of a window comes first: the client answers only the
    /// whole window.
    pub fn hold(&mut self, id: usize, schedule: &mut Schedule, now: Timestamp) {
        if self.schedule_ticket.is_none() {
            let next = || self.source.remaining(self.last_sent.end);
            let remaining = self.held_bytes().unwrap_or_else(next);
            self.schedule_ticket = Some(schedule.add(id, remaining, now));
            self.held_since = Some(now);
        }
    }

    /// Whether the session does not use port 69.
    pub fn has_own_socket(&self) -> bool {
        matches!(self.client.via, EgressSocket::Transfer(_))
    }

    /// Datagrams were received at `received`, and their answer is sent at `now`: the timers of the transfer begin at `now`.
    pub fn shift_timers(&mut self, received: Timestamp, now: Timestamp) {
        if now > received {
            self.transfer.mark_held(received, now);
        }
    }

    /// Drops the blocks that are to be sent.
    pub fn discard_unsent(&mut self) {
        self.unsent = None;
    }

    /// Handles an event. Blocks that it causes to be sent are unsent until [`Session::flush`].
    pub fn on(
        &mut self,
        event: Event,
        bound: &mut Bound,
        now: Timestamp,
        effects: &mut Vec<Effect>,
    ) -> Progress {
        // An ACK of a transfer that was held counts as received when that began.
        let received = self.held_since.unwrap_or(now);
        let action = self.transfer.on(event, received);
        self.flight.acknowledge(self.transfer.unacknowledged(), bound, received, now);
        if let Action::Send(blocks) = &action {
            self.flight.lose_from(blocks.start, self.client.peer.ip(), bound, now);
        }
        match action {
            Action::Wait => Progress::Continue,
            Action::Send(blocks) => {
                self.unsent = Some(blocks);
                Progress::Continue
            }
            Action::Close(outcome) => {
                self.report_end(outcome, now, effects);
                Progress::Finished(match outcome {
                    Outcome::Sent => Ending::Completed,
                    Outcome::TimedOut => Ending::Failed,
                })
            }
        }
    }

    fn report_end(&self, outcome: Outcome, now: Timestamp, effects: &mut Vec<Effect>) {
        let (path, client) = (sanitized(&self.path), self.client.address_text.clone());
        match outcome {
            Outcome::Sent => {
                effects.push(Effect::Log(Line::Tftp(TftpLine::Sent { path, client })));
                effects.extend(self.completion_line(now));
                effects.push(Effect::Observe(ClientEvent::TransferCompleted(self.completed())));
            }
            Outcome::TimedOut => {
                effects.push(Effect::Log(Line::Tftp(TftpLine::TimedOut { path, client })));
            }
        }
    }

    /// The transfer is ended for a request of `newcomer`. An error is sent if the client has answered, so it exists.
    pub fn evict(&self, newcomer: IpAddr, effects: &mut Vec<Effect>) {
        effects.push(Effect::Log(Line::Tftp(self.failed())));
        if self.ticket.is_some_and(SlotTicket::is_answered) {
            effects.push(self.client.send(error(error_code::UNDEFINED, "too many transfers")));
        }
        let client = self.client.peer.ip();
        let by_same_client = client == newcomer;
        effects.push(Effect::Observe(ClientEvent::TransferEvicted { client, by_same_client }));
    }

    /// The client has no socket for the transfer.
    pub fn report_unreachable(&self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Log(Line::Tftp(self.failed())));
    }

    /// The client has sent an ERROR.
    pub fn client_error(&mut self, code: u16, text: &[u8], effects: &mut Vec<Effect>) {
        let (text, client) = (sanitized(text), self.client.address_text.clone());
        effects.push(Effect::Log(Line::Tftp(TftpLine::ClientError { code, text, client })));
        effects.push(Effect::Log(Line::Tftp(self.failed())));
    }

    /// The disk has the blocks that the session waits for.
    pub fn disk_ready(&mut self) {
        self.awaiting_disk_at = None;
    }

    /// The `log-debug` line with the duration.
    fn completion_line(&self, now: Timestamp) -> Option<Effect> {
        let line = DecisionLine::TransferEnded {
            path: sanitized(&self.path),
            client: self.client.address_text.clone(),
            size: self.source.size(),
            millis: now.0 - self.started_at?.0,
        };
        Some(Effect::LogLimited(self.client.peer.ip(), Line::Decision(line)))
    }

    fn completed(&self) -> CompletedTransfer {
        let (size, client) = (self.source.size(), self.client.peer.ip());
        CompletedTransfer { size, client, path: self.path.clone() }
    }

    fn failed(&self) -> TftpLine {
        TftpLine::Failed { path: sanitized(&self.path), client: self.client.address_text.clone() }
    }
}
