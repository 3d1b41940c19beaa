//! A decision told in one line (`log-debug`).

use super::near::{SkipReason, SkippedRule, skipped_rules};
use super::request::Request;
use super::{
    Decision, DropReason, Evaluated, PXE_PORT, Port, Reply, ReplyKind, ReplyPart, destination,
    message,
};
use crate::config::Config;
use crate::effect::Effect;
use crate::log_line::{DecisionLine, Line};
use crate::wire::architectures::Architecture;
use crate::wire::dhcp::Frame;
use crate::wire::option_names::printable;

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
            let from = Frame::parse(bytes).map(|frame| {
                let mac = crate::wire::option_names::mac(frame.mac());
                format!("{} from {mac}: ", message_of(frame))
            });
            let no_range = matches!(why, DropReason::NoRange(_));
            let near = if no_range {
                skipped_summary(&skipped_rules(config, None, None))
            } else {
                String::new()
            };
            DecisionLine::Malformed {
                port,
                reason: format!("{}{why}{near}", from.unwrap_or_default()),
            }
        }
    };
    Effect::Log(Line::Decision(line))
}

fn message_of(frame: Frame<'_>) -> String {
    frame.option(53, 1).map_or_else(|| "BOOTP".to_owned(), |value| message::name(value[0]))
}

fn tags(config: &Config, request: &Request<'_>, decision: &Decision<'_>) -> String {
    match decision {
        Decision::Reply(answer) => answer.tags.listed(),
        Decision::Drop(_) => request.tags.with_tag_ifs(&config.dhcp.tag_ifs).listed(),
    }
}

fn outcome(config: &Config, request: &Request<'_>, decision: &Decision<'_>) -> String {
    match decision {
        Decision::Drop(why) if why.is_routine() => format!("dropped: {why}"),
        Decision::Drop(why) => {
            format!(
                "dropped: {why}{}",
                skipped_summary(&skipped_rules(config, Some(request), None))
            )
        }
        Decision::Reply(answer) => reply_summary(config, request, answer),
    }
}

fn reply_summary(config: &Config, request: &Request<'_>, answer: &Reply<'_>) -> String {
    let to = destination(config, request, answer);
    let to = to.map_or_else(|| " is not sent".to_owned(), |to| format!(" to {to}"));
    let later = answer.provenance.iter().any(|cause| cause.part == ReplyPart::DeferredToPxePort)
        || has_menu(config, request, answer);
    let told_on_4011 = answer.items.is_empty() && request.port == Port::Server && later;
    let menu = answer.provenance.iter().any(|cause| matches!(cause.part, ReplyPart::MenuEntry(_)));
    let what = match (&answer.file[..], answer.kind) {
        ([], _) if told_on_4011 => ", the file is told on port 4011".to_owned(),
        ([], _) if menu => ", a menu".to_owned(),
        ([], ReplyKind::Proxy { .. }) => ", no boot file".to_owned(),
        (file, _) => format!(", file {} from {}", printable(file), answer.siaddr),
    };
    let lines = answer.provenance.iter().map(|cause| format!("{} {}", cause.keyword, cause.origin));
    let lines = lines.collect::<Vec<_>>().join(", ");
    let is_nothing = answer.file.is_empty() && !told_on_4011 && !menu;
    let near =
        is_nothing.then(|| skipped_summary(&skipped_rules(config, Some(request), Some(answer))));
    format!("{}{to}{what} ({lines}){}", message::name(answer.message), near.unwrap_or_default())
}

/// Whether there are services that it will be shown on port 4011.
fn has_menu(config: &Config, request: &Request<'_>, answer: &Reply<'_>) -> bool {
    let architecture = request.architecture();
    let services = config.dhcp.services.matching(&answer.tags);
    services.iter().any(|rule| Some(rule.value.architecture) == architecture)
}

/// What comes nearest: those for another architecture and network first.
fn skipped_summary(passed: &[SkippedRule<'_>]) -> String {
    let matters = |one: &&SkippedRule<'_>| {
        !matches!(one.reason, SkipReason::AddressPool | SkipReason::OtherVendorClass)
    };
    let told = passed.iter().filter(matters).take(MAX_SKIPPED_RULES);
    told.map(|one| format!("; {} {} {}", one.keyword, one.origin, one.reason)).collect()
}
