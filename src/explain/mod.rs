//! `--explain`: simulates the boot of a client and reports the lines of the configuration that made each reply. It opens
//! no socket and needs no root.
//!
//! ```text
//! mac=…,arch=… ─► ClientSpec ─► Kind ─ simulate ─► proxydhcp::evaluate ─► boot_check ─► conclusion ─► Report ─► text, JSON
//! ```
//!
//! Each client has one of three results: it boots, it does not boot, or it cannot be known from here, because another machine
//! or another program decides it. [`findings()`] plays the usual clients for `--test`.

mod boot_check;
mod boots;
mod client_message;
mod client_spec;
mod conclusion;
mod environment;
mod findings;
mod kinds;
mod machine_tags;
mod outcome;
mod pi_files;
mod raspberry_pi;
mod received_reply;
mod report;
mod report_builder;
mod scenario;
mod simulate;
mod table;
#[cfg(test)]
mod tests;
mod text;

use crate::byte_text::to_utf8;
use crate::capture::{self, CaptureError};
use crate::error::StartupError;
use crate::finding::Finding;
use crate::proxydhcp::PXE_PORT;
use crate::reason::ReplyReason;
use crate::story::{Boot, boots_of};
use crate::terminal::Layout;
use boots::{boots, without_loading};
use client_spec::{ClientSpec, Which};
pub use environment::Environment;
pub use findings::findings;
use kinds::{BIOS, Kind, X64_UEFI};
pub use outcome::ReportedFinding;
use outcome::{Line, Outcome};
use report::{Conversation, Report};
use simulate::replay;

/// The version of the JSON output.
const SCHEMA: u32 = 1;

/// The arguments of `--explain`.
pub struct ExplainRequest<'q> {
    /// Descriptions of clients, converted by [`to_text`](crate::byte_text::to_text).
    pub clients: &'q [String],
    /// Whether the output is JSON.
    pub json: bool,
    /// The layout of the text.
    pub layout: Layout,
    /// The files of the configuration.
    pub files: Vec<String>,
    /// What `--test` finds in it.
    pub findings: Vec<Finding>,
    /// Why the program does not start.
    pub start: StartErrors,
}

/// Why the program does not start, so that no client boots.
#[derive(Clone, Debug, Default)]
pub struct StartErrors {
    /// Because of the configuration, on any machine.
    pub anywhere: Option<Finding>,
    /// Because of this machine. It does not concern a configuration for another one.
    pub here: Option<Finding>,
}

/// The output, and whether a client does not boot.
pub struct ExplainOutput {
    /// The text for standard output.
    pub text: String,
    /// Whether a client does not boot. Of a table, all of them.
    pub has_failure: bool,
}

/// Simulates the clients of a request.
pub fn explain(
    request: ExplainRequest<'_>,
    environment: &mut Environment,
) -> Result<ExplainOutput, StartupError> {
    let ExplainRequest { clients, json, layout, files, findings, start } = request;
    let findings = findings.into_iter().map(ReportedFinding).collect();
    let mut report =
        Report { schema: SCHEMA, files, findings, clients: Vec::new(), tables: Vec::new() };
    for text in clients {
        add_clients(&mut report, text, environment)?;
    }
    report.refuse(&start);
    let text = if json { to_json(&report)? } else { text::text(&report, layout) };
    Ok(ExplainOutput { text, has_failure: report.has_failure() })
}

/// Adds the clients of one `--explain`: those of a capture, those of a log, or those that are described.
fn add_clients(
    report: &mut Report,
    text: &str,
    environment: &mut Environment,
) -> Result<(), StartupError> {
    if let Some(Source { path, interface }) = Source::parse(text, "pcap=") {
        let unreadable =
            |error: CaptureError| StartupError::file(format!("cannot read {path}: {error}"));
        let ports = [environment.config.dhcp.server_port, PXE_PORT];
        let datagrams = capture::datagrams(path, &ports).map_err(unreadable)?;
        let replayed = replay(environment, &datagrams, interface).into_iter();
        let checked = replayed.map(|one| if one.is_ipxe { without_loading(one) } else { one });
        return report.add(checked.collect(), path);
    }
    if let Some(Source { path, interface }) = Source::parse(text, "log=") {
        let logged = of_log(&boots_of(path)?, interface);
        let clients = logged.iter().flat_map(|client| repeat(environment, client)).collect();
        return report.add(clients, path);
    }
    let client = ClientSpec::parse(text)
        .map_err(|error| StartupError::config(format!("bad --explain: {error}")))?;
    report.simulate(&client, environment);
    Ok(())
}

