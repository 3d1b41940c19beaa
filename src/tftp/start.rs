//! From a request to a session or to an error (docs/dnsmasq/tftp.md, sections 2 to 5).

use super::Context;
use super::admission::pending::LookupCache;
use super::block_source::BlockSource;
use super::files::{DiskLookup, Files, OpenError, OpenedFile};
use super::negotiate::{Mode, NegotiatedOptions, PathMtu};
use super::path::{Requester, Resolved, resolve};
use super::session::{Peer, Session, SessionParts, sanitized};
use super::transfer::{Transfer, TransferOptions};
use crate::boot_monitor::event::{ClientEvent, RefusalReason};
use crate::effect::Effect;
use crate::log_line::{DecisionLine, Line, TftpLine};
use crate::wire::tftp::{Inbound, Strings, error, error_code, oack};
use std::time::Duration;

/// The time until the first retransmission, if the client has not negotiated another one (RFC 2349).
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// The result of a request.
pub enum StartResult {
    /// A session.
    Session(Box<Session>),
    /// The request was refused or ignored.
    Done,
    /// The request must be started again when this look-up has a result.
    Pending(DiskLookup),
}

/// A read request with a name and a known mode.
#[derive(Clone, Copy)]
struct ReadRequest<'a> {
    name: &'a [u8],
    mode: Mode,
    options: Strings<'a>,
}

/// Starts a session, or sends and logs an error.
pub fn start(
    inbound: Inbound<'_>,
    client: Peer,
    cache: &mut LookupCache,
    context: &mut Context<'_, impl Files>,
) -> StartResult {
    let address = client.address_text.clone();
    let refusal = match inbound {
        Inbound::Read { file: None, .. } => TftpLine::NoFileName(address),
        Inbound::Read { file: Some(name), mode, options } => match mode.and_then(Mode::parse) {
            Some(mode) => {
                return read(ReadRequest { name, mode, options }, client, cache, context);
            }
            None => TftpLine::Unsupported(address),
        },
        Inbound::Write => TftpLine::WriteRequest(address),
        Inbound::Ack(_) | Inbound::Error { .. } | Inbound::Other(_) => return StartResult::Done,
    };
    context.effects.extend(refuse(&client, error_code::ILLEGAL_OPERATION, refusal));
    StartResult::Done
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
    let mtu = PathMtu { mtu: link.map(|link| link.mtu), ipv6: client.peer.is_ipv6() };
    let options = NegotiatedOptions::negotiate(request.options, request.mode, context.tftp, mtu);
    let requester = Requester {
        interface: link.map_or("", |link| &link.name),
        client: client.peer.ip(),
        address_text: &client.address_text,
    };
    let resolved = match resolve(request.name, context.tftp, requester, cache, context.files) {
        Ok(resolved) => resolved,
        Err(lookup) => return StartResult::Pending(lookup),
    };
    let opened = if resolved.escapes_root {
        Err(OpenError::Denied)
    } else {
        context.files.open(&resolved.path)
    };
    match opened {
        Ok(opened) => {
            let source = BlockSource::new(opened, options.blksize, request.mode);
            report_start(&client, &resolved.path, opened, options, context);
            let parts = session_parts(client, resolved.path, source, options, context);
            StartResult::Session(Box::new(Session::new(parts)))
        }
        Err(refusal) => refuse_file(refusal, resolved, &client, context),
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
    };
    let (transfer, first) = Transfer::start(transfer_options, source.last(), context.now);
    let started_at = context.tftp.log_transfers.then_some(context.now);
    SessionParts { client, path, transfer, first, source, oack, started_at }
}

/// The event for the monitor, and the `log-debug` line.
fn report_start(
    client: &Peer,
    path: &[u8],
    opened: OpenedFile,
    options: NegotiatedOptions,
    context: &mut Context<'_, impl Files>,
) {
    let ip = client.peer.ip();
    let event = ClientEvent::TransferStarted { client: ip, path: path.to_vec() };
    context.effects.push(Effect::Observe(event));
    if context.tftp.log_transfers {
        let line = DecisionLine::TransferStarted {
            path: sanitized(path),
            client: client.address_text.clone(),
            size: opened.size,
            blksize: options.blksize,
            windowsize: options.windowsize,
        };
        context.effects.push(Effect::LogLimited(ip, Line::Decision(line)));
    }
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
    StartResult::Done
}

fn refusal_reason(code: u16) -> RefusalReason {
    match code {
        error_code::FILE_NOT_FOUND => RefusalReason::NotFound,
        error_code::ACCESS_VIOLATION => RefusalReason::PermissionDenied,
        _ => RefusalReason::Unreported,
    }
}
