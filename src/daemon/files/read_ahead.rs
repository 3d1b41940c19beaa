//! What of the files has been read, a little ahead of those who need it.
//!
//! A read costs as much as copying a dozen blocks. So more than the next window is read, where somebody takes the rest:
//! the same client, or the others that boot from the same file. Where clients are far apart nobody does; that is
//! measured, and then only what is asked for is read.

use crate::tftp::files::FileId;

/// A piece of a file.
#[derive(Debug)]
struct Extent {
    file: FileId,
    start: u64,
    /// How much of the buffer is the file's.
    length: usize,
    buffer: Vec<u8>,
    /// Less was there than was asked for, because the file ends here.
    ends: bool,
    /// When it was used last.
    used: u64,
}

/// Pieces of files.
#[derive(Debug, Default)]
pub struct ReadAhead {
    extents: Vec<Extent>,
    clock: u64,
    stats: PrefetchStats,
}

/// Bytes in a run, unless one window has more.
pub const EXTENT_SIZE: usize = 64 * 1024;
/// Bytes in all runs, or a little more: enough for the places that clients who started together are at.
const MAX_BYTES: usize = 24 * EXTENT_SIZE;
/// Runs, however short they are: they are looked through.
const MAX_EXTENTS: usize = 64;

impl ReadAhead {
    /// The run that has so many bytes from an offset on, or all that the file has there.
    pub fn find(&mut self, file: FileId, offset: u64, wanted: usize) -> Option<usize> {
        let place = self.extents.iter().position(|run| run.has(file, offset, wanted))?;
        self.clock += 1;
        self.stats.hits += 1;
        self.extents[place].used = self.clock;
        Some(place)
    }

    /// Whether there is such a run.
    pub fn has(&self, file: FileId, offset: u64, wanted: usize) -> bool {
        self.extents.iter().any(|run| run.has(file, offset, wanted))
    }

    /// What a run has from an offset on, so many bytes at most.
    pub fn bytes(&self, place: usize, offset: u64, wanted: usize) -> &[u8] {
        let run = &self.extents[place];
        let at = usize::try_from(offset - run.start).unwrap_or(run.length);
        &run.buffer[at..run.length.min(at + wanted)]
    }

    /// Where a run ends.
    pub fn end(&self, place: usize) -> u64 {
        self.extents[place].start + self.extents[place].length as u64
    }

    /// How much to read where so much is wanted: as many windows as fit into a run, if somebody will take them.
    pub fn length(&mut self, wanted: usize, left: u64) -> usize {
        let left = usize::try_from(left).unwrap_or(usize::MAX);
        if wanted == 0 || left <= wanted {
            return left.min(wanted);
        }
        let windows = (EXTENT_SIZE / wanted).max(1);
        let windows = if self.stats.reads_ahead(windows) { windows } else { 1 };
        left.min(wanted * windows)
    }

    /// A buffer of at least that length: that of the run that was not used for longest, once there are enough.
    pub fn buffer(&mut self, length: usize) -> Vec<u8> {
        let mut buffer = self.make_room(length).unwrap_or_default();
        if buffer.len() < length {
            buffer.resize(length, 0);
        }
        buffer
    }

    /// Keeps what was read into a buffer: `length` bytes where `asked` were to be. Tells where.
    pub fn keep(
        &mut self,
        file: FileId,
        start: u64,
        buffer: Vec<u8>,
        length: usize,
        asked: usize,
    ) -> usize {
        self.clock += 1;
        let (ends, used) = (length < asked, self.clock);
        self.extents.push(Extent { file, start, length, buffer, ends, used });
        self.extents.len() - 1
    }

    /// The same, of a buffer that is not ours yet.
    pub fn take(&mut self, file: FileId, start: u64, bytes: Vec<u8>, asked: usize) {
        drop(self.make_room(bytes.len()));
        let length = bytes.len();
        self.keep(file, start, bytes, length, asked);
    }

