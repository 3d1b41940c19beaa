//! The state of one client.

use super::event::RefusalReason;
use super::{
    ClientKey, Finding, FindingKind, MAX_LOADS_OF_ONE_FILE, QUIET_PERIOD, REPORT_INTERVAL,
    RefusedFile,
};
use crate::config::Origin;
use crate::time::Timestamp;
use crate::wire::client_arch::Architecture;
use std::collections::VecDeque;
use std::hash::{DefaultHasher, Hash, Hasher};

/// What is known of a client.
#[derive(Debug, Default)]
pub struct ClientState {
    /// The time of its last event.
    pub last_seen: Timestamp,
    /// What it must do next.
    pub expected: Option<Expectation>,
    /// The line that decided the last reply to it.
    pub line: Option<Origin>,
    /// The boot file in the last reply.
    pub advertised: Option<AdvertisedFile>,
    /// Missing files that it has requested since the last file that it got, with the time of the first request.
    missing_files: Vec<(Vec<u8>, Timestamp)>,
    /// The file that it requests without an ACK: the number of requests, and the time of the last one.
    unacked_transfers: Option<(Vec<u8>, usize, Timestamp)>,
    /// When it has loaded the boot file of the reply.
    loads: Vec<Timestamp>,
    /// Hashes of the names that it has requested lately.
    requested_names: VecDeque<u64>,
    /// Findings that were reported, and when.
    reported: Vec<(FindingKind, Timestamp)>,
}

/// What a client must do next.
#[derive(Debug)]
pub struct Expectation {
    /// The file to request. `None`: a request to port 4011.
    pub file: Option<Vec<u8>>,
    /// The line that decided the reply.
    pub line: Origin,
    /// Until when it must do so.
    pub deadline: Timestamp,
}

/// A boot file in a reply.
#[derive(Clone, Debug)]
pub struct AdvertisedFile {
    /// As the reply has it.
    pub file: Vec<u8>,
    /// The line that decided the reply.
    pub line: Origin,
    /// The architecture of the client (option 93).
    pub architecture: Option<Architecture>,
    /// Whether the request came from iPXE.
    pub is_ipxe: bool,
}

/// The end option (RFC 2132, section 3.2).
const END_OPTION: u8 = 0xff;
/// Entries that are stored for a client.
const MAX_LOADS: usize = 4;
const MAX_MISSING_FILES: usize = 4;
const MAX_REQUESTED_NAMES: usize = 32;

/// Whether a path ends with the boot file of a reply. The root does not count; `\\` is `/`; upper and lower case are the
/// same.
pub fn path_matches(path: &[u8], boot_file: &[u8]) -> bool {
    let plain = |byte: u8| if byte == b'\\' { b'/' } else { byte.to_ascii_lowercase() };
    let boot_file = boot_file.strip_prefix(b"/").unwrap_or(boot_file);
    let Some(start) = path.len().checked_sub(boot_file.len()) else { return false };
    let same = path[start..].iter().zip(boot_file).all(|(one, other)| plain(*one) == plain(*other));
    same && !boot_file.is_empty() && (start == 0 || path[start - 1] == b'/')
}

/// A hash of the last part of a path, in lower case.
pub fn basename_hash(path: &[u8]) -> u64 {
    let name = path.rsplit(|byte| matches!(byte, b'/' | b'\\')).next().unwrap_or_default();
    let mut hasher = DefaultHasher::new();
    name.to_ascii_lowercase().hash(&mut hasher);
    hasher.finish()
}

impl ClientState {
    /// A reply was sent: the client begins anew.
    pub fn clear_misses(&mut self) {
        self.missing_files.clear();
    }

    /// A reply has a boot file.
    pub fn set_advertised(&mut self, advertised: AdvertisedFile) {
        if self.advertised.as_ref().is_none_or(|known| known.file != advertised.file) {
            self.loads.clear();
        }
        self.advertised = Some(advertised);
    }

    /// A transfer has begun.
    pub fn transfer_started(&mut self, path: Vec<u8>, now: Timestamp) {
        self.expected = None;
        if self.requested_names.len() == MAX_REQUESTED_NAMES {
            self.requested_names.pop_front();
        }
        self.requested_names.push_back(basename_hash(&path));
        let count = match &self.unacked_transfers {
            Some((same, count, when)) if *same == path && now - *when < REPORT_INTERVAL => {
                count + 1
            }
            _ => 1,
        };
        self.unacked_transfers = Some((path, count, now));
    }

    /// The client has acknowledged something.
    pub fn first_ack(&mut self) {
        self.unacked_transfers = None;
        self.missing_files = Vec::new();
    }

    /// The client has requested a file that does not exist. If it requests it again, the time of the first request counts.
    pub fn file_missing(&mut self, path: Vec<u8>, now: Timestamp) {
        let known = self.missing_files.iter().any(|(same, _)| *same == path);
        if !known && self.missing_files.len() < MAX_MISSING_FILES {
            self.missing_files.push((path, now));
        }
    }

