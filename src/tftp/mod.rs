//! TFTP (RFC 1350 and its options): requests in, transfers held, effects out.
//!
//! ```text
//! Arrival ─ wire::tftp ─► Inbound ─ negotiate, path, Files ─► Session { Transfer: which blocks, Source: their bytes }
//! ```
//!
//! A transfer has a socket of its own, opened by the daemon before the request is looked at, or shares port 69.

mod accept;
pub mod admission;
mod block_source;
pub mod files;
pub mod negotiate;
pub mod path;
mod session;
mod session_table;
mod start;
#[cfg(test)]
mod tests;
mod timers;
pub mod transfer;

pub use accept::accepts;

use crate::boot_monitor::event::ClientEvent;
use crate::config::Tftp;
use crate::effect::Effect;
use crate::log_line::{Line, TftpLine};
use crate::net::{Datagram, EgressSocket, Interfaces, ReceivedDatagram};
use crate::time::Timestamp;
use crate::wire::tftp::{Inbound, error};
use admission::fairness::FairShare;
use admission::pending::{LookupCache, PendingRequest, PendingRequests};
use admission::queue::WaitQueue;
use admission::{close_if_dedicated, is_read_request};
use files::{DiskLookup, FileId, Files};
use session::{Progress, Session, SessionIo};
use session_table::SessionTable;
use start::StartResult;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use timers::{TimerHandle, Timers};
use transfer::Event;

/// All transfers under way.
#[derive(Debug, Default)]
pub struct Server {
    sessions: SessionTable,
    timers: Timers,
    /// Who waits for which part of which file.
    disk_waiters: HashMap<(FileId, u64), BTreeSet<usize>>,
    pending: PendingRequests,
    /// Who has the places, and who waits for one.
    fair_share: FairShare,
    queue: WaitQueue,
    /// When room for those who wait is looked for again.
    next_scan: Timestamp,
    /// Buffers of batches that were sent, for the next ones.
    buffers: Vec<Vec<u8>>,
}

/// Which socket a request is to be answered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReplySocket {
    /// One of its own, of that number.
    Dedicated(usize),
    /// The one it came to, of that number (`tftp-single-port`).
    Listener(usize),
}

/// The world around a request.
pub struct Context<'a, F> {
    /// What is configured.
    pub tftp: &'a Tftp,
    /// Where we are.
    pub interfaces: &'a Interfaces,
    /// The files.
    pub files: &'a mut F,
    /// What time it is.
    pub now: Timestamp,
}

/// Datagrams are cut there, and options behind are lost.
const MAX_REQUEST_LEN: usize = 2050;
/// Entries of timers that may be of transfers that are over, beside some for each that is not.
const MAX_TIMERS_PER_TURN: usize = 4096;

impl Server {
    /// The next moment at which [`Server::due`] may know somebody.
    pub fn deadline(&self) -> Option<Timestamp> {
        let look = (!self.queue.is_empty()).then_some(self.next_scan);
        self.timers.next().into_iter().chain(self.pending.deadline()).chain(look).min()
    }

    /// Takes the buffer of a batch that was sent.
    pub fn recycle_buffer(&mut self, buffer: Vec<u8>) {
        self.buffers.push(buffer);
    }

    /// A datagram on port 69. With [`Socket::Own`], that socket is closed unless a transfer starts.
    pub fn handle_request(
        &mut self,
        socket: ReplySocket,
        arrival: &ReceivedDatagram<'_>,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        self.start_or_dispatch(socket, arrival, &mut LookupCache::new(around.now), around, effects);
    }

    /// A request that had to wait.
    pub fn retry_request(
        &mut self,
        mut waited: PendingRequest,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        let socket = waited.socket;
        let (arrival, history) = waited.parts();
        self.start_or_dispatch(socket, &arrival, history, around, effects);
    }

