//! Watches how clients go on, and remarks on those that do not: offered and never back, the same file again and again,
//! a file that is not there, another server in between.
//!
//! ```text
//! Sight, now ─► Onlooker ─► Remark        a clock of its own it has not: it says when it wants to look again
//! ```
//!
//! Misses are usual on the way: a loader tries ten names before it finds its configuration. So they are remarked on when
//! nothing good has come behind them for a while.

mod way;

use crate::config::Origin;
use crate::effect::Sent;
use crate::millis::Millis;
use crate::sight::{Answered, Mac, Next, Refused, Rival, Sight};
use std::collections::HashMap;
use std::net::IpAddr;
use way::{Expected, Way};

/// A client: by its hardware address, where that is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Who {
    /// It was answered.
    Machine(Mac),
    /// It only loads files.
    Address(IpAddr),
}

/// Something remarkable.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Remark {
    /// It was answered and never came to port 4011.
    NeverAsked {
        /// Who.
        who: Who,
        /// By which line it was answered.
        line: Origin,
    },
    /// It was told what to load and never did.
    NeverLoaded {
        /// Who.
        who: Who,
        /// What, as it was told.
        file: Vec<u8>,
        /// By which line.
        line: Origin,
    },
    /// It loads one file again and again.
    Again {
        /// Who.
        who: Who,
        /// What, as it was told.
        file: Vec<u8>,
        /// How often within a minute.
        times: usize,
        /// By which line.
        line: Origin,
        /// Whether it said that it was iPXE when it was told.
        is_ipxe: bool,
    },
    /// It asks for one file again and again and acknowledges nothing.
    Unheard {
        /// Who.
        who: Who,
        /// The path.
        path: Vec<u8>,
        /// How often.
        times: usize,
    },
    /// It did not get a file, and has not got another since.
    Refused {
        /// Who.
        who: Who,
        /// The path.
        path: Vec<u8>,
        /// Why.
        why: Refused,
        /// The line that named it, if one did.
        line: Option<Origin>,
    },
    /// Another server tells it what to boot.
    /// With the line we answer by.
    Rival(Rival, Origin),
}

/// Everybody who is on the way.
#[derive(Debug, Default)]
pub struct Onlooker {
    ways: HashMap<Who, Way>,
    machines: HashMap<IpAddr, Mac>,
    /// Answers of others to clients that we have not answered yet.
    rivals: HashMap<Mac, Rival>,
    next: Option<Millis>,
    /// When it last looked.
    looked: Millis,
}

/// Clients that are watched. While there are so many, new ones are not.
const MOST: usize = 4096;
/// Answers of others that are kept.
const MOST_RIVALS: usize = 64;
/// Between looks, in milliseconds.
const PAUSE: u64 = 1000;
/// For so long one thing is told of a client once; and so long a client is remembered.
const MINUTE: u64 = 60_000;
/// Firmware comes back within that time: iPXE waits 16 seconds after its lease.
const PATIENCE: u64 = 30_000;
/// When nothing good has come behind a miss for so long, the client has stopped there.
const QUIET: u64 = 5_000;
/// A third time is no accident.
const TOO_OFTEN: usize = 3;

impl Onlooker {
    /// When it wants to be woken to look again: only where there may be something to say.
    pub fn next(&self) -> Option<Millis> {
        self.next
    }

    /// Notes something; a remark, if it is one already.
    pub fn see(&mut self, sight: Sight, now: Millis) -> Option<Remark> {
        match sight {
            Sight::Leased { mac, ip } => {
                if self.ways.contains_key(&Who::Machine(mac)) {
                    self.knows(mac, ip.into());
                }
                None
            }
            Sight::Answered(answered) => self.answered(answered, now),
            Sight::Begins { client, path } => {
                let way = self.way(self.who(client), now)?;
                way.begins(path, now);
                let pending = way.is_pending();
                self.wake(pending, now);
                None
            }
            Sight::Refused { client, path, why } => {
                let way = self.way(self.who(client), now)?;
                // What is the matter is known now: nothing else need be said.
                way.expected = None;
                way.refused = Some((path, why, now));
                self.wake(true, now);
                None
            }
            Sight::Rival(rival) => self.rival(rival, now),
        }
    }

