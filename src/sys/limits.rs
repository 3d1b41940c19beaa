//! Limits of this process, and numbers of this system.

pub use libc::{EACCES, ENOBUFS, ENOENT, O_NOCTTY, O_NONBLOCK};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::unistd::{SysconfVar, sysconf};

/// How many descriptors may be open at once.
pub fn open_files() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft)
}

/// How often this thread had to leave its processor to others.
pub fn preemptions() -> libc::c_long {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.involuntary_context_switches())
}

/// How many processors the machine has, whichever we may use.
pub fn processors() -> libc::c_long {
    sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten().unwrap_or(1)
}
