//! Calls that at least one process may make, each with calls that differ only in the restricted argument.

use super::{
    ALL, Attempt, BAD, CHANNEL, DEBUG, FILES, HOST, MUSL, NETLINK, NONE, NOT_X86_64, OTHER_PROCESS,
    PACKETS, SERVICE_MANAGER, SYSLOG, THIS_PROCESS, THREADED, WRITE_CONTEXT, attempt,
};

const EXEC: u64 = libc::PROT_EXEC as u64;
const ABORT: u64 = libc::SIGABRT as u64;
const KILL: u64 = libc::SIGKILL as u64;
const INET: u64 = libc::AF_INET as u64;
const INET6: u64 = libc::AF_INET6 as u64;
const UNIX: u64 = libc::AF_UNIX as u64;
const STREAM: u64 = libc::SOCK_STREAM as u64;
const DATAGRAM: u64 = libc::SOCK_DGRAM as u64;
const FLAGS: u64 = (libc::SOCK_CLOEXEC | libc::SOCK_NONBLOCK) as u64;
const NAME: u64 = libc::PR_SET_NAME as u64;
/// An address in memory that is not mapped.
const ADDRESS: u64 = 1;
/// The low half of this address is 0.
const HIGH_ADDRESS: u64 = 1 << 32;

/// Memory, threads, signals and time.
#[rustfmt::skip]
pub const PROCESS: &[Attempt] = &[
    attempt!(ALL,      "extends the heap",                   SYS_brk(0)),
    attempt!(ALL,      "moves memory",                       SYS_mremap(1)),
    attempt!(ALL,      "unmaps memory",                      SYS_munmap(1)),
    attempt!(ALL,      "maps memory",                        SYS_mmap(0, 0, 3)),
    attempt!(NONE,     "maps executable memory",             SYS_mmap(0, 0, EXEC)),
    attempt!(ALL,      "protects memory",                    SYS_mprotect(1, 0, 3)),
    attempt!(NONE,     "makes memory executable",            SYS_mprotect(1, 0, EXEC)),
    attempt!(ALL,      "closes a descriptor",                SYS_close(BAD)),
    attempt!(DEBUG,    "checks that a descriptor is open",   SYS_fcntl(BAD, libc::F_GETFD as u64)),
    attempt!(ALL,      "ends the process",                   SYS_exit_group(0)),
    attempt!(ALL,      "sets a signal handler",              SYS_rt_sigaction(0)),
    attempt!(ALL,      "blocks signals",                     SYS_rt_sigprocmask(0, 0, 0, 8)),
    attempt!(ALL,      "returns from a signal handler",      SYS_rt_sigreturn()),
    attempt!(ALL,      "continues to wait",                  SYS_restart_syscall()),
    attempt!(ALL,      "reads its process id",               SYS_getpid()),
    attempt!(ALL,      "reads its thread id",                SYS_gettid()),
    attempt!(ALL,      "aborts",                             SYS_tgkill(THIS_PROCESS, BAD, ABORT)),
    attempt!(NONE,     "aborts another process",             SYS_tgkill(OTHER_PROCESS, BAD, ABORT)),
    attempt!(NONE,     "sends another signal to itself",     SYS_tgkill(THIS_PROCESS, BAD, KILL)),
    attempt!(MUSL,     "aborts",                             SYS_tkill(BAD, ABORT)),
    attempt!(NONE,     "sends a signal to a thread",         SYS_tkill(BAD, KILL)),
    attempt!(ALL,      "reads the clock",                    SYS_clock_gettime(99)),
    attempt!(ALL,      "reads random bytes",                 SYS_getrandom(0, 0, 0)),
    attempt!(THREADED, "starts a thread",                    SYS_clone(libc::CLONE_THREAD as u64)),
    attempt!(NONE,     "starts a process (clone)",           SYS_clone(libc::CLONE_SIGHAND as u64)),
    attempt!(NONE,     "starts a thread (clone3)",           SYS_clone3(0, 0)).unavailable(THREADED),
    attempt!(THREADED, "ends a thread",                      SYS_exit(0)),
    attempt!(THREADED, "releases memory",                    SYS_madvise(1, 0, 4)),
    attempt!(THREADED, "wakes a thread",                     SYS_futex(0, 1)),
    attempt!(THREADED, "sets the list of locks",             SYS_set_robust_list(0, 0)),
    attempt!(THREADED, "sets the area of sequences",         SYS_rseq(0, 0, 0, 0)),
    attempt!(THREADED, "sets the stack for signals",         SYS_sigaltstack(0, 0)),
    attempt!(THREADED, "reads its processors",               SYS_sched_getaffinity(0, 0, 0)),
    attempt!(THREADED, "lets other threads run",             SYS_sched_yield()),
    attempt!(THREADED, "names a thread",                     SYS_prctl(NAME, 0)),
    attempt!(NONE,     "allows ptrace and core files",       SYS_prctl(libc::PR_SET_DUMPABLE as u64, 0)),
    attempt!(THREADED & MUSL, "registers barriers",          SYS_membarrier(0)),
    attempt!(PACKETS,  "waits for a child process",          SYS_wait4(BAD, 0, 1)),
    attempt!(PACKETS,  "reads its use of resources",         SYS_getrusage(99)),
    attempt!(PACKETS,  "sleeps",                             SYS_clock_nanosleep(99)),
    attempt!(PACKETS & MUSL, "sleeps",                       SYS_nanosleep(0)),
];

