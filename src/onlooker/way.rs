//! One client's way, as far as it was seen.

use super::{MINUTE, QUIET, Remark, TOO_OFTEN, Topic, Who};
use crate::config::Origin;
use crate::millis::Millis;
use crate::sight::Refused;

/// What is known of it.
#[derive(Debug, Default)]
pub struct Way {
    /// When it was last seen.
    pub seen: Millis,
    /// What it is to do next.
    pub expected: Option<Expected>,
    /// The line it was answered by.
    pub line: Option<Origin>,
    /// The file it was told to load.
    pub told: Option<Told>,
    /// What it did not get, and since when.
    refused: Option<(Vec<u8>, Refused, Millis)>,
    /// What it began to load, and has acknowledged nothing of: how often, and when last.
    begun: Option<(Vec<u8>, usize, Millis)>,
    /// What it has loaded lately, of what matters.
    loads: Vec<(Vec<u8>, Millis)>,
    /// What was remarked on, and when.
    remarks: Vec<(Topic, Millis)>,
}

/// What a client is to do next.
#[derive(Debug)]
pub struct Expected {
    /// Load this; `None`: ask on port 4011.
    pub file: Option<Vec<u8>>,
    /// By which line.
    pub line: Origin,
    /// Until when.
    pub until: Millis,
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

/// Loads that are remembered.
const MOST_LOADS: usize = 4;

/// Whether a path is that of a file as it was told: below whatever root, with Windows' separators, in whatever letters.
pub fn is_file(path: &[u8], told: &[u8]) -> bool {
    let plain = |byte: u8| if byte == b'\\' { b'/' } else { byte.to_ascii_lowercase() };
    let told = told.strip_prefix(b"/").unwrap_or(told);
    let Some(start) = path.len().checked_sub(told.len()) else { return false };
    let same = path[start..].iter().zip(told).all(|(one, other)| plain(*one) == plain(*other));
    same && !told.is_empty() && (start == 0 || path[start - 1] == b'/')
}

impl Way {
    /// It was answered: what it missed before that does not stop it.
    pub fn goes_on(&mut self) {
        self.refused = None;
    }

    /// It begins to load a file.
    pub fn begins(&mut self, path: Vec<u8>, now: Millis) {
        self.expected = None;
        let times = match &self.begun {
            Some((same, times, when)) if *same == path && now.0 - when.0 < MINUTE => times + 1,
            _ => 1,
        };
        self.begun = Some((path, times, now));
    }

    /// It hears us.
    pub fn acknowledges(&mut self) {
        self.begun = None;
    }

    /// It did not get a file. Whoever asks for it again and again is waiting since the first time.
    pub fn misses(&mut self, path: Vec<u8>, why: Refused, now: Millis) {
        // What is the matter is known now: nothing else need be said.
        self.expected = None;
        let since = match &self.refused {
            Some((same, _, since)) if *same == path => *since,
            _ => now,
        };
        self.refused = Some((path, why, since));
    }

    /// It has a file. What it has asked for since then it may still miss.
    pub fn loaded(&mut self, path: &[u8], is_stranger: bool, now: Millis) {
        self.expected = None;
        self.begun.take_if(|(same, ..)| *same == path);
        self.refused.take_if(|(.., since)| *since < now);
        let is_told = self.told.as_ref().is_some_and(|told| is_file(path, &told.file));
        if !is_told && !is_stranger {
            // It has got further than that.
            self.loads.clear();
        }
        let matters = is_told || is_stranger;
        if matters {
            if self.loads.len() == MOST_LOADS {
                self.loads.remove(0);
            }
            self.loads.push((path.to_vec(), now));
        }
    }

    /// Takes over what was seen of the same client by its address.
    pub fn absorbs(&mut self, other: Self) {
        self.loads.extend(other.loads);
        self.begun = self.begun.take().or(other.begun);
        self.refused = self.refused.take().or(other.refused);
        self.expected.take_if(|_| !self.loads.is_empty());
    }

    /// The files it has had lately.
    pub fn had(&self) -> impl Iterator<Item = &[u8]> {
        let begun = self.begun.iter().map(|(path, ..)| &path[..]);
        self.loads.iter().map(|(path, _)| &path[..]).chain(begun)
    }

    /// How often it has loaded what it was told within a minute.
    pub fn times(&self, told: &[u8], now: Millis) -> usize {
        let recent =
            |(path, when): &&(Vec<u8>, Millis)| now.0 - when.0 < MINUTE && is_file(path, told);
        self.loads.iter().filter(recent).count()
    }

    /// Whether nothing was said about a topic within the last minute; it is, now.
    pub fn may_tell(&mut self, topic: Topic, now: Millis) -> bool {
        self.remarks.retain(|(_, when)| now.0 - when.0 < MINUTE);
        let told = self.remarks.iter().any(|(known, _)| *known == topic);
        if !told {
            self.remarks.push((topic, now));
        }
        !told
    }

    /// What there is to say about it now.
    pub fn stuck(&mut self, who: Who, now: Millis) -> Option<Remark> {
        let is_quiet = |when: &Millis| now.0 - when.0 >= QUIET;
        if let Some(Expected { file, line, .. }) = self.expected.take_if(|one| one.until <= now) {
            let (topic, remark) = match file {
                None => (Topic::Asked, Remark::NeverAsked { who, line }),
                Some(file) => (Topic::Loaded, Remark::NeverLoaded { who, file, line }),
            };
            return self.may_tell(topic, now).then_some(remark);
        }
        if let Some((path, why, _)) = self.refused.take_if(|(_, _, since)| is_quiet(since)) {
            let told = self.told.as_ref().filter(|told| is_file(&path, &told.file));
            let line = told.map(|told| told.line.clone());
            let remark = Remark::Refused { who, path, why, line };
            return self.may_tell(Topic::Refused, now).then_some(remark);
        }
        let unheard = |(_, times, when): &mut (_, usize, _)| *times >= TOO_OFTEN && is_quiet(when);
        let (path, times, _) = self.begun.take_if(unheard)?;
        self.may_tell(Topic::Unheard, now).then_some(Remark::Unheard { who, path, times })
    }

    /// Whether there may be something to say about it later.
    pub fn is_pending(&self) -> bool {
        let again = self.begun.as_ref().is_some_and(|(_, times, _)| *times >= TOO_OFTEN);
        self.expected.is_some() || self.refused.is_some() || again
    }

    /// Whether it is worth remembering.
    pub fn is_recent(&self, now: Millis) -> bool {
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
