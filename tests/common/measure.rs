//! Measurements of processes, for benchmarks and tests.

use std::fs;
use std::process::Command;

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
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    let fields = stat.rsplit(") ").next().unwrap_or_default().split(' ');
    let ticks: f64 = fields.skip(11).take(4).filter_map(|ticks| ticks.parse::<f64>().ok()).sum();
    ticks / 100.0
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