    /// A file that was refused, with the line that names it. A client may append 0xFF and more to the name (D-040).
    pub fn refused_file(&self, path: Vec<u8>, reason: RefusalReason) -> RefusedFile {
        let name = path.split(|byte| *byte == END_OPTION).next().unwrap_or_default();
        let advertised =
            self.advertised.as_ref().filter(|advertised| path_matches(name, &advertised.file));
        RefusedFile { line: advertised.map(|advertised| advertised.line.clone()), path, reason }
    }

    /// The client has got a file at `now`. Files that were refused later count on.
    pub fn file_sent(&mut self, path: &[u8], now: Timestamp) {
        self.expected = None;
        self.unacked_transfers.take_if(|(same, ..)| *same == path);
        self.missing_files.retain(|(_, since)| *since >= now);
        if !self.advertised.as_ref().is_some_and(|advertised| path_matches(path, &advertised.file))
        {
            // It has got further than the boot file.
            self.loads.clear();
        } else if self.loads.len() < MAX_LOADS {
            self.loads.push(now);
        } else {
            self.loads.rotate_left(1);
            self.loads[MAX_LOADS - 1] = now;
        }
    }

    /// Adds what is known of the same client by its address.
    pub fn merge(&mut self, other: Self) {
        self.unacked_transfers = self.unacked_transfers.take().or(other.unacked_transfers);
        self.requested_names.extend(other.requested_names);
        self.requested_names.truncate(MAX_REQUESTED_NAMES);
        if self.missing_files.is_empty() {
            self.missing_files = other.missing_files;
        }
    }

    /// Hashes of the names that it has requested lately.
    pub fn recent_names(&self) -> impl Iterator<Item = u64> {
        self.requested_names.iter().copied()
    }

    /// How often it has loaded the boot file within the last minute, without any other file.
    pub fn load_count(&self, now: Timestamp) -> usize {
        self.loads.iter().filter(|when| now - **when < REPORT_INTERVAL).count()
    }

    /// Whether a finding of this kind was reported within the last minute.
    pub fn recently_reported(&self, kind: FindingKind, now: Timestamp) -> bool {
        self.reported.iter().any(|(known, when)| *known == kind && now - *when < REPORT_INTERVAL)
    }

    /// Whether a finding of this kind is to be reported now. If so, it counts as reported.
    pub fn should_report(&mut self, kind: FindingKind, now: Timestamp) -> bool {
        self.reported.retain(|(_, when)| now - *when < REPORT_INTERVAL);
        let advertised = self.recently_reported(kind, now);
        if !advertised {
            self.reported.push((kind, now));
        }
        !advertised
    }

    /// The problem that the client has now, if any.
    pub fn check(&mut self, key: ClientKey, now: Timestamp) -> Option<Finding> {
        let is_quiet = |when: &Timestamp| now - *when >= QUIET_PERIOD;
        if let Some(Expectation { file, line, .. }) =
            self.expected.take_if(|one| one.deadline <= now)
        {
            let (kind, finding) = match file {
                None => {
                    (FindingKind::NoProxyRequest, Finding::NoProxyRequest { client: key, line })
                }
                Some(file) => {
                    (FindingKind::NoDownload, Finding::NoDownload { client: key, file, line })
                }
            };
            return self.should_report(kind, now).then_some(finding);
        }
        if self.missing_files.first().is_some_and(|(_, since)| is_quiet(since)) {
            let missing = std::mem::take(&mut self.missing_files).into_iter();
            let files = missing.map(|(path, _)| self.refused_file(path, RefusalReason::NotFound));
            return Some(Finding::FilesRefused { client: key, file: files.collect() });
        }
        let is_unacked = |(_, count, when): &mut (_, usize, _)| {
            *count >= MAX_LOADS_OF_ONE_FILE && is_quiet(when)
        };
        let (path, count, _) = self.unacked_transfers.take_if(is_unacked)?;
        self.should_report(FindingKind::NoAcks, now).then_some(Finding::NoAcks {
            client: key,
            path,
            count,
        })
    }

    /// Whether there may be a problem without another event.
    pub fn is_pending(&self) -> bool {
        let again = self
            .unacked_transfers
            .as_ref()
            .is_some_and(|(_, count, _)| *count >= MAX_LOADS_OF_ONE_FILE);
        self.expected.is_some() || !self.missing_files.is_empty() || again
    }

    /// Whether the client must be kept.
    pub fn is_recent(&self, now: Timestamp) -> bool {
        self.is_pending() || now - self.last_seen < REPORT_INTERVAL
    }
}

#[test]
fn path_matches_boot_file_by_whole_name() {
    for (path, advertised, is) in [
        ("/srv/boot.efi", "boot.efi", true),
        ("/srv/sub/a.efi", "sub\\A.efi", true),
        ("/srv/systemd-boot.efi", "boot.efi", false),
        ("boot.efi", "/boot.efi", true),
        ("/srv/x", "", false),
        ("x", "longer", false),
    ] {
        assert_eq!(path_matches(path.as_bytes(), advertised.as_bytes()), is, "{path} {advertised}");
    }
}
