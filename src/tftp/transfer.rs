//! One TFTP read transfer: which blocks to send and when (RFC 1350, RFC 7440; spec: TFTP, sections 6, 8, 9).
//!
//! No socket, no file, no clock. Blocks are counted in 64 bits here; only their low 16 travel, and 65535 is followed
//! by 0.

use super::round_trip::RoundTrip;
use std::ops::Range;

/// Milliseconds since some start, whose whole seconds are those of the clock on the wall.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Millis(pub u64);

impl Millis {
    /// The whole second this is in: towards a silent client dnsmasq counts those, and its schedule is kept.
    #[must_use]
    pub fn whole_second(self) -> Self {
        Self(self.0 / 1000 * 1000)
    }

    /// So many seconds later.
    #[must_use]
    pub fn plus_seconds(self, seconds: u64) -> Self {
        Self(self.0 + seconds * 1000)
    }

    /// So many milliseconds later.
    #[must_use]
    pub fn plus(self, millis: u64) -> Self {
        Self(self.0 + millis)
    }
}

/// What happens to a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The client has a block, and all before it.
    Ack(u16),
    /// Time has passed.
    Tick,
}

/// What must be done now. At most one thing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Nothing.
    Wait,
    /// Send these blocks, in order. Block 0 is the OACK.
    Send(Range<u64>),
    /// The transfer is over.
    Close(Outcome),
}

/// How a transfer ends by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client has everything, or all but said so.
    Sent,
    /// The client fell silent.
    TimedOut,
}

/// What was agreed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Blocks in flight at most; 1 unless agreed (RFC 7440).
    pub window: u64,
    /// Seconds until the first repeat; 2 unless agreed (RFC 2349).
    pub timeout: u64,
    /// Whether the client has asked for this timeout.
    pub agreed: bool,
    /// Whether an OACK goes first.
    pub oack: bool,
}

/// A transfer under way.
///
/// Until an answer has been timed, repeats follow dnsmasq's schedule, in its whole seconds. After that the clock of the
/// client counts (RFC 6298), and no pause is longer than dnsmasq's.
#[derive(Clone, Debug)]
pub struct Transfer {
    terms: Terms,
    /// What was sent last and is not acknowledged.
    in_flight: Range<u64>,
    /// The block that ends the file, as soon as it is known.
    last: Option<u64>,
    /// Repeats since the last progress count into the pauses between them.
    backoff: u32,
    due: Millis,
    progress: Millis,
    round_trip: Option<RoundTrip>,
    /// When what is in flight was sent, if only once: the answer to a repeat says nothing about time (Karn).
    timed: Option<Millis>,
    /// How often the timeout has doubled since an answer was timed.
    doubled: u32,
    /// When what is in flight was last sent to fill a gap.
    repaired: Option<Millis>,
}

/// A client that says nothing for longer is gone.
const PATIENCE: u64 = 121;
/// A pause that has doubled so often is longer than anybody waits.
const MOST_DOUBLED: u32 = 20;

impl Transfer {
    /// Starts; its first block is to be sent at once.
    pub fn start(terms: Terms, last: Option<u64>, now: Millis) -> (Self, Range<u64>) {
        let first = u64::from(!terms.oack);
        let in_flight = first..first + 1;
        let transfer = Self {
            terms,
            in_flight: in_flight.clone(),
            last,
            backoff: 1,
            due: now.plus_seconds(terms.timeout),
            progress: now,
            round_trip: None,
            timed: Some(now),
            doubled: 0,
            repaired: None,
        };
        (transfer, in_flight)
    }

    /// Which block ends the file, where only sending it could tell.
    pub fn ends_with(&mut self, block: u64) {
        self.last = Some(block);
    }

    /// What was to be sent had to wait for the disk: the answer will tell nothing about the client.
    pub fn is_held_up(&mut self) {
        self.timed = None;
    }

    /// Whether a block is sent when the one before is acknowledged, and not sooner.
    pub fn is_lockstep(&self) -> bool {
        self.terms.window == 1
    }

    /// The next moment at which [`Event::Tick`] does something.
    pub fn deadline(&self) -> Millis {
        self.due.min(self.progress.plus_seconds(PATIENCE))
    }

