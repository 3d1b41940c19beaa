//! What was decided is done.

use super::Daemon;
use crate::effect::Effect;
use crate::log_line::{DhcpLine, Line};
use crate::net::{Batch, Datagram, EgressSocket};
use crate::strerror::strerror;
use crate::sys::neighbour;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

/// Replies that wait: for their time, or for room.
#[derive(Default)]
pub struct DelayedReplies {
    /// By when and in order, and until when it is worth trying to send them.
    replies: BTreeMap<(Timestamp, u64), (Datagram, Timestamp)>,
    count: u64,
}

/// Replies that may wait for their time (`dhcp-reply-delay`).
const MAX_DELAYED: usize = 1024;
/// Milliseconds for which a reply is tried to be sent.
const SEND_RETRY_WINDOW: Duration = Duration::from_millis(10);

impl DelayedReplies {
    /// When the next is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.replies.first_key_value().map(|((due, _), _)| *due)
    }

    /// Keeps one, and takes what has waited for the longest time where there are too many: it may go before its time.
    fn add(&mut self, due: Timestamp, datagram: Datagram, end: Timestamp) -> Option<Datagram> {
        self.count += 1;
        self.replies.insert((due, self.count), (datagram, end));
        let too_many = self.replies.len() > MAX_DELAYED;
        let (_, (oldest, _)) = too_many.then(|| self.replies.pop_first()).flatten()?;
        Some(oldest)
    }

    fn due(&mut self, now: Timestamp) -> Option<(Datagram, Timestamp)> {
        let entry = self.replies.first_entry().filter(|entry| entry.key().0 <= now)?;
        Some(entry.remove())
    }
}

impl Daemon {
    /// Sends replies whose time has come.
    pub(super) fn send_delayed(&mut self, now: Timestamp) {
        let mut told = Vec::new();
        while let Some((datagram, end)) = self.delayed_replies.due(now) {
            self.send(datagram, now, end, &mut told);
        }
        told.iter().for_each(|line| self.logger.write(line));
    }

    /// Does what was decided. Lines are written in their order, when all is sent: no client waits for the log.
    pub(super) fn perform(&mut self, now: Timestamp) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut told = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Log(line) => told.push(line),
                Effect::Send(datagram) => {
                    self.send(datagram, now, now + SEND_RETRY_WINDOW, &mut told)
                }
                Effect::SendBatch(batch) => self.send_batch(batch),
                Effect::SendDelayed(seconds, datagram) => {
                    let due = now + Duration::from_secs(seconds.into());
                    if let Some(oldest) =
                        self.delayed_replies.add(due, datagram, due + SEND_RETRY_WINDOW)
                    {
                        self.send(oldest, now, now + SEND_RETRY_WINDOW, &mut told);
                    }
                }
                Effect::LogLimited(client, line) => {
                    told.extend(self.teller.allow_ip(client, now).then_some(line));
                }
                Effect::Observe(sight) => self.observe(sight, now),
                Effect::RunScript(sent) => {
                    let remark = self.monitor.file_sent(&sent, now);
                    remark.into_iter().for_each(|remark| self.report(remark, now));
                    self.script.iter_mut().for_each(|script| script.report(&sent));
                }
                Effect::CloseSocket(id) => self.sockets.transfers().close(id),
            }
        }
        self.effects = effects;
        told.iter().for_each(|line| self.logger.write(line));
    }

    /// Sends a datagram; tells what went wrong. One of a transfer that cannot be sent is lost like any other, and is
    /// sent again in time. A reply that has no room is tried again, until `end`.
    fn send(
        &mut self,
        mut datagram: Datagram,
        now: Timestamp,
        end: Timestamp,
        told: &mut Vec<Line>,
    ) {
        let neighbour = datagram.neighbour.take();
        let SocketAddr::V4(to) = datagram.to else { return drop(self.sockets.send(&datagram)) };
        if let Some(client) = neighbour
            && let Some(link) = self.interfaces.by_index(client.interface)
            && let Err(error) = neighbour::insert(link, *to.ip(), &client)
        {
            told.push(Line::Dhcp(None, DhcpLine::ArpFailed(strerror(&error))));
        }
        match self.sockets.send(&datagram) {
            Err(_) if matches!(datagram.via, EgressSocket::Transfer(_) | EgressSocket::Tftp(_)) => {
            }
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && now < end => {
                // If nothing has room, this is what is lost.
                drop(self.delayed_replies.add(now + Duration::from_millis(1), datagram, end));
            }
            Err(error) => {
                let line = DhcpLine::SendFailed { to: *to.ip(), reason: strerror(&error) };
                told.push(Line::Dhcp(None, line));
            }
            Ok(()) => {}
        }
    }

    /// Sends a window. What fails is lost like any other datagram; what finds no room is sent when there is.
    fn send_batch(&mut self, batch: Batch) {
        let datagrams = batch.bytes.len().div_ceil(batch.segment);
        self.busy_poll.record_send(u32::try_from(datagrams).unwrap_or_default());
        if let Ok(gone) = self.sockets.send_batch(&batch)
            && gone < batch.bytes.len()
            && let EgressSocket::Transfer(id) = batch.via
        {
            self.tftp.mark_unsent(id, (gone / batch.segment) as u64);
        }
        self.tftp.recycle_buffer(batch.bytes);
    }
}
