//! What is counted, and the state of a transfer and of a request that waits.

use crate::time::Timestamp;
use std::net::IpAddr;
use std::ops::{AddAssign, Range};

/// What was counted since the start.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Read requests that were received, repeated ones too.
    pub requests: u64,
    /// Transfers that began.
    pub started: u64,
    /// Transfers that the log reports as sent.
    pub completed: u64,
    /// Transfers that ended before. The next two are included.
    pub failed: u64,
    /// Transfers that the client ended before it acknowledged a block of the file.
    pub cancelled: u64,
    /// Transfers that were ended because another request needed their slot.
    pub evicted: u64,
    /// Requests for files that do not exist.
    pub not_found: u64,
    /// Read requests that were refused for another reason.
    pub refused: u64,
    /// Read requests that get no answer: the client has repeated them while one waited, or has waited too long, or there are too
    /// many. Each request is in this counter, in `started`, `not_found` or `refused`, or it waits.
    pub dropped: u64,
    /// What was sent.
    pub sent: SentData,
}

/// Blocks of files that were sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct SentData {
    /// Bytes that were sent for the first time.
    pub bytes: u64,
    /// Blocks that were sent again.
    pub repeated: u64,
}

/// How a transfer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ending {
    /// The log reports it as sent.
    Completed,
    /// It ends before.
    Failed,
    /// The client ends it before it acknowledges a block of the file.
    Cancelled,
    /// It has not begun, because its file cannot be read.
    Refused,
}

/// A transfer that runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TransferState<'a> {
    /// The client.
    pub client: IpAddr,
    /// The path that was opened.
    pub path: &'a [u8],
    /// The size of the file, in bytes.
    pub size: u64,
    /// The bytes that the client has acknowledged. In netascii the number is not exact.
    pub acknowledged: u64,
    /// When it began.
    pub since: Timestamp,
    /// When the client has last acknowledged a new block, or the start.
    pub progress: Timestamp,
    /// Whether it waits for a disk.
    pub waits_for_disk: bool,
    /// The blocks that were sent again.
    pub repeated: u64,
}

/// What a request waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WaitsFor {
    /// A free slot.
    Slot,
    /// The result of a disk look-up.
    Disk,
}

/// A request that waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WaitingRequest<'a> {
    /// The client.
    pub client: IpAddr,
    /// The name in the request, if it has one.
    pub file: Option<&'a [u8]>,
    /// What it waits for.
    pub waits_for: WaitsFor,
    /// When it was received last.
    pub received_at: Timestamp,
}

impl Counters {
    /// Counts an ending.
    pub fn ended(&mut self, ending: Ending) {
        match ending {
            Ending::Completed => self.completed += 1,
            Ending::Failed => self.failed += 1,
            Ending::Cancelled => {
                self.failed += 1;
                self.cancelled += 1;
            }
            Ending::Refused => self.refused += 1,
        }
    }
}

impl SentData {
    /// What these blocks are, which have `bytes` bytes of the file together. Those before `first_unsent` were sent before. All
    /// but the last one have `blksize` bytes.
    pub fn of(blocks: &Range<u64>, first_unsent: u64, bytes: u64, blksize: u64) -> Self {
        let repeated = blocks.end.min(first_unsent).saturating_sub(blocks.start);
        let is_all_repeated = blocks.end <= first_unsent;
        let new = if is_all_repeated { 0 } else { bytes.saturating_sub(repeated * blksize) };
        Self { bytes: new, repeated }
    }

    /// Some of the blocks were not sent after all.
    pub fn take_back(&mut self, unsent: Self) {
        self.bytes = self.bytes.saturating_sub(unsent.bytes);
        self.repeated = self.repeated.saturating_sub(unsent.repeated);
    }
}

impl AddAssign for SentData {
    fn add_assign(&mut self, more: Self) {
        self.bytes += more.bytes;
        self.repeated += more.repeated;
    }
}

#[test]
fn blocks_that_were_sent_before_are_repeated_and_the_others_have_the_new_bytes() {
    for (blocks, first_unsent, bytes, new, repeated) in [
        (1..5, 1, 4 * 512, 4 * 512, 0),
        (1..5, 1, 3 * 512 + 7, 3 * 512 + 7, 0),
        (3..7, 5, 3 * 512 + 7, 512 + 7, 2),
        (3..5, 5, 512 + 7, 0, 2),
        (3..4, 9, 512, 0, 1),
        (3..3, 3, 0, 0, 0),
    ] {
        let expected = SentData { bytes: new, repeated };
        assert_eq!(SentData::of(&blocks, first_unsent, bytes, 512), expected, "{blocks:?}");
    }
}
