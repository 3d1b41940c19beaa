//! TFTP in the loop: inputs for the server come from sockets, disks and timers.

use super::file_process::protocol::LookedUp;
use super::files::DiskFiles;
use super::sockets::EventSource;
use super::{Daemon, MAX_DATAGRAMS_PER_TURN, ReceiveBuffers, is_datagram_error};
use crate::control::replacement::ForwardedDatagram;
use crate::effect::{Effect, ReceiveMode, SocketToken};
use crate::net::{EgressSocket, ReceivedDatagram};
use crate::strerror::strerror;
use crate::sys::limits;
use crate::sys::receive_batch::ReceiveBatch;
use crate::tftp::{
    Context, Input, Movement, Server, Service, SocketError, SocketErrorKind, accepts,
};
use crate::time::Timestamp;
use mio::Events;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::os::fd::OwnedFd;

/// Whether a socket may have more datagrams.
enum Remaining {
    Possible,
    None,
}

/// Effects of single datagrams that are performed together. To receive several datagrams first and send several answers
/// then takes a tenth less time than to do both in turn.
const MAX_EFFECTS_TOGETHER: usize = 32;

/// Of a request, fewer bytes are examined.
pub(super) const REQUEST_BUFFER_LEN: usize = 4096;

/// ICMP errors that are read from one socket. The kernel drops them if there are more than fit into its buffer. Those that are
/// left are read with the next one.
const MAX_ICMP_ERRORS_PER_TURN: usize = 64;

