//! Performs the effects of the cores, in their order.

use super::Daemon;
use super::reply_queue::Output;
use super::sockets::EventSource;
use super::sockets::transfer::Collected;
use crate::boot_monitor::event::ClientEvent;
use crate::effect::Effect;
use crate::log_line::{DhcpLine, Line};
use crate::net::{Batch, Datagram, EgressSocket, NeighbourEntry};
use crate::strerror::strerror;
use crate::tftp::{Input, PartialSend};
use crate::time::Timestamp;
use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

impl Daemon {
    /// Performs all effects, and then those that their results have caused.
    pub(super) fn perform(&mut self, now: Timestamp) {
        while !self.effects.is_empty() {
            self.monitoring.neighbours.record_traffic(now);
            let mut effects = std::mem::take(&mut self.effects);
            let mut output = Output::default();
            for effect in effects.drain(..) {
                self.perform_one(effect, now, &mut output);
            }
            self.send_collected(now);
            if self.effects.is_empty() {
                self.effects = effects;
            }
            self.finish(output, now);
        }
    }

    /// Sends a batch, or stores it to be sent together with the next ones.
    fn collect_batch(&mut self, batch: Batch, now: Timestamp) {
        match self.sockets.transfers().collect(batch) {
            Ok(Collected::More) => {}
            Ok(Collected::Full) => self.send_collected(now),
            Err(batch) => {
                self.send_collected(now);
                self.send_batch(batch, now);
            }
        }
    }

    fn send_collected(&mut self, now: Timestamp) {
        let (mut blocks, sent) = self.sockets.transfers().take_collected();
        for (index, batch) in blocks.drain(..).enumerate() {
            if sent >> index & 1 == 0 {
                self.send_batch(batch, now);
            } else {
                self.scheduling.busy_poll.record_send(1);
                self.tftp_input(Input::BatchSent { buffer: batch.bytes, partial: None }, now);
            }
        }
        self.sockets.transfers().reuse(blocks);
    }

    fn perform_one(&mut self, effect: Effect, now: Timestamp, output: &mut Output) {
        if !matches!(effect, Effect::SendBatch(_)) {
            self.send_collected(now);
        }
        match effect {
            Effect::Log(line) => output.lines.push(line),
            Effect::LogLimited(client, line) => {
                if self.log_limiter.allow_ip(client, now) {
                    output.lines.push(line);
                }
            }
            Effect::Observe(event) => {
                if let ClientEvent::TransferCompleted(transfer) = &event
                    && let Some(script) = &mut self.script
                {
                    script.report(transfer);
                }
                output.lines.extend(self.observe(event, now));
            }
            Effect::Send(datagram) => self.send(datagram, now, output),
            Effect::SendBatch(batch) => self.collect_batch(batch, now),
            Effect::SendDelayed(seconds, datagram) => {
                self.delay_reply(Duration::from_secs(seconds.into()), datagram, now, output);
            }
            Effect::OpenSocket { token, local, interface } => {
                self.open_socket(token, (local, interface), now);
            }
            Effect::WatchSocket { id, mode } => self.watch_socket(id, mode, now),
            Effect::CloseSocket(id) => self.sockets.transfers().close(id),
        }
    }

    /// Sends a datagram of a transfer, or adds a DHCP reply or an error to those that leave together. A datagram of a transfer
    /// that cannot be sent counts as lost: the timer of the transfer sends it again.
    fn send(&mut self, datagram: Datagram, now: Timestamp, output: &mut Output) {
        match datagram.via {
            EgressSocket::Dhcp | EgressSocket::Pxe => self.queue_first(datagram, now, output),
            EgressSocket::TftpErrors => output.errors.push(datagram),
            EgressSocket::Tftp(_) | EgressSocket::Transfer(_) => {
                let _ = self.sockets.send(&datagram);
            }
        }
    }

    /// Lets the kernel know the hardware address of the receiver, which does not answer ARP yet; or broadcasts the datagram.
    pub(super) fn prepare_neighbour(
        &mut self,
        datagram: &mut Datagram,
        client: NeighbourEntry,
        lines: &mut Vec<Line>,
    ) {
        let IpAddr::V4(address) = datagram.to.ip() else { return };
        if self.broadcast_instead {
            datagram.to.set_ip(Ipv4Addr::BROADCAST.into());
            return;
        }
        let Some(host) = &mut self.host else { return };
        // A link that was removed meanwhile has no entries.
        if self.interfaces.by_index(client.interface).is_some()
            && let Err(error) = host.add_neighbour(address, client)
        {
            lines.push(Line::Dhcp(None, DhcpLine::ArpFailed(strerror(&error))));
        }
        if host.has_replies() {
            self.scheduling.backlog.push(EventSource::Host);
        }
    }

    /// Sends the blocks of a window. If the send buffer is full, the rest is sent when it has space. Any other error
    /// counts as a loss.
    fn send_batch(&mut self, batch: Batch, now: Timestamp) {
        let datagrams = batch.bytes.len().div_ceil(batch.segment);
        self.scheduling.busy_poll.record_send(u32::try_from(datagrams).unwrap_or_default());
        let partial = match (self.sockets.send_batch(&batch), batch.via) {
            (Ok(sent), EgressSocket::Transfer(id)) if sent < batch.bytes.len() => {
                Some(PartialSend { id, sent: (sent / batch.segment) as u64 })
            }
            _ => None,
        };
        self.tftp_input(Input::BatchSent { buffer: batch.bytes, partial }, now);
    }
}
