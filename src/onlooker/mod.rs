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
use crate::effect::CompletedTransfer;
use crate::millis::Timestamp;
use crate::sight::{Answered, Mac, Next, Refused, Rival, Sight};
use crate::wire::pxe::is_ipxe;
use std::collections::{HashMap, HashSet};
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
    /// There were as many transfers as may be, and one of its had to go.
    MadeRoom {
        /// Who.
        who: Who,
    },
    /// It asked for a file, and there was no socket to send it by.
    NoSocket {
        /// Who.
        who: Who,
        /// The system's words.
        reason: String,
    },
    /// It did not get these files, and has got nothing since. Whether there is something to say about one of them, and
    /// whether that was said lately, is for whoever looks.
    Refused {
        /// Who.
        who: Who,
        /// What it did not get, in order.
        missed: Vec<Missed>,
    },
    /// Another server tells it what to boot, and this is the line we answer by.
    Rival(Rival, Origin),
}

/// A file that somebody did not get.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Missed {
    /// Its path.
    pub path: Vec<u8>,
    /// Why.
    pub why: Refused,
    /// The line that named it, if one did.
    pub line: Option<Origin>,
}

/// Everybody who is on the way.
#[derive(Debug, Default)]
pub struct Onlooker {
    ways: HashMap<Who, Way>,
    machines: HashMap<IpAddr, Mac>,
    /// Answers of others to clients that we have not answered yet.
    rivals: HashMap<Mac, (Rival, Timestamp)>,
    next: Option<Timestamp>,
    /// When it last looked.
    looked: Timestamp,
}

