//! TFTP (RFC 1350 and its options) without sockets, files or a clock: inputs and the time go in, effects come out.
//!
//! ```text
//! Input ─► admission ─► start: negotiate, path, Files ─► Session { Transfer: which blocks, BlockSource: their bytes } ─► Effect
//! ```
//!
//! A transfer has a socket of its own, which the loop opens when the effect [`Effect::OpenSocket`] asks for it, or it
//! uses port 69 like all others (`tftp-single-port`). An error without a transfer leaves from a socket for errors.

mod accept;
pub mod admission;
mod block_source;
mod congestion;
pub mod counters;
pub mod files;
mod input;
pub mod negotiate;
mod opening;
pub mod path;
pub mod schedule;
mod session;
mod session_table;
mod start;
mod state;
#[cfg(test)]
mod tests;
mod timers;
pub mod transfer;
mod transfers;

pub use accept::accepts;
pub use input::{
    Context, Input, Load, Movement, PartialSend, ReplySocket, Service, SocketError, SocketErrorKind,
};

use crate::effect::Effect;
use crate::log_line::{Line, TftpLine};
use crate::net::{Datagram, EgressSocket, ReceivedDatagram};
use crate::time::Timestamp;
use crate::wire::tftp::{Inbound, error, error_code};
use admission::pending::{LookupCache, PendingRequest, PendingRequests};
use admission::{FairShare, UnreachableClients, WaitQueue, close_if_dedicated, is_read_request};
use congestion::Congestion;
use counters::{Counters, Ending};
use files::{FileId, Files};
use opening::OpeningRequests;
use schedule::Schedule;
use session::{Peer, Phase, Session};
use session_table::SessionTable;
use start::{StartResult, start};
use std::collections::{BTreeSet, HashMap, VecDeque};
use std::net::SocketAddr;
use timers::Timers;
use transfer::Event;

/// The TFTP server: all transfers, and the requests that wait.
///
/// The loop passes inputs ([`Server::handle_input`], [`Server::handle_datagrams`]) and performs the effects in their
/// order; calls [`Server::resume_next`] until it returns `false`; at [`Server::deadline`] calls [`Server::next_timeout`]
/// until it returns `None`; and calls [`Server::serve_next`] until it returns `None`, and [`Server::admit_next`] until it
/// returns `false`. [`Server::load`] has the number of transfers and of queued requests.
#[derive(Debug, Default)]
pub struct Server {
    sessions: SessionTable,
    timers: Timers,
    schedule: Schedule,
    congestion: Congestion,
    /// Transfers that wait for a part of a file, by file and offset.
    disk_waiters: HashMap<(FileId, u64), BTreeSet<usize>>,
    /// Transfers whose part of a file was read. They continue in [`Server::resume_next`].
    readable: BTreeSet<usize>,
    pending: PendingRequests,
    /// Requests whose look-up has a result. They continue in [`Server::resume_next`].
    resolved: VecDeque<PendingRequest>,
    opening: OpeningRequests,
    fair_share: FairShare,
    queue: WaitQueue,
    unreachable: UnreachableClients,
    /// When a slot for the requests in the queue is searched for again.
    next_scan: Timestamp,
    /// Buffers of batches that were sent. The next batches use them.
    buffers: Vec<Vec<u8>>,
    /// What was counted, without what transfers that run have sent.
    counters: Counters,
}

impl Server {
    /// The time at which [`Server::next_timeout`] or [`Server::admit_next`] has something to do.
    pub fn deadline(&self) -> Option<Timestamp> {
        let scan = (!self.queue.is_empty()).then_some(self.next_scan);
        let held = self.congestion.deadline();
        self.timers.next().into_iter().chain(self.pending.deadline()).chain(scan).chain(held).min()
    }

    /// Whether [`Server::serve_next`] has something to do at once.
    pub fn has_held(&self) -> bool {
        !self.schedule.is_empty() || self.congestion.has_next()
    }

    /// How much there is to do.
    pub fn load(&self) -> Load {
        Load { transfers: self.sessions.len(), queued: self.queue.len() }
    }

    /// Whether there is no transfer, and no request that waits.
    pub fn is_idle(&self) -> bool {
        self.sessions.len() == 0 && self.waiting_count() == 0
    }

    /// Handles a datagram on a shared socket that another process has received. If it is for a transfer of this one, it is
    /// handled as if this one had received it; but a request only ends the transfer, because the other process answers it.
    pub fn handle_forwarded(
        &mut self,
        peer: SocketAddr,
        bytes: &[u8],
        context: &mut Context<'_, impl Files>,
    ) {
        let Some(id) = self.sessions.by_peer(peer) else { return };
        match Inbound::parse(bytes) {
            Some(Inbound::Read { .. }) => self.close(id, Ending::Failed, context),
            Some(inbound) => {
                self.handle_packet(id, inbound, context);
                self.hold_blocks(id, context);
            }
            None => {}
        }
    }

