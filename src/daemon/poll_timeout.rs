//! How long the loop waits in poll(2).

use std::time::Duration;

/// After this time the loop writes to a stalled syslog again.
const SYSLOG_RETRY: Duration = Duration::from_millis(50);
/// A check of files for a notice runs in a thread, and may log a line that syslog does not take at once. After this
/// time the loop looks for such lines.
const FILE_CHECK: Duration = Duration::from_secs(1);

/// What limits the wait. Each limit holds, whatever the others are.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// A socket was not read to the end.
    pub unread_socket: bool,
    /// Time until the first timer expires: of a transfer, a delayed answer, a notice or a summary.
    pub next_timer: Option<Duration>,
    /// Files are checked for a notice.
    pub file_check: bool,
    /// Lines wait for a syslog that has no space.
    pub syslog_stalled: bool,
}

impl Limits {
    /// The shortest limit; `None`: the loop waits until an event comes.
    pub fn timeout(self) -> Option<Duration> {
        let limits = [
            self.unread_socket.then_some(Duration::ZERO),
            self.next_timer,
            self.file_check.then_some(FILE_CHECK),
            self.syslog_stalled.then_some(SYSLOG_RETRY),
        ];
        limits.into_iter().flatten().min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NONE: Limits =
        Limits { unread_socket: false, next_timer: None, file_check: false, syslog_stalled: false };

    fn timeout_ms(limits: Limits) -> Option<u128> {
        limits.timeout().map(|timeout| timeout.as_millis())
    }

    #[test]
    fn stalled_syslog_is_retried_after_50_ms_while_files_are_checked() {
        let both = Limits { file_check: true, syslog_stalled: true, ..NONE };
        assert_eq!(timeout_ms(both), Some(50));
        let timer = Some(Duration::from_secs(3));
        assert_eq!(timeout_ms(Limits { next_timer: timer, ..both }), Some(50));
    }

    #[test]
    fn shortest_limit_is_the_timeout() {
        let timer = |ms| Some(Duration::from_millis(ms));
        for (limits, timeout) in [
            (NONE, None),
            (Limits { file_check: true, ..NONE }, Some(1000)),
            (Limits { syslog_stalled: true, ..NONE }, Some(50)),
            (Limits { next_timer: timer(7), ..NONE }, Some(7)),
            (
                Limits { next_timer: timer(7), file_check: true, syslog_stalled: true, ..NONE },
                Some(7),
            ),
            (Limits { next_timer: timer(2000), file_check: true, ..NONE }, Some(1000)),
            (
                Limits {
                    unread_socket: true,
                    next_timer: timer(7),
                    file_check: true,
                    syslog_stalled: true,
                },
                Some(0),
            ),
        ] {
            assert_eq!(timeout_ms(limits), timeout, "{limits:?}");
        }
    }
}
