//! Puts events together that belong to one boot of one client.

use super::boot::{Boot, Step, What};
use super::entry::{YEAR, entry, of_json};
use super::event::{Event, Refusal, event};
use crate::wire::architectures::Architecture;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// All that a log has told so far.
#[derive(Debug, Default)]
pub struct Narrator {
    boots: Vec<Boot>,
    /// The boot that is going on, by hardware address and by address.
    of_mac: HashMap<String, usize>,
    of_ip: HashMap<IpAddr, usize>,
    /// Who has which address, as leases tell.
    leases: HashMap<IpAddr, String>,
    /// Boots whose address is not known yet, in the order in which they began.
    waiting: VecDeque<usize>,
    /// The boot that something was last told of.
    latest: Option<usize>,
    /// What clients run on, by transaction.
    facts: HashMap<u32, Architecture>,
    /// Decisions that a line of dnsmasq's about the same is still to follow.
    decided: HashMap<String, usize>,
    /// Where files are served from.
    root: Option<String>,
}

/// Behind a pause of so many seconds it is another boot.
const PAUSE: f64 = 120.0;
/// Whoever asks for a file so soon behind an answer is the one that was answered.
const SOON: f64 = 30.0;
/// Why machines are not answered that only want an address.
const USUAL: &[&str] = &["it is no PXE client", "it asks a DHCP server"];
/// Transactions that are remembered.
const MOST_FACTS: usize = 1000;

/// Who something is about.
enum Who {
    Mac(String),
    Ip(IpAddr),
}

impl Narrator {
    /// Takes the next line, which came at that time if it does not say so itself. The boot it belongs to, by its place.
    pub fn take(&mut self, line: &str, now: Option<f64>) -> Option<usize> {
        let record = line.starts_with('{').then(|| of_json(line)).flatten();
        let entry = entry(record.as_deref().unwrap_or(line))?;
        let event = event(&entry)?;
        self.event(event, entry.time.or(now), entry.written, None)
    }

    /// All boots, in the order in which they began.
    pub fn boots(&self) -> &[Boot] {
        &self.boots
    }

    /// The same, when there is no more.
    pub fn into_boots(mut self) -> Vec<Boot> {
        self.settle();
        self.boots
    }

    fn event(
        &mut self,
        event: Event,
        time: Option<f64>,
        written: &str,
        xid: Option<u32>,
    ) -> Option<usize> {
        match event {
            Event::Started => self.decided.clear(),
            Event::Root(root) => self.root = Some(root),
            Event::Says { xid, architecture } => self.says(xid, architecture),
            Event::Of { xid, event } => return self.event(*event, time, written, Some(xid)),
            Event::Answered { mac, port, architecture, outcome } => {
                let at = self.answered(&mac, port, outcome, (time, written));
                let said = xid.and_then(|xid| self.facts.remove(&xid));
                let boot = &mut self.boots[at];
                boot.architecture = boot.architecture.or(architecture).or(said);
                return Some(at);
            }
            Event::Chosen { mac, ip, file } => {
                let at = self.step(&Who::Mac(mac.clone()), What::Chosen(file), (time, written));
                self.decided.remove(&mac);
                self.knows(at, ip);
                return Some(at);
            }
            Event::Leased { mac, ip } => {
                self.leases.insert(ip, mac.clone());
                let at = *self.of_mac.get(&mac)?;
                self.knows(at, ip);
                return Some(at);
            }
            Event::Measured { ip, path, size, seconds } => {
                return self.measured(ip, path, size, seconds);
            }
            other => {
                let (who, what) = self.about(other)?;
                return Some(self.step(&who, what, (time, written)));
            }
        }
        None
    }

    fn says(&mut self, xid: u32, architecture: Architecture) {
        if self.facts.len() >= MOST_FACTS {
            self.facts.clear();
        }
        self.facts.insert(xid, architecture);
    }

