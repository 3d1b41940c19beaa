//! Limits the CPU time of one input to 10 ms per kilobyte. Only the time of this thread counts, so that other load on the
//! machine does not matter.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

const LIMIT_PER_KILOBYTE: Duration = Duration::from_millis(10);
const MAX_ATTEMPTS: usize = 5;

/// Runs `work` and panics if it exceeds the limit for an input of `len` bytes, plus `fixed_cost`, in all attempts.
pub fn check(len: usize, fixed_cost: Duration, work: impl Fn()) {
    let limit = fixed_cost + LIMIT_PER_KILOBYTE * u32::try_from(len / 1024 + 1).unwrap_or(u32::MAX);
    let is_slow = |_| {
        let start = thread_time();
        work();
        thread_time() - start > limit
    };
    assert!(
        !(0..MAX_ATTEMPTS).all(is_slow),
        "{len} bytes took more than {limit:?}, {MAX_ATTEMPTS} times"
    );
}

fn thread_time() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("the thread has a CPU clock").into()
}
