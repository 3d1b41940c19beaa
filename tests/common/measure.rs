//! Measurements of processes, for benchmarks and tests.

use nix::time::ClockId;
use nix::unistd::Pid;
use std::fs;
use std::ops::Range;
use std::process::Command;
use std::time::Duration;

/// Server and client use one CPU each.
pub const SERVER_CORE: &str = "0";
pub const CLIENT_CORE: &str = "1";

/// The median.
pub fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Binds all threads of a process to one CPU.
pub fn bind_to_core(core: &str, id: u32) {
    let mut command = Command::new("taskset");
    let done = command.args(["-a", "-p", "-c", core, &id.to_string()]).output();
    assert!(done.is_ok_and(|output| output.status.success()), "no taskset, or no core {core}");
}

/// CPU seconds of a process and of its children that were waited for.
pub fn cpu_seconds(id: u32) -> f64 {
    ticks(id, 11..15)
}

/// The sum of these times of `/proc/ID/stat` in seconds; the fields are counted after the name.
fn ticks(id: u32, fields: Range<usize>) -> f64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let all = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let times = all.skip(fields.start).take(fields.len());
    times.filter_map(|ticks| ticks.parse::<f64>().ok()).sum::<f64>() / 100.0
}

/// A process and its descendants.
pub fn family(id: u32) -> Vec<u32> {
    let entries = fs::read_dir("/proc").expect("proc is mounted").flatten();
    let ids = entries.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
    let parents: Vec<(u32, String)> = ids.map(|id| (id, status(id, "PPid"))).collect();
    let mut all = vec![id];
    let mut next = 0;
    while let Some(parent) = all.get(next).map(u32::to_string) {
        all.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(id, _)| *id));
        next += 1;
    }
    all
}

/// CPU seconds of a process and its descendants. The resolution is nanoseconds; 1/100 s for children that have ended.
pub fn family_cpu_seconds(id: u32) -> f64 {
    let seconds = |id: u32| {
        let pid = Pid::from_raw(i32::try_from(id).expect("a process id"));
        // The process may end in between.
        let clock = ClockId::pid_cpu_clock_id(pid).and_then(ClockId::now);
        let own = clock.map_or(0.0, |time| Duration::from(time).as_secs_f64());
        own + ticks(id, 13..15)
    };
    family(id).into_iter().map(seconds).sum()
}

/// Proportional memory (`Pss` of `/proc/ID/smaps_rollup`) of a process and its descendants, in kilobytes.
pub fn family_kilobytes(id: u32) -> usize {
    let pss = |id: u32| -> Option<usize> {
        let text = fs::read_to_string(format!("/proc/{id}/smaps_rollup")).ok()?;
        let line = text.lines().find_map(|line| line.strip_prefix("Pss:"))?;
        line.split_whitespace().next()?.parse().ok()
    };
    family(id).into_iter().filter_map(pss).sum()
}

/// A field of `/proc/ID/status`.
pub fn status(id: u32, field: &str) -> String {
    let text = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let line = text.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
    line.unwrap_or_default().split_whitespace().collect::<Vec<_>>().join(" ")
}

/// Private memory (`RssAnon`) of a process in kilobytes.
pub fn kilobytes(id: u32) -> usize {
    let size = status(id, "RssAnon");
    size.split(' ').next().and_then(|size| size.parse().ok()).expect("it runs")
}

/// Number of open file descriptors of a process.
pub fn descriptors(id: u32) -> usize {
    fs::read_dir(format!("/proc/{id}/fd")).expect("it runs").count()
}
