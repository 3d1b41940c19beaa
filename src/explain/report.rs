//! The report as data, which `--json` prints.

use crate::proxydhcp::DropReason;
use crate::proxydhcp::explain::skipped::Distance;
use serde::{Serialize, Serializer};
use std::net::Ipv4Addr;

/// The results of all simulations.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Configuration files.
    pub files: Vec<String>,
    /// Warnings about the configuration.
    pub warnings: Vec<String>,
    /// One result for each client.
    pub clients: Vec<Conversation>,
    /// For each `arch=all` one result for each architecture.
    pub tables: Vec<Vec<Conversation>>,
}

/// The simulated boot of one client.
#[derive(Clone, Debug, Serialize)]
pub struct Conversation {
    /// The description of the client.
    pub client: String,
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
    pub address: Ipv4Addr,
    /// How its boot ended in the log, if the client is from a log.
    pub observed: Vec<String>,
    /// Assumptions of the simulation.
    pub assumed: Vec<String>,
    /// Requests and replies, in order.
    pub exchanges: Vec<Exchange>,
    /// The files that it would load.
    pub boots: Vec<BootFile>,
    /// Whether each of these files can be read, or is on another server.
    pub works: bool,
    /// The result as a sentence; if it does not work, the reason.
    pub verdict: String,
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
    /// The line, as `file:number`.
    pub line: Option<String>,
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
    /// The line, as `file:number`.
    pub line: String,
    /// What the line would do.
    pub would_yield: String,
    /// Why it was not used.
    pub reason: String,
    /// Order of skipped lines in a verdict.
    #[serde(skip)]
    pub distance: Distance,
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
    /// The line with its name, as `file:number`.
    pub line: Option<String>,
    /// Its path on this machine.
    pub path: Option<String>,
    /// Its size in bytes, if it can be read.
    pub size: Option<u64>,
    /// Why the client cannot load it.
    pub problem: Option<String>,
}

impl BootFile {
    /// A file without line, path and problem.
    pub fn of(name: &str, server: &str, entry: Option<String>) -> Self {
        Self {
            name: name.to_owned(),
            server: server.to_owned(),
            entry,
            line: None,
            path: None,
            size: None,
            problem: None,
        }
    }
}

impl Serialize for DropReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
