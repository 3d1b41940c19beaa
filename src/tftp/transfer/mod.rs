//! One TFTP read transfer: which blocks to send and when (RFC 1350, RFC 7440; docs/dnsmasq/tftp.md, sections 6, 8, 9).
//!
//! No socket, no file, no clock. Blocks are counted in 64 bits here; only their low 16 travel, and 65535 is followed
//! by 0.

#[cfg(test)]
mod loss_tests;
#[cfg(test)]
mod lossy_network;
mod rto;
mod sent_blocks;
#[cfg(test)]
mod tests;

use crate::time::Timestamp;
use rto::RttEstimator;
use sent_blocks::{Progress, SentBlocks};
use std::ops::Range;
use std::time::Duration;

/// An event of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The client has acknowledged this block (low 16 bits) and all before it.
    Ack(u16),
    /// Time has passed.
    Tick,
}

/// What a transfer does because of an event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// It does nothing.
    Wait,
    /// It sends these blocks, in order. Block 0 is the OACK.
    Send(Range<u64>),
    /// It ends.
    Close(Outcome),
}

/// How a transfer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The client has acknowledged the last block, or the last block was sent and not acknowledged.
    Sent,
    /// The client does not answer any more.
    TimedOut,
}

/// The options of a transfer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferOptions {
    /// Blocks in flight, at most: 1 unless negotiated (RFC 7440).
    pub window: u64,
    /// The time until the first retransmission: 2 seconds unless negotiated (RFC 2349).
    pub current_timeout: Duration,
    /// Whether the client has negotiated that time.
    pub timeout_negotiated: bool,
    /// Whether an OACK is sent first.
    pub oack: bool,
    /// Whether the port of the server can be guessed, so that ACKs can be forged without the packets that they are
    /// about.
    pub is_port_known: bool,
}

/// A transfer.
///
/// Before a round trip was measured, retransmissions follow the schedule of dnsmasq, in whole seconds. After that they
/// follow RFC 6298, and no interval is longer than that of dnsmasq.
#[derive(Clone, Debug)]
pub struct Transfer {
    options: TransferOptions,
    /// Blocks that were sent and not acknowledged.
    in_flight: Range<u64>,
    /// The last block of the file, if it is known.
    last: Option<u64>,
    /// The step in dnsmasq's schedule: retransmissions since the last progress.
    dnsmasq_backoff: u32,
    retransmit_at: Timestamp,
    progress: Timestamp,
    rtt: Option<RttEstimator>,
    /// When the blocks in flight were sent. `None` if they were sent twice: then an ACK is no sample (Karn).
    rtt_sample_from: Option<Timestamp>,
    /// How often the timeout was doubled since the last sample.
    rto_backoff: u32,
    /// The blocks in flight wait for the disk, and were not sent yet.
    awaiting_disk: bool,
    sent: SentBlocks,
    /// Whether a tail loss probe was sent, and no round trip was measured since.
    is_probed: bool,
}

/// A transfer without progress for this time ends.
pub const CLIENT_TIMEOUT: Duration = Duration::from_secs(121);
/// The whole window is retransmitted this often, then only its first block: the ACK may have been forged. A tail loss probe
/// does not count.
const FULL_WINDOW_RETRIES: u32 = 2;
/// The negotiated timeout is the maximum for this number of retransmissions. After that the interval doubles.
const NEGOTIATED_RETRIES: u32 = 12;
/// A negotiated timeout of 0 counts as this one.
const MIN_NEGOTIATED_TIMEOUT: Duration = Duration::from_secs(1);
/// A longer interval than this number of doublings is never reached.
const MAX_RTO_BACKOFF: u32 = 20;

impl Transfer {
    /// Starts a transfer. Returns the blocks to send first.
    pub fn start(
        options: TransferOptions,
        last: Option<u64>,
        now: Timestamp,
    ) -> (Self, Range<u64>) {
        let first = u64::from(!options.oack);
        let in_flight = first..first + 1;
        let transfer = Self {
            options,
            in_flight: in_flight.clone(),
            last,
            dnsmasq_backoff: 1,
            retransmit_at: now + options.current_timeout,
            progress: now,
            rtt: None,
            rtt_sample_from: Some(now),
            rto_backoff: 0,
            awaiting_disk: false,
            sent: SentBlocks::new(first, options.window),
            is_probed: false,
        };
        (transfer, in_flight)
    }

