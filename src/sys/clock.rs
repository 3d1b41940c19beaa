//! Local time, and the monotonic clock.

use nix::time::{ClockId, clock_gettime};
use std::cell::Cell;
use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// The names of the months in log lines.
pub const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A local time without year.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalTime {
    /// 0 to 11.
    pub month: usize,
    /// 1 to 31.
    pub day: i32,
    /// 0 to 23.
    pub hour: i32,
    /// 0 to 59.
    pub minute: i32,
    /// 0 to 60.
    pub second: i32,
}

impl LocalTime {
    /// Used if the C library cannot convert a time.
    const MIDNIGHT: Self = Self { month: 0, day: 1, hour: 0, minute: 0, second: 0 };
}

/// `Mmm dd hh:mm:ss`
impl fmt::Display for LocalTime {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { month, day, hour, minute, second } = self;
        let month = MONTHS.get(*month).unwrap_or(&MONTHS[0]);
        write!(f, "{month} {day:2} {hour:02}:{minute:02}:{second:02}")
    }
}

/// The local time now. It is converted once per second, because each log line needs it.
pub fn local_time() -> LocalTime {
    thread_local! {
        static CACHED: Cell<(u64, LocalTime)> = const { Cell::new((u64::MAX, LocalTime::MIDNIGHT)) };
    }
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (second, cached) = CACHED.get();
    if second == now {
        return cached;
    }
    let time = local_time_at(now);
    CACHED.set((now, time));
    time
}

/// The local time at a number of seconds since 1970.
pub fn local_time_at(since_epoch: u64) -> LocalTime {
    let Ok(seconds) = since_epoch.try_into() else { return LocalTime::MIDNIGHT };
    let mut parts = std::mem::MaybeUninit::<libc::tm>::zeroed();
    // SAFETY: both pointers are valid for the call, and zeroed bytes are a valid `tm`, also if the call fails.
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

/// The time since the machine was started, without the time of suspends (`CLOCK_MONOTONIC`).
pub fn since_boot() -> Duration {
    clock_gettime(ClockId::CLOCK_MONOTONIC).map_or(Duration::ZERO, Duration::from)
}
