//! The calls that are left to the daemon when it serves, and what each is for (seccomp(2)).

use libc::{c_long, c_ulong};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen as Length, SeccompCmpOp as Op,
    SeccompCondition, SeccompFilter, SeccompRule, TargetArch, apply_filter_all_threads,
};
use std::collections::BTreeMap;
use std::fmt;

/// Calls that are allowed with any arguments.
#[rustfmt::skip]
const UNRESTRICTED: &[(&str, &[c_long])] = &[
    ("datagrams", &[
        libc::SYS_bind, libc::SYS_connect, libc::SYS_getsockname, libc::SYS_getsockopt,
        libc::SYS_recvfrom, libc::SYS_recvmmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_sendmsg, libc::SYS_sendto,
    ]),
    ("waiting", &[
        libc::SYS_epoll_ctl, libc::SYS_epoll_pwait, libc::SYS_ppoll, libc::SYS_restart_syscall,
    ]),
    ("files, as far as Landlock has them", &[
        libc::SYS_close, libc::SYS_fstat, libc::SYS_fstatfs,
        libc::SYS_getcwd, libc::SYS_getdents64, libc::SYS_lseek, libc::SYS_newfstatat, libc::SYS_openat, libc::SYS_openat2,
        libc::SYS_pread64, libc::SYS_preadv2, libc::SYS_read, libc::SYS_readlinkat, libc::SYS_readv, libc::SYS_statfs,
        libc::SYS_statx, libc::SYS_unlinkat, libc::SYS_write, libc::SYS_writev,
    ]),
    ("directories that change", &[libc::SYS_inotify_add_watch, libc::SYS_inotify_rm_watch]),
    ("memory", &[libc::SYS_brk, libc::SYS_madvise, libc::SYS_mremap, libc::SYS_munmap]),
    ("threads", &[
        libc::SYS_clone3, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_futex, libc::SYS_gettid,
        libc::SYS_membarrier, libc::SYS_rseq, libc::SYS_sched_getaffinity, libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
    ]),
    ("signals of our own, and children that others left to us", &[
        libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn, libc::SYS_sigaltstack, libc::SYS_wait4,
    ]),
    ("time and chance", &[
        libc::SYS_clock_gettime, libc::SYS_clock_nanosleep, libc::SYS_getrandom, libc::SYS_gettimeofday, libc::SYS_nanosleep,
    ]),
    ("who we are, and how much there may be of us", &[
        libc::SYS_getegid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getpid, libc::SYS_getrusage, libc::SYS_getuid,
        libc::SYS_sysinfo,
    ]),
];

/// What the first processors with 64 bits have, and libraries still use there.
#[cfg(target_arch = "x86_64")]
const LEGACY: &[c_long] = &[
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
const LEGACY: &[c_long] = &[];

/// What an argument has to be: the first one is 0.
#[derive(Clone, Copy)]
enum ArgRule {
    /// This.
    Is(u8, u64),
    /// Anything else than this.
    Not(u8, u64),
    /// Less than this.
    Below(u8, u64),
    /// Under this mask, that.
    Under(u8, u64, u64),
    /// A pointer to nothing.
    Null(u8),
}

/// Calls that are allowed in part: where one of these rows fits, with all that it asks for.
#[rustfmt::skip]
const RESTRICTED: &[(c_long, &[ArgRule])] = &[
    // Transfers; where we are; the system log, the manager. No streams to other machines.
    (libc::SYS_socket, &[Is(0, AF_INET), Under(1, KIND, DATAGRAMS)]),
    (libc::SYS_socket, &[Is(0, AF_INET6), Under(1, KIND, DATAGRAMS)]),
    (libc::SYS_socket, &[Is(0, libc::AF_NETLINK as u64), Is(2, libc::NETLINK_ROUTE as u64)]),
    (libc::SYS_socket, &[Is(0, libc::AF_UNIX as u64)]),
    // No firewall tables, whose numbers are higher, and no other filter for what overhears.
    (libc::SYS_setsockopt, &[Not(1, libc::SOL_SOCKET as u64), Below(2, FIREWALL)]),
    (libc::SYS_setsockopt, &[
        Is(1, libc::SOL_SOCKET as u64), Below(2, FIREWALL), Not(2, libc::SO_ATTACH_FILTER as u64),
        Not(2, libc::SO_DETACH_FILTER as u64), Not(2, libc::SO_ATTACH_BPF as u64),
    ]),
    // Descriptors of our own; nobody is sent a signal by them.
    (libc::SYS_fcntl, &[Is(1, libc::F_DUPFD_CLOEXEC as u64)]),
    (libc::SYS_fcntl, &[Is(1, libc::F_GETFD as u64)]),
    (libc::SYS_fcntl, &[Is(1, libc::F_SETFD as u64)]),
    (libc::SYS_fcntl, &[Is(1, libc::F_GETFL as u64)]),
    (libc::SYS_fcntl, &[Is(1, libc::F_SETFL as u64)]),
    // Threads are started, and no processes.
    (libc::SYS_clone, &[Under(0, libc::CLONE_THREAD as u64, libc::CLONE_THREAD as u64)]),
    // Nothing becomes a program that was data.
    (libc::SYS_mmap, &[Under(2, libc::PROT_EXEC as u64, 0)]),
    (libc::SYS_mprotect, &[Under(2, libc::PROT_EXEC as u64, 0)]),
    // Threads have names, and so has memory.
    (libc::SYS_prctl, &[Is(0, libc::PR_SET_NAME as u64)]),
    (libc::SYS_prctl, &[Is(0, libc::PR_SET_VMA as u64)]),
    // A descriptor waits no more; whether it is a terminal; which interface it is.
    (libc::SYS_ioctl, &[Is(1, request(libc::FIONBIO))]),
    (libc::SYS_ioctl, &[Is(1, request(libc::FIOCLEX))]),
    (libc::SYS_ioctl, &[Is(1, request(libc::TCGETS))]),
    (libc::SYS_ioctl, &[Is(1, libc::SIOCGIFINDEX)]),
    (libc::SYS_ioctl, &[Is(1, SIOCGIFNAME)]),
    // Our limits are asked for.
    (libc::SYS_prlimit64, &[Is(0, 0), Null(2)]),
    // The end, where all else has failed: musl's abort(3). Threads have the numbers of nobody else.
    (libc::SYS_tkill, &[Is(1, libc::SIGABRT as u64)]),
];

use ArgRule::{Below, Is, Not, Null, Under};

const AF_INET: u64 = libc::AF_INET as u64;
const AF_INET6: u64 = libc::AF_INET6 as u64;
/// Of a socket's type, without its flags (socket(2)).
const KIND: u64 = 0xf;
const DATAGRAMS: u64 = libc::SOCK_DGRAM as u64;
/// The first option of iptables (`IPT_BASE_CTL`).
const FIREWALL: u64 = 64;
/// netdevice(7); libc has no name for it.
const SIOCGIFNAME: u64 = 0x8910;

/// What a library passes as a number of its own kind, the kernel reads as one of these.
const fn request(number: libc::Ioctl) -> u64 {
    number as c_ulong & 0xffff_ffff
}

/// Why seccomp does not restrict this process.
#[derive(Debug)]
pub enum SeccompError {
    /// There are no filters for this architecture.
    Architecture(&'static str),
    /// The filter cannot be built.
    Filter(BackendError),
    /// The kernel does not take it.
    Kernel(seccompiler::Error),
}

impl fmt::Display for SeccompError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Architecture(name) => write!(f, "not for {name}"),
            Self::Filter(error) => error.fmt(f),
            Self::Kernel(error) => error.fmt(f),
        }
    }
}

