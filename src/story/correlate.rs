//! Assigns events to boots.

use super::boot::{Boot, Step, StepKind, TransferStats};
use super::event::{Event, RefusalReason, event};
use super::log_record::{LogTime, YEAR, line_of_json, log_record};
use crate::log_line::DropKind;
use crate::wire::client_arch::Architecture;
use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::time::Duration;

/// The boots of a log, line by line.
#[derive(Debug, Default)]
pub struct BootCorrelator {
    boots: Vec<Boot>,
    /// Index of the current boot, by hardware address.
    by_mac: HashMap<String, usize>,
    /// Index of the current boot, by IP address.
    by_ip: HashMap<IpAddr, usize>,
    /// Hardware addresses, from the log lines of a DHCP server.
    leases: HashMap<IpAddr, String>,
    /// Boots without a known IP address, in the order of their start.
    without_ip: VecDeque<usize>,
    /// The boot of the last step.
    latest: Option<usize>,
    /// Architectures by transaction ID, from the lines of `log-dhcp`.
    architectures: HashMap<u32, Architecture>,
    /// Boots with a decision line (`log-debug`) whose dnsmasq line is still to come, by hardware address.
    decided: HashMap<String, usize>,
    /// `tftp-root`; it is removed from paths.
    root: Option<String>,
}

/// After a longer gap, a client starts another boot.
const BOOT_GAP: Duration = Duration::from_secs(120);
/// A file request in this time after a reply may belong to a client whose IP address is unknown.
const ATTRIBUTION_WINDOW: Duration = Duration::from_secs(30);
/// Limits the memory for a log of any length.
const MAX_ARCHITECTURES: usize = 1000;

/// The client of an event.
pub enum ClientKey {
    /// Hardware address.
    Mac(String),
    /// IP address.
    Ip(IpAddr),
}

impl BootCorrelator {
    /// Adds a line. `now` is used if the line has no time stamp. Returns the index of the boot that the line belongs to.
    pub fn add(&mut self, line: &str, now: Option<f64>) -> Option<usize> {
        let from_json = if line.starts_with('{') { line_of_json(line) } else { None };
        let record = log_record(from_json.as_deref().unwrap_or(line))?;
        let time = LogTime { seconds: record.time.seconds.or(now), ..record.time };
        self.add_event(event(&record)?, time)
    }

    /// All boots, in the order of their start.
    pub fn boots(&self) -> &[Boot] {
        &self.boots
    }

    /// A boot, to add what is known about its client.
    pub fn boot_mut(&mut self, index: usize) -> &mut Boot {
        &mut self.boots[index]
    }

    /// All boots, after the last line.
    pub fn into_boots(mut self) -> Vec<Boot> {
        self.finish();
        self.boots
    }

    /// After the last line: marks the boots whose files may be listed under an unknown client.
    pub fn finish(&mut self) {
        let has_unknown = self.boots.iter().any(|boot| boot.mac.is_none());
        for boot in self.boots.iter_mut().filter(|boot| boot.ip.is_none()) {
            boot.has_other_clients = has_unknown;
        }
    }

    fn add_event(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        match event {
            Event::InTransaction { xid, event } => self.add_in_transaction(xid, *event, time),
            Event::Answered { .. } => self.add_answer(event, time),
            Event::Chosen { mac, ip, file } => {
                self.decided.remove(&mac);
                let index = self.add_step(&ClientKey::Mac(mac), StepKind::Chosen(file), time);
                self.bind_ip(index, ip);
                Some(index)
            }
            Event::Leased { mac, ip } => {
                let index = self.by_mac.get(&mac).copied();
                self.leases.insert(ip, mac);
                self.bind_ip(index?, ip);
                index
            }
            Event::TransferStats { ip, path, stats } => self.add_stats(ip, path, stats),
            Event::Started | Event::Root(_) | Event::ArchitectureSeen { .. } => {
                self.learn(event);
                None
            }
            other => {
                let (client, kind) = self.step_of(other)?;
                Some(self.add_step(&client, kind, time))
            }
        }
    }

    /// An event that is not a step of a boot.
    fn learn(&mut self, event: Event) {
        match event {
            Event::Started => self.decided.clear(),
            Event::Root(root) => self.root = Some(root),
            Event::ArchitectureSeen { xid, architecture } => {
                if self.architectures.len() >= MAX_ARCHITECTURES {
                    self.architectures.clear();
                }
                self.architectures.insert(xid, architecture);
            }
            _ => {}
        }
    }

