//! Read-ahead: a cache of parts of open files.
//!
//! A read costs as much as copying a dozen blocks. So more than the next window is read, if the data is used: by the same
//! client, or by others that boot from the same file. If many clients read at distant offsets, the data is dropped before it
//! is used. The hit ratio is measured, and when it is low only the requested data is read.

use crate::tftp::files::FileId;
use crate::tftp::schedule::TRANSFERS_PER_TURN;
use std::collections::{BTreeMap, VecDeque};

/// A cached part of a file.
#[derive(Debug)]
struct Extent {
    /// Bytes of the buffer that are data of the file.
    length: usize,
    buffer: Vec<u8>,
    /// The read returned less than was requested: the file ends here.
    at_end: bool,
    /// The value of `clock` at the last use.
    last_used: u64,
}

/// The file and the offset in it at which an extent begins.
pub type ExtentId = (FileId, u64);

/// The cache.
#[derive(Debug, Default)]
pub struct ReadAhead {
    extents: BTreeMap<ExtentId, Extent>,
    clock: u64,
    stats: PrefetchStats,
    /// The number of transfers that read files.
    readers: usize,
    /// Where the last reads without read-ahead have ended.
    ends: VecDeque<ExtentId>,
    /// Whether the present read is one of them. Its extent is removed with the next read, so that it takes no space.
    is_single: bool,
    single: Option<ExtentId>,
}

/// Bytes of an extent, unless one window is larger.
pub const EXTENT_SIZE: usize = 64 * 1024;
/// Bytes of an extent if more than [`MAX_LARGE_EXTENTS`] transfers read. All extents are in the cache of a processor then.
const SMALL_EXTENT_SIZE: usize = 16 * 1024;
/// Large extents: enough for the offsets of clients that started together.
const MAX_LARGE_EXTENTS: usize = 24;
/// The maximum number of extents: the transfers of one turn, and those of the turn before.
const MAX_EXTENTS: usize = 2 * TRANSFERS_PER_TURN;
/// Reads that are remembered.
const MAX_ENDS: usize = 2 * TRANSFERS_PER_TURN;
/// Bytes of all extents, unless one window is larger.
const MAX_BYTES: usize = MAX_EXTENTS * SMALL_EXTENT_SIZE;

impl ReadAhead {
    /// The extent with `wanted` bytes from an offset, or up to the end of the file.
    pub fn find(&mut self, file: FileId, offset: u64, wanted: usize) -> Option<ExtentId> {
        let (&id, extent) = self.extents.range_mut(..=(file, offset)).next_back()?;
        if !extent.has(id, file, offset, wanted) {
            return None;
        }
        self.clock += 1;
        self.stats.hits += 1;
        extent.last_used = self.clock;
        Some(id)
    }

    /// Whether there is such an extent. This is not counted as a use.
    pub fn has(&self, file: FileId, offset: u64, wanted: usize) -> bool {
        let last = self.extents.range(..=(file, offset)).next_back();
        last.is_some_and(|(&id, extent)| extent.has(id, file, offset, wanted))
    }

    /// At most `wanted` bytes of an extent, from an offset of the file.
    pub fn bytes(&self, id: ExtentId, offset: u64, wanted: usize) -> &[u8] {
        let extent = &self.extents[&id];
        let start = usize::try_from(offset - id.1).unwrap_or(extent.length);
        &extent.buffer[start..extent.length.min(start + wanted)]
    }

    /// The offset in the file at which an extent ends.
    pub fn end(&self, id: ExtentId) -> u64 {
        id.1 + self.extents[&id].length as u64
    }

    /// The number of bytes to read from an offset: as many windows as fit into an extent, if they are likely to be used. `left`:
    /// bytes up to the end of the file.
    pub fn length(&mut self, (file, offset): ExtentId, wanted: usize, left: u64) -> usize {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if wanted == 0 || left <= wanted {
            self.is_single = false;
            return left.min(wanted);
        }
        let has_many_readers = self.readers > MAX_LARGE_EXTENTS;
        let size = if has_many_readers { SMALL_EXTENT_SIZE } else { EXTENT_SIZE };
        let windows = (size / wanted).max(1);
        let is_read_ahead = (!has_many_readers || self.is_sequential(file, offset))
            && self.stats.reads_ahead(windows);
        let length = left.min(if is_read_ahead { wanted * windows } else { wanted });
        self.is_single = has_many_readers && !is_read_ahead;
        if self.is_single {
            self.ends.truncate(MAX_ENDS - 1);
            self.ends.push_front((file, offset + length as u64));
        }
        length
    }

