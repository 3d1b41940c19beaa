//! Requests on the DHCP ports.

use super::{Daemon, MAX_DATAGRAMS_PER_TURN, is_datagram_error};
use crate::net::ReceivedDatagram;
use crate::proxydhcp::{self, Context, DecisionLog, Port};
use crate::sys::receive_batch::ReceiveBatch;
use crate::time::Timestamp;
use std::os::fd::OwnedFd;

impl Daemon {
    /// Reads a DHCP socket; whether there may be more. Replies are sent together, after all requests were read: a
    /// client on this machine would be woken for each reply.
    pub(super) fn dhcp_requests(
        &mut self,
        port: Port,
        batch: &mut ReceiveBatch,
        now: Timestamp,
    ) -> bool {
        let mut more = true;
        for _ in 0..MAX_DATAGRAMS_PER_TURN / batch.capacity() {
            let Some(socket) = self.sockets.dhcp(port) else { return false };
            match batch.receive(socket) {
                Ok(received) => {
                    for datagram in batch.datagrams() {
                        self.dhcp_request(port, &datagram, now);
                    }
                    more = received == batch.capacity();
                }
                Err(error) => more = is_datagram_error(&error),
            }
            if !more {
                break;
            }
        }
        self.perform(now);
        more
    }

    /// Reads a socket that was opened beside one of the replaced server. Both have each broadcast: the one of the replaced server is
    /// handled, by that process or by this one.
    pub(super) fn discard_copies(&mut self, port: Port, batch: &mut ReceiveBatch, now: Timestamp) {
        while let Some(socket) = self.sockets.dhcp(port)
            && let Ok(1..) = batch.receive(socket)
        {
            for datagram in batch.datagrams().filter(|one| !one.peer.ip().is_unspecified()) {
                self.dhcp_request(port, &datagram, now);
            }
            self.perform(now);
        }
    }

    /// Handles what waits in a socket of the replaced server that is not used any more.
    pub(super) fn dhcp_leftovers(
        &mut self,
        port: Port,
        socket: &OwnedFd,
        batch: &mut ReceiveBatch,
        now: Timestamp,
    ) {
        while let Ok(1..) = batch.receive(socket) {
            for datagram in batch.datagrams() {
                self.dhcp_request(port, &datagram, now);
            }
            self.perform(now);
        }
    }

    /// Adds the effects of a request.
    fn dhcp_request(&mut self, port: Port, datagram: &ReceivedDatagram<'_>, now: Timestamp) {
        let Self { config, interfaces, names, effects, log_limiter, monitoring, .. } = self;
        let log_decision = if log_limiter.allow_dhcp(datagram.bytes, now) {
            DecisionLog::On
        } else {
            DecisionLog::Off
        };
        let is_due = |mac| {
            log_limiter.may_allow_notice(now)
                && monitoring.boot_monitor.may_report_no_boot_file(mac, now)
        };
        monitoring.neighbours.record_request(datagram, now);
        let context = Context { config, interfaces, names };
        let outcome =
            proxydhcp::handle_datagram(context, port, datagram, log_decision, is_due, effects);
        monitoring.observed.dhcp.count(outcome);
    }
}