    /// What an event asks for.
    pub fn on(&mut self, event: Event, now: Millis) -> Action {
        match event {
            Event::Ack(low) => match self.widened(low) {
                Some(block) if self.last.is_some_and(|last| block >= last) => {
                    Action::Close(Outcome::Sent)
                }
                Some(block) => self.advance(block + 1, now),
                None if self.misses_the_first(low, now) => self.repair(now),
                // Stale, repeated or forged: nothing at all (no Sorcerer's Apprentice).
                None => Action::Wait,
            },
            Event::Tick if now >= self.progress.plus_seconds(PATIENCE) => {
                Action::Close(self.abandoned())
            }
            Event::Tick if now >= self.due => self.repeat(now),
            Event::Tick => Action::Wait,
        }
    }

    /// The block in flight whose low half is `low`, if any.
    fn widened(&self, low: u16) -> Option<u64> {
        self.in_flight.clone().find(|block| block & 0xffff == u64::from(low))
    }

    /// Whether a client says once more that it has nothing of a window: what follows a lost first block has reached
    /// it. One that says so for each of them is heard once in a round trip.
    fn misses_the_first(&self, low: u16, now: Millis) -> bool {
        let repeated = self.in_flight.start.checked_sub(1).map(|block| block & 0xffff);
        let usual = self.round_trip.map_or(0, |round_trip| round_trip.usual());
        self.terms.window > 1
            && repeated == Some(low.into())
            && self.repaired.is_none_or(|repaired| now > repaired.plus(usual))
    }

    fn advance(&mut self, base: u64, now: Millis) -> Action {
        let whole = base >= self.in_flight.end;
        let end = base + self.terms.window;
        let end = self.last.map_or(end, |last| end.min(last + 1));
        self.in_flight = base..end;
        self.measure(now);
        self.progress = now.whole_second();
        self.backoff = 0;
        self.timed = Some(now);
        // The rest of a window is sent again because some of it was lost.
        self.repaired = (!whole).then_some(now);
        self.due = self.progress;
        self.pause(now);
        Action::Send(self.in_flight.clone())
    }

    fn measure(&mut self, now: Millis) {
        let Some(sent) = self.timed else { return };
        let took = now.0.saturating_sub(sent.0);
        match &mut self.round_trip {
            Some(round_trip) => round_trip.measured(took),
            first => *first = Some(RoundTrip::first(took)),
        }
        self.doubled = 0;
    }

    /// A gap is filled at once.
    fn repair(&mut self, now: Millis) -> Action {
        (self.repaired, self.timed) = (Some(now), None);
        if let Some(timeout) = self.timeout() {
            self.due = now.plus(timeout);
        }
        Action::Send(self.in_flight.clone())
    }

    /// No answer has come.
    fn repeat(&mut self, now: Millis) -> Action {
        (self.repaired, self.timed) = (Some(now), None);
        self.doubled = (self.doubled + 1).min(MOST_DOUBLED);
        self.pause(now);
        Action::Send(self.in_flight.clone())
    }

    /// dnsmasq's pauses grow on top of the agreed timeout: 1, 1, 2, 2, 4, 4, ... seconds.
    fn pause(&mut self, now: Millis) {
        let seconds = self.terms.timeout + (1 << (self.backoff / 2));
        self.backoff = (self.backoff + 1).min(MOST_DOUBLED);
        self.due = match self.timeout() {
            Some(timeout) => now.plus(timeout.min(seconds * 1000)),
            None => self.due.plus_seconds(seconds),
        };
    }

    /// Milliseconds until what is in flight counts as lost, if the client was ever timed. An agreed timeout is the most.
    fn timeout(&self) -> Option<u64> {
        let timeout = self.round_trip?.timeout() << self.doubled;
        let most = self.terms.agreed.then_some(self.terms.timeout.max(1) * 1000);
        Some(timeout.min(most.unwrap_or(u64::MAX)))
    }

