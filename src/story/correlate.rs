//! Puts events together that belong to one boot of one client.

use super::boot::{Boot, Step, StepKind};
use super::event::{Event, RefusalReason, event};
use super::log_record::{YEAR, log_record, of_json};
use crate::log_line::DropKind;
use crate::wire::client_arch::Architecture;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// All that a log has told so far.
#[derive(Debug, Default)]
pub struct BootCorrelator {
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
const BOOT_GAP: f64 = 120.0;
/// Whoever asks for a file so soon behind an answer is the one that was answered.
const NEAR: f64 = 30.0;
/// Transactions that are remembered.
const MAX_FACTS: usize = 1000;

/// Who something is about.
enum ClientKey {
    Mac(String),
    Ip(IpAddr),
}

impl BootCorrelator {
    /// Takes the next line, which came at that time if it does not say so itself. The boot it belongs to, by its place.
    pub fn add(&mut self, line: &str, now: Option<f64>) -> Option<usize> {
        let record = line.starts_with('{').then(|| of_json(line)).flatten();
        let entry = log_record(record.as_deref().unwrap_or(line))?;
        let event = event(&entry)?;
        self.event(event, entry.time.or(now), entry.raw_time, None)
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
            Event::ArchitectureSeen { xid, architecture } => {
                self.find_architecture(xid, architecture)
            }
            Event::InTransaction { xid, event } => {
                return self.event(*event, time, written, Some(xid));
            }
            Event::Answered { mac, port, architecture, outcome } => {
                let at = self.answered(&mac, port, outcome, (time, written));
                let said = xid.and_then(|xid| self.facts.remove(&xid));
                let boot = &mut self.boots[at];
                boot.architecture = boot.architecture.or(architecture).or(said);
                return Some(at);
            }
            Event::Chosen { mac, ip, file } => {
                let at = self.step(
                    &ClientKey::Mac(mac.clone()),
                    StepKind::Chosen(file),
                    (time, written),
                );
                self.decided.remove(&mac);
                self.bind_ip(at, ip);
                return Some(at);
            }
            Event::Leased { mac, ip } => {
                self.leases.insert(ip, mac.clone());
                let at = *self.of_mac.get(&mac)?;
                self.bind_ip(at, ip);
                return Some(at);
            }
            Event::TransferStats { ip, path, size, seconds } => {
                return self.measured(ip, path, size, seconds);
            }
            other => {
                let (who, what) = self.for_client(other)?;
                return Some(self.step(&who, what, (time, written)));
            }
        }
        None
    }

    fn find_architecture(&mut self, xid: u32, architecture: Architecture) {
        if self.facts.len() >= MAX_FACTS {
            self.facts.clear();
        }
        self.facts.insert(xid, architecture);
    }

