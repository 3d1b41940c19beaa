//! The number of this process, without a system call for each log line.

use std::sync::atomic::{AtomicU32, Ordering};

/// 0: not known yet.
static OWN: AtomicU32 = AtomicU32::new(0);

/// The number of this process.
pub fn own() -> u32 {
    match OWN.load(Ordering::Relaxed) {
        0 => {
            let own = std::process::id();
            OWN.store(own, Ordering::Relaxed);
            own
        }
        own => own,
    }
}

/// Must be called in each new process after fork(2).
pub(super) fn forget() {
    OWN.store(0, Ordering::Relaxed);
}

#[test]
fn number_of_this_process_is_that_of_the_system() {
    assert_eq!([own(), own()], [std::process::id(); 2]);
}
