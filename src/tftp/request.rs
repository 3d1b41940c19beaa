//! From a request to a session, or to an error (spec: TFTP, sections 2 to 5).

use super::Around;
use super::blocks::Source;
use super::files::{Awaited, Files, Refusal};
use super::negotiate::{Agreed, Mode, Path};
use super::path::{Asker, resolve};
use super::session::{Client, Session, cleaned, shown};
use super::transfer::{Terms, Transfer};
use super::undecided::History;
use crate::effect::Effect;
use crate::log_line::{DecisionLine, Line, TftpLine};
use crate::net::{ReceivedDatagram, EgressSocket};
use crate::sight::{RefusalReason, ClientEvent};
use crate::wire::tftp::{Inbound, Strings, error, oack};

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
const USUAL_TIMEOUT: u8 = 2;

/// What comes of a request.
pub enum Started {
    /// A session.
    Session(Box<Session>),
    /// Nothing more.
    Nothing,
    /// That is not known yet.
    Undecided(Awaited),
}

/// Starts a session, or tells the client and the log why not.
pub fn start(
    inbound: Inbound<'_>,
    via: EgressSocket,
    arrival: &ReceivedDatagram<'_>,
    history: &mut History,
    around: &mut Around<'_, impl Files>,
    effects: &mut Vec<Effect>,
) -> Started {
    let shown = shown(&arrival.peer, around.interfaces);
    let client = Client {
        via,
        peer: arrival.peer,
        local: arrival.local,
        interface: arrival.interface,
        shown,
    };
    let refused = match inbound {
        Inbound::Read { file: None, .. } => TftpLine::NoFileName(client.shown.clone()),
        Inbound::Read { file: Some(name), mode, options } => match mode.and_then(Mode::parse) {
            Some(mode) => return read((name, mode, options), client, history, around, effects),
            None => TftpLine::Unsupported(client.shown.clone()),
        },
        Inbound::Write => TftpLine::WriteRequest(client.shown.clone()),
        Inbound::Ack(_) | Inbound::Error { .. } | Inbound::Other(_) => return Started::Nothing,
    };
    effects.extend(refuse(&client, code::ILLEGAL, refused));
    Started::Nothing
}

/// A line for the log, and the same for the client.
fn refuse(client: &Client, code: u16, line: TftpLine) -> [Effect; 2] {
    let bytes = error(code, &line.to_string());
    [Effect::Log(Line::Tftp(line)), client.send(bytes)]
}

/// `None`: nothing is refused yet.
fn refused(refusal: Refusal, path: String, client: &Client) -> Option<(u16, TftpLine)> {
    let client = client.shown.clone();
    match refusal {
        Refusal::NotFound => Some((code::NOT_FOUND, TftpLine::NotFound { path, client })),
        Refusal::Denied => Some((code::ACCESS, TftpLine::NoAccess { path })),
        Refusal::Failed(reason) => Some((code::UNDEFINED, TftpLine::Unreadable { path, reason })),
        Refusal::Pending => None,
    }
}

/// A refusal, as it is noted.
fn sight(code: u16, client: &Client, path: Vec<u8>, said: bool) -> Effect {
    let why = match code {
        code::NOT_FOUND if said => RefusalReason::NotFound,
        code::ACCESS if said => RefusalReason::PermissionDenied,
        _ => RefusalReason::Unreported,
    };
    Effect::Observe(ClientEvent::TransferRefused { client: client.peer.ip(), path, reason: why })
}

fn read(
    (name, mode, options): (&[u8], Mode, Strings<'_>),
    client: Client,
    history: &mut History,
    around: &mut Around<'_, impl Files>,
    effects: &mut Vec<Effect>,
) -> Started {
    let link = around.interfaces.by_index(client.interface);
    let limits = Path { mtu: link.map(|link| link.mtu), ipv6: client.peer.is_ipv6() };
    let agreed = Agreed::with(options, mode, around.tftp, limits);
    let interface = link.map_or("", |link| &link.name);
    let asker = Asker { interface, client: client.peer.ip(), shown: &client.shown };
    let resolved = match resolve(name, around.tftp, asker, history, around.files) {
        Ok(resolved) => resolved,
        Err(awaited) => return Started::Undecided(awaited),
    };
    let opened =
        if resolved.climbs { Err(Refusal::Denied) } else { around.files.open(&resolved.path) };
    let opened = match opened {
        Ok(opened) => opened,
        Err(refusal) => {
            let shown = cleaned(&resolved.path);
            let Some((code, line)) = refused(refusal, shown, &client) else {
                return Started::Undecided(Awaited::File(resolved.path));
            };
            // What is not there is told to the client, and with `quiet-tftp` to nobody else.
            let silent = code == code::NOT_FOUND && around.tftp.quiet;
            // Whoever climbs out of the root is after something else.
            let said = !silent && !resolved.climbs;
            effects.push(sight(code, &client, resolved.path, said));
            effects.extend(refuse(&client, code, line).into_iter().skip(silent.into()));
            return Started::Nothing;
        }
    };
    let mut listed = agreed.listed(opened.size).peekable();
    let oack = listed.peek().is_some().then(|| oack(listed));
    let source = Source::new(opened, agreed.blksize, mode);
    let terms = Terms {
        window: agreed.windowsize,
        timeout: agreed.timeout.unwrap_or(USUAL_TIMEOUT).into(),
        agreed: agreed.timeout.is_some(),
        oack: oack.is_some(),
    };
    let transfer = Transfer::start(terms, source.last(), around.now);
    let ip = client.peer.ip();
    effects.push(Effect::Observe(ClientEvent::TransferStarted { client: ip, path: resolved.path.clone() }));
    if around.tftp.tell {
        let line = DecisionLine::Begins {
            path: cleaned(&resolved.path),
            client: client.shown.clone(),
            size: opened.size,
            blksize: agreed.blksize,
            windowsize: agreed.windowsize,
        };
        effects.push(Effect::LogLimited(ip, Line::Decision(line)));
    }
    let began = around.tftp.tell.then_some(around.now);
    Started::Session(Box::new(Session::new(client, resolved.path, transfer, source, (oack, began))))
}
