//! Requests that cannot be answered yet, because the disk has not told what there is.

use super::Socket;
use super::files::Awaited;
use super::transfer::{Millis, PATIENCE};
use crate::net::Arrival;
use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};

/// A request that waits, as it came.
#[derive(Debug)]
pub struct Undecided {
    /// By which it is to be answered.
    pub socket: Socket,
    awaited: Awaited,
    since: Millis,
    bytes: Vec<u8>,
    peer: SocketAddr,
    local: IpAddr,
    interface: u32,
}

impl Undecided {
    /// The request, to be looked at again.
    pub fn arrival(&self) -> Arrival<'_> {
        Arrival {
            bytes: &self.bytes,
            peer: self.peer,
            local: self.local,
            interface: self.interface,
        }
    }
}

/// All of them, the oldest first. They are few: together with the transfers no more than `tftp-max`.
#[derive(Debug, Default)]
pub struct Requests(VecDeque<Undecided>);

impl Requests {
    /// How many wait.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// When the oldest has waited for long enough.
    pub fn deadline(&self) -> Option<Millis> {
        self.0.front().map(|oldest| oldest.since.plus_seconds(PATIENCE))
    }

    /// Keeps one. Over a shared socket a client has one request only, the last.
    pub fn keep(&mut self, socket: Socket, arrival: &Arrival<'_>, awaited: Awaited, now: Millis) {
        if matches!(socket, Socket::Shared(_)) {
            self.0.retain(|kept| kept.peer != arrival.peer);
        }
        let Arrival { bytes, peer, local, interface } = *arrival;
        let bytes = bytes.to_vec();
        let kept = Undecided { socket, awaited, since: now, bytes, peer, local, interface };
        self.0.push_back(kept);
    }

    /// Those that have waited for this.
    pub fn decided(&mut self, awaited: &Awaited) -> Vec<Undecided> {
        let all = std::mem::take(&mut self.0);
        let (decided, rest): (Vec<_>, Vec<_>) =
            all.into_iter().partition(|kept| kept.awaited == *awaited);
        self.0 = rest.into();
        decided
    }

    /// One whose client has certainly gone.
    pub fn expired(&mut self, now: Millis) -> Option<Undecided> {
        self.deadline().filter(|deadline| *deadline <= now).and_then(|_| self.0.pop_front())
    }
}