    /// Forgets what was not used for longest, until there is room. The buffer of the last that went.
    fn make_room(&mut self, length: usize) -> Option<Vec<u8>> {
        let mut buffer = None;
        while self.extents.len() >= MAX_EXTENTS
            || self.extents.iter().map(|run| run.buffer.len()).sum::<usize>() + length > MAX_BYTES
        {
            let oldest = (0..self.extents.len()).min_by_key(|&place| self.extents[place].used)?;
            buffer = Some(self.extents.swap_remove(oldest).buffer);
        }
        buffer
    }

    /// A file is closed.
    pub fn forget(&mut self, file: FileId) {
        self.extents.retain(|run| run.file != file);
    }
}

impl Extent {
    fn has(&self, file: FileId, offset: u64, wanted: usize) -> bool {
        let end = self.start + self.length as u64;
        self.file == file
            && self.start <= offset
            && (offset + wanted as u64 <= end || self.ends && offset <= end)
    }
}

/// Whether what is read ahead is used.
#[derive(Debug, Default)]
struct PrefetchStats {
    /// Windows that were read ahead.
    ahead: usize,
    /// Windows that were there when they were wanted.
    hits: usize,
    /// Reads for which nothing is read ahead.
    skips: usize,
}

/// Windows after which it is judged.
const SAMPLE_SIZE: usize = 2048;
/// One of so many that is used pays for all.
const MIN_HIT_RATIO: usize = 4;
/// Reads until it is tried again.
const SKIPPED_AFTER_MISS: usize = 4096;

impl PrefetchStats {
    /// Asked for each read that could take so many windows.
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

    fn known(ahead: &mut ReadAhead, offset: u64, wanted: usize) -> Option<Vec<u8>> {
        let place = ahead.find(FILE, offset, wanted)?;
        Some(ahead.bytes(place, offset, wanted).to_vec())
    }

    #[test]
    fn a_run_serves_whoever_is_inside_it() {
        let mut ahead = ReadAhead::default();
        ahead.keep(FILE, 100, (0..60).collect(), 50, 50);
        assert_eq!(known(&mut ahead, 110, 3), Some(vec![10, 11, 12]));
        assert_eq!(known(&mut ahead, 148, 2), Some(vec![48, 49]));
        assert_eq!(known(&mut ahead, 148, 3), None, "the file may go on");
        assert_eq!(known(&mut ahead, 99, 2), None);
        assert!(!ahead.has(FileId(2), 110, 3));
        ahead.forget(FILE);
        assert_eq!(known(&mut ahead, 110, 3), None);
    }

    #[test]
    fn the_end_of_a_file_is_known() {
        let mut ahead = ReadAhead::default();
        ahead.keep(FILE, 0, vec![1; 9], 5, 9);
        assert_eq!(known(&mut ahead, 3, 9), Some(vec![1, 1]));
        assert_eq!(known(&mut ahead, 5, 9), Some(vec![]));
    }

    #[test]
    fn the_run_that_was_not_used_for_longest_makes_room() {
        let mut ahead = ReadAhead::default();
        for start in 0..(MAX_BYTES / EXTENT_SIZE) as u64 {
            let buffer = ahead.buffer(EXTENT_SIZE);
            ahead.keep(FILE, start, buffer, 1, 1);
        }
        ahead.find(FILE, 0, 1);
        assert_eq!(ahead.buffer(EXTENT_SIZE).len(), EXTENT_SIZE);
        assert!(ahead.has(FILE, 0, 1) && !ahead.has(FILE, 1, 1));
        assert!(ahead.buffer(MAX_BYTES + 1).len() > MAX_BYTES, "a window of any size finds room");
    }

    #[test]
    fn reading_ahead_stops_where_nobody_takes_it() {
        let mut ahead = ReadAhead::default();
        let long = |ahead: &mut ReadAhead| ahead.length(1024, 1 << 30) > 1024;
        let trial = SAMPLE_SIZE.div_ceil(63);
        assert_eq!((0..trial).filter(|_| long(&mut ahead)).count(), trial);
        assert_eq!((0..SKIPPED_AFTER_MISS).filter(|_| long(&mut ahead)).count(), 0);
        for _ in 0..10 * trial {
            assert!(long(&mut ahead), "it is tried again, and goes on while it pays");
            ahead.stats.hits += 32;
        }
    }
}