/// Leaves them, and no others; how many there are.
pub fn install() -> Result<usize, SeccompError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| SeccompError::Architecture(std::env::consts::ARCH))?;
    let apply = |calls, otherwise, then| {
        let filter = SeccompFilter::new(calls, otherwise, then, arch);
        let program = filter.and_then(BpfProgram::try_from).map_err(SeccompError::Filter)?;
        // One that waits for a disk may be left from the start.
        apply_filter_all_threads(&program).map_err(SeccompError::Kernel)
    };
    let (calls, unseen) = (allowed().map_err(SeccompError::Filter)?, unseen());
    // Both filters are asked: what the first one has missing must not be a refusal of the second.
    let count = calls.len() - unseen.len();
    apply(unseen, SeccompAction::Allow, ENOSYS_CALLS)?;
    // Behind this one there can be no other.
    apply(calls, DENIED_ERRNO, SeccompAction::Allow)?;
    Ok(count)
}

const ENOSYS_CALLS: SeccompAction = SeccompAction::Errno(libc::ENOSYS as u32);
/// A call that is not in the list does not exist: a C library finds another way, or it fails. Where we try ourselves, it
/// is a mistake in the list.
const DENIED_ERRNO: SeccompAction =
    if cfg!(debug_assertions) { SeccompAction::KillProcess } else { ENOSYS_CALLS };

/// A filter's rules, by number of the call; without any all is allowed.
fn allowed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let plain = UNRESTRICTED.iter().flat_map(|(_, calls)| calls.iter()).chain(LEGACY);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        plain.map(|&call| (call, Vec::new())).collect();
    let own = [Is(0, u64::from(std::process::id()))];
    // Signals to threads of ours: abort(3).
    let signal: (c_long, &[ArgRule]) = (libc::SYS_tgkill, &own);
    for (call, only) in RESTRICTED.iter().chain([&signal]) {
        let conditions = only.iter().map(|only| only.condition()).collect::<Result<_, _>>()?;
        rules.entry(*call).or_default().push(SeccompRule::new(conditions)?);
    }
    Ok(rules)
}

/// Calls whose arguments no filter can see: who is told that they are missing asks by others.
fn unseen() -> BTreeMap<i64, Vec<SeccompRule>> {
    BTreeMap::from([(libc::SYS_clone3, Vec::new())])
}

impl ArgRule {
    fn condition(self) -> Result<SeccompCondition, BackendError> {
        let (at, length, op, value) = match self {
            Is(at, value) => (at, Length::Dword, Op::Eq, value),
            Not(at, value) => (at, Length::Dword, Op::Ne, value),
            Below(at, value) => (at, Length::Dword, Op::Lt, value),
            Under(at, mask, value) => (at, Length::Dword, Op::MaskedEq(mask), value),
            Null(at) => (at, Length::Qword, Op::Eq, 0),
        };
        SeccompCondition::new(at, length, op, value)
    }
}
