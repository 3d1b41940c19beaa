//! One client's way, as far as it was seen.

use super::{MINUTE, Missed, QUIET, Remark, TOO_OFTEN, Topic, Who};
use crate::config::Origin;
use crate::millis::Timestamp;
use crate::sight::Refused;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is known of it.
#[derive(Debug, Default)]
pub struct Way {
    /// When it was last seen.
    pub seen: Timestamp,
    /// What it is to do next.
    pub expected: Option<Expected>,
    /// The line it was answered by.
    pub line: Option<Origin>,
    /// The file it was told to load.
    pub told: Option<Told>,
    /// What it did not get since it last got something, and since when.
    refused: Vec<(Vec<u8>, Refused, Timestamp)>,
    /// What it began to load, and has acknowledged nothing of: how often, and when last.
    begun: Option<(Vec<u8>, usize, Timestamp)>,
    /// When it has loaded what it was told.
    loads: Vec<Timestamp>,
    /// Names of files that it has asked for lately, hashed.
    had: VecDeque<u64>,
    /// What was remarked on, and when.
    remarks: Vec<(Topic, Timestamp)>,
}

/// What a client is to do next.
#[derive(Debug)]
pub struct Expected {
    /// Load this; `None`: ask on port 4011.
    pub file: Option<Vec<u8>>,
    /// By which line.
    pub line: Origin,
    /// Until when.
    pub until: Timestamp,
}

/// What a client was told to load.
#[derive(Clone, Debug)]
pub struct Told {
    /// As it was told.
    pub file: Vec<u8>,
    /// By which line.
    pub line: Origin,
    /// Whether it said that it was iPXE.
    pub is_ipxe: bool,
}

/// Of a client so much is remembered.
const MOST_LOADS: usize = 4;
const MOST_MISSES: usize = 4;
const MOST_NAMES: usize = 32;

/// Whether a path is that of a file as it was told: below whatever root, with Windows' separators, in whatever letters.
pub fn is_file(path: &[u8], told: &[u8]) -> bool {
    let plain = |byte: u8| if byte == b'\\' { b'/' } else { byte.to_ascii_lowercase() };
    let told = told.strip_prefix(b"/").unwrap_or(told);
    let Some(start) = path.len().checked_sub(told.len()) else { return false };
    let same = path[start..].iter().zip(told).all(|(one, other)| plain(*one) == plain(*other));
    same && !told.is_empty() && (start == 0 || path[start - 1] == b'/')
}

/// The last part of a path, whatever its letters.
pub fn name_of(path: &[u8]) -> u64 {
    let name = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    name.to_ascii_lowercase().hash(&mut hasher);
    hasher.finish()
}

impl Way {
    /// It was answered: what it missed before that does not stop it.
    pub fn goes_on(&mut self) {
        self.refused.clear();
    }

    /// It is told what to load.
    pub fn is_told(&mut self, told: Told) {
        if self.told.as_ref().is_none_or(|known| known.file != told.file) {
            self.loads.clear();
        }
        self.told = Some(told);
    }

    /// It begins to load a file.
    pub fn begins(&mut self, path: Vec<u8>, now: Timestamp) {
        self.expected = None;
        if self.had.len() == MOST_NAMES {
            self.had.pop_front();
        }
        self.had.push_back(name_of(&path));
        let times = match &self.begun {
            Some((same, times, when)) if *same == path && now.0 - when.0 < MINUTE => times + 1,
            _ => 1,
        };
        self.begun = Some((path, times, now));
    }

    /// It hears us, and gets something.
    pub fn acknowledges(&mut self) {
        self.begun = None;
        self.refused.clear();
    }

    /// It did not get a file. Whoever asks for it again and again is waiting since the first time.
    pub fn misses(&mut self, path: Vec<u8>, why: Refused, now: Timestamp) {
        // What is the matter is known now: nothing else need be said.
        self.expected = None;
        let known = self.refused.iter().any(|(same, ..)| *same == path);
        if why != Refused::Unsaid && !known && self.refused.len() < MOST_MISSES {
            self.refused.push((path, why, now));
        }
    }

