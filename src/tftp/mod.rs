//! TFTP (RFC 1350 and its options): requests in, transfers held, effects out.
//!
//! ```text
//! Arrival ─ wire::tftp ─► Inbound ─ negotiate, path, Files ─► Session { Transfer: which blocks, Source: their bytes }
//! ```
//!
//! A transfer has a socket of its own, opened by the daemon before the request is looked at, or shares port 69.

mod blocks;
pub mod files;
mod filter;
pub mod negotiate;
pub mod path;
mod request;
mod session;
#[cfg(test)]
mod tests;
pub mod transfer;

pub use filter::accepts;

use crate::config::Tftp;
use crate::effect::Effect;
use crate::log_line::{Line, TftpLine};
use crate::net::{Arrival, Datagram, Interfaces, Via};
use crate::wire::tftp::{Inbound, error};
use files::Files;
use session::Session;
use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use transfer::{Event, Millis};

/// All transfers under way.
#[derive(Debug, Default)]
pub struct Server {
    sessions: HashMap<usize, Session>,
    /// Over port 69 a transfer is known by its client.
    by_peer: HashMap<SocketAddr, usize>,
    deadlines: BTreeSet<(Millis, usize)>,
    next_shared: usize,
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
    pub now: Millis,
}

/// Datagrams are cut there, and options behind are lost.
const LONGEST_REQUEST: usize = 2050;
/// Over port 69 transfers have numbers of their own, out of the way of sockets.
const SHARED: usize = 1 << 30;

impl Server {
    /// Whether one more transfer would be too many.
    pub fn is_full(&self, tftp: &Tftp) -> bool {
        // With sockets of their own there is always one more than `tftp-max`.
        if tftp.single_port {
            self.sessions.len() >= tftp.most
        } else {
            self.sessions.len() > tftp.most
        }
    }

    /// The next moment at which [`Server::expire`] does something.
    pub fn deadline(&self) -> Option<Millis> {
        self.deadlines.first().map(|(deadline, _)| *deadline)
    }

    /// A datagram on port 69. With [`Socket::Own`], that socket is closed unless a transfer starts.
    pub fn request(
        &mut self,
        socket: Socket,
        arrival: &Arrival<'_>,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        let arrival = Arrival {
            bytes: &arrival.bytes[..arrival.bytes.len().min(LONGEST_REQUEST)],
            ..*arrival
        };
        let inbound = Inbound::parse(arrival.bytes);
        if matches!(socket, Socket::Shared(_))
            && let Some(&id) = self.by_peer.get(&arrival.peer)
        {
            match inbound {
                // A new request replaces the transfer, without a word.
                Some(Inbound::Read { .. }) => self.close(id, around.files, &mut Vec::new()),
                Some(inbound) => return self.inbound(id, inbound, around, effects),
                None => return,
            }
        }
        if matches!(socket, Socket::Shared(_)) && self.is_full(around.tftp) {
            return;
        }
        let via = match socket {
            Socket::Own(id) => Via::Transfer(id),
            Socket::Shared(listener) => Via::Tftp(listener),
        };
        match inbound.and_then(|inbound| request::start(inbound, via, &arrival, around, effects)) {
            Some(session) => self.insert(socket, session),
            None => {
                if let Socket::Own(id) = socket {
                    effects.push(Effect::Close(id));
                }
            }
        }
    }

    /// A datagram on a transfer's own socket.
    pub fn datagram(
        &mut self,
        id: usize,
        peer: SocketAddr,
        bytes: &[u8],
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.get(&id) else { return };
        if session.peer() == peer {
            if let Some(inbound) = Inbound::parse(bytes) {
                self.inbound(id, inbound, around, effects);
            }
            return;
        }
        let line = TftpLine::WrongPort(session::shown(&peer, around.interfaces));
        let bytes = error(5, &line.to_string());
        effects.push(Effect::Log(Line::Tftp(line)));
        let via = Via::Transfer(id);
        effects.push(Effect::Send(Datagram {
            via,
            to: peer,
            from: None,
            interface: 0,
            neighbour: None,
            bytes,
        }));
    }

    /// The file of a transfer that waited for its disk may be worth another try.
    pub fn readable(&mut self, id: usize, files: &mut impl Files, effects: &mut Vec<Effect>) {
        if let Some(session) = self.sessions.get_mut(&id)
            && session.resume(files, effects)
        {
            self.close(id, files, effects);
        }
    }

    /// Does what is due.
    pub fn expire(&mut self, now: Millis, files: &mut impl Files, effects: &mut Vec<Effect>) {
        while let Some(&(deadline, id)) = self.deadlines.first()
            && deadline <= now
        {
            self.event(id, Event::Tick, now, files, effects);
        }
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
                self.event(id, Event::Ack(block), around.now, around.files, effects);
            }
            Inbound::Error { code, text } => {
                if let Some(session) = self.sessions.get(&id) {
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
        now: Millis,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) {
        let Some(session) = self.sessions.get_mut(&id) else { return };
        self.deadlines.remove(&(session.deadline(), id));
        if session.on(event, now, files, effects) {
            self.close(id, files, effects);
        } else {
            self.deadlines.insert((session.deadline(), id));
        }
    }

    fn insert(&mut self, socket: Socket, session: Session) {
        let id = match socket {
            Socket::Own(id) => id,
            Socket::Shared(_) => {
                self.next_shared += 1;
                self.by_peer.insert(session.peer(), SHARED + self.next_shared);
                SHARED + self.next_shared
            }
        };
        self.deadlines.insert((session.deadline(), id));
        self.sessions.insert(id, session);
    }

    fn close(&mut self, id: usize, files: &mut impl Files, effects: &mut Vec<Effect>) {
        let Some(session) = self.sessions.remove(&id) else { return };
        self.deadlines.remove(&(session.deadline(), id));
        files.close(session.file());
        if id > SHARED {
            self.by_peer.remove(&session.peer());
        } else {
            effects.push(Effect::Close(id));
        }
    }
}
