//! The table of a daemon that is one process.

use super::Condition::{Below, Is, Masked, Not, Null, ThisProcess};
use super::Row;
use super::value::{
    AF_INET, AF_INET6, AF_UNIX, CLONE_THREAD, PROT_EXEC, SIGABRT, SOCK_DGRAM, SOL_SOCKET, TYPE_MASK,
};

pub const ALLOWED: &[&[Row]] = &[UNRESTRICTED, LEGACY, RESTRICTED];

const UNRESTRICTED: &[Row] = &[
    row!("sockets", SYS_bind),
    row!("sockets", SYS_connect),
    row!("sockets", SYS_getsockname),
    row!("sockets", SYS_getsockopt),
    row!("sockets", SYS_recvfrom),
    row!("sockets", SYS_recvmmsg),
    row!("sockets", SYS_recvmsg),
    row!("sockets", SYS_sendmmsg),
    row!("sockets", SYS_sendmsg),
    row!("sockets", SYS_sendto),
    row!("waiting", SYS_epoll_ctl),
    row!("waiting", SYS_epoll_pwait),
    row!("waiting", SYS_ppoll),
    row!("waiting", SYS_restart_syscall),
    row!("files that Landlock allows", SYS_close),
    row!("files that Landlock allows", SYS_fstat),
    row!("files that Landlock allows", SYS_fstatfs),
    row!("files that Landlock allows", SYS_getcwd),
    row!("files that Landlock allows", SYS_getdents64),
    row!("files that Landlock allows", SYS_lseek),
    row!("files that Landlock allows", SYS_newfstatat),
    row!("files that Landlock allows", SYS_openat),
    row!("files that Landlock allows", SYS_openat2),
    row!("files that Landlock allows", SYS_pread64),
    row!("files that Landlock allows", SYS_preadv2),
    row!("files that Landlock allows", SYS_read),
    row!("files that Landlock allows", SYS_readlinkat),
    row!("files that Landlock allows", SYS_readv),
    row!("files that Landlock allows", SYS_statfs),
    row!("files that Landlock allows", SYS_statx),
    row!("files that Landlock allows", SYS_unlinkat),
    row!("files that Landlock allows", SYS_write),
    row!("files that Landlock allows", SYS_writev),
    row!("watched directories", SYS_inotify_add_watch),
    row!("watched directories", SYS_inotify_rm_watch),
    row!("memory", SYS_brk),
    row!("memory", SYS_madvise),
    row!("memory", SYS_mremap),
    row!("memory", SYS_munmap),
    row!("threads", SYS_exit),
    row!("threads", SYS_exit_group),
    row!("threads", SYS_futex),
    row!("threads", SYS_gettid),
    row!("threads", SYS_membarrier),
    row!("threads", SYS_rseq),
    row!("threads", SYS_sched_getaffinity),
    row!("threads", SYS_sched_yield),
    row!("threads", SYS_set_robust_list),
    row!("signals, and inherited child processes", SYS_rt_sigaction),
    row!("signals, and inherited child processes", SYS_rt_sigprocmask),
    row!("signals, and inherited child processes", SYS_rt_sigreturn),
    row!("signals, and inherited child processes", SYS_sigaltstack),
    row!("signals, and inherited child processes", SYS_wait4),
    row!("time and random numbers", SYS_clock_gettime),
    row!("time and random numbers", SYS_clock_nanosleep),
    row!("time and random numbers", SYS_getrandom),
    row!("time and random numbers", SYS_gettimeofday),
    row!("time and random numbers", SYS_nanosleep),
    row!("user, process and memory size", SYS_getegid),
    row!("user, process and memory size", SYS_geteuid),
    row!("user, process and memory size", SYS_getgid),
    row!("user, process and memory size", SYS_getpid),
    row!("user, process and memory size", SYS_getrusage),
    row!("user, process and memory size", SYS_getuid),
    row!("user, process and memory size", SYS_sysinfo),
];

/// Old system calls that x86-64 has and C libraries still use.
const LEGACY: &[Row] = &[
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_access),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_epoll_wait),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_getrlimit),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_lstat),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_open),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_poll),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_readlink),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_stat),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_time),
    #[cfg(target_arch = "x86_64")]
    row!("old calls", SYS_unlink),
];

