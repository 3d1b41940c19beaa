//! The results of a run.

use super::case::{Case, MILLISECOND, Nanos, SECOND};
use super::machine::State;
use super::network::Network;
use super::server::Host;
use std::fmt::Write;

/// The results of a run.
#[derive(Clone, Debug)]
pub struct Report {
    pub name: String,
    pub machines: u32,
    pub failed: usize,
    /// When the machines were up, in order.
    pub up: Vec<Nanos>,
    pub sent: u64,
    pub dropped: u64,
    pub lost: u64,
    pub repeated: u64,
    pub timeouts: u64,
    pub longest_wait: Nanos,
    /// The share of the time until the last machine was up, in percent.
    pub link_percent: u64,
    pub processor_percent: u64,
}

impl Report {
    pub fn new(case: &Case, network: &Network<'_>, host: &Host<'_>) -> Self {
        let machines = &network.machines;
        let is_up = |machine: &&super::machine::Machine| machine.state == State::Up;
        let mut up: Vec<Nanos> =
            machines.iter().filter(is_up).map(|machine| machine.up_at).collect();
        up.sort_unstable();
        let end = up.last().copied().unwrap_or(case.limit).max(1);
        let wire = network.link.time_for(network.link.sent_bytes);
        Self {
            name: case.name.clone(),
            machines: case.machines,
            failed: machines.len() - up.len(),
            up,
            sent: network.sent,
            dropped: network.dropped(),
            lost: network.lost,
            repeated: host.repeated(),
            timeouts: machines.iter().map(|machine| u64::from(machine.timeouts)).sum(),
            longest_wait: machines.iter().map(|machine| machine.longest_wait).max().unwrap_or(0),
            link_percent: wire * 100 / end,
            processor_percent: host.busy * 100 / end,
        }
    }

    /// When this share of the machines was up; `None`: not all of them came up.
    pub fn percentile(&self, percent: usize) -> Option<Nanos> {
        let rank = (self.machines as usize * percent).div_ceil(100).max(1) - 1;
        self.up.get(rank).copied()
    }

    /// The heading of the table, in Markdown.
    pub fn heading() -> String {
        let columns = "case | up | p50 s | p99 s | last s | datagrams | dropped | repeated \
                       | client timeouts | longest wait s | link | processor";
        let count = columns.split('|').count();
        format!("| {columns} |\n|{}\n", "---|".repeat(count))
    }

    /// A row of the table.
    pub fn row(&self) -> String {
        let mut row = format!("| {} | {} of {} |", self.name, self.up.len(), self.machines);
        for percent in [50, 99, 100] {
            let time = self.percentile(percent);
            write!(row, " {} |", time.map_or_else(|| "–".to_owned(), seconds)).expect("a string");
        }
        let Self { sent, dropped, repeated, timeouts, link_percent, processor_percent, .. } = self;
        let wait = seconds(self.longest_wait);
        writeln!(
            row,
            " {sent} | {dropped} | {repeated} | {timeouts} | {wait} | {link_percent} % | {processor_percent} % |"
        )
        .expect("a string");
        row
    }
}

/// Seconds with two digits after the point.
pub fn seconds(time: Nanos) -> String {
    format!("{}.{:02}", time / SECOND, time % SECOND / (10 * MILLISECOND))
}
