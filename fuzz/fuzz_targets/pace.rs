//! No input may take more than 10 ms per kilobyte, of this thread's own processor time: others may have the machine too.

use nix::time::{ClockId, clock_gettime};
use std::time::Duration;

const PER_KILOBYTE: Duration = Duration::from_millis(10);
const TRIES: usize = 5;

pub fn keep(bytes: usize, beforehand: Duration, work: impl Fn()) {
    let limit = beforehand + PER_KILOBYTE * u32::try_from(bytes / 1024 + 1).unwrap_or(u32::MAX);
    let slow = |_| {
        let started = spent();
        work();
        spent() - started > limit
    };
    assert!(!(0..TRIES).all(slow), "{bytes} bytes took more than {limit:?}, {TRIES} times");
}

fn spent() -> Duration {
    clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).expect("a clock").into()
}
