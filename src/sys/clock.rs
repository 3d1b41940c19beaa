//! Local time, and time that never jumps.

use nix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A moment on the wall.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// From 0.
    pub month: usize,
    /// From 1.
    pub day: i32,
    /// From 0, like those below.
    pub hour: i32,
    /// Minute.
    pub minute: i32,
    /// Second.
    pub second: i32,
}

impl LocalTime {
    /// That of the first day, for want of a better one.
    const MIDNIGHT: Self = Self { month: 0, day: 1, hour: 0, minute: 0, second: 0 };
}

/// What the clock on the wall says. Within a second it says the same: it is asked for every line.
pub fn local_time() -> LocalTime {
    thread_local! {
        static SAID: Cell<(u64, LocalTime)> = const { Cell::new((u64::MAX, LocalTime::MIDNIGHT)) };
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (second, said) = SAID.get();
    if second == now {
        return said;
    }
    let said = broken_down(now);
    SAID.set((now, said));
    said
}

fn broken_down(since: u64) -> LocalTime {
    let Ok(seconds) = since.try_into() else { return LocalTime::MIDNIGHT };
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, and zeroed bytes are a `tm`, even if the call fails.
    let parts = unsafe {
        libc::localtime_r(&raw const seconds, parts.as_mut_ptr());
        parts.assume_init()
    };
    let month = usize::try_from(parts.tm_mon).unwrap_or_default();
    LocalTime {
        month,
        day: parts.tm_mday,
        hour: parts.tm_hour,
        minute: parts.tm_min,
        second: parts.tm_sec,
    }
}

/// How long the machine runs, without the time it was asleep.
pub fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}