    /// A file was sent, whole.
    pub fn loaded(&mut self, sent: &Sent, now: Millis) -> Option<Remark> {
        let who = self.who(sent.client);
        let way = self.way(who, now)?;
        way.loaded(&sent.path, now);
        let told = way.told.clone().filter(|told| sent.path.ends_with(&told.file))?;
        let times = way.times(&sent.path, now);
        if times < TOO_OFTEN || !way.may_tell(Topic::Again, now) {
            return None;
        }
        let way::Told { file, line, is_ipxe } = told;
        Some(Remark::Again { who, file, times, line, is_ipxe })
    }

    /// Looks around, if it is time to.
    pub fn look(&mut self, now: Millis) -> Vec<Remark> {
        // Nobody is woken to forget: that is done when something happens anyway.
        let forgets = !self.ways.is_empty() && now.0 - self.looked.0 >= MINUTE;
        if !forgets && self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.looked = now;
        let mut remarks = Vec::new();
        for (who, way) in &mut self.ways {
            remarks.extend(way.stuck(*who, now));
        }
        remarks.retain(|remark| !self.is_done(remark));
        self.ways.retain(|_, way| way.is_recent(now));
        let Self { ways, machines, .. } = self;
        machines.retain(|_, mac| ways.contains_key(&Who::Machine(*mac)));
        let pending = self.ways.values().any(Way::is_pending);
        self.next = pending.then(|| now.plus(PAUSE));
        remarks
    }

    /// Whether somebody whose hardware address is not known has loaded what a client never did: it may be that.
    fn is_done(&self, remark: &Remark) -> bool {
        let Remark::NeverLoaded { file, .. } = remark else { return false };
        let is_stranger = |who: &Who| matches!(who, Who::Address(_));
        self.ways.iter().any(|(who, way)| is_stranger(who) && way.has_had(file))
    }

    fn answered(&mut self, answered: Answered, now: Millis) -> Option<Remark> {
        let Answered { mac, ip, is_ipxe, next, line } = answered;
        ip.into_iter().for_each(|ip| self.knows(mac, ip.into()));
        let rival = self.rivals.remove(&mac);
        let way = self.way(Who::Machine(mac), now)?;
        way.line = Some(line.clone());
        if let Next::Load(file) = &next {
            way.told = Some(way::Told { file: file.clone(), line: line.clone(), is_ipxe });
        }
        let until = now.plus(PATIENCE);
        way.expected = match next {
            Next::Ask => Some(Expected { file: None, line, until }),
            Next::Load(file) => Some(Expected { file: Some(file), line, until }),
            Next::Anything => None,
        };
        let pending = way.is_pending();
        self.wake(pending, now);
        self.rival(rival?, now)
    }

    fn rival(&mut self, rival: Rival, now: Millis) -> Option<Remark> {
        if let Some(way) = self.ways.get_mut(&Who::Machine(rival.mac)) {
            let line = way.line.clone()?;
            return way.may_tell(Topic::Rival, now).then_some(Remark::Rival(rival, line));
        }
        if self.rivals.len() >= MOST_RIVALS {
            self.rivals.clear();
        }
        self.rivals.insert(rival.mac, rival);
        None
    }

    /// A machine has an address. What was seen of the address was seen of the machine.
    fn knows(&mut self, mac: Mac, ip: IpAddr) {
        if self.machines.len() < MOST {
            self.machines.insert(ip, mac);
        }
    }

    fn who(&self, client: IpAddr) -> Who {
        self.machines.get(&client).map_or(Who::Address(client), |mac| Who::Machine(*mac))
    }

    /// A client's way; `None`: there are too many.
    fn way(&mut self, who: Who, now: Millis) -> Option<&mut Way> {
        if self.ways.len() >= MOST && !self.ways.contains_key(&who) {
            return None;
        }
        let way = self.ways.entry(who).or_default();
        way.seen = now;
        Some(way)
    }

    fn wake(&mut self, pending: bool, now: Millis) {
        if pending {
            self.next.get_or_insert(now.plus(PAUSE));
        }
    }
}

/// What a client is remarked on for, once a minute each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Expected,
    Again,
    Unheard,
    Refused,
    Rival,
}

#[cfg(test)]
mod tests;
