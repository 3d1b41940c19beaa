//! What a running server does at this moment: the document that `--status` gets, and its views.
//!
//! The server makes the document and sends it as JSON over the control socket ([`crate::control`]); `--status` reads it. The two
//! may be different versions of the program: unknown keys are ignored, and missing ones have a default.

use serde::{Deserialize, Serialize};

/// Increased when a key is removed or changes its meaning.
pub const SCHEMA: u32 = 1;

/// The state of a server. All durations are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Status {
    /// [`SCHEMA`] of the server.
    pub schema: u32,
    /// `pxemasq`
    pub program: String,
    /// The version of the server.
    pub version: String,
    /// The process id of the packet process.
    pub pid: u32,
    /// How long it has served.
    pub uptime_ms: u64,
    /// When it began to serve, in seconds since 1970.
    pub started_at: u64,
    /// Whether it was replaced, and only finishes its transfers.
    pub replaced: bool,
    /// Whether this process has replaced another one: then `counters` has what the processes before it have counted.
    pub has_replaced: bool,
    /// Processes that this one has replaced, and that still finish transfers.
    pub earlier: Vec<u32>,
    /// Machines on their way, those with transfers first.
    pub machines: Vec<Machine>,
    /// Machines that are not in `machines`, because there are too many.
    pub machines_omitted: u64,
    /// What was counted since the start. Processes that were replaced and have ended are included.
    pub counters: Counters,
    /// Limits, and how much of them is used.
    pub limits: Vec<Limit>,
}

/// A machine that boots.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Machine {
    /// The hardware address, as `52:54:00:12:34:56`, if it is known.
    pub mac: Option<String>,
    /// The IP address, if it is known.
    pub ip: Option<String>,
    /// The client architecture (option 93), if it is known.
    pub architecture: Option<u16>,
    /// Its name, if it has one.
    pub architecture_name: Option<String>,
    /// What it does.
    pub stage: Stage,
    /// The time since it was last seen: since its last datagram or event.
    pub idle_ms: u64,
    /// The file that it requested last, as a path on the server.
    #[serde(rename = "last_path")]
    pub last_file: Option<String>,
    /// Its transfers.
    pub transfers: Vec<Transfer>,
}

/// What a machine does.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize,
)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// It has got an offer.
    Offered,
    /// It has sent a request to port 4011, and got an answer.
    Asked4011,
    /// It loads at least one file.
    Loading,
    /// All its transfers wait for a disk.
    WaitsForDisk,
    /// Its request waits for a free slot (`tftp-max`).
    WaitsForSlot,
    /// It has loaded a file, and loads none now.
    Loaded,
    /// Its last transfer ended before the end of the file.
    Failed,
    /// The last file that it requested was not sent.
    Refused,
    /// A stage of another version of the program.
    #[default]
    #[serde(other)]
    Unknown,
}

/// All stages, each with its identifier in the document, and with words that follow a number of machines or the name of one.
pub const STAGES: [(Stage, &str, &str); 9] = [
    (Stage::Offered, "offered", "offered"),
    (Stage::Asked4011, "asked4011", "asked on 4011"),
    (Stage::Loading, "loading", "loading"),
    (Stage::WaitsForDisk, "waits_for_disk", "waiting for a disk"),
    (Stage::WaitsForSlot, "waits_for_slot", "waiting for a free slot"),
    (Stage::Loaded, "loaded", "loaded"),
    (Stage::Failed, "failed", "failed"),
    (Stage::Refused, "refused", "refused"),
    (Stage::Unknown, "unknown", "in another stage"),
];

impl Stage {
    /// The stage in words: `waiting for a disk`.
    pub fn words(self) -> &'static str {
        let found = STAGES.iter().find(|(stage, ..)| *stage == self);
        found.map_or("in another stage", |(_, _, words)| words)
    }
}

/// A machine that has sent nothing for this time has stopped its transfers.
const STOPPED_MS: u64 = 3000;

impl Machine {
    /// For how many milliseconds it has acknowledged nothing of a transfer, if that is long. A transfer that waits for a disk has
    /// not stopped.
    pub fn stopped_ms(&self, transfer: &Transfer) -> Option<u64> {
        (!transfer.waits_for_disk && self.idle_ms >= STOPPED_MS).then_some(self.idle_ms)
    }
}

/// A transfer.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transfer {
    /// The path that was opened. Bytes that are not UTF-8 are U+FFFD.
    #[serde(rename = "path")]
    pub file: String,
    /// The bytes that are to be sent.
    #[serde(rename = "bytes")]
    pub size: u64,
    /// The bytes that the client has acknowledged.
    pub acknowledged: u64,
    /// The time since it began.
    pub age_ms: u64,
    /// Acknowledged bytes per second, on average since it began.
    pub bytes_per_second: u64,
    /// Whether it waits for a disk.
    pub waits_for_disk: bool,
    /// The blocks that were sent again.
    pub repeated_blocks: u64,
}

