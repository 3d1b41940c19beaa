//! TFTP (RFC 1350 and its options): requests in, transfers held, effects out.
//!
//! ```text
//! Arrival ─ wire::tftp ─► Inbound ─ negotiate, path, Files ─► Session { Transfer: which blocks, Source: their bytes }
//! ```
//!
//! A transfer has a socket of its own, opened by the daemon before the request is looked at, or shares port 69.

mod admission;
mod blocks;
mod crowd;
pub mod files;
mod filter;
pub mod negotiate;
pub mod path;
mod queue;
mod request;
mod session;
mod sessions;
#[cfg(test)]
mod tests;
mod timers;
pub mod transfer;
pub mod undecided;

pub use filter::accepts;

use crate::config::Tftp;
use crate::effect::Effect;
use crate::log_line::{Line, TftpLine};
use crate::millis::Timestamp;
use crate::net::{ReceivedDatagram, Datagram, Interfaces, EgressSocket};
use crate::sight::ClientEvent;
use crate::wire::tftp::{Inbound, error};
use admission::{closing, is_read};
use crowd::Crowd;
use files::{Awaited, FileId, Files};
use queue::Queue;
use request::Started;
use session::{Desk, Session, Standing};
use sessions::Sessions;
use std::collections::hash_map::Entry;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use timers::{Alarm, Timers};
use transfer::Event;
use undecided::{History, Requests, Undecided};

/// All transfers under way.
#[derive(Debug, Default)]
pub struct Server {
    sessions: Sessions,
    timers: Timers,
    /// Who waits for which part of which file.
    waiting: HashMap<(FileId, u64), BTreeSet<usize>>,
    undecided: Requests,
    /// Who has the places, and who waits for one.
    crowd: Crowd,
    queue: Queue,
    /// When room for those who wait is looked for again.
    look: Timestamp,
    /// Buffers of batches that were sent, for the next ones.
    buffers: Vec<Vec<u8>>,
}

/// Which socket a request is to be answered by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Socket {
    /// One of its own, of that number.
    Own(usize),
    /// The one it came to, of that number (`tftp-single-port`).
    Shared(usize),
}

/// The world around a request.
pub struct Around<'a, F> {
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
const LONGEST_REQUEST: usize = 2050;
/// Entries of timers that may be of transfers that are over, beside some for each that is not.
const TIMERS: usize = 4096;

impl Server {
    /// The next moment at which [`Server::due`] may know somebody.
    pub fn deadline(&self) -> Option<Timestamp> {
        let look = (!self.queue.is_empty()).then_some(self.look);
        self.timers.next().into_iter().chain(self.undecided.deadline()).chain(look).min()
    }

    /// Takes the buffer of a batch that was sent.
    pub fn take_back(&mut self, buffer: Vec<u8>) {
        self.buffers.push(buffer);
    }

    /// A datagram on port 69. With [`Socket::Own`], that socket is closed unless a transfer starts.
    pub fn request(
        &mut self,
        socket: Socket,
        arrival: &ReceivedDatagram<'_>,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        self.answer(socket, arrival, &mut History::new(around.now), around, effects);
    }

    /// A request that had to wait.
    pub fn request_again(
        &mut self,
        mut waited: Undecided,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        let socket = waited.socket;
        let (arrival, history) = waited.parts();
        self.answer(socket, &arrival, history, around, effects);
    }

