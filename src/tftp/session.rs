//! One client and what it is being sent: the transfer says which blocks, the source makes them.

use super::admission::fairness::SlotTicket;
use super::admission::pending::CLIENT_RETRY_INTERVAL;
use super::block_source::{BlockSource, RenderResult};
use super::files::{FileId, Files};
use super::start::code;
use super::timers::TimerHandle;
use super::transfer::{Action, Event, Outcome, Transfer};
use crate::boot_monitor::event::ClientEvent;
use crate::boot_monitor::event::CompletedTransfer;
use crate::effect::Effect;
use crate::log_line::{DecisionLine, Line, TftpLine};
use crate::net::{Batch, Datagram, EgressSocket, Interfaces};
use crate::time::Timestamp;
use crate::wire::option_display::printable;
use crate::wire::tftp::error;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// A client, and how it is answered.
#[derive(Clone, Debug)]
pub struct Peer {
    /// The socket.
    pub via: EgressSocket,
    /// Its address and port.
    pub peer: SocketAddr,
    /// The address it asked.
    pub local: IpAddr,
    /// The interface it asked over.
    pub interface: u32,
    /// Its address as the log shows it.
    pub address_text: String,
}

impl Peer {
    /// A datagram to it.
    pub fn send(&self, bytes: Vec<u8>) -> Effect {
        let (from, interface) = self.from();
        Effect::Send(Datagram {
            via: self.via,
            to: self.peer,
            from,
            interface,
            neighbour: None,
            bytes,
        })
    }

    /// Datagrams to it, of `segment` bytes each.
    fn send_batch(&self, bytes: Vec<u8>, segment: usize) -> Effect {
        let (from, interface) = self.from();
        Effect::SendBatch(Batch { via: self.via, to: self.peer, from, interface, segment, bytes })
    }

    /// Over port 69 the source address must be told.
    fn from(&self) -> (Option<IpAddr>, u32) {
        if matches!(self.via, EgressSocket::Tftp(_)) {
            (Some(self.local), self.interface)
        } else {
            (None, 0)
        }
    }
}

/// An address as the log shows it: one of a link with that link's name.
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

/// What of a name goes into texts: its printing characters.
pub fn sanitized(name: &[u8]) -> String {
    printable(name)
}

/// What sessions work with.
pub struct SessionIo<'a, F> {
    /// The files.
    pub files: &'a mut F,
    /// Buffers of what was sent before.
    pub buffers: &'a mut Vec<Vec<u8>>,
    /// What is to be done.
    pub effects: &'a mut Vec<Effect>,
}

impl<F> SessionIo<'_, F> {
    fn log(&mut self, line: TftpLine) {
        self.effects.push(Effect::Log(Line::Tftp(line)));
    }
}

/// A transfer under way and all it needs.
#[derive(Debug)]
pub struct Session {
    client: Peer,
    /// As it was opened.
    path: Vec<u8>,
    transfer: Transfer,
    source: BlockSource,
    oack: Option<Vec<u8>>,
    /// When it began, if its end is to be told.
    started_at: Option<Timestamp>,
    /// How it is counted among all; `None`: it is not yet.
    pub ticket: Option<SlotTicket>,
    /// Blocks to be sent: when all that has arrived is read, or when the disk has them.
    unsent: Option<Range<u64>>,
    /// Blocks that were sent last.
    last_sent: Range<u64>,
    /// From which offset of the file on it waits for the disk.
    awaiting_disk_at: Option<u64>,
    /// When the server looks after it.
    pub timer: TimerHandle,
}

/// How a session stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// It goes on.
    Continue,
    /// It is over.
    Finished,
}

impl Session {
    /// A session that owes its first blocks.
    pub fn new(
        client: Peer,
        path: Vec<u8>,
        (transfer, first): (Transfer, Range<u64>),
        source: BlockSource,
        (oack, began): (Option<Vec<u8>>, Option<Timestamp>),
    ) -> Self {
        let (owed, waits, alarm) = (Some(first), None, TimerHandle::default());
        Self {
            client,
            path,
            transfer,
            source,
            oack,
            started_at: began,
            ticket: None,
            unsent: owed,
            last_sent: 0..0,
            awaiting_disk_at: waits,
            timer: alarm,
        }
    }

    /// Who it is with.
    pub fn peer(&self) -> SocketAddr {
        self.client.peer
    }

    /// The file that is sent.
    pub fn file(&self) -> FileId {
        self.source.file()
    }

    /// Whether there is something to send.
    pub fn has_unsent(&self) -> bool {
        self.unsent.is_some()
    }

    /// Whether it sends block by block.
    pub fn is_lockstep(&self) -> bool {
        self.transfer.is_lockstep()
    }

    /// The next moment at which something is due.
    pub fn deadline(&self) -> Timestamp {
        self.transfer.deadline()
    }

    /// When its client last had something new.
    pub fn progress(&self) -> Timestamp {
        self.transfer.progress()
    }

    /// Whether its first answer waits for the disk. A client that has heard nothing for some seconds asks once more.
    pub fn first_block_pending(&self, now: Timestamp) -> bool {
        self.awaiting_disk_at.is_some() && now < self.progress() + CLIENT_RETRY_INTERVAL
    }

