//! The report as data, which `--json` prints.

use super::outcome::{Line, Outcome, ReportedFinding};
use crate::proxydhcp::DropReason;
use crate::proxydhcp::explain::skipped::Distance;
use crate::reason::Verdict;
use serde::{Serialize, Serializer};
use std::net::Ipv4Addr;

/// The results of all simulations.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Version of this format. It changes when a key is removed or gets another meaning.
    pub schema: u32,
    /// Configuration files.
    pub files: Vec<String>,
    /// What `--test` finds in the configuration.
    pub findings: Vec<ReportedFinding>,
    /// One result for each client, and one more for iPXE if a client loads it.
    pub clients: Vec<Conversation>,
    /// For each `arch=all` one result for each kind of client.
    pub tables: Vec<Vec<Conversation>>,
}

impl Report {
    /// Whether a client does not boot. A table counts if none of its clients boots, as far as it can be known.
    pub fn has_failure(&self) -> bool {
        let fails = |client: &Conversation| client.verdict.verdict == Verdict::DoesNotBoot;
        self.clients.iter().any(fails) || self.tables.iter().any(|table| table.iter().all(fails))
    }
}

/// The simulated boot of one client.
#[derive(Clone, Debug, Serialize)]
pub struct Conversation {
    /// The description of the client.
    pub client: String,
    /// The kind of client, for a table: `UEFI x64`.
    pub kind: String,
    /// Hardware address.
    pub mac: String,
    /// User class (option 77).
    pub user_class: Option<String>,
    /// Number of the architecture (option 93).
    pub architecture: u16,
    /// Name of the architecture, if it has one.
    pub architecture_name: Option<&'static str>,
    /// The interface on which its requests are received.
    pub interface: String,
    /// Our address on that interface.
    pub server: Ipv4Addr,
    /// The address of the client after its DHCP server has assigned one.
    #[serde(rename = "ip")]
    pub address: Ipv4Addr,
    /// How its boot ended in the log, if the client is from a log.
    pub observed: Vec<String>,
    /// Assumptions of the simulation.
    pub assumed: Vec<String>,
    /// Requests and replies, in order.
    pub exchanges: Vec<Exchange>,
    /// The files that it would load: one, or that of each menu entry.
    pub boots: Vec<BootFile>,
    /// The result. With a menu, it is that of the first entry, which the client chooses unless the user does.
    pub verdict: Outcome,
    /// Whether the client is iPXE.
    #[serde(skip)]
    pub is_ipxe: bool,
    /// Whether the server is another machine.
    #[serde(skip)]
    pub is_elsewhere: bool,
}

/// A request and its reply.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// `DISCOVER`, `REQUEST`.
    pub message: String,
    /// The purpose of the request.
    pub description: String,
    /// The destination port.
    pub port: u16,
    /// The reply.
    pub answer: Option<Reply>,
    /// Why no reply is sent.
    pub drop_reason: Option<DropReason>,
    /// Tags, in the order in which they were set.
    pub tags: Vec<Tag>,
    /// Lines that were not used.
    pub skipped_rules: Vec<SkippedRule>,
}

/// A reply.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    /// `OFFER`, `ACK`.
    pub message: String,
    /// Destination address and port.
    pub to: String,
    /// The parts of the reply.
    pub fields: Vec<Field>,
    /// Log lines about problems while the reply was made.
    pub warnings: Vec<String>,
}

/// A part of a reply.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Name of the part.
    pub name: String,
    /// Value of the part.
    pub value: String,
    /// The option of the line that made it; `None`: no line did.
    pub keyword: Option<&'static str>,
    /// The line.
    #[serde(flatten)]
    pub line: Option<Line>,
}

/// A tag.
#[derive(Clone, Debug, Serialize)]
pub struct Tag {
    /// Name of the tag.
    pub tag: String,
    /// The line that set it, or `the interface`, or `the request`.
    pub set_by: String,
}

/// A line that was not used.
#[derive(Clone, Debug, Serialize)]
pub struct SkippedRule {
    /// The option of the line.
    pub keyword: &'static str,
    /// The line.
    #[serde(flatten)]
    pub line: Line,
    /// What the line would do.
    pub would_yield: String,
    /// Why it was not used.
    pub reason: String,
    /// Order of skipped lines in a verdict.
    #[serde(skip)]
    pub distance: Distance,
    /// The tag that is not set.
    #[serde(skip)]
    pub missing_tag: Option<Vec<u8>>,
    /// Lines that set the missing tag, or have set the excluded one.
    pub hints: Vec<String>,
}

/// A file that the client would load.
#[derive(Clone, Debug, Serialize)]
pub struct BootFile {
    /// The name in the reply.
    pub name: String,
    /// The server of the file.
    pub server: String,
    /// The menu entry of the file.
    pub entry: Option<String>,
    /// Its path on this machine.
    pub path: Option<String>,
    /// The line of the TFTP root.
    pub root: Option<Line>,
    /// Its size in bytes, if it can be read.
    #[serde(rename = "bytes")]
    pub size: Option<u64>,
    /// Whether the client boots with it.
    pub verdict: Outcome,
    /// A condition that may be true for this client.
    pub hint: Option<String>,
    /// The option of the line.
    #[serde(skip)]
    pub keyword: &'static str,
    /// Whether it is iPXE, which sends requests of its own.
    #[serde(skip)]
    pub ipxe: Option<LoadedIpxe>,
}

/// An iPXE that was loaded.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LoadedIpxe {
    /// It has no script of its own.
    Plain,
    /// It has an embedded script, or one in its directory.
    Scripted,
    /// It is not known whether it has one.
    Unknown,
}

impl BootFile {
    /// A file without path and size.
    pub fn of(name: &str, server: &str, entry: Option<String>, verdict: Outcome) -> Self {
        Self {
            name: name.to_owned(),
            server: server.to_owned(),
            entry,
            path: None,
            root: None,
            size: None,
            verdict,
            hint: None,
            keyword: "",
            ipxe: None,
        }
    }
}

impl Serialize for DropReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