    /// Whether the bytes before an offset were read a short time ago. A transfer that is held most of the time reads one window,
    /// and the next one much later.
    fn is_sequential(&self, file: FileId, offset: u64) -> bool {
        let before = self.extents.range(..(file, offset)).next_back();
        before.is_some_and(|(id, extent)| id.0 == file && id.1 + extent.length as u64 >= offset)
            || self.ends.contains(&(file, offset))
    }

    /// A buffer of at least `length` bytes. When the cache is full, it is that of the least recently used extent.
    pub fn buffer(&mut self, length: usize) -> Vec<u8> {
        if let Some(id) = self.single.take() {
            self.extents.remove(&id);
        }
        // A large buffer of an evicted extent would take the space of several small ones.
        let evicted = self.evict(length).filter(|buffer| buffer.len() <= 2 * length);
        let mut buffer = evicted.unwrap_or_default();
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        buffer
    }

    /// Adds an extent. `length`: bytes that were read; `requested`: bytes that were to be read.
    pub fn keep(
        &mut self,
        file: FileId,
        start: u64,
        buffer: Vec<u8>,
        length: usize,
        requested: usize,
    ) -> ExtentId {
        self.clock += 1;
        let (at_end, last_used) = (length < requested, self.clock);
        self.extents.insert((file, start), Extent { length, buffer, at_end, last_used });
        self.single = std::mem::take(&mut self.is_single).then_some((file, start));
        (file, start)
    }

    /// Adds an extent with a new buffer, which a thread has read.
    pub fn take(&mut self, file: FileId, start: u64, bytes: Vec<u8>, requested: usize) {
        let _ = self.evict(bytes.len());
        let length = bytes.len();
        self.keep(file, start, bytes, length, requested);
    }

    /// Removes the least recently used extents until `length` bytes fit; the buffer of the last one.
    fn evict(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut buffer = None;
        while self.extents.len() >= MAX_EXTENTS
            || self.extents.values().map(|extent| extent.buffer.len()).sum::<usize>() + length
                > MAX_BYTES
        {
            let oldest = self.extents.iter().min_by_key(|(_, extent)| extent.last_used)?;
            let oldest = *oldest.0;
            buffer = self.extents.remove(&oldest).map(|extent| extent.buffer);
        }
        buffer
    }

    /// A transfer begins to read a file. Many transfers have many small extents.
    pub fn add_reader(&mut self) {
        self.readers += 1;
    }

    /// A transfer has ended.
    pub fn remove_reader(&mut self) {
        self.readers = self.readers.saturating_sub(1);
    }

    /// Removes the extents of a file that is closed.
    pub fn forget(&mut self, file: FileId) {
        self.extents.retain(|id, _| id.0 != file);
        self.ends.retain(|id| id.0 != file);
    }
}

impl Extent {
    fn has(&self, id: ExtentId, file: FileId, offset: u64, wanted: usize) -> bool {
        let end = id.1 + self.length as u64;
        id.0 == file
            && id.1 <= offset
            && (offset + wanted as u64 <= end || self.at_end && offset <= end)
    }
}

/// The hit ratio of read-ahead.
#[derive(Debug, Default)]
struct PrefetchStats {
    /// Windows that were read ahead.
    ahead: usize,
    /// Windows that were in the cache when they were needed.
    hits: usize,
    /// Further reads without read-ahead.
    skips: usize,
}

/// Windows after which the hit ratio is computed.
const SAMPLE_SIZE: usize = 2048;
/// Read-ahead is switched off if less than one of so many windows is used.
const MIN_HIT_RATIO: usize = 4;
/// Reads without read-ahead, until it is tried again.
const SKIPPED_AFTER_MISS: usize = 4096;

