//! A decision told in one line (`log-debug`).

use super::skipped::{SkipReason, SkippedRule, skipped_rules};
use crate::config::Config;
use crate::effect::Effect;
use crate::log_line::decision::{Boot, Drop, Near, Outcome};
use crate::log_line::{DecisionLine, Line};
use crate::proxydhcp::request::Request;
use crate::proxydhcp::{
    Decision, DropReason, Evaluated, PXE_PORT, Port, Reply, ReplyKind, ReplyPart, destination,
};
use crate::wire::client_arch::Architecture;
use crate::wire::dhcp::Frame;
use crate::wire::option_display::printable;

/// Lines that were passed over, of which a decision tells.
const MAX_SKIPPED_RULES: usize = 3;

/// The line.
pub fn decision_line(
    config: &Config,
    port: Port,
    bytes: &[u8],
    judged: Result<&Evaluated<'_>, &DropReason>,
) -> Effect {
    let port = match port {
        Port::Server => config.dhcp.server_port,
        Port::Pxe => PXE_PORT,
    };
    let line = match judged {
        Ok(Evaluated { request, decision }) => DecisionLine::Dhcp {
            port,
            message: message_of(request.frame),
            mac: request.frame.mac().to_vec(),
            interface: request.ingress.link.name.clone(),
            architecture: request.architecture().map(Architecture),
            tags: tags(config, request, decision),
            outcome: outcome(config, request, decision),
        },
        Err(why) => {
            let sender = Frame::parse(bytes).map(|frame| (message_of(frame), frame.mac().to_vec()));
            let no_range = matches!(why, DropReason::NoRange(_));
            let near = if no_range {
                skipped_summary(&skipped_rules(config, None, None))
            } else {
                Vec::new()
            };
            DecisionLine::Malformed { port, sender, drop: Drop { reason: why.to_string(), near } }
        }
    };
    Effect::Log(Line::Decision(line))
}

fn message_of(frame: Frame<'_>) -> Option<u8> {
    frame.option(53, 1).map(|value| value[0])
}

fn tags(config: &Config, request: &Request<'_>, decision: &Decision<'_>) -> Vec<String> {
    match decision {
        Decision::Reply(answer) => answer.tags.names(),
        Decision::Drop(_) => request.tags.with_tag_ifs(&config.dhcp.tag_ifs).names(),
    }
}

fn outcome(config: &Config, request: &Request<'_>, decision: &Decision<'_>) -> Outcome {
    match decision {
        Decision::Drop(why) => {
            let all = || skipped_summary(&skipped_rules(config, Some(request), None));
            let near = if why.is_routine() { Vec::new() } else { all() };
            Outcome::Dropped(Drop { reason: why.to_string(), near })
        }
        Decision::Reply(answer) => reply_summary(config, request, answer),
    }
}

fn reply_summary(config: &Config, request: &Request<'_>, answer: &Reply<'_>) -> Outcome {
    let later = answer.provenance.iter().any(|cause| cause.part == ReplyPart::DeferredToPxePort)
        || has_menu(config, request, answer);
    let told_on_4011 = answer.items.is_empty() && request.port == Port::Server && later;
    let menu = answer.provenance.iter().any(|cause| matches!(cause.part, ReplyPart::MenuEntry(_)));
    let boot = match (&answer.file[..], answer.kind) {
        ([], _) if told_on_4011 => Boot::OnPxePort,
        ([], _) if menu => Boot::Menu,
        ([], ReplyKind::Proxy { .. }) => Boot::Nothing,
        (file, _) => Boot::File { name: printable(file), server: answer.siaddr },
    };
    let is_nothing = answer.file.is_empty() && !told_on_4011 && !menu;
    let all = || skipped_summary(&skipped_rules(config, Some(request), Some(answer)));
    let lines = answer.provenance.iter().map(|cause| (cause.keyword, cause.origin.to_string()));
    Outcome::Answered {
        message: answer.message,
        to: destination(config, request, answer),
        boot,
        lines: lines.collect(),
        near: if is_nothing { all() } else { Vec::new() },
    }
}

/// Whether there are services that it will be shown on port 4011.
fn has_menu(config: &Config, request: &Request<'_>, answer: &Reply<'_>) -> bool {
    let architecture = request.architecture();
    let services = config.dhcp.services.matching(&answer.tags);
    services.iter().any(|rule| Some(rule.value.architecture) == architecture)
}

/// What comes nearest: those for another architecture and network first.
fn skipped_summary(passed: &[SkippedRule<'_>]) -> Vec<Near> {
    let matters = |one: &&SkippedRule<'_>| {
        !matches!(one.reason, SkipReason::AddressPool | SkipReason::OtherVendorClass)
    };
    let told = passed.iter().filter(matters).take(MAX_SKIPPED_RULES);
    let near = |one: &SkippedRule<'_>| Near {
        keyword: one.keyword,
        line: one.origin.to_string(),
        reason: one.reason.to_string(),
    };
    told.map(near).collect()
}
