//! The state of the server, for `--status` and SIGUSR1.

mod limits;
mod lines;
mod machines;
#[cfg(test)]
mod tests;

use super::Daemon;
use super::file_process::protocol::Request;
use crate::boot_monitor::machines::Machines;
use crate::log_line::{DropKind, Line, ProcessLine};
use crate::proxydhcp;
use crate::status::{Counters, Drop, SCHEMA, Status};
use crate::sys::fds;
use crate::sys::limits::open_files;
use crate::tftp;
use crate::time::Timestamp;
use std::fs::File;
use std::io::Write;
use std::os::fd::OwnedFd;

/// What is collected for the state.
pub struct Observed {
    /// The machines on their way.
    pub machines: Machines,
    /// The requests on the DHCP ports.
    pub dhcp: proxydhcp::Counters,
    /// DHCP replies that could not be sent.
    pub dhcp_send_errors: u64,
    /// Descriptors that were open at the start.
    descriptors_at_start: u64,
    /// Descriptors that may be open.
    max_descriptors: u64,
}

impl Observed {
    /// Nothing was observed yet. All descriptors of the start are open, and system calls are not restricted yet.
    pub fn start() -> Self {
        Self {
            machines: Machines::default(),
            dhcp: proxydhcp::Counters::default(),
            dhcp_send_errors: 0,
            descriptors_at_start: fds::count_open(),
            max_descriptors: open_files(),
        }
    }
}

impl Daemon {
    /// Writes the state into a file in memory of the file process.
    pub(super) fn write_status(&mut self, number: u32, file: Option<OwnedFd>, now: Timestamp) {
        let status = self.status(now);
        if let (Some(file), Ok(document)) = (file, serde_json::to_vec(&status)) {
            // A part of a document is no JSON, which the client reports.
            let _ = File::from(file).write_all(&document);
        }
        self.file_process.send(&Request::StatusWritten(number));
    }

    /// Writes the state to the log, as a summary.
    pub(super) fn log_status(&mut self, now: Timestamp) {
        for line in lines::status_lines(self.status(now)) {
            self.logger.write(&Line::Process(ProcessLine::Status(Box::new(line))));
        }
    }

    /// The state of this process: its machines, counters and limits. The counters of processes that it has replaced and that have
    /// ended are included.
    fn status(&self, now: Timestamp) -> Status {
        let (machines, machines_omitted) =
            machines::machines(&self.monitoring.observed.machines, &self.tftp, now);
        let mut counters = self.counters();
        if !self.replacement.is_replaced() {
            // Otherwise the server has them.
            counters.add(&self.replacement.counters);
        }
        Status {
            schema: SCHEMA,
            program: env!("CARGO_PKG_NAME").to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            pid: std::process::id(),
            uptime_ms: self.scheduling.clock.uptime_ms(now),
            started_at: self.scheduling.clock.started_at(),
            machines,
            machines_omitted,
            counters,
            limits: self.limits(),
            replaced: self.replacement.is_replaced(),
            has_replaced: self.replacement.has_replaced(),
            earlier: self.replacement.earlier_pids(),
        }
    }

    /// What was counted since the start of this process.
    pub(super) fn counters(&self) -> Counters {
        let Observed { dhcp, dhcp_send_errors, .. } = &self.monitoring.observed;
        counters(dhcp, *dhcp_send_errors, &self.tftp.counters())
    }
}

fn counters(
    dhcp: &proxydhcp::Counters,
    dhcp_send_errors: u64,
    tftp: &tftp::counters::Counters,
) -> Counters {
    let drop = |(kind, count): (DropKind, u64)| Drop { reason: kind.id().to_owned(), count };
    Counters {
        offers: dhcp.offers,
        pxe_answers: dhcp.pxe_answers,
        dhcp_requests: dhcp.requests(),
        dhcp_drops: dhcp.drops().map(drop).collect(),
        dhcp_send_errors,
        tftp_requests: tftp.requests,
        transfers_started: tftp.started,
        transfers_completed: tftp.completed,
        transfers_failed: tftp.failed,
        transfers_cancelled: tftp.cancelled,
        transfers_evicted: tftp.evicted,
        files_not_found: tftp.not_found,
        files_refused: tftp.refused,
        tftp_drops: tftp.dropped,
        bytes_sent: tftp.sent.bytes,
        blocks_repeated: tftp.sent.repeated,
    }
}
