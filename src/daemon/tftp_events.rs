//! TFTP's turns of the loop.

use super::files::{Completed, DiskFiles};
use super::{Daemon, MAX_DATAGRAMS_PER_TURN, ReceiveBuffers, is_datagram_error};
use crate::boot_monitor::event::ClientEvent;
use crate::config::Tftp;
use crate::effect::Effect;
use crate::log_line::{Line, TftpLine};
use crate::net::ReceivedDatagram;
use crate::strerror::strerror;
use crate::sys::udp_batch::RecvBatch;
use crate::sys::{limits, udp};
use crate::tftp::admission::pending::PendingRequest;
use crate::tftp::{Context, ReplySocket, Server, accepts};
use crate::time::Timestamp;
use std::io;
use std::net::SocketAddr;

/// What there may be left to hear.
enum Remaining {
    More,
    Nothing,
}

/// Answers to transfers in lockstep that are sent together.
const MAX_REQUESTS_TOGETHER: usize = 32;

/// Whether there are too few ports or descriptors.
fn is_short(error: &io::Error) -> bool {
    let too_many = [limits::EMFILE, limits::ENFILE].map(Some);
    error.kind() == io::ErrorKind::AddrInUse || too_many.contains(&error.raw_os_error())
}

/// Around the server of TFTP.
type World<'a> = Context<'a, DiskFiles>;

impl Daemon {
    /// Lets the server of TFTP work; `None`: there is none.
    fn with_tftp<R>(
        &mut self,
        now: Timestamp,
        work: impl FnOnce(&mut Server, &mut World<'_>, &mut Vec<Effect>) -> R,
    ) -> Option<R> {
        let tftp = self.config.tftp.clone()?;
        let Self { tftp: server, interfaces, files, effects, .. } = self;
        Some(work(server, &mut Context { tftp: &tftp, interfaces, files, now }, effects))
    }

    pub(super) fn requests(&mut self, listener: usize, buffer: &mut [u8], now: Timestamp) -> bool {
        let Some(tftp) = self.config.tftp.clone() else { return false };
        for _ in 0..MAX_DATAGRAMS_PER_TURN {
            let Some(socket) = self.sockets.listener(listener) else { return false };
            match udp::receive(socket, buffer) {
                Ok(arrival) if accepts(&tftp, &self.config.network, &self.interfaces, &arrival) => {
                    self.request_in_turn(listener, &tftp, &arrival, now);
                }
                Ok(_) => {}
                Err(error) if is_datagram_error(&error) => {}
                Err(_) => return false,
            }
            self.perform(now);
        }
        true
    }

    /// Answers a request, unless there are so many transfers that it has to wait.
    fn request_in_turn(
        &mut self,
        listener: usize,
        tftp: &Tftp,
        arrival: &ReceivedDatagram<'_>,
        now: Timestamp,
    ) {
        let admit = |server: &mut Server, around: &mut World<'_>, effects: &mut _| {
            server.admit(listener, arrival, around, effects)
        };
        if tftp.single_port || self.with_tftp(now, admit) == Some(true) {
            self.perform(now);
            self.request(listener, tftp, arrival, now);
        }
    }

    /// A transfer's socket is there before the request is looked at, so that errors have a port of their own too.
    fn request(
        &mut self,
        listener: usize,
        tftp: &Tftp,
        arrival: &ReceivedDatagram<'_>,
        now: Timestamp,
    ) {
        let socket = if tftp.single_port {
            ReplySocket::Listener(listener)
        } else {
            // Whoever does not ask for anything is told nothing.
            if !matches!(arrival.bytes, [0, 1 | 2, ..]) {
                return;
            }
            let opened = match self.sockets.open_transfer(tftp, arrival) {
                Err(error) if is_short(&error) && self.make_room(arrival, now) => {
                    self.sockets.open_transfer(tftp, arrival)
                }
                opened => opened,
            };
            match opened {
                Ok(id) => ReplySocket::Dedicated(id),
                Err(_) if tftp.ports.is_some() => {
                    return self.logger.write(&Line::Tftp(TftpLine::NoPort));
                }
                Err(error) => {
                    let (client, reason) = (arrival.peer.ip(), strerror(&error));
                    return self.observe(ClientEvent::SocketUnavailable { client, reason }, now);
                }
            }
        };
        self.begin(socket, arrival, now);
    }

    /// There are no ports or descriptors left: somebody may have to go, as if there were too many transfers.
    fn make_room(&mut self, arrival: &ReceivedDatagram<'_>, now: Timestamp) -> bool {
        let client = arrival.peer.ip();
        let has_room = self
            .with_tftp(now, |server, around, effects| server.evict_for(client, around, effects));
        self.perform(now);
        has_room == Some(true)
    }

    /// Answers a request, and listens to its client if a transfer comes of it.
    fn begin(&mut self, socket: ReplySocket, arrival: &ReceivedDatagram<'_>, now: Timestamp) {
        self.with_tftp(now, |server, around, effects| {
            server.handle_request(socket, arrival, around, effects);
        });
        self.listen_to(socket);
    }

