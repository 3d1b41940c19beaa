//! The life of a transfer in the server: begin, events, sending, end.

use super::congestion::Permit;
use super::counters::Ending;
use super::files::{FileId, Files};
use super::negotiate::MAX_WINDOWSIZE;
use super::session::{Phase, Progress, Session};
use super::session_table::SocketUse;
use super::timers::{TimerHandle, Timers};
use super::transfer::Event;
use super::{Context, ReplySocket, Server};
use crate::boot_monitor::event::ClientEvent;
use crate::effect::{Effect, ReceiveMode};
use crate::time::Timestamp;
use crate::wire::tftp::Inbound;
use std::collections::hash_map::Entry;
use std::net::{IpAddr, SocketAddr};

/// Entries of [`Timers`] that are kept besides four for each transfer. Most of the others belong to transfers that have
/// ended.
const MAX_STALE_TIMERS: usize = 4096;

impl Server {
    /// Starts a transfer and sends its first datagram.
    pub(super) fn begin(
        &mut self,
        socket: ReplySocket,
        session: Box<Session>,
        restarts: u8,
        context: &mut Context<'_, impl Files>,
    ) {
        let id = self.insert(socket, session, restarts, context);
        self.flush(id, Phase::Starting, context);
        if self.sessions.get(id).is_none() {
            return;
        }
        self.counters.started += 1;
        // With a timeout of 0 the first retransmission is due at once, before any answer can come.
        self.apply_event(id, Event::Tick, context);
        self.flush(id, Phase::Running, context);
    }

    /// Handles a datagram that the client of a transfer has sent.
    pub(super) fn handle_packet(
        &mut self,
        id: usize,
        inbound: Inbound<'_>,
        context: &mut Context<'_, impl Files>,
    ) {
        match inbound {
            Inbound::Ack(block) => {
                self.mark_answered(id, context);
                self.apply_event(id, Event::Ack(block), context);
            }
            Inbound::Error { code, text } => {
                self.mark_answered(id, context);
                if let Some(session) = self.sessions.get_mut(id) {
                    session.client_error(code, text, context.effects);
                    let is_cancelled = session.acknowledged() == 0;
                    let ending = if is_cancelled { Ending::Cancelled } else { Ending::Failed };
                    self.close(id, ending, context);
                }
            }
            Inbound::Read { .. } | Inbound::Write | Inbound::Other(_) => {}
        }
    }