    /// What a plain event is about, and what it says.
    fn for_client(&self, event: Event) -> Option<(ClientKey, StepKind)> {
        Some(match event {
            Event::Ignored { mac } => (ClientKey::Mac(mac), StepKind::Ignored),
            // That other machines ask for addresses belongs to no boot.
            Event::Dropped { kind: Some(DropKind::NotPxe | DropKind::AsksForAddress), .. } => {
                return None;
            }
            Event::Dropped { mac, reason: why, .. } => {
                (ClientKey::Mac(mac), StepKind::Dropped { reason: why, count: 1 })
            }
            Event::Sent { ip, path } => {
                let path = self.below_root(path);
                (ClientKey::Ip(ip), StepKind::File { path, size: None, seconds: None })
            }
            Event::Refused { ip, path, reason: why } => {
                let path = self.below_root(path);
                let what = match why {
                    RefusalReason::NotFound => StepKind::NotFound { path, count: 1 },
                    RefusalReason::PermissionDenied => StepKind::Denied(path),
                };
                // A line that does not say who is taken to be about the last who did something.
                (ClientKey::Ip(ip.or_else(|| self.latest())?), what)
            }
            Event::ClientError { ip, text } => (ClientKey::Ip(ip), StepKind::ClientError(text)),
            Event::TimedOut { ip, path } => {
                (ClientKey::Ip(ip), StepKind::TimedOut(self.below_root(path)))
            }
            Event::Failed { ip, path } => {
                let last = self.of_ip.get(&ip).and_then(|at| self.boots[*at].steps.last());
                let told = last.is_some_and(|step| {
                    matches!(step.what, StepKind::ClientError(_) | StepKind::Denied(_))
                });
                let what = StepKind::TimedOut(self.below_root(path));
                (ClientKey::Ip(ip), Some(what).filter(|_| !told)?)
            }
            Event::Notice { client, text } => {
                let who = client.parse().map_or(ClientKey::Mac(client), ClientKey::Ip);
                (who, StepKind::Notice(text))
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
        let who = ClientKey::Mac(mac.to_owned());
        let at = self.step(&who, StepKind::Answered { port, outcome, count: 1 }, now);
        if is_decision {
            self.decided.insert(mac.to_owned(), at);
        }
        at
    }

    /// Adds a step to the boot it belongs to.
    fn step(
        &mut self,
        who: &ClientKey,
        what: StepKind,
        (time, written): (Option<f64>, &str),
    ) -> usize {
        let known = match who {
            ClientKey::Mac(mac) => self.of_mac.get(mac).copied(),
            ClientKey::Ip(ip) => {
                let leased = || self.of_mac.get(self.leases.get(ip)?).copied();
                let known = self.now_of(*ip, time).or_else(leased);
                known.or_else(|| self.unattributed_boot(time))
            }
        };
        let begins = matches!(what, StepKind::Answered { .. });
        let goes_on = |at: &usize| {
            let boot = &self.boots[*at];
            is_near(boot, time) && !(begins && boot.is_over())
        };
        let at = match known.filter(goes_on) {
            Some(at) => at,
            None => self.begin(who, time, written),
        };
        self.latest = Some(at);
        if let ClientKey::Ip(ip) = who {
            self.bind_ip(at, *ip);
        }
        let boot = &mut self.boots[at];
        let since = time.zip(boot.started_at).map(|(time, began)| elapsed(began, time));
        boot.add(since, what);
        at
    }

    fn begin(&mut self, who: &ClientKey, time: Option<f64>, written: &str) -> usize {
        let at = self.boots.len();
        let mut boot = Boot { raw_time: written.to_owned(), started_at: time, ..Boot::default() };
        match who {
            ClientKey::Mac(mac) => {
                boot.mac = Some(mac.clone());
                self.of_mac.insert(mac.clone(), at);
                self.waiting.push_back(at);
            }
            ClientKey::Ip(ip) => {
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
    fn bind_ip(&mut self, at: usize, ip: IpAddr) {
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
    fn unattributed_boot(&mut self, time: Option<f64>) -> Option<usize> {
        let Self { boots, waiting, .. } = self;
        let waits = |at: usize| {
            let boot = &boots[at];
            let since = boot.last().zip(time).map_or(0.0, |(last, time)| elapsed(last, time));
            boot.ip.is_none() && since <= NEAR
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
        nameless.for_each(|boot| boot.has_other_clients = strangers);
    }

    fn measured(&mut self, ip: IpAddr, path: String, size: u64, seconds: f64) -> Option<usize> {
        let path = self.below_root(path);
        let at = *self.of_ip.get(&ip)?;
        let step = self.boots[at].steps.iter_mut().rev().find_map(|step| match &mut step.what {
            StepKind::File { path: known, size, seconds } if *known == path => {
                Some((size, seconds))
            }
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
        Some((last, time)) => elapsed(last, time) <= BOOT_GAP,
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
        StepKind::File { seconds: Some(seconds), .. } => Some((end - seconds).max(0.0)),
        StepKind::File { .. } => steps[..at].last().map_or(Some(end), |before| before.at),
        _ => Some(end),
    }
}
