//! `--explain`: what a client would be told, and by which lines. Offline: it opens no socket and needs no root.
//!
//! ```text
//! mac=…,arch=… ─ client ─► Client ─ stage ─► where ─ dialogue ─► judge() of proxydhcp ─ telling ─► Report ─► text, JSON
//! ```

mod capture;
mod client;
mod dialogue;
mod report;
mod stage;
mod telling;
mod text;

use crate::failure::Failure;
use crate::wire::architectures::Architecture;
use client::Client;
pub use dialogue::World;
use dialogue::{play, replay};
use report::{Conversation, Report};
use std::path::Path;

/// What is asked for.
pub struct Question<'q> {
    /// Clients, each as it is described.
    pub clients: &'q [String],
    /// Whether programs read the answer.
    pub json: bool,
}

/// An answer, and whether every client that was asked about boots.
pub struct Explained {
    /// To be printed.
    pub text: String,
    /// Whether all goes well.
    pub works: bool,
}

/// First stages that ask again, as iPXE, once they run.
const IPXE_FILES: &[&str] = &["undionly", "ipxe", "snponly"];
const IPXE_ENDINGS: &[&str] = &["0", "efi", "kpxe", "kkpxe", "pxe"];

/// Answers.
pub fn explain(
    question: &Question<'_>,
    world: &mut World,
    files: Vec<String>,
    warnings: Vec<String>,
) -> Result<Explained, Failure> {
    let mut report = Report { files, warnings, clients: Vec::new() };
    let mut is_table = false;
    for text in question.clients {
        if let Some(path) = text.strip_prefix("pcap=") {
            let unreadable = |why| Failure::file(format!("cannot read {path}: {why}"));
            let seen = capture::datagrams(path).map_err(unreadable)?;
            report.clients.extend(replay(world, &seen));
            continue;
        }
        let client = Client::parse(text)
            .map_err(|wrong| Failure::config(format!("bad --explain: {wrong}")))?;
        if let Some(architecture) = client.architecture {
            report.clients.extend(stages(world, &client, architecture));
        } else {
            is_table = true;
            report.clients.extend(Architecture::all().map(|one| play(world, &client, one)));
        }
    }
    let works = is_table || report.clients.iter().all(|told| told.works);
    let text = if question.json {
        let json = serde_json::to_string_pretty(&report);
        json.map_err(|error| Failure::other(format!("cannot write JSON: {error}")))? + "\n"
    } else if is_table {
        text::table(&report)
    } else {
        report.to_string()
    };
    Ok(Explained { text, works })
}

/// The client; and if it is sent iPXE, what that is told when it asks again.
fn stages(world: &mut World, client: &Client, architecture: Architecture) -> Vec<Conversation> {
    let first = play(world, client, architecture);
    if client.is_ipxe() {
        return vec![or_loop(first)];
    }
    let chains = first.works && first.boots.iter().any(|boot| is_ipxe(&boot.name));
    let second = chains.then(|| {
        let as_ipxe = Client { user_class: Some(client::IPXE.to_vec()), ..client.clone() };
        or_loop(play(world, &as_ipxe, architecture))
    });
    std::iter::once(first).chain(second).collect()
}

/// iPXE that is sent iPXE loads it for ever.
fn or_loop(mut told: Conversation) -> Conversation {
    let again = told.boots.iter().find(|boot| boot.trouble.is_none() && is_ipxe(&boot.name));
    if let Some(boot) = again {
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

/// Whether a file is iPXE itself, by its name, and not a script of it.
pub fn is_ipxe(name: &str) -> bool {
    let file = Path::new(name.rsplit('/').next().unwrap_or(name));
    let ending = file.extension().and_then(|ending| ending.to_str());
    let begins = |known: &&str| file.to_string_lossy().starts_with(known);
    ending.is_none_or(|ending| IPXE_ENDINGS.contains(&ending)) && IPXE_FILES.iter().any(begins)
}