    /// The same, of one that had to wait.
    fn begin_again(&mut self, request: PendingRequest, now: Timestamp) {
        let socket = request.socket;
        self.with_tftp(now, |server, around, effects| {
            server.retry_request(request, around, effects);
        });
        self.listen_to(socket);
    }

    fn listen_to(&mut self, socket: ReplySocket) {
        let Self { tftp: server, files, effects, sockets, .. } = self;
        if let ReplySocket::Dedicated(id) = socket
            && server.has(id)
            && sockets.register_transfer(id).is_err()
        {
            server.abort(id, files, effects);
        }
    }

    /// Hears the client of a transfer. In lockstep one datagram is all there is, mostly: the one that moves it on ends
    /// the turn, for another one brings another event, and what may be left is read before the client is written to
    /// again.
    pub(super) fn transfer(
        &mut self,
        id: usize,
        mail: &mut ReceiveBuffers,
        now: Timestamp,
    ) -> bool {
        let lockstep = self.tftp.is_lockstep(id);
        for _ in 0..MAX_DATAGRAMS_PER_TURN {
            let left = if lockstep {
                self.receive_one(id, mail, now)
            } else {
                self.receive_batch(id, mail, now)
            };
            match left {
                Remaining::More => {}
                Remaining::Nothing => return false,
            }
        }
        true
    }

    fn receive_one(&mut self, id: usize, mail: &mut ReceiveBuffers, now: Timestamp) -> Remaining {
        let (size, peer) = match self.sockets.transfers().receive_one(id, &mut mail.single) {
            Some(Ok(received)) => received,
            Some(Err(error)) if is_datagram_error(&error) => return Remaining::More,
            // Nothing has come: there may be room for what is owed.
            Some(Err(_)) => {
                self.handle_acks(id, std::iter::empty(), now);
                return Remaining::Nothing;
            }
            None => return Remaining::Nothing,
        };
        let moved = self.handle_acks(id, std::iter::once((peer, &mail.single[..size])), now);
        // To hear many and then to answer them takes a tenth less than to do both in turn.
        if self.effects.len() >= MAX_REQUESTS_TOGETHER {
            self.perform(now);
        }
        if moved { Remaining::Nothing } else { Remaining::More }
    }

    fn receive_batch(&mut self, id: usize, mail: &mut ReceiveBuffers, now: Timestamp) -> Remaining {
        let received = match self.sockets.transfers().receive(id, &mut mail.batch) {
            Some(Ok(received)) => received,
            Some(Err(error)) if is_datagram_error(&error) => return Remaining::More,
            // Nothing has come: there may be room for what is owed.
            Some(Err(_)) => 0,
            None => return Remaining::Nothing,
        };
        self.handle_acks(id, mail.batch.datagrams(), now);
        self.perform(now);
        if received == RecvBatch::CAPACITY { Remaining::More } else { Remaining::Nothing }
    }

    /// Does what datagrams of a transfer ask for; whether they have moved it.
    fn handle_acks<'d>(
        &mut self,
        id: usize,
        arrived: impl Iterator<Item = (SocketAddr, &'d [u8])>,
        now: Timestamp,
    ) -> bool {
        let datagrams = |server: &mut Server, around: &mut World<'_>, effects: &mut _| {
            server.handle_datagrams(id, arrived, around, effects)
        };
        self.with_tftp(now, datagrams) == Some(true)
    }

    /// Does what is due. Who has answered, and was not heard yet, is heard first.
    pub(super) fn expire(&mut self, mail: &mut ReceiveBuffers, now: Timestamp) {
        self.tftp.expire_pending(now, &mut self.effects);
        self.perform(now);
        while let Some(id) = self.tftp.next_due(now) {
            self.transfer(id, mail, now);
            self.tftp.handle_timeout(id, now, &mut self.files, &mut self.effects);
            self.perform(now);
        }
    }

    /// Disks have answered.
    pub(super) fn disk(&mut self, now: Timestamp) {
        while let Some(arrived) = self.files.completed() {
            match arrived {
                Completed::Part(file, offset) => {
                    for id in self.tftp.waiters_for(file, offset) {
                        self.tftp.resume(id, &mut self.files, &mut self.effects);
                        self.perform(now);
                    }
                }
                Completed::LookedUp(awaited) => {
                    for request in self.tftp.take_resolved(&awaited) {
                        self.begin_again(request, now);
                        self.perform(now);
                    }
                    self.files.forget(&awaited);
                }
            }
        }
    }

    /// Requests that had to wait because too many transfers were under way.
    pub(super) fn next_in_line(&mut self, now: Timestamp) {
        if !self.tftp.has_queued_requests() {
            return;
        }
        let Some(tftp) = self.config.tftp.clone() else { return };
        let next = |server: &mut Server, around: &mut World<'_>, effects: &mut _| {
            server.next_queued(around, effects)
        };
        while let Some(request) = self.with_tftp(now, next).flatten() {
            self.perform(now);
            self.request(request.listener, &tftp, &request.datagram(), now);
            self.perform(now);
        }
    }
}