    /// Passes an event to a transfer. What it sends is sent by [`Server::flush`].
    pub(super) fn apply_event(
        &mut self,
        id: usize,
        event: Event,
        context: &mut Context<'_, impl Files>,
    ) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        // These blocks were never sent, because the disk was slow. So they are no retransmission.
        let had_unsent = session.has_unsent();
        let bound = self.congestion.bound(session.interface());
        if let Progress::Finished(ending) = session.on(event, bound, context.now, context.effects) {
            return self.close(id, ending, context);
        }
        // Retransmissions to a client that has answered nothing are limited: its address may be forged.
        let client = session.peer().ip();
        let is_limited =
            session.ticket.is_some_and(|ticket| !self.fair_share.may_retransmit(client, ticket));
        if !had_unsent && is_limited {
            session.discard_unsent();
        }
    }

    /// The blocks that a transfer over port 69 has to send are sent by [`Server::serve_next`].
    pub(super) fn hold_blocks(&mut self, id: usize, context: &mut Context<'_, impl Files>) {
        match self.sessions.get_mut(id) {
            Some(session) if session.has_unsent() => {
                session.hold(id, &mut self.schedule, context.now);
            }
            _ => self.flush(id, Phase::Running, context),
        }
    }

    /// Sends the unsent blocks of a transfer, if the disk has them, and sets its timer.
    pub(super) fn flush(&mut self, id: usize, phase: Phase, context: &mut Context<'_, impl Files>) {
        let Self { sessions, buffers, timers, congestion, .. } = self;
        let Some(session) = sessions.get_mut(id) else { return };
        let part_before = session.awaiting_disk();
        let interface = session.interface();
        let permit = congestion.permit(id, interface, context.now);
        // One limit for both holds: in the schedule, and because of the bound.
        let mut since = session.held_since.take().unwrap_or(context.now);
        if permit != Permit::Hold {
            since = congestion.held.remove(id).unwrap_or(since);
            session.shift_timers(since, context.now);
        }
        let bound = congestion.bound(interface);
        let progress = session.flush(phase, permit, bound, buffers, context);
        match session.held_bytes() {
            Some(remaining) => {
                let since = if permit == Permit::Hold { since } else { context.now };
                congestion.held.add(id, interface, remaining, since);
            }
            None => _ = congestion.held.remove(id),
        }
        let part = session.awaiting_disk();
        if part.is_some() && permit == Permit::OneBlock {
            // The block is sent when the disk has it, whatever is in flight.
            session.held_since = Some(since);
        }
        timers.set(id, session.deadline(), &mut session.timer);
        if part != part_before {
            self.unregister_waiter(id, part_before);
            if let Some(part) = part {
                self.disk_waiters.entry(part).or_default().insert(id);
            }
        }
        if let Progress::Finished(ending) = progress {
            self.close(id, ending, context);
        }
    }

    /// The client has no socket for the transfer: its request may have been forged. The transfer ends, and for some time
    /// its address gets no windows. Each forged ACK brings one block then, as in dnsmasq.
    pub(super) fn port_unreachable(
        &mut self,
        id: Option<usize>,
        peer: SocketAddr,
        context: &mut Context<'_, impl Files>,
    ) {
        let Some(id) = id.or_else(|| self.sessions.by_peer(peer)) else { return };
        let Some(session) = self.sessions.get(id).filter(|session| session.peer() == peer) else {
            return;
        };
        session.report_unreachable(context.effects);
        self.unreachable.add(peer.ip(), context.now);
        self.close(id, Ending::Failed, context);
    }

    /// The largest window of a new transfer.
    pub(super) fn max_windowsize(&self, client: IpAddr, now: Timestamp) -> u32 {
        if self.unreachable.contains(client, now) { 1 } else { MAX_WINDOWSIZE }
    }

    /// Ends a transfer: its file and its socket are closed.
    pub(super) fn close(
        &mut self,
        id: usize,
        ending: Ending,
        context: &mut Context<'_, impl Files>,
    ) {
        let Some((mut session, socket)) = self.sessions.remove(id) else { return };
        self.counters.sent += session.sent();
        self.counters.ended(ending);
        if let Ending::Failed | Ending::Cancelled = ending {
            let (client, is_cancelled) = (session.peer().ip(), ending == Ending::Cancelled);
            let event = ClientEvent::TransferFailed { client, is_cancelled };
            context.effects.push(Effect::Observe(event));
        }
        context.files.close(session.file());
        session.leave_network(self.congestion.bound(session.interface()));
        self.congestion.held.remove(id);
        if session.schedule_ticket.is_some() {
            self.schedule.remove();
        }
        self.unregister_waiter(id, session.awaiting_disk());
        if let Some(ticket) = session.ticket {
            self.fair_share.remove(id, session.peer().ip(), ticket);
        }
        if socket == SocketUse::Dedicated {
            context.effects.push(Effect::CloseSocket(id));
        }
        self.shrink();
    }

    /// Adds a session to the table. Returns the number of the transfer.
    fn insert(
        &mut self,
        socket: ReplySocket,
        session: Box<Session>,
        restarts: u8,
        context: &mut Context<'_, impl Files>,
    ) -> usize {
        let client = session.peer();
        let mode = if session.is_lockstep() { ReceiveMode::Single } else { ReceiveMode::Batch };
        let id = match socket {
            ReplySocket::Dedicated(id) => {
                context.effects.push(Effect::WatchSocket { id, mode });
                self.sessions.insert(id, session);
                id
            }
            ReplySocket::Listener(_) | ReplySocket::Unopened => {
                self.counters.dropped += self.pending.forget(client) as u64;
                self.sessions.insert_shared(session)
            }
        };
        let ticket = self.fair_share.add(id, client.ip(), context.now, restarts);
        if let Some(session) = self.sessions.get_mut(id) {
            session.ticket = Some(ticket);
        }
        id
    }

    /// Notes that the client of a transfer has answered. The first answer is an event for the monitor.
    fn mark_answered(&mut self, id: usize, context: &mut Context<'_, impl Files>) {
        let Some(session) = self.sessions.get_mut(id) else { return };
        let client = session.peer().ip();
        let Some(ticket) = &mut session.ticket else { return };
        if self.fair_share.mark_answered(id, client, ticket) {
            context.effects.push(Effect::Observe(ClientEvent::FirstAck { client }));
        }
    }

    /// Frees memory of transfers that have ended.
    fn shrink(&mut self) {
        if self.sessions.len() == 0 {
            (self.timers, self.buffers) = (Timers::default(), Vec::new());
        } else if self.timers.len() > MAX_STALE_TIMERS + 4 * self.sessions.len() {
            self.timers = Timers::default();
            for (id, session) in self.sessions.all() {
                session.timer = TimerHandle::default();
                self.timers.set(id, session.deadline(), &mut session.timer);
            }
        }
    }

    /// A transfer waits no longer for a part of a file.
    fn unregister_waiter(&mut self, id: usize, part: Option<(FileId, u64)>) {
        let Some(part) = part else { return };
        if let Entry::Occupied(mut waiters) = self.disk_waiters.entry(part) {
            waiters.get_mut().remove(&id);
            if waiters.get().is_empty() {
                waiters.remove();
            }
        }
    }
}
