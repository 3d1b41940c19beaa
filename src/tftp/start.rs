//! From a request to a session or to an error (docs/dnsmasq/tftp.md, sections 2 to 5).

use super::Context;
use super::admission::pending::LookupCache;
use super::block_source::BlockSource;
use super::files::{DiskLookup, Files, OpenError, OpenedFile};
use super::negotiate::{Mode, NegotiatedOptions, OptionLimits, PathMtu};
use super::path::{Requester, Resolved, resolve};
use super::session::{Peer, Session, SessionParts, sanitized};
use super::transfer::{Transfer, TransferOptions};
use crate::boot_monitor::event::{ClientEvent, RefusalReason};
use crate::effect::Effect;
use crate::log_line::{DecisionLine, Line, TftpLine};
use crate::net::Link;
use crate::wire::tftp::{Inbound, Strings, error, error_code, oack};
use std::time::Duration;

/// The time until the first retransmission, if the client has not negotiated another one (RFC 2349).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of a request.
pub enum StartResult {
    /// A session.
    Session(StartedSession),
    /// The request was ignored.
    Ignored,
    /// There is no such file.
    NotFound,
    /// The request was refused for another reason.
    Refused,
    /// The request must be started again when this look-up has a result.
    Pending(DiskLookup),
}

/// A session whose transfer has not begun.
#[derive(Debug)]
pub struct StartedSession {
    /// The session.
    pub session: Box<Session>,
    /// The effects that come before its first datagram: the event for the monitor, and the `log-debug` line.
    pub report: Vec<Effect>,
}

/// A read request with a name and a known mode.
#[derive(Clone, Copy)]
struct ReadRequest<'a> {
    name: &'a [u8],
    mode: Mode,
    options: Strings<'a>,
    max_windowsize: u32,
}

/// Why the file of a name is not open.
enum Unopened {
    /// The path is not known before this look-up has a result.
    Unresolved(DiskLookup),
    /// The file of this path cannot be opened, or the result is not known yet.
    Refused(OpenError, Resolved),
}

/// The code of the end option, which follows the last option of a DHCP packet (RFC 2132, section 3.2).
const END_OPTION: u8 = 0xff;

/// Starts a session, or sends and logs an error.
pub fn start(
    inbound: Inbound<'_>,
    client: Peer,
    max_windowsize: u32,
    cache: &mut LookupCache,
    context: &mut Context<'_, impl Files>,
) -> StartResult {
    let address = client.address_text.clone();
    let refusal = match inbound {
        Inbound::Read { file: None, .. } => TftpLine::NoFileName(address),
        Inbound::Read { file: Some(name), mode, options } => match mode.and_then(Mode::parse) {
            Some(mode) => {
                let request = ReadRequest { name, mode, options, max_windowsize };
                return read(request, client, cache, context);
            }
            None => TftpLine::Unsupported(address),
        },
        Inbound::Write => TftpLine::WriteRequest(address),
        Inbound::Ack(_) | Inbound::Error { .. } | Inbound::Other(_) => {
            return StartResult::Ignored;
        }
    };
    context.effects.extend(refuse(&client, error_code::ILLEGAL_OPERATION, refusal));
    StartResult::Refused
}

/// The log line, and the ERROR with the same text.
fn refuse(client: &Peer, code: u16, line: TftpLine) -> [Effect; 2] {
    let bytes = error(code, &line.to_string());
    [Effect::Log(Line::Tftp(line)), client.send(bytes)]
}

/// Finds and opens the file of a read request.
fn read(
    request: ReadRequest<'_>,
    client: Peer,
    cache: &mut LookupCache,
    context: &mut Context<'_, impl Files>,
) -> StartResult {
    let link = context.interfaces.by_index(client.interface);
    let requester = Requester {
        interface: link.map_or("", |link| &link.name),
        client: client.peer.ip(),
        address_text: &client.address_text,
    };
    match open_requested(request.name, requester, cache, context) {
        Ok((path, opened)) => {
            let options = negotiated(request, link, &client, context);
            let source = BlockSource::new(opened, options.blksize, request.mode);
            let report = start_report(&client, &path, opened, options, context);
            let parts = session_parts(client, path, source, options, context);
            StartResult::Session(StartedSession { session: Box::new(Session::new(parts)), report })
        }
        Err(Unopened::Unresolved(lookup)) => StartResult::Pending(lookup),
        Err(Unopened::Refused(refusal, resolved)) => {
            refuse_file(refusal, resolved, &client, context)
        }
    }
}

/// The options of a request whose file is open. Most requests are for files that do not exist.
fn negotiated(
    request: ReadRequest<'_>,
    link: Option<&Link>,
    client: &Peer,
    context: &Context<'_, impl Files>,
) -> NegotiatedOptions {
    let path = PathMtu { mtu: link.map(|link| link.mtu), ipv6: client.peer.is_ipv6() };
    let limits = OptionLimits { path, max_windowsize: request.max_windowsize };
    NegotiatedOptions::negotiate(request.options, request.mode, context.tftp, limits)
}