    /// Whether a client has a transfer over a shared socket.
    pub fn has_shared_transfer(&self, peer: SocketAddr) -> bool {
        self.sessions.by_peer(peer).is_some()
    }

    /// Sends without a bound of the bytes in flight. Only the simulation (`tests/hall`) calls this, to compare.
    pub fn disable_congestion_control(&mut self) {
        self.congestion.is_off = true;
    }

    /// Handles one input. The effects must be performed before the next one; those that only log, report to the monitor or send
    /// an error from the socket for errors may be performed after further requests.
    pub fn handle_input(&mut self, input: Input<'_>, context: &mut Context<'_, impl Files>) {
        match input {
            Input::Request { listener, datagram } => {
                self.handle_request(listener, datagram, context);
            }
            Input::SocketOpened { token, id } => self.socket_opened(token, id, context),
            Input::SocketFailed { token, error } => self.socket_failed(token, error, context),
            Input::SocketUnusable(id) => self.close(id, Ending::Failed, context),
            Input::PortUnreachable { id, peer } => self.port_unreachable(id, peer, context),
            Input::BatchSent { buffer, partial } => self.batch_sent(buffer, partial),
            Input::DiskRead { file, offset } => {
                self.readable.extend(self.disk_waiters.remove(&(file, offset)).unwrap_or_default());
            }
            Input::LookedUp(lookup) => self.resolved.extend(self.pending.take_resolved(lookup)),
            Input::Timeout(id) => {
                // The client does not have to answer blocks that are not sent yet.
                if self.sessions.get(id).is_some_and(|session| session.schedule_ticket.is_none())
                    && !self.congestion.held.contains(id)
                {
                    self.apply_event(id, Event::Tick, context);
                    self.flush(id, Phase::Running, context);
                }
            }
        }
    }

    /// Handles datagrams that were received together on the socket of a transfer. Of several ACKs only the last one
    /// that moves the transfer causes blocks to be sent. No datagram at all is permitted: blocks that were not sent
    /// before are sent now. If the transfer was held, the datagrams count as received when that began.
    pub fn handle_datagrams<'d>(
        &mut self,
        id: usize,
        datagrams: impl Iterator<Item = (SocketAddr, &'d [u8])>,
        context: &mut Context<'_, impl Files>,
    ) -> Movement {
        for (peer, bytes) in datagrams {
            let Some(session) = self.sessions.get(id) else { break };
            if session.peer() != peer {
                reject_unknown_tid(EgressSocket::Transfer(id), peer, bytes, context);
            } else if let Some(inbound) = Inbound::parse(bytes) {
                self.handle_packet(id, inbound, context);
            }
        }
        let has_moved = self.sessions.get(id).is_none_or(Session::has_unsent);
        self.flush(id, Phase::Running, context);
        if has_moved { Movement::Moved } else { Movement::Unmoved }
    }

    /// The socket of a transfer is ready: it has datagrams, or space for blocks. [`Server::serve_next`] returns it in its turn.
    pub fn socket_ready(&mut self, id: usize, now: Timestamp) {
        if let Some(session) = self.sessions.get_mut(id) {
            session.hold(id, &mut self.schedule, now);
        }
    }

    /// The transfer that is served next. `None`: there is none, or the turn is over: then wait for events without sleeping
    /// before the next call.
    pub fn serve_next(&mut self, context: &mut Context<'_, impl Files>) -> Option<Service> {
        if let Some(id) = self.congestion.next(context.now) {
            self.flush(id, Phase::Running, context);
            return Some(Service::Sent);
        }
        let Self { schedule, sessions, .. } = self;
        let is_held = |id, ticket| {
            sessions.get(id).is_some_and(|session| session.schedule_ticket == Some(ticket))
        };
        let id = schedule.take(context.now, is_held)?;
        let Some(session) = sessions.get_mut(id) else { return Some(Service::Sent) };
        session.schedule_ticket = None;
        if session.has_own_socket() {
            return Some(Service::ReadSocket(id));
        }
        self.flush(id, Phase::Running, context);
        Some(Service::Sent)
    }

    /// Continues one transfer or request whose disk operation has ended. Returns whether there was one: then perform
    /// the effects and call this once more.
    pub fn resume_next(&mut self, context: &mut Context<'_, impl Files>) -> bool {
        if let Some(id) = self.readable.pop_first() {
            if let Some(session) = self.sessions.get_mut(id) {
                session.disk_ready();
            }
            self.flush(id, Phase::Running, context);
            return true;
        }
        let Some(PendingRequest { socket, request, cache, .. }) = self.resolved.pop_front() else {
            return false;
        };
        self.answer(socket, &request.datagram(), cache, context);
        true
    }

