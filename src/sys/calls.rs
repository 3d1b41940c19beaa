//! The calls that are left to the daemon when it serves, and what each is for (seccomp(2)).

use libc::{c_long, c_ulong};
use seccompiler::{
    BackendError, SeccompCmpArgLen as Length, SeccompCmpOp as Op, SeccompCondition, SeccompRule,
};
use std::collections::BTreeMap;

/// Calls that are allowed with any arguments.
#[rustfmt::skip]
const PLAIN: &[(&str, &[c_long])] = &[
    ("datagrams", &[
        libc::SYS_bind, libc::SYS_connect, libc::SYS_getsockname, libc::SYS_getsockopt, libc::SYS_setsockopt,
        libc::SYS_recvfrom, libc::SYS_recvmmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_sendmsg, libc::SYS_sendto,
        libc::SYS_shutdown,
    ]),
    ("waiting", &[
        libc::SYS_epoll_ctl, libc::SYS_epoll_pwait, libc::SYS_ppoll, libc::SYS_restart_syscall,
    ]),
    ("files, as far as Landlock has them", &[
        libc::SYS_close, libc::SYS_faccessat, libc::SYS_fcntl, libc::SYS_fstat, libc::SYS_fstatfs, libc::SYS_fsync,
        libc::SYS_getcwd, libc::SYS_getdents64, libc::SYS_lseek, libc::SYS_newfstatat, libc::SYS_openat, libc::SYS_openat2,
        libc::SYS_pread64, libc::SYS_preadv2, libc::SYS_read, libc::SYS_readlinkat, libc::SYS_readv, libc::SYS_statfs,
        libc::SYS_statx, libc::SYS_unlinkat, libc::SYS_write, libc::SYS_writev,
    ]),
    ("directories that change", &[libc::SYS_inotify_add_watch, libc::SYS_inotify_rm_watch]),
    ("memory", &[libc::SYS_brk, libc::SYS_madvise, libc::SYS_mremap, libc::SYS_munmap]),
    ("threads", &[
        libc::SYS_clone3, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_futex, libc::SYS_get_robust_list, libc::SYS_gettid,
        libc::SYS_membarrier, libc::SYS_rseq, libc::SYS_sched_getaffinity, libc::SYS_sched_yield,
        libc::SYS_set_robust_list, libc::SYS_set_tid_address,
    ]),
    ("signals of our own, and children that others left to us", &[
        libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn, libc::SYS_sigaltstack, libc::SYS_tgkill,
        libc::SYS_wait4,
    ]),
    ("time and chance", &[
        libc::SYS_clock_gettime, libc::SYS_clock_nanosleep, libc::SYS_getrandom, libc::SYS_gettimeofday, libc::SYS_nanosleep,
    ]),
    ("who we are, and how much there may be of us", &[
        libc::SYS_getegid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getpid, libc::SYS_getrusage, libc::SYS_getuid,
        libc::SYS_prlimit64, libc::SYS_sysinfo,
    ]),
];

/// What the first processors with 64 bits have, and libraries still use there.
#[cfg(target_arch = "x86_64")]
const OLDER: &[c_long] = &[
    libc::SYS_access,
    libc::SYS_epoll_wait,
    libc::SYS_getrlimit,
    libc::SYS_lstat,
    libc::SYS_open,
    libc::SYS_poll,
    libc::SYS_readlink,
    libc::SYS_stat,
    libc::SYS_time,
    libc::SYS_unlink,
];
#[cfg(not(target_arch = "x86_64"))]
const OLDER: &[c_long] = &[];

/// Which argument decides, and how.
enum Only {
    /// It is one of these.
    Among(u8, &'static [u64]),
    /// It has all these bits.
    With(u8, u64),
    /// It has none of these.
    Without(u8, u64),
}

/// Calls that are allowed in part.
const PARTLY: &[(c_long, Only)] = &[
    // Transfers, netlink, the system log, the manager.
    (
        libc::SYS_socket,
        Only::Among(
            0,
            &[
                libc::AF_UNIX as u64,
                libc::AF_INET as u64,
                libc::AF_INET6 as u64,
                libc::AF_NETLINK as u64,
            ],
        ),
    ),
    // Threads are started, and no processes.
    (libc::SYS_clone, Only::With(0, libc::CLONE_THREAD as u64)),
    // Nothing becomes a program that was data.
    (libc::SYS_mmap, Only::Without(2, libc::PROT_EXEC as u64)),
    (libc::SYS_mprotect, Only::Without(2, libc::PROT_EXEC as u64)),
    // Threads have names, and so has memory.
    (libc::SYS_prctl, Only::Among(0, &[libc::PR_SET_NAME as u64, libc::PR_SET_VMA as u64])),
    // A descriptor waits no more; whether it is a terminal; which interface it is.
    (
        libc::SYS_ioctl,
        Only::Among(
            1,
            &[
                request(libc::FIONBIO),
                request(libc::FIOCLEX),
                request(libc::TCGETS),
                request(libc::SIOCGIFINDEX),
                SIOCGIFNAME,
            ],
        ),
    ),
];

/// netdevice(7); libc has no name for it.
const SIOCGIFNAME: u64 = 0x8910;

/// What a library passes as a number of its own kind, the kernel reads as one of these.
const fn request(number: libc::Ioctl) -> u64 {
    number as c_ulong & 0xffff_ffff
}

/// A filter's rules, by number of the call; without any all is allowed.
pub fn allowed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let plain = PLAIN.iter().flat_map(|(_, calls)| calls.iter()).chain(OLDER);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        plain.map(|&call| (call, Vec::new())).collect();
    for (call, only) in PARTLY {
        rules.insert(*call, only.rules()?);
    }
    Ok(rules)
}

/// Calls whose arguments no filter can see: who is told that they are missing asks by others.
pub fn unseen() -> BTreeMap<i64, Vec<SeccompRule>> {
    BTreeMap::from([(libc::SYS_clone3, Vec::new())])
}

impl Only {
    fn rules(&self) -> Result<Vec<SeccompRule>, BackendError> {
        let rule = |at, op, value| {
            SeccompRule::new(vec![SeccompCondition::new(at, Length::Dword, op, value)?])
        };
        match *self {
            Self::Among(at, values) => {
                values.iter().map(|value| rule(at, Op::Eq, *value)).collect()
            }
            Self::With(at, bits) => Ok(vec![rule(at, Op::MaskedEq(bits), bits)?]),
            Self::Without(at, bits) => Ok(vec![rule(at, Op::MaskedEq(bits), 0)?]),
        }
    }
}
