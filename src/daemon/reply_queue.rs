//! DHCP replies and TFTP errors that leave together, and DHCP replies that leave later.

use super::Daemon;
use crate::log_line::{DhcpLine, Line};
use crate::net::Datagram;
use crate::strerror::strerror;
use crate::sys::reply_batch::Reply;
use crate::time::Timestamp;
use std::collections::BTreeMap;
use std::io;
use std::net::{SocketAddr, SocketAddrV4};
use std::time::Duration;

/// What the effects of one call of [`Daemon::perform`] cause: lines for the log, and replies and errors that leave together
/// before the lines are written.
#[derive(Default)]
pub struct Output {
    /// The lines, in their order.
    pub lines: Vec<Line>,
    /// Replies that go by one socket.
    replies: Vec<QueuedReply>,
    /// Errors of TFTP requests that begin no transfer. One that cannot be sent counts as lost: the client repeats its request.
    pub errors: Vec<Datagram>,
}

/// A reply in [`Output`].
struct QueuedReply {
    datagram: Datagram,
    /// Its destination.
    to: SocketAddrV4,
    /// While the send buffer is full, sending is tried again until this time.
    end: Timestamp,
    /// The number of lines before it. If it cannot be sent, a line about it follows them.
    lines: usize,
}

/// Replies that are sent later: because of `dhcp-reply-delay`, or because the send buffer is full.
#[derive(Default)]
pub struct DelayedReplies {
    /// By time and order. Each has the time until which sending is tried again.
    replies: BTreeMap<(Timestamp, u64), (Datagram, Timestamp)>,
    count: u64,
}

/// Replies that are delayed or sent again, at most.
const MAX_DELAYED: usize = 1024;
/// How long sending is tried again while the send buffer is full, and how often.
const SEND_RETRY_WINDOW: Duration = Duration::from_millis(10);
const SEND_RETRY_INTERVAL: Duration = Duration::from_millis(1);

impl DelayedReplies {
    /// When the next reply is due.
    pub fn next(&self) -> Option<Timestamp> {
        self.replies.first_key_value().map(|((due, _), _)| *due)
    }

    /// Stores a reply. If there are too many, removes and returns the one that is due first.
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
        let mut output = Output::default();
        while let Some((datagram, end)) = self.delayed_replies.due(now) {
            self.queue_reply(datagram, end, now, &mut output);
        }
        self.finish(output, now);
    }

    /// As [`queue_reply`](Self::queue_reply), for a reply that is sent the first time.
    pub(super) fn queue_first(&mut self, datagram: Datagram, now: Timestamp, output: &mut Output) {
        self.queue_reply(datagram, now + SEND_RETRY_WINDOW, now, output);
    }

    /// Stores a reply until its time. If there are too many, the oldest one is sent now.
    pub(super) fn delay_reply(
        &mut self,
        delay: Duration,
        datagram: Datagram,
        now: Timestamp,
        output: &mut Output,
    ) {
        let due = now + delay;
        if let Some(oldest) = self.delayed_replies.add(due, datagram, due + SEND_RETRY_WINDOW) {
            self.queue_first(oldest, now, output);
        }
    }

    /// Adds a reply to those that leave together. While the send buffer is full, it is tried again until `end`.
    fn queue_reply(
        &mut self,
        mut datagram: Datagram,
        end: Timestamp,
        now: Timestamp,
        output: &mut Output,
    ) {
        if let Some(client) = datagram.neighbour.take() {
            self.prepare_neighbour(&mut datagram, client, &mut output.lines);
        }
        // DHCP has no IPv6 here.
        let SocketAddr::V4(to) = datagram.to else { return };
        if output.replies.first().is_some_and(|first| first.datagram.via != datagram.via) {
            self.send_replies(output, now);
        }
        let lines = output.lines.len();
        output.replies.push(QueuedReply { datagram, to, end, lines });
    }

    /// Sends the replies and errors, and then writes the lines: a client does not wait for the log.
    pub(super) fn finish(&mut self, mut output: Output, now: Timestamp) {
        self.send_replies(&mut output, now);
        self.sockets.send_errors(&output.errors);
        for line in &output.lines {
            self.logger.write(line);
        }
    }

    fn send_replies(&mut self, output: &mut Output, now: Timestamp) {
        let Output { lines, replies, .. } = output;
        let Some(first) = replies.first() else { return };
        let datagrams: Vec<Reply<'_>> = replies.iter().map(QueuedReply::reply).collect();
        let mut failures = self.sockets.send_replies(first.datagram.via, &datagrams);
        if failures.is_empty() {
            return replies.clear();
        }
        let mut added = 0;
        for (index, reply) in replies.drain(..).enumerate() {
            let Some(failure) = failures.pop_if(|(failed, _)| *failed == index) else { continue };
            let at = reply.lines + added;
            if let Some(line) = self.not_sent(reply, &failure.1, now) {
                lines.insert(at, Line::Dhcp(None, line));
                added += 1;
            }
        }
    }

    /// A reply that could not be sent is tried again if the send buffer is full. The line about any other error, and about a
    /// reply that is dropped because too many are tried again.
    fn not_sent(
        &mut self,
        reply: QueuedReply,
        error: &io::Error,
        now: Timestamp,
    ) -> Option<DhcpLine> {
        let QueuedReply { datagram, mut to, end, .. } = reply;
        if error.kind() == io::ErrorKind::WouldBlock && now < end {
            // If there are too many, one reply is dropped: the send buffer has no space for it either. The line is about that one.
            let dropped = self.delayed_replies.add(now + SEND_RETRY_INTERVAL, datagram, end)?;
            let SocketAddr::V4(destination) = dropped.to else { return None };
            to = destination;
        }
        self.monitoring.observed.dhcp_send_errors += 1;
        // A line for each of many clients would fill the log.
        let is_logged = self.log_limiter.allow_send_error(error, now);
        is_logged.then(|| DhcpLine::SendFailed { to: *to.ip(), reason: strerror(error) })
    }
}

impl QueuedReply {
    fn reply(&self) -> Reply<'_> {
        Reply::new(&self.datagram, self.to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::net::EgressSocket;
    use std::net::Ipv4Addr;

    fn reply_to(client: u32) -> Datagram {
        Datagram {
            via: EgressSocket::Dhcp,
            to: (Ipv4Addr::from(client), 68).into(),
            from: None,
            interface: 0,
            neighbour: None,
            bytes: Vec::new(),
        }
    }

    #[test]
    fn reply_beyond_the_limit_removes_the_one_that_is_due_first() {
        let mut delayed = DelayedReplies::default();
        for client in 0..1024_u32 {
            let due = Timestamp(u64::from(5000 - client));
            assert_eq!(delayed.add(due, reply_to(client), due), None);
        }
        assert_eq!(
            delayed.add(Timestamp(9000), reply_to(1024), Timestamp(9000)),
            Some(reply_to(1023))
        );
        assert_eq!(delayed.next(), Some(Timestamp(5000 - 1022)));
    }
}