    /// A transfer whose deadline has come. Read its socket, then pass [`Input::Timeout`]. Requests that have waited too
    /// long for the disk are dropped too.
    pub fn next_timeout(&mut self, now: Timestamp, effects: &mut Vec<Effect>) -> Option<usize> {
        self.expire_pending(now, effects);
        while let Some((id, when)) = self.timers.due(now) {
            let Some(session) = self.sessions.get_mut(id) else { continue };
            if session.timer.fires(when) {
                // Its timer is set again when its blocks are sent.
                if session.schedule_ticket.is_some() || self.congestion.held.contains(id) {
                    continue;
                }
                if session.deadline() <= now {
                    return Some(id);
                }
                self.timers.set(id, session.deadline(), &mut session.timer);
            }
        }
        None
    }

    /// Answers a datagram by a socket: a transfer starts, or an error is sent, or the request waits for the disk. Over
    /// a shared socket the datagram may belong to a transfer.
    fn answer(
        &mut self,
        socket: ReplySocket,
        datagram: &ReceivedDatagram<'_>,
        mut cache: LookupCache,
        context: &mut Context<'_, impl Files>,
    ) {
        let inbound = Inbound::parse(datagram.bytes);
        let is_read = is_read_request(datagram.bytes);
        let mut restarts = 0;
        if matches!(socket, ReplySocket::Listener(_)) {
            match self.dispatch_shared(datagram.peer, inbound, context) {
                Some(count) => restarts = count,
                None => return self.counters.dropped += u64::from(is_read),
            }
            if is_read && !self.reserve_slot(datagram.peer.ip(), context) {
                return self.counters.dropped += 1;
            }
        }
        let peer = || Peer::new(socket.egress(), datagram, context.interfaces);
        let max_windowsize = self.max_windowsize(datagram.peer.ip(), context.now);
        let started = match inbound {
            Some(inbound) => start(inbound, peer(), max_windowsize, &mut cache, context),
            None => StartResult::Ignored,
        };
        match started {
            StartResult::Session(started) => self.open_or_begin(socket, started, restarts, context),
            StartResult::Ignored | StartResult::NotFound | StartResult::Refused => {
                // A write request is in no counter.
                *refusal_counter(&mut self.counters, &started) += u64::from(is_read);
                context.effects.extend(close_if_dedicated(socket));
            }
            StartResult::Pending(lookup) => {
                let count = self.pending.count() + 1;
                let replaced = self.pending.push(socket, datagram, lookup, cache);
                self.counters.dropped += (count - self.pending.count()) as u64;
                context.effects.extend(replaced.and_then(close_if_dedicated));
            }
        }
    }

    /// Passes a datagram on a shared socket to the transfer of its client, if there is one. A new request replaces that
    /// transfer without a log line, as in dnsmasq. Returns the number of restarts if the datagram is still to be
    /// answered.
    fn dispatch_shared(
        &mut self,
        peer: SocketAddr,
        inbound: Option<Inbound<'_>>,
        context: &mut Context<'_, impl Files>,
    ) -> Option<u8> {
        let Some(id) = self.sessions.by_peer(peer) else { return Some(0) };
        match inbound? {
            Inbound::Read { .. } => {
                let restarts = self.sessions.get(id)?.ticket?.restart_allowed(context.now)?;
                self.close(id, Ending::Failed, context);
                Some(restarts)
            }
            inbound => {
                self.handle_packet(id, inbound, context);
                self.hold_blocks(id, context);
                None
            }
        }
    }

    fn batch_sent(&mut self, buffer: Vec<u8>, partial: Option<PartialSend>) {
        if let Some(PartialSend { id, sent }) = partial
            && let Some(session) = self.sessions.get_mut(id)
        {
            let bound = self.congestion.bound(session.interface());
            session.mark_unsent(sent, bound);
        }
        self.buffers.push(buffer);
    }
}

/// The counter of a read request without a transfer.
fn refusal_counter<'a>(counters: &'a mut Counters, result: &StartResult) -> &'a mut u64 {
    match result {
        StartResult::NotFound => &mut counters.not_found,
        StartResult::Ignored => &mut counters.dropped,
        _ => &mut counters.refused,
    }
}

/// A datagram from another address or port than that of the client gets an error (RFC 1350, section 4). An ERROR gets no
/// answer: it may be the answer of another server, and the two servers would send errors to each other without end.
fn reject_unknown_tid(
    via: EgressSocket,
    to: SocketAddr,
    bytes: &[u8],
    context: &mut Context<'_, impl Files>,
) {
    let line = TftpLine::WrongPort(session::log_address(&to, context.interfaces));
    let reply = error(error_code::UNKNOWN_TID, &line.to_string());
    context.effects.push(Effect::Log(Line::Tftp(line)));
    if !matches!(bytes, [0, 5, ..]) {
        let (from, neighbour) = (None, None);
        let reply = Datagram { via, to, from, interface: 0, neighbour, bytes: reply };
        context.effects.push(Effect::Send(reply));
    }
}
