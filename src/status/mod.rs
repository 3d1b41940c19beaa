//! What a running server does at this moment: the document that `--status` gets, and its views.
//!
//! The server makes the document and sends it as JSON over the control socket ([`crate::control`]); `--status` reads it. The two
//! may be different versions of the program: unknown keys are ignored, and missing ones have a default.

use serde::{Deserialize, Serialize};

/// Increased when a key is removed or changes its meaning.
pub const SCHEMA: u32 = 1;

/// The state of a server. All durations are in milliseconds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
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
    /// The last file that it requested was not sent.
    Refused,
    /// A stage of another version of the program.
    #[default]
    #[serde(other)]
    Unknown,
}

/// A transfer.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct Transfer {
    /// The path that was opened. Bytes that are not UTF-8 are U+FFFD.
    pub file: String,
    /// The bytes that are to be sent.
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
    /// Offers that were sent.
    pub offers: u64,
    /// Answers to requests on port 4011, and to choices from the menu.
    pub pxe_answers: u64,
    /// DHCP requests that were received.
    pub dhcp_requests: u64,
    /// DHCP requests that were not answered, by reason.
    pub dhcp_drops: Vec<Drop>,
    /// DHCP replies that could not be sent.
    pub dhcp_send_errors: u64,
    /// Read requests that were received.
    pub tftp_requests: u64,
    /// Transfers that began.
    pub transfers_started: u64,
    /// Transfers whose last block was acknowledged.
    pub transfers_completed: u64,
    /// Transfers that ended before.
    pub transfers_failed: u64,
    /// Transfers that were ended because another request needed their slot.
    pub transfers_evicted: u64,
    /// Requests that were refused because there was no such file.
    pub files_not_found: u64,
    /// Requests that were refused for another reason.
    pub files_refused: u64,
    /// Bytes of files that were sent for the first time.
    pub bytes_sent: u64,
    /// Blocks that were sent again.
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

impl Counters {
    /// Adds what another process has counted.
    pub fn add(&mut self, other: &Self) {
        self.offers += other.offers;
        self.pxe_answers += other.pxe_answers;
        self.dhcp_requests += other.dhcp_requests;
        self.dhcp_send_errors += other.dhcp_send_errors;
        self.tftp_requests += other.tftp_requests;
        self.transfers_started += other.transfers_started;
        self.transfers_completed += other.transfers_completed;
        self.transfers_failed += other.transfers_failed;
        self.transfers_evicted += other.transfers_evicted;
        self.files_not_found += other.files_not_found;
        self.files_refused += other.files_refused;
        self.bytes_sent += other.bytes_sent;
        self.blocks_repeated += other.blocks_repeated;
    }
}
