//! Walls around this process and all it will start: what it may not do any more, whatever it is made to do (landlock(7),
//! seccomp(2), `PR_SET_NO_NEW_PRIVS`). They stand until it ends.

use super::seccomp::{SeccompError, install};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};
use nix::fcntl::OFlag;
use nix::sys::prctl::set_no_new_privs;
use std::fmt;
use std::fs::{File, OpenOptions};
use std::os::unix::fs::{FileTypeExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// Files and directories that stay in reach; of a directory all that is below it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AllowedPaths {
    /// To be read and listed.
    pub read: Vec<PathBuf>,
    /// To be written, and to get new files.
    pub write: Vec<PathBuf>,
    /// To lose files.
    pub remove: Vec<PathBuf>,
}

/// The walls that stand; of others, why not.
#[derive(Debug)]
pub struct SandboxStatus {
    /// No program that we might run would have more rights than we have.
    pub no_new_privileges: bool,
    /// Landlock, by the version of its interface.
    pub landlock: Result<u32, LandlockError>,
    /// seccomp, by how many calls are left.
    pub seccomp: Result<usize, SeccompError>,
    /// While it is open, the kernel keeps to what it was told about it.
    _own_process: Option<File>,
}

/// Why Landlock does not restrict this process.
#[derive(Debug)]
pub enum LandlockError {
    /// The rules were refused.
    Ruleset(RulesetError),
    /// The kernel does not have it, or it is switched off.
    Unavailable,
}

impl fmt::Display for LandlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ruleset(error) => error.fmt(f),
            Self::Unavailable => f.write_str("not to be had here"),
        }
    }
}

/// What is known of Landlock here; whatever a kernel does not know is left out.
const LANDLOCK_ABI: ABI = ABI::V6;

/// Puts them up, as far as this kernel has them. To be called while there is one thread only: of others, Landlock knows
/// nothing.
pub fn enter_sandbox(reach: &AllowedPaths) -> SandboxStatus {
    let own_process =
        OpenOptions::new().read(true).custom_flags(OFlag::O_PATH.bits()).open("/proc/self").ok();
    let no_new_privileges = set_no_new_privs().is_ok();
    let landlock = restrict(reach);
    let seccomp = install();
    SandboxStatus { no_new_privileges, landlock, seccomp, _own_process: own_process }
}

/// Files by their places; no TCP, and no signals to others.
fn restrict(reach: &AllowedPaths) -> Result<u32, LandlockError> {
    match ruleset(reach).map_err(LandlockError::Ruleset)? {
        RestrictionStatus {
            ruleset: RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            landlock: LandlockStatus::Available { effective_abi, .. },
            ..
        } => Ok(effective_abi as u32),
        _ => Err(LandlockError::Unavailable),
    }
}

fn ruleset(reach: &AllowedPaths) -> Result<RestrictionStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::WriteFile | AccessFs::MakeReg;
    let rules = |paths: &[PathBuf], access: BitFlags<AccessFs>| -> Vec<_> {
        paths.iter().filter_map(|path| rule(path, access)).map(Ok::<_, RulesetError>).collect()
    };
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK_ABI))?
        .handle_access(AccessNet::from_all(LANDLOCK_ABI))?
        .scope(scopes())?
        .create()?
        .add_rules(rules(&reach.read, read))?
        .add_rules(rules(&reach.write, write))?
        .add_rules(rules(&reach.remove, AccessFs::RemoveFile.into()))?
        .add_rules(rules(&[PathBuf::from("/proc/self")], AccessFs::ReadFile.into()))?
        .restrict_self()
}

/// Neither signals nor names that are no files lead out of here; but for the manager's, where that is one.
fn scopes() -> BitFlags<Scope> {
    let manager = std::env::var_os("NOTIFY_SOCKET").unwrap_or_default();
    let by_name = manager.as_encoded_bytes().starts_with(b"@");
    if by_name { Scope::Signal.into() } else { Scope::from_all(LANDLOCK_ABI) }
}

/// A file has no use for rights that directories have.
fn rule(path: &Path, access: BitFlags<AccessFs>) -> Option<PathBeneath<PathFd>> {
    let kind = std::fs::metadata(path).ok()?.file_type();
    // A pipe is in no directory, and cannot be told.
    if kind.is_fifo() || kind.is_socket() {
        return None;
    }
    let place = PathFd::new(path).ok()?;
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(LANDLOCK_ABI) };
    (!access.is_empty()).then(|| PathBeneath::new(place, access))
}
