//! How long the loop waits in poll(2).

use std::time::Duration;

/// After this time the loop writes to a stalled syslog again.
const SYSLOG_RETRY: Duration = Duration::from_millis(50);

/// What limits the wait. Each limit holds, whatever the others are.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A socket was not read to the end, or transfers have blocks to send.
    pub work_left: bool,
    /// Time until the first timer expires: of a transfer, a delayed answer, a notice or a summary.
    pub next_timer: Option<Duration>,
    /// Lines wait for a syslog that has no space.
    pub syslog_stalled: bool,
}

impl Limits {
    /// The shortest limit; `None`: the loop waits until an event comes.
    pub fn timeout(self) -> Option<Duration> {
        let limits = [
            self.work_left.then_some(Duration::ZERO),
            self.next_timer,
            self.syslog_stalled.then_some(SYSLOG_RETRY),
        ];
        limits.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits = Limits { work_left: false, next_timer: None, syslog_stalled: false };

    #[test]
    fn shortest_limit_is_the_timeout() {
        let timer = |ms| Some(Duration::from_millis(ms));
        for (limits, timeout) in [
            (NONE, None),
            (Limits { syslog_stalled: true, ..NONE }, Some(50)),
            (Limits { next_timer: timer(7), ..NONE }, Some(7)),
            (Limits { next_timer: timer(7), syslog_stalled: true, ..NONE }, Some(7)),
            (Limits { next_timer: timer(3000), syslog_stalled: true, ..NONE }, Some(50)),
            (Limits { work_left: true, next_timer: timer(7), syslog_stalled: true }, Some(0)),
        ] {
            assert_eq!(limits.timeout().map(|time| time.as_millis()), timeout, "{limits:?}");
        }
    }
}
