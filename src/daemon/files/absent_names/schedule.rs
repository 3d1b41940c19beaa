//! When a directory is listed: if names in it are requested again and again, and not too often.

use crate::time::Timestamp;
use std::collections::HashMap;
use std::time::Duration;

/// Directories with requests for names that are not there.
#[derive(Default)]
pub struct Schedule {
    directories: HashMap<Vec<u8>, Misses>,
    /// The next directory is not listed before.
    not_before: Timestamp,
    /// The directory that is being listed, and since when.
    current: Option<(Vec<u8>, Timestamp)>,
}

#[derive(Default)]
struct Misses {
    count: u32,
    last: Timestamp,
    not_before: Timestamp,
}

/// A directory is listed after so many requests for names that are not there.
const MIN_MISSES: u32 = 2;
/// After a longer pause between two requests, they are counted from the beginning.
const MAX_PAUSE: Duration = Duration::from_secs(10);
/// The pause between two listings, and after one that failed. It may be on a file system whose directories cannot be listed.
const PAUSE: Duration = Duration::from_millis(10);
const PAUSE_AFTER_FAILURE: Duration = Duration::from_millis(100);
/// The pause between two listings, as a multiple of the time that a listing took, and at most.
const PAUSE_FACTOR: u32 = 20;
const MAX_PAUSE_AFTER: Duration = Duration::from_secs(1);
/// A directory that could not be listed is not tried again for this time.
const FAILURE_TIME: Duration = Duration::from_secs(10);
/// Directories, at most. Clients can name any number of them.
const MAX_DIRECTORIES: usize = 256;

impl Schedule {
    /// A name in this directory was requested, and is not there: whether to list the directory. If so, [`Schedule::finished`] must
    /// follow.
    pub fn missed(&mut self, directory: &[u8], now: Timestamp) -> bool {
        if !self.directories.contains_key(directory) && self.directories.len() >= MAX_DIRECTORIES {
            self.directories.retain(|_, misses| now - misses.last <= MAX_PAUSE);
            if self.directories.len() >= MAX_DIRECTORIES {
                self.directories.clear();
            }
        }
        let misses = self.directories.entry(directory.to_vec()).or_default();
        misses.count = if now - misses.last > MAX_PAUSE { 1 } else { misses.count + 1 };
        misses.last = now;
        let may_begin = self.current.is_none() && self.not_before.max(misses.not_before) <= now;
        let due = may_begin && misses.count >= MIN_MISSES;
        if due {
            self.current = Some((directory.to_vec(), now));
        }
        due
    }

    /// The directory was listed, or could not be.
    pub fn finished(&mut self, listed: bool, now: Timestamp) {
        let Some((directory, begun)) = self.current.take() else { return };
        let pause = if listed { PAUSE } else { PAUSE_AFTER_FAILURE };
        let proportional = ((now - begun) * PAUSE_FACTOR).min(MAX_PAUSE_AFTER);
        self.not_before = now + pause.max(proportional);
        if listed {
            self.directories.remove(&directory);
        } else if let Some(misses) = self.directories.get_mut(&directory) {
            misses.not_before = now + FAILURE_TIME;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const A: &[u8] = b"/a";

    fn at(milliseconds: u64) -> Timestamp {
        Timestamp(100_000 + milliseconds)
    }

    #[test]
    fn directory_is_listed_after_the_second_miss() {
        let mut schedule = Schedule::default();
        assert!(!schedule.missed(A, at(0)));
        assert!(!schedule.missed(b"/b", at(1)));
        assert!(schedule.missed(A, at(2)));
        assert!(!schedule.missed(b"/b", at(3)), "one at a time");
        schedule.finished(true, at(2));
        assert!(!schedule.missed(b"/b", at(11)), "not too often");
        assert!(schedule.missed(b"/b", at(12)));
    }

    #[test]
    fn misses_with_long_pauses_are_not_counted_together() {
        let mut schedule = Schedule::default();
        for turn in 0..5 {
            assert!(!schedule.missed(A, at(turn * 10_001)));
        }
        assert!(schedule.missed(A, at(50_000)));
    }

    #[test]
    fn directory_that_could_not_be_listed_is_tried_again_after_ten_seconds() {
        let mut schedule = Schedule::default();
        schedule.missed(A, at(0));
        assert!(schedule.missed(A, at(0)));
        schedule.finished(false, at(10));
        for second in 1..10 {
            assert!(!schedule.missed(A, at(second * 1000)), "{second}");
        }
        assert!(schedule.missed(A, at(10_010)));
    }

    #[test]
    fn other_directory_waits_100_ms_after_a_failure() {
        let mut schedule = Schedule::default();
        schedule.missed(A, at(0));
        schedule.missed(b"/b", at(0));
        assert!(schedule.missed(A, at(0)));
        schedule.finished(false, at(0));
        assert!(!schedule.missed(b"/b", at(99)));
        assert!(schedule.missed(b"/b", at(100)));
    }

    #[test]
    fn listing_that_takes_long_is_followed_by_a_long_pause() {
        let mut schedule = Schedule::default();
        schedule.missed(A, at(0));
        assert!(schedule.missed(A, at(0)));
        schedule.finished(true, at(20));
        schedule.missed(A, at(400));
        assert!(!schedule.missed(A, at(419)));
        assert!(schedule.missed(A, at(420)));
        schedule.finished(true, at(9000));
        schedule.missed(A, at(9001));
        assert!(schedule.missed(A, at(10_000)));
    }

    #[test]
    fn number_of_directories_is_bounded() {
        let mut schedule = Schedule::default();
        for number in 0..10_000_u32 {
            schedule.missed(&number.to_ne_bytes(), at(number.into()));
            assert!(schedule.directories.len() <= MAX_DIRECTORIES);
        }
    }
}
