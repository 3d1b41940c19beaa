//! The lines of the table: one for each transfer, and one for each machine without a transfer.

use super::progress::{Progress, Transfers, key};
use super::text::clean;
use crate::status::{Machine, Stage, Status, Transfer};
use crate::status_query::units::duration;
use crate::status_query::words::no_ack;
use crate::terminal::Color;
use std::cmp::Reverse;
use std::net::Ipv4Addr;

/// A line of the table.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// The index of the machine in the document.
    pub machine: usize,
    /// Its hardware address, else its IP address.
    pub name: String,
    /// Its IP address, if it is not the name.
    pub ip: String,
    /// Its architecture, if it is known.
    pub architecture: String,
    /// The file that it loads, or the last one that it requested.
    pub file: String,
    /// The transfer.
    pub transfer: Option<Loading>,
    /// Its state in words, where there is no rate.
    pub words: Option<(String, Option<Color>)>,
    class: Class,
    idle_ms: u64,
    smooth_rate: u64,
}

/// What is shown of a transfer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Loading {
    /// Acknowledged bytes.
    pub acknowledged: u64,
    /// All bytes.
    pub size: u64,
    /// Bytes per second now.
    pub rate: u64,
    /// The time that is left, in seconds.
    pub left: Option<u64>,
}

impl Loading {
    /// 0 to 100.
    pub fn percent(&self) -> u64 {
        self.part_of(100)
    }

    /// The part of `whole` that corresponds to the acknowledged bytes, rounded down.
    pub fn part_of(&self, whole: u64) -> u64 {
        let part = u128::from(self.acknowledged) * u128::from(whole);
        let part = part.checked_div(u128::from(self.size)).unwrap_or(whole.into());
        u64::try_from(part).unwrap_or(whole).min(whole)
    }
}

/// The order of the lines, if not all fit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Class {
    Stopped,
    Loads,
    Refused,
    OnItsWay,
    Loaded,
}

/// The lines that are shown.
pub struct Selected {
    /// In their order.
    pub shown: Vec<Row>,
    /// The number of the others.
    pub hidden: usize,
}

/// The lines of all machines.
pub fn all(status: &Status, transfers: &Transfers) -> Vec<Row> {
    let rows = status.machines.iter().enumerate().flat_map(|(index, machine)| {
        let progress = transfers.of_machine(index);
        let loading = machine.transfers.iter().zip(progress);
        let mut rows: Vec<Row> =
            loading.map(|(transfer, now)| Row::loading(index, machine, transfer, *now)).collect();
        if rows.is_empty() {
            rows.push(Row::without_transfer(index, machine));
        }
        rows
    });
    rows.collect()
}

/// If all fit: by address, so that lines keep their places. If not: first what has stopped or waits, the longest time first, then
/// the slowest transfers, then machines that load nothing.
pub fn selected(mut rows: Vec<Row>, space: usize) -> Selected {
    let hidden = rows.len().saturating_sub(space);
    if hidden > 0 {
        rows.sort_by(|one, other| one.urgency().cmp(&other.urgency()));
        rows.truncate(space);
    } else {
        rows.sort_by(|one, other| one.place().cmp(&other.place()));
    }
    Selected { shown: rows, hidden }
}

impl Row {
    fn of(index: usize, machine: &Machine, file: &str) -> Self {
        let ip = machine.ip.as_deref().filter(|_| machine.mac.is_some()).unwrap_or_default();
        Self {
            machine: index,
            name: clean(key(machine)),
            ip: clean(ip),
            architecture: clean(machine.architecture_name.as_deref().unwrap_or_default()),
            file: clean(file),
            transfer: None,
            words: None,
            class: Class::Loads,
            idle_ms: machine.idle_ms,
            smooth_rate: 0,
        }
    }

    fn loading(index: usize, machine: &Machine, transfer: &Transfer, now: Progress) -> Self {
        let &Transfer { size, acknowledged, .. } = transfer;
        let left = size.saturating_sub(acknowledged).checked_div(now.smooth_rate);
        let loading = Loading { acknowledged, size, rate: now.rate, left };
        let words = stopped(machine, transfer);
        Self {
            transfer: Some(loading),
            class: if words.is_some() { Class::Stopped } else { Class::Loads },
            words: words.map(|words| (words, Some(Color::Yellow))),
            smooth_rate: now.smooth_rate,
            ..Self::of(index, machine, &transfer.file)
        }
    }

    fn without_transfer(index: usize, machine: &Machine) -> Self {
        let (color, class) = match machine.stage {
            Stage::Offered | Stage::Asked4011 | Stage::Unknown => (None, Class::OnItsWay),
            Stage::Loading => (None, Class::Loads),
            Stage::WaitsForDisk | Stage::WaitsForSlot => (Some(Color::Yellow), Class::Stopped),
            Stage::Loaded => (Some(Color::Green), Class::Loaded),
            Stage::Failed | Stage::Refused => (Some(Color::Red), Class::Refused),
        };
        let words = machine.stage.words();
        let words = match machine.stage {
            Stage::Loading | Stage::WaitsForDisk => words.to_owned(),
            Stage::WaitsForSlot => format!("{words} (tftp-max)"),
            _ => format!("{words} {} ago", duration(machine.idle_ms)),
        };
        let file = machine.last_file.as_deref().unwrap_or_default();
        Self { words: Some((words, color)), class, ..Self::of(index, machine, file) }
    }

    /// What has stopped or waits is first; within a class the longest idle time, or the lowest rate.
    fn urgency(&self) -> impl Ord + use<'_> {
        let (rate, idle) = match self.class {
            Class::Loads => (self.smooth_rate, 0),
            _ => (0, self.idle_ms),
        };
        (self.class, rate, Reverse(idle), &self.name)
    }

    /// Machines with a transfer are first. A transfer that stops keeps its place.
    fn place(&self) -> impl Ord + use<'_> {
        let class = if self.class == Class::Stopped { Class::Loads } else { self.class };
        // 10.0.0.9 is before 10.0.0.10.
        let address: Option<Ipv4Addr> = self.name.parse().ok();
        (class, address, &self.name, self.machine)
    }
}

/// Why a transfer does not go on, in words.
fn stopped(machine: &Machine, transfer: &Transfer) -> Option<String> {
    if transfer.waits_for_disk {
        return Some(Stage::WaitsForDisk.words().to_owned());
    }
    machine.stopped_ms(transfer).map(no_ack)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn loading(acknowledged: u64, size: u64) -> Loading {
        Loading { acknowledged, size, rate: 0, left: None }
    }

    #[test]
    fn percent_is_rounded_down_and_an_empty_file_is_complete() {
        let percent = |acknowledged, size| loading(acknowledged, size).percent();
        assert_eq!(percent(0, 1000), 0);
        assert_eq!(percent(999, 1000), 99);
        assert_eq!(percent(1000, 1000), 100);
        assert_eq!(percent(0, 0), 100);
        assert_eq!(percent(2000, 1000), 100);
        assert_eq!(percent(u64::MAX, u64::MAX), 100);
    }
}
