//! What the server does at this moment, for `--status`.

use super::Server;
use super::counters::{Counters, TransferState, WaitingRequest, WaitsFor};
use super::session::Session;
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
    pub fn waiting_requests(&self) -> impl Iterator<Item = WaitingRequest> {
        let queued = self.queue.waiting().map(|(client, received_at)| WaitingRequest {
            client,
            waits_for: WaitsFor::Slot,
            received_at,
        });
        let pending = self.pending.waiting().map(|(client, received_at)| WaitingRequest {
            client,
            waits_for: WaitsFor::Disk,
            received_at,
        });
        queued.chain(pending)
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
