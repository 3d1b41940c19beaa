//! The lines that SIGUSR1 writes to the log.

use crate::log_line::StatusLine;
use crate::status::{Machine, Stage, Status, Transfer};
use std::cmp::Reverse;
use std::collections::BTreeMap;

/// Transfers that are shown: those with the fewest bytes per second.
const MAX_SLOW: usize = 4;
/// A transfer that is not older has no speed yet.
const MIN_AGE_MS: u64 = 1000;

/// The state in at most eight lines.
pub fn status_lines(status: Status) -> Vec<StatusLine> {
    let Status { uptime_ms, machines, machines_omitted: omitted, counters, limits, .. } = status;
    let earlier = status.earlier.len();
    let mut stages: BTreeMap<Stage, u64> = BTreeMap::new();
    for machine in &machines {
        *stages.entry(machine.stage).or_default() += 1;
    }
    let stages = stages.into_iter().collect();
    let mut lines = vec![
        StatusLine::Machines { uptime_ms, stages, omitted, earlier },
        StatusLine::Dhcp(counters.clone()),
        StatusLine::Tftp(counters),
        StatusLine::Limits(limits),
    ];
    lines.extend(slowest(machines));
    lines
}

/// First the transfers that have stopped, the longest time first, then those with the fewest bytes per second.
fn slowest(machines: Vec<Machine>) -> impl Iterator<Item = StatusLine> {
    let mut all: Vec<Slow> = machines.into_iter().flat_map(slow).collect();
    all.retain(|slow| slow.transfer.age_ms > MIN_AGE_MS);
    all.sort_by_key(|slow| match slow.stopped_ms {
        Some(ms) => (0, Reverse(ms)),
        None => (slow.transfer.bytes_per_second.saturating_add(1), Reverse(0)),
    });
    all.truncate(MAX_SLOW);
    all.into_iter().map(|Slow { machine, transfer, stopped_ms }| StatusLine::Slow {
        machine,
        transfer,
        stopped_ms,
    })
}

/// A transfer, the name of its machine, and for how many milliseconds it has stopped, if it has.
struct Slow {
    machine: String,
    transfer: Transfer,
    stopped_ms: Option<u64>,
}

fn slow(mut machine: Machine) -> Vec<Slow> {
    let transfers = std::mem::take(&mut machine.transfers).into_iter();
    let name = machine.mac.clone().or(machine.ip.clone()).unwrap_or_default();
    transfers
        .map(|transfer| Slow {
            machine: name.clone(),
            stopped_ms: machine.stopped_ms(&transfer),
            transfer,
        })
        .collect()
}

#[test]
fn slowest_transfers_are_shown_and_there_are_eight_lines_at_most() {
    let machine = |speed: u64| Machine {
        ip: Some(format!("10.0.0.{speed}")),
        stage: if speed == 0 { Stage::WaitsForDisk } else { Stage::Loading },
        transfers: vec![Transfer { bytes_per_second: speed, age_ms: 1001, ..Transfer::default() }],
        ..Machine::default()
    };
    let new = Machine {
        transfers: vec![Transfer { age_ms: 1000, ..Transfer::default() }],
        stage: Stage::Loading,
        ..Machine::default()
    };
    let machines = [5, 0, 3, 1, 4, 2].map(machine).into_iter().chain([new]).collect();
    let status = Status { machines, machines_omitted: 9, earlier: vec![7, 8], ..Status::default() };
    let lines = status_lines(status);
    let stages = vec![(Stage::Loading, 6), (Stage::WaitsForDisk, 1)];
    assert_eq!(lines[0], StatusLine::Machines { uptime_ms: 0, stages, omitted: 9, earlier: 2 });
    let slow = lines.iter().filter_map(|line| match line {
        StatusLine::Slow { machine, .. } => Some(&machine[..]),
        _ => None,
    });
    assert!(slow.eq(["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]));
    assert_eq!(lines.len(), 8);
}

#[test]
fn transfer_that_has_stopped_is_shown_before_the_slowest_whatever_its_average() {
    let machine = |bytes_per_second: u64, idle_ms| Machine {
        ip: Some(bytes_per_second.to_string()),
        idle_ms,
        transfers: vec![Transfer { bytes_per_second, age_ms: 9000, ..Transfer::default() }],
        ..Machine::default()
    };
    let machines = vec![machine(0, 20), machine(900_000, 5000), machine(800_000, 7000)];
    let lines = status_lines(Status { machines, ..Status::default() });
    let shown: Vec<String> = lines[4..].iter().map(StatusLine::to_string).collect();
    assert_eq!(
        shown,
        [
            "status: 800000 loads : 0 of 0 bytes in 9 s, no ACK for 7 s",
            "status: 900000 loads : 0 of 0 bytes in 9 s, no ACK for 5 s",
            "status: 0 loads : 0 of 0 bytes in 9 s, 0 kB/s",
        ]
    );
}
