//! Limits of this process, and numbers of this system.

pub use libc::{EACCES, ENOENT, O_NOCTTY, O_NONBLOCK};
use nix::sys::resource::{Resource, getrlimit};

/// How many descriptors may be open at once.
pub fn open_files() -> u64 {
    getrlimit(Resource::RLIMIT_NOFILE).map_or(1024, |(soft, _)| soft)
}
