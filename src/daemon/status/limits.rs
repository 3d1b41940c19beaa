//! The limits of the state.

use super::Observed;
use crate::boot_monitor::machines::MAX_MACHINES;
use crate::daemon::Daemon;
use crate::status::Limit;
use crate::tftp::admission::{MAX_QUEUED, slots};

impl Daemon {
    /// The limits, and how much of them is used. Those of TFTP are missing without TFTP, and that of the neighbour table if the
    /// kernel does not report it.
    pub(super) fn limits(&self) -> Vec<Limit> {
        let mut limits = Vec::new();
        if let Some(tftp) = &self.config.tftp {
            let used = self.tftp.used_slots() as u64;
            limits.push(limit("transfers", used, slots(tftp) as u64, "tftp-max"));
            let queued = self.tftp.load().queued as u64;
            limits.push(limit("queued_requests", queued, MAX_QUEUED as u64, ""));
        }
        let machines = self.monitoring.observed.machines.count() as u64;
        limits.push(limit("observed_machines", machines, MAX_MACHINES as u64, ""));
        if let Some(usage) = self.monitoring.neighbours.usage() {
            let (used, max) = (usage.entries.into(), usage.limit.into());
            let setting = "net.ipv4.neigh.default.gc_thresh3";
            limits.push(limit("neighbour_entries", used, max, setting));
        }
        let (used, max) = self.descriptors();
        limits.push(limit("open_files", used, max, "RLIMIT_NOFILE"));
        limits
    }

    /// The descriptors that are open, and their limit: those of the start, sockets of transfers, and the files of transfers.
    fn descriptors(&self) -> (u64, u64) {
        let Observed { descriptors_at_start, max_descriptors, .. } = self.monitoring.observed;
        let of_transfers = self.sockets.open_transfers() + self.files.open_files();
        (descriptors_at_start + of_transfers as u64, max_descriptors)
    }
}

fn limit(id: &str, used: u64, limit: u64, setting: &str) -> Limit {
    Limit { id: id.to_owned(), used, limit, setting: setting.to_owned() }
}