/// Opens the file of a name. If it does not exist, and the name has an octet 0xFF, the file of the name before that octet
/// is opened. Some boot ROMs append the end option (RFC 2132, section 3.2), which is 0xFF, to the name in option 67.
fn open_requested(
    name: &[u8],
    requester: Requester<'_>,
    cache: &mut LookupCache,
    context: &mut Context<'_, impl Files>,
) -> Result<(Vec<u8>, OpenedFile), Unopened> {
    let exact = open_name(name, requester, cache, context);
    let end = name.iter().position(|&byte| byte == END_OPTION).filter(|&end| end > 0);
    let (Some(end), Err(Unopened::Refused(OpenError::NotFound, _))) = (end, &exact) else {
        return exact;
    };
    match open_name(&name[..end], requester, cache, context) {
        // The error is about the name that the client sent.
        Err(Unopened::Refused(refusal, _)) if refusal != OpenError::Pending => exact,
        before_end => before_end,
    }
}

fn open_name(
    name: &[u8],
    requester: Requester<'_>,
    cache: &mut LookupCache,
    context: &mut Context<'_, impl Files>,
) -> Result<(Vec<u8>, OpenedFile), Unopened> {
    let resolved = resolve(name, context.tftp, requester, cache, context.files)
        .map_err(Unopened::Unresolved)?;
    let opened = if resolved.escapes_root {
        Err(OpenError::Denied)
    } else {
        cache.open(&resolved.path, context.files)
    };
    match opened {
        Ok(opened) => Ok((resolved.path, opened)),
        Err(refusal) => Err(Unopened::Refused(refusal, resolved)),
    }
}

/// The transfer of an opened file with the negotiated options.
fn session_parts(
    client: Peer,
    path: Vec<u8>,
    source: BlockSource,
    options: NegotiatedOptions,
    context: &Context<'_, impl Files>,
) -> SessionParts {
    let mut listed = options.oack_options(source.size()).peekable();
    let oack = listed.peek().is_some().then(|| oack(listed));
    let negotiated = options.timeout.map(|seconds| Duration::from_secs(seconds.into()));
    let transfer_options = TransferOptions {
        window: options.windowsize,
        current_timeout: negotiated.unwrap_or(DEFAULT_TIMEOUT),
        timeout_negotiated: negotiated.is_some(),
        oack: oack.is_some(),
        is_port_known: context.tftp.single_port || context.tftp.ports.is_some(),
    };
    let (transfer, first) = Transfer::start(transfer_options, source.last(), context.now);
    let started_at = context.tftp.log_transfers.then_some(context.now);
    SessionParts { client, path, transfer, first, source, oack, started_at }
}

/// The event for the monitor, and the `log-debug` line.
fn start_report(
    client: &Peer,
    path: &[u8],
    opened: OpenedFile,
    options: NegotiatedOptions,
    context: &Context<'_, impl Files>,
) -> Vec<Effect> {
    let ip = client.peer.ip();
    let event = ClientEvent::TransferStarted { client: ip, path: path.to_vec() };
    let mut report = vec![Effect::Observe(event)];
    if context.tftp.log_transfers {
        let line = DecisionLine::TransferStarted {
            path: sanitized(path),
            client: client.address_text.clone(),
            size: opened.size,
            blksize: options.blksize,
            windowsize: options.windowsize,
        };
        report.push(Effect::LogLimited(ip, Line::Decision(line)));
    }
    report
}

/// The file cannot be opened, or the result is not known yet.
fn refuse_file(
    refusal: OpenError,
    resolved: Resolved,
    client: &Peer,
    context: &mut Context<'_, impl Files>,
) -> StartResult {
    let (shown, address) = (sanitized(&resolved.path), client.address_text.clone());
    let (code, line) = match refusal {
        OpenError::NotFound => {
            (error_code::FILE_NOT_FOUND, TftpLine::NotFound { path: shown, client: address })
        }
        OpenError::Denied => (error_code::ACCESS_VIOLATION, TftpLine::NoAccess { path: shown }),
        OpenError::Failed(reason) => {
            (error_code::UNDEFINED, TftpLine::Unreadable { path: shown, reason })
        }
        OpenError::Pending => return StartResult::Pending(DiskLookup::File(resolved.path)),
    };
    // With `quiet-tftp` a missing file is not logged. The client gets the error all the same.
    let is_quiet = code == error_code::FILE_NOT_FOUND && context.tftp.quiet;
    // A path with `..` is an attack rather than a mistake of the configuration.
    let reason = if is_quiet || resolved.escapes_root {
        RefusalReason::Unreported
    } else {
        refusal_reason(code)
    };
    let event =
        ClientEvent::TransferRefused { client: client.peer.ip(), path: resolved.path, reason };
    context.effects.push(Effect::Observe(event));
    context.effects.extend(refuse(client, code, line).into_iter().skip(is_quiet.into()));
    if code == error_code::FILE_NOT_FOUND { StartResult::NotFound } else { StartResult::Refused }
}

fn refusal_reason(code: u16) -> RefusalReason {
    match code {
        error_code::FILE_NOT_FOUND => RefusalReason::NotFound,
        error_code::ACCESS_VIOLATION => RefusalReason::PermissionDenied,
        _ => RefusalReason::Unreadable,
    }
}