    /// What a plain event is about, and what it says.
    fn about(&self, event: Event) -> Option<(Who, What)> {
        Some(match event {
            Event::Ignored { mac } => (Who::Mac(mac), What::Ignored),
            // That other machines ask for addresses belongs to no boot.
            Event::Dropped { why, .. } if USUAL.iter().any(|usual| why.starts_with(usual)) => {
                return None;
            }
            Event::Dropped { mac, why } => (Who::Mac(mac), What::Dropped { why, times: 1 }),
            Event::Sent { ip, path } => {
                let path = self.below_root(path);
                (Who::Ip(ip), What::File { path, size: None, seconds: None })
            }
            Event::Refused { ip, path, why } => {
                let path = self.below_root(path);
                let what = match why {
                    Refusal::Missing => What::Missed { path, times: 1 },
                    Refusal::Denied => What::Denied(path),
                };
                // A line that does not say who is taken to be about the last who did something.
                (Who::Ip(ip.or_else(|| self.latest())?), what)
            }
            Event::Gave { ip, text } => (Who::Ip(ip), What::Gave(text)),
            Event::TimedOut { ip, path } => (Who::Ip(ip), What::TimedOut(self.below_root(path))),
            Event::Failed { ip, path } => {
                let last = self.of_ip.get(&ip).and_then(|at| self.boots[*at].steps.last());
                let told =
                    last.is_some_and(|step| matches!(step.what, What::Gave(_) | What::Denied(_)));
                let what = What::TimedOut(self.below_root(path));
                (Who::Ip(ip), Some(what).filter(|_| !told)?)
            }
            Event::Remarked { client, text } => {
                let who = client.parse().map_or(Who::Mac(client), Who::Ip);
                (who, What::Remarked(text))
            }
            _ => return None,
        })
    }

    fn answered(
        &mut self,
        mac: &str,
        port: Option<u16>,
        outcome: Option<String>,
        now: (Option<f64>, &str),
    ) -> usize {
        // A decision is told first, and dnsmasq's line behind it is about the same.
        if outcome.is_none()
            && let Some(at) = self.decided.remove(mac)
        {
            return at;
        }
        let is_decision = outcome.is_some();
        let who = Who::Mac(mac.to_owned());
        let at = self.step(&who, What::Answered { port, outcome, times: 1 }, now);
        if is_decision {
            self.decided.insert(mac.to_owned(), at);
        }
        at
    }

    /// Adds a step to the boot it belongs to.
    fn step(&mut self, who: &Who, what: What, (time, written): (Option<f64>, &str)) -> usize {
        let known = match who {
            Who::Mac(mac) => self.of_mac.get(mac).copied(),
            Who::Ip(ip) => {
                let leased = || self.of_mac.get(self.leases.get(ip)?).copied();
                let known = self.now_of(*ip, time).or_else(leased);
                known.or_else(|| self.nameless(time))
            }
        };
        let begins = matches!(what, What::Answered { .. });
        let goes_on = |at: &usize| {
            let boot = &self.boots[*at];
            is_near(boot, time) && !(begins && boot.is_over())
        };
        let at = match known.filter(goes_on) {
            Some(at) => at,
            None => self.begin(who, time, written),
        };
        self.latest = Some(at);
        if let Who::Ip(ip) = who {
            self.knows(at, *ip);
        }
        let boot = &mut self.boots[at];
        let since = time.zip(boot.began).map(|(time, began)| elapsed(began, time));
        boot.add(since, what);
        at
    }

    fn begin(&mut self, who: &Who, time: Option<f64>, written: &str) -> usize {
        let at = self.boots.len();
        let mut boot = Boot { written: written.to_owned(), began: time, ..Boot::default() };
        match who {
            Who::Mac(mac) => {
                boot.mac = Some(mac.clone());
                self.of_mac.insert(mac.clone(), at);
                self.waiting.push_back(at);
            }
            Who::Ip(ip) => {
                // It is the same machine as before, in another boot.
                let before = self.of_ip.get(ip).and_then(|at| self.boots[*at].mac.clone());
                let before = before.or_else(|| self.leases.get(ip).cloned());
                self.of_mac.extend(before.iter().map(|mac| (mac.clone(), at)));
                boot.mac = before;
            }
        }
        self.boots.push(boot);
        at
    }

