//! The system calls that the daemon may make while it serves, and their purpose (seccomp(2)).

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
    ("sockets", &[
        libc::SYS_bind, libc::SYS_connect, libc::SYS_getsockname, libc::SYS_getsockopt,
        libc::SYS_recvfrom, libc::SYS_recvmmsg, libc::SYS_recvmsg, libc::SYS_sendmmsg, libc::SYS_sendmsg, libc::SYS_sendto,
    ]),
    ("waiting", &[
        libc::SYS_epoll_ctl, libc::SYS_epoll_pwait, libc::SYS_ppoll, libc::SYS_restart_syscall,
    ]),
    ("files that Landlock allows", &[
        libc::SYS_close, libc::SYS_fstat, libc::SYS_fstatfs,
        libc::SYS_getcwd, libc::SYS_getdents64, libc::SYS_lseek, libc::SYS_newfstatat, libc::SYS_openat, libc::SYS_openat2,
        libc::SYS_pread64, libc::SYS_preadv2, libc::SYS_read, libc::SYS_readlinkat, libc::SYS_readv, libc::SYS_statfs,
        libc::SYS_statx, libc::SYS_unlinkat, libc::SYS_write, libc::SYS_writev,
    ]),
    ("watched directories", &[libc::SYS_inotify_add_watch, libc::SYS_inotify_rm_watch]),
    ("memory", &[libc::SYS_brk, libc::SYS_madvise, libc::SYS_mremap, libc::SYS_munmap]),
    ("threads", &[
        libc::SYS_clone3, libc::SYS_exit, libc::SYS_exit_group, libc::SYS_futex, libc::SYS_gettid,
        libc::SYS_membarrier, libc::SYS_rseq, libc::SYS_sched_getaffinity, libc::SYS_sched_yield,
        libc::SYS_set_robust_list,
    ]),
    ("signals, and inherited child processes", &[
        libc::SYS_rt_sigaction, libc::SYS_rt_sigprocmask, libc::SYS_rt_sigreturn, libc::SYS_sigaltstack, libc::SYS_wait4,
    ]),
    ("time and random numbers", &[
        libc::SYS_clock_gettime, libc::SYS_clock_nanosleep, libc::SYS_getrandom, libc::SYS_gettimeofday, libc::SYS_nanosleep,
    ]),
    ("user, process and memory size", &[
        libc::SYS_getegid, libc::SYS_geteuid, libc::SYS_getgid, libc::SYS_getpid, libc::SYS_getrusage, libc::SYS_getuid,
        libc::SYS_sysinfo,
    ]),
];

/// Old system calls that x86-64 has and C libraries still use.
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

/// A condition for an argument; the first argument is 0.
#[derive(Clone, Copy)]
enum ArgRule {
    /// Equal to the value.
    Is(u8, u64),
    /// Not equal to the value.
    Not(u8, u64),
    /// Less than the value.
    Below(u8, u64),
    /// Equal to the value under the mask: argument, mask, value.
    Masked(u8, u64, u64),
    /// A null pointer.
    Null(u8),
}

/// Calls that are allowed with some arguments: all conditions of one row must hold.
#[rustfmt::skip]
const RESTRICTED: &[(c_long, &[ArgRule])] = &[
    // Datagrams, rtnetlink, and unix sockets of syslog and the service manager. No TCP.
    (libc::SYS_socket, &[Is(0, AF_INET), Masked(1, TYPE_MASK, DATAGRAMS)]),
    (libc::SYS_socket, &[Is(0, AF_INET6), Masked(1, TYPE_MASK, DATAGRAMS)]),
    (libc::SYS_socket, &[Is(0, libc::AF_NETLINK as u64), Is(2, libc::NETLINK_ROUTE as u64)]),
    (libc::SYS_socket, &[Is(0, libc::AF_UNIX as u64)]),
    // No firewall tables (higher option numbers), and no change of the filter of the packet socket.
    (libc::SYS_setsockopt, &[Not(1, libc::SOL_SOCKET as u64), Below(2, FIREWALL)]),
    (libc::SYS_setsockopt, &[
        Is(1, libc::SOL_SOCKET as u64), Below(2, FIREWALL), Not(2, libc::SO_ATTACH_FILTER as u64),
        Not(2, libc::SO_DETACH_FILTER as u64), Not(2, libc::SO_ATTACH_BPF as u64),
    ]),
    // No F_SETOWN: it would let the kernel send signals to other processes.
    (libc::SYS_fcntl, &[Is(1, libc::F_DUPFD_CLOEXEC as u64)]),
    (libc::SYS_fcntl, &[Is(1, libc::F_GETFD as u64)]),
    (libc::SYS_fcntl, &[Is(1, libc::F_SETFD as u64)]),
    (libc::SYS_fcntl, &[Is(1, libc::F_GETFL as u64)]),
    (libc::SYS_fcntl, &[Is(1, libc::F_SETFL as u64)]),
    // Threads, no processes.
    (libc::SYS_clone, &[Masked(0, libc::CLONE_THREAD as u64, libc::CLONE_THREAD as u64)]),
    // No executable memory.
    (libc::SYS_mmap, &[Masked(2, libc::PROT_EXEC as u64, 0)]),
    (libc::SYS_mprotect, &[Masked(2, libc::PROT_EXEC as u64, 0)]),
    // Names of threads and of memory areas.
    (libc::SYS_prctl, &[Is(0, libc::PR_SET_NAME as u64)]),
    (libc::SYS_prctl, &[Is(0, libc::PR_SET_VMA as u64)]),
    // Non-blocking and close-on-exec flags, isatty(3), name and index of an interface.
    (libc::SYS_ioctl, &[Is(1, request(libc::FIONBIO))]),
    (libc::SYS_ioctl, &[Is(1, request(libc::FIOCLEX))]),
    (libc::SYS_ioctl, &[Is(1, request(libc::TCGETS))]),
    (libc::SYS_ioctl, &[Is(1, libc::SIOCGIFINDEX)]),
    (libc::SYS_ioctl, &[Is(1, SIOCGIFNAME)]),
    // Limits of this process are read, not set.
    (libc::SYS_prlimit64, &[Is(0, 0), Null(2)]),
    // abort(3) of musl. The thread id is not checked: SIGABRT is the only signal.
    (libc::SYS_tkill, &[Is(1, libc::SIGABRT as u64)]),
];