    fn add_in_transaction(&mut self, xid: u32, event: Event, time: LogTime<'_>) -> Option<usize> {
        let is_answer = matches!(event, Event::Answered { .. });
        let index = self.add_event(event, time)?;
        if is_answer && let Some(architecture) = self.architectures.remove(&xid) {
            self.boots[index].architecture.get_or_insert(architecture);
        }
        Some(index)
    }

    fn add_answer(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        let Event::Answered { mac, port, architecture, outcome } = event else { return None };
        // The decision line comes first; the line of dnsmasq after it is about the same reply.
        if outcome.is_none()
            && let Some(index) = self.decided.remove(&mac)
        {
            return Some(index);
        }
        let is_decision = outcome.is_some();
        let client = ClientKey::Mac(mac.clone());
        let index = self.add_step(&client, StepKind::Answered { port, outcome, count: 1 }, time);
        let boot = &mut self.boots[index];
        boot.architecture = boot.architecture.or(architecture);
        if is_decision {
            self.decided.insert(mac, index);
        }
        Some(index)
    }

    /// The client and the step of an event about one client; `None` if it is not a step of a boot.
    fn step_of(&self, event: Event) -> Option<(ClientKey, StepKind)> {
        Some(match event {
            Event::Ignored { mac } => (ClientKey::Mac(mac), StepKind::Ignored),
            // Requests of clients that only want an IP address.
            Event::Dropped { kind: Some(DropKind::NotPxe | DropKind::AsksForAddress), .. } => {
                return None;
            }
            Event::Dropped { mac, reason, .. } => {
                (ClientKey::Mac(mac), StepKind::Dropped { reason, count: 1 })
            }
            Event::Notice { client, text } => {
                let key = client.parse().map_or(ClientKey::Mac(client), ClientKey::Ip);
                (key, StepKind::Notice(text))
            }
            other => return self.tftp_step_of(other),
        })
    }

    fn tftp_step_of(&self, event: Event) -> Option<(ClientKey, StepKind)> {
        let (ip, kind) = match event {
            Event::Sent { ip, path } => {
                (ip, StepKind::File { path: self.below_root(path), stats: None })
            }
            Event::Refused { ip, path, reason } => {
                // A line without a client is assigned to the client of the last step.
                let ip = ip.or_else(|| self.boots[self.latest?].ip)?;
                let path = self.below_root(path);
                match reason {
                    RefusalReason::NotFound => (ip, StepKind::NotFound { path, count: 1 }),
                    RefusalReason::PermissionDenied => (ip, StepKind::Denied(path)),
                }
            }
            Event::ClientError { ip, text } => {
                (ip, StepKind::ClientError { path: None, error: text, count: 1 })
            }
            Event::TimedOut { ip, path } => (ip, StepKind::TimedOut(self.below_root(path))),
            Event::Failed { ip, path } if !self.has_failed(ip) => {
                (ip, StepKind::TimedOut(self.below_root(path)))
            }
            _ => return None,
        };
        Some((ClientKey::Ip(ip), kind))
    }

    /// The last step of this client is already the reason why a transfer failed.
    fn has_failed(&self, ip: IpAddr) -> bool {
        let last = self.by_ip.get(&ip).and_then(|index| self.boots[*index].steps.last());
        last.is_some_and(|step| {
            matches!(step.kind, StepKind::ClientError { .. } | StepKind::Denied(_))
        })
    }

    /// Adds a step to the boot of the client, or to a new one. Returns the index of the boot.
    pub fn add_step(&mut self, client: &ClientKey, kind: StepKind, time: LogTime<'_>) -> usize {
        let is_answer = matches!(kind, StepKind::Answered { .. });
        let current = self.current_boot(client, time.seconds).filter(|index| {
            let boot = &self.boots[*index];
            continues(boot, time.seconds) && !(is_answer && boot.is_complete())
        });
        let index = current.unwrap_or_else(|| self.start_boot(client, time));
        self.latest = Some(index);
        if let ClientKey::Ip(ip) = client {
            self.bind_ip(index, *ip);
        }
        let boot = &mut self.boots[index];
        let offset = time.seconds.zip(boot.started_at).map(|(now, start)| elapsed(start, now));
        boot.add(offset, kind);
        index
    }

    fn current_boot(&mut self, client: &ClientKey, now: Option<f64>) -> Option<usize> {
        match client {
            ClientKey::Mac(mac) => self.by_mac.get(mac).copied(),
            ClientKey::Ip(ip) => {
                let by_lease = || self.by_mac.get(self.leases.get(ip)?).copied();
                let known = self.boot_of_ip(*ip, now).or_else(by_lease);
                known.or_else(|| self.unattributed_boot(now))
            }
        }
    }