    /// Sets the number of the last block of the file.
    pub fn set_last_block(&mut self, block: u64) {
        self.last = Some(block);
    }

    /// The blocks in flight wait for the disk. Their ACK is no sample of the round trip.
    pub fn mark_disk_wait(&mut self) {
        (self.rtt_sample_from, self.awaiting_disk) = (None, true);
    }

    /// The blocks in flight are sent `now`, and not when the event came that caused them.
    pub fn mark_held(&mut self, event: Timestamp, now: Timestamp) {
        self.retransmit_at = self.retransmit_at + (now - event);
        if self.rtt_sample_from.is_some() {
            self.rtt_sample_from = Some(now);
        }
    }

    /// The blocks before `end` were sent.
    pub fn mark_sent(&mut self, end: u64) {
        self.awaiting_disk = false;
        self.sent.mark_sent(end);
    }

    /// Of the blocks that were sent last, those from this one on did not fit into the send buffer.
    pub fn mark_partly_sent(&mut self, from: u64) {
        self.mark_disk_wait();
        self.sent.mark_partly_sent(from);
    }

    /// The first block that was never sent.
    pub fn next_unsent(&self) -> u64 {
        self.sent.next_unsent()
    }

    /// The same before the last blocks were sent.
    pub fn prev_unsent(&self) -> u64 {
        self.sent.prev_unsent()
    }

    /// The first block that is not acknowledged.
    pub fn unacknowledged(&self) -> u64 {
        self.in_flight.start
    }

    /// Whether the window is one block.
    pub fn is_lockstep(&self) -> bool {
        self.options.window == 1
    }

    /// The time of the next [`Event::Tick`].
    pub fn deadline(&self) -> Timestamp {
        self.retransmit_at.min(self.progress + CLIENT_TIMEOUT)
    }

    /// When the client has last acknowledged a new block, or the start.
    pub fn progress(&self) -> Timestamp {
        self.progress
    }

    /// Handles an event. Blocks that are to be sent replace those of earlier events that were not sent.
    pub fn on(&mut self, event: Event, now: Timestamp) -> Action {
        match event {
            Event::Ack(low) => match self.in_flight_block(low) {
                Some(block) if self.last.is_some_and(|last| block >= last) => {
                    Action::Close(Outcome::Sent)
                }
                Some(block) => self.advance(block + 1, now),
                None if self.is_repeated_window_ack(low) => self.handle_repeated_ack(now),
                // A stale, duplicate or forged ACK sends nothing (Sorcerer's Apprentice bug).
                None => Action::Wait,
            },
            Event::Tick if now >= self.progress + CLIENT_TIMEOUT => {
                Action::Close(self.timeout_outcome())
            }
            Event::Tick if now >= self.retransmit_at => self.retransmit(now),
            Event::Tick => Action::Wait,
        }
    }

    /// The block in flight whose low 16 bits are `low`. A block that was never sent cannot be acknowledged: such an ACK
    /// belongs to an earlier transfer, or is forged.
    fn in_flight_block(&self, low: u16) -> Option<u64> {
        let Range { start, end } = self.in_flight;
        (start..end.min(self.sent.next_unsent())).find(|block| block & 0xffff == u64::from(low))
    }

    /// Whether an ACK repeats the last one. In lockstep it means nothing.
    fn is_repeated_window_ack(&self, low: u16) -> bool {
        let repeated = self.in_flight.start.checked_sub(1).map(|block| block & 0xffff);
        !self.is_lockstep() && repeated == Some(low.into())
    }

    fn advance(&mut self, base: u64, now: Timestamp) -> Action {
        let progress = self.sent.acknowledge(self.in_flight.start, base);
        let end = base + self.options.window;
        let end = self.last.map_or(end, |last| end.min(last + 1));
        self.in_flight = base..end;
        self.sample_rtt(now);
        if progress != Progress::Complete {
            // A block was lost, but the client answers: wait no longer than before.
            self.rto_backoff /= 2;
        }
        // The ACK of blocks that were sent again may belong to the first time (Karn).
        self.rtt_sample_from = (progress == Progress::Complete).then_some(now);
        self.progress = now.truncate_to_second();
        self.dnsmasq_backoff = 0;
        self.retransmit_at = self.progress;
        self.arm_timer(now);
        let blocks = self.sent.next()..end;
        if blocks.is_empty() { Action::Wait } else { Action::Send(blocks) }
    }

