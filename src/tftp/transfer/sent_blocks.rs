//! Which blocks of a window were sent, and which of them were lost (RFC 7440, section 4). No time: ACKs are counted.
//!
//! A client answers a block that it does not expect with an ACK of the last block that it has accepted: each time (EDK2),
//! once (U-Boot), or never. A block that was sent once and is followed by such an ACK was lost. A block that was sent again
//! may still be on its way: the ACK may answer a block before it that the client had accepted already. If such an ACK sent
//! blocks again, these would cause more ACKs of the same kind, window after window.

use std::ops::Range;

/// The number of blocks that repeated ACKs may send again for each acknowledged block: ACKs may be forged.
const REPEATS_PER_BLOCK: u64 = 8;
/// Without progress, repeated ACKs may send this number of windows again until the timer ends.
const MAX_WINDOWS: u64 = 2;
/// Until all blocks are acknowledged, ACKs that may report a loss or answer a block that was sent again send blocks again
/// this often. If they are answers, the blocks cause more of them.
const MAX_GUESSES: u8 = 20;

/// The blocks of a transfer that were sent.
///
/// The network is assumed to keep the order of datagrams. If it does not, blocks are sent again too early, but no more than
/// a window for each time.
#[derive(Clone, Debug)]
pub struct SentBlocks {
    /// The block that is sent next (`SND.NXT` of RFC 9293).
    next: u64,
    /// The first block that was never sent, and the value of this before the last blocks were sent.
    next_unsent: u64,
    prev_unsent: u64,
    /// The blocks that were last sent again. The end is `recover` of RFC 6582.
    again: Range<u64>,
    /// Whether the timer has caused that, and no ACK has come since: the client may have accepted some of them before.
    again_by_timer: bool,
    /// The number of blocks that were sent again since a window was sent once.
    copies: u64,
    /// The number of ACKs that may repeat the last one although nothing was lost.
    expected_repeats: u64,
    /// The number of blocks that repeated ACKs may send again.
    allowance: u64,
    window: u64,
    /// How often the last ACK was repeated although nothing was lost since.
    repeats: u64,
    /// Whether the client answers each unexpected block: it has repeated an ACK at least twice.
    answers_each: bool,
    /// How often [`SentBlocks::is_loss_likely`] was true since all blocks were acknowledged.
    guesses: u8,
}

/// What the ACK of a block in flight means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// All blocks that were sent are acknowledged.
    Complete,
    /// The other blocks may be on their way.
    InFlight,
    /// The next block was lost. It and the blocks after it are sent next.
    Lost,
}

impl SentBlocks {
    /// No block was sent. `first` is sent first, and then `window` blocks at a time.
    pub fn new(first: u64, window: u64) -> Self {
        Self {
            next: first,
            next_unsent: first,
            prev_unsent: first,
            again: first..first,
            again_by_timer: false,
            copies: 0,
            expected_repeats: 0,
            allowance: MAX_WINDOWS * window,
            window,
            repeats: 0,
            answers_each: false,
            guesses: 0,
        }
    }

    /// The block that is sent next.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The first block that was never sent.
    pub fn next_unsent(&self) -> u64 {
        self.next_unsent
    }

    /// The first block that was never sent, before the last blocks were sent.
    pub fn prev_unsent(&self) -> u64 {
        self.prev_unsent
    }

    /// Whether the client is likely to answer the last block of the window if `base` was lost. A client that answers once
    /// has done so if `base` was sent again.
    pub fn is_last_block_answered(&self, base: u64) -> bool {
        self.answers_each || !self.again.contains(&base)
    }

    /// The blocks from [`SentBlocks::next`] to `end` were sent.
    pub fn mark_sent(&mut self, end: u64) {
        let again = self.next_unsent.min(end).saturating_sub(self.next);
        if again > 0 {
            self.copies += again;
            self.again = self.next..self.next_unsent;
        }
        (self.prev_unsent, self.next_unsent) = (self.next_unsent, self.next_unsent.max(end));
        self.next = end;
    }

    /// Of the blocks that were sent last, those from this one on were not sent.
    pub fn mark_partly_sent(&mut self, from: u64) {
        self.next_unsent = self.prev_unsent.max(from);
        self.next = from;
    }

    /// The blocks from this one on are sent next, because the timer has ended.
    pub fn repeat_from(&mut self, first: u64) {
        (self.next, self.again_by_timer) = (first, true);
        // The answers to what was sent before have come by now, or they are lost.
        self.expected_repeats = 0;
        self.allowance = self.allowance.max(self.window);
    }

    /// All blocks before `base` are acknowledged. Until now it was all before `from`.
    pub fn acknowledge(&mut self, from: u64, base: u64) -> Progress {
        let is_once = from >= self.again.end || base < self.again.start;
        self.expected_repeats = if is_once { 0 } else { self.answered_copies(from, base) };
        if from >= self.again.end {
            self.copies = 0;
        }
        let allowance = self.allowance + REPEATS_PER_BLOCK * (base - from);
        (self.again_by_timer, self.allowance) = (false, allowance.min(MAX_WINDOWS * self.window));
        self.repeats = 0;
        let is_not_sent_yet = self.next <= base;
        self.next = self.next.max(base);
        if base >= self.next_unsent {
            self.guesses = 0;
            Progress::Complete
        } else if is_once || is_not_sent_yet {
            self.go_back(base);
            Progress::Lost
        } else if self.is_loss_likely(from, base) {
            self.guesses += 1;
            self.allowance -= self.window;
            self.go_back(base);
            Progress::Lost
        } else {
            Progress::InFlight
        }
    }

    /// Whether the ACK of a block that was sent again is likely to mean that the next one was lost. A client that answers
    /// once sends no second ACK. The ACKs of a client that acknowledges each block move by one.
    fn is_loss_likely(&self, from: u64, base: u64) -> bool {
        !self.answers_each
            && base > from + 1
            && self.guesses < MAX_GUESSES
            && self.allowance >= self.window
    }

    /// How many blocks that were sent again the client may have accepted the first time. It answers each of them with the
    /// same ACK.
    fn answered_copies(&self, from: u64, base: u64) -> u64 {
        if base >= self.again.end {
            self.copies
        } else if self.again_by_timer || base == from + 1 {
            // A client that acknowledges each block is answered too early.
            base - self.again.start
        } else {
            0
        }
    }

    /// An ACK repeats that of the block before `base`. Returns whether `base` was lost. If so, it and the blocks after it are
    /// sent next.
    pub fn repeated_ack(&mut self, base: u64) -> bool {
        let is_not_sent_yet = self.next <= base;
        if is_not_sent_yet || self.expected_repeats > 0 || self.allowance < self.window {
            self.expected_repeats = self.expected_repeats.saturating_sub(1);
            self.repeats += 1;
            self.answers_each |= self.repeats >= 2 && !self.again_by_timer;
            return false;
        }
        self.go_back(base);
        // One of them is this ACK.
        self.expected_repeats = self.expected_repeats.saturating_sub(1);
        self.allowance -= self.window;
        true
    }

    /// The block `base` was lost. Each block after it that was sent can cause an ACK.
    fn go_back(&mut self, base: u64) {
        self.expected_repeats += self.next.saturating_sub(base + 1);
        (self.next, self.again_by_timer) = (base, false);
    }
}
