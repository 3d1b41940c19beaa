//! One TFTP read transfer: which blocks to send and when (RFC 1350, RFC 7440; docs/dnsmasq/tftp.md, sections 6, 8, 9).
//!
//! No socket, no file, no clock. Blocks are counted in 64 bits here; only their low 16 travel, and 65535 is followed
//! by 0.

mod rto;
#[cfg(test)]
mod tests;

use crate::time::Timestamp;
use rto::RttEstimator;
use std::ops::Range;
use std::time::Duration;

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
pub struct TransferOptions {
    /// Blocks in flight at most; 1 unless agreed (RFC 7440).
    pub window: u64,
    /// Seconds until the first repeat; 2 unless agreed (RFC 2349).
    pub current_timeout: Duration,
    /// Whether the client has asked for this timeout.
    pub timeout_negotiated: bool,
    /// Whether an OACK goes first.
    pub oack: bool,
}

/// A transfer under way.
///
/// Until an answer has been timed, repeats follow dnsmasq's schedule, in its whole seconds. After that the clock of the
/// client counts (RFC 6298), and no pause is longer than dnsmasq's.
#[derive(Clone, Debug)]
pub struct Transfer {
    options: TransferOptions,
    /// What was sent last and is not acknowledged.
    in_flight: Range<u64>,
    /// The block that ends the file, as soon as it is known.
    last: Option<u64>,
    /// Repeats since the last progress count into the pauses between them.
    dnsmasq_backoff: u32,
    retransmit_at: Timestamp,
    progress: Timestamp,
    rtt: Option<RttEstimator>,
    /// When what is in flight was sent, if only once: the answer to a repeat says nothing about time (Karn).
    rtt_sample_from: Option<Timestamp>,
    /// How often the timeout has doubled since an answer was timed.
    rto_backoff: u32,
    /// Whether a repeated acknowledgement means a gap: what is in flight was sent once, and so was what came before.
    fast_retransmit_armed: bool,
    /// What is in flight waits for the disk, and was not sent yet.
    awaiting_disk: bool,
    /// The first block that was never sent, and which it was before the last time that any were.
    next_unsent: u64,
    prev_unsent: u64,
}

/// A client that says nothing for so many seconds is gone.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(121);
/// How often a window is repeated as a whole, and how often in the pauses that the client has asked for. Behind that
/// it is one block, and pauses that double: what has acknowledged may have been a forger.
const FULL_WINDOW_RETRIES: u32 = 2;
const NEGOTIATED_RETRIES: u32 = 12;
/// A negotiated timeout of 0 counts as this one.
const MIN_NEGOTIATED_TIMEOUT: Duration = Duration::from_secs(1);
/// A pause that has doubled so often is longer than anybody waits.
const MAX_RTO_BACKOFF: u32 = 20;

impl Transfer {
    /// Starts; its first block is to be sent at once.
    pub fn start(terms: TransferOptions, last: Option<u64>, now: Timestamp) -> (Self, Range<u64>) {
        let first = u64::from(!terms.oack);
        let in_flight = first..first + 1;
        let transfer = Self {
            options: terms,
            in_flight: in_flight.clone(),
            last,
            dnsmasq_backoff: 1,
            retransmit_at: now + terms.current_timeout,
            progress: now,
            rtt: None,
            rtt_sample_from: Some(now),
            rto_backoff: 0,
            fast_retransmit_armed: false,
            awaiting_disk: false,
            next_unsent: first,
            prev_unsent: first,
        };
        (transfer, in_flight)
    }

    /// Which block ends the file, where only sending it could tell.
    pub fn set_last_block(&mut self, block: u64) {
        self.last = Some(block);
    }

    /// What was to be sent had to wait for the disk: the answer will tell nothing about the client.
    pub fn mark_disk_wait(&mut self) {
        (self.rtt_sample_from, self.awaiting_disk) = (None, true);
    }

    /// What was to be sent has gone: blocks before this one.
    pub fn mark_sent(&mut self, end: u64) {
        self.awaiting_disk = false;
        (self.prev_unsent, self.next_unsent) = (self.next_unsent, self.next_unsent.max(end));
    }

    /// Of that, blocks from this one on had no room.
    pub fn mark_partly_sent(&mut self, from: u64) {
        self.mark_disk_wait();
        self.next_unsent = self.prev_unsent.max(from);
    }

    /// Whether a block is sent when the one before is acknowledged, and not sooner.
    pub fn is_lockstep(&self) -> bool {
        self.options.window == 1
    }

    /// The next moment at which [`Event::Tick`] does something.
    pub fn deadline(&self) -> Timestamp {
        self.retransmit_at.min(self.progress + CLIENT_TIMEOUT)
    }

    /// When the client last had something new, or began.
    pub fn progress(&self) -> Timestamp {
        self.progress
    }

