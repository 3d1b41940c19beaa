//! The part of a reply that a simulated client uses.

use super::outcome::Line;
use super::report_builder::{boot_servers, entries};
use crate::config::Origin;
use crate::proxydhcp::{Evaluated, ReplyKind, ReplyPart};
use crate::wire::option_display::printable;
use crate::wire::pxe::item;
use std::net::Ipv4Addr;

/// The part of a reply that the client uses.
pub struct ReceivedReply {
    /// The boot file.
    pub file: Vec<u8>,
    /// Its server (`siaddr`).
    pub next_server: Ipv4Addr,
    /// Our address (option 54).
    pub server_id: Ipv4Addr,
    /// The vendor class (option 60).
    pub vendor_class: Vec<u8>,
    /// The `dhcp-pxe-vendor` line; `None` for the default.
    pub vendor_line: Option<Line>,
    /// The entries of the menu.
    pub menu: Vec<MenuChoice>,
    /// The text of the prompt.
    pub prompt: String,
    /// The line that names the file.
    pub file_line: Option<Line>,
    /// The option of that line; empty without a file.
    pub file_keyword: &'static str,
    /// The line of a file that is sent on port 4011 only.
    pub deferred_line: Option<Line>,
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
    /// The line of the entry.
    pub line: Option<Line>,
}

impl ReceivedReply {
    /// `None` if no reply is sent.
    pub fn of(evaluated: &Evaluated<'_>) -> Option<Self> {
        let reply = evaluated.reply().filter(|reply| reply.kind != ReplyKind::Ignored)?;
        let origin = |part: ReplyPart| -> Option<&Origin> { Some(reply.source_of(part)?.origin) };
        let line = |part: ReplyPart| origin(part).and_then(Line::of);
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
            server_id: reply.server,
            vendor_class: reply.vendor.value.clone(),
            vendor_line: Line::of(&reply.vendor.origin),
            prompt: printable(
                reply.item(item::MENU_PROMPT).and_then(|item| item.get(1..)).unwrap_or_default(),
            ),
            menu: menu.into_iter().map(choice).collect(),
            file_line: line(ReplyPart::BootFile),
            file_keyword: reply
                .source_of(ReplyPart::BootFile)
                .map_or("", |source| source.keyword.name()),
            deferred_line: line(ReplyPart::DeferredToPxePort),
            warning: reply.warnings.first().map(ToString::to_string),
        })
    }
}