    /// Some clients never acknowledge the last block; that is no failure.
    fn abandoned(&self) -> Outcome {
        if self.last.is_some_and(|last| self.in_flight.contains(&last)) {
            Outcome::Sent
        } else {
            Outcome::TimedOut
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LOCKSTEP: Terms = Terms { window: 1, timeout: 2, agreed: false, oack: false };

    fn silence(mut transfer: Transfer) -> (Vec<u64>, Outcome, u64) {
        let mut sent_at = Vec::new();
        loop {
            let now = transfer.deadline();
            match transfer.on(Event::Tick, now) {
                Action::Close(outcome) => return (sent_at, outcome, now.0 / 1000),
                Action::Send(_) => sent_at.push(now.0 / 1000),
                Action::Wait => unreachable!("a deadline is never early"),
            }
        }
    }

    /// As measured of 2.92.
    #[test]
    fn silence_follows_the_schedule() {
        let (transfer, _) = Transfer::start(LOCKSTEP, Some(1), Millis(0));
        assert_eq!(
            silence(transfer),
            (vec![2, 5, 9, 13, 19, 25, 35, 45, 63, 81, 115], Outcome::Sent, 121)
        );
        // The answer to a repeat is no measure of the client, and so dnsmasq's schedule goes on.
        let (mut transfer, _) = Transfer::start(LOCKSTEP, Some(9), Millis(0));
        assert_eq!(transfer.on(Event::Tick, Millis(2000)), Action::Send(1..2));
        assert_eq!(transfer.on(Event::Ack(1), Millis(2500)), Action::Send(2..3));
        assert_eq!(
            silence(transfer),
            (vec![5, 8, 12, 16, 22, 28, 38, 48, 66, 84, 118], Outcome::TimedOut, 123)
        );
    }

    /// Milliseconds at which a client is written to that answered so many times after so long, and then never more.
    fn repeats(terms: Terms, answers: u16, after: u64) -> Vec<u64> {
        let (mut transfer, _) = Transfer::start(terms, Some(1000), Millis(0));
        let mut now = Millis(0);
        for block in 1..=answers {
            now = now.plus(after);
            assert!(matches!(transfer.on(Event::Ack(block), now), Action::Send(_)));
        }
        let mut sent_at = Vec::new();
        loop {
            let due = transfer.deadline();
            match transfer.on(Event::Tick, due) {
                Action::Send(_) => sent_at.push(due.0 - now.0),
                Action::Close(_) => return sent_at,
                Action::Wait => unreachable!("a deadline is never early"),
            }
        }
    }

    #[test]
    fn a_client_that_was_timed_is_written_to_sooner() {
        let near = repeats(LOCKSTEP, 20, 0);
        assert_eq!(near[..6], [50, 150, 350, 750, 1550, 3150], "doubling from the shortest");
        let far = repeats(LOCKSTEP, 100, 200);
        assert_eq!(far[..2], [250, 750]);
        assert!(near.windows(2).all(|two| two[1] - two[0] <= 34_000), "{near:?}");
    }

    #[test]
    fn an_agreed_timeout_is_the_longest_pause() {
        let agreed = Terms { timeout: 1, agreed: true, ..LOCKSTEP };
        let near = repeats(agreed, 20, 0);
        assert_eq!(near[..7], [50, 150, 350, 750, 1550, 2550, 3550]);
        assert_eq!(repeats(Terms { timeout: 0, ..agreed }, 20, 0), near, "none means a second");
    }

    #[test]
    fn a_lost_first_block_is_sent_again_once_in_a_round_trip() {
        let terms = Terms { window: 4, ..LOCKSTEP };
        let (mut transfer, _) = Transfer::start(terms, Some(100), Millis(0));
        assert_eq!(transfer.on(Event::Ack(1), Millis(10)), Action::Send(2..6));
        assert_eq!(transfer.on(Event::Ack(1), Millis(20)), Action::Send(2..6), "block 2 is lost");
        assert_eq!(transfer.on(Event::Ack(1), Millis(21)), Action::Wait, "said for block 4");
        assert_eq!(transfer.on(Event::Ack(1), Millis(30)), Action::Wait, "said for block 5");
        assert_eq!(transfer.on(Event::Ack(1), Millis(31)), Action::Send(2..6), "lost once more");
        assert_eq!(transfer.on(Event::Ack(3), Millis(41)), Action::Send(4..8));
        assert_eq!(transfer.on(Event::Ack(3), Millis(42)), Action::Wait, "what follows the gap");
    }

    #[test]
    fn a_repeated_acknowledgement_changes_nothing_in_lockstep() {
        let (mut transfer, _) = Transfer::start(LOCKSTEP, Some(100), Millis(0));
        assert_eq!(transfer.on(Event::Ack(1), Millis(10)), Action::Send(2..3));
        assert_eq!(transfer.on(Event::Ack(1), Millis(60)), Action::Wait, "Sorcerer's Apprentice");
    }

    #[test]
    fn an_agreed_timeout_shifts_the_schedule() {
        let (transfer, _) = Transfer::start(Terms { timeout: 0, ..LOCKSTEP }, Some(1), Millis(0));
        assert_eq!(silence(transfer).0[..6], [0, 1, 3, 5, 9, 13]);
        let (transfer, _) = Transfer::start(Terms { timeout: 255, ..LOCKSTEP }, Some(9), Millis(0));
        assert_eq!(silence(transfer), (vec![], Outcome::TimedOut, 121));
    }

    #[test]
    fn an_acknowledgement_inside_the_window_rewinds() {
        let terms = Terms { window: 4, timeout: 2, agreed: false, oack: true };
        let (mut transfer, first) = Transfer::start(terms, Some(10), Millis(0));
        assert_eq!(first, 0..1);
        assert_eq!(transfer.on(Event::Ack(0), Millis(1)), Action::Send(1..5));
        assert_eq!(transfer.on(Event::Ack(2), Millis(2)), Action::Send(3..7));
        assert_eq!(transfer.on(Event::Ack(2), Millis(3)), Action::Wait);
        assert_eq!(transfer.on(Event::Ack(7), Millis(3)), Action::Wait, "one ahead of the window");
        assert_eq!(transfer.on(Event::Ack(6), Millis(4)), Action::Send(7..11));
        assert_eq!(transfer.on(Event::Ack(10), Millis(5)), Action::Close(Outcome::Sent));
    }

    #[test]
    fn block_numbers_roll_over_to_zero() {
        let (mut transfer, _) = Transfer::start(LOCKSTEP, Some(70_000), Millis(0));
        for block in 1..70_000_u64 {
            let low = u16::try_from(block & 0xffff).unwrap();
            assert_eq!(
                transfer.on(Event::Ack(low), Millis(block)),
                Action::Send(block + 1..block + 2)
            );
        }
    }

    /// Whatever is lost of the first eight datagrams, the file arrives.
    #[test]
    fn any_early_loss_is_repaired() {
        for window in 1..=4 {
            for lost in 0..1_u16 << 8 {
                assert_eq!(
                    deliver(window, |nth| nth < 8 && lost >> nth & 1 == 1),
                    Outcome::Sent,
                    "{window} {lost:b}"
                );
            }
        }
    }

    /// Plays a client that acknowledges what it has in order at the end of each burst.
    fn deliver(window: u64, lost: impl Fn(u32) -> bool) -> Outcome {
        let last = 9;
        let (mut transfer, mut burst) = Transfer::start(
            Terms { window, timeout: 2, agreed: false, oack: true },
            Some(last),
            Millis(0),
        );
        let (mut nth, mut has, mut now) = (0, None, Millis(0));
        loop {
            for block in burst {
                if !lost(nth) && block == has.map_or(0, |have: u64| have + 1) {
                    has = Some(block);
                }
                nth += 1;
            }
            let acknowledged =
                has.filter(|_| !lost(nth)).map(|have| Event::Ack(u16::try_from(have).unwrap()));
            nth += 1;
            burst = loop {
                let event =
                    acknowledged.filter(|_| now != transfer.deadline()).unwrap_or(Event::Tick);
                match transfer.on(event, now) {
                    Action::Send(blocks) => break blocks,
                    Action::Close(outcome) => {
                        assert!(
                            has == Some(last) || outcome != Outcome::Sent,
                            "sent, and not received"
                        );
                        return outcome;
                    }
                    Action::Wait => now = transfer.deadline(),
                }
            };
        }
    }
}
