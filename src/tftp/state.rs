//! What the server does at this moment, for `--status`.

use super::Server;
use super::admission::StoredRequest;
use super::counters::{Counters, TransferState, WaitingRequest, WaitsFor};
use super::session::Session;
use crate::time::Timestamp;
use std::net::IpAddr;

impl Server {
    /// What was counted since the start. Transfers that run are included.
    pub fn counters(&self) -> Counters {
        let mut counters = self.counters;
        for session in self.sessions.iter() {
            counters.sent += session.sent();
        }
        counters
    }

    /// The transfers that run.
    pub fn transfers(&self) -> impl Iterator<Item = TransferState<'_>> {
        self.sessions.iter().filter_map(Session::state)
    }

    /// The requests that wait. A client has one entry for each thing that it waits for, or more.
    pub fn waiting_requests<'a>(&'a self) -> impl Iterator<Item = WaitingRequest<'a>> {
        let waiting = |waits_for| {
            move |(request, received_at): (&'a StoredRequest, Timestamp)| WaitingRequest {
                client: request.peer.ip(),
                file: request.file(),
                waits_for,
                received_at,
            }
        };
        let queued = self.queue.waiting().map(waiting(WaitsFor::Slot));
        let pending = self.pending.waiting().map(waiting(WaitsFor::Disk));
        queued.chain(pending)
    }

    /// The number of requests that wait.
    pub fn waiting_count(&self) -> usize {
        self.queue.len() + self.pending.count() + self.resolved.len() + self.opening.count()
    }

    /// Whether a client has a transfer.
    pub fn has_transfer(&self, client: IpAddr) -> bool {
        !self.fair_share.has_no_transfer(client)
    }

    /// The transfers and requests that count for `tftp-max`.
    pub fn used_slots(&self) -> usize {
        self.sessions.len() + self.pending.count() + self.opening.count()
    }
}
