//! The lines that SIGUSR1 writes to the log.

use crate::log_line::StatusLine;
use crate::status::{Machine, Stage, Status, Transfer};
use std::collections::BTreeMap;

/// Transfers that are shown: those with the fewest bytes per second.
const MAX_SLOW: usize = 4;
/// A transfer that is not older has no speed yet.
const MIN_AGE_MS: u64 = 1000;

/// The state in at most eight lines.
pub fn status_lines(status: Status) -> Vec<StatusLine> {
    let Status { uptime_ms, machines, machines_omitted: omitted, counters, limits, .. } = status;
    let mut stages: BTreeMap<Stage, u64> = BTreeMap::new();
    for machine in &machines {
        *stages.entry(machine.stage).or_default() += 1;
    }
    let stages = stages.into_iter().collect();
    let mut lines = vec![
        StatusLine::Machines { uptime_ms, stages, omitted },
        StatusLine::Dhcp(counters.clone()),
        StatusLine::Tftp(counters),
        StatusLine::Limits(limits),
    ];
    lines.extend(slowest(machines));
    lines
}

fn slowest(machines: Vec<Machine>) -> impl Iterator<Item = StatusLine> {
    let of_machine = |machine: Machine| {
        let name = machine.mac.or(machine.ip).unwrap_or_default();
        machine.transfers.into_iter().map(move |transfer| (name.clone(), transfer))
    };
    let mut all: Vec<(String, Transfer)> = machines.into_iter().flat_map(of_machine).collect();
    all.retain(|(_, transfer)| transfer.age_ms > MIN_AGE_MS);
    all.sort_by_key(|(_, transfer)| transfer.bytes_per_second);
    all.truncate(MAX_SLOW);
    all.into_iter().map(|(machine, transfer)| StatusLine::Slow { machine, transfer })
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
    let lines = status_lines(Status { machines, machines_omitted: 9, ..Status::default() });
    let stages = vec![(Stage::Loading, 6), (Stage::WaitsForDisk, 1)];
    assert_eq!(lines[0], StatusLine::Machines { uptime_ms: 0, stages, omitted: 9 });
    let slow = lines.iter().filter_map(|line| match line {
        StatusLine::Slow { machine, .. } => Some(&machine[..]),
        _ => None,
    });
    assert!(slow.eq(["10.0.0.0", "10.0.0.1", "10.0.0.2", "10.0.0.3"]));
    assert_eq!(lines.len(), 8);
}
