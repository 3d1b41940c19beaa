//! Calls that no process may make.

use super::{Attempt, BAD, NONE, OTHER_PROCESS, attempt};

const EXEC: u64 = libc::PROT_EXEC as u64;
const F_DUPFD: u64 = libc::F_DUPFD as u64;
const F_SETOWN: u64 = libc::F_SETOWN as u64;
const F_SETLK: u64 = libc::F_SETLK as u64;
const F_SETLEASE: u64 = libc::F_SETLEASE as u64;

/// All lists.
pub const LISTS: &[&[Attempt]] = &[PROCESSES, RIGHTS, SYSTEM, DESCRIPTORS, PATHS, OTHER_ABI];

/// Other processes, programs, signals, memory and timers.
#[rustfmt::skip]
const PROCESSES: &[Attempt] = &[
    attempt!(NONE, "starts a program",                        SYS_execve(0, 0, 0)),
    attempt!(NONE, "starts a program",                        SYS_execveat(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "starts a process",                        SYS_fork()),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "starts a process",                        SYS_vfork()),
    attempt!(NONE, "sends a signal",                          SYS_kill(OTHER_PROCESS, 0)),
    attempt!(NONE, "sends a signal to all",                   SYS_kill(OTHER_PROCESS, 9)),
    attempt!(NONE, "sends a signal",                          SYS_rt_sigqueueinfo(OTHER_PROCESS, 0, 0)),
    attempt!(NONE, "sends a signal",                          SYS_rt_tgsigqueueinfo(OTHER_PROCESS, BAD, 0, 0)),
    attempt!(NONE, "sends a signal",                          SYS_pidfd_send_signal(BAD)),
    attempt!(NONE, "opens a process",                         SYS_pidfd_open(OTHER_PROCESS)),
    attempt!(NONE, "takes a descriptor of a process",         SYS_pidfd_getfd(BAD)),
    attempt!(NONE, "traces a process",                        SYS_ptrace(BAD)),
    attempt!(NONE, "reads memory of a process",               SYS_process_vm_readv(OTHER_PROCESS)),
    attempt!(NONE, "writes memory of a process",              SYS_process_vm_writev(OTHER_PROCESS)),
    attempt!(NONE, "compares processes",                      SYS_kcmp(OTHER_PROCESS, OTHER_PROCESS)),
    attempt!(NONE, "advises about memory of a process",       SYS_process_madvise(BAD)),
    attempt!(NONE, "waits for a process",                     SYS_waitid(99)),
    attempt!(NONE, "sets a limit",                            SYS_prlimit64(0, 7, 1, 0)),
    attempt!(NONE, "sets a limit of another process",         SYS_prlimit64(OTHER_PROCESS, 7, 1, 0)),
    attempt!(NONE, "sets a limit",                            SYS_setrlimit(7, 0)),
    attempt!(NONE, "sets a priority",                         SYS_setpriority(BAD)),
    attempt!(NONE, "sets the scheduler",                      SYS_sched_setscheduler(BAD)),
    attempt!(NONE, "sets the scheduler",                      SYS_sched_setattr(BAD)),
    attempt!(NONE, "sets processors",                         SYS_sched_setaffinity(BAD)),
    attempt!(NONE, "starts a session",                        SYS_setsid()),
    attempt!(NONE, "changes its process group",               SYS_setpgid(BAD)),
    attempt!(NONE, "changes its personality",                 SYS_personality(BAD)),
    attempt!(NONE, "protects executable memory",              SYS_pkey_mprotect(1, 0, EXEC)),
    attempt!(NONE, "makes a thread of an address space",      SYS_remap_file_pages(1)),
    attempt!(NONE, "attaches shared memory",                  SYS_shmat(BAD)),
    attempt!(NONE, "creates shared memory",                   SYS_shmget(0)),
    attempt!(NONE, "creates semaphores",                      SYS_semget(0, 0)),
    attempt!(NONE, "creates a queue",                         SYS_msgget(0, 0)),
    attempt!(NONE, "opens a queue",                           SYS_mq_open(0)),
    attempt!(NONE, "restricts itself",                        SYS_seccomp(99)),
    attempt!(NONE, "restricts itself",                        SYS_landlock_create_ruleset(0)),
    attempt!(NONE, "restricts itself",                        SYS_landlock_restrict_self(BAD)),
    attempt!(NONE, "uses io_uring",                           SYS_io_uring_setup(0, 0)),
    attempt!(NONE, "uses io_uring",                           SYS_io_uring_enter(BAD)),
    attempt!(NONE, "uses io_uring",                           SYS_io_uring_register(BAD)),
    attempt!(NONE, "uses asynchronous input",                 SYS_io_setup(0, 0)),
    attempt!(NONE, "handles page faults",                     SYS_userfaultfd(BAD)),
    attempt!(NONE, "loads a BPF program",                     SYS_bpf(99)),
    attempt!(NONE, "measures",                                SYS_perf_event_open(0, 0, BAD, BAD)),
    attempt!(NONE, "creates a timer",                         SYS_timer_create(BAD)),
    attempt!(NONE, "sets an alarm",                           SYS_setitimer(99)),
    attempt!(NONE, "creates secret memory",                   SYS_memfd_secret(BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "changes segments",                        SYS_modify_ldt(99)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "uses input and output ports",             SYS_iopl(BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "uses input and output ports",             SYS_ioperm(BAD, BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "changes a base address",                  SYS_arch_prctl(0, 0)),
];

/// Users, groups, capabilities and keys.
#[rustfmt::skip]
const RIGHTS: &[Attempt] = &[
    attempt!(NONE, "changes the user",                        SYS_setuid(0)),
    attempt!(NONE, "changes the user",                        SYS_setreuid(BAD, BAD)),
    attempt!(NONE, "changes the user",                        SYS_setresuid(BAD, BAD, BAD)),
    attempt!(NONE, "changes the user for files",              SYS_setfsuid(BAD)),
    attempt!(NONE, "changes the group",                       SYS_setgid(0)),
    attempt!(NONE, "changes the group",                       SYS_setregid(BAD, BAD)),
    attempt!(NONE, "changes the group",                       SYS_setresgid(BAD, BAD, BAD)),
    attempt!(NONE, "changes the group for files",             SYS_setfsgid(BAD)),
    attempt!(NONE, "changes its groups",                      SYS_setgroups(1, 0)),
    attempt!(NONE, "sets capabilities",                       SYS_capset(0, 0)),
    attempt!(NONE, "reads capabilities",                      SYS_capget(0, 0)),
    attempt!(NONE, "sets a key",                              SYS_add_key(0, 0, 0, 0, 0)),
    attempt!(NONE, "reads a key",                             SYS_request_key(0)),
    attempt!(NONE, "manages keys",                            SYS_keyctl(99)),
    attempt!(NONE, "sets ambient capabilities",               SYS_prctl(47, 2, 0, 0, 0)),
    attempt!(NONE, "installs a filter",                       SYS_prctl(22, 2, 0)),
    attempt!(NONE, "keeps capabilities",                      SYS_prctl(8, BAD)),
    attempt!(NONE, "drops a capability of its bounding set",  SYS_prctl(24, BAD)),
    attempt!(NONE, "sets a signal at the end of its parent",  SYS_prctl(1, BAD)),
];

/// The whole system.
#[rustfmt::skip]
const SYSTEM: &[Attempt] = &[
    attempt!(NONE, "mounts",                                  SYS_mount(0, 0, 0, 0, 0)),
    attempt!(NONE, "unmounts",                                SYS_umount2(0, 0)),
    attempt!(NONE, "moves a mount",                           SYS_move_mount(BAD)),
    attempt!(NONE, "opens a mount",                           SYS_open_tree(BAD, 0)),
    attempt!(NONE, "opens a file system",                     SYS_fsopen(0)),
    attempt!(NONE, "configures a file system",                SYS_fsconfig(BAD)),
    attempt!(NONE, "mounts",                                  SYS_fsmount(BAD)),
    attempt!(NONE, "changes a mount",                         SYS_mount_setattr(BAD)),
    attempt!(NONE, "changes the root",                        SYS_pivot_root(0, 0)),
    attempt!(NONE, "changes the root",                        SYS_chroot(0)),
    attempt!(NONE, "leaves its namespaces",                   SYS_unshare(0)),
    attempt!(NONE, "enters a namespace",                      SYS_setns(BAD)),
    attempt!(NONE, "loads a module",                          SYS_init_module(0, BAD)),
    attempt!(NONE, "loads a module",                          SYS_finit_module(BAD)),
    attempt!(NONE, "removes a module",                        SYS_delete_module(0)),
    attempt!(NONE, "loads a kernel",                          SYS_kexec_load(BAD)),
    attempt!(NONE, "restarts the machine",                    SYS_reboot(0)),
    attempt!(NONE, "uses swap",                               SYS_swapon(0)),
    attempt!(NONE, "reads the kernel log",                    SYS_syslog(99)),
    attempt!(NONE, "sets quotas",                             SYS_quotactl(BAD)),
    attempt!(NONE, "sets the name of the machine",            SYS_sethostname(0, BAD)),
    attempt!(NONE, "sets the clock",                          SYS_settimeofday(1, 1)),
    attempt!(NONE, "sets the clock",                          SYS_clock_settime(99)),
    attempt!(NONE, "adjusts the clock",                       SYS_clock_adjtime(99)),
    attempt!(NONE, "opens a file by handle",                  SYS_open_by_handle_at(BAD)),
    attempt!(NONE, "reads the handle of a file",              SYS_name_to_handle_at(BAD)),
    attempt!(NONE, "watches all files",                       SYS_fanotify_init(BAD, BAD)),
    attempt!(NONE, "watches all files",                       SYS_fanotify_mark(BAD)),
    attempt!(NONE, "reads facts about the system",            SYS_sysinfo(0)),
    attempt!(NONE, "reads the name of the system",            SYS_uname(0)),
];

/// Sockets and descriptors.
#[rustfmt::skip]
const DESCRIPTORS: &[Attempt] = &[
    attempt!(NONE, "listens",                                 SYS_listen(BAD)),
    attempt!(NONE, "accepts a connection",                    SYS_accept(BAD)),
    attempt!(NONE, "closes a connection",                     SYS_shutdown(BAD)),
    attempt!(NONE, "opens two sockets",                       SYS_socketpair(BAD)),
    attempt!(NONE, "reads an option of a socket",             SYS_getsockopt(BAD)),
    attempt!(NONE, "reads the address of a socket",           SYS_getpeername(BAD)),
    attempt!(NONE, "opens a pipe",                            SYS_pipe2(0, BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "opens a pipe",                            SYS_pipe(0)),
    attempt!(NONE, "copies a descriptor",                     SYS_dup(BAD)),
    attempt!(NONE, "copies a descriptor",                     SYS_dup3(BAD, BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "copies a descriptor",                     SYS_dup2(BAD, BAD)),
    attempt!(NONE, "copies a descriptor",                     SYS_fcntl(BAD, F_DUPFD)),
    attempt!(NONE, "sends signals by a descriptor",           SYS_fcntl(BAD, F_SETOWN)),
    attempt!(NONE, "locks a file",                            SYS_fcntl(BAD, F_SETLK)),
    attempt!(NONE, "takes a lease",                           SYS_fcntl(BAD, F_SETLEASE)),
    attempt!(NONE, "locks a file",                            SYS_flock(BAD)),
    attempt!(NONE, "writes to a terminal",                    SYS_ioctl(BAD, 0x5412)),
    attempt!(NONE, "sets an address",                         SYS_ioctl(BAD, 0x8916)),
    attempt!(NONE, "sets non-blocking mode",                  SYS_ioctl(BAD, 0x5421)),
    attempt!(NONE, "reads an interface",                      SYS_ioctl(BAD, 0x8933)),
    attempt!(NONE, "opens a counter",                         SYS_eventfd2(0, BAD)),
    attempt!(NONE, "opens signals",                           SYS_signalfd4(BAD)),
    attempt!(NONE, "opens events",                            SYS_epoll_create1(BAD)),
    attempt!(NONE, "copies between files",                    SYS_copy_file_range(BAD)),
    attempt!(NONE, "copies between files",                    SYS_sendfile(BAD)),
    attempt!(NONE, "copies between pipes",                    SYS_splice(BAD)),
    attempt!(NONE, "copies between pipes",                    SYS_tee(BAD)),
    attempt!(NONE, "copies memory to a pipe",                 SYS_vmsplice(BAD)),
    attempt!(NONE, "allocates space",                         SYS_fallocate(BAD)),
    attempt!(NONE, "writes a part of a file",                 SYS_pwrite64(BAD)),
    attempt!(NONE, "writes a part of a file",                 SYS_pwritev(BAD)),
    attempt!(NONE, "writes a part of a file",                 SYS_pwritev2(BAD)),
    attempt!(NONE, "reads several parts",                     SYS_readv(BAD)),
    attempt!(NONE, "reads several parts",                     SYS_preadv(BAD)),
    attempt!(NONE, "closes descriptors",                      SYS_close_range(BAD, 0)),
    attempt!(NONE, "syncs a file system",                     SYS_syncfs(BAD)),
];

/// Paths.
#[rustfmt::skip]
const PATHS: &[Attempt] = &[
    attempt!(NONE, "renames",                                 SYS_renameat2(BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "renames",                                 SYS_rename(0, 0)),
    attempt!(NONE, "links",                                   SYS_linkat(BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "links",                                   SYS_link(0, 0)),
    attempt!(NONE, "creates a link",                          SYS_symlinkat(0, BAD)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "creates a link",                          SYS_symlink(0, 0)),
    attempt!(NONE, "creates a directory",                     SYS_mkdirat(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "creates a directory",                     SYS_mkdir(0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "removes a directory",                     SYS_rmdir(0)),
    attempt!(NONE, "creates a device",                        SYS_mknodat(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "creates a device",                        SYS_mknod(0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "creates a file",                          SYS_creat(0)),
    attempt!(NONE, "changes a mode",                          SYS_fchmod(BAD)),
    attempt!(NONE, "changes a mode",                          SYS_fchmodat(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "changes a mode",                          SYS_chmod(0)),
    attempt!(NONE, "changes an owner",                        SYS_fchown(BAD)),
    attempt!(NONE, "changes an owner",                        SYS_fchownat(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "changes an owner",                        SYS_chown(0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "changes an owner",                        SYS_lchown(0)),
    attempt!(NONE, "changes times",                           SYS_utimensat(BAD, 1)),
    attempt!(NONE, "truncates",                               SYS_truncate(0)),
    attempt!(NONE, "sets an attribute",                       SYS_setxattr(0, 0)),
    attempt!(NONE, "sets an attribute",                       SYS_fsetxattr(BAD)),
    attempt!(NONE, "removes an attribute",                    SYS_removexattr(0, 0)),
    attempt!(NONE, "reads an attribute",                      SYS_getxattr(0, 0)),
    attempt!(NONE, "changes the directory",                   SYS_chdir(0)),
    attempt!(NONE, "changes the directory",                   SYS_fchdir(BAD)),
    attempt!(NONE, "reads the directory",                     SYS_getcwd(0, 0)),
    attempt!(NONE, "sets the mask of modes",                  SYS_umask(0)),
    attempt!(NONE, "checks access",                           SYS_faccessat(BAD, 0)),
    attempt!(NONE, "checks access",                           SYS_faccessat2(BAD, 0)),
    #[cfg(target_arch = "x86_64")]
    attempt!(NONE, "checks access",                           SYS_access(0)),
    attempt!(NONE, "reads facts about a file system",         SYS_statfs(0)),
];

/// Calls of another ABI of the same machine: x32 has the numbers of x86-64 with another bit.
#[rustfmt::skip]
const OTHER_ABI: &[Attempt] = &[
    #[cfg(target_arch = "x86_64")]
    Attempt::new(NONE, "reads its process id (x32)", "SYS_getpid", libc::SYS_getpid | 0x4000_0000, &[]),
];
