//! One client's way, as far as it was seen.

use super::{
    ClientKey, Finding, FindingKind, MAX_LOADS_OF_ONE_FILE, QUIET_PERIOD, REPORT_INTERVAL,
    RefusedFile,
};
use crate::boot_monitor::event::RefusalReason;
use crate::config::Origin;
use crate::time::Timestamp;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is known of it.
#[derive(Debug, Default)]
pub struct ClientState {
    /// When it was last seen.
    pub last_seen: Timestamp,
    /// What it is to do next.
    pub expected: Option<Expectation>,
    /// The line it was answered by.
    pub line: Option<Origin>,
    /// The file it was told to load.
    pub advertised: Option<AdvertisedFile>,
    /// What it did not get since it last got something, and since when.
    refused_files: Vec<(Vec<u8>, RefusalReason, Timestamp)>,
    /// What it began to load, and has acknowledged nothing of: how often, and when last.
    unacked_transfers: Option<(Vec<u8>, usize, Timestamp)>,
    /// When it has loaded what it was told.
    loads: Vec<Timestamp>,
    /// Names of files that it has asked for lately, hashed.
    requested_names: VecDeque<u64>,
    /// What was remarked on, and when.
    reported: Vec<(FindingKind, Timestamp)>,
}

/// What a client is to do next.
#[derive(Debug)]
pub struct Expectation {
    /// Load this; `None`: ask on port 4011.
    pub file: Option<Vec<u8>>,
    /// By which line.
    pub line: Origin,
    /// Until when.
    pub deadline: Timestamp,
}

/// What a client was told to load.
#[derive(Clone, Debug)]
pub struct AdvertisedFile {
    /// As it was told.
    pub file: Vec<u8>,
    /// By which line.
    pub line: Origin,
    /// Whether it said that it was iPXE.
    pub is_ipxe: bool,
}

/// Of a client so much is remembered.
const MAX_LOADS: usize = 4;
const MAX_REFUSED_FILES: usize = 4;
const MAX_REQUESTED_NAMES: usize = 32;

/// Whether a path is that of a file as it was told: below whatever root, with Windows' separators, in whatever letters.
pub fn path_matches(path: &[u8], told: &[u8]) -> bool {
    let plain = |byte: u8| if byte == b'\\' { b'/' } else { byte.to_ascii_lowercase() };
    let told = told.strip_prefix(b"/").unwrap_or(told);
    let Some(start) = path.len().checked_sub(told.len()) else { return false };
    let same = path[start..].iter().zip(told).all(|(one, other)| plain(*one) == plain(*other));
    same && !told.is_empty() && (start == 0 || path[start - 1] == b'/')
}

/// The last part of a path, whatever its letters.
pub fn basename_hash(path: &[u8]) -> u64 {
    let name = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    name.to_ascii_lowercase().hash(&mut hasher);
    hasher.finish()
}

impl ClientState {
    /// It was answered: what it missed before that does not stop it.
    pub fn clear_misses(&mut self) {
        self.refused_files.clear();
    }

    /// It is told what to load.
    pub fn set_advertised(&mut self, told: AdvertisedFile) {
        if self.advertised.as_ref().is_none_or(|known| known.file != told.file) {
            self.loads.clear();
        }
        self.advertised = Some(told);
    }

    /// It begins to load a file.
    pub fn transfer_started(&mut self, path: Vec<u8>, now: Timestamp) {
        self.expected = None;
        if self.requested_names.len() == MAX_REQUESTED_NAMES {
            self.requested_names.pop_front();
        }
        self.requested_names.push_back(basename_hash(&path));
        let times = match &self.unacked_transfers {
            Some((same, times, when)) if *same == path && now - *when < REPORT_INTERVAL => {
                times + 1
            }
            _ => 1,
        };
        self.unacked_transfers = Some((path, times, now));
    }

    /// It hears us, and gets something.
    pub fn first_ack(&mut self) {
        self.unacked_transfers = None;
        self.refused_files.clear();
    }

    /// It did not get a file. Whoever asks for it again and again is waiting since the first time.
    pub fn file_refused(&mut self, path: Vec<u8>, why: RefusalReason, now: Timestamp) {
        // What is the matter is known now: nothing else need be said.
        self.expected = None;
        let known = self.refused_files.iter().any(|(same, ..)| *same == path);
        if why != RefusalReason::Unreported
            && !known
            && self.refused_files.len() < MAX_REFUSED_FILES
        {
            self.refused_files.push((path, why, now));
        }
    }

