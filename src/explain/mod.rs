//! `--explain`: what a client would be told, and by which lines. Offline: it opens no socket and needs no root.
//!
//! ```text
//! mac=…,arch=… ─ client ─► Client ─ stage ─► where ─ dialogue ─► judge() of proxydhcp ─ telling ─► Report ─► text, JSON
//! ```

mod client_spec;
mod pcap;
mod report;
mod report_builder;
mod scenario;
mod simulate;
mod text;

use crate::byte_text::to_utf8;
use crate::error::StartupError;
use crate::proxydhcp::PXE_PORT;
use crate::story::{Boot, boots_of};
use crate::wire::client_arch::Architecture;
use crate::wire::pxe::{IPXE_USER_CLASS, is_ipxe};
use client_spec::ClientSpec;
use pcap::CaptureError;
use report::{BootFile, Conversation, Report};
pub use simulate::Environment;
use simulate::{replay, simulate};

/// What is asked for.
pub struct ExplainRequest<'q> {
    /// Clients, each as it is described, by [`to_text`](crate::byte_text::to_text).
    pub clients: &'q [String],
    /// Whether programs read the answer.
    pub json: bool,
}

/// An answer, and whether every client that was asked about boots.
pub struct ExplainOutput {
    /// To be printed.
    pub text: String,
    /// Whether all goes well.
    pub works: bool,
}

const X86_BIOS: Architecture = Architecture(0);
const X64_UEFI: Architecture = Architecture(7);

/// Answers.
pub fn explain(
    question: &ExplainRequest<'_>,
    world: &mut Environment,
    files: Vec<String>,
    warnings: Vec<String>,
) -> Result<ExplainOutput, StartupError> {
    let mut report = Report { files, warnings, clients: Vec::new(), tables: Vec::new() };
    for text in question.clients {
        if let Some(Source { path, interface }) = Source::parse(text, "pcap=") {
            let unreadable =
                |why: CaptureError| StartupError::file(format!("cannot read {path}: {why}"));
            let ports = [world.config.dhcp.server_port, PXE_PORT];
            let seen = pcap::datagrams(path, &ports).map_err(unreadable)?;
            let told = replay(world, &seen, interface);
            report.add(told, path)?;
        } else if let Some(Source { path, interface }) = Source::parse(text, "log=") {
            let logged = of_log(&boots_of(path)?, interface);
            let told = logged.iter().flat_map(|seen| repeated(world, seen)).collect();
            report.add(told, path)?;
        } else {
            let client = ClientSpec::parse(text)
                .map_err(|wrong| StartupError::config(format!("bad --explain: {wrong}")))?;
            if let Some(architecture) = client.architecture {
                report.clients.extend(scenarios(world, &client, architecture));
            } else {
                let all = Architecture::all().map(|one| simulate(world, &client, one));
                report.tables.push(all.collect());
            }
        }
    }
    let works = report.clients.iter().all(|told| told.works);
    let text = if question.json {
        let json = serde_json::to_string_pretty(&report);
        to_utf8(&json.map_err(|error| StartupError::other(format!("cannot write JSON: {error}")))?)
            .into_owned()
            + "\n"
    } else {
        report.to_string()
    };
    Ok(ExplainOutput { text, works })
}

impl Report {
    /// Adds the clients of a file; there have to be some.
    fn add(&mut self, told: Vec<Conversation>, path: &str) -> Result<(), StartupError> {
        if told.is_empty() {
            return Err(StartupError::file(format!("there is no PXE client in {path}")));
        }
        self.clients.extend(told);
        Ok(())
    }
}

/// A client of a log, and how it went with it there.
struct Logged {
    client: ClientSpec,
    observed: String,
}

/// A file with clients in it: `pcap=…[,interface=…]`.
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

/// The clients of a log, each once.
fn of_log(boots: &[Boot], interface: Option<&str>) -> Vec<Logged> {
    let mut all: Vec<Logged> = Vec::new();
    for boot in boots.iter().rev() {
        let Some(client) = ClientSpec::of_boot(boot) else { continue };
        if !all.iter().any(|known| known.client.mac == client.mac) {
            let observed = format!("in the log: {}", boot.ending().verdict);
            let interface = interface.map(str::to_owned);
            all.push(Logged { client: ClientSpec { interface, ..client }, observed });
        }
    }
    all.reverse();
    all
}

/// How it would go with it today. Of a client that the log tells little about: as the two that there are most of.
fn repeated(world: &mut Environment, logged: &Logged) -> Vec<Conversation> {
    let Logged { client, observed } = logged;
    let unknown = [X86_BIOS, X64_UEFI];
    let known = client.architecture.as_slice();
    let architectures = if known.is_empty() { &unknown[..] } else { known };
    let told = architectures.iter().flat_map(|one| {
        let asked = ClientSpec { architecture: Some(*one), ..client.clone() };
        scenarios(world, &asked, *one)
    });
    let mut told: Vec<Conversation> = told.collect();
    told.iter_mut().for_each(|one| one.observed.push(observed.clone()));
    told
}

/// The client; and if it is sent iPXE, what that is told when it asks again.
fn scenarios(
    world: &mut Environment,
    client: &ClientSpec,
    architecture: Architecture,
) -> Vec<Conversation> {
    let first = simulate(world, client, architecture);
    if client.is_ipxe() {
        return vec![flag_ipxe_loop(first)];
    }
    // What takes URLs has no use for a second stage.
    let chains = !architecture.is_http() && first.boots.first().is_some_and(is_sent_ipxe);
    let second = chains.then(|| {
        let as_ipxe = ClientSpec { user_class: Some(IPXE_USER_CLASS.to_vec()), ..client.clone() };
        flag_ipxe_loop(simulate(world, &as_ipxe, architecture))
    });
    std::iter::once(first).chain(second).collect()
}

/// iPXE that is sent iPXE loads it for ever.
fn flag_ipxe_loop(mut told: Conversation) -> Conversation {
    // Of a menu what stands first is loaded, if nobody chooses.
    if let Some(boot) = told.boots.first().filter(|boot| is_sent_ipxe(boot)) {
        let line = boot.line.clone().unwrap_or_else(|| "a line".to_owned());
        told.works = false;
        told.verdict = format!(
            "{line} sends {} to iPXE too, which loads it again for ever: set a tag for iPXE (dhcp-match=set:ipxe,175), \
             keep it off that line (tag:!ipxe), and give it what it is to boot (dhcp-boot=tag:ipxe,...)",
            boot.name
        );
    }
    told
}

fn is_sent_ipxe(boot: &BootFile) -> bool {
    boot.problem.is_none() && is_ipxe(boot.name.as_bytes())
}
