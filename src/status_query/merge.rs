//! The states of a server and of the processes that it has replaced, as one state.

use crate::status::{Machine, Stage, Status};
use std::collections::{HashMap, HashSet};

/// The state of the server, with machines and counters of all processes. Limits are those of the server. A process that is given
/// twice is counted once: while the states are requested, another process may end, and the numbers of the others change.
pub fn merged(server: Status, earlier: impl IntoIterator<Item = Status>) -> Status {
    let mut known = HashSet::from([server.pid]);
    let mut machines = Machines::default();
    let mut all = Status { machines: Vec::new(), ..server.clone() };
    machines.extend(server.machines);
    for status in earlier {
        if known.insert(status.pid) {
            machines.extend(status.machines);
            all.machines_omitted = all.machines_omitted.saturating_add(status.machines_omitted);
            all.counters.add(&status.counters);
        }
    }
    machines.list.sort_by_key(|machine| (machine.transfers.is_empty(), machine.idle_ms));
    Status { machines: machines.list, ..all }
}

/// Machines, each once.
#[derive(Default)]
struct Machines {
    list: Vec<Machine>,
    by_mac: HashMap<String, usize>,
    by_ip: HashMap<String, usize>,
}

impl Machines {
    fn extend(&mut self, machines: Vec<Machine>) {
        for machine in machines {
            self.add(machine);
        }
    }

    fn add(&mut self, machine: Machine) {
        let index = if let Some(index) = self.find(&machine) {
            let known = std::mem::take(&mut self.list[index]);
            self.list[index] = joined(known, machine);
            index
        } else {
            self.list.push(machine);
            self.list.len() - 1
        };
        let Machine { mac, ip, .. } = &self.list[index];
        let remember = |map: &mut HashMap<String, usize>, key: &Option<String>| {
            if let Some(key) = key {
                map.insert(key.clone(), index);
            }
        };
        remember(&mut self.by_mac, mac);
        remember(&mut self.by_ip, ip);
    }

    /// The same machine: it has the same hardware address, or the same IP address if a hardware address is not known.
    fn find(&self, machine: &Machine) -> Option<usize> {
        let by_mac = machine.mac.as_ref().and_then(|mac| self.by_mac.get(mac));
        let by_ip = machine.ip.as_ref().and_then(|ip| self.by_ip.get(ip));
        let has_same_mac = |index: &&usize| {
            let known = &self.list[**index].mac;
            known.is_none() || machine.mac.is_none() || *known == machine.mac
        };
        by_mac.or(by_ip.filter(has_same_mac)).copied()
    }
}

/// One machine of two processes: what was seen last is valid.
fn joined(one: Machine, other: Machine) -> Machine {
    let (last, first) = if other.idle_ms < one.idle_ms { (other, one) } else { (one, other) };
    let mut transfers = last.transfers;
    transfers.extend(first.transfers);
    let stage = match (last.stage, first.stage) {
        (stage, _) if transfers.is_empty() => stage,
        (Stage::WaitsForDisk, Stage::Loading) => Stage::Loading,
        (stage @ (Stage::Loading | Stage::WaitsForDisk), _) | (_, stage) => stage,
    };
    Machine {
        mac: last.mac.or(first.mac),
        ip: last.ip.or(first.ip),
        architecture: last.architecture.or(first.architecture),
        architecture_name: last.architecture_name.or(first.architecture_name),
        stage,
        idle_ms: last.idle_ms,
        last_file: last.last_file.or(first.last_file),
        transfers,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::status::{Counters, Drop, Transfer};

    fn machine(mac: Option<&str>, ip: Option<&str>, stage: Stage, idle_ms: u64) -> Machine {
        let own = |text: &str| text.to_owned();
        Machine { mac: mac.map(own), ip: ip.map(own), stage, idle_ms, ..Machine::default() }
    }

    fn with_transfer(machine: Machine, file: &str) -> Machine {
        let transfers = vec![Transfer { file: file.to_owned(), ..Transfer::default() }];
        Machine { transfers, ..machine }
    }

    fn status(pid: u32, machines: Vec<Machine>) -> Status {
        let dhcp_drops = vec![Drop { reason: format!("reason-{}", pid % 2), count: 2 }];
        let counters = Counters { offers: 10, dhcp_drops, ..Counters::default() };
        Status { pid, machines, counters, machines_omitted: 1, ..Status::default() }
    }

    #[test]
    fn machine_of_two_processes_is_one_with_all_transfers_and_its_last_stage() {
        let mac = Some("52:54:00:00:00:01");
        let server = machine(mac, None, Stage::Offered, 5000);
        let old = with_transfer(machine(mac, Some("10.0.0.1"), Stage::Loading, 20), "initrd");
        let by_ip = with_transfer(machine(None, Some("10.0.0.1"), Stage::WaitsForDisk, 10), "x");
        let all = merged(status(3, vec![server]), [status(2, vec![old]), status(1, vec![by_ip])]);
        let [found] = &all.machines[..] else { panic!("{:?}", all.machines) };
        assert_eq!((found.mac.as_deref(), found.ip.as_deref()), (mac, Some("10.0.0.1")));
        assert_eq!((found.stage, found.idle_ms, found.transfers.len()), (Stage::Loading, 10, 2));
    }

    #[test]
    fn machines_with_one_address_and_different_hardware_addresses_are_two() {
        let ip = Some("10.0.0.1");
        let list = ["52:54:00:00:00:01", "52:54:00:00:00:02"]
            .map(|mac| machine(Some(mac), ip, Stage::Offered, 0));
        let [one, other] = list;
        let all = merged(status(2, vec![one]), [status(1, vec![other])]);
        assert_eq!(all.machines.len(), 2);
    }

    #[test]
    fn counters_are_added_and_each_process_is_counted_once() {
        let all = merged(status(3, vec![]), [1, 2, 2, 3].map(|pid| status(pid, vec![])));
        assert_eq!((all.pid, all.counters.offers, all.machines_omitted), (3, 30, 3));
        let drops = all.counters.dhcp_drops;
        let drops: Vec<_> = drops.iter().map(|drop| (&*drop.reason, drop.count)).collect();
        assert_eq!(drops, [("reason-1", 4), ("reason-0", 2)]);
        let full = || {
            let counters = Counters { offers: u64::MAX, ..Counters::default() };
            Status { counters, ..Status::default() }
        };
        let sum = merged(full(), [Status { pid: 1, ..full() }]).counters;
        assert_eq!(sum.offers, u64::MAX);
    }
}
