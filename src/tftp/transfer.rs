//! One TFTP read transfer: which blocks to send and when (RFC 1350, RFC 7440; spec: TFTP, sections 6, 8, 9).
//!
//! No socket, no file, no clock. Blocks are counted in 64 bits here; only their low 16 travel, and 65535 is followed
//! by 0.

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
    /// Whether an OACK goes first.
    pub oack: bool,
}

/// A transfer under way.
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
}

/// A client that says nothing for longer is gone.
const PATIENCE: u64 = 121;

impl Transfer {
    /// Starts; its first block is to be sent at once.
    pub fn start(terms: Terms, last: Option<u64>, now: Millis) -> (Self, Range<u64>) {
        let first = u64::from(!terms.oack);
        let in_flight = first..first + 1;
        let due = now.plus_seconds(terms.timeout);
        let transfer =
            Self { terms, in_flight: in_flight.clone(), last, backoff: 1, due, progress: now };
        (transfer, in_flight)
    }

    /// Which block ends the file, where only sending it could tell.
    pub fn ends_with(&mut self, block: u64) {
        self.last = Some(block);
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
                // Stale, repeated or forged: nothing at all (no Sorcerer's Apprentice).
                None => Action::Wait,
            },
            Event::Tick if now >= self.progress.plus_seconds(PATIENCE) => {
                Action::Close(self.abandoned())
            }
            Event::Tick if now >= self.due => self.send(),
            Event::Tick => Action::Wait,
        }
    }

    /// The block in flight whose low half is `low`, if any.
    fn widened(&self, low: u16) -> Option<u64> {
        self.in_flight.clone().find(|block| block & 0xffff == u64::from(low))
    }

    fn advance(&mut self, base: u64, now: Millis) -> Action {
        let end = base + self.terms.window;
        let end = self.last.map_or(end, |last| end.min(last + 1));
        self.in_flight = base..end;
        (self.progress, self.due, self.backoff) = (now.whole_second(), now.whole_second(), 0);
        self.send()
    }

    /// Pauses grow on top of the agreed timeout: 1, 1, 2, 2, 4, 4, ... seconds.
    fn send(&mut self) -> Action {
        self.due = self.due.plus_seconds(self.terms.timeout + (1 << (self.backoff / 2)));
        self.backoff += 1;
        Action::Send(self.in_flight.clone())
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

    const LOCKSTEP: Terms = Terms { window: 1, timeout: 2, oack: false };

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
        let (mut transfer, _) = Transfer::start(LOCKSTEP, Some(9), Millis(0));
        assert_eq!(transfer.on(Event::Ack(1), Millis(0)), Action::Send(2..3));
        assert_eq!(
            silence(transfer),
            (vec![3, 6, 10, 14, 20, 26, 36, 46, 64, 82, 116], Outcome::TimedOut, 121)
        );
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
        let terms = Terms { window: 4, timeout: 2, oack: true };
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
        let (mut transfer, mut burst) =
            Transfer::start(Terms { window, timeout: 2, oack: true }, Some(last), Millis(0));
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