fn to_json(report: &Report) -> Result<String, StartupError> {
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| StartupError::other(format!("cannot write JSON: {error}")))?;
    Ok(to_utf8(&json).into_owned() + "\n")
}

impl Report {
    /// Adds the clients of a description.
    fn simulate(&mut self, client: &ClientSpec, environment: &mut Environment) {
        let kinds = match (client.which, client.architecture) {
            (Which::One, Some(architecture)) => vec![Kind::firmware(client, architecture)],
            (Which::Ipxe, _) => Kind::ipxe(client).into(),
            (Which::RaspberryPi, _) => vec![Kind::raspberry_pi(client, &environment.config)],
            _ => {
                let rows = Kind::table(client, &environment.config);
                let row = |kind: &Kind| boots::one(environment, kind);
                return self.tables.push(rows.iter().map(row).collect());
            }
        };
        self.clients.extend(kinds.iter().flat_map(|kind| boots(environment, kind)));
    }

    /// Adds the clients of a file; `Err` if there are none.
    fn add(&mut self, clients: Vec<Conversation>, path: &str) -> Result<(), StartupError> {
        if clients.is_empty() {
            return Err(StartupError::file(format!("there is no PXE client in {path}")));
        }
        self.clients.extend(clients);
        Ok(())
    }

    /// Changes the results of the clients, because the program does not start.
    fn refuse(&mut self, start: &StartErrors) {
        for client in self.clients.iter_mut().chain(self.tables.iter_mut().flatten()) {
            let here = start.here.as_ref().filter(|_| !client.is_elsewhere);
            if let Some(error) = start.anywhere.as_ref().or(here) {
                let line = error.origin.as_ref().and_then(Line::of);
                let why = error.reason.to_string();
                client.verdict =
                    Outcome::fails(ReplyReason::StartRefused { why }).at(line.as_ref());
                // No file is sent.
                client.boots.clear();
            }
        }
    }
}

/// A client of a log, and how its last boot ended.
struct Logged {
    client: ClientSpec,
    observed: String,
}

/// A file with clients: `pcap=…[,interface=…]`.
struct Source<'t> {
    path: &'t str,
    interface: Option<&'t str>,
}

impl<'t> Source<'t> {
    fn parse(text: &'t str, kind: &str) -> Option<Self> {
        let rest = text.strip_prefix(kind)?;
        Some(match rest.rsplit_once(",interface=") {
            Some((path, interface)) => Self { path, interface: Some(interface) },
            None => Self { path: rest, interface: None },
        })
    }
}

/// The clients of a log, each once, with its last boot.
fn of_log(boots: &[Boot], interface: Option<&str>) -> Vec<Logged> {
    let mut all: Vec<Logged> = Vec::new();
    for boot in boots.iter().rev() {
        let Some(client) = ClientSpec::of_boot(boot) else { continue };
        if !all.iter().any(|known| known.client.mac == client.mac) {
            let observed = format!("in the log: {}", boot.verdict().text);
            let interface = interface.map(str::to_owned);
            all.push(Logged { client: ClientSpec { interface, ..client }, observed });
        }
    }
    all.reverse();
    all
}

/// Simulates a client of a log. If its architecture is not in the log, the two most frequent ones are simulated.
fn repeat(environment: &mut Environment, logged: &Logged) -> Vec<Conversation> {
    let Logged { client, observed } = logged;
    let most_frequent = [BIOS, X64_UEFI];
    let known = client.architecture.as_slice();
    let architectures = if known.is_empty() { &most_frequent[..] } else { known };
    let kinds = architectures.iter().map(|one| Kind::firmware(client, *one));
    let mut all: Vec<Conversation> = kinds.flat_map(|kind| boots(environment, &kind)).collect();
    for boot in &mut all {
        boot.observed.push(observed.clone());
    }
    all
}
