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
    /// What it did not get, and when.
    pub refused: Option<(Vec<u8>, Refused, Millis)>,
    /// What it began to load, and has not finished: how often, and when last.
    begun: Option<(Vec<u8>, usize, Millis)>,
    /// What it has loaded lately.
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
const MOST_LOADS: usize = 16;

impl Way {
    /// It begins to load a file.
    pub fn begins(&mut self, path: Vec<u8>, now: Millis) {
        self.expected = None;
        let times = match &self.begun {
            Some((same, times, when)) if *same == path && now.0 - when.0 < MINUTE => times + 1,
            _ => 1,
        };
        self.begun = Some((path, times, now));
    }

    /// It has a file.
    pub fn loaded(&mut self, path: &[u8], now: Millis) {
        (self.begun, self.refused, self.expected) = (None, None, None);
        if self.loads.len() == MOST_LOADS {
            self.loads.remove(0);
        }
        self.loads.push((path.to_vec(), now));
    }

    /// Whether it has begun to load a file of that name lately.
    pub fn has_had(&self, file: &[u8]) -> bool {
        let begun = self.begun.as_ref().is_some_and(|(path, ..)| path.ends_with(file));
        begun || self.loads.iter().any(|(path, _)| path.ends_with(file))
    }

    /// How often it has loaded a file within a minute.
    pub fn times(&self, path: &[u8], now: Millis) -> usize {
        let recent = |(same, when): &&(Vec<u8>, Millis)| same == path && now.0 - when.0 < MINUTE;
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
            return self.may_tell(Topic::Expected, now).then_some(match file {
                None => Remark::NeverAsked { who, line },
                Some(file) => Remark::NeverLoaded { who, file, line },
            });
        }
        if let Some((path, why, _)) = self.refused.take_if(|(_, _, when)| is_quiet(when)) {
            let told = self.told.as_ref().filter(|told| path.ends_with(&told.file));
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
