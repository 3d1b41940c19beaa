//! Assigns events to boots.

mod clients;
mod offer;
mod servers;
mod steps;
mod transactions;

use super::boot::{Boot, SERVER_STOPPED, Step, StepKind, TransferStats};
use super::event::{Event, ServerEvent, event};
use super::file_kind::is_loader;
use super::log_record::{Component, LogTime, YEAR, line_of_json, log_record};
use crate::log_line::DropKind;
pub use clients::ClientKey;
use clients::Clients;
pub use servers::FailedStart;
use servers::Servers;
use std::collections::HashMap;
use std::net::IpAddr;
use std::time::Duration;
use transactions::Transactions;

/// The boots of a log, line by line.
#[derive(Debug, Default)]
pub struct BootCorrelator {
    boots: Vec<Boot>,
    clients: Clients,
    servers: Servers,
    transactions: Transactions,
    /// The boot of the last step.
    latest: Option<usize>,
    /// The last line of dnsmasq about a client, by hardware address: a decision line (`log-debug`) about it may follow.
    undecided: HashMap<String, Undecided>,
    /// The boot of the line before, if that line does not name its client: a decision line may follow.
    unnamed_drop: Option<usize>,
    /// The start of the last DHCP exchange of each boot that has files.
    exchanges: HashMap<usize, Exchange>,
}

/// A line of dnsmasq that a decision line may follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Undecided {
    /// It says only that there is a reply.
    Answer,
    /// It names the boot file.
    Choice,
}

/// The start of a DHCP exchange within a boot.
#[derive(Debug)]
struct Exchange {
    raw_time: String,
    seconds: Option<f64>,
}

/// After a longer gap, a client starts another boot.
const BOOT_GAP: Duration = Duration::from_secs(120);
/// A boot with a step in this time before the end of the server was going on.
const STOP_WINDOW: Duration = Duration::from_secs(10);
/// Steps of a boot: an operating system can request more files.
const MAX_BOOT_STEPS: usize = 1000;
/// Steps between a file and the line with its size and duration.
const MAX_STEPS_AFTER_FILE: usize = 1000;
/// Limits the work for the end of a server.
const MAX_RUNNING: usize = 1000;

impl BootCorrelator {
    /// Adds a line. `now` is used if the line has no time stamp. Returns the index of the boot that the line belongs to.
    pub fn add(&mut self, line: &str, now: Option<f64>) -> Option<usize> {
        let from_json = if line.starts_with('{') { line_of_json(line) } else { None };
        let record = log_record(from_json.as_deref().unwrap_or(line))?;
        let time = LogTime { seconds: record.time.seconds.or(now), ..record.time };
        self.servers.set_current(&record.source);
        if record.component == Component::Tftp {
            self.servers.has_tftp();
        }
        self.add_observed(event(&record)?, time)
    }

    /// Adds an event of a line or a datagram. Returns the index of its boot.
    pub fn add_observed(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        let index = self.add_event(event, time)?;
        self.boots[index].server = self.servers.state();
        Some(index)
    }

    /// A boot, to add what is known about its client.
    pub fn boot_mut(&mut self, index: usize) -> &mut Boot {
        &mut self.boots[index]
    }

    /// The client of this boot has this IP address.
    pub fn bind_ip(&mut self, index: usize, ip: IpAddr) {
        self.clients.bind_ip(&mut self.boots, index, ip);
    }

    /// All boots, in the order of their start.
    pub fn boots(&self) -> &[Boot] {
        &self.boots
    }

    /// The starts that were refused.
    pub fn failed_starts(&self) -> &[FailedStart] {
        self.servers.failed_starts()
    }

    /// The warnings and errors of the servers since their last start.
    pub fn problems(&self) -> Vec<String> {
        self.servers.problems()
    }

    /// The network boots, after the last line.
    pub fn into_boots(mut self) -> Vec<Boot> {
        self.finish();
        self.boots.retain(Boot::is_evident);
        self.boots
    }

    /// After the last line: marks the boots whose files may be listed under an unknown client.
    pub fn finish(&mut self) {
        let has_unknown = self.boots.iter().any(|boot| boot.mac.is_none() && boot.ip.is_some());
        for boot in self.boots.iter_mut().filter(|boot| boot.ip.is_none() && boot.mac.is_some()) {
            boot.has_other_clients = has_unknown;
        }
    }