    fn start_or_dispatch(
        &mut self,
        socket: ReplySocket,
        arrival: &ReceivedDatagram<'_>,
        history: &mut LookupCache,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        let arrival = ReceivedDatagram {
            bytes: &arrival.bytes[..arrival.bytes.len().min(MAX_REQUEST_LEN)],
            ..*arrival
        };
        let inbound = Inbound::parse(arrival.bytes);
        let mut anew = 0;
        if matches!(socket, ReplySocket::Listener(_))
            && let Some(id) = self.sessions.by_peer(arrival.peer)
        {
            match inbound {
                // A new request replaces the transfer, without a word.
                Some(Inbound::Read { .. }) => {
                    match self.restart_allowed(id, around.now) {
                        Some(times) => anew = times,
                        None => return,
                    }
                    self.close(id, around.files, &mut Vec::new());
                }
                Some(inbound) => {
                    self.handle_packet(id, inbound, around, effects);
                    return self.flush(id, false, around.files, effects);
                }
                None => return,
            }
        }
        let client = arrival.peer.ip();
        if matches!(socket, ReplySocket::Listener(_))
            && is_read_request(arrival.bytes)
            && !self.reserve_slot(client, around, effects)
        {
            return;
        }
        let via = match socket {
            ReplySocket::Dedicated(id) => EgressSocket::Transfer(id),
            ReplySocket::Listener(listener) => EgressSocket::Tftp(listener),
        };
        let started = inbound.map_or(StartResult::Done, |inbound| {
            start::start(inbound, via, &arrival, history, around, effects)
        });
        match started {
            StartResult::Session(session) => {
                let id = self.insert(socket, session, around.now, anew);
                self.flush(id, true, around.files, effects);
                // With a timeout of 0 the first repeat is due at once, before the client can say anything.
                self.apply_event(id, Event::Tick, around.now, around.files, effects);
                self.flush(id, false, around.files, effects);
            }
            StartResult::Done => effects.extend(close_if_dedicated(socket)),
            StartResult::Pending(awaited) => {
                let history = std::mem::replace(history, LookupCache::new(around.now));
                let before = self.pending.push(socket, &arrival, awaited, history);
                effects.extend(before.and_then(close_if_dedicated));
            }
        }
    }

    /// The requests that have waited for this: it is known now. Each is to be made again.
    pub fn take_resolved(&mut self, awaited: &DiskLookup) -> Vec<PendingRequest> {
        self.pending.take_resolved(awaited)
    }

    /// How many transfers there are.
    pub fn transfers(&self) -> usize {
        self.sessions.len()
    }

    /// Whether a transfer is under way.
    pub fn has(&self, id: usize) -> bool {
        self.sessions.get(id).is_some()
    }

    /// Whether a transfer sends block by block, so that one datagram is answered by one.
    pub fn is_lockstep(&self, id: usize) -> bool {
        self.sessions.get(id).is_some_and(Session::is_lockstep)
    }

    /// Ends a transfer whose client cannot be heard.
    pub fn abort(&mut self, id: usize, files: &mut impl Files, effects: &mut Vec<Effect>) {
        self.close(id, files, effects);
    }

    /// Of what a transfer was to send now, so many datagrams found room. The rest is owed.
    pub fn mark_unsent(&mut self, id: usize, gone: u64) {
        self.sessions.get_mut(id).into_iter().for_each(|session| session.mark_unsent(gone));
    }

