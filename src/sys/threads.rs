//! Threads of this process.

use nix::unistd::{Pid, gettid};

/// A thread, by the number that the kernel has for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ThreadId(Pid);

/// The calling thread.
pub fn current() -> ThreadId {
    ThreadId(gettid())
}

/// Whether a thread waits in the kernel, for a disk or another process; `None`: it is not known, because there is no `/proc`.
/// A thread that could run and gets no processor does not wait.
pub fn is_waiting(thread: ThreadId) -> Option<bool> {
    let stat = std::fs::read_to_string(format!("/proc/self/task/{}/stat", thread.0)).ok()?;
    // The state follows the name, which may have any characters (proc(5)).
    let state = stat.rsplit_once(") ")?.1.chars().next()?;
    Some(state != 'R')
}

/// All threads use one heap. With more, malloc(3) of glibc opens a file in `/proc` when it returns memory, which the sandbox
/// of the packet process does not allow. It must be called before the first thread is started.
pub fn use_one_heap() {
    #[cfg(target_env = "gnu")]
    // SAFETY: the call sets a number.
    unsafe {
        libc::mallopt(libc::M_ARENA_MAX, 1);
    }
}

/// Ends this process with all its threads, without destructors and exit handlers.
pub fn exit_process(code: i32) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::_exit(code) }
}

#[test]
#[cfg_attr(miri, ignore = "Miri has no /proc")]
fn thread_that_runs_does_not_wait() {
    assert_eq!(is_waiting(current()), Some(false));
    let (sender, receiver) = std::sync::mpsc::channel();
    let (end, ended) = std::sync::mpsc::channel::<()>();
    let waiting = std::thread::spawn(move || {
        sender.send(current()).unwrap();
        let _ = ended.recv();
    });
    let thread = receiver.recv().unwrap();
    while is_waiting(thread) != Some(true) {
        std::thread::yield_now();
    }
    drop(end);
    waiting.join().unwrap();
}
