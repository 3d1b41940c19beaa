//! The log line of a decision (`log-debug`).

use super::skipped::{SkipReason, SkippedRule, skipped_rules};
use crate::config::Config;
use crate::effect::Effect;
use crate::log_line::decision::{Boot, Drop, Near, Outcome};
use crate::log_line::{DecisionLine, Line};
use crate::proxydhcp::{
    Decision, DropReason, Evaluated, PXE_PORT, Port, Reply, ReplyKind, ReplyPart, destination,
};
use crate::wire::dhcp::Frame;
use crate::wire::option_display::printable;

/// Skipped rules in a line.
const MAX_SKIPPED_RULES: usize = 3;

/// The line for a datagram `bytes` that was evaluated with this result.
pub fn decision_line(
    config: &Config,
    port: Port,
    bytes: &[u8],
    result: Result<&Evaluated<'_>, &DropReason>,
) -> Effect {
    let port = match port {
        Port::Server => config.dhcp.server_port,
        Port::Pxe => PXE_PORT,
    };
    let line = match result {
        Ok(evaluated) => dhcp_line(config, port, evaluated),
        Err(reason) => malformed_line(config, port, bytes, reason),
    };
    Effect::Log(Line::Decision(line))
}

fn dhcp_line(config: &Config, port: u16, evaluated: &Evaluated<'_>) -> DecisionLine {
    let request = &evaluated.request;
    DecisionLine::Dhcp {
        port,
        message: request.message_type,
        mac: request.frame.mac().to_vec(),
        interface: request.ingress.link.name.clone(),
        architecture: request.architecture(),
        tags: evaluated.all_tags(config).names(),
        outcome: outcome(config, evaluated),
    }
}

fn malformed_line(config: &Config, port: u16, bytes: &[u8], reason: &DropReason) -> DecisionLine {
    let sender = Frame::parse(bytes).map(|frame| (frame.message_type(), frame.mac().to_vec()));
    let near = match reason {
        DropReason::NoRange(_) => skipped_summary(config, None),
        _ => Vec::new(),
    };
    DecisionLine::Malformed { port, sender, drop: Drop { reason: reason.to_string(), near } }
}

fn outcome(config: &Config, evaluated: &Evaluated<'_>) -> Outcome {
    match &evaluated.decision {
        Decision::Drop(reason) => {
            let near = if reason.is_routine() {
                Vec::new()
            } else {
                skipped_summary(config, Some(evaluated))
            };
            Outcome::Dropped(Drop { reason: reason.to_string(), near })
        }
        Decision::Reply(reply) => reply_summary(config, evaluated, reply),
    }
}

fn reply_summary(config: &Config, evaluated: &Evaluated<'_>, reply: &Reply<'_>) -> Outcome {
    let boot = boot(config, evaluated, reply);
    let has_nothing =
        reply.file.is_empty() && !matches!(boot, Boot::OnPxePort) && !reply.has_menu_entry();
    let lines = reply.provenance.iter().map(|source| (source.keyword, source.origin.to_string()));
    Outcome::Answered {
        message: reply.message_type,
        to: destination(config, &evaluated.request, reply),
        boot,
        lines: lines.collect(),
        near: if has_nothing { skipped_summary(config, Some(evaluated)) } else { Vec::new() },
    }
}

/// What a client boots by a reply.
pub(super) fn boot(config: &Config, evaluated: &Evaluated<'_>, reply: &Reply<'_>) -> Boot {
    let is_deferred = reply.source_of(ReplyPart::DeferredToPxePort).is_some()
        || has_service(config, evaluated, reply);
    let on_server_port = evaluated.request.port == Port::Server;
    match (&reply.file[..], reply.kind) {
        ([], _) if reply.items.is_empty() && on_server_port && is_deferred => Boot::OnPxePort,
        ([], _) if reply.has_menu_entry() => Boot::Menu,
        ([], ReplyKind::Proxy { .. }) => Boot::Nothing,
        (file, _) => Boot::File { name: printable(file), server: reply.siaddr },
    }
}

/// Whether services match, which the reply on port 4011 will contain.
fn has_service(config: &Config, evaluated: &Evaluated<'_>, reply: &Reply<'_>) -> bool {
    let architecture = evaluated.request.architecture().map(|architecture| architecture.0);
    let services = config.dhcp.services.matching(&reply.tags);
    services.iter().any(|rule| Some(rule.value.architecture) == architecture)
}

/// The first skipped rules, without those that never make a reply for this client.
pub(super) fn skipped_summary(config: &Config, evaluated: Option<&Evaluated<'_>>) -> Vec<Near> {
    let matters = |rule: &SkippedRule<'_>| {
        !matches!(rule.reason, SkipReason::AddressPool | SkipReason::OtherVendorClass)
    };
    let near = |rule: SkippedRule<'_>| Near {
        keyword: rule.keyword,
        line: rule.origin.to_string(),
        reason: rule.reason.to_string(),
    };
    let skipped = skipped_rules(config, evaluated).into_iter();
    skipped.filter(matters).take(MAX_SKIPPED_RULES).map(near).collect()
}
