//! A decision as a report: the parts of a reply with the line that made each, tags, and lines that were not used.

use super::outcome::Line;
use super::report::{self, Exchange, Field, SkippedRule, Tag};
use crate::byte_text::to_text;
use crate::config::Config;
use crate::config::lookup::tags::TagSetBy;
use crate::proxydhcp::explain::skipped;
use crate::proxydhcp::explain::skipped::SkipReason;
use crate::proxydhcp::explain::tag_setters::{TagSetter, tag_setters};
use crate::proxydhcp::{
    self, Decision, DropReason, Evaluated, Port, Provenance, Reply, ReplyKind, ReplyPart, encode,
    message,
};
use crate::wire::option_display::printable;
use crate::wire::pxe::{NO_PROMPT_TIMEOUT, discovery_control, item};
use conf_parser::Keyword;
use std::net::Ipv4Addr;

/// A message of the client.
pub struct Message {
    /// The port to which it is sent.
    pub port: Port,
    /// DHCP message type.
    pub message_type: u8,
    /// Its purpose, for the reader of the report.
    pub description: String,
}

/// The report of a message that was evaluated with this result.
pub fn exchange(
    config: &Config,
    message: Message,
    result: Result<&Evaluated<'_>, &DropReason>,
) -> Exchange {
    let evaluated = result.ok();
    let drop_reason = drop_reason(result);
    let sent = evaluated.filter(|_| drop_reason.is_none());
    Exchange {
        message: message::name(message.message_type),
        description: message.description,
        port: match message.port {
            Port::Server => config.dhcp.server_port,
            Port::Pxe => proxydhcp::PXE_PORT,
        },
        answer: sent.and_then(|evaluated| Some(reply(config, evaluated, evaluated.reply()?))),
        drop_reason,
        tags: evaluated.map_or_else(Vec::new, |evaluated| tags(config, evaluated)),
        skipped_rules: if has_skipped_rules(result) {
            skipped_rules(config, evaluated)
        } else {
            Vec::new()
        },
    }
}

fn drop_reason(result: Result<&Evaluated<'_>, &DropReason>) -> Option<DropReason> {
    match result {
        Err(reason) | Ok(Evaluated { decision: Decision::Drop(reason), .. }) => {
            Some(reason.clone())
        }
        Ok(Evaluated { decision: Decision::Reply(reply), .. }) => {
            let source = reply.source_of(ReplyPart::Suppressed)?;
            Some(DropReason::Ignored(source.origin.clone()))
        }
    }
}

/// A boot item is found by its type, and an unreadable request is not compared with any line: no line is skipped.
fn has_skipped_rules(result: Result<&Evaluated<'_>, &DropReason>) -> bool {
    match result {
        Ok(evaluated) => evaluated.reply().is_none_or(|reply| reply.kind != ReplyKind::BootItem),
        Err(reason) => matches!(reason, DropReason::NoRange(_)),
    }
}

fn tags(config: &Config, evaluated: &Evaluated<'_>) -> Vec<Tag> {
    let set_by = |by: TagSetBy<'_>| match by {
        TagSetBy::Interface => "the interface".to_owned(),
        TagSetBy::Request => "the request".to_owned(),
        TagSetBy::Line(origin) => origin.to_string(),
        TagSetBy::Host(index) => config.dhcp.hosts.origin(index).to_string(),
    };
    let tag = |(tag, by): (&[u8], TagSetBy<'_>)| Tag { tag: printable(tag), set_by: set_by(by) };
    evaluated.all_tags(config).with_setters().map(tag).collect()
}

fn skipped_rules(config: &Config, evaluated: Option<&Evaluated<'_>>) -> Vec<SkippedRule> {
    let report = |rule: skipped::SkippedRule<'_>| SkippedRule {
        keyword: rule.keyword.name(),
        line: Line(rule.origin.clone()),
        would_yield: rule.would_yield.clone(),
        reason: rule.reason.to_string(),
        distance: rule.distance(),
        missing_tag: match rule.reason {
            SkipReason::TagNotSet(tag) => Some(tag.to_vec()),
            _ => None,
        },
        hints: match &rule.reason {
            SkipReason::TagNotSet(tag) => hints(config, tag),
            SkipReason::TagSet(tag) => set_by(config, evaluated, tag),
            _ => Vec::new(),
        },
    };
    skipped::skipped_rules(config, evaluated).into_iter().map(report).collect()
}