    fn add_event(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        let unnamed_drop = self.unnamed_drop.take();
        match event {
            Event::Server(event) => {
                self.add_server_event(event, time);
                None
            }
            Event::Detail { xid, detail } => self.transactions.add(xid, detail, &mut self.boots),
            Event::InTransaction { xid, event } => {
                let index = self.add_event(*event, time)?;
                self.transactions.bind(xid, index, &mut self.boots[index]);
                Some(index)
            }
            Event::DroppedUnnamed { origin, text } => {
                let kind = StepKind::Dropped { reason: text, count: 1 };
                self.unnamed_drop = Some(self.add_step(&ClientKey::Unknown(origin), kind, time));
                self.unnamed_drop
            }
            Event::Dropped { .. } => {
                if let Some(index) = unnamed_drop {
                    self.boots[index].take_back();
                }
                self.add_drop(event, time)
            }
            other => self.add_client_event(other, time),
        }
    }

    fn add_server_event(&mut self, event: ServerEvent, time: LogTime<'_>) {
        match event {
            ServerEvent::Started => self.undecided.clear(),
            ServerEvent::Stopped => self.stop_boots(time),
            _ => {}
        }
        self.servers.add(event, time);
    }

    /// The server was stopped: adds a step to its boots that were still going on.
    fn stop_boots(&mut self, time: LogTime<'_>) {
        let server = self.servers.state();
        let is_running = |boot: &Boot| {
            let since = boot.last().zip(time.seconds).map(|(last, now)| elapsed(last, now));
            let is_recent = since.map(|since| since <= STOP_WINDOW);
            !boot.is_complete
                && boot.is_certain()
                && boot.server == server
                && is_recent != Some(false)
        };
        // Boots are in the order of their start: those that go on are among the last.
        let first = self.boots.len().saturating_sub(MAX_RUNNING);
        let running = (first..self.boots.len()).filter(|index| is_running(&self.boots[*index]));
        for index in running.collect::<Vec<usize>>() {
            self.push(index, StepKind::Notice(SERVER_STOPPED.to_owned()), time);
        }
    }

    fn add_client_event(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        match event {
            Event::Requested { mac, message, refusal } => {
                let kind = match refusal {
                    Some(refusal) => {
                        StepKind::Dropped { reason: format!("{message}: {refusal}"), count: 1 }
                    }
                    None => StepKind::Requested { message, count: 1 },
                };
                Some(self.add_step(&ClientKey::Mac(mac), kind, time))
            }
            Event::Assigned { .. } => self.add_address(event, time),
            Event::Answered { .. } => self.add_answer(event, time),
            Event::Chosen { mac, ip, file } => {
                self.undecided.insert(mac.clone(), Undecided::Choice);
                let index = self.add_step(&ClientKey::Mac(mac), StepKind::Chosen(file), time);
                self.clients.bind_ip(&mut self.boots, index, ip);
                Some(index)
            }
            Event::Ignored { mac } => {
                Some(self.add_step(&ClientKey::Mac(mac), StepKind::Ignored, time))
            }
            Event::Notice { client, text } => {
                let key = client.parse().map_or(ClientKey::Mac(client), ClientKey::Ip);
                Some(self.add_step(&key, StepKind::Notice(text), time))
            }
            other => self.add_file_event(other, time),
        }
    }

    /// A step of a client that only gets its address is no boot: it is added to a boot only.
    fn add_address(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        let Event::Assigned { mac, ip, message, name } = event else { return None };
        let index = self.clients.by_mac(&mac);
        self.clients.add_lease(ip, mac);
        let index = index.filter(|index| {
            let boot = &self.boots[*index];
            continues(boot, time.seconds) && !boot.is_complete
        })?;
        if message != "DHCPOFFER" {
            self.clients.bind_ip(&mut self.boots, index, ip);
        }
        self.boots[index].name = name.or(self.boots[index].name.take());
        if message != "DHCPREQUEST" {
            self.push(index, StepKind::AddressAssigned(message), time);
        }
        Some(index)
    }