const RESTRICTED: &[Row] = &[
    // Datagrams, rtnetlink, and unix sockets of syslog and the service manager. No TCP.
    row!("sockets", SYS_socket, Is(0, AF_INET), Masked(1, TYPE_MASK, SOCK_DGRAM)),
    row!("sockets", SYS_socket, Is(0, AF_INET6), Masked(1, TYPE_MASK, SOCK_DGRAM)),
    row!("sockets", SYS_socket, Is(0, AF_NETLINK), Is(2, NETLINK_ROUTE)),
    row!("sockets", SYS_socket, Is(0, AF_UNIX)),
    // No firewall tables (higher option numbers), and no change of the filter of the packet socket.
    row!("options of sockets", SYS_setsockopt, Not(1, SOL_SOCKET), Below(2, FIREWALL)),
    row!(
        "options of sockets",
        SYS_setsockopt,
        Is(1, SOL_SOCKET),
        Below(2, FIREWALL),
        Not(2, libc::SO_ATTACH_FILTER as u64),
        Not(2, libc::SO_DETACH_FILTER as u64),
        Not(2, libc::SO_ATTACH_BPF as u64),
    ),
    // No F_SETOWN: it would let the kernel send signals to other processes.
    row!("flags of descriptors", SYS_fcntl, Is(1, libc::F_DUPFD_CLOEXEC as u64)),
    row!("flags of descriptors", SYS_fcntl, Is(1, libc::F_GETFD as u64)),
    row!("flags of descriptors", SYS_fcntl, Is(1, libc::F_SETFD as u64)),
    row!("flags of descriptors", SYS_fcntl, Is(1, libc::F_GETFL as u64)),
    row!("flags of descriptors", SYS_fcntl, Is(1, libc::F_SETFL as u64)),
    // Threads, no processes.
    row!("threads", SYS_clone, Masked(0, CLONE_THREAD, CLONE_THREAD)),
    // No executable memory.
    row!("memory", SYS_mmap, Masked(2, PROT_EXEC, 0)),
    row!("memory", SYS_mprotect, Masked(2, PROT_EXEC, 0)),
    // Names of threads and of memory areas.
    row!("names", SYS_prctl, Is(0, libc::PR_SET_NAME as u64)),
    row!("names", SYS_prctl, Is(0, libc::PR_SET_VMA as u64)),
    // Non-blocking and close-on-exec flags, isatty(3), name and index of an interface.
    row!("flags of descriptors, and interfaces", SYS_ioctl, Is(1, request(libc::FIONBIO))),
    row!("flags of descriptors, and interfaces", SYS_ioctl, Is(1, request(libc::FIOCLEX))),
    row!("flags of descriptors, and interfaces", SYS_ioctl, Is(1, request(libc::TCGETS))),
    row!("flags of descriptors, and interfaces", SYS_ioctl, Is(1, libc::SIOCGIFINDEX)),
    row!("flags of descriptors, and interfaces", SYS_ioctl, Is(1, SIOCGIFNAME)),
    // Limits of this process are read, not set.
    row!("limits", SYS_prlimit64, Is(0, 0), Null(2)),
    // abort(3) of musl. The thread id is not checked: SIGABRT is the only signal.
    row!("abort(3)", SYS_tkill, Is(1, SIGABRT)),
    row!("abort(3)", SYS_tgkill, ThisProcess),
];

const AF_NETLINK: u64 = libc::AF_NETLINK as u64;
const NETLINK_ROUTE: u64 = libc::NETLINK_ROUTE as u64;
/// The first option of iptables (`IPT_BASE_CTL`).
const FIREWALL: u64 = 64;
/// netdevice(7). libc has no constant for it.
const SIOCGIFNAME: u64 = 0x8910;

/// The request number as the kernel compares it. C libraries differ in its type, and sign-extend it.
const fn request(number: libc::Ioctl) -> u64 {
    number as libc::c_ulong & 0xffff_ffff
}
