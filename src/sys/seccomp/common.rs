//! Rows that several tables have.

use super::Condition::{Is, Masked, ThisProcess};
use super::Row;
use super::value::{CLONE_THREAD, PROT_EXEC, SIGABRT};

/// Rows of every table.
pub const PROCESS: &[Row] = &[
    row!("memory", SYS_brk),
    row!("memory", SYS_mremap),
    row!("memory", SYS_munmap),
    row!("memory that is not executable", SYS_mmap, Masked(2, PROT_EXEC, 0)),
    row!("memory that is not executable", SYS_mprotect, Masked(2, PROT_EXEC, 0)),
    row!("descriptors", SYS_close),
    #[cfg(debug_assertions)]
    row!("check of the standard library in debug builds", SYS_fcntl, Is(1, libc::F_GETFD as u64)),
    row!("end of the process", SYS_exit_group),
    row!("signals", SYS_rt_sigaction),
    row!("signals", SYS_rt_sigprocmask),
    row!("signals", SYS_rt_sigreturn),
    row!("waiting after SIGCONT", SYS_restart_syscall),
    row!("abort(3)", SYS_getpid),
    row!("abort(3)", SYS_gettid),
    row!("abort(3) of glibc", SYS_tgkill, ThisProcess, Is(2, SIGABRT)),
    // The thread id is not checked: SIGABRT is the only signal.
    #[cfg(target_env = "musl")]
    row!("abort(3) of musl", SYS_tkill, Is(1, SIGABRT)),
    row!("time, on machines where the vDSO does not read the clock", SYS_clock_gettime),
    row!("keys of hash tables", SYS_getrandom),
];

/// Rows for threads.
pub const THREADS: &[Row] = &[
    row!("threads, no processes", SYS_clone, Masked(0, CLONE_THREAD, CLONE_THREAD)),
    row!("end of a thread", SYS_exit),
    row!("memory of the stack of a thread that has ended", SYS_madvise),
    row!("locks", SYS_futex),
    row!("locks of a thread", SYS_set_robust_list),
    row!("sequences of a thread", SYS_rseq),
    row!("stack for signals of a thread", SYS_sigaltstack),
    row!("number of arenas of malloc(3)", SYS_sched_getaffinity),
    row!("waiting for another thread", SYS_sched_yield),
    row!("name of a thread", SYS_prctl, Is(0, libc::PR_SET_NAME as u64)),
    #[cfg(target_env = "musl")]
    row!("first thread", SYS_membarrier),
];

/// `clone3` has its arguments in memory, which a filter cannot read. C libraries use `clone` instead.
pub const UNAVAILABLE_THREADS: &[Row] = &[row!("threads", SYS_clone3)];