/// The lines that set a tag.
fn hints(config: &Config, tag: &[u8]) -> Vec<String> {
    let setters = tag_setters(config, tag);
    if setters.is_empty() {
        return vec![format!("no line sets {}", printable(tag))];
    }
    let hint = |setter: &TagSetter| {
        format!("{} ({}) sets it for {}", setter.origin, setter.keyword, setter.condition)
    };
    setters.iter().map(hint).collect()
}

/// The line that has set a tag of this request.
fn set_by(config: &Config, evaluated: Option<&Evaluated<'_>>, tag: &[u8]) -> Vec<String> {
    let Some(evaluated) = evaluated else { return Vec::new() };
    let name = printable(tag);
    let set = tags(config, evaluated).into_iter().filter(|tag| tag.tag == name);
    set.map(|tag| format!("{} sets it", tag.set_by)).collect()
}

fn reply(config: &Config, evaluated: &Evaluated<'_>, reply: &Reply<'_>) -> report::Reply {
    let omitted = encode(reply, &evaluated.request).omitted;
    let to = proxydhcp::destination(config, &evaluated.request, reply);
    report::Reply {
        message: message::name(reply.message_type),
        to: to.map_or_else(String::new, |to| to.to_string()),
        fields: fields(reply),
        warnings: reply.warnings.iter().chain(&omitted).map(ToString::to_string).collect(),
    }
}

/// The parts of a reply.
fn fields(reply: &Reply<'_>) -> Vec<Field> {
    let mut fields = Fields { reply, fields: Vec::new() };
    fields.add_boot_file();
    fields.add_vendor_class();
    fields.add_menu();
    fields.add_defaults();
    fields.add_vendor_items();
    fields.add_others();
    fields.fields
}

/// A list of fields under construction.
struct Fields<'a> {
    reply: &'a Reply<'a>,
    fields: Vec<Field>,
}

impl Fields<'_> {
    fn add_boot_file(&mut self) {
        let reply = self.reply;
        self.add_part("server identifier", reply.server.to_string(), ReplyPart::ServerId);
        if !reply.siaddr.is_unspecified() {
            self.add_part("next server", reply.siaddr.to_string(), ReplyPart::BootFile);
        }
        if !reply.sname.is_empty() {
            self.add_part("server name", to_text(&reply.sname), ReplyPart::BootFile);
        }
        if !reply.file.is_empty() {
            self.add_part("boot file", to_text(&reply.file), ReplyPart::BootFile);
        }
    }

    fn add_vendor_class(&mut self) {
        let vendor = self.reply.vendor;
        let origin = Some(&vendor.origin).filter(|origin| origin.is_explicit());
        self.fields.push(Field {
            name: "vendor class (60)".to_owned(),
            value: to_text(&vendor.value),
            keyword: origin.map(|_| Keyword::DhcpPxeVendor.name()),
            line: origin.and_then(Line::of),
        });
    }

    fn add_menu(&mut self) {
        let reply = self.reply;
        let servers = reply.item(item::BOOT_SERVERS).map_or_else(Vec::new, boot_servers);
        for (server_type, text) in reply.item(item::BOOT_MENU).map_or_else(Vec::new, entries) {
            let server = servers.iter().find(|(known, _)| *known == server_type);
            let server = server.map_or_else(String::new, |(_, ip)| format!(", served by {ip}"));
            let value = format!("“{}”, type {server_type:#06x}{server}", printable(&text));
            if let Some(source) = reply.source_of(ReplyPart::MenuEntry(server_type)) {
                self.add("menu entry", value, source);
            }
        }
    }

    /// Items that no line of the configuration made.
    fn add_defaults(&mut self) {
        let reply = self.reply;
        for code in [item::DISCOVERY_CONTROL, item::MENU_PROMPT] {
            if reply.source_of(ReplyPart::VendorItem(code)).is_some() {
                continue;
            }
            if let Some(value) = reply.item(code) {
                let (name, value) = (item_name(code), item_value(code, value));
                self.fields.push(Field { name, value, keyword: None, line: None });
            }
        }
    }

    /// Items of vendor options: they are the last items of the reply, in the order of their lines.
    fn add_vendor_items(&mut self) {
        let reply = self.reply;
        let is_item = |source: &&Provenance<'_>| matches!(source.part, ReplyPart::VendorItem(_));
        let sources: Vec<&Provenance<'_>> = reply.provenance.iter().filter(is_item).collect();
        let first = reply.items.len().saturating_sub(sources.len());
        for (source, (code, value)) in sources.into_iter().zip(&reply.items[first..]) {
            self.add(&item_name(*code), item_value(*code, value), source);
        }
    }

    /// Options, a boot file that is sent on port 4011, the delay.
    fn add_others(&mut self) {
        let reply = self.reply;
        for source in &reply.provenance {
            match source.part {
                ReplyPart::Option(code) => {
                    let found = reply.options.iter().find(|(known, _)| *known == code);
                    let value = found.map_or_else(String::new, |(_, value)| hex(value));
                    self.add(&format!("option {code}"), value, source);
                }
                ReplyPart::DeferredToPxePort => {
                    self.add("boot file", "is sent on port 4011".to_owned(), source);
                }
                ReplyPart::Delay => {
                    let seconds = match reply.kind {
                        ReplyKind::Proxy { delay } => delay.unwrap_or(0),
                        _ => 0,
                    };
                    self.add("reply delay", format!("{seconds} s"), source);
                }
                _ => {}
            }
        }
    }

    /// A field that this line made.
    fn add(&mut self, name: &str, value: String, source: &Provenance<'_>) {
        self.fields.push(Field {
            name: name.to_owned(),
            value,
            keyword: Some(source.keyword.name()),
            line: Line::of(source.origin),
        });
    }

    /// A field with the line that made this part; our own address is from the range.
    fn add_part(&mut self, name: &str, value: String, part: ReplyPart) {
        let reply = self.reply;
        match reply.source_of(part).or_else(|| reply.source_of(ReplyPart::ServerId)) {
            Some(source) => self.add(name, value, source),
            None => {
                self.fields.push(Field { name: name.to_owned(), value, keyword: None, line: None });
            }
        }
    }
}