    fn answer(
        &mut self,
        socket: Socket,
        arrival: &ReceivedDatagram<'_>,
        history: &mut History,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        let arrival = ReceivedDatagram {
            bytes: &arrival.bytes[..arrival.bytes.len().min(LONGEST_REQUEST)],
            ..*arrival
        };
        let inbound = Inbound::parse(arrival.bytes);
        let mut anew = 0;
        if matches!(socket, Socket::Shared(_))
            && let Some(id) = self.sessions.with(arrival.peer)
        {
            match inbound {
                // A new request replaces the transfer, without a word.
                Some(Inbound::Read { .. }) => {
                    match self.asks_anew(id, around.now) {
                        Some(times) => anew = times,
                        None => return,
                    }
                    self.close(id, around.files, &mut Vec::new());
                }
                Some(inbound) => {
                    self.inbound(id, inbound, around, effects);
                    return self.settle(id, false, around.files, effects);
                }
                None => return,
            }
        }
        let client = arrival.peer.ip();
        if matches!(socket, Socket::Shared(_))
            && is_read(arrival.bytes)
            && !self.find_place(client, around, effects)
        {
            return;
        }
        let via = match socket {
            Socket::Own(id) => EgressSocket::Transfer(id),
            Socket::Shared(listener) => EgressSocket::Tftp(listener),
        };
        let started = inbound.map_or(Started::Nothing, |inbound| {
            request::start(inbound, via, &arrival, history, around, effects)
        });
        match started {
            Started::Session(session) => {
                let id = self.insert(socket, session, around.now, anew);
                self.settle(id, true, around.files, effects);
                // With a timeout of 0 the first repeat is due at once, before the client can say anything.
                self.event(id, Event::Tick, around.now, around.files, effects);
                self.settle(id, false, around.files, effects);
            }
            Started::Nothing => effects.extend(closing(socket)),
            Started::Undecided(awaited) => {
                let history = std::mem::replace(history, History::new(around.now));
                let before = self.undecided.keep(socket, &arrival, awaited, history);
                effects.extend(before.and_then(closing));
            }
        }
    }

    /// The requests that have waited for this: it is known now. Each is to be made again.
    pub fn decided(&mut self, awaited: &Awaited) -> Vec<Undecided> {
        self.undecided.decided(awaited)
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
    pub fn abandon(&mut self, id: usize, files: &mut impl Files, effects: &mut Vec<Effect>) {
        self.close(id, files, effects);
    }

    /// Of what a transfer was to send now, so many datagrams found room. The rest is owed.
    pub fn keep_rest(&mut self, id: usize, gone: u64) {
        self.sessions.get_mut(id).into_iter().for_each(|session| session.keep_rest(gone));
    }

    /// Datagrams that have come together on a transfer's own socket. Of several acknowledgements the last that moves
    /// the transfer is answered. Whether any has moved it.
    pub fn datagrams<'d>(
        &mut self,
        id: usize,
        arrived: impl Iterator<Item = (SocketAddr, &'d [u8])>,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        for (peer, bytes) in arrived {
            let Some(session) = self.sessions.get(id) else { return true };
            if session.peer() != peer {
                let answers = !matches!(bytes, [0, 5, ..]);
                let told = refuse_stranger(EgressSocket::Transfer(id), peer, around.interfaces);
                effects.extend(told.into_iter().take(1 + usize::from(answers)));
            } else if let Some(inbound) = Inbound::parse(bytes) {
                self.inbound(id, inbound, around, effects);
            }
        }
        let moved = self.sessions.get(id).is_none_or(Session::owes);
        self.settle(id, false, around.files, effects);
        moved
    }

    /// The transfers that have waited for this part of a file: it is there. Each is to be resumed.
    pub fn readable(&mut self, file: FileId, offset: u64) -> BTreeSet<usize> {
        self.waiting.remove(&(file, offset)).unwrap_or_default()
    }

    /// What a transfer has waited for is there.
    pub fn resume(&mut self, id: usize, files: &mut impl Files, effects: &mut Vec<Effect>) {
        self.sessions.get_mut(id).into_iter().for_each(Session::wakes);
        self.settle(id, false, files, effects);
    }

    /// A transfer for which something is due. To be given to [`Server::expire`].
    pub fn due(&mut self, now: Timestamp) -> Option<usize> {
        while let Some((id, when)) = self.timers.due(now) {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if session.alarm.rings(when) {
                if session.deadline() <= now {
                    return Some(id);
                }
                self.timers.set(id, session.deadline(), &mut session.alarm);
            }
        }
        None
    }

    /// Does what is due for a transfer.
    pub fn expire(
        &mut self,
        id: usize,
        now: Timestamp,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) {
        self.event(id, Event::Tick, now, files, effects);
        self.settle(id, false, files, effects);
    }