    /// It has a file. What it has asked for since then it may still miss.
    pub fn file_sent(&mut self, path: &[u8], now: Timestamp) {
        self.expected = None;
        self.unacked_transfers.take_if(|(same, ..)| *same == path);
        self.refused_files.retain(|(.., since)| *since >= now);
        if !self.advertised.as_ref().is_some_and(|told| path_matches(path, &told.file)) {
            // It has got further than that.
            self.loads.clear();
        } else if self.loads.len() < MAX_LOADS {
            self.loads.push(now);
        } else {
            self.loads.rotate_left(1);
            self.loads[MAX_LOADS - 1] = now;
        }
    }

    /// Takes over what was seen of the same client by its address.
    pub fn merge(&mut self, other: Self) {
        self.unacked_transfers = self.unacked_transfers.take().or(other.unacked_transfers);
        self.requested_names.extend(other.requested_names);
        self.requested_names.truncate(MAX_REQUESTED_NAMES);
        if self.refused_files.is_empty() {
            self.refused_files = other.refused_files;
        }
    }

    /// The names of files that it has asked for lately, hashed.
    pub fn recent_names(&self) -> impl Iterator<Item = u64> {
        self.requested_names.iter().copied()
    }

    /// How often it has loaded what it was told within a minute, and got no further.
    pub fn load_count(&self, now: Timestamp) -> usize {
        self.loads.iter().filter(|when| now - **when < REPORT_INTERVAL).count()
    }

    /// Whether something was said about a topic within the last minute.
    pub fn recently_reported(&self, topic: FindingKind, now: Timestamp) -> bool {
        self.reported.iter().any(|(known, when)| *known == topic && now - *when < REPORT_INTERVAL)
    }

    /// Whether nothing was said about a topic within the last minute; it is, now.
    pub fn should_report(&mut self, topic: FindingKind, now: Timestamp) -> bool {
        self.reported.retain(|(_, when)| now - *when < REPORT_INTERVAL);
        let told = self.recently_reported(topic, now);
        if !told {
            self.reported.push((topic, now));
        }
        !told
    }

    /// What there is to say about it now.
    pub fn check(&mut self, who: ClientKey, now: Timestamp) -> Option<Finding> {
        let is_quiet = |when: &Timestamp| now - *when >= QUIET_PERIOD;
        if let Some(Expectation { file, line, .. }) =
            self.expected.take_if(|one| one.deadline <= now)
        {
            let (topic, remark) = match file {
                None => {
                    (FindingKind::NoProxyRequest, Finding::NoProxyRequest { client: who, line })
                }
                Some(file) => {
                    (FindingKind::NoDownload, Finding::NoDownload { client: who, file, line })
                }
            };
            return self.should_report(topic, now).then_some(remark);
        }
        if self.refused_files.first().is_some_and(|(.., since)| is_quiet(since)) {
            let line = |path: &[u8]| {
                let told = self.advertised.as_ref().filter(|told| path_matches(path, &told.file));
                told.map(|told| told.line.clone())
            };
            let refused = std::mem::take(&mut self.refused_files).into_iter();
            let missed =
                refused.map(|(path, why, _)| RefusedFile { line: line(&path), path, reason: why });
            return Some(Finding::FilesRefused { client: who, file: missed.collect() });
        }
        let unheard = |(_, times, when): &mut (_, usize, _)| {
            *times >= MAX_LOADS_OF_ONE_FILE && is_quiet(when)
        };
        let (path, times, _) = self.unacked_transfers.take_if(unheard)?;
        self.should_report(FindingKind::NoAcks, now).then_some(Finding::NoAcks {
            client: who,
            path,
            count: times,
        })
    }

    /// Whether there may be something to say about it later.
    pub fn is_pending(&self) -> bool {
        let again = self
            .unacked_transfers
            .as_ref()
            .is_some_and(|(_, times, _)| *times >= MAX_LOADS_OF_ONE_FILE);
        self.expected.is_some() || !self.refused_files.is_empty() || again
    }

    /// Whether it is worth remembering.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        self.is_pending() || now - self.last_seen < REPORT_INTERVAL
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
        assert_eq!(path_matches(path.as_bytes(), told.as_bytes()), is, "{path} {told}");
    }
}
