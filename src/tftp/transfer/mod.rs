//! One TFTP read transfer: which blocks to send and when (RFC 1350, RFC 7440; spec: TFTP, sections 6, 8, 9).
//!
//! No socket, no file, no clock. Blocks are counted in 64 bits here; only their low 16 travel, and 65535 is followed
//! by 0.

mod round_trip;
#[cfg(test)]
mod tests;

use crate::millis::Timestamp;
use round_trip::RoundTrip;
use std::ops::Range;

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
    due: Timestamp,
    progress: Timestamp,
    round_trip: Option<RoundTrip>,
    /// When what is in flight was sent, if only once: the answer to a repeat says nothing about time (Karn).
    timed: Option<Timestamp>,
    /// How often the timeout has doubled since an answer was timed.
    doubled: u32,
    /// Whether a repeated acknowledgement means a gap: what is in flight was sent once, and so was what came before.
    repairable: bool,
    /// What is in flight waits for the disk, and was not sent yet.
    held_up: bool,
    /// The first block that was never sent, and which it was before the last time that any were.
    unsent: u64,
    unsent_before: u64,
}

/// A client that says nothing for so many seconds is gone.
pub const PATIENCE: u64 = 121;
/// How often a window is repeated as a whole, and how often in the pauses that the client has asked for. Behind that
/// it is one block, and pauses that double: what has acknowledged may have been a forger.
const WHOLE_REPEATS: u32 = 2;
const AGREED_REPEATS: u32 = 12;
/// A pause that has doubled so often is longer than anybody waits.
const MOST_DOUBLED: u32 = 20;

impl Transfer {
    /// Starts; its first block is to be sent at once.
    pub fn start(terms: Terms, last: Option<u64>, now: Timestamp) -> (Self, Range<u64>) {
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
            repairable: false,
            held_up: false,
            unsent: first,
            unsent_before: first,
        };
        (transfer, in_flight)
    }

    /// Which block ends the file, where only sending it could tell.
    pub fn ends_with(&mut self, block: u64) {
        self.last = Some(block);
    }

    /// What was to be sent had to wait for the disk: the answer will tell nothing about the client.
    pub fn is_held_up(&mut self) {
        (self.timed, self.held_up) = (None, true);
    }

    /// What was to be sent has gone: blocks before this one.
    pub fn is_sent(&mut self, end: u64) {
        self.held_up = false;
        (self.unsent_before, self.unsent) = (self.unsent, self.unsent.max(end));
    }

    /// Of that, blocks from this one on had no room.
    pub fn is_cut(&mut self, from: u64) {
        self.is_held_up();
        self.unsent = self.unsent_before.max(from);
    }

    /// Whether a block is sent when the one before is acknowledged, and not sooner.
    pub fn is_lockstep(&self) -> bool {
        self.terms.window == 1
    }

    /// The next moment at which [`Event::Tick`] does something.
    pub fn deadline(&self) -> Timestamp {
        self.due.min(self.progress.plus_seconds(PATIENCE))
    }

    /// When the client last had something new, or began.
    pub fn progress(&self) -> Timestamp {
        self.progress
    }

    /// What an event asks for.
    pub fn on(&mut self, event: Event, now: Timestamp) -> Action {
        match event {
            Event::Ack(low) => match self.widened(low) {
                Some(block) if self.last.is_some_and(|last| block >= last) => {
                    Action::Close(Outcome::Sent)
                }
                Some(block) => self.advance(block + 1, now),
                None if self.misses_the_first(low) => self.repair(now),
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

    /// The block in flight whose low half is `low`, if any. Nobody has what was never sent: that is of an earlier transfer, or
    /// forged.
    fn widened(&self, low: u16) -> Option<u64> {
        let Range { start, end } = self.in_flight;
        (start..end.min(self.unsent)).find(|block| block & 0xffff == u64::from(low))
    }

    /// Whether a client says once more that it has nothing of a window: what follows a lost first block has reached
    /// it. It may say so for each block that follows, and for each block that comes twice; so it is heard once.
    fn misses_the_first(&self, low: u16) -> bool {
        let repeated = self.in_flight.start.checked_sub(1).map(|block| block & 0xffff);
        self.terms.window > 1 && self.repairable && repeated == Some(low.into())
    }

    fn advance(&mut self, base: u64, now: Timestamp) -> Action {
        let whole = base >= self.in_flight.end;
        let end = base + self.terms.window;
        let end = self.last.map_or(end, |last| end.min(last + 1));
        self.in_flight = base..end;
        self.repairable = whole && self.timed.is_some();
        self.measure(now);
        if !whole {
            // Something was lost, and the client is there: no reason to wait longer.
            self.doubled = self.doubled.saturating_sub(1);
        }
        // The rest of a window is sent again because some of it was lost: its answer may be that to the first time.
        self.timed = whole.then_some(now);
        self.progress = now.truncate_to_second();
        self.backoff = 0;
        self.due = self.progress;
        self.pause(now);
        Action::Send(self.in_flight.clone())
    }

    fn measure(&mut self, now: Timestamp) {
        let Some(sent) = self.timed else { return };
        let took = now.0.saturating_sub(sent.0);
        match &mut self.round_trip {
            Some(round_trip) => round_trip.measured(took),
            first => *first = Some(RoundTrip::first(took)),
        }
        self.doubled = 0;
    }

    /// A gap is filled at once.
    fn repair(&mut self, now: Timestamp) -> Action {
        (self.repairable, self.timed) = (false, None);
        if let Some(timeout) = self.timeout() {
            self.due = now.plus(timeout);
        }
        Action::Send(self.in_flight.clone())
    }

    /// No answer has come.
    fn repeat(&mut self, now: Timestamp) -> Action {
        (self.repairable, self.timed) = (false, None);
        self.doubled = (self.doubled + 1).min(MOST_DOUBLED);
        self.pause(now);
        let mut again = self.in_flight.clone();
        // Nobody seems to be there: one block asks for him as well as all of them.
        if self.doubled > WHOLE_REPEATS && !again.is_empty() {
            again.end = again.start + 1;
        }
        Action::Send(again)
    }

    /// dnsmasq's pauses grow on top of the agreed timeout: 1, 1, 2, 2, 4, 4, ... seconds.
    fn pause(&mut self, now: Timestamp) {
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
        let most = most.map(|most| most << self.doubled.saturating_sub(AGREED_REPEATS));
        Some(timeout.min(most.unwrap_or(u64::MAX)))
    }

    /// Some clients never acknowledge the last block; that is no failure.
    fn abandoned(&self) -> Outcome {
        if !self.held_up && self.last.is_some_and(|last| self.in_flight.contains(&last)) {
            Outcome::Sent
        } else {
            Outcome::TimedOut
        }
    }
}