    fn inbound(
        &mut self,
        id: usize,
        inbound: Inbound<'_>,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        match inbound {
            Inbound::Ack(block) => {
                self.hears(id, effects);
                self.event(id, Event::Ack(block), around.now, around.files, effects);
            }
            Inbound::Error { code, text } => {
                self.hears(id, effects);
                if let Some(session) = self.sessions.get_mut(id) {
                    session.given_up(code, text, effects);
                }
                self.close(id, around.files, effects);
            }
            Inbound::Read { .. } | Inbound::Write | Inbound::Other(_) => {}
        }
    }

    fn event(
        &mut self,
        id: usize,
        event: Event,
        now: Timestamp,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        // It was owed before, and never sent: the disk was slow.
        let owed = session.owes();
        if session.on(event, now, effects) == Standing::Over {
            return self.close(id, files, effects);
        }
        // What is sent again to somebody who may know nothing of it has a bound.
        let client = session.peer().ip();
        if !owed && session.seat.is_some_and(|seat| !self.crowd.may_repeat(client, seat)) {
            session.owes_nothing();
        }
    }

    /// Whether a transfer's client may ask anew, which may be somebody else who wants us to send much to it.
    fn asks_anew(&self, id: usize, now: Timestamp) -> Option<u8> {
        self.sessions.get(id)?.seat?.asks_anew(now)
    }

    /// A client hears us, which is noted once.
    fn hears(&mut self, id: usize, effects: &mut Vec<Effect>) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let client = session.peer().ip();
        let Some(seat) = &mut session.seat else { return };
        if self.crowd.hears(id, client, seat) {
            effects.push(Effect::Observe(ClientEvent::FirstAck { client }));
        }
    }

    /// Sends what a transfer owes its client, and sees to it in time.
    fn settle(
        &mut self,
        id: usize,
        first: bool,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) {
        let Self { sessions, buffers, timers, .. } = self;
        let Some(session) = sessions.get_mut(id) else { return };
        let mut desk = Desk { files, buffers, effects };
        let waited = session.waits();
        let standing = session.settle(first, &mut desk);
        let waits = session.waits();
        timers.set(id, session.deadline(), &mut session.alarm);
        if waits != waited {
            self.wakes_no_more(id, waited);
            waits.into_iter().for_each(|part| _ = self.waiting.entry(part).or_default().insert(id));
        }
        if standing == Standing::Over {
            self.close(id, files, effects);
        }
    }

    fn insert(&mut self, socket: Socket, session: Box<Session>, now: Timestamp, anew: u8) -> usize {
        let client = session.peer();
        let id = match socket {
            Socket::Own(id) => {
                self.sessions.insert(id, session);
                id
            }
            Socket::Shared(_) => {
                self.undecided.forget(client);
                self.sessions.insert_shared(session)
            }
        };
        let seat = self.crowd.enters(id, client.ip(), now, anew);
        self.sessions.get_mut(id).into_iter().for_each(|session| session.seat = Some(seat));
        id
    }

    fn close(&mut self, id: usize, files: &mut impl Files, effects: &mut Vec<Effect>) {
        let Some((session, own)) = self.sessions.remove(id) else { return };
        files.close(session.file());
        self.wakes_no_more(id, session.waits());
        session.seat.into_iter().for_each(|seat| self.crowd.leaves(id, session.peer().ip(), seat));
        if own {
            effects.push(Effect::CloseSocket(id));
        }
        if self.timers.len() > TIMERS + 4 * self.sessions.len() {
            self.timers = Timers::default();
            for (id, session) in self.sessions.all() {
                session.alarm = Alarm::default();
                self.timers.set(id, session.deadline(), &mut session.alarm);
            }
        }
        if self.sessions.len() == 0 {
            // Nobody is to be woken for what is over, and nothing is kept for what may never come.
            (self.timers, self.buffers) = (Timers::default(), Vec::new());
        }
    }

    /// A transfer is not to be woken for this part of a file.
    fn wakes_no_more(&mut self, id: usize, part: Option<(FileId, u64)>) {
        let Some(part) = part else { return };
        if let Entry::Occupied(mut waiting) = self.waiting.entry(part) {
            waiting.get_mut().remove(&id);
            if waiting.get().is_empty() {
                waiting.remove();
            }
        }
    }
}

/// Whoever writes to a transfer of somebody else is told so (RFC 1350, section 4). An error is not answered: that may be the
/// answer of another server, which would answer this one.
fn refuse_stranger(via: EgressSocket, to: SocketAddr, interfaces: &Interfaces) -> [Effect; 2] {
    let line = TftpLine::WrongPort(session::shown(&to, interfaces));
    let bytes = error(5, &line.to_string());
    let reply = Datagram { via, to, from: None, interface: 0, neighbour: None, bytes };
    [Effect::Log(Line::Tftp(line)), Effect::Send(reply)]
}