/// What was counted since the start.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Counters {
    /// Offers. Those that could not be sent are included.
    pub offers: u64,
    /// Answers to requests on port 4011, and to choices from the menu. Those that could not be sent are included.
    pub pxe_answers: u64,
    /// DHCP requests that were received: `offers`, `pxe_answers` and all `dhcp_drops` together.
    pub dhcp_requests: u64,
    /// DHCP requests that were not answered, by reason. Reasons without requests are omitted.
    pub dhcp_drops: Vec<Drop>,
    /// DHCP replies that could not be sent.
    pub dhcp_send_errors: u64,
    /// Read requests that were received. A client repeats a request that is not answered at once.
    pub tftp_requests: u64,
    /// Transfers that began.
    pub transfers_started: u64,
    /// Transfers whose last block was acknowledged, or was sent and not acknowledged.
    pub transfers_completed: u64,
    /// Transfers that ended before. `transfers_cancelled` and `transfers_evicted` are included.
    pub transfers_failed: u64,
    /// Transfers that the client ended before it acknowledged a block of the file. Many clients request only the size at first.
    pub transfers_cancelled: u64,
    /// Transfers that were ended because another request needed their slot.
    pub transfers_evicted: u64,
    /// Requests that were refused because there was no such file.
    pub files_not_found: u64,
    /// Read requests that were refused for another reason.
    pub files_refused: u64,
    /// Read requests that got no answer: the client has repeated them while one waited, or they have waited too long, or there
    /// were too many. Each of `tftp_requests` is one of these, or one of `transfers_started`, `files_not_found` or
    /// `files_refused`, or it waits.
    pub tftp_drops: u64,
    /// Bytes of files that were sent for the first time.
    pub bytes_sent: u64,
    /// Blocks of files that were sent again.
    pub blocks_repeated: u64,
}

/// Requests that were not answered for one reason.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Drop {
    /// The identifier of the reason.
    pub reason: String,
    /// The number of requests.
    pub count: u64,
}

impl Counters {
    /// Adds what another process has counted.
    pub fn add(&mut self, other: &Self) {
        for (own, more) in self.numbers().into_iter().zip(other.clone().numbers()) {
            *own = own.saturating_add(*more);
        }
        for drop in &other.dhcp_drops {
            match self.dhcp_drops.iter_mut().find(|own| own.reason == drop.reason) {
                Some(own) => own.count = own.count.saturating_add(drop.count),
                None => self.dhcp_drops.push(drop.clone()),
            }
        }
    }

    /// Transfers that failed for another reason than a cancellation by the client or another request.
    pub fn other_failures(&self) -> u64 {
        let known = self.transfers_cancelled.saturating_add(self.transfers_evicted);
        self.transfers_failed.saturating_sub(known)
    }

    /// All counters except `dhcp_drops`.
    fn numbers(&mut self) -> [&mut u64; 15] {
        let Self {
            offers,
            pxe_answers,
            dhcp_requests,
            dhcp_drops: _,
            dhcp_send_errors,
            tftp_requests,
            transfers_started,
            transfers_completed,
            transfers_failed,
            transfers_cancelled,
            transfers_evicted,
            files_not_found,
            files_refused,
            tftp_drops,
            bytes_sent,
            blocks_repeated,
        } = self;
        [
            offers,
            pxe_answers,
            dhcp_requests,
            dhcp_send_errors,
            tftp_requests,
            transfers_started,
            transfers_completed,
            transfers_failed,
            transfers_cancelled,
            transfers_evicted,
            files_not_found,
            files_refused,
            tftp_drops,
            bytes_sent,
            blocks_repeated,
        ]
    }
}

/// A limit.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Limit {
    /// Its identifier: `transfers`, `queued_requests`, `observed_machines`, `neighbour_entries`, `open_files`.
    pub id: String,
    /// How much is used.
    pub used: u64,
    /// The limit.
    pub limit: u64,
    /// How to raise it: the option or the sysctl. Empty: it is fixed.
    pub setting: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_of_two_processes_are_added_and_drops_by_reason() {
        let drops = |list: &[(&str, u64)]| {
            let drop = |(reason, count): &(&str, u64)| Drop {
                reason: (*reason).to_owned(),
                count: *count,
            };
            list.iter().map(drop).collect::<Vec<_>>()
        };
        let mut first =
            Counters { dhcp_drops: drops(&[("a", 1), ("b", 2)]), ..Counters::default() };
        let mut second =
            Counters { dhcp_drops: drops(&[("c", 5), ("b", 3)]), ..Counters::default() };
        for (value, number) in (1..).zip(first.numbers()) {
            *number = value;
        }
        for number in second.numbers() {
            *number = 100;
        }
        first.add(&second);
        assert_eq!(first.dhcp_drops, drops(&[("a", 1), ("b", 5), ("c", 5)]));
        assert!(first.numbers().into_iter().map(|number| *number).eq(101..=115));
    }

    #[test]
    fn each_stage_has_the_identifier_of_the_document() {
        for (stage, id, _) in STAGES {
            assert_eq!(serde_json::to_value(stage).ok(), Some(id.into()));
        }
        let stages: std::collections::BTreeSet<Stage> =
            STAGES.iter().map(|(stage, ..)| *stage).collect();
        assert_eq!(stages.len(), STAGES.len());
    }

    #[test]
    fn transfer_without_an_ack_has_stopped_unless_it_waits_for_a_disk() {
        let machine = |idle_ms| Machine { idle_ms, ..Machine::default() };
        let (runs, waits) =
            (Transfer::default(), Transfer { waits_for_disk: true, ..Transfer::default() });
        assert_eq!(
            (machine(2999).stopped_ms(&runs), machine(3000).stopped_ms(&runs)),
            (None, Some(3000))
        );
        assert_eq!(machine(3000).stopped_ms(&waits), None);
    }

    #[test]
    fn stage_of_another_version_is_unknown() {
        assert_eq!(serde_json::from_str::<Stage>("\"failed\"").ok(), Some(Stage::Failed));
        assert_eq!(serde_json::from_str::<Stage>("\"new\"").ok(), Some(Stage::Unknown));
    }
}