    /// The part of its file that it waits for.
    pub fn awaiting_disk(&self) -> Option<(FileId, u64)> {
        Some((self.file(), self.awaiting_disk_at?))
    }

    /// Nothing more is sent for now.
    pub fn discard_unsent(&mut self) {
        self.unsent = None;
    }

    /// Takes an event. What it asks to send is owed from now on.
    pub fn on(&mut self, event: Event, now: Timestamp, effects: &mut Vec<Effect>) -> Progress {
        match self.transfer.on(event, now) {
            Action::Wait => Progress::Continue,
            Action::Send(blocks) => {
                self.unsent = Some(blocks);
                Progress::Continue
            }
            Action::Close(outcome) => {
                let (path, client) = (sanitized(&self.path), self.client.address_text.clone());
                let (line, sent) = match outcome {
                    Outcome::Sent => (TftpLine::Sent { path, client }, Some(self.sent())),
                    Outcome::TimedOut => (TftpLine::TimedOut { path, client }, None),
                };
                effects.push(Effect::Log(Line::Tftp(line)));
                effects.extend(sent.is_some().then(|| self.completion_line(now)).flatten());
                effects.extend(sent.map(Effect::RunScript));
                Progress::Finished
            }
        }
    }

    /// Somebody else has its place. A client that is there is told so.
    pub fn evict(&self, effects: &mut Vec<Effect>) {
        effects.push(Effect::Log(Line::Tftp(self.failed())));
        if self.ticket.is_some_and(SlotTicket::is_heard) {
            effects.push(self.client.send(error(code::UNDEFINED, "too many transfers")));
        }
        effects
            .push(Effect::Observe(ClientEvent::TransferEvicted { client: self.client.peer.ip() }));
    }

    /// The client has sent an error.
    pub fn client_error(&mut self, code: u16, text: &[u8], effects: &mut Vec<Effect>) {
        let (text, client) = (sanitized(text), self.client.address_text.clone());
        effects.push(Effect::Log(Line::Tftp(TftpLine::ClientError { code, text, client })));
        effects.push(Effect::Log(Line::Tftp(self.failed())));
    }

    /// Sends what is owed. A session whose `first` answer cannot be read has not begun, and so has not failed.
    pub fn flush(&mut self, first: bool, desk: &mut SessionIo<'_, impl Files>) -> Progress {
        let Some(blocks) = self.unsent.take() else { return Progress::Continue };
        self.awaiting_disk_at = None;
        if blocks.start == 0
            && let Some(oack) = &self.oack
        {
            desk.effects.push(self.client.send(oack.clone()));
            self.transfer.mark_sent(blocks.end);
            return Progress::Continue;
        }
        let mut datagrams = desk.buffers.pop().unwrap_or_default();
        datagrams.clear();
        match self.source.render(blocks.clone(), desk.files, &mut datagrams) {
            RenderResult::Added(last) => {
                last.into_iter().for_each(|block| self.transfer.set_last_block(block));
                self.transfer.mark_sent(blocks.end);
                desk.effects.push(self.client.send_batch(datagrams, self.source.segment()));
                self.last_sent = blocks;
                return Progress::Continue;
            }
            RenderResult::Pending(offset) => {
                self.transfer.mark_disk_wait();
                self.unsent = Some(blocks);
                desk.buffers.push(datagrams);
                self.awaiting_disk_at = Some(offset);
                return Progress::Continue;
            }
            RenderResult::Failed(reason) => {
                let line = TftpLine::Unreadable { path: sanitized(&self.path), reason };
                let bytes = error(code::UNDEFINED, &line.to_string());
                desk.log(line);
                desk.effects.push(self.client.send(bytes));
                desk.buffers.push(datagrams);
            }
        }
        if !first {
            desk.log(self.failed());
        }
        Progress::Finished
    }

    /// Of what was sent last so many datagrams found room; the rest is owed.
    pub fn mark_unsent(&mut self, gone: u64) {
        let from = self.last_sent.start + gone;
        self.transfer.mark_partly_sent(from);
        self.unsent = Some(from..self.last_sent.end);
    }

    /// The disk has what it has waited for.
    pub fn disk_ready(&mut self) {
        self.awaiting_disk_at = None;
    }

    /// How long it took.
    fn completion_line(&self, now: Timestamp) -> Option<Effect> {
        let line = DecisionLine::TransferEnded {
            path: sanitized(&self.path),
            client: self.client.address_text.clone(),
            size: self.source.size(),
            millis: now.0 - self.started_at?.0,
        };
        Some(Effect::LogLimited(self.client.peer.ip(), Line::Decision(line)))
    }

    fn sent(&self) -> CompletedTransfer {
        let (size, client) = (self.source.size(), self.client.peer.ip());
        CompletedTransfer { size, client, path: self.path.clone() }
    }

    fn failed(&self) -> TftpLine {
        TftpLine::Failed { path: sanitized(&self.path), client: self.client.address_text.clone() }
    }
}
