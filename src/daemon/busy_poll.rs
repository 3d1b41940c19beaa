//! Whether to look for the next datagram for a moment before going to sleep.
//!
//! Being woken takes longer than a near client needs for its next datagram. But looking costs a processor, and is for
//! nothing where the client is far, or needs the very processor that looks. So it is done where it has paid just now: where
//! somebody who was served a moment ago had more to say. Where nobody has, it is tried ever more rarely.

use super::sockets::EventSource;
use std::collections::VecDeque;
use std::time::Duration;

/// What is known of whether it pays.
pub struct BusyPoll {
    /// Whether there is a second processor, which has the client.
    possible: bool,
    /// Turns without trying.
    skips: u32,
    /// How many of them after the next failure.
    penalty: u32,
    /// How often our processor was taken from us, up to the last try.
    preemptions: i64,
    /// Datagrams that went to transfers since.
    sent: u32,
    /// Who was served last.
    recent: VecDeque<EventSource>,
}

/// As long as the kernel's own busy polling is recommended to be (`net.core.busy_poll`).
const BUSY_POLL_TIME: Duration = Duration::from_micros(50);
/// What a client takes for each datagram, before it answers a window.
const PENALTY_PER_PREEMPTION: Duration = Duration::from_micros(1);
/// Where more than that had something to say at once, there is mostly more to hear without waiting.
const MIN_RECENT: usize = 2;
/// So many are remembered. Thousands of slow clients are not: each of them is back when it is forgotten.
const RECENT: usize = 8;
/// One try in so many costs nothing that can be measured.
const MAX_SKIPS: u32 = 256;

impl BusyPoll {
    /// Nothing is known yet.
    pub fn new(processors: i64) -> Self {
        let recent = VecDeque::with_capacity(RECENT);
        Self { possible: processors > 1, skips: 0, penalty: 1, preemptions: 0, sent: 0, recent }
    }

    /// How long to look, after a turn that served these and has left so many transfers open.
    pub fn duration(&mut self, served: &[EventSource], transfers: usize) -> Duration {
        let sent = std::mem::take(&mut self.sent);
        if !self.possible {
            return Duration::ZERO;
        }
        // DHCP is a conversation of few words: there is no time to learn, and little to lose.
        if served.iter().any(|role| matches!(role, EventSource::ProxyDhcp(_))) {
            return BUSY_POLL_TIME;
        }
        if transfers == 0 {
            // The next one is another one.
            (self.skips, self.penalty) = (0, 1);
            self.recent.clear();
        }
        let mut talking = served
            .iter()
            .filter(|role| matches!(role, EventSource::Transfer(_) | EventSource::Tftp(_)));
        let count = talking.clone().count();
        if transfers == 0 || count == 0 || count > MIN_RECENT {
            return Duration::ZERO;
        }
        talking.by_ref().for_each(|role| self.record_receive(*role));
        if self.skips > 0 {
            self.skips -= 1;
            return Duration::ZERO;
        }
        BUSY_POLL_TIME + PENALTY_PER_PREEMPTION * sent
    }

    fn record_receive(&mut self, role: EventSource) {
        if !self.recent.contains(&role) {
            self.recent.truncate(RECENT - 1);
            self.recent.push_front(role);
        }
    }

    /// A window of so many datagrams was sent.
    pub fn record_send(&mut self, datagrams: u32) {
        self.sent += datagrams;
    }

    /// Who has come in that time, and how often our processor was taken from us up to now. If it was meanwhile, then
    /// whoever came would have come sooner without us. Somebody new says nothing for it nor against it.
    pub fn record_outcome(&mut self, came: &[EventSource], preemptions: i64) {
        let alone = std::mem::replace(&mut self.preemptions, preemptions) == preemptions;
        if came.is_empty() || !alone {
            self.skips = self.penalty;
            self.penalty = (self.penalty * 2).min(MAX_SKIPS);
        } else if came.iter().any(|role| self.recent.contains(role)) {
            self.penalty = 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of a hundred thousand in which somebody looked, where looking pays or not.
    fn looks(pays: bool, alone: bool) -> u32 {
        let mut linger = BusyPoll::new(2);
        let (mut looked, mut preemptions) = (0, 0);
        for _ in 0..100_000 {
            if linger.duration(&[EventSource::Transfer(1)], 1) > Duration::ZERO {
                looked += 1;
                preemptions += i64::from(!alone);
                let came = if pays { &[EventSource::Transfer(1)][..] } else { &[] };
                linger.record_outcome(came, preemptions);
            }
        }
        looked
    }

    #[test]
    fn it_is_done_where_it_pays() {
        assert_eq!(looks(true, true), 100_000);
        assert!(looks(false, true) <= 400 && looks(true, false) <= 400);
    }

    #[test]
    fn a_client_is_given_time_for_what_it_got() {
        let mut linger = BusyPoll::new(2);
        linger.record_send(64);
        let served = [EventSource::Transfer(1)];
        assert_eq!(linger.duration(&served, 1), BUSY_POLL_TIME + PENALTY_PER_PREEMPTION * 64);
        assert_eq!(linger.duration(&served, 1), BUSY_POLL_TIME);
    }

    #[test]
    fn nobody_looks_without_need() {
        assert_eq!(BusyPoll::new(1).duration(&[EventSource::Transfer(1)], 1), Duration::ZERO);
        let mut linger = BusyPoll::new(2);
        assert_eq!(linger.duration(&[], 1), Duration::ZERO, "nobody was served");
        assert_eq!(
            linger.duration(&[EventSource::Transfer(1)], 0),
            Duration::ZERO,
            "nobody is left"
        );
        let many = [1, 2, 3].map(EventSource::Transfer);
        assert_eq!(linger.duration(&many, 3), Duration::ZERO, "there is mostly more");
    }

    #[test]
    fn thousands_of_slow_clients_are_no_reason_to_look() {
        let mut linger = BusyPoll::new(2);
        let looked = (0..100_000_usize).filter(|turn| {
            let looks =
                linger.duration(&[EventSource::Transfer(turn % 5000)], 5000) > Duration::ZERO;
            if looks {
                // Every fourth time another one comes meanwhile.
                let came = [EventSource::Transfer((turn + 1) % 5000)];
                linger.record_outcome(&came[usize::from(turn % 4 != 0)..], 0);
            }
            looks
        });
        assert!(looked.count() <= 1000);
    }
}
