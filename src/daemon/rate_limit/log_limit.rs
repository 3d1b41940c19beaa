//! Limits of the log: neither one client nor all clients together can fill a disk with `log-debug` and notices.

use super::RateLimit;
use crate::config::Config;
use crate::log_line::{DecisionLine, Line};
use crate::sys::limits::ENOBUFS;
use crate::time::Timestamp;
use crate::wire::dhcp::{Frame, field};
use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::time::Duration;

/// Lines that were logged within the current interval.
pub struct LogLimiter {
    /// `log-debug`
    enabled: bool,
    since: Timestamp,
    clients: HashMap<Key, u32>,
    logged: u32,
    suppressed: u64,
    notices: RateLimit,
    dropped_replies: RateLimit,
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Mac([u8; 6]),
    Ip(IpAddr),
}

/// Lines for one client within an interval. A boot needs about ten.
const MAX_PER_CLIENT: u32 = 40;
/// Lines for all clients within an interval: a thousand boots at once.
const MAX_PER_INTERVAL: u32 = 20_000;
/// Notices within an interval. So many notices have one cause.
const MAX_NOTICES: usize = 200;
const INTERVAL: Duration = Duration::from_secs(60);
/// Lines within [`DROPPED_REPLY_INTERVAL`] about replies that the kernel dropped.
const MAX_DROPPED_REPLIES: usize = 10;
const DROPPED_REPLY_INTERVAL: Duration = Duration::from_secs(10);

impl LogLimiter {
    /// A limiter for this configuration.
    pub fn new(config: &Config) -> Self {
        Self {
            enabled: config.process.log_debug,
            since: Timestamp(0),
            clients: HashMap::new(),
            logged: 0,
            suppressed: 0,
            notices: RateLimit::new(MAX_NOTICES, INTERVAL),
            dropped_replies: RateLimit::new(MAX_DROPPED_REPLIES, DROPPED_REPLY_INTERVAL),
        }
    }

    /// Whether to log the decision about a DHCP message.
    pub fn allow_dhcp(&mut self, message: &[u8], now: Timestamp) -> bool {
        if !self.enabled {
            return false;
        }
        // All messages that are too short for a client address count as one client.
        let mac = message.get(field::CHADDR).filter(|_| message.len() >= Frame::MIN_LEN);
        let mac = mac.and_then(|chaddr| chaddr.first_chunk().copied());
        self.allow(Key::Mac(mac.unwrap_or_default()), now)
    }

    /// Whether to log a decision about a TFTP client.
    pub fn allow_ip(&mut self, client: IpAddr, now: Timestamp) -> bool {
        self.enabled && self.allow(Key::Ip(client), now)
    }

    fn allow(&mut self, key: Key, now: Timestamp) -> bool {
        if self.logged >= MAX_PER_INTERVAL {
            self.suppressed += 1;
            return false;
        }
        let of_client = self.clients.entry(key).or_insert(0);
        *of_client += 1;
        if *of_client > MAX_PER_CLIENT {
            self.suppressed += 1;
            return false;
        }
        if self.logged == 0 {
            self.since = now;
        }
        self.logged += 1;
        true
    }

    /// Whether to log one more notice. There may be notices about clients that do not exist.
    pub fn allow_notice(&mut self, now: Timestamp) -> bool {
        self.notices.allow(now)
    }

    /// Whether to log that a reply could not be sent. dnsmasq has such a line for each error that it gets; it gets none if the
    /// kernel drops the reply (`ENOBUFS`), so only these lines are limited.
    pub fn allow_send_error(&mut self, error: &io::Error, now: Timestamp) -> bool {
        error.raw_os_error() != Some(ENOBUFS) || self.dropped_replies.allow(now)
    }

    /// Whether [`LogLimiter::allow_notice`] would allow one.
    pub fn may_allow_notice(&mut self, now: Timestamp) -> bool {
        self.notices.may_allow(now)
    }

    /// The end of the current interval, if a line was logged in it.
    pub fn next(&self) -> Option<Timestamp> {
        (self.logged > 0).then(|| self.since + INTERVAL)
    }

    /// Begins a new interval when the current one is over; the line about suppressed lines, if there were any.
    pub fn rotate(&mut self, now: Timestamp) -> Option<Line> {
        self.next().filter(|next| *next <= now)?;
        let suppressed = std::mem::take(&mut self.suppressed);
        (self.logged, self.clients) = (0, HashMap::new());
        (suppressed > 0).then_some(Line::Decision(DecisionLine::Suppressed(suppressed)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limiter() -> LogLimiter {
        let mut config = Config::default();
        config.process.log_debug = true;
        LogLimiter::new(&config)
    }

    #[test]
    fn lines_of_one_client_are_limited_and_those_of_others_are_logged() {
        let mut limiter = limiter();
        let client = |last: u8| IpAddr::from([10, 0, 0, last]);
        let logged = (0..1_000_000).filter(|_| limiter.allow_ip(client(1), Timestamp(5))).count();
        assert_eq!(logged, 40);
        assert!(limiter.allow_ip(client(2), Timestamp(5)));
        assert_eq!(limiter.rotate(Timestamp(60_000)), None);
        let line = Line::Decision(DecisionLine::Suppressed(999_960));
        assert_eq!(limiter.rotate(Timestamp(60_005)), Some(line));
        assert_eq!(limiter.next(), None);
        assert!(limiter.allow_ip(client(1), Timestamp(60_006)));
    }

    #[test]
    fn notices_are_limited_to_200_per_minute() {
        let mut limiter = LogLimiter::new(&Config::default());
        assert_eq!((0..1000).filter(|_| limiter.allow_notice(Timestamp(70_000))).count(), 200);
        assert!(limiter.allow_notice(Timestamp(130_000)));
    }

    #[test]
    fn lines_about_dropped_replies_are_limited_and_other_errors_of_sending_are_not() {
        let mut limiter = LogLimiter::new(&Config::default());
        let mut logged = |number, ms| {
            let error = io::Error::from_raw_os_error(number);
            (0..1000).filter(|_| limiter.allow_send_error(&error, Timestamp(ms))).count()
        };
        assert_eq!(logged(ENOBUFS, 70_000), 10);
        assert_eq!(logged(ENOBUFS, 79_999), 0);
        assert_eq!(logged(ENOBUFS, 80_000), 10);
        assert_eq!(logged(crate::sys::limits::EINVAL, 80_000), 1000);
    }

    #[test]
    fn remembered_clients_are_limited_to_the_lines_of_an_interval() {
        let mut limiter = limiter();
        for number in 0..1_000_000_u32 {
            limiter.allow_ip(IpAddr::from(number.to_be_bytes()), Timestamp(0));
        }
        assert_eq!(limiter.clients.len(), MAX_PER_INTERVAL as usize);
    }
}
