//! Performs the effects of the cores, in their order.

use super::Daemon;
use super::sockets::EventSource;
use super::sockets::transfer::Collected;
use crate::boot_monitor::event::ClientEvent;
use crate::effect::Effect;
use crate::log_line::{DhcpLine, Line};
use crate::net::{Batch, Datagram, EgressSocket, NeighbourEntry};
use crate::strerror::strerror;
use crate::tftp::{Input, PartialSend};
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

/// Replies that are sent later: because of `dhcp-reply-delay`, or because the send buffer is full.
#[derive(Default)]
pub struct DelayedReplies {
    /// By time and order. Each has the time until which sending is tried again.
    replies: BTreeMap<(Timestamp, u64), (Datagram, Timestamp)>,
    count: u64,
}

/// Replies that are delayed at the same time (`dhcp-reply-delay`).
const MAX_DELAYED: usize = 1024;
/// How long sending is tried again while the send buffer is full, and how often.
const SEND_RETRY_WINDOW: Duration = Duration::from_millis(10);
const SEND_RETRY_INTERVAL: Duration = Duration::from_millis(1);

impl DelayedReplies {
    /// When the next reply is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.replies.first_key_value().map(|((due, _), _)| *due)
    }

    /// Stores a reply. If there are too many, returns the oldest one, which is sent before its time.
    fn add(&mut self, due: Timestamp, datagram: Datagram, end: Timestamp) -> Option<Datagram> {
        self.count += 1;
        self.replies.insert((due, self.count), (datagram, end));
        if self.replies.len() <= MAX_DELAYED {
            return None;
        }
        self.replies.pop_first().map(|(_, (oldest, _))| oldest)
    }

    fn due(&mut self, now: Timestamp) -> Option<(Datagram, Timestamp)> {
        let entry = self.replies.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

impl Daemon {
    /// Sends replies whose time has come.
    pub(super) fn send_delayed(&mut self, now: Timestamp) {
        let mut lines = Vec::new();
        while let Some((datagram, end)) = self.delayed_replies.due(now) {
            self.send(datagram, now, end, &mut lines);
        }
        self.log_lines(&lines);
    }

    /// Performs all effects, and then those that their results have caused.
    pub(super) fn perform(&mut self, now: Timestamp) {
        while !self.effects.is_empty() {
            let mut effects = std::mem::take(&mut self.effects);
            // Lines are written in their order after all datagrams: a client does not wait for the log.
            let mut lines = Vec::new();
            for effect in effects.drain(..) {
                self.perform_one(effect, now, &mut lines);
            }
            self.send_collected(now);
            if self.effects.is_empty() {
                self.effects = effects;
            }
            self.log_lines(&lines);
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

    fn perform_one(&mut self, effect: Effect, now: Timestamp, lines: &mut Vec<Line>) {
        if !matches!(effect, Effect::SendBatch(_)) {
            self.send_collected(now);
        }
        match effect {
            Effect::Log(line) => lines.push(line),
            Effect::LogLimited(client, line) => {
                if self.log_limiter.allow_ip(client, now) {
                    lines.push(line);
                }
            }
            Effect::Observe(event) => {
                if let ClientEvent::TransferCompleted(transfer) = &event
                    && let Some(script) = &mut self.script
                {
                    script.report(transfer);
                }
                lines.extend(self.observe(event, now));
            }
            Effect::Send(datagram) => self.send(datagram, now, now + SEND_RETRY_WINDOW, lines),
            Effect::SendBatch(batch) => self.collect_batch(batch, now),
            Effect::SendDelayed(seconds, datagram) => {
                let due = now + Duration::from_secs(seconds.into());
                let oldest = self.delayed_replies.add(due, datagram, due + SEND_RETRY_WINDOW);
                if let Some(oldest) = oldest {
                    self.send(oldest, now, now + SEND_RETRY_WINDOW, lines);
                }
            }
            Effect::OpenSocket { token, local, interface } => {
                self.open_socket(token, (local, interface), now);
            }
            Effect::WatchSocket { id, mode } => self.watch_socket(id, mode, now),
            Effect::CloseSocket(id) => self.sockets.transfers().close(id),
        }
    }

    fn log_lines(&self, lines: &[Line]) {
        for line in lines {
            self.logger.write(line);
        }
    }

    /// Sends a datagram. An error of a DHCP reply is logged. If the send buffer is full, a DHCP reply is tried again
    /// until `end`. A TFTP datagram that cannot be sent counts as lost: the timer of the transfer sends it again.
    fn send(
        &mut self,
        mut datagram: Datagram,
        now: Timestamp,
        end: Timestamp,
        lines: &mut Vec<Line>,
    ) {
        if let Some(client) = datagram.neighbour.take() {
            self.prepare_neighbour(&mut datagram, client, lines);
        }
        let SocketAddr::V4(to) = datagram.to else {
            // Only TFTP has IPv6.
            let _ = self.sockets.send(&datagram);
            return;
        };
        match self.sockets.send(&datagram) {
            Ok(()) => {}
            Err(_) if matches!(datagram.via, EgressSocket::Transfer(_) | EgressSocket::Tftp(_)) => {
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && now < end => {
                // If there are too many, the oldest reply is dropped: it cannot be sent either.
                let _ = self.delayed_replies.add(now + SEND_RETRY_INTERVAL, datagram, end);
            }
            Err(error) => {
                let line = DhcpLine::SendFailed { to: *to.ip(), reason: strerror(&error) };
                lines.push(Line::Dhcp(None, line));
            }
        }
    }

    /// Lets the kernel know the hardware address of the receiver, which does not answer ARP yet; or broadcasts the datagram.
    fn prepare_neighbour(
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
