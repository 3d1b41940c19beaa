//! Look-ups of names: requests to the file process, and their results.

use super::absent_names::{AbsentNames, Stamp};
use crate::daemon::file_process::protocol::{
    FileFacts, LookedUp, Lookup, LookupKind, MAX_PATH_LEN, Outcome,
};
use crate::daemon::file_process::roots::Roots;
use crate::strerror::strerror;
use crate::sys::directory_changes::ChangeReader;
use crate::sys::limits;
use crate::tftp::files::{DiskLookup, OpenError};
use crate::time::Timestamp;
use std::collections::{HashMap, VecDeque};
use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// Look-ups of the file process.
#[derive(Default)]
pub struct Lookups {
    roots: Roots,
    /// Names that need no look-up.
    pub absent: AbsentNames,
    /// All look-ups, and the results that are there.
    results: HashMap<DiskLookup, Option<LookupResult>>,
    /// Look-ups without a result, by number.
    by_id: HashMap<u32, Sent>,
    last_id: u32,
    /// Look-ups that are not sent yet.
    pub outgoing: VecDeque<Lookup>,
}

/// A look-up that was sent.
struct Sent {
    lookup: DiskLookup,
    /// The directory of the path before it was sent, and the time.
    stamp: Option<(Stamp, SystemTime)>,
}

/// An open file, and what is known about it.
#[derive(Clone)]
pub struct FoundFile {
    /// The file.
    pub file: Arc<File>,
    /// Its facts.
    pub facts: FileFacts,
    /// As long as the directory of the path has this stamp and the file its version, the path leads to the file. `None`: not known.
    pub stamp: Option<Stamp>,
}

/// Two changes of a file can have the same time: the kernel counts it in steps of some milliseconds, and ext4 with inodes of 128 bytes
/// stores whole seconds. A version of a file that has not changed for this time before its look-up is the last one with its times.
const MIN_AGE: Duration = Duration::from_millis(1100);
/// Look-ups without a result, more than transfers: requests may end before the file process has answered.
const MAX_LOOKUPS: usize = 16 * 1024;

/// The result of a look-up.
#[derive(Clone)]
pub enum LookupResult {
    /// The open file, or the error.
    File(Result<FoundFile, OpenError>),
    /// Whether the path is a directory.
    Directory(bool),
}

impl Lookups {
    /// Look-ups below these roots. `changes`: with them, names that are not there need no look-up.
    pub fn new(roots: Roots, changes: Option<ChangeReader>) -> Self {
        Self { roots, absent: AbsentNames::new(changes), ..Self::default() }
    }

    /// The result of a look-up; `None`: it is not there yet. Then the look-up is requested, unless it was already.
    pub fn get(&mut self, lookup: DiskLookup) -> Option<LookupResult> {
        if let Some(result) = self.results.get(&lookup) {
            return result.clone();
        }
        let (kind, path) = match &lookup {
            DiskLookup::File(path) => (LookupKind::File, path),
            DiskLookup::Directory(path) => (LookupKind::Directory, path),
        };
        if path.len() >= MAX_PATH_LEN {
            return Some(LookupResult::File(Err(failed(limits::ENAMETOOLONG))));
        }
        let Some((root, name)) = self.roots.split(path) else {
            return Some(LookupResult::File(Err(OpenError::Denied)));
        };
        if self.absent.is_absent(without_end(&lookup)) {
            return Some(LookupResult::not_found(kind));
        }
        if self.results.len() >= MAX_LOOKUPS {
            // The client has to repeat its request.
            return None;
        }
        self.last_id = self.last_id.wrapping_add(1);
        self.outgoing.push_back(Lookup { id: self.last_id, kind, root, name: name.to_vec() });
        let stamp = match &lookup {
            DiskLookup::File(path) => self.absent.stamp(path),
            DiskLookup::Directory(_) => None,
        };
        let stamp = stamp.map(|stamp| (stamp, SystemTime::now()));
        self.by_id.insert(self.last_id, Sent { lookup: lookup.clone(), stamp });
        self.results.insert(lookup, None);
        None
    }

    /// Takes a result of the file process; the look-up, if it has a result now.
    pub fn take(
        &mut self,
        LookedUp { id, outcome }: LookedUp,
        fds: &mut impl Iterator<Item = OwnedFd>,
        now: Timestamp,
    ) -> Option<DiskLookup> {
        let fd = if matches!(outcome, Outcome::File(_)) { fds.next() } else { None };
        let Sent { lookup, stamp } = self.by_id.remove(&id)?;
        let result = match outcome {
            Outcome::File(facts) => LookupResult::File(match fd {
                Some(fd) => {
                    let stamp = stamp.filter(|(_, at)| keeps_version(&facts, *at));
                    let (file, stamp) = (Arc::new(File::from(fd)), stamp.map(|(stamp, _)| stamp));
                    Ok(FoundFile { file, facts, stamp })
                }
                // The kernel passes no descriptor if this process has too many.
                None => Err(failed(limits::EMFILE)),
            }),
            Outcome::NotFound => LookupResult::File(Err(OpenError::NotFound)),
            Outcome::Denied => LookupResult::File(Err(OpenError::Denied)),
            Outcome::Failed(error) => LookupResult::File(Err(failed(error))),
            Outcome::Directory(is_directory) => LookupResult::Directory(is_directory),
            Outcome::Dropped => {
                self.results.remove(&lookup);
                return None;
            }
        };
        if matches!(outcome, Outcome::NotFound | Outcome::Directory(false)) {
            self.absent.missed(without_end(&lookup), &self.roots, now);
        }
        self.results.insert(lookup.clone(), Some(result));
        Some(lookup)
    }

    /// Drops a look-up, and returns its result.
    pub fn forget(&mut self, lookup: &DiskLookup) -> Option<LookupResult> {
        self.results.remove(lookup)?
    }
}

impl LookupResult {
    fn not_found(kind: LookupKind) -> Self {
        match kind {
            LookupKind::File => Self::File(Err(OpenError::NotFound)),
            LookupKind::Directory => Self::Directory(false),
        }
    }
}

/// Whether each later change of a file and of its name is seen in its version and in the stamp of its directory.
fn keeps_version(facts: &FileFacts, looked_up: SystemTime) -> bool {
    let [.., changed] = facts.version;
    let age = || {
        let changed = Duration::from_nanos(u64::try_from(changed).ok()?);
        looked_up.duration_since(UNIX_EPOCH.checked_add(changed)?).ok()
    };
    facts.is_name_reported && age().is_some_and(|age| age >= MIN_AGE)
}

/// The path of a look-up. That of a directory may end in `/`.
fn without_end(lookup: &DiskLookup) -> &[u8] {
    match lookup {
        DiskLookup::File(path) => path,
        DiskLookup::Directory(path) => path.strip_suffix(b"/").unwrap_or(path),
    }
}

fn failed(error: i32) -> OpenError {
    OpenError::Failed(strerror(&io::Error::from_raw_os_error(error)))
}
