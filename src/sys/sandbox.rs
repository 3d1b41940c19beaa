//! The sandbox: Landlock (landlock(7)), seccomp (seccomp(2)) and `PR_SET_NO_NEW_PRIVS`. It cannot be left, and holds for
//! child processes too.

pub use super::profile::AllowedPaths;
use super::profile::Profile;
use super::seccomp::{SeccompError, install};
use landlock::{
    ABI, Access, AccessFs, AccessNet, BitFlags, CompatLevel, Compatible, LandlockStatus,
    PathBeneath, PathFd, RestrictionStatus, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope,
};
use nix::sys::prctl::set_no_new_privs;
use std::fmt;
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

/// The parts of the sandbox that are active; for the others, the reason.
#[derive(Debug)]
pub struct SandboxStatus {
    /// A program that this process executes cannot gain privileges.
    pub no_new_privileges: bool,
    /// The ABI version of Landlock.
    pub landlock: Result<u32, LandlockError>,
    /// The number of system calls that seccomp allows.
    pub seccomp: Result<usize, SeccompError>,
}

/// Why Landlock does not restrict this process.
#[derive(Debug)]
pub enum LandlockError {
    /// The rules were refused.
    Ruleset(RulesetError),
    /// The kernel does not have it, or it is disabled.
    Unavailable,
}

impl fmt::Display for LandlockError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ruleset(error) => error.fmt(f),
            Self::Unavailable => f.write_str("not supported by the kernel"),
        }
    }
}

/// The newest ABI of Landlock that is used. What the kernel does not support is left out.
const LANDLOCK_ABI: ABI = ABI::V6;

/// Confines this process, with the parts that the kernel supports. It must be called while there is only one thread, because
/// Landlock restricts the calling thread only.
pub fn confine(profile: &Profile) -> SandboxStatus {
    let no_new_privileges = set_no_new_privs().is_ok();
    let landlock = restrict_by_landlock(&profile.paths);
    let seccomp = install(profile.process, &profile.parameters);
    SandboxStatus { no_new_privileges, landlock, seccomp }
}

/// Restricts this thread to these paths; forbids TCP, signals to other processes and abstract unix sockets. The version of the
/// ABI of Landlock.
pub fn restrict_by_landlock(paths: &AllowedPaths) -> Result<u32, LandlockError> {
    restrict(paths, Scope::from_all(LANDLOCK_ABI))
}

/// Restricts files to the allowed paths; forbids TCP, and signals to other processes.
fn restrict(allowed: &AllowedPaths, scopes: BitFlags<Scope>) -> Result<u32, LandlockError> {
    match ruleset(allowed, scopes).map_err(LandlockError::Ruleset)? {
        RestrictionStatus {
            ruleset: RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced,
            landlock: LandlockStatus::Available { effective_abi, .. },
            ..
        } => Ok(effective_abi as u32),
        _ => Err(LandlockError::Unavailable),
    }
}

fn ruleset(
    allowed: &AllowedPaths,
    scopes: BitFlags<Scope>,
) -> Result<RestrictionStatus, RulesetError> {
    let read = AccessFs::ReadFile | AccessFs::ReadDir;
    let write = AccessFs::WriteFile | AccessFs::MakeReg;
    let rules = |paths: &[PathBuf], access: BitFlags<AccessFs>| -> Vec<_> {
        paths.iter().filter_map(|path| rule(path, access)).map(Ok::<_, RulesetError>).collect()
    };
    Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(LANDLOCK_ABI))?
        .handle_access(AccessNet::from_all(LANDLOCK_ABI))?
        .scope(scopes)?
        .create()?
        .add_rules(rules(&allowed.read, read))?
        .add_rules(rules(&allowed.write, write))?
        .add_rules(rules(&allowed.remove, AccessFs::RemoveFile.into()))?
        .restrict_self()
}

/// Access rights of directories are left out for a file, because Landlock refuses them.
fn rule(path: &Path, access: BitFlags<AccessFs>) -> Option<PathBeneath<PathFd>> {
    let file_type = std::fs::metadata(path).ok()?.file_type();
    // Landlock has no rules for pipes and sockets.
    if file_type.is_fifo() || file_type.is_socket() {
        return None;
    }
    let path_fd = PathFd::new(path).ok()?;
    let access = if path.is_dir() { access } else { access & AccessFs::from_file(LANDLOCK_ABI) };
    (!access.is_empty()).then(|| PathBeneath::new(path_fd, access))
}
