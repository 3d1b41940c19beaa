//! The usual clients for `--test`: what does not boot is a finding about the line that causes it.

use super::boots::boots;
use super::client_spec::ClientSpec;
use super::environment::Environment;
use super::kinds::{BIOS, Kind, X64_UEFI};
use super::outcome::Outcome;
use super::raspberry_pi::is_menu_text;
use super::report::Conversation;
use crate::config::{Config, Origin, RangeKind};
use crate::finding::{Finding, Level};
use crate::reason::{ConfigReason, Reason, ReplyReason, Verdict};
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp_option::CLIENT_ARCH;
use conf_parser::{ClassMatch, OptionMatch};

/// Architectures that are played at most.
const MAX_ARCHITECTURES: usize = 12;

/// Plays the clients that the configuration names: BIOS and x64 UEFI in any case. What a client that it does not name gets
/// is a finding only if the others get the same.
pub fn findings(environment: &mut Environment) -> Vec<Finding> {
    if !has_proxy_range(&environment.config) {
        return Vec::new();
    }
    let named = named_architectures(&environment.config);
    let is_open = named.is_empty();
    let played = if is_open { vec![(BIOS, None), (X64_UEFI, None)] } else { named };
    let base = ClientSpec::new();
    let mut results: Vec<Vec<Finding>> = Vec::new();
    for (architecture, line) in played {
        let mut found = play(environment, &Kind::firmware(&base, architecture));
        for finding in found.iter_mut().filter(|finding| is_about_architecture(finding)) {
            finding.origin = finding.origin.take().or_else(|| line.clone());
        }
        results.push(found);
    }
    let mut found = if is_open { common(&results) } else { results.concat() };
    let mut services = environment.config.dhcp.services.iter();
    if services.any(|rule| is_menu_text(&rule.value.menu)) {
        let kind = Kind::raspberry_pi(&base, &environment.config);
        found.extend(play(environment, &kind));
    }
    without_repetition(found)
}

fn has_proxy_range(config: &Config) -> bool {
    config.dhcp.pxe_enabled
        && config.dhcp.ranges.iter().any(|range| range.value.kind == RangeKind::Proxy)
}

/// Whether the line that names the architecture is the one to which the finding belongs.
fn is_about_architecture(finding: &Finding) -> bool {
    matches!(finding.reason, Reason::Reply(ReplyReason::HttpClassMissing))
}

/// What is wrong with the boot of a client, and of the iPXE that it loads.
fn play(environment: &mut Environment, kind: &Kind) -> Vec<Finding> {
    let mut found = Vec::new();
    for conversation in boots(environment, kind) {
        let is_ipxe = conversation.is_ipxe;
        // A PC that gets only the menu entry of the Raspberry Pi is none of the clients of this configuration, unless it has
        // loaded iPXE from it.
        let is_of_pi =
            |outcome: &&Outcome| outcome.reason == Reason::Reply(ReplyReason::PiEntryOnly);
        let of_files = conversation.boots.iter().map(|boot| &boot.verdict);
        let outcomes = [&conversation.verdict].into_iter().chain(of_files);
        found.extend(outcomes.filter(|one| is_ipxe || !is_of_pi(one)).filter_map(finding));
        found.extend(possible_fault(&conversation));
    }
    found
}

/// The finding for a result; `None` if the client may boot, or if it may be intended that it does not.
fn finding(outcome: &Outcome) -> Option<Finding> {
    if outcome.verdict != Verdict::DoesNotBoot {
        return None;
    }
    let is_intended = matches!(
        &outcome.reason,
        // A client with a tag that a simulated one does not have may get a file, or a reply. Others are reported by `--test`
        // itself.
        Reason::Reply(
            ReplyReason::NoBootFile { .. }
                | ReplyReason::Ignored { .. }
                | ReplyReason::NotPxe { .. }
                | ReplyReason::NoService { .. }
                | ReplyReason::InterfaceMissing { .. }
        ) | Reason::Config(
            ConfigReason::InterfaceDown { .. } | ConfigReason::InterfaceLeftOut { .. },
        )
    );
    (!is_intended).then(|| Finding {
        level: Level::Warning,
        origin: outcome.line.as_ref().map(|line| line.0.clone()),
        reason: outcome.reason.clone(),
    })
}

/// What depends on the client: iPXE of this server that gets iPXE again has no end without an embedded script, and the file
/// does not show whether it has one; BIOS firmware may ignore a reply without a server.
fn possible_fault(conversation: &Conversation) -> Option<Finding> {
    let Outcome { reason, line, .. } = &conversation.verdict;
    let is_ours = conversation.boots.first().is_some_and(|boot| boot.path.is_some());
    let is_possible = match reason {
        Reason::Reply(ReplyReason::IpxeLoopWithoutScript { .. }) => is_ours,
        Reason::Reply(ReplyReason::NoServerAddressForBios { .. }) => true,
        _ => false,
    };
    is_possible.then(|| Finding {
        level: Level::Hint,
        origin: line.as_ref().map(|line| line.0.clone()),
        reason: reason.clone(),
    })
}

/// The findings that all clients have.
fn common(results: &[Vec<Finding>]) -> Vec<Finding> {
    let (first, others) = results.split_first().map_or((&[][..], &[][..]), |(a, b)| (&a[..], b));
    let in_all = |finding: &&Finding| others.iter().all(|other| other.contains(finding));
    first.iter().filter(in_all).cloned().collect()
}

fn without_repetition(found: Vec<Finding>) -> Vec<Finding> {
    let mut kept: Vec<Finding> = Vec::new();
    for finding in found {
        if !kept.contains(&finding) {
            kept.push(finding);
        }
    }
    kept
}

/// The architectures that lines name, in ascending order, each with its first line.
fn named_architectures(config: &Config) -> Vec<(Architecture, Option<Origin>)> {
    let services = config.dhcp.services.iter().map(|rule| (rule.value.architecture, &rule.origin));
    let matched = config.dhcp.option_matches.iter().filter_map(|rule| match &rule.value.matcher {
        OptionMatch::Code(code, value) if *code == u32::from(CLIENT_ARCH) => {
            let number = value.bytes.iter().fold(0, |sum, byte| (sum << 8) | u32::from(*byte));
            let number = u16::try_from(number).ok().filter(|_| !value.bytes.is_empty())?;
            Some((number, &rule.origin))
        }
        _ => None,
    });
    let classes = config.dhcp.classes.iter().filter_map(|rule| match &rule.value.matcher {
        ClassMatch::Vendor(class) => {
            let class = String::from_utf8_lossy(class);
            Some((Architecture::from_vendor_class(&class)?.0, &rule.origin))
        }
        ClassMatch::User(_) => None,
    });
    let mut named: Vec<(u16, &Origin)> = services.chain(matched).chain(classes).collect();
    named.sort_by_key(|(number, _)| *number);
    named.dedup_by_key(|(number, _)| *number);
    let named = named.into_iter().take(MAX_ARCHITECTURES);
    named.map(|(number, line)| (Architecture(number), Some(line.clone()))).collect()
}