    /// Datagrams that have come together on a transfer's own socket. Of several acknowledgements the last that moves
    /// the transfer is answered. Whether any has moved it.
    pub fn handle_datagrams<'d>(
        &mut self,
        id: usize,
        arrived: impl Iterator<Item = (SocketAddr, &'d [u8])>,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        for (peer, bytes) in arrived {
            let Some(session) = self.sessions.get(id) else { return true };
            if session.peer() != peer {
                let answers = !matches!(bytes, [0, 5, ..]);
                let told = reject_unknown_tid(EgressSocket::Transfer(id), peer, around.interfaces);
                effects.extend(told.into_iter().take(1 + usize::from(answers)));
            } else if let Some(inbound) = Inbound::parse(bytes) {
                self.handle_packet(id, inbound, around, effects);
            }
        }
        let moved = self.sessions.get(id).is_none_or(Session::has_unsent);
        self.flush(id, false, around.files, effects);
        moved
    }

    /// The transfers that have waited for this part of a file: it is there. Each is to be resumed.
    pub fn waiters_for(&mut self, file: FileId, offset: u64) -> BTreeSet<usize> {
        self.disk_waiters.remove(&(file, offset)).unwrap_or_default()
    }

    /// What a transfer has waited for is there.
    pub fn resume(&mut self, id: usize, files: &mut impl Files, effects: &mut Vec<Effect>) {
        self.sessions.get_mut(id).into_iter().for_each(Session::disk_ready);
        self.flush(id, false, files, effects);
    }

    /// A transfer for which something is due. To be given to [`Server::expire`].
    pub fn next_due(&mut self, now: Timestamp) -> Option<usize> {
        while let Some((id, when)) = self.timers.due(now) {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if session.timer.fires(when) {
                if session.deadline() <= now {
                    return Some(id);
                }
                self.timers.set(id, session.deadline(), &mut session.timer);
            }
        }
        None
    }

    /// Does what is due for a transfer.
    pub fn handle_timeout(
        &mut self,
        id: usize,
        now: Timestamp,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) {
        self.apply_event(id, Event::Tick, now, files, effects);
        self.flush(id, false, files, effects);
    }

    fn handle_packet(
        &mut self,
        id: usize,
        inbound: Inbound<'_>,
        around: &mut Context<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        match inbound {
            Inbound::Ack(block) => {
                self.mark_heard(id, effects);
                self.apply_event(id, Event::Ack(block), around.now, around.files, effects);
            }
            Inbound::Error { code, text } => {
                self.mark_heard(id, effects);
                if let Some(session) = self.sessions.get_mut(id) {
                    session.client_error(code, text, effects);
                }
                self.close(id, around.files, effects);
            }
            Inbound::Read { .. } | Inbound::Write | Inbound::Other(_) => {}
        }
    }

    fn apply_event(
        &mut self,
        id: usize,
        event: Event,
        now: Timestamp,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        // It was owed before, and never sent: the disk was slow.
        let owed = session.has_unsent();
        if session.on(event, now, effects) == Progress::Finished {
            return self.close(id, files, effects);
        }
        // What is sent again to somebody who may know nothing of it has a bound.
        let client = session.peer().ip();
        if !owed && session.ticket.is_some_and(|seat| !self.fair_share.may_retransmit(client, seat))
        {
            session.discard_unsent();
        }
    }

    /// Whether a transfer's client may ask anew, which may be somebody else who wants us to send much to it.
    fn restart_allowed(&self, id: usize, now: Timestamp) -> Option<u8> {
        self.sessions.get(id)?.ticket?.restart_allowed(now)
    }

    /// A client hears us, which is noted once.
    fn mark_heard(&mut self, id: usize, effects: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let client = session.peer().ip();
        let Some(seat) = &mut session.ticket else { return };
        if self.fair_share.mark_heard(id, client, seat) {
            effects.push(Effect::Observe(ClientEvent::FirstAck { client }));
        }
    }

    /// Sends what a transfer owes its client, and sees to it in time.
    fn flush(&mut self, id: usize, first: bool, files: &mut impl Files, effects: &mut Vec<Effect>) {
        let Self { sessions, buffers, timers, .. } = self;
        let Some(session) = sessions.get_mut(id) else { return };
        let mut desk = SessionIo { files, buffers, effects };
        let waited = session.awaiting_disk();
        let standing = session.flush(first, &mut desk);
        let waits = session.awaiting_disk();
        timers.set(id, session.deadline(), &mut session.timer);
        if waits != waited {
            self.unregister_waiter(id, waited);
            waits
                .into_iter()
                .for_each(|part| _ = self.disk_waiters.entry(part).or_default().insert(id));
        }
        if standing == Progress::Finished {
            self.close(id, files, effects);
        }
    }

    fn insert(
        &mut self,
        socket: ReplySocket,
        session: Box<Session>,
        now: Timestamp,
        anew: u8,
    ) -> usize {
        let client = session.peer();
        let id = match socket {
            ReplySocket::Dedicated(id) => {
                self.sessions.insert(id, session);
                id
            }
            ReplySocket::Listener(_) => {
                self.pending.forget(client);
                self.sessions.insert_shared(session)
            }
        };
        let seat = self.fair_share.add(id, client.ip(), now, anew);
        self.sessions.get_mut(id).into_iter().for_each(|session| session.ticket = Some(seat));
        id
    }

    fn close(&mut self, id: usize, files: &mut impl Files, effects: &mut Vec<Effect>) {
        let Some((session, own)) = self.sessions.remove(id) else { return };
        files.close(session.file());
        self.unregister_waiter(id, session.awaiting_disk());
        session
            .ticket
            .into_iter()
            .for_each(|seat| self.fair_share.remove(id, session.peer().ip(), seat));
        if own {
            effects.push(Effect::CloseSocket(id));
        }
        if self.timers.len() > MAX_TIMERS_PER_TURN + 4 * self.sessions.len() {
            self.timers = Timers::default();
            for (id, session) in self.sessions.all() {
                session.timer = TimerHandle::default();
                self.timers.set(id, session.deadline(), &mut session.timer);
            }
        }
        if self.sessions.len() == 0 {
            // Nobody is to be woken for what is over, and nothing is kept for what may never come.
            (self.timers, self.buffers) = (Timers::default(), Vec::new());
        }
    }

    /// A transfer is not to be woken for this part of a file.
    fn unregister_waiter(&mut self, id: usize, part: Option<(FileId, u64)>) {
        let Some(part) = part else { return };
        if let Entry::Occupied(mut waiting) = self.disk_waiters.entry(part) {
            waiting.get_mut().remove(&id);
            if waiting.get().is_empty() {
                waiting.remove();
            }
        }
    }
}

/// Whoever writes to a transfer of somebody else is told so (RFC 1350, section 4). An error is not answered: that may be the
/// answer of another server, which would answer this one.
fn reject_unknown_tid(via: EgressSocket, to: SocketAddr, interfaces: &Interfaces) -> [Effect; 2] {
    let line = TftpLine::WrongPort(session::log_address(&to, interfaces));
    let bytes = error(5, &line.to_string());
    let reply = Datagram { via, to, from: None, interface: 0, neighbour: None, bytes };
    [Effect::Log(Line::Tftp(line)), Effect::Send(reply)]
}