/// Sockets and messages.
#[rustfmt::skip]
pub const SOCKETS: &[Attempt] = &[
    attempt!(PACKETS, "opens a UDP socket",                  SYS_socket(INET, DATAGRAM | FLAGS)),
    attempt!(PACKETS, "opens a UDP socket (IPv6)",           SYS_socket(INET6, DATAGRAM)),
    attempt!(NONE,    "opens an ICMP socket",                SYS_socket(INET, DATAGRAM, 1)),
    attempt!(NONE,    "opens an ICMP socket (IPv6)",         SYS_socket(INET6, DATAGRAM, 58)),
    attempt!(NONE,    "opens a TCP socket",                  SYS_socket(INET, STREAM)),
    attempt!(NONE,    "opens a TCP socket (IPv6)",           SYS_socket(INET6, STREAM)),
    attempt!(NONE,    "opens a raw socket",                  SYS_socket(INET, DATAGRAM ^ 1, 1)),
    attempt!(NONE,    "opens a socket without type",         SYS_socket(INET, DATAGRAM ^ 2)),
    attempt!(NONE,    "opens a DCCP socket",                 SYS_socket(INET, DATAGRAM ^ 4)),
    attempt!(NONE,    "opens a packet socket (old)",         SYS_socket(INET, DATAGRAM ^ 8)),
    attempt!(NONE,    "opens a raw socket (protocol 0)",     SYS_socket(INET, DATAGRAM ^ 1)),
    attempt!(NONE,    "opens a raw socket (IPv6)",           SYS_socket(INET6, DATAGRAM ^ 1)),
    attempt!(NONE,    "opens a socket without type (IPv6)",  SYS_socket(INET6, DATAGRAM ^ 2)),
    attempt!(NONE,    "opens a DCCP socket (IPv6)",          SYS_socket(INET6, DATAGRAM ^ 4)),
    attempt!(NONE,    "opens a packet socket (old, IPv6)",   SYS_socket(INET6, DATAGRAM ^ 8)),
    attempt!(FILES,   "opens a unix stream",                 SYS_socket(UNIX, STREAM | FLAGS)),
    attempt!(NONE,    "opens a unix stream with protocol",   SYS_socket(UNIX, STREAM, 1)),
    attempt!(NONE,    "opens a unix socket without type",    SYS_socket(UNIX, STREAM ^ 1)),
    attempt!(NONE,    "opens a raw unix socket",             SYS_socket(UNIX, STREAM ^ 2)),
    attempt!(NONE,    "opens a unix sequence socket",        SYS_socket(UNIX, STREAM ^ 4)),
    attempt!(NONE,    "opens a unix socket of type 9",       SYS_socket(UNIX, STREAM ^ 8)),
    attempt!(NONE,    "opens a unix datagram socket",        SYS_socket(UNIX, DATAGRAM)),
    attempt!(NONE,    "opens a netlink socket",              SYS_socket(libc::AF_NETLINK as u64, 3, 0)),
    attempt!(NONE,    "opens a packet socket",               SYS_socket(libc::AF_PACKET as u64, 3, 0x300)),
    attempt!(FILES,   "connects a socket",                   SYS_connect(BAD)),
    attempt!(PACKETS | FILES, "connects a UDP socket",       SYS_connect(BAD, ADDRESS, 16)),
    attempt!(PACKETS | FILES, "connects a UDP socket (IPv6)", SYS_connect(BAD, ADDRESS, 28)),
    attempt!(FILES,   "connects to any unix socket",         SYS_connect(BAD, ADDRESS, 110)),
    attempt!(FILES,   "connects the socket of syslog",       SYS_connect(SYSLOG, ADDRESS, 16)),
    attempt!(FILES,   "connects the socket of syslog",       SYS_connect(SYSLOG, ADDRESS, 28)),
    attempt!(FILES,   "connects the socket of the service manager", SYS_connect(SERVICE_MANAGER, ADDRESS, 16)),
    attempt!(FILES,   "connects the socket of the service manager", SYS_connect(SERVICE_MANAGER, ADDRESS, 28)),
    attempt!(PACKETS, "binds a socket",                      SYS_bind(BAD)),
    attempt!(NONE,    "binds the socket of syslog",          SYS_bind(SYSLOG)),
    attempt!(NONE,    "binds the socket of the service manager", SYS_bind(SERVICE_MANAGER)),
    attempt!(PACKETS, "reads the address of a socket",       SYS_getsockname(BAD)),
    attempt!(FILES,   "accepts a connection",                SYS_accept4(BAD, 0, 0, 0)),
    attempt!(PACKETS | FILES, "reads the user of a connection", SYS_getsockopt(BAD, libc::SOL_SOCKET as u64, libc::SO_PEERCRED as u64)),
    attempt!(NONE,    "reads another option of a socket",    SYS_getsockopt(BAD, libc::SOL_SOCKET as u64, libc::SO_ERROR as u64)),
    attempt!(NONE,    "reads an option of another level",    SYS_getsockopt(BAD, libc::IPPROTO_IP as u64, libc::SO_PEERCRED as u64)),
    attempt!(PACKETS | HOST, "receives on the channel",      SYS_recvfrom(CHANNEL)),
    attempt!(PACKETS | HOST, "receives on another socket",   SYS_recvfrom(BAD)),
    attempt!(ALL,     "receives descriptors",                SYS_recvmsg(CHANNEL)),
    attempt!(PACKETS | HOST, "receives on another socket",   SYS_recvmsg(BAD)),
    attempt!(PACKETS, "receives several datagrams",          SYS_recvmmsg(BAD)),
    attempt!(ALL,     "sends on the channel",                SYS_sendto(CHANNEL)),
    attempt!(PACKETS | HOST, "sends to rtnetlink",           SYS_sendto(NETLINK)),
    attempt!(PACKETS, "sends on another socket",             SYS_sendto(BAD, 0, 0, 0, ADDRESS, 16)),
    attempt!(PACKETS, "sends to syslog",                     SYS_sendto(SYSLOG)),
    attempt!(PACKETS, "sends to the service manager",        SYS_sendto(SERVICE_MANAGER)),
    attempt!(NONE,    "sends to any unix socket",            SYS_sendto(SYSLOG, 0, 0, 0, ADDRESS, 110)),
    attempt!(NONE,    "sends to any unix socket",            SYS_sendto(SERVICE_MANAGER, 0, 0, 0, ADDRESS, 110)),
    attempt!(NONE,    "sends to any unix socket",            SYS_sendto(SYSLOG, 0, 0, 0, HIGH_ADDRESS, 110)),
    attempt!(PACKETS, "sends with control data",             SYS_sendmsg(BAD)),
    attempt!(THREADED, "sends descriptors",                  SYS_sendmsg(CHANNEL)),
    attempt!(PACKETS, "sends to rtnetlink with address",     SYS_sendmsg(NETLINK)),
    attempt!(NONE,    "sends to any unix socket",            SYS_sendmsg(SYSLOG)),
    attempt!(NONE,    "sends to any unix socket",            SYS_sendmsg(SERVICE_MANAGER)),
    attempt!(PACKETS, "sends several datagrams",             SYS_sendmmsg(BAD)),
    attempt!(NONE,    "sends to any unix socket",            SYS_sendmmsg(SYSLOG)),
    attempt!(NONE,    "sends to any unix socket",            SYS_sendmmsg(SERVICE_MANAGER)),
    attempt!(PACKETS, "writes to several descriptors",       SYS_io_submit(WRITE_CONTEXT, 0, 0)),
    attempt!(NONE,    "uses another context of io_submit",   SYS_io_submit(BAD, 0, 0)),
    attempt!(PACKETS, "waits for writes",                    SYS_io_getevents(BAD, 0, 0, 0, 0)),
    attempt!(PACKETS, "registers a socket for events",       SYS_epoll_ctl(BAD)),
    attempt!(PACKETS & (MUSL | NOT_X86_64), "waits for events", SYS_epoll_pwait(BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(PACKETS & !MUSL, "waits for events",                    SYS_epoll_wait(BAD)),
    attempt!(NOT_X86_64, "waits for a descriptor",           SYS_ppoll(ADDRESS, 1)),
    #[cfg(target_arch = "x86_64")]
    attempt!(ALL,     "waits for a descriptor",              SYS_poll(ADDRESS, 1)),
];

const SOCKET: u64 = libc::SOL_SOCKET as u64;
const IP: u64 = libc::IPPROTO_IP as u64;
const IPV6: u64 = libc::IPPROTO_IPV6 as u64;
/// A level that no process may use.
const TCP: u64 = libc::IPPROTO_TCP as u64;

macro_rules! option {
    ($allowed:expr, $level:ident, $option:ident) => {
        Attempt::new(
            $allowed,
            stringify!($option),
            "SYS_setsockopt",
            libc::SYS_setsockopt,
            &[BAD, $level, libc::$option as u64],
        )
    };
    ($level:ident, $option:literal, $what:literal) => {
        Attempt::new(NONE, $what, "SYS_setsockopt", libc::SYS_setsockopt, &[BAD, $level, $option])
    };
}

/// Options of sockets.
#[rustfmt::skip]
pub const OPTIONS: &[Attempt] = &[
    option!(PACKETS, IP,     IP_MTU_DISCOVER),
    option!(PACKETS, IP,     IP_RECVERR),
    option!(PACKETS, IPV6,   IPV6_RECVERR),
    option!(NONE,    TCP,    IP_RECVERR),
    option!(NONE,    TCP,    IPV6_RECVERR),
    option!(PACKETS, IP,     IP_PKTINFO),
    option!(PACKETS, SOCKET, SO_REUSEADDR),
    option!(PACKETS, SOCKET, SO_REUSEPORT),
    option!(PACKETS, SOCKET, SO_RCVBUF),
    option!(PACKETS, SOCKET, SO_RCVBUFFORCE),
    option!(PACKETS, IPV6,   IPV6_V6ONLY),
    option!(PACKETS, IPV6,   IPV6_RECVPKTINFO),
    option!(HOST,    SOCKET, SO_BINDTODEVICE),
    option!(NONE,    TCP,    IP_MTU_DISCOVER),
    option!(NONE,    TCP,    IP_PKTINFO),
    option!(NONE,    TCP,    SO_REUSEADDR),
    option!(NONE,    TCP,    SO_REUSEPORT),
    option!(NONE,    TCP,    SO_RCVBUF),
    option!(NONE,    TCP,    SO_RCVBUFFORCE),
    option!(NONE,    TCP,    IPV6_V6ONLY),
    option!(NONE,    TCP,    IPV6_RECVPKTINFO),
    option!(NONE,    TCP,    SO_BINDTODEVICE),
    option!(NONE,    IP,     IP_HDRINCL),
    option!(NONE,    SOCKET, SO_ATTACH_FILTER),
    option!(NONE,    SOCKET, SO_DETACH_FILTER),
    option!(NONE,    SOCKET, SO_ATTACH_BPF),
    option!(NONE,    SOCKET, SO_ATTACH_REUSEPORT_CBPF),
    option!(NONE,    SOCKET, SO_MARK),
    option!(IP,      64,     "IPT_SO_SET_REPLACE"),
    option!(IP,      65,     "IPT_SO_SET_ADD_COUNTERS"),
    option!(IP,      96,     "ARPT_SO_SET_REPLACE"),
    option!(IPV6,    64,     "IP6T_SO_SET_REPLACE"),
    option!(SOCKET,  64,     "IPT_SO_SET_REPLACE at the level of sockets"),
];

/// Open files and paths.
#[rustfmt::skip]
pub const FILES_AND_PATHS: &[Attempt] = &[
    attempt!(THREADED, "reads",                              SYS_read(BAD)),
    attempt!(PACKETS,  "reads a part of a file",             SYS_pread64(BAD)),
    attempt!(PACKETS,  "reads a part of a file",             SYS_preadv2(BAD)),
    attempt!(FILES,    "moves the position in a file",       SYS_lseek(BAD)),
    attempt!(PACKETS | FILES, "reads facts about an open file", SYS_fstat(BAD)),
    attempt!(FILES,    "reads flags of a descriptor",        SYS_fcntl(BAD, libc::F_GETFL as u64)),
    attempt!(FILES,    "sets flags of a descriptor",         SYS_fcntl(BAD, libc::F_SETFL as u64)),
    attempt!(FILES,    "copies a descriptor",                SYS_fcntl(BAD, libc::F_DUPFD_CLOEXEC as u64)),
    attempt!(THREADED, "writes",                             SYS_write(BAD)),
    attempt!(ALL,      "writes to standard error",           SYS_write(2, 0, 0)),
    attempt!(NONE,     "writes several parts",               SYS_writev(BAD)),
    attempt!(FILES,    "opens a file",                       SYS_openat2(BAD, 0, 0, 0)),
    attempt!(FILES,    "opens a file",                       SYS_openat(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(FILES & MUSL, "opens a file",                   SYS_open(0)),
    attempt!(FILES & MUSL, "sets close-on-exec",             SYS_fcntl(BAD, libc::F_SETFD as u64)),
    attempt!(FILES,    "reads facts about a path",           SYS_statx(BAD, 0)),
    attempt!(FILES,    "reads facts about a path",           SYS_newfstatat(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(FILES & MUSL, "reads facts about a path",       SYS_stat(0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(FILES & MUSL, "reads facts about a path",       SYS_lstat(0)),
    attempt!(FILES,    "reads a link",                       SYS_readlinkat(BAD, 0, 0, 1)),
    #[cfg(target_arch = "x86_64")]
    attempt!(FILES,    "reads a link",                       SYS_readlink(0, 0, 1)),
    attempt!(FILES & NOT_X86_64, "removes a file",           SYS_unlinkat(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(FILES,    "removes a file",                     SYS_unlink(0)),
    attempt!(NONE,     "watches directories",                SYS_inotify_init1(BAD)),
    attempt!(FILES,    "watches a directory",                SYS_inotify_add_watch(BAD, 0, 0)),
    attempt!(FILES,    "stops watching a directory",         SYS_inotify_rm_watch(BAD, 0)),
    attempt!(FILES,    "reads facts about a file system",    SYS_fstatfs(BAD)),
    attempt!(FILES,    "lists a directory",                  SYS_getdents64(BAD)),
    attempt!(FILES,    "creates a file in memory",           SYS_memfd_create(0, 0)),
    attempt!(NONE,     "sets the size of a file",            SYS_ftruncate(BAD)),
    attempt!(FILES,    "reads its user",                     SYS_geteuid()),
    attempt!(FILES,    "creates a timer",                    SYS_timerfd_create(99)),
    attempt!(FILES,    "sets a timer",                       SYS_timerfd_settime(BAD)),
];