/// Clients that are watched. While there are so many, new ones are not.
const MOST: usize = 4096;
/// Answers of others that are kept.
const MOST_RIVALS: usize = 64;
/// A path with more bytes is nobody's boot file, and is not kept.
const LONGEST_PATH: usize = 256;
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
    pub fn next(&self) -> Option<Timestamp> {
        self.next
    }

    /// Notes something; a remark, if it is one already.
    pub fn see(&mut self, sight: Sight, now: Timestamp) -> Option<Remark> {
        let (client, path) = match sight {
            Sight::Leased { mac, ip } => {
                if self.ways.contains_key(&Who::Machine(mac)) {
                    self.knows(mac, ip.into());
                }
                return None;
            }
            Sight::Answered(answered) => return self.answered(answered, now),
            Sight::Rival(rival) => return self.rival(rival, now),
            Sight::Acknowledges { client } => {
                let way = self.ways.get_mut(&self.who(client))?;
                way.acknowledges();
                return None;
            }
            Sight::MakesRoom { client } => {
                let who = self.who(client);
                return self.may_tell(who, Topic::Room, now).then_some(Remark::MadeRoom { who });
            }
            Sight::NoSocket { client, reason } => {
                let who = self.who(client);
                let may_tell = self.may_tell(who, Topic::Socket, now);
                return may_tell.then_some(Remark::NoSocket { who, reason });
            }
            Sight::Begins { client, ref path } | Sight::Refused { client, ref path, .. } => {
                (client, path)
            }
        };
        if path.len() > LONGEST_PATH {
            self.ways.get_mut(&self.who(client))?.expected = None;
            return None;
        }
        let way = self.way(self.who(client), now)?;
        match sight {
            Sight::Begins { path, .. } => way.begins(path, now),
            Sight::Refused { path, why, .. } => way.misses(path, why, now),
            _ => {}
        }
        let pending = way.is_pending();
        self.wake(pending, now);
        None
    }

    /// A file was sent, whole.
    pub fn loaded(&mut self, sent: &CompletedTransfer, now: Timestamp) -> Option<Remark> {
        let who = self.who(sent.client);
        if sent.path.len() > LONGEST_PATH {
            return None;
        }
        let way = self.way(who, now)?;
        way.loaded(&sent.path, now);
        let told = way.told.clone()?;
        let times = way.times(now);
        // A script of iPXE may come back to itself.
        let is_odd = !told.is_ipxe || is_ipxe(&told.file);
        if times < TOO_OFTEN || !is_odd || !way.may_tell(Topic::Again, now) {
            return None;
        }
        let way::Told { file, line, is_ipxe } = told;
        Some(Remark::Again { who, file, times, line, is_ipxe })
    }

    /// Looks around, if it is time to. `busy`: requests for files have to wait, and nobody is late.
    pub fn look(&mut self, busy: bool, now: Timestamp) -> Vec<Remark> {
        // Nobody is woken to forget: that is done when something happens anyway.
        let forgets = !self.ways.is_empty() && now.0 - self.looked.0 >= MINUTE;
        if !forgets && self.next.is_none_or(|next| next > now) {
            return Vec::new();
        }
        self.looked = now;
        let mut remarks = Vec::new();
        for (who, way) in &mut self.ways {
            if let Some(expected) = way.expected.as_mut().filter(|one| busy && one.file.is_some()) {
                expected.until = expected.until.max(now.plus(PATIENCE));
            }
            remarks.extend(way.stuck(*who, now));
        }
        if remarks.iter().any(|remark| matches!(remark, Remark::NeverLoaded { .. })) {
            self.leave_out_done(&mut remarks);
        }
        self.ways.retain(|_, way| way.is_recent(now));
        self.rivals.retain(|_, (_, heard)| now.0 - heard.0 < MINUTE);
        let Self { ways, machines, .. } = self;
        machines.retain(|_, mac| ways.contains_key(&Who::Machine(*mac)));
        let pending = self.ways.values().any(Way::is_pending);
        self.next = pending.then(|| now.plus(PAUSE));
        remarks
    }

    /// Somebody whose hardware address is not known may be who was told to load what he has loaded.
    fn leave_out_done(&self, remarks: &mut Vec<Remark>) {
        let strangers = self.ways.iter().filter(|(who, _)| matches!(who, Who::Address(_)));
        let had: HashSet<u64> = strangers.flat_map(|(_, way)| way.had()).collect();
        remarks.retain(|remark| match remark {
            Remark::NeverLoaded { file, .. } => !had.contains(&way::name_of(file)),
            _ => true,
        });
    }

    fn answered(&mut self, answered: Answered, now: Timestamp) -> Option<Remark> {
        let Answered { mac, ip, is_ipxe, told, next, line } = answered;
        ip.into_iter().for_each(|ip| self.knows(mac, ip.into()));
        let rival = self.rivals.remove(&mac).filter(|(_, heard)| now.0 - heard.0 < MINUTE);
        let way = self.way(Who::Machine(mac), now)?;
        way.line = Some(line.clone());
        way.goes_on();
        let file = told.filter(|file| file.len() <= LONGEST_PATH);
        if let Some(file) = &file {
            way.is_told(way::Told { file: file.clone(), line: line.clone(), is_ipxe });
        }
        way.expected = match (next, file) {
            (Next::Ask { seconds }, _) => {
                let until = now.plus(PATIENCE).plus_seconds(seconds.into());
                Some(Expected { file: None, line, until })
            }
            // Whoever has it may have no use for it a second time, and iPXE may have a script of its own.
            (Next::Load, Some(file)) if way.times(now) == 0 && !is_ipxe => {
                Some(Expected { file: Some(file), line, until: now.plus(PATIENCE) })
            }
            (Next::Load | Next::Anything, _) => None,
        };
        // Another server has been heard: that is the reason.
        if way.was_told(Topic::Rival, now) {
            way.expected = None;
        }
        let pending = way.is_pending();
        self.wake(pending, now);
        self.rival(rival?.0, now)
    }

    fn rival(&mut self, rival: Rival, now: Timestamp) -> Option<Remark> {
        if let Some(way) = self.ways.get_mut(&Who::Machine(rival.mac)) {
            let line = way.line.clone()?;
            way.expected = None;
            return way.may_tell(Topic::Rival, now).then_some(Remark::Rival(rival, line));
        }
        if self.rivals.len() >= MOST_RIVALS {
            self.rivals.clear();
        }
        self.rivals.insert(rival.mac, (rival, now));
        None
    }

    /// A machine has an address. What was seen of the address was seen of the machine.
    fn knows(&mut self, mac: Mac, ip: IpAddr) {
        if self.machines.len() < MOST || self.machines.contains_key(&ip) {
            self.machines.insert(ip, mac);
        }
        if let Some(stranger) = self.ways.remove(&Who::Address(ip)) {
            self.ways.entry(Who::Machine(mac)).or_default().absorbs(stranger);
        }
    }

    fn who(&self, client: IpAddr) -> Who {
        self.machines.get(&client).map_or(Who::Address(client), |mac| Who::Machine(*mac))
    }

    /// A client's way; `None`: there are too many.
    fn way(&mut self, who: Who, now: Timestamp) -> Option<&mut Way> {
        if self.ways.len() >= MOST && !self.ways.contains_key(&who) {
            return None;
        }
        let way = self.ways.entry(who).or_default();
        way.seen = now;
        Some(way)
    }

    fn may_tell(&mut self, who: Who, topic: Topic, now: Timestamp) -> bool {
        self.way(who, now).is_some_and(|way| way.may_tell(topic, now))
    }

    fn wake(&mut self, pending: bool, now: Timestamp) {
        if pending {
            self.next.get_or_insert(now.plus(PAUSE));
        }
    }
}

/// What a client is remarked on for, once a minute each.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Topic {
    Asked,
    Loaded,
    Again,
    Unheard,
    Room,
    Socket,
    Rival,
}

#[cfg(test)]
mod tests;