    /// A boot's client has an address.
    fn knows(&mut self, at: usize, ip: IpAddr) {
        self.boots[at].ip = Some(ip);
        self.of_ip.insert(ip, at);
    }

    /// The boot that an address is in: the last it was seen in, or the one that its machine has begun since.
    fn now_of(&self, ip: IpAddr, time: Option<f64>) -> Option<usize> {
        let last = *self.of_ip.get(&ip)?;
        let of_machine = || self.of_mac.get(self.boots[last].mac.as_ref()?).copied();
        if is_near(&self.boots[last], time) { Some(last) } else { of_machine().or(Some(last)) }
    }

    /// Whoever was answered just now and has no address yet, if it is one only: a file that somebody asks for is his.
    fn nameless(&mut self, time: Option<f64>) -> Option<usize> {
        let Self { boots, waiting, .. } = self;
        let waits = |at: usize| {
            let boot = &boots[at];
            let since = boot.last().zip(time).map_or(0.0, |(last, time)| elapsed(last, time));
            boot.ip.is_none() && since <= SOON
        };
        while waiting.front().is_some_and(|at| !waits(*at)) {
            waiting.pop_front();
        }
        let mut left = waiting.iter().copied().filter(|at| waits(*at));
        left.next().filter(|_| left.next().is_none())
    }

    /// Who did something last.
    fn latest(&self) -> Option<IpAddr> {
        self.boots[self.latest?].ip
    }

    /// Says of boots without an address whether the log has clients that they may be.
    pub fn settle(&mut self) {
        let strangers = self.boots.iter().any(|boot| boot.mac.is_none());
        let nameless = self.boots.iter_mut().filter(|boot| boot.ip.is_none());
        nameless.for_each(|boot| boot.has_strangers = strangers);
    }

    fn measured(&mut self, ip: IpAddr, path: String, size: u64, seconds: f64) -> Option<usize> {
        let path = self.below_root(path);
        let at = *self.of_ip.get(&ip)?;
        let step = self.boots[at].steps.iter_mut().rev().find_map(|step| match &mut step.what {
            What::File { path: known, size, seconds } if *known == path => Some((size, seconds)),
            _ => None,
        })?;
        (*step.0, *step.1) = (Some(size), Some(seconds));
        Some(at)
    }

    fn below_root(&self, path: String) -> String {
        let root = self.root.as_deref().unwrap_or_default();
        let below = path.strip_prefix(root).and_then(|below| below.strip_prefix('/'));
        below.filter(|_| !root.is_empty()).map(str::to_owned).unwrap_or(path)
    }
}

/// Whether something at that time belongs to a boot.
fn is_near(boot: &Boot, time: Option<f64>) -> bool {
    match boot.last().zip(time) {
        Some((last, time)) => elapsed(last, time) <= PAUSE,
        None => true,
    }
}

/// Seconds from one time of a year to another, perhaps of the next.
fn elapsed(from: f64, to: f64) -> f64 {
    if to + YEAR / 2.0 < from { to + YEAR - from } else { (to - from).max(0.0) }
}

/// A step's beginning: that of a file is when it was asked for, as far as the log tells.
pub fn start(steps: &[Step], at: usize) -> Option<f64> {
    let step = &steps[at];
    let end = step.at?;
    match &step.what {
        What::File { seconds: Some(seconds), .. } => Some((end - seconds).max(0.0)),
        What::File { .. } => steps[..at].last().map_or(Some(end), |before| before.at),
        _ => Some(end),
    }
}
