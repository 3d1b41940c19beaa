//! A timer as a descriptor (`timerfd_create(2)`).

use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use std::io;
use std::time::Duration;

/// A timer that expires again and again, from its start until it is stopped.
#[derive(Debug)]
pub struct IntervalTimer(TimerFd);

impl IntervalTimer {
    /// A timer that does not run.
    pub fn new() -> io::Result<Self> {
        Ok(Self(TimerFd::new(ClockId::CLOCK_MONOTONIC, TimerFlags::TFD_CLOEXEC)?))
    }

    /// Starts it.
    pub fn start(&self, interval: Duration) {
        let expiration = Expiration::Interval(TimeSpec::from_duration(interval));
        // It fails only for intervals that are not valid.
        let _ = self.0.set(expiration, TimerSetTimeFlags::empty());
    }

    /// Stops it.
    pub fn stop(&self) {
        let _ = self.0.unset();
    }

    /// Waits until it expires.
    pub fn wait(&self) {
        let _ = self.0.wait();
    }
}

#[test]
#[cfg_attr(miri, ignore = "Miri does not support the call")]
fn timer_expires_repeatedly() {
    let timer = IntervalTimer::new().unwrap();
    timer.start(Duration::from_millis(1));
    timer.wait();
    timer.wait();
    timer.stop();
}
