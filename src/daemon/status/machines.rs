//! The machines of the state: what was seen of each, its transfers, and its requests that wait.

use crate::boot_monitor::machines::{MachineState, Machines, Step};
use crate::boot_monitor::{ClientKey, MAX_PATH_LEN};
use crate::log_line::NoticeClient;
use crate::status::{Machine, Stage, Transfer};
use crate::tftp::Server;
use crate::tftp::counters::{TransferState, WaitsFor};
use crate::time::Timestamp;
use crate::wire::client_arch::Architecture;
use std::cmp::Reverse;
use std::collections::HashMap;
use std::net::IpAddr;

/// Machines of one document, at most.
const MAX_ROWS: usize = 4096;

/// A machine, before its texts are made.
#[derive(Default)]
struct Row<'a> {
    state: Option<&'a MachineState>,
    /// The address of its transfers or requests.
    ip: Option<IpAddr>,
    transfers: Vec<TransferState<'a>>,
    waits_for: Option<WaitsFor>,
    /// The name in its request that waits.
    requested: Option<&'a [u8]>,
    /// When it was last seen.
    last_seen: Timestamp,
}

/// The machines, those with transfers first, then the one that was seen last; and how many are omitted because there are more
/// than [`MAX_ROWS`], or because they are not stored.
pub fn machines(machines: &Machines, server: &Server, now: Timestamp) -> (Vec<Machine>, u64) {
    let rows = rows(machines, server, now);
    let not_stored = machines.refused(now).filter(|key| !rows.contains_key(key)).count();
    let mut rows: Vec<(ClientKey, Row<'_>)> = rows.into_iter().collect();
    rows.sort_unstable_by_key(|(key, row)| {
        (row.transfers.is_empty(), Reverse(row.last_seen), sort_key(*key))
    });
    let omitted = rows.len().saturating_sub(MAX_ROWS) + not_stored;
    rows.truncate(MAX_ROWS);
    (rows.iter().map(|(key, row)| machine(*key, row, now)).collect(), omitted as u64)
}

/// Machines that were seen at the same time are in this order, so that a view does not move them.
fn sort_key(key: ClientKey) -> (Option<[u8; 6]>, Option<IpAddr>) {
    match key {
        ClientKey::Mac(mac) => (Some(mac), None),
        ClientKey::Ip(ip) => (None, Some(ip)),
    }
}

fn rows<'a>(
    machines: &'a Machines,
    server: &'a Server,
    now: Timestamp,
) -> HashMap<ClientKey, Row<'a>> {
    let mut rows: HashMap<ClientKey, Row<'a>> = HashMap::with_capacity(machines.count());
    for (key, state) in machines.recent(now) {
        rows.insert(key, Row { state: Some(state), last_seen: state.last_seen, ..Row::default() });
    }
    for transfer in server.transfers() {
        let row = row_of(&mut rows, machines, transfer.client, transfer.progress);
        row.transfers.push(transfer);
    }
    for request in server.waiting_requests() {
        let row = row_of(&mut rows, machines, request.client, request.received_at);
        (row.waits_for, row.requested) = (Some(request.waits_for), request.file);
    }
    rows
}

/// The row of a client, which was seen at this time.
fn row_of<'r, 'a>(
    rows: &'r mut HashMap<ClientKey, Row<'a>>,
    machines: &'a Machines,
    client: IpAddr,
    seen: Timestamp,
) -> &'r mut Row<'a> {
    let key = machines.key_for(client);
    let new = || Row { state: machines.get(key), ..Row::default() };
    let row = rows.entry(key).or_insert_with(new);
    row.ip = Some(client);
    row.last_seen = row.last_seen.max(seen);
    row
}

fn machine(key: ClientKey, row: &Row<'_>, now: Timestamp) -> Machine {
    let mac = match key {
        ClientKey::Mac(mac) => Some(NoticeClient::Mac(mac).to_string()),
        ClientKey::Ip(_) => None,
    };
    let architecture = row.state.and_then(|state| state.architecture);
    let stage = stage(row);
    let mut transfers: Vec<Transfer> =
        row.transfers.iter().map(|state| transfer(state, now)).collect();
    transfers.sort_unstable_by_key(|transfer| Reverse(transfer.age_ms));
    Machine {
        mac,
        ip: row.ip.or(row.state.and_then(|state| state.ip)).map(|ip| ip.to_string()),
        architecture: architecture.map(|architecture| architecture.0),
        architecture_name: architecture.and_then(Architecture::name).map(str::to_owned),
        stage,
        idle_ms: millis(row.last_seen, now),
        last_file: last_file(row).filter(|path| !path.is_empty()).map(text),
        transfers,
    }
}

/// The path of the file that a machine requested last. If that request waits, the path is not known: the name in the request.
fn last_file<'a>(row: &Row<'a>) -> Option<&'a [u8]> {
    if row.transfers.is_empty() && row.waits_for.is_some() {
        return row.requested.filter(|name| name.len() <= MAX_PATH_LEN);
    }
    row.state.map(|state| &state.last_file[..])
}

fn stage(row: &Row<'_>) -> Stage {
    if !row.transfers.is_empty() {
        let waits = row.transfers.iter().all(|transfer| transfer.waits_for_disk);
        return if waits { Stage::WaitsForDisk } else { Stage::Loading };
    }
    match (row.waits_for, row.state.and_then(|state| state.step)) {
        (Some(WaitsFor::Slot), _) => Stage::WaitsForSlot,
        (Some(WaitsFor::Disk), _) => Stage::WaitsForDisk,
        (None, Some(Step::Offered)) => Stage::Offered,
        (None, Some(Step::Asked4011)) => Stage::Asked4011,
        (None, Some(Step::Started)) => Stage::Failed,
        (None, Some(Step::Loaded)) => Stage::Loaded,
        (None, Some(Step::Refused)) => Stage::Refused,
        (None, None) => Stage::Unknown,
    }
}

fn transfer(state: &TransferState<'_>, now: Timestamp) -> Transfer {
    let age_ms = millis(state.since, now);
    Transfer {
        file: text(state.path),
        size: state.size,
        acknowledged: state.acknowledged,
        age_ms,
        bytes_per_second: state.acknowledged.saturating_mul(1000) / age_ms.max(1),
        waits_for_disk: state.waits_for_disk,
        repeated_blocks: state.repeated,
    }
}

fn millis(since: Timestamp, now: Timestamp) -> u64 {
    now.0.saturating_sub(since.0)
}

fn text(path: &[u8]) -> String {
    String::from_utf8_lossy(path).into_owned()
}