    fn start_boot(&mut self, client: &ClientKey, time: LogTime<'_>) -> usize {
        let index = self.boots.len();
        let mac = match client {
            ClientKey::Mac(mac) => {
                self.without_ip.push_back(index);
                Some(mac.clone())
            }
            ClientKey::Ip(ip) => self.mac_of(*ip),
        };
        if let Some(mac) = &mac {
            self.by_mac.insert(mac.clone(), index);
        }
        self.boots.push(Boot {
            mac,
            raw_time: time.text.to_owned(),
            started_at: time.seconds,
            ..Boot::default()
        });
        index
    }

    /// The hardware address, from an earlier boot or a lease.
    fn mac_of(&self, ip: IpAddr) -> Option<String> {
        let earlier = self.by_ip.get(&ip).and_then(|index| self.boots[*index].mac.clone());
        earlier.or_else(|| self.leases.get(&ip).cloned())
    }

    /// The client of this boot has this address.
    pub fn bind_ip(&mut self, index: usize, ip: IpAddr) {
        self.boots[index].ip = Some(ip);
        self.by_ip.insert(ip, index);
    }

    /// The last boot with this address, or, if that is too long ago, the latest boot of the same hardware address.
    fn boot_of_ip(&self, ip: IpAddr, now: Option<f64>) -> Option<usize> {
        let last = *self.by_ip.get(&ip)?;
        if continues(&self.boots[last], now) {
            return Some(last);
        }
        let same_mac = self.boots[last].mac.as_ref().and_then(|mac| self.by_mac.get(mac));
        same_mac.copied().or(Some(last))
    }

    /// The only boot that got a reply in the [`ATTRIBUTION_WINDOW`] and has no IP address yet; `None` if there are several.
    fn unattributed_boot(&mut self, now: Option<f64>) -> Option<usize> {
        let Self { boots, without_ip, .. } = self;
        let is_candidate = |index: usize| {
            let boot = &boots[index];
            let since = boot.last().zip(now).map(|(last, now)| elapsed(last, now));
            boot.ip.is_none() && since.is_none_or(|since| since <= ATTRIBUTION_WINDOW)
        };
        while without_ip.front().is_some_and(|index| !is_candidate(*index)) {
            without_ip.pop_front();
        }
        let mut candidates = without_ip.iter().copied().filter(|index| is_candidate(*index));
        let first = candidates.next()?;
        if candidates.next().is_some() { None } else { Some(first) }
    }

    fn add_stats(&mut self, ip: IpAddr, path: String, stats: TransferStats) -> Option<usize> {
        let path = self.below_root(path);
        let index = *self.by_ip.get(&ip)?;
        let mut steps = self.boots[index].steps.iter_mut().rev();
        let known = steps.find_map(|step| match &mut step.kind {
            StepKind::File { path: sent, stats } if *sent == path => Some(stats),
            _ => None,
        })?;
        *known = Some(stats);
        Some(index)
    }

    fn below_root(&self, path: String) -> String {
        let root = self.root.as_deref().filter(|root| !root.is_empty());
        let below = root.and_then(|root| path.strip_prefix(root)?.strip_prefix('/'));
        below.map(str::to_owned).unwrap_or(path)
    }
}

/// A step at this time belongs to the boot.
fn continues(boot: &Boot, now: Option<f64>) -> bool {
    boot.last().zip(now).is_none_or(|(last, now)| elapsed(last, now) <= BOOT_GAP)
}

/// The time between two moments; the second may be in the next year. Log lines can be out of order: then it is zero.
fn elapsed(from: f64, to: f64) -> Duration {
    let seconds = if to + YEAR / 2.0 < from { to + YEAR - from } else { to - from };
    Duration::try_from_secs_f64(seconds.max(0.0)).unwrap_or(Duration::MAX)
}

/// The start of a step. A file starts at its request, if its duration is known, otherwise at the step before it.
pub fn step_start(steps: &[Step], index: usize) -> Option<Duration> {
    let step = &steps[index];
    let end = step.offset?;
    match &step.kind {
        StepKind::File { stats: Some(stats), .. } => Some(end.saturating_sub(stats.duration)),
        StepKind::File { stats: None, .. } => {
            steps[..index].last().map_or(Some(end), |before| before.offset)
        }
        _ => Some(end),
    }
}
