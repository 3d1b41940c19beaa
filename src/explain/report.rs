//! What there is to tell, as data: what `--json` prints.

use crate::proxydhcp::DropReason;
use crate::proxydhcp::explain::skipped::Distance;
use serde::{Serialize, Serializer};
use std::net::Ipv4Addr;

/// The answer to all that was asked.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Files that were read.
    pub files: Vec<String>,
    /// Remarks on the configuration.
    pub warnings: Vec<String>,
    /// One for each client.
    pub clients: Vec<Conversation>,
    /// For each `arch=all` one for each architecture.
    pub tables: Vec<Vec<Conversation>>,
}

/// How it goes with one client.
#[derive(Clone, Debug, Serialize)]
pub struct Conversation {
    /// The client, in words.
    pub client: String,
    /// Its hardware address.
    pub mac: String,
    /// What it calls itself (option 77).
    pub user_class: Option<String>,
    /// Number of its architecture (option 93).
    pub architecture: u16,
    /// Its name, if it has one.
    pub architecture_name: Option<&'static str>,
    /// The interface it is taken to ask by.
    pub interface: String,
    /// Our address there.
    pub server: Ipv4Addr,
    /// Its address, once it has one.
    pub address: Ipv4Addr,
    /// What was seen of it, in a capture or a log.
    pub observed: Vec<String>,
    /// What had to be made up.
    pub assumed: Vec<String>,
    /// What is asked and answered, in order.
    pub exchanges: Vec<Exchange>,
    /// The files it would ask for.
    pub boots: Vec<BootFile>,
    /// Whether it gets as far as a file that is there, or one of another server.
    pub works: bool,
    /// The same in a sentence; where it does not work, why.
    pub verdict: String,
}

/// A message and its answer.
#[derive(Clone, Debug, Serialize)]
pub struct Exchange {
    /// `DISCOVER`, `REQUEST`.
    pub message: String,
    /// What it is about, in words.
    pub description: String,
    /// The port it comes to.
    pub port: u16,
    /// The answer.
    pub answer: Option<Reply>,
    /// DropReason there is none.
    pub drop_reason: Option<DropReason>,
    /// Tags, in the order they were set.
    pub tags: Vec<Tag>,
    /// Lines that nearly had a part in it.
    pub passed_over: Vec<SkippedRule>,
}

/// An answer.
#[derive(Clone, Debug, Serialize)]
pub struct Reply {
    /// `OFFER`, `ACK`.
    pub message: String,
    /// Where it goes.
    pub to: String,
    /// Its parts.
    pub fields: Vec<Field>,
    /// What went wrong on the way, in the log's words.
    pub warnings: Vec<String>,
}

/// Part of an answer.
#[derive(Clone, Debug, Serialize)]
pub struct Field {
    /// Its name.
    pub name: String,
    /// Its value.
    pub value: String,
    /// The kind of line that made it; `None`: it is always so.
    pub keyword: Option<&'static str>,
    /// The line, as `file:number`.
    pub line: Option<String>,
}

/// A tag.
#[derive(Clone, Debug, Serialize)]
pub struct Tag {
    /// Its name.
    pub tag: String,
    /// The line that set it, or what else did.
    pub set_by: String,
}

/// A line that nearly had a part in an answer.
#[derive(Clone, Debug, Serialize)]
pub struct SkippedRule {
    /// The kind of line.
    pub keyword: &'static str,
    /// The line, as `file:number`.
    pub line: String,
    /// What it would have given.
    pub would_yield: String,
    /// DropReason it did not.
    pub reason: String,
    /// How far it was from it.
    #[serde(skip)]
    pub distance: Distance,
    /// What would help.
    pub hints: Vec<String>,
}

/// A file that the client would ask for.
#[derive(Clone, Debug, Serialize)]
pub struct BootFile {
    /// The name, as it is asked for.
    pub name: String,
    /// Of which server.
    pub server: String,
    /// The entry of the menu that leads there.
    pub entry: Option<String>,
    /// The line that named it, as `file:number`.
    pub line: Option<String>,
    /// Where it is here.
    pub path: Option<String>,
    /// Its size in bytes, if it is there and may be read.
    pub size: Option<u64>,
    /// DropReason it would not be sent.
    pub problem: Option<String>,
}

impl Serialize for DropReason {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}
