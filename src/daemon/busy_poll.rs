//! Busy polling: whether the loop polls without sleeping for a short time, before it waits.
//!
//! A wake-up takes longer than a near client needs for its next datagram. Busy polling helps only if the peer answers within
//! about 50 us and runs on another processor. So it is used while it succeeds: while clients that were served recently send
//! datagrams in that time. After each failure it is tried less often.

use super::sockets::EventSource;
use std::collections::VecDeque;
use std::time::Duration;

/// The results of busy polling so far.
pub struct BusyPoll {
    /// Whether the machine has more than one processor.
    possible: bool,
    /// Turns of the loop until the next try.
    skips: u32,
    /// The value of `skips` after the next failure.
    penalty: u32,
    /// Involuntary context switches up to the last try.
    preemptions: i64,
    /// Datagrams that were sent to transfers since the last try.
    sent: u32,
    /// The sockets that were served last.
    recent: VecDeque<EventSource>,
    /// Turns that served transfers, since there was no transfer.
    turns: u32,
}

/// The time that is recommended for the kernel's busy polling (`net.core.busy_poll`).
const BUSY_POLL_TIME: Duration = Duration::from_micros(50);
/// The time that a client needs for each datagram of a window, before it sends an ACK.
const TIME_PER_DATAGRAM: Duration = Duration::from_micros(1);
/// If more sockets were ready in one turn, the next ones are usually ready without busy polling.
const MAX_READY: usize = 2;
/// Sockets that are remembered. With thousands of slow clients, each socket is forgotten before it is ready again.
const MAX_RECENT: usize = 8;
/// The maximum of turns between two tries. One try in 256 turns has no measurable cost.
const MAX_SKIPS: u32 = 256;
/// In the first 64 turns the loop does not poll: for a small file, polling costs more than it gains.
const TURNS_WITHOUT_POLLING: u32 = 64;

impl BusyPoll {
    /// No results yet.
    pub fn new(processors: i64) -> Self {
        let recent = VecDeque::with_capacity(MAX_RECENT);
        let possible = processors > 1;
        Self { possible, skips: 0, penalty: 1, preemptions: 0, sent: 0, recent, turns: 0 }
    }

    /// The time to poll without sleeping, after a turn that served these sockets. `transfers`: the number of open transfers.
    pub fn duration(&mut self, served: &[EventSource], transfers: usize) -> Duration {
        let sent = std::mem::take(&mut self.sent);
        if !self.possible {
            return Duration::ZERO;
        }
        // A DHCP exchange is too short to collect results, and costs little.
        if served.iter().any(|source| matches!(source, EventSource::ProxyDhcp(_))) {
            return BUSY_POLL_TIME;
        }
        if transfers == 0 {
            // Results of earlier transfers are not valid for the next one.
            (self.skips, self.penalty, self.turns) = (0, 1, 0);
            self.recent.clear();
        }
        let ready = served
            .iter()
            .filter(|source| matches!(source, EventSource::Transfer(_) | EventSource::Tftp(_)));
        let count = ready.clone().count();
        if transfers == 0 || count == 0 || count > MAX_READY {
            return Duration::ZERO;
        }
        for source in ready {
            self.record_receive(*source);
        }
        if self.turns < TURNS_WITHOUT_POLLING {
            self.turns += 1;
            return Duration::ZERO;
        }
        if self.skips > 0 {
            self.skips -= 1;
            return Duration::ZERO;
        }
        BUSY_POLL_TIME + TIME_PER_DATAGRAM * sent
    }

    fn record_receive(&mut self, source: EventSource) {
        if !self.recent.contains(&source) {
            self.recent.truncate(MAX_RECENT - 1);
            self.recent.push_front(source);
        }
    }

    /// Counts datagrams that were sent to a transfer.
    pub fn record_send(&mut self, datagrams: u32) {
        self.sent += datagrams;
    }

    /// Records the sockets that became ready while polling, and the involuntary context switches up to now. If there was one
    /// meanwhile, another process needed the processor: that is a failure. A socket that was not served recently is neither
    /// success nor failure.
    pub fn record_outcome(&mut self, arrived: &[EventSource], preemptions: i64) {
        let undisturbed = std::mem::replace(&mut self.preemptions, preemptions) == preemptions;
        if arrived.is_empty() || !undisturbed {
            self.skips = self.penalty;
            self.penalty = (self.penalty * 2).min(MAX_SKIPS);
        } else if arrived.iter().any(|source| self.recent.contains(source)) {
            self.penalty = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What happens while polling.
    #[derive(Clone, Copy, PartialEq)]
    enum Outcome {
        Datagram,
        Nothing,
        Preempted,
    }

    /// The number of turns with busy polling, of 100,000.
    fn polled_turns(outcome: Outcome) -> u32 {
        let mut busy_poll = BusyPoll::new(2);
        let (mut polled, mut preemptions) = (0, 0);
        for _ in 0..100_000 {
            if busy_poll.duration(&[EventSource::Transfer(1)], 1) > Duration::ZERO {
                polled += 1;
                preemptions += i64::from(outcome == Outcome::Preempted);
                let arrived = match outcome {
                    Outcome::Nothing => &[][..],
                    _ => &[EventSource::Transfer(1)],
                };
                busy_poll.record_outcome(arrived, preemptions);
            }
        }
        polled
    }

    #[test]
    fn busy_polling_is_used_while_it_succeeds() {
        assert_eq!(polled_turns(Outcome::Datagram), 100_000 - TURNS_WITHOUT_POLLING);
        assert!(polled_turns(Outcome::Nothing) <= 400);
        assert!(polled_turns(Outcome::Preempted) <= 400);
    }

    #[test]
    fn polling_time_grows_with_the_datagrams_of_a_window() {
        let mut busy_poll = BusyPoll::new(2);
        let served = [EventSource::Transfer(1)];
        for _ in 0..TURNS_WITHOUT_POLLING {
            assert_eq!(busy_poll.duration(&served, 1), Duration::ZERO);
        }
        busy_poll.record_send(64);
        assert_eq!(busy_poll.duration(&served, 1), BUSY_POLL_TIME + TIME_PER_DATAGRAM * 64);
        assert_eq!(busy_poll.duration(&served, 1), BUSY_POLL_TIME);
    }

    #[test]
    fn busy_polling_is_not_used_without_a_client_that_may_answer() {
        assert_eq!(BusyPoll::new(1).duration(&[EventSource::Transfer(1)], 1), Duration::ZERO);
        let mut busy_poll = BusyPoll::new(2);
        assert_eq!(busy_poll.duration(&[], 1), Duration::ZERO, "no socket was served");
        assert_eq!(
            busy_poll.duration(&[EventSource::Transfer(1)], 0),
            Duration::ZERO,
            "no transfer is left"
        );
        let many = [1, 2, 3].map(EventSource::Transfer);
        assert_eq!(busy_poll.duration(&many, 3), Duration::ZERO, "more sockets are usually ready");
    }

    #[test]
    fn busy_polling_is_rare_with_thousands_of_slow_clients() {
        let mut busy_poll = BusyPoll::new(2);
        let polled = (0..100_000_usize).filter(|turn| {
            let polls =
                busy_poll.duration(&[EventSource::Transfer(turn % 5000)], 5000) > Duration::ZERO;
            if polls {
                // In every fourth try, another client sends a datagram.
                let arrived = [EventSource::Transfer((turn + 1) % 5000)];
                busy_poll.record_outcome(&arrived[usize::from(turn % 4 != 0)..], 0);
            }
            polls
        });
        assert!(polled.count() <= 1000);
    }
}
