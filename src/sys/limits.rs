//! Limits of this process, error numbers, and the number of processors.

pub use libc::{
    EACCES, EAGAIN, ECONNREFUSED, EINVAL, EIO, EISDIR, ELOOP, EMFILE, ENAMETOOLONG, ENFILE,
    ENOBUFS, ENOENT, ENOMEM, ENOTDIR, ETIMEDOUT, EWOULDBLOCK,
};
use nix::sys::resource::{Resource, UsageWho, getrlimit, getrusage};
use nix::unistd::{SysconfVar, sysconf};

/// The soft limit of open descriptors (`RLIMIT_NOFILE`).
pub fn open_files() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft)
}

/// Involuntary context switches of this thread so far (getrusage(2)).
pub fn preemptions() -> libc::c_long {
    getrusage(UsageWho::RUSAGE_THREAD).map_or(0, |usage| usage.involuntary_context_switches())
}

/// The number of processors that are online, also if this process may not use all. (sysconf(3) differs between C libraries.)
pub fn processors() -> libc::c_long {
    let online = std::fs::read_to_string("/sys/devices/system/cpu/online").ok();
    let listed = online.and_then(|list| list.trim().split(',').map(count).sum());
    listed.or_else(|| sysconf(SysconfVar::_NPROCESSORS_ONLN).ok().flatten()).unwrap_or(1)
}

/// The number of processors in a range: 1 for `3`, 4 for `4-7`.
fn count(range: &str) -> Option<libc::c_long> {
    let (first, last) = range.split_once('-').unwrap_or((range, range));
    Some(last.parse::<libc::c_long>().ok()? - first.parse::<libc::c_long>().ok()? + 1)
}

#[test]
fn processors_of_a_list_of_ranges_are_counted() {
    let counted = |list: &str| list.split(',').map(count).sum::<Option<libc::c_long>>();
    assert_eq!(counted("0"), Some(1));
    assert_eq!(counted("0,2-3,8-15"), Some(11));
    assert_eq!(counted(""), None);
    assert!(processors() >= 1);
}