fn item_name(code: u8) -> String {
    match code {
        item::DISCOVERY_CONTROL => "discovery control (43/6)".to_owned(),
        item::MENU_PROMPT => "prompt (43/10)".to_owned(),
        item::BOOT_ITEM => "boot item (43/71)".to_owned(),
        code => format!("item {code} of option 43"),
    }
}

fn item_value(code: u8, value: &[u8]) -> String {
    match (code, value) {
        (item::DISCOVERY_CONTROL, [discovery_control::NO_MENU]) => {
            "8: there is no menu, load the boot file".to_owned()
        }
        (item::DISCOVERY_CONTROL, [discovery_control::LISTED_SERVERS]) => {
            "3: ask the servers of the list".to_owned()
        }
        (item::DISCOVERY_CONTROL, [discovery_control::BROADCAST]) => {
            "2: find servers by broadcast".to_owned()
        }
        (item::MENU_PROMPT, [NO_PROMPT_TIMEOUT, text @ ..]) => {
            format!("“{}”, no timeout", printable(text))
        }
        (item::MENU_PROMPT, [seconds, text @ ..]) => format!("“{}”, {seconds} s", printable(text)),
        _ => hex(value),
    }
}

/// `0a:01`.
fn hex(value: &[u8]) -> String {
    value.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// The entries of a menu: boot server type and text.
pub fn entries(mut menu: &[u8]) -> Vec<(u16, Vec<u8>)> {
    let mut entries = Vec::new();
    while let [high, low, length, rest @ ..] = menu
        && let Some((text, tail)) = rest.split_at_checked(usize::from(*length))
    {
        entries.push((u16::from_be_bytes([*high, *low]), text.to_vec()));
        menu = tail;
    }
    entries
}

/// Type and address of each boot server; each has one address.
pub fn boot_servers(list: &[u8]) -> Vec<(u16, Ipv4Addr)> {
    let (servers, _) = list.as_chunks::<7>();
    servers
        .iter()
        .map(|[high, low, _, a, b, c, d]| {
            (u16::from_be_bytes([*high, *low]), Ipv4Addr::new(*a, *b, *c, *d))
        })
        .collect()
}
