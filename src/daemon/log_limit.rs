//! How much `log-debug` tells: no client, and not all together, can fill a disk.

use crate::config::Config;
use crate::log_line::{DecisionLine, Line};
use crate::time::Timestamp;
use crate::wire::dhcp::{Frame, field};
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;

/// What was told within this minute.
pub struct LogLimiter {
    /// Whether anything is told at all.
    enabled: bool,
    since: Timestamp,
    clients: HashMap<Key, u32>,
    all: u32,
    suppressed: u64,
    /// Notices, and since when.
    notices: (u32, Timestamp),
}

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Key {
    Mac([u8; 6]),
    Ip(IpAddr),
}

/// Lines in a minute for one client. A boot takes some ten.
const MAX_PER_CLIENT: u32 = 40;
/// For all of them: a thousand machines at once.
const MAX_PER_INTERVAL: u32 = 20_000;
/// Notices in a minute. Whoever has so many has one reason for all of them.
const MAX_NOTICES: u32 = 200;
const INTERVAL: Duration = Duration::from_secs(60);

impl LogLimiter {
    /// Nothing told yet.
    pub fn new(config: &Config) -> Self {
        let tells = config.process.log_debug;
        Self {
            enabled: tells,
            since: Timestamp(0),
            clients: HashMap::new(),
            all: 0,
            suppressed: 0,
            notices: (0, Timestamp(0)),
        }
    }

    /// Whether to tell what is decided about a DHCP message.
    pub fn allow_dhcp(&mut self, message: &[u8], now: Timestamp) -> bool {
        if !self.enabled {
            return false;
        }
        // What is too short for a client is nobody's, and counts as one.
        let mac = message.get(field::CHADDR).filter(|_| message.len() >= Frame::MIN_LEN);
        let mac = mac.and_then(|chaddr| chaddr.first_chunk().copied());
        self.allow(Key::Mac(mac.unwrap_or_default()), now)
    }

    /// Whether to tell something of a client that loads files.
    pub fn allow_ip(&mut self, client: IpAddr, now: Timestamp) -> bool {
        self.enabled && self.allow(Key::Ip(client), now)
    }

    fn allow(&mut self, key: Key, now: Timestamp) -> bool {
        if self.all >= MAX_PER_INTERVAL {
            self.suppressed += 1;
            return false;
        }
        self.all += 1;
        let told = self.clients.entry(key).or_insert(0);
        *told += 1;
        let wants = *told <= MAX_PER_CLIENT;
        if self.all == 1 {
            self.since = now;
        }
        if !wants {
            self.all -= 1;
            self.suppressed += 1;
        }
        wants
    }

    /// Whether there may be one more notice: a network may be full of clients that do not exist.
    pub fn allow_notice(&mut self, now: Timestamp) -> bool {
        let (count, since) = &mut self.notices;
        if now - *since >= INTERVAL {
            (*count, *since) = (0, now);
        }
        *count += 1;
        *count <= MAX_NOTICES
    }

    /// When the minute is over, if anything was told in it.
    pub fn next(&self) -> Option<Timestamp> {
        (self.all > 0).then(|| self.since + INTERVAL)
    }

    /// Begins a new minute, if it is time to; what there is to say of the last one.
    pub fn rotate(&mut self, now: Timestamp) -> Option<Line> {
        self.next().filter(|next| *next <= now)?;
        let untold = std::mem::take(&mut self.suppressed);
        (self.all, self.clients) = (0, HashMap::new());
        (untold > 0).then_some(Line::Decision(DecisionLine::Suppressed(untold)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn teller() -> LogLimiter {
        let mut config = Config::default();
        config.process.log_debug = true;
        LogLimiter::new(&config)
    }

    #[test]
    fn a_broken_client_is_told_of_a_little_and_others_still() {
        let mut teller = teller();
        let client = |last: u8| IpAddr::from([10, 0, 0, last]);
        let told = (0..1_000_000).filter(|_| teller.allow_ip(client(1), Timestamp(5))).count();
        assert_eq!(told, 40);
        assert!(teller.allow_ip(client(2), Timestamp(5)));
        assert_eq!(teller.rotate(Timestamp(60_000)), None);
        let line = Line::Decision(DecisionLine::Suppressed(999_960));
        assert_eq!(teller.rotate(Timestamp(60_005)), Some(line));
        assert_eq!(teller.next(), None);
        assert!(teller.allow_ip(client(1), Timestamp(60_006)));
    }

    #[test]
    fn notices_are_as_many_as_somebody_reads() {
        let mut teller = LogLimiter::new(&Config::default());
        assert_eq!((0..1000).filter(|_| teller.allow_notice(Timestamp(70_000))).count(), 200);
        assert!(teller.allow_notice(Timestamp(130_000)));
    }

    #[test]
    fn many_clients_take_no_more_than_their_room() {
        let mut teller = teller();
        for number in 0..1_000_000_u32 {
            teller.allow_ip(IpAddr::from(number.to_be_bytes()), Timestamp(0));
        }
        assert_eq!(teller.clients.len(), MAX_PER_INTERVAL as usize);
    }
}
