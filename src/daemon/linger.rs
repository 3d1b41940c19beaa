//! Whether to look for the next datagram for a moment before going to sleep.
//!
//! Being woken takes longer than a near client needs for its next datagram. But looking costs a processor, and is for
//! nothing where the client is far, or needs the very processor that looks. So it is done where it has paid just now,
//! and tried ever more rarely where it has not.

use super::sockets::Role;
use std::time::Duration;

/// What is known of whether it pays.
pub struct Linger {
    /// Whether there is a second processor, which has the client.
    possible: bool,
    /// Turns without trying.
    rests: u32,
    /// How many of them after the next failure.
    penalty: u32,
    /// How often our processor was taken from us, up to the last try.
    preemptions: i64,
    /// Datagrams that went to transfers since.
    sent: u32,
}

/// As long as the kernel's own busy polling is recommended to be (`net.core.busy_poll`).
const LINGER: Duration = Duration::from_micros(50);
/// What a client takes for each datagram, before it answers a window.
const FOR_EACH: Duration = Duration::from_micros(1);
/// With more transfers than that, one of them mostly has something anyway.
const FEW: usize = 4;
/// One try in so many costs nothing that can be measured.
const MOST_RESTS: u32 = 256;

impl Linger {
    /// Nothing is known yet.
    pub fn new(processors: i64) -> Self {
        Self { possible: processors > 1, rests: 0, penalty: 1, preemptions: 0, sent: 0 }
    }

    /// How long to look, after a turn that served these and has left so many transfers open.
    pub fn time(&mut self, served: &[Role], transfers: usize) -> Duration {
        let sent = std::mem::take(&mut self.sent);
        if !self.possible {
            return Duration::ZERO;
        }
        // DHCP is a conversation of few words: there is no time to learn, and little to lose.
        if served.iter().any(|role| matches!(role, Role::Dhcp(_))) {
            return LINGER;
        }
        if transfers == 0 {
            // The next one is another one.
            (self.rests, self.penalty) = (0, 1);
        }
        let transfer = |role: &Role| matches!(role, Role::Transfer(_) | Role::Tftp(_));
        if transfers == 0 || transfers > FEW || !served.iter().any(transfer) {
            return Duration::ZERO;
        }
        if self.rests > 0 {
            self.rests -= 1;
            return Duration::ZERO;
        }
        LINGER + FOR_EACH * sent
    }

    /// A window of so many datagrams was sent.
    pub fn has_sent(&mut self, datagrams: u32) {
        self.sent += datagrams;
    }

    /// Whether something has come in that time, and how often our processor was taken from us up to now. If it was
    /// meanwhile, then whatever came would have come sooner without us.
    pub fn learn(&mut self, came: bool, preemptions: i64) {
        let alone = std::mem::replace(&mut self.preemptions, preemptions) == preemptions;
        if came && alone {
            self.penalty = 1;
        } else {
            self.rests = self.penalty;
            self.penalty = (self.penalty * 2).min(MOST_RESTS);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Turns of a hundred thousand in which somebody looked, where looking pays or not.
    fn looks(pays: bool, alone: bool) -> u32 {
        let mut linger = Linger::new(2);
        let (mut looked, mut preemptions) = (0, 0);
        for _ in 0..100_000 {
            if linger.time(&[Role::Transfer(1)], 1) > Duration::ZERO {
                looked += 1;
                preemptions += i64::from(!alone);
                linger.learn(pays, preemptions);
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
        let mut linger = Linger::new(2);
        linger.has_sent(64);
        let served = [Role::Transfer(1)];
        assert_eq!(linger.time(&served, 1), LINGER + FOR_EACH * 64);
        assert_eq!(linger.time(&served, 1), LINGER);
    }

    #[test]
    fn nobody_looks_without_need() {
        assert_eq!(Linger::new(1).time(&[Role::Transfer(1)], 1), Duration::ZERO);
        let mut linger = Linger::new(2);
        assert_eq!(linger.time(&[], 1), Duration::ZERO, "nobody was served");
        assert_eq!(linger.time(&[Role::Transfer(1)], 0), Duration::ZERO, "nobody is left");
        assert_eq!(linger.time(&[Role::Transfer(1)], 5), Duration::ZERO, "there are enough");
    }
}