    /// It has a file. What it has asked for since then it may still miss.
    pub fn loaded(&mut self, path: &[u8], now: Timestamp) {
        self.expected = None;
        self.begun.take_if(|(same, ..)| *same == path);
        self.refused.retain(|(.., since)| *since >= now);
        if !self.told.as_ref().is_some_and(|told| is_file(path, &told.file)) {
            // It has got further than that.
            self.loads.clear();
        } else if self.loads.len() < MOST_LOADS {
            self.loads.push(now);
        } else {
            self.loads.rotate_left(1);
            self.loads[MOST_LOADS - 1] = now;
        }
    }

    /// Takes over what was seen of the same client by its address.
    pub fn absorbs(&mut self, other: Self) {
        self.begun = self.begun.take().or(other.begun);
        self.had.extend(other.had);
        self.had.truncate(MOST_NAMES);
        if self.refused.is_empty() {
            self.refused = other.refused;
        }
    }

    /// The names of files that it has asked for lately, hashed.
    pub fn had(&self) -> impl Iterator<Item = u64> {
        self.had.iter().copied()
    }

    /// How often it has loaded what it was told within a minute, and got no further.
    pub fn times(&self, now: Timestamp) -> usize {
        self.loads.iter().filter(|when| now.0 - when.0 < MINUTE).count()
    }

    /// Whether something was said about a topic within the last minute.
    pub fn was_told(&self, topic: Topic, now: Timestamp) -> bool {
        self.remarks.iter().any(|(known, when)| *known == topic && now.0 - when.0 < MINUTE)
    }

    /// Whether nothing was said about a topic within the last minute; it is, now.
    pub fn may_tell(&mut self, topic: Topic, now: Timestamp) -> bool {
        self.remarks.retain(|(_, when)| now.0 - when.0 < MINUTE);
        let told = self.was_told(topic, now);
        if !told {
            self.remarks.push((topic, now));
        }
        !told
    }

    /// What there is to say about it now.
    pub fn stuck(&mut self, who: Who, now: Timestamp) -> Option<Remark> {
        let is_quiet = |when: &Timestamp| now.0 - when.0 >= QUIET;
        if let Some(Expected { file, line, .. }) = self.expected.take_if(|one| one.until <= now) {
            let (topic, remark) = match file {
                None => (Topic::Asked, Remark::NeverAsked { who, line }),
                Some(file) => (Topic::Loaded, Remark::NeverLoaded { who, file, line }),
            };
            return self.may_tell(topic, now).then_some(remark);
        }
        if self.refused.first().is_some_and(|(.., since)| is_quiet(since)) {
            let line = |path: &[u8]| {
                let told = self.told.as_ref().filter(|told| is_file(path, &told.file));
                told.map(|told| told.line.clone())
            };
            let refused = std::mem::take(&mut self.refused).into_iter();
            let missed = refused.map(|(path, why, _)| Missed { line: line(&path), path, why });
            return Some(Remark::Refused { who, missed: missed.collect() });
        }
        let unheard = |(_, times, when): &mut (_, usize, _)| *times >= TOO_OFTEN && is_quiet(when);
        let (path, times, _) = self.begun.take_if(unheard)?;
        self.may_tell(Topic::Unheard, now).then_some(Remark::Unheard { who, path, times })
    }

    /// Whether there may be something to say about it later.
    pub fn is_pending(&self) -> bool {
        let again = self.begun.as_ref().is_some_and(|(_, times, _)| *times >= TOO_OFTEN);
        self.expected.is_some() || !self.refused.is_empty() || again
    }

    /// Whether it is worth remembering.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        self.is_pending() || now.0 - self.seen.0 < MINUTE
    }
}

#[test]
fn a_file_is_known_by_its_whole_name() {
    for (path, told, is) in [
        ("/srv/boot.efi", "boot.efi", true),
        ("/srv/sub/a.efi", "sub\\A.efi", true),
        ("/srv/systemd-boot.efi", "boot.efi", false),
        ("boot.efi", "/boot.efi", true),
        ("/srv/x", "", false),
        ("x", "longer", false),
    ] {
        assert_eq!(is_file(path.as_bytes(), told.as_bytes()), is, "{path} {told}");
    }
}