use ArgRule::{Below, Is, Masked, Not, Null};

const AF_INET: u64 = libc::AF_INET as u64;
const AF_INET6: u64 = libc::AF_INET6 as u64;
/// Mask of a socket's type, without its flags (socket(2)).
const TYPE_MASK: u64 = 0xf;
const DATAGRAMS: u64 = libc::SOCK_DGRAM as u64;
/// The first option of iptables (`IPT_BASE_CTL`).
const FIREWALL: u64 = 64;
/// netdevice(7). libc has no constant for it.
const SIOCGIFNAME: u64 = 0x8910;

/// The request number as the kernel compares it. C libraries differ in its type, and sign-extend it.
const fn request(number: libc::Ioctl) -> u64 {
    number as c_ulong & 0xffff_ffff
}

/// Why seccomp does not restrict this process.
#[derive(Debug)]
pub enum SeccompError {
    /// seccompiler does not support this architecture.
    Architecture(&'static str),
    /// The filter cannot be built.
    Filter(BackendError),
    /// The kernel did not accept the filter.
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

/// Installs the filters; the number of allowed system calls.
pub fn install() -> Result<usize, SeccompError> {
    let arch = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| SeccompError::Architecture(std::env::consts::ARCH))?;
    let apply = |calls, otherwise, then| {
        let filter = SeccompFilter::new(calls, otherwise, then, arch);
        let program = filter.and_then(BpfProgram::try_from).map_err(SeccompError::Filter)?;
        // A thread that waited for a disk during the start may still run.
        apply_filter_all_threads(&program).map_err(SeccompError::Kernel)
    };
    let calls = allowed().map_err(SeccompError::Filter)?;
    let uninspectable = uninspectable();
    // The kernel evaluates both filters. A call for which the first returns ENOSYS must be allowed by the second, because
    // its action could be stricter.
    let count = calls.len() - uninspectable.len();
    apply(uninspectable, SeccompAction::Allow, ENOSYS_CALLS)?;
    // After this one no other filter can be installed.
    apply(calls, DENIED_ERRNO, SeccompAction::Allow)?;
    Ok(count)
}

const ENOSYS_CALLS: SeccompAction = SeccompAction::Errno(libc::ENOSYS as u32);
/// A call that is not in the list returns ENOSYS: a C library uses another call, or the operation fails. In debug builds it
/// kills the process, so that tests find calls that are missing in the list.
const DENIED_ERRNO: SeccompAction =
    if cfg!(debug_assertions) { SeccompAction::KillProcess } else { ENOSYS_CALLS };

/// The rules by number of the call. A call with no rules is allowed with any arguments.
fn allowed() -> Result<BTreeMap<i64, Vec<SeccompRule>>, BackendError> {
    let plain = UNRESTRICTED.iter().flat_map(|(_, calls)| calls.iter()).chain(LEGACY);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        plain.map(|&call| (call, Vec::new())).collect();
    let this_process = [Is(0, u64::from(std::process::id()))];
    // abort(3) of glibc: a signal to a thread of this process.
    let signal: (c_long, &[ArgRule]) = (libc::SYS_tgkill, &this_process);
    for (call, arguments) in RESTRICTED.iter().chain([&signal]) {
        let conditions =
            arguments.iter().map(|argument| argument.condition()).collect::<Result<_, _>>()?;
        rules.entry(*call).or_default().push(SeccompRule::new(conditions)?);
    }
    Ok(rules)
}

/// Calls whose arguments are in memory, which a filter cannot read. They return ENOSYS, and C libraries use `clone` instead.
fn uninspectable() -> BTreeMap<i64, Vec<SeccompRule>> {
    BTreeMap::from([(libc::SYS_clone3, Vec::new())])
}

impl ArgRule {
    fn condition(self) -> Result<SeccompCondition, BackendError> {
        let (index, length, op, value) = match self {
            Is(index, value) => (index, Length::Dword, Op::Eq, value),
            Not(index, value) => (index, Length::Dword, Op::Ne, value),
            Below(index, value) => (index, Length::Dword, Op::Lt, value),
            Masked(index, mask, value) => (index, Length::Dword, Op::MaskedEq(mask), value),
            Null(index) => (index, Length::Qword, Op::Eq, 0),
        };
        SeccompCondition::new(index, length, op, value)
    }
}
