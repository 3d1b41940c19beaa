//! One client and what it is being sent: the transfer says which blocks, the source makes them.

use super::blocks::{Rendered, Source};
use super::files::{FileId, Files};
use super::request::code;
use super::transfer::{Action, Event, Millis, Outcome, Transfer};
use crate::effect::Effect;
use crate::log_line::{Line, TftpLine};
use crate::net::{Datagram, Interfaces, Via};
use crate::wire::option_names::printable;
use crate::wire::tftp::error;
use std::net::{IpAddr, SocketAddr};
use std::ops::Range;

/// A client, and how it is answered.
#[derive(Clone, Debug)]
pub struct Client {
    /// The socket.
    pub via: Via,
    /// Its address and port.
    pub peer: SocketAddr,
    /// The address it asked.
    pub local: IpAddr,
    /// The interface it asked over.
    pub interface: u32,
    /// Its address as the log shows it.
    pub shown: String,
}

impl Client {
    /// A datagram to it. Over port 69 the source address must be told.
    pub fn send(&self, bytes: Vec<u8>) -> Effect {
        let shared = matches!(self.via, Via::Tftp(_));
        let from = shared.then_some(self.local);
        let interface = if shared { self.interface } else { 0 };
        Effect::Send(Datagram {
            via: self.via,
            to: self.peer,
            from,
            interface,
            neighbour: None,
            bytes,
        })
    }
}

/// An address as the log shows it: one of a link with that link's name.
pub fn shown(peer: &SocketAddr, interfaces: &Interfaces) -> String {
    let ip = peer.ip();
    match peer {
        SocketAddr::V6(peer) if peer.scope_id() != 0 => {
            let link = interfaces.by_index(peer.scope_id());
            link.map_or_else(|| ip.to_string(), |link| format!("{ip}%{}", link.name))
        }
        _ => ip.to_string(),
    }
}

/// What of a name goes into texts: its printing characters.
pub fn cleaned(name: &[u8]) -> String {
    printable(name)
}

/// A transfer under way and all it needs.
#[derive(Debug)]
pub struct Session {
    client: Client,
    path: String,
    transfer: Transfer,
    source: Source,
    oack: Option<Vec<u8>>,
    /// Blocks that wait for the disk.
    parked: Option<Range<u64>>,
}

impl Session {
    /// A session that has sent nothing yet.
    pub fn new(
        client: Client,
        path: String,
        transfer: Transfer,
        source: Source,
        oack: Option<Vec<u8>>,
    ) -> Self {
        Self { client, path, transfer, source, oack, parked: None }
    }

    /// Who it is with.
    pub fn peer(&self) -> SocketAddr {
        self.client.peer
    }

    /// The file that is sent.
    pub fn file(&self) -> FileId {
        self.source.file()
    }

    /// The next moment at which something is due.
    pub fn deadline(&self) -> Millis {
        self.transfer.deadline()
    }

    /// Sends the first answer. `false`: the file cannot be read, the client was told, and there is no session.
    pub fn open(
        &mut self,
        first: Range<u64>,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) -> bool {
        match self.send(first, files, effects) {
            Ok(()) => true,
            Err(reason) => {
                self.unreadable(reason, effects);
                false
            }
        }
    }

    /// Takes an event; `true`: the session is over.
    pub fn on(
        &mut self,
        event: Event,
        now: Millis,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) -> bool {
        match self.transfer.on(event, now) {
            Action::Wait => false,
            Action::Send(blocks) => self.send_or_end(blocks, files, effects),
            Action::Close(outcome) => {
                let (path, client) = (self.path.clone(), self.client.shown.clone());
                let line = match outcome {
                    Outcome::Sent => TftpLine::Sent { path, client },
                    Outcome::TimedOut => TftpLine::TimedOut { path, client },
                };
                effects.push(Effect::Log(Line::Tftp(line)));
                true
            }
        }
    }

    /// Tries again what waited for the disk; `true`: the session is over.
    pub fn resume(&mut self, files: &mut impl Files, effects: &mut Vec<Effect>) -> bool {
        self.parked.take().is_some_and(|blocks| self.send_or_end(blocks, files, effects))
    }

    /// The client has sent an error.
    pub fn given_up(&self, code: u16, text: &[u8], effects: &mut Vec<Effect>) {
        let (text, client) = (cleaned(text), self.client.shown.clone());
        effects.push(Effect::Log(Line::Tftp(TftpLine::ClientError { code, text, client })));
        self.failed(effects);
    }

    fn send_or_end(
        &mut self,
        blocks: Range<u64>,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) -> bool {
        let Err(reason) = self.send(blocks, files, effects) else { return false };
        self.unreadable(reason, effects);
        self.failed(effects);
        true
    }

    fn send(
        &mut self,
        blocks: Range<u64>,
        files: &mut impl Files,
        effects: &mut Vec<Effect>,
    ) -> Result<(), String> {
        if blocks.start == 0
            && let Some(oack) = &self.oack
        {
            effects.push(self.client.send(oack.clone()));
            return Ok(());
        }
        match self.source.render(blocks.clone(), files) {
            Rendered::Blocks(datagrams, last) => {
                effects.extend(datagrams.into_iter().map(|bytes| self.client.send(bytes)));
                last.into_iter().for_each(|block| self.transfer.ends_with(block));
                Ok(())
            }
            Rendered::Pending => {
                self.parked = Some(blocks);
                Ok(())
            }
            Rendered::Failed(reason) => Err(reason),
        }
    }

    fn unreadable(&self, reason: String, effects: &mut Vec<Effect>) {
        let line = TftpLine::Unreadable { path: self.path.clone(), reason };
        let bytes = error(code::UNDEFINED, &line.to_string());
        effects.push(Effect::Log(Line::Tftp(line)));
        effects.push(self.client.send(bytes));
    }

    fn failed(&self, effects: &mut Vec<Effect>) {
        let line = TftpLine::Failed { path: self.path.clone(), client: self.client.shown.clone() };
        effects.push(Effect::Log(Line::Tftp(line)));
    }
}
