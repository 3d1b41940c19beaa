//! Puts events together that belong to one boot of one client.

use super::boot::{Boot, Step, What};
use super::entry::entry;
use super::event::{Event, Refusal, event};
use crate::wire::architectures::Architecture;
use std::collections::HashMap;
use std::net::IpAddr;

/// All that a log has told so far.
#[derive(Debug, Default)]
pub struct Narrator {
    boots: Vec<Boot>,
    /// The boot that is going on, by hardware address and by address.
    of_mac: HashMap<String, usize>,
    of_ip: HashMap<IpAddr, usize>,
    /// What clients run on, by transaction.
    facts: HashMap<u32, Architecture>,
    /// Decisions that a line of dnsmasq's about the same is still to follow.
    decided: HashMap<String, usize>,
    /// Where files are served from.
    root: Option<String>,
}

/// Behind a pause of so many seconds it is another boot.
const PAUSE: f64 = 120.0;
/// Days have so many seconds, and a year so many days: a log may go from December to January.
const YEAR: f64 = 366.0 * 86400.0;
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
        let entry = entry(line)?;
        let event = event(&entry)?;
        self.event(event, entry.time.or(now), entry.written, None)
    }

    /// All boots, in the order in which they began.
    pub fn boots(&self) -> &[Boot] {
        &self.boots
    }

    /// The same, when there is no more.
    pub fn into_boots(self) -> Vec<Boot> {
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
            Who::Ip(ip) => self.now_of(*ip, time).or_else(|| self.nameless(time)),
        };
        let at = match known.filter(|at| is_near(&self.boots[*at], time)) {
            Some(at) => at,
            None => self.begin(who, time, written),
        };
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
            }
            Who::Ip(ip) => {
                // It is the same machine as before, in another boot.
                let before = self.of_ip.get(ip).and_then(|at| self.boots[*at].mac.clone());
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
    fn nameless(&self, time: Option<f64>) -> Option<usize> {
        let waits = |at: &usize| {
            let boot = &self.boots[*at];
            boot.ip.is_none() && is_near(boot, time)
        };
        let mut waiting = self.of_mac.values().copied().filter(waits);
        waiting.next().filter(|_| waiting.next().is_none())
    }

    fn latest(&self) -> Option<IpAddr> {
        let key = |boot: &&Boot| boot.last().unwrap_or_default();
        let boots = self.boots.iter();
        boots.max_by(|one, other| key(one).total_cmp(&key(other))).and_then(|boot| boot.ip)
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
        let below = path.strip_prefix(root).filter(|_| !root.is_empty());
        below.map(|below| below.trim_start_matches('/').to_owned()).unwrap_or(path)
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
