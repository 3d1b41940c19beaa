//! `--explain`: simulates the boot of a client and reports the lines of the configuration that made each reply. It opens
//! no socket and needs no root.
//!
//! ```text
//! mac=…,arch=… ─► ClientSpec ─► Scenario ─ simulate ─► proxydhcp::evaluate ─ report_builder ─► Report ─► text, JSON
//! ```

mod client_spec;
mod received_reply;
mod report;
mod report_builder;
mod scenario;
mod simulate;
mod text;

use crate::byte_text::to_utf8;
use crate::capture::{self, CaptureError};
use crate::error::StartupError;
use crate::proxydhcp::PXE_PORT;
use crate::story::{Boot, boots_of};
use crate::wire::client_arch::Architecture;
use crate::wire::pxe::{IPXE_USER_CLASS, is_ipxe};
use client_spec::ClientSpec;
use report::{BootFile, Conversation, Report};
pub use simulate::Environment;
use simulate::{replay, simulate};

/// The arguments of `--explain`.
pub struct ExplainRequest<'q> {
    /// Descriptions of clients, converted by [`to_text`](crate::byte_text::to_text).
    pub clients: &'q [String],
    /// Whether the output is JSON.
    pub json: bool,
}

/// The output, and whether all clients boot.
pub struct ExplainOutput {
    /// The text for standard output.
    pub text: String,
    /// Whether each client boots.
    pub works: bool,
}

const X86_BIOS: Architecture = Architecture(0);
const X64_UEFI: Architecture = Architecture(7);

/// Simulates the clients of a request.
pub fn explain(
    request: &ExplainRequest<'_>,
    environment: &mut Environment,
    files: Vec<String>,
    warnings: Vec<String>,
) -> Result<ExplainOutput, StartupError> {
    let mut report = Report { files, warnings, clients: Vec::new(), tables: Vec::new() };
    for text in request.clients {
        add_clients(&mut report, text, environment)?;
    }
    let works = report.clients.iter().all(|client| client.works);
    let text = if request.json { to_json(&report)? } else { report.to_string() };
    Ok(ExplainOutput { text, works })
}

/// Adds the clients of one `--explain`: those of a capture, those of a log, or one that is described.
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
        return report.add(replay(environment, &datagrams, interface), path);
    }
    if let Some(Source { path, interface }) = Source::parse(text, "log=") {
        let logged = of_log(&boots_of(path)?, interface);
        let clients = logged.iter().flat_map(|client| repeat(environment, client)).collect();
        return report.add(clients, path);
    }
    let client = ClientSpec::parse(text)
        .map_err(|error| StartupError::config(format!("bad --explain: {error}")))?;
    if let Some(architecture) = client.architecture {
        report.clients.extend(boots(environment, &client, architecture));
    } else {
        let all = Architecture::all().map(|one| simulate(environment, &client, one));
        report.tables.push(all.collect());
    }
    Ok(())
}

fn to_json(report: &Report) -> Result<String, StartupError> {
    let json = serde_json::to_string_pretty(report)
        .map_err(|error| StartupError::other(format!("cannot write JSON: {error}")))?;
    Ok(to_utf8(&json).into_owned() + "\n")
}

impl Report {
    /// Adds the clients of a file; `Err` if there are none.
    fn add(&mut self, clients: Vec<Conversation>, path: &str) -> Result<(), StartupError> {
        if clients.is_empty() {
            return Err(StartupError::file(format!("there is no PXE client in {path}")));
        }
        self.clients.extend(clients);
        Ok(())
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
    let most_frequent = [X86_BIOS, X64_UEFI];
    let known = client.architecture.as_slice();
    let architectures = if known.is_empty() { &most_frequent[..] } else { known };
    let mut all = Vec::new();
    for one in architectures {
        let client = ClientSpec { architecture: Some(*one), ..client.clone() };
        all.extend(boots(environment, &client, *one));
    }
    for boot in &mut all {
        boot.observed.push(observed.clone());
    }
    all
}

/// The boot of a client; if its boot file is iPXE, also the boot of iPXE.
fn boots(
    environment: &mut Environment,
    client: &ClientSpec,
    architecture: Architecture,
) -> Vec<Conversation> {
    let first = simulate(environment, client, architecture);
    if client.is_ipxe() {
        return vec![flag_ipxe_loop(first)];
    }
    // Firmware that loads URLs does not need iPXE.
    let loads_ipxe = !architecture.is_http() && first.boots.first().is_some_and(is_ipxe_file);
    let mut all = vec![first];
    if loads_ipxe {
        let user_class = Some(IPXE_USER_CLASS.to_vec());
        let ipxe = ClientSpec { user_class, ..client.clone() };
        all.push(flag_ipxe_loop(simulate(environment, &ipxe, architecture)));
    }
    all
}

/// Marks the boot of an iPXE that loads iPXE again: it does not end.
fn flag_ipxe_loop(mut boot: Conversation) -> Conversation {
    // The first entry of a menu is loaded, if the user chooses none.
    if let Some(file) = boot.boots.first().filter(|file| is_ipxe_file(file)) {
        let line = file.line.clone().unwrap_or_else(|| "a line".to_owned());
        boot.works = false;
        boot.verdict = format!(
            "{line} sends {} also to iPXE, which then loads it again without end: set a tag for iPXE (dhcp-match=set:ipxe,175), \
             exclude it from that line (tag:!ipxe), and add a line with its boot file (dhcp-boot=tag:ipxe,...)",
            file.name
        );
    }
    boot
}

fn is_ipxe_file(boot: &BootFile) -> bool {
    boot.problem.is_none() && is_ipxe(boot.name.as_bytes())
}
