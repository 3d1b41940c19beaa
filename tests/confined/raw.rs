//! System calls with any arguments, in child processes with the filters of a table.
#![expect(unsafe_code, reason = "no safe function makes system calls with invalid arguments")]

use crate::attempts::Attempt;
use nix::sys::signal::Signal;
use nix::sys::wait::{WaitStatus, waitpid};
use nix::unistd::{ForkResult, fork};
use seccompiler::{BpfProgram, apply_filter};
use std::sync::atomic::{AtomicI32, Ordering};

/// The result of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It returned this error number; 0: success.
    Returned(i32),
    /// It did not return: it ended the thread or process.
    DidNotReturn,
}

/// The value of a result before the call.
const NOT_TRIED: i32 = -1;
/// An address in the first page.
const UNMAPPED: usize = 16;
/// Seconds after which a call that blocks is an error of the test.
const TIMEOUT: u32 = 20;

/// The outcome of each attempt under these filters.
pub fn outcomes(programs: &[BpfProgram], attempts: &[Attempt]) -> Vec<Outcome> {
    let results = Shared::new(attempts.len() + 1);
    let mut next = 0;
    while next < attempts.len() {
        results.all()[attempts.len()].store(NOT_TRIED, Ordering::Relaxed);
        run_child(programs, &attempts[next..], &results.all()[next..]);
        let installed = results.all()[attempts.len()].load(Ordering::Relaxed);
        assert_eq!(installed, 0, "the kernel did not accept the filters");
        let has_not_returned = |result: &AtomicI32| result.load(Ordering::Relaxed) == NOT_TRIED;
        let ended = results.all()[next..].iter().position(has_not_returned);
        next = ended.map_or(attempts.len(), |ended| next + ended + 1);
    }
    let outcome = |result: &AtomicI32| match result.load(Ordering::Relaxed) {
        NOT_TRIED => Outcome::DidNotReturn,
        error => Outcome::Returned(error),
    };
    results.all()[..attempts.len()].iter().map(outcome).collect()
}

/// Runs a child process that makes the calls, until one ends it. The last result: whether the filters are installed.
fn run_child(programs: &[BpfProgram], attempts: &[Attempt], results: &[AtomicI32]) {
    // SAFETY: the child process only makes system calls and writes to shared memory.
    match unsafe { fork() }.expect("a process can be started") {
        ForkResult::Child => {
            try_all(programs, attempts, results);
            // SAFETY: the call ends the process. If a filter refuses it, the write to an address that is not mapped does.
            unsafe {
                libc::syscall(libc::SYS_exit_group, 0);
                std::ptr::without_provenance_mut::<u8>(UNMAPPED).write_volatile(0);
            }
            unreachable!("the process has ended")
        }
        ForkResult::Parent { child } => {
            let status = waitpid(child, None).expect("it is a child of this process");
            let blocked = matches!(status, WaitStatus::Signaled(_, Signal::SIGALRM, _));
            let not_tried = |result: &&AtomicI32| result.load(Ordering::Relaxed) == NOT_TRIED;
            let last = attempts.iter().zip(results).find(|(_, result)| not_tried(result));
            assert!(!blocked, "an attempt blocks: {last:?}");
        }
    }
}

fn try_all(programs: &[BpfProgram], attempts: &[Attempt], results: &[AtomicI32]) {
    // SAFETY: these calls take numbers only. A process that a call kills writes no core file, and the handlers of the standard
    // library do not run.
    unsafe {
        libc::signal(libc::SIGSEGV, libc::SIG_DFL);
        libc::signal(libc::SIGBUS, libc::SIG_DFL);
        libc::prctl(libc::PR_SET_DUMPABLE, 0);
        libc::alarm(TIMEOUT);
    }
    if !programs.iter().all(|program| apply_filter(program).is_ok()) {
        return;
    }
    results[attempts.len()].store(0, Ordering::Relaxed);
    for (attempt, result) in attempts.iter().zip(results) {
        result.store(call(attempt), Ordering::Relaxed);
    }
}

/// The error number of a call.
fn call(attempt: &Attempt) -> i32 {
    let all = attempt.arguments;
    // SAFETY: each attempt has invalid pointers or descriptors, or changes nothing but this child process.
    let returned =
        unsafe { libc::syscall(attempt.call, all[0], all[1], all[2], all[3], all[4], all[5]) };
    if returned == -1 { nix::errno::Errno::last_raw() } else { 0 }
}

/// Memory that a child process shares with its parent.
struct Shared {
    start: *mut AtomicI32,
    count: usize,
}

impl Shared {
    fn new(count: usize) -> Self {
        let size = count * size_of::<AtomicI32>();
        let (protection, flags) =
            (libc::PROT_READ | libc::PROT_WRITE, libc::MAP_SHARED | libc::MAP_ANONYMOUS);
        // SAFETY: asks for new memory, at an address that the kernel chooses.
        let start = unsafe { libc::mmap(std::ptr::null_mut(), size, protection, flags, -1, 0) };
        assert_ne!(start, libc::MAP_FAILED, "no memory");
        let shared = Self { start: start.cast(), count };
        for result in shared.all() {
            result.store(NOT_TRIED, Ordering::Relaxed);
        }
        shared
    }

    fn all(&self) -> &[AtomicI32] {
        // SAFETY: the memory has `count` values, and is unmapped when `self` is dropped.
        unsafe { std::slice::from_raw_parts(self.start, self.count) }
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        // SAFETY: no reference to the memory is left.
        unsafe { libc::munmap(self.start.cast(), self.count * size_of::<AtomicI32>()) };
    }
}
