//! Clients that evidently request a boot file and get none, for a notice in the log.

use super::decision_line::{boot, skipped_summary};
use crate::boot_monitor::event::{ClientEvent, Mac};
use crate::config::Config;
use crate::effect::Effect;
use crate::log_line::decision::{Boot, Near};
use crate::proxydhcp::{Decision, DropReason, Evaluated, Port, Reply, ReplyKind, message};
use crate::reason::BootReason;
use crate::wire::dhcp::Frame;
use crate::wire::options::contains;
use crate::wire::pxe::{HTTP_CLIENT, IPXE_USER_CLASS, PXE_CLIENT};

/// The event about a client that gets no boot file. `is_due`: whether a notice about the client may be logged now; it is
/// called only for such a client, and only then the reason is searched for.
pub fn no_boot_file_event(
    config: &Config,
    port: Port,
    bytes: &[u8],
    result: Result<&Evaluated<'_>, &DropReason>,
    is_due: impl FnOnce(Mac) -> bool,
) -> Option<Effect> {
    if !may_be_without_boot_file(result) {
        return None;
    }
    let frame = Frame::parse(bytes)?;
    let mac = Mac::try_from(frame.mac()).ok()?;
    if !is_boot_request(config, port, frame, result) || !is_due(mac) {
        return None;
    }
    let reason = reason(config, result)?;
    Some(Effect::Observe(ClientEvent::NoBootFile { mac, reason }))
}

/// Whether the result may be a mistake. A line that excludes the client on purpose is none, and for some reasons dnsmasq
/// logs the cause itself.
fn may_be_without_boot_file(result: Result<&Evaluated<'_>, &DropReason>) -> bool {
    match result.map(|evaluated| &evaluated.decision) {
        Err(reason) => matches!(reason, DropReason::NoRange(_) | DropReason::NotListening(_, None)),
        Ok(Decision::Drop(reason)) => !matches!(reason, DropReason::Ignored(_) | DropReason::Bis),
        Ok(Decision::Reply(reply)) => {
            reply.file.is_empty() && reply.kind != ReplyKind::Ignored && !reply.has_menu_entry()
        }
    }
}

/// Whether the request is one of firmware or iPXE for boot information. A client sends other messages for its address.
fn is_boot_request(
    config: &Config,
    port: Port,
    frame: Frame<'_>,
    result: Result<&Evaluated<'_>, &DropReason>,
) -> bool {
    let class = frame.vendor_class();
    let mut configured = config.dhcp.pxe_vendor_classes.iter().map(|vendor| &vendor.value[..]);
    let is_pxe = [PXE_CLIENT, HTTP_CLIENT].iter().any(|known| class.starts_with(known))
        || configured.any(|known| class.starts_with(known));
    let has_boot_item = result.is_ok_and(|evaluated| evaluated.request.boot_item().is_some());
    let is_discover = frame.message_type() == Some(message::DISCOVER);
    is_pxe && (is_discover || has_boot_item || port == Port::Pxe)
}

fn reason(config: &Config, result: Result<&Evaluated<'_>, &DropReason>) -> Option<BootReason> {
    let (reason, near) = match result {
        Err(reason @ DropReason::NoRange(_)) => (reason, skipped_summary(config, None)),
        Err(reason) => (reason, Vec::new()),
        Ok(evaluated) => match &evaluated.decision {
            Decision::Drop(
                reason @ (DropReason::NoProxyRange | DropReason::ClientOutsideRanges(_)),
            ) => (reason, skipped_summary(config, Some(evaluated))),
            // No line is the cause.
            Decision::Drop(reason) => (reason, Vec::new()),
            Decision::Reply(reply) => return empty_reply(config, evaluated, reply),
        },
    };
    let reason = format!("{reason}{}", near_text(&near));
    Some(BootReason::NoReply { reason })
}

/// `; pxe-service /etc/dnsmasq.conf:3 is for architecture 0 (x86PC)` for each line that almost applied.
fn near_text(near: &[Near]) -> String {
    near.iter()
        .map(|Near { keyword, line, reason }| format!("; {keyword} {line} {reason}"))
        .collect()
}

/// `None`: the boot file follows in another reply.
fn empty_reply(
    config: &Config,
    evaluated: &Evaluated<'_>,
    reply: &Reply<'_>,
) -> Option<BootReason> {
    if boot(config, evaluated, reply) != Boot::Nothing {
        return None;
    }
    let request = &evaluated.request;
    let architecture = request.architecture()?.to_string();
    let near = near_text(&skipped_summary(config, Some(evaluated)));
    let user_class = request.user_class.as_deref().unwrap_or_default();
    Some(if contains(user_class, IPXE_USER_CLASS) {
        BootReason::NoBootFileForIpxe { architecture, near }
    } else {
        BootReason::NoBootFile { architecture, near }
    })
}
