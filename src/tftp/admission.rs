//! Whose request has a place among the transfers, and whose waits: the crowd says who may have to go, the queue who comes next.

use super::files::Files;
use super::queue::Waiting;
use super::{Around, Server, Socket};
use crate::config::Tftp;
use crate::effect::Effect;
use crate::millis::Timestamp;
use crate::net::ReceivedDatagram;
use std::net::IpAddr;

/// Of clients that wait, so many are looked at for one that finds a place, and so many milliseconds later again.
const TURNS: usize = 16;
const PAUSE: u64 = 100;

impl Server {
    /// Whether one more transfer would be too many.
    fn is_full(&self, tftp: &Tftp) -> bool {
        // With sockets of their own there is always one more than `tftp-max`.
        let count = self.sessions.len() + self.undecided.count();
        if tftp.single_port { count >= tftp.most } else { count > tftp.most }
    }

    /// Lets a request in, or has it wait for its turn (see [`Server::next_in_line`]); whether it may be answered at once.
    pub fn admit(
        &mut self,
        listener: usize,
        arrival: &ReceivedDatagram<'_>,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let needs_none = !is_read(arrival.bytes);
        let client = arrival.peer.ip();
        let admitted =
            needs_none || self.queue.is_empty() && self.find_place(client, around, effects);
        if !admitted {
            self.queue.keep(listener, arrival, around.now);
        }
        admitted
    }

    /// Whether requests wait for a place.
    pub fn is_crowded(&self) -> bool {
        !self.queue.is_empty()
    }

    /// The next request that has waited for a place, when it has one.
    pub fn next_in_line(
        &mut self,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> Option<Waiting> {
        if self.queue.is_empty() || self.is_full(around.tftp) && around.now < self.look {
            return None;
        }
        if self.look <= around.now {
            self.queue.forget_lost(around.now);
        }
        // Who has nothing does not wait behind those who have something.
        let poor = self.queue.clients().find(|client| self.crowd.has_nothing(*client));
        let first: Vec<IpAddr> = self.queue.clients().take(TURNS).chain(poor).collect();
        let next = first.into_iter().find(|client| self.find_place(*client, around, effects));
        if next.is_none() {
            self.look = around.now.plus(PAUSE);
        }
        self.queue.take(next?)
    }

    /// Where there are as many transfers as may be, one of another client may have to go; whether there is a place.
    pub(super) fn find_place(
        &mut self,
        client: IpAddr,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        !self.is_full(around.tftp) || self.make_room(client, around, effects)
    }

    /// Ends somebody's transfer for a client that asks anew, if anybody has to go; whether anybody had.
    pub fn make_room(
        &mut self,
        client: IpAddr,
        around: &mut Around<'_, impl Files>,
        effects: &mut Vec<Effect>,
    ) -> bool {
        if let Some(request) = self.undecided.makes_room_for(client, around.now) {
            effects.extend(closing(request.socket));
            return true;
        }
        let Self { crowd, sessions, .. } = self;
        let now = around.now;
        let client_of = |id| {
            let asked = sessions.get(id).filter(|session| !session.is_kept_waiting(now))?;
            Some(asked.peer().ip())
        };
        let unheard = crowd.unheard_for(client, around.now, client_of);
        // Who is served already takes nothing from those who are alive.
        let has_nothing = crowd.has_nothing(client);
        let alive = || sessions.idlest(now).or_else(|| sessions.slowest_of(crowd.greediest()?));
        let found = unheard.or_else(|| has_nothing.then(alive).flatten());
        let Some(id) = found else { return false };
        sessions.get(id).into_iter().for_each(|session| session.make_room(effects));
        self.close(id, around.files, effects);
        true
    }

    /// Forgets requests that have waited for so long that their clients have gone.
    pub fn give_up(&mut self, now: Timestamp, effects: &mut Vec<Effect>) {
        while let Some(request) = self.undecided.expired(now) {
            effects.extend(closing(request.socket));
        }
    }
}

/// The end of a socket that nobody else needs.
pub fn closing(socket: Socket) -> Option<Effect> {
    match socket {
        Socket::Own(id) => Some(Effect::CloseSocket(id)),
        Socket::Shared(_) => None,
    }
}

/// Whether a datagram asks for a transfer (RFC 1350, section 5).
pub fn is_read(bytes: &[u8]) -> bool {
    bytes.starts_with(&[0, 1])
}