impl Daemon {
    /// Calls the server with its context. `None`: TFTP is not enabled.
    fn with_tftp<R>(
        &mut self,
        now: Timestamp,
        call: impl FnOnce(&mut Server, &mut Context<'_, DiskFiles>) -> R,
    ) -> Option<R> {
        let Self { config, tftp: server, interfaces, files, effects, .. } = self;
        let tftp = config.tftp.as_deref()?;
        Some(call(server, &mut Context { tftp, interfaces, files, effects, now }))
    }

    /// Passes an input to the server. Its effects are not performed yet.
    pub(super) fn tftp_input(&mut self, input: Input<'_>, now: Timestamp) {
        let _ = self.with_tftp(now, |server, context| server.handle_input(input, context));
    }

    /// Reads requests from port 69. Returns whether there may be more.
    pub(super) fn requests(
        &mut self,
        listener: usize,
        batch: &mut ReceiveBatch,
        now: Timestamp,
    ) -> bool {
        for _ in 0..MAX_DATAGRAMS_PER_TURN / batch.capacity() {
            let Some(socket) = self.sockets.listener(listener) else { return false };
            let received = match batch.receive(socket) {
                Ok(received) => received,
                Err(error) if is_datagram_error(&error) => continue,
                Err(_) => return false,
            };
            self.files.expect_changes();
            for datagram in batch.datagrams() {
                self.request(listener, datagram, now);
            }
            self.perform(now);
            if received < batch.capacity() {
                return false;
            }
        }
        true
    }

    /// Handles what waits in a socket of the replaced server that is not used any more.
    pub(super) fn tftp_leftovers(
        &mut self,
        socket: &OwnedFd,
        batch: &mut ReceiveBatch,
        now: Timestamp,
    ) {
        while let Ok(1..) = batch.receive(socket) {
            for datagram in batch.datagrams() {
                self.request(0, datagram, now);
            }
            self.perform(now);
        }
    }

    /// Handles a request. Its effects are performed now, unless all of them may be performed together with those of the next one.
    fn request(&mut self, listener: usize, datagram: ReceivedDatagram<'_>, now: Timestamp) {
        let Self { config, interfaces, .. } = self;
        let Some(tftp) = &config.tftp else { return self.replacement.forward(&datagram) };
        // The replaced process may have another configuration.
        if !(tftp.single_port && self.tftp.has_shared_transfer(datagram.peer)) {
            self.replacement.forward(&datagram);
        }
        if accepts(tftp, &config.network, interfaces, &datagram) {
            let earlier = self.effects.len();
            self.tftp_input(Input::Request { listener, datagram }, now);
            // The errors of several requests leave together.
            if !self.effects[earlier..].iter().all(may_follow_next_request) {
                self.perform(now);
            }
        }
    }

    /// Reads the ICMP errors of sockets that queue them: those for DHCP, where they have no effect, and for TFTP with
    /// `tftp-single-port` or `tftp-port-range`. Errors that are not read take space from the datagrams of the socket.
    pub(super) fn read_icmp_errors(&mut self, events: &Events, now: Timestamp) {
        for event in events.iter().filter(|event| event.is_error()) {
            let source = EventSource::from_token(event.token());
            for _ in 0..MAX_ICMP_ERRORS_PER_TURN {
                let Some(peer) = self.sockets.next_unreachable(source) else { break };
                let id = match source {
                    EventSource::Transfer(id) => Some(id),
                    EventSource::ProxyDhcp(_) => continue,
                    _ => None,
                };
                self.tftp_input(Input::PortUnreachable { id, peer }, now);
                self.perform(now);
            }
        }
    }

    /// Handles a datagram on port 69 that the process which has replaced this one has received.
    pub(super) fn forwarded_datagram(&mut self, datagram: &ForwardedDatagram, now: Timestamp) {
        let ForwardedDatagram { peer, bytes, .. } = datagram;
        self.with_tftp(now, |server, context| server.handle_forwarded(*peer, bytes, context));
        self.perform(now);
    }

    /// Performs `Effect::OpenSocket`.
    pub(super) fn open_socket(&mut self, token: SocketToken, local: (IpAddr, u32), now: Timestamp) {
        let Some(tftp) = &self.config.tftp else { return };
        let input = match self.sockets.open_transfer(tftp, local) {
            Ok(id) => Input::SocketOpened { token, id },
            Err(error) => Input::SocketFailed { token, error: socket_error(&error) },
        };
        self.tftp_input(input, now);
    }

    /// Performs `Effect::WatchSocket`.
    pub(super) fn watch_socket(&mut self, id: usize, mode: ReceiveMode, now: Timestamp) {
        if self.sockets.register_transfer(id, mode).is_err() {
            self.tftp_input(Input::SocketUnusable(id), now);
        }
    }

    /// Reads datagrams from the socket of a transfer. Returns whether there may be more.
    ///
    /// A client in lockstep sends one datagram and waits for the answer. So the datagram that moves the transfer ends
    /// the turn: the next one causes a new event. Datagrams that are left are read before the next timeout.
    pub(super) fn transfer(
        &mut self,
        id: usize,
        buffers: &mut ReceiveBuffers,
        now: Timestamp,
    ) -> bool {
        let Some(mode) = self.sockets.transfers().receive_mode(id) else { return false };
        for _ in 0..MAX_DATAGRAMS_PER_TURN {
            let remaining = match mode {
                ReceiveMode::Single => self.receive_one(id, buffers, now),
                ReceiveMode::Batch => self.receive_batch(id, buffers, now),
            };
            if matches!(remaining, Remaining::None) {
                return false;
            }
        }
        true
    }

    fn receive_one(
        &mut self,
        id: usize,
        buffers: &mut ReceiveBuffers,
        now: Timestamp,
    ) -> Remaining {
        let (size, peer) = match self.sockets.transfers().receive_one(id, &mut buffers.single) {
            Some(Ok(received)) => received,
            Some(Err(error)) if is_datagram_error(&error) => return Remaining::Possible,
            Some(Err(_)) => {
                self.send_buffer_has_space(id, now);
                return Remaining::None;
            }
            None => return Remaining::None,
        };
        let datagram = std::iter::once((peer, &buffers.single[..size]));
        let movement = self.transfer_datagrams(id, datagram, now);
        if self.effects.len() >= MAX_EFFECTS_TOGETHER {
            self.perform(now);
        }
        match movement {
            Some(Movement::Moved) => Remaining::None,
            Some(Movement::Unmoved) | None => Remaining::Possible,
        }
    }

    fn receive_batch(
        &mut self,
        id: usize,
        buffers: &mut ReceiveBuffers,
        now: Timestamp,
    ) -> Remaining {
        let received = match self.sockets.transfers().receive(id, &mut buffers.batch) {
            Some(Ok(received)) => received,
            Some(Err(error)) if is_datagram_error(&error) => return Remaining::Possible,
            Some(Err(_)) => {
                self.send_buffer_has_space(id, now);
                self.perform(now);
                return Remaining::None;
            }
            None => return Remaining::None,
        };
        let datagrams = buffers.batch.datagrams().map(|datagram| (datagram.peer, datagram.bytes));
        let _ = self.transfer_datagrams(id, datagrams, now);
        self.perform(now);
        if received == buffers.batch.capacity() { Remaining::Possible } else { Remaining::None }
    }

    /// An event without a datagram: the send buffer of the socket may have space for blocks that were not sent.
    fn send_buffer_has_space(&mut self, id: usize, now: Timestamp) {
        let _ = self.transfer_datagrams(id, std::iter::empty(), now);
    }

    fn transfer_datagrams<'d>(
        &mut self,
        id: usize,
        datagrams: impl Iterator<Item = (SocketAddr, &'d [u8])>,
        now: Timestamp,
    ) -> Option<Movement> {
        self.with_tftp(now, |server, context| server.handle_datagrams(id, datagrams, context))
    }

    /// Handles transfers whose deadline has come. Datagrams that were received before the deadline are read first.
    pub(super) fn expire(&mut self, buffers: &mut ReceiveBuffers, now: Timestamp) {
        while let Some(id) = self.tftp.next_timeout(now, &mut self.effects) {
            self.perform(now);
            self.transfer(id, buffers, now);
            self.tftp_input(Input::Timeout(id), now);
            self.perform(now);
        }
        self.perform(now);
    }

    /// Passes results of the disk to the server.
    pub(super) fn disk(&mut self, now: Timestamp) {
        while let Some((file, offset)) = self.files.completed() {
            self.tftp_input(Input::DiskRead { file, offset }, now);
            self.resume(now);
        }
    }

    /// Passes results of the file process to the server.
    pub(super) fn looked_up(&mut self, results: Vec<LookedUp>, fds: Vec<OwnedFd>, now: Timestamp) {
        for lookup in self.files.looked_up(results, fds, now) {
            self.tftp_input(Input::LookedUp(&lookup), now);
            self.resume(now);
            self.files.forget(&lookup);
        }
        // After all answers: no client waits for it.
        if let Some(request) = self.files.listing_request() {
            self.file_process.send(&request);
        }
    }

    fn resume(&mut self, now: Timestamp) {
        while self.with_tftp(now, Server::resume_next) == Some(true) {
            self.perform(now);
        }
    }

    /// Serves transfers whose sockets are ready, as many as one turn of the loop has time for.
    pub(super) fn serve_transfers(&mut self, buffers: &mut ReceiveBuffers, now: Timestamp) {
        while let Some(service) = self.with_tftp(now, Server::serve_next).flatten() {
            match service {
                Service::ReadSocket(id) => {
                    if self.transfer(id, buffers, now) {
                        self.scheduling.backlog.push(EventSource::Transfer(id));
                    }
                }
                Service::Sent => {}
            }
            if self.effects.len() >= MAX_EFFECTS_TOGETHER {
                self.perform(now);
            }
        }
        self.perform(now);
    }

    /// Starts requests from the queue, as far as slots are free.
    pub(super) fn admit_queued(&mut self, now: Timestamp) {
        while self.with_tftp(now, Server::admit_next) == Some(true) {
            self.perform(now);
        }
    }
}

/// Whether an effect may be performed after the next request was handled: it has no result that the server uses.
fn may_follow_next_request(effect: &Effect) -> bool {
    match effect {
        Effect::Log(_) | Effect::LogLimited(..) | Effect::Observe(_) => true,
        Effect::Send(datagram) => datagram.via == EgressSocket::TftpErrors,
        _ => false,
    }
}

fn socket_error(error: &io::Error) -> SocketError {
    let is_exhausted = error.kind() == io::ErrorKind::AddrInUse
        || [limits::EMFILE, limits::ENFILE].map(Some).contains(&error.raw_os_error());
    let kind = if is_exhausted { SocketErrorKind::Exhausted } else { SocketErrorKind::Other };
    SocketError { kind, reason: strerror(error) }
}