impl PrefetchStats {
    /// Whether to read ahead. It is called for each read that could have `windows` windows.
    fn reads_ahead(&mut self, windows: usize) -> bool {
        if self.skips > 0 {
            self.skips -= 1;
            return false;
        }
        self.ahead += windows - 1;
        if self.ahead >= SAMPLE_SIZE {
            self.skips =
                if self.hits * MIN_HIT_RATIO < self.ahead { SKIPPED_AFTER_MISS } else { 0 };
            (self.ahead, self.hits) = (0, 0);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: FileId = FileId(1);

    fn cached(ahead: &mut ReadAhead, offset: u64, wanted: usize) -> Option<Vec<u8>> {
        let extent = ahead.find(FILE, offset, wanted)?;
        Some(ahead.bytes(extent, offset, wanted).to_vec())
    }

    #[test]
    fn extent_is_found_for_each_range_within_it() {
        let mut ahead = ReadAhead::default();
        ahead.keep(FILE, 100, (0..60).collect(), 50, 50);
        assert_eq!(cached(&mut ahead, 110, 3), Some(vec![10, 11, 12]));
        assert_eq!(cached(&mut ahead, 148, 2), Some(vec![48, 49]));
        assert_eq!(cached(&mut ahead, 148, 3), None, "the file may be longer");
        assert_eq!(cached(&mut ahead, 99, 2), None);
        assert!(!ahead.has(FileId(2), 110, 3));
        ahead.forget(FILE);
        assert_eq!(cached(&mut ahead, 110, 3), None);
    }

    #[test]
    fn read_beyond_the_end_of_the_file_is_answered_from_the_extent() {
        let mut ahead = ReadAhead::default();
        ahead.keep(FILE, 0, vec![1; 9], 5, 9);
        assert_eq!(cached(&mut ahead, 3, 9), Some(vec![1, 1]));
        assert_eq!(cached(&mut ahead, 5, 9), Some(vec![]));
    }

    #[test]
    fn least_recently_used_extent_is_evicted() {
        let mut ahead = ReadAhead::default();
        let count = MAX_BYTES / EXTENT_SIZE;
        for start in 0..count as u64 {
            let buffer = ahead.buffer(EXTENT_SIZE);
            ahead.keep(FILE, start, buffer, 1, 1);
        }
        ahead.find(FILE, 0, 1);
        assert_eq!(ahead.buffer(EXTENT_SIZE).len(), EXTENT_SIZE);
        assert!(ahead.has(FILE, 0, 1) && !ahead.has(FILE, 1, 1));
        assert!(
            ahead.buffer(MAX_BYTES + 1).len() > MAX_BYTES,
            "a window may be larger than the cache"
        );
    }

    #[test]
    fn many_transfers_have_many_small_extents() {
        let mut ahead = ReadAhead::default();
        let read = |ahead: &mut ReadAhead, start: u64| {
            let mut length = ahead.length((FILE, start << 20), 1024, 1 << 30);
            if length == 1024 {
                // The next block of the same transfer.
                length = ahead.length((FILE, (start << 20) + 1024), 1024, 1 << 30);
            }
            let buffer = ahead.buffer(length);
            ahead.keep(FILE, start << 20, buffer, length, length);
            length
        };
        (0..MAX_LARGE_EXTENTS).for_each(|_| ahead.add_reader());
        for start in 0..100 {
            assert_eq!(read(&mut ahead, start), EXTENT_SIZE);
            ahead.stats.hits += 64;
        }
        assert_eq!(ahead.extents.len(), MAX_BYTES / EXTENT_SIZE);
        ahead.add_reader();
        ahead.stats = PrefetchStats::default();
        for start in 0..1000 {
            assert_eq!(read(&mut ahead, start), SMALL_EXTENT_SIZE);
            ahead.stats.hits += 16;
        }
        assert_eq!(ahead.extents.len(), MAX_EXTENTS);
        assert!(ahead.extents.values().all(|extent| extent.buffer.len() == SMALL_EXTENT_SIZE));
    }

    #[test]
    fn read_ahead_stops_when_it_is_not_used_and_is_tried_again() {
        let mut ahead = ReadAhead::default();
        let reads_ahead = |ahead: &mut ReadAhead| ahead.length((FILE, 0), 1024, 1 << 30) > 1024;
        let trial = SAMPLE_SIZE.div_ceil(63);
        assert_eq!((0..trial).filter(|_| reads_ahead(&mut ahead)).count(), trial);
        assert_eq!((0..SKIPPED_AFTER_MISS).filter(|_| reads_ahead(&mut ahead)).count(), 0);
        for _ in 0..10 * trial {
            assert!(reads_ahead(&mut ahead), "it is tried again, and continues while it is used");
            ahead.stats.hits += 32;
        }
    }
}
