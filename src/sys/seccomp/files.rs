//! The file process: paths and files in memory, no network.

use super::Condition::{Is, Masked, Only};
use super::value::{AF_UNIX, SO_PEERCRED, SOCK_STREAM, SOL_SOCKET, TYPE_MASK};
use super::{Row, common};
use crate::sys::profile::Role::Channel;

pub const ALLOWED: &[&[Row]] = &[common::PROCESS, common::THREADS, PATHS, FILES, SOCKETS];

/// Landlock restricts the paths.
const PATHS: &[Row] = &[
    row!("paths in the cache of the kernel", SYS_openat2),
    row!("files that are served, log, lists", SYS_openat),
    #[cfg(all(target_arch = "x86_64", target_env = "musl"))]
    row!("log and lists", SYS_open),
    #[cfg(target_env = "musl")]
    row!("open(3) of musl", SYS_fcntl, Is(1, libc::F_SETFD as u64)),
    row!("facts about a path", SYS_statx),
    row!("facts about a path, fstat(3) of glibc 2.33 to 2.35", SYS_newfstatat),
    #[cfg(all(target_arch = "x86_64", target_env = "musl"))]
    row!("facts about a path", SYS_stat),
    #[cfg(all(target_arch = "x86_64", target_env = "musl"))]
    row!("facts about a path", SYS_lstat),
    row!("symbolic links", SYS_readlinkat),
    #[cfg(target_arch = "x86_64")]
    row!("symbolic links", SYS_readlink),
    #[cfg(not(target_arch = "x86_64"))]
    row!("pid file", SYS_unlinkat),
    #[cfg(target_arch = "x86_64")]
    row!("pid file", SYS_unlink),
    row!("changed lists", SYS_inotify_add_watch),
    row!("changed lists", SYS_inotify_rm_watch),
];

/// Open files. It can write only to what it opens for writing: the log, and files in memory.
const FILES: &[Row] = &[
    row!("facts about an open file", SYS_fstat),
    row!("file system of an open file", SYS_fstatfs),
    row!("names in a directory", SYS_getdents64),
    row!("lists, and events of watched directories", SYS_read),
    row!("size of a file that is read to its end", SYS_lseek),
    row!("files in memory", SYS_memfd_create),
    row!("files opened without waiting", SYS_fcntl, Is(1, libc::F_GETFL as u64)),
    row!("files opened without waiting", SYS_fcntl, Is(1, libc::F_SETFL as u64)),
    row!("events of watched directories", SYS_fcntl, Is(1, libc::F_DUPFD_CLOEXEC as u64)),
    row!("files in memory", SYS_write),
    row!("owner of files", SYS_geteuid),
    row!("delays", SYS_timerfd_create),
    row!("delays", SYS_timerfd_settime),
    #[cfg(not(target_arch = "x86_64"))]
    row!("events of watched directories", SYS_ppoll),
    #[cfg(target_arch = "x86_64")]
    row!("events of watched directories", SYS_poll),
];

/// Messages on the channel, and connections to syslog. The number of a new stream is not known, so `connect` is not
/// restricted to it: the process has no sockets of other families.
const SOCKETS: &[Row] = &[
    row!("syslog", SYS_socket, Is(0, AF_UNIX), Masked(1, TYPE_MASK, SOCK_STREAM), Is(2, 0)),
    row!("syslog", SYS_connect),
    row!("messages", SYS_sendto, Only(Channel)),
    row!("messages with descriptors", SYS_sendmsg, Only(Channel)),
    row!("messages", SYS_recvmsg, Only(Channel)),
    // Their descriptors are not known. Requests and answers are read and written as files are.
    row!("control socket", SYS_accept4),
    row!("user of a control connection", SYS_getsockopt, Is(1, SOL_SOCKET), Is(2, SO_PEERCRED)),
];
