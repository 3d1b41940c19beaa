//! Requests and transfers whose socket is being opened by the loop.

use super::admission::pending::LookupCache;
use super::admission::{StoredRequest, close_if_dedicated, is_read_request};
use super::files::Files;
use super::input::{SocketError, SocketErrorKind};
use super::start::StartedSession;
use super::{Context, ReplySocket, Server};
use crate::boot_monitor::event::ClientEvent;
use crate::effect::{Effect, SocketToken};
use crate::log_line::{Line, TftpLine};
use crate::net::ReceivedDatagram;
use std::net::{IpAddr, SocketAddr};

/// A request without a socket yet.
#[derive(Debug)]
pub struct OpeningRequest {
    token: SocketToken,
    /// What the socket is for.
    pub purpose: SocketPurpose,
    /// Whether a transfer was evicted for it already, because ports or descriptors were exhausted.
    pub has_evicted: bool,
}

/// What a socket is opened for.
#[derive(Debug)]
pub enum SocketPurpose {
    /// A request that is examined when the socket is open (`tftp-port-range`: an error has a port of the range too).
    Request(StoredRequest),
    /// A transfer that begins when the socket is open.
    Transfer(StartedSession),
}

/// All of them. There is at most one as long as the loop opens each socket at once.
#[derive(Debug, Default)]
pub struct OpeningRequests {
    requests: Vec<OpeningRequest>,
    next_token: u64,
}

impl SocketPurpose {
    /// The address and port of the client.
    pub fn peer(&self) -> SocketAddr {
        match self {
            Self::Request(request) => request.peer,
            Self::Transfer(started) => started.session.peer(),
        }
    }

    /// Whether it is for a read request.
    fn is_read(&self) -> bool {
        match self {
            Self::Request(request) => is_read_request(request.datagram().bytes),
            Self::Transfer(_) => true,
        }
    }

    /// The address that the socket is bound to, and the index of its interface.
    fn local(&self) -> (IpAddr, u32) {
        match self {
            Self::Request(request) => (request.local, request.interface),
            Self::Transfer(started) => started.session.local(),
        }
    }
}

impl OpeningRequests {
    /// The number of requests without a socket yet.
    pub fn count(&self) -> usize {
        self.requests.len()
    }

    /// Stores a request. Returns the effect that opens its socket.
    pub fn add(&mut self, purpose: SocketPurpose) -> Effect {
        let token = SocketToken(self.next_token);
        self.next_token += 1;
        self.put_back(OpeningRequest { token, purpose, has_evicted: false })
    }

    /// Stores a request for one more attempt. Returns the effect that opens its socket.
    pub fn put_back(&mut self, opening: OpeningRequest) -> Effect {
        let (local, interface) = opening.purpose.local();
        let effect = Effect::OpenSocket { token: opening.token, local, interface };
        self.requests.push(opening);
        effect
    }

    /// Removes the request of a token. `None`: there is none.
    pub fn take(&mut self, token: SocketToken) -> Option<OpeningRequest> {
        let index = self.requests.iter().position(|opening| opening.token == token)?;
        Some(self.requests.swap_remove(index))
    }
}

impl Server {
    /// Answers a request that has a slot. With `tftp-port-range` it gets a socket first, so that an error has a port of the
    /// range too: a firewall may pass no other one. Otherwise only a transfer gets a socket.
    pub(super) fn examine(
        &mut self,
        datagram: &ReceivedDatagram<'_>,
        context: &mut Context<'_, impl Files>,
    ) {
        if context.tftp.ports.is_some() {
            let request = SocketPurpose::Request(StoredRequest::copy_of(datagram));
            return context.effects.push(self.opening.add(request));
        }
        let cache = LookupCache::new(context.now);
        self.answer(ReplySocket::Unopened, datagram, cache, context);
    }

    /// Begins a transfer, if it has a socket. Otherwise the socket is opened first.
    pub(super) fn open_or_begin(
        &mut self,
        socket: ReplySocket,
        started: StartedSession,
        restarts: u8,
        context: &mut Context<'_, impl Files>,
    ) {
        if socket == ReplySocket::Unopened {
            return context.effects.push(self.opening.add(SocketPurpose::Transfer(started)));
        }
        context.effects.extend(started.report);
        self.begin(socket, started.session, restarts, context);
    }

    /// The socket of a request or a transfer is open.
    pub(super) fn socket_opened(
        &mut self,
        token: SocketToken,
        id: usize,
        context: &mut Context<'_, impl Files>,
    ) {
        let socket = ReplySocket::Dedicated(id);
        let Some(opening) = self.opening.take(token) else {
            return context.effects.extend(close_if_dedicated(socket));
        };
        match opening.purpose {
            SocketPurpose::Request(request) => {
                let cache = LookupCache::new(context.now);
                self.answer(socket, &request.datagram(), cache, context);
            }
            SocketPurpose::Transfer(mut started) => {
                started.session.set_socket(socket.egress());
                self.open_or_begin(socket, started, 0, context);
            }
        }
    }

    /// A socket cannot be opened. If ports or descriptors are exhausted, a transfer may be evicted as if `tftp-max` were
    /// reached, and the socket is tried once more.
    pub(super) fn socket_failed(
        &mut self,
        token: SocketToken,
        error: SocketError,
        context: &mut Context<'_, impl Files>,
    ) {
        let Some(mut opening) = self.opening.take(token) else { return };
        let client = opening.purpose.peer().ip();
        let is_exhausted = error.kind == SocketErrorKind::Exhausted;
        if is_exhausted && !opening.has_evicted && self.free_socket_for(&opening, context) {
            opening.has_evicted = true;
            return context.effects.push(self.opening.put_back(opening));
        }
        self.counters.refused += u64::from(opening.purpose.is_read());
        if let SocketPurpose::Transfer(started) = opening.purpose {
            context.files.close(started.session.file());
        }
        context.effects.push(if context.tftp.ports.is_some() {
            Effect::Log(Line::Tftp(TftpLine::NoPort))
        } else {
            let reason = error.reason;
            Effect::Observe(ClientEvent::SocketUnavailable { client, reason })
        });
    }

    /// Ends one transfer or one waiting request that has a socket. Returns whether one was ended.
    fn free_socket_for(
        &mut self,
        opening: &OpeningRequest,
        context: &mut Context<'_, impl Files>,
    ) -> bool {
        let client = opening.purpose.peer().ip();
        match opening.purpose {
            SocketPurpose::Request(_) => self.evict_for(client, context),
            // The requests that wait have no sockets either.
            SocketPurpose::Transfer(_) => self.evict_transfer_for(client, context),
        }
    }
}
