//! From a request to a session, or to an error (docs/dnsmasq/tftp.md, sections 2 to 5).

use super::Context;
use super::admission::pending::LookupCache;
use super::block_source::BlockSource;
use super::files::{DiskLookup, Files, OpenError};
use super::negotiate::{Mode, NegotiatedOptions, PathMtu};
use super::path::{Requester, resolve};
use super::session::{Peer, Session, log_address, sanitized};
use super::transfer::{Transfer, TransferOptions};
use crate::boot_monitor::event::{ClientEvent, RefusalReason};
use crate::effect::Effect;
use crate::log_line::{DecisionLine, Line, TftpLine};
use crate::net::{EgressSocket, ReceivedDatagram};
use crate::wire::tftp::{Inbound, Strings, error, oack};
use std::time::Duration;

/// Error codes (RFC 1350, appendix).
pub mod code {
    /// See the text.
    pub const UNDEFINED: u16 = 0;
    /// File not found.
    pub const NOT_FOUND: u16 = 1;
    /// Access violation.
    pub const ACCESS: u16 = 2;
    /// Illegal operation.
    pub const ILLEGAL: u16 = 4;
}

/// Seconds until the first repeat, unless agreed otherwise.
const DEFAULT_TIMEOUT: Duration = Duration::from_secs(2);

/// What comes of a request.
pub enum StartResult {
    /// A session.
    Session(Box<Session>),
    /// Nothing more.
    Done,
    /// That is not known yet.
    Pending(DiskLookup),
}

/// Starts a session, or tells the client and the log why not.
pub fn start(
    inbound: Inbound<'_>,
    via: EgressSocket,
    arrival: &ReceivedDatagram<'_>,
    history: &mut LookupCache,
    around: &mut Context<'_, impl Files>,
    effects: &mut Vec<Effect>,
) -> StartResult {
    let shown = log_address(&arrival.peer, around.interfaces);
    let client = Peer {
        via,
        peer: arrival.peer,
        local: arrival.local,
        interface: arrival.interface,
        address_text: shown,
    };
    let refused = match inbound {
        Inbound::Read { file: None, .. } => TftpLine::NoFileName(client.address_text.clone()),
        Inbound::Read { file: Some(name), mode, options } => match mode.and_then(Mode::parse) {
            Some(mode) => {
                return read_file_request((name, mode, options), client, history, around, effects);
            }
            None => TftpLine::Unsupported(client.address_text.clone()),
        },
        Inbound::Write => TftpLine::WriteRequest(client.address_text.clone()),
        Inbound::Ack(_) | Inbound::Error { .. } | Inbound::Other(_) => return StartResult::Done,
    };
    effects.extend(refuse(&client, code::ILLEGAL, refused));
    StartResult::Done
}

/// A line for the log, and the same for the client.
fn refuse(client: &Peer, code: u16, line: TftpLine) -> [Effect; 2] {
    let bytes = error(code, &line.to_string());
    [Effect::Log(Line::Tftp(line)), client.send(bytes)]
}

/// `None`: nothing is refused yet.
fn refusal_event(refusal: OpenError, path: String, client: &Peer) -> Option<(u16, TftpLine)> {
    let client = client.address_text.clone();
    match refusal {
        OpenError::NotFound => Some((code::NOT_FOUND, TftpLine::NotFound { path, client })),
        OpenError::Denied => Some((code::ACCESS, TftpLine::NoAccess { path })),
        OpenError::Failed(reason) => Some((code::UNDEFINED, TftpLine::Unreadable { path, reason })),
        OpenError::Pending => None,
    }
}

/// A refusal, as it is noted.
fn client_event(code: u16, client: &Peer, path: Vec<u8>, said: bool) -> Effect {
    let why = match code {
        code::NOT_FOUND if said => RefusalReason::NotFound,
        code::ACCESS if said => RefusalReason::PermissionDenied,
        _ => RefusalReason::Unreported,
    };
    Effect::Observe(ClientEvent::TransferRefused { client: client.peer.ip(), path, reason: why })
}

fn read_file_request(
    (name, mode, options): (&[u8], Mode, Strings<'_>),
    client: Peer,
    history: &mut LookupCache,
    around: &mut Context<'_, impl Files>,
    effects: &mut Vec<Effect>,
) -> StartResult {
    let link = around.interfaces.by_index(client.interface);
    let limits = PathMtu { mtu: link.map(|link| link.mtu), ipv6: client.peer.is_ipv6() };
    let agreed = NegotiatedOptions::negotiate(options, mode, around.tftp, limits);
    let interface = link.map_or("", |link| &link.name);
    let asker =
        Requester { interface, client: client.peer.ip(), address_text: &client.address_text };
    let resolved = match resolve(name, around.tftp, asker, history, around.files) {
        Ok(resolved) => resolved,
        Err(awaited) => return StartResult::Pending(awaited),
    };
    let opened = if resolved.escapes_root {
        Err(OpenError::Denied)
    } else {
        around.files.open(&resolved.path)
    };
    let opened = match opened {
        Ok(opened) => opened,
        Err(refusal) => {
            let shown = sanitized(&resolved.path);
            let Some((code, line)) = refusal_event(refusal, shown, &client) else {
                return StartResult::Pending(DiskLookup::File(resolved.path));
            };
            // What is not there is told to the client, and with `quiet-tftp` to nobody else.
            let silent = code == code::NOT_FOUND && around.tftp.quiet;
            // Whoever climbs out of the root is after something else.
            let said = !silent && !resolved.escapes_root;
            effects.push(client_event(code, &client, resolved.path, said));
            effects.extend(refuse(&client, code, line).into_iter().skip(silent.into()));
            return StartResult::Done;
        }
    };
    let mut listed = agreed.oack_options(opened.size).peekable();
    let oack = listed.peek().is_some().then(|| oack(listed));
    let source = BlockSource::new(opened, agreed.blksize, mode);
    let terms = TransferOptions {
        window: agreed.windowsize,
        current_timeout: agreed
            .timeout
            .map_or(DEFAULT_TIMEOUT, |seconds| Duration::from_secs(seconds.into())),
        timeout_negotiated: agreed.timeout.is_some(),
        oack: oack.is_some(),
    };
    let transfer = Transfer::start(terms, source.last(), around.now);
    let ip = client.peer.ip();
    effects.push(Effect::Observe(ClientEvent::TransferStarted {
        client: ip,
        path: resolved.path.clone(),
    }));
    if around.tftp.log_transfers {
        let line = DecisionLine::TransferStarted {
            path: sanitized(&resolved.path),
            client: client.address_text.clone(),
            size: opened.size,
            blksize: agreed.blksize,
            windowsize: agreed.windowsize,
        };
        effects.push(Effect::LogLimited(ip, Line::Decision(line)));
    }
    let began = around.tftp.log_transfers.then_some(around.now);
    StartResult::Session(Box::new(Session::new(
        client,
        resolved.path,
        transfer,
        source,
        (oack, began),
    )))
}
