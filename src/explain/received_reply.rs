//! The part of a reply that a simulated client uses.

use super::report_builder::{boot_servers, entries};
use crate::proxydhcp::{Evaluated, ReplyKind, ReplyPart};
use crate::wire::option_display::printable;
use crate::wire::pxe::item;
use std::net::Ipv4Addr;

/// The part of a reply that the client uses.
pub struct ReceivedReply {
    /// The boot file.
    pub file: Vec<u8>,
    /// Its server.
    pub next_server: Ipv4Addr,
    /// The entries of the menu.
    pub menu: Vec<MenuChoice>,
    /// The line that names the file, as `file:number`.
    pub file_line: Option<String>,
    /// The first warning while the reply was made.
    pub warning: Option<String>,
}

/// A menu entry.
pub struct MenuChoice {
    /// Boot server type.
    pub server_type: u16,
    /// The text of the entry.
    pub text: String,
    /// The boot server; `None`: the client looks for one by broadcast.
    pub server: Option<Ipv4Addr>,
    /// The line of the entry, as `file:number`.
    pub line: Option<String>,
}

impl ReceivedReply {
    /// `None` if no reply is sent.
    pub fn of(evaluated: &Evaluated<'_>) -> Option<Self> {
        let reply = evaluated.reply().filter(|reply| reply.kind != ReplyKind::Ignored)?;
        let line = |part: ReplyPart| reply.source_of(part).map(|source| source.origin.to_string());
        let servers = reply.item(item::BOOT_SERVERS).map_or_else(Vec::new, boot_servers);
        let menu = reply.item(item::BOOT_MENU).map_or_else(Vec::new, entries);
        let choice = |(server_type, text): (u16, Vec<u8>)| MenuChoice {
            server_type,
            text: printable(&text),
            server: servers.iter().find(|(known, _)| *known == server_type).map(|(_, ip)| *ip),
            line: line(ReplyPart::MenuEntry(server_type)),
        };
        Some(Self {
            file: reply.file.clone(),
            next_server: reply.siaddr,
            menu: menu.into_iter().map(choice).collect(),
            file_line: line(ReplyPart::BootFile),
            warning: reply.warnings.first().map(ToString::to_string),
        })
    }
}