    /// What an event asks for.
    pub fn on(&mut self, event: Event, now: Timestamp) -> Action {
        match event {
            Event::Ack(low) => match self.in_flight_block(low) {
                Some(block) if self.last.is_some_and(|last| block >= last) => {
                    Action::Close(Outcome::Sent)
                }
                Some(block) => self.advance(block + 1, now),
                None if self.is_duplicate_window_ack(low) => self.fast_retransmit(now),
                // Stale, repeated or forged: nothing at all (no Sorcerer's Apprentice).
                None => Action::Wait,
            },
            Event::Tick if now >= self.progress + CLIENT_TIMEOUT => {
                Action::Close(self.timeout_outcome())
            }
            Event::Tick if now >= self.retransmit_at => self.retransmit(now),
            Event::Tick => Action::Wait,
        }
    }

    /// The block in flight whose low half is `low`, if any. Nobody has what was never sent: that is of an earlier transfer, or
    /// forged.
    fn in_flight_block(&self, low: u16) -> Option<u64> {
        let Range { start, end } = self.in_flight;
        (start..end.min(self.next_unsent)).find(|block| block & 0xffff == u64::from(low))
    }

    /// Whether a client says once more that it has nothing of a window: what follows a lost first block has reached
    /// it. It may say so for each block that follows, and for each block that comes twice; so it is heard once.
    fn is_duplicate_window_ack(&self, low: u16) -> bool {
        let repeated = self.in_flight.start.checked_sub(1).map(|block| block & 0xffff);
        self.options.window > 1 && self.fast_retransmit_armed && repeated == Some(low.into())
    }

    fn advance(&mut self, base: u64, now: Timestamp) -> Action {
        let whole = base >= self.in_flight.end;
        let end = base + self.options.window;
        let end = self.last.map_or(end, |last| end.min(last + 1));
        self.in_flight = base..end;
        self.fast_retransmit_armed = whole && self.rtt_sample_from.is_some();
        self.sample_rtt(now);
        if !whole {
            // Something was lost, and the client is there: no reason to wait longer.
            self.rto_backoff = self.rto_backoff.saturating_sub(1);
        }
        // The rest of a window is sent again because some of it was lost: its answer may be that to the first time.
        self.rtt_sample_from = whole.then_some(now);
        self.progress = now.truncate_to_second();
        self.dnsmasq_backoff = 0;
        self.retransmit_at = self.progress;
        self.arm_timer(now);
        Action::Send(self.in_flight.clone())
    }

    fn sample_rtt(&mut self, now: Timestamp) {
        let Some(sent) = self.rtt_sample_from else { return };
        let took = now - sent;
        match &mut self.rtt {
            Some(round_trip) => round_trip.update(took),
            first => *first = Some(RttEstimator::first(took)),
        }
        self.rto_backoff = 0;
    }

    /// A gap is filled at once.
    fn fast_retransmit(&mut self, now: Timestamp) -> Action {
        (self.fast_retransmit_armed, self.rtt_sample_from) = (false, None);
        if let Some(timeout) = self.current_timeout() {
            self.retransmit_at = now + timeout;
        }
        Action::Send(self.in_flight.clone())
    }

    /// No answer has come.
    fn retransmit(&mut self, now: Timestamp) -> Action {
        (self.fast_retransmit_armed, self.rtt_sample_from) = (false, None);
        self.rto_backoff = (self.rto_backoff + 1).min(MAX_RTO_BACKOFF);
        self.arm_timer(now);
        let mut again = self.in_flight.clone();
        // Nobody seems to be there: one block asks for him as well as all of them.
        if self.rto_backoff > FULL_WINDOW_RETRIES && !again.is_empty() {
            again.end = again.start + 1;
        }
        Action::Send(again)
    }

    /// dnsmasq's pauses grow on top of the agreed timeout: 1, 1, 2, 2, 4, 4, ... seconds.
    fn arm_timer(&mut self, now: Timestamp) {
        let pause =
            self.options.current_timeout + Duration::from_secs(1 << (self.dnsmasq_backoff / 2));
        self.dnsmasq_backoff = (self.dnsmasq_backoff + 1).min(MAX_RTO_BACKOFF);
        self.retransmit_at = match self.current_timeout() {
            Some(timeout) => now + timeout.min(pause),
            None => self.retransmit_at + pause,
        };
    }

    /// Milliseconds until what is in flight counts as lost, if the client was ever timed. An agreed timeout is the most.
    fn current_timeout(&self) -> Option<Duration> {
        let timeout = self.rtt?.rto() * (1 << self.rto_backoff);
        if !self.options.timeout_negotiated {
            return Some(timeout);
        }
        let doublings = self.rto_backoff.saturating_sub(NEGOTIATED_RETRIES);
        let max = self.options.current_timeout.max(MIN_NEGOTIATED_TIMEOUT) * (1 << doublings);
        Some(timeout.min(max))
    }

    /// Some clients never acknowledge the last block; that is no failure.
    fn timeout_outcome(&self) -> Outcome {
        if !self.awaiting_disk && self.last.is_some_and(|last| self.in_flight.contains(&last)) {
            Outcome::Sent
        } else {
            Outcome::TimedOut
        }
    }
}
