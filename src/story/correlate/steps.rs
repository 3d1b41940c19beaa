//! Events of TFTP as steps of a boot.

use super::clients::ClientKey;
use super::{BootCorrelator, Exchange, continues, elapsed};
use crate::story::boot::{Boot, Step, StepKind};
use crate::story::event::{Event, RefusalReason};
use crate::story::file_kind::is_setting;
use crate::story::log_record::LogTime;
use std::net::IpAddr;
use std::time::Duration;

/// A line that does not name its client belongs to the only client with a step in this time.
const UNNAMED_WINDOW: Duration = Duration::from_secs(10);
/// Firmware asks for the size of a file with a transfer that it ends by an error. More errors are a fault.
const MAX_SIZE_REQUESTS: usize = 2;
/// Steps since the beginning of a transfer. It limits the work for a client with many files.
const MAX_LOADING: usize = 1000;
/// pxelinux requests `pxelinux.cfg/01-52-54-00-12-34-56`: hardware type 1 and the address.
const ADDRESS_FILE: &str = "pxelinux.cfg/01-";
const MAC_LEN: usize = 17;

impl BootCorrelator {
    pub(super) fn add_file_event(&mut self, event: Event, time: LogTime<'_>) -> Option<usize> {
        if !matches!(event, Event::TransferStats { .. }) {
            self.servers.has_tftp();
        }
        match event {
            Event::Sent { ip, path } => Some(self.add_sent(ip, path, time)),
            Event::Failed { ip, path } => Some(self.add_failed(ip, path, time)),
            Event::Refused { ip, path, reason } => Some(self.add_refused(ip, path, reason, time)),
            Event::TransferStats { ip, path, stats } => {
                let index = self.clients.by_ip(ip)?;
                let path = self.servers.below_root(path);
                self.add_stats(index, &path, stats)
            }
            Event::Loading { ip, path, size } => {
                let path = self.servers.below_root(path);
                Some(self.add_step(&ClientKey::Ip(ip), StepKind::Loading { path, size }, time))
            }
            Event::ClientError { ip, text } => {
                let kind = StepKind::ClientError { path: None, error: text, count: 1 };
                Some(self.add_step(&ClientKey::Ip(ip), kind, time))
            }
            Event::TimedOut { ip, path } => Some(self.add_timeout(ip, path, time)),
            Event::BadRequest { ip, text } => self.add_bad_request(ip, text, time),
            _ => None,
        }
    }

    /// A running operating system can request to write a file: this begins no boot.
    fn add_bad_request(&mut self, ip: IpAddr, text: String, time: LogTime<'_>) -> Option<usize> {
        if self.clients.by_ip(ip).is_some_and(|index| self.boots[index].is_complete) {
            return None;
        }
        let kind = StepKind::Dropped { reason: text, count: 1 };
        Some(self.add_step(&ClientKey::Ip(ip), kind, time))
    }

    /// dnsmasq 2.90 logs `sent` also after an error that ends the transfer (fixture `tftp/client-gives-up`).
    fn add_sent(&mut self, ip: IpAddr, path: String, time: LogTime<'_>) -> usize {
        let path = self.servers.below_root(path);
        if let Some(index) = self.name_broken_transfer(ip, &path) {
            return index;
        }
        if let Some(index) = self.clients.by_ip(ip) {
            fold_size_requests(&mut self.boots[index], &path);
            if begins_again(&self.boots[index], &path) {
                self.split(index, time);
            }
        }
        let kind = StepKind::File { path: path.clone(), stats: None };
        let index = self.add_step(&ClientKey::Ip(ip), kind, time);
        self.learn_mac(index, &path);
        index
    }

    fn add_failed(&mut self, ip: IpAddr, path: String, time: LogTime<'_>) -> usize {
        let path = self.servers.below_root(path);
        if let Some(index) = self.name_broken_transfer(ip, &path) {
            return index;
        }
        match self.refused_boot(ip) {
            Some(index) => index,
            None => self.add_step(&ClientKey::Ip(ip), StepKind::TimedOut(path), time),
        }
    }

    fn add_timeout(&mut self, ip: IpAddr, path: String, time: LogTime<'_>) -> usize {
        let path = self.servers.below_root(path);
        if let Some(index) = self.clients.by_ip(ip) {
            remove_loading(&mut self.boots[index], &path);
        }
        self.add_step(&ClientKey::Ip(ip), StepKind::TimedOut(path), time)
    }

    /// The last step of this client is already the reason why a transfer failed.
    fn refused_boot(&self, ip: IpAddr) -> Option<usize> {
        let index = self.clients.by_ip(ip)?;
        let last = &self.boots[index].steps.last()?.kind;
        matches!(last, StepKind::Denied(_) | StepKind::Unreadable { .. }).then_some(index)
    }

    /// The line after an error of a client names the file.
    fn name_broken_transfer(&mut self, ip: IpAddr, path: &str) -> Option<usize> {
        let index = self.clients.by_ip(ip)?;
        let boot = &mut self.boots[index];
        let is_unnamed =
            |step: &Step| matches!(step.kind, StepKind::ClientError { path: None, .. });
        let Step { offset, kind } = boot.steps.pop_if(|step| is_unnamed(step))?;
        let StepKind::ClientError { error, count, .. } = kind else { return None };
        remove_loading(boot, path);
        boot.add(offset, StepKind::ClientError { path: Some(path.to_owned()), error, count });
        Some(index)
    }