    fn add_answer(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        let Event::Answered { mac, port, architecture, outcome } = event else { return None };
        let undecided = self.undecided.remove(&mac);
        let is_same_reply = outcome.is_some() && undecided.is_some();
        let offer = outcome.as_deref().map(offer::of_outcome).unwrap_or_default();
        if outcome.is_none() {
            self.undecided.insert(mac.clone(), Undecided::Answer);
        } else if undecided == Some(Undecided::Answer)
            && let Some(index) = self.clients.by_mac(&mac)
        {
            // The decision is about the same reply, and says more.
            self.boots[index].take_back();
        }
        let client = ClientKey::Mac(mac);
        let index = self.add_step(&client, StepKind::Answered { port, outcome, count: 1 }, time);
        let boot = &mut self.boots[index];
        boot.architecture = boot.architecture.or(architecture);
        // The details of log-dhcp come before the decision line.
        boot.offer.update(offer, is_same_reply);
        Some(index)
    }

    fn add_drop(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        let Event::Dropped { mac, reason, kind, architecture } = event else { return None };
        // Requests of clients that only want an IP address.
        if matches!(kind, Some(DropKind::NotPxe | DropKind::AsksForAddress)) {
            return None;
        }
        let step = StepKind::Dropped { reason, count: 1 };
        let index = self.add_step(&ClientKey::Mac(mac), step, time);
        self.boots[index].architecture = self.boots[index].architecture.or(architecture);
        Some(index)
    }

    /// Adds a step to the boot of the client, or to a new one. Returns the index of the boot.
    pub fn add_step(&mut self, client: &ClientKey, kind: StepKind, time: LogTime<'_>) -> usize {
        let begins = kind.can_begin_boot();
        let last = self.clients.current(client, &self.boots, time.seconds);
        if let Some(index) = last.filter(|index| is_late(&self.boots[*index], &kind, time.seconds))
        {
            return index;
        }
        let current = last.filter(|index| {
            let boot = &self.boots[*index];
            continues(boot, time.seconds) && !(begins && boot.is_complete)
        });
        let index = current.unwrap_or_else(|| self.clients.start(client, time, &mut self.boots));
        if let ClientKey::Ip(ip) = client {
            self.clients.bind_ip(&mut self.boots, index, *ip);
        }
        self.push(index, kind, time);
        index
    }

    /// Adds a step to this boot.
    fn push(&mut self, index: usize, kind: StepKind, time: LogTime<'_>) {
        self.latest = Some(index);
        let boot = &mut self.boots[index];
        let follows_file = boot.steps.last().is_some_and(|step| !step.kind.is_dhcp());
        if kind.is_dhcp() && follows_file {
            let (raw_time, seconds) = (time.text.to_owned(), time.seconds);
            let exchange = Exchange { raw_time, seconds };
            self.exchanges.insert(index, exchange);
        }
        let offset = time.seconds.zip(boot.started_at).map(|(now, start)| elapsed(start, now));
        boot.add(offset, kind);
    }

    fn add_stats(&mut self, index: usize, path: &str, new: TransferStats) -> Option<usize> {
        let mut steps = self.boots[index].steps.iter_mut().rev().take(MAX_STEPS_AFTER_FILE);
        let known = steps.find_map(|step| match &mut step.kind {
            StepKind::File { path: sent, stats } if *sent == path => Some(stats),
            _ => None,
        })?;
        *known = Some(new);
        Some(index)
    }
}

/// A step at this time belongs to the boot.
fn continues(boot: &Boot, now: Option<f64>) -> bool {
    boot.last().zip(now).is_none_or(|(last, now)| elapsed(last, now) <= BOOT_GAP)
}

/// The step is no boot: an operating system requests a file long after its start.
fn is_late(boot: &Boot, kind: &StepKind, now: Option<f64>) -> bool {
    if !boot.is_complete || continues(boot, now) {
        return false;
    }
    let is_known = |path: &str| {
        boot.steps.iter().take(MAX_BOOT_STEPS).any(|step| step.kind.path() == Some(path))
    };
    match kind.path() {
        Some(path) => !is_loader(path) && !is_known(path),
        None => matches!(kind, StepKind::ClientError { .. }),
    }
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