    fn sample_rtt(&mut self, now: Timestamp) {
        let Some(sent) = self.rtt_sample_from else { return };
        let sample = now - sent;
        match &mut self.rtt {
            Some(round_trip) => round_trip.update(sample),
            first => *first = Some(RttEstimator::first(sample)),
        }
        self.rto_backoff = 0;
        self.is_probed = false;
    }

    /// Sends the window again if its first block was lost.
    fn handle_repeated_ack(&mut self, now: Timestamp) -> Action {
        if !self.sent.repeated_ack(self.in_flight.start) {
            self.back_off_after_early_probe();
            return Action::Wait;
        }
        self.rtt_sample_from = None;
        if let Some(timeout) = self.current_timeout() {
            self.retransmit_at = now + timeout;
        }
        Action::Send(self.in_flight.clone())
    }

    /// The client has acknowledged the window and then the probe: the window was not lost, its ACK was late.
    fn back_off_after_early_probe(&mut self) {
        if std::mem::take(&mut self.is_probed) {
            self.back_off();
        }
    }

    fn back_off(&mut self) {
        self.rto_backoff = (self.rto_backoff + 1).min(MAX_RTO_BACKOFF);
    }

    /// Sends blocks again because the timer has ended.
    fn retransmit(&mut self, now: Timestamp) -> Action {
        self.rtt_sample_from = None;
        let is_probe = self.is_probe_enough();
        if is_probe {
            self.is_probed = true;
        } else {
            self.back_off();
        }
        let nth = match self.rtt {
            Some(_) => self.dnsmasq_backoff.saturating_sub(self.is_probed.into()),
            None => self.rto_backoff,
        };
        self.arm_timer(now);
        let mut again = self.in_flight.clone();
        if is_probe {
            // Blocks that were not sent yet are sent instead.
            again.start = self.sent.next().clamp(again.start, again.end - 1);
        } else if nth > self.full_window_retries() && !again.is_empty() {
            // The client may not exist. One block is enough to find out.
            again.end = again.start + 1;
        }
        self.sent.repeat_from(again.start);
        Action::Send(again)
    }

    /// Whether the last block of the window is sent at first, as a tail loss probe (RFC 8985, section 7): it completes the
    /// window, or the client answers it with the last block that it has.
    fn is_probe_enough(&self) -> bool {
        !self.is_lockstep()
            && !self.in_flight.is_empty()
            && self.rtt.is_some()
            && self.dnsmasq_backoff == 1
            && self.full_window_retries() > 0
            && self.sent.is_last_block_answered(self.in_flight.start)
    }

    /// If the port can be guessed, the first window is sent once: the ACK of the OACK may be forged.
    fn full_window_retries(&self) -> u32 {
        let is_first_window = self.in_flight.start <= 1;
        if self.options.is_port_known && is_first_window { 0 } else { FULL_WINDOW_RETRIES }
    }

    /// The intervals of dnsmasq are the negotiated timeout plus 1, 1, 2, 2, 4, 4, ... seconds.
    fn arm_timer(&mut self, now: Timestamp) {
        let interval =
            self.options.current_timeout + Duration::from_secs(1 << (self.dnsmasq_backoff / 2));
        self.dnsmasq_backoff = (self.dnsmasq_backoff + 1).min(MAX_RTO_BACKOFF);
        self.retransmit_at = match self.current_timeout() {
            Some(timeout) => now + timeout.min(interval),
            None => self.retransmit_at + interval,
        };
    }

    /// The retransmission timeout, if a round trip was measured. A negotiated timeout is the maximum.
    fn current_timeout(&self) -> Option<Duration> {
        let timeout = self.rtt?.rto() * (1 << self.rto_backoff);
        if !self.options.timeout_negotiated {
            return Some(timeout);
        }
        let doublings = self.rto_backoff.saturating_sub(NEGOTIATED_RETRIES);
        let max = self.options.current_timeout.max(MIN_NEGOTIATED_TIMEOUT) * (1 << doublings);
        Some(timeout.min(max))
    }

    /// Some clients never acknowledge the last block. dnsmasq logs that as sent.
    fn timeout_outcome(&self) -> Outcome {
        if !self.awaiting_disk && self.last.is_some_and(|last| self.in_flight.contains(&last)) {
            Outcome::Sent
        } else {
            Outcome::TimedOut
        }
    }
}