    fn add_refused(
        &mut self,
        ip: Option<IpAddr>,
        path: String,
        reason: RefusalReason,
        time: LogTime<'_>,
    ) -> usize {
        let path = self.servers.below_root(path);
        let name = path.clone();
        let kind = match reason {
            RefusalReason::NotFound => StepKind::NotFound { path, count: 1 },
            RefusalReason::PermissionDenied => StepKind::Denied(path),
            RefusalReason::Unreadable(error) => StepKind::Unreadable { path, error },
        };
        let index = match ip {
            Some(ip) => self.add_step(&ClientKey::Ip(ip), kind, time),
            None => match self.only_active_boot(time.seconds) {
                Some(index) => {
                    self.push(index, kind, time);
                    index
                }
                None => self.add_step(&ClientKey::Unknown(String::new()), kind, time),
            },
        };
        self.learn_mac(index, &name);
        index
    }

    /// The boot that a line without a client belongs to, if it can be only one.
    fn only_active_boot(&self, now: Option<f64>) -> Option<usize> {
        let latest = self.latest.filter(|index| {
            let boot = &self.boots[*index];
            continues(boot, now) && boot.is_evident()
        })?;
        let Some(now) = now else { return Some(latest) };
        // Boots are in the order of their start: an active one is among the last.
        let is_active = |boot: &&Boot| {
            let since = boot.last().map(|last| elapsed(last, now));
            since.is_some_and(|since| since <= UNNAMED_WINDOW) && !boot.is_complete
        };
        let active = self.boots.iter().rev().take(100).filter(is_active).count();
        (active <= 1).then_some(latest)
    }

    /// The name of a file can contain the hardware address.
    fn learn_mac(&mut self, index: usize, path: &str) {
        if self.boots[index].mac.is_some() {
            return;
        }
        let Some((_, digits)) = path.split_once(ADDRESS_FILE) else { return };
        if digits.len() == MAC_LEN && digits.bytes().all(|c| c.is_ascii_hexdigit() || c == b'-') {
            self.clients.bind_mac(&mut self.boots, index, digits.replace('-', ":"));
        }
    }

    /// The client was restarted: its last DHCP exchange, if files precede it, begins another boot.
    fn split(&mut self, index: usize, time: LogTime<'_>) {
        let new = self.boots.len();
        let boot = &mut self.boots[index];
        let after_file = boot.steps.iter().rposition(is_file).map_or(0, |at| at + 1);
        let dhcp = boot.steps[after_file..].iter().position(|step| step.kind.is_dhcp());
        let start = dhcp.map_or(boot.steps.len(), |at| after_file + at);
        let at_file = Exchange { raw_time: time.text.to_owned(), seconds: time.seconds };
        let exchange = self.exchanges.remove(&index).filter(|_| dhcp.is_some()).unwrap_or(at_file);
        let moved = boot.steps.split_off(start);
        boot.length = boot.steps.iter().filter_map(|step| step.offset).max().unwrap_or_default();
        let mut next = Boot {
            mac: boot.mac.clone(),
            ip: boot.ip,
            name: boot.name.clone(),
            is_network_boot: boot.is_network_boot,
            architecture: boot.architecture,
            offer: boot.offer.clone(),
            raw_time: exchange.raw_time,
            started_at: exchange.seconds,
            ..Boot::default()
        };
        let since = boot.started_at.zip(next.started_at).map(|(from, to)| elapsed(from, to));
        for Step { offset, kind } in moved {
            next.add(offset.map(|offset| offset.saturating_sub(since.unwrap_or_default())), kind);
        }
        self.clients.replace(new, &next);
        self.boots.push(next);
    }
}

/// The boot file is sent again after other files. Settings can be read by several stages: a Raspberry Pi 4 reads config.txt
/// before and after start4.elf.
fn begins_again(boot: &Boot, path: &str) -> bool {
    let is_first = boot.files().next() == Some(path);
    let is_other = boot.files().next_back().is_some_and(|last| last != path);
    is_first && is_other && (boot.is_complete || !is_setting(path) || follows_exchange(boot))
}

/// The client sent a DHCP message after its last file.
fn follows_exchange(boot: &Boot) -> bool {
    boot.steps.iter().rev().take_while(|step| !is_file(step)).any(|step| step.kind.is_dhcp())
}

/// Removes the errors by which the client ended transfers of this file before it loaded the file.
fn fold_size_requests(boot: &mut Boot, path: &str) {
    remove_loading(boot, path);
    let start = boot.steps.iter().rposition(is_file).map_or(0, |index| index + 1);
    let after = boot.steps.split_off(start);
    let is_size_request = |step: &Step| {
        matches!(&step.kind, StepKind::ClientError { path: Some(broken), count, .. }
            if broken == path && *count <= MAX_SIZE_REQUESTS)
    };
    boot.steps.extend(after.into_iter().filter(|step| !is_size_request(step)));
}

fn is_file(step: &Step) -> bool {
    matches!(step.kind, StepKind::File { .. })
}

/// Removes the last step if it says that this file is being sent.
fn remove_loading(boot: &mut Boot, path: &str) {
    let is_loading = |step: &Step| matches!(&step.kind, StepKind::Loading { path: loading, .. } if loading == path);
    let recent = boot.steps.len().saturating_sub(MAX_LOADING);
    if let Some(index) = boot.steps[recent..].iter().rposition(is_loading) {
        boot.steps.remove(recent + index);
    }
}
