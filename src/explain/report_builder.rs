//! A decision as a report: each part of an answer with the line that made it, tags, and lines that were passed over.

use super::report::{self, Exchange, Field, SkippedRule, Tag};
use crate::byte_text::to_text;
use crate::config::Config;
use crate::config::lookup::tags::{TagSet, TagSetBy};
use crate::proxydhcp::explain::skipped;
use crate::proxydhcp::explain::skipped::SkipReason;
use crate::proxydhcp::explain::tag_setters::tag_setters;
use crate::proxydhcp::request::Request;
use crate::proxydhcp::{
    self, Decision, DropReason, Evaluated, Port, Provenance, Reply, ReplyKind, ReplyPart, message,
};
use crate::wire::option_display::printable;
use crate::wire::pxe::item;
use conf_parser::Keyword;
use std::net::Ipv4Addr;

/// A conversation's next step, told.
pub fn exchange(
    config: &Config,
    port: Port,
    about: String,
    judged: Result<&Evaluated<'_>, &DropReason>,
    kind: u8,
) -> Exchange {
    let request = judged.ok().map(|judged| &judged.request);
    let answer = judged.ok().and_then(|judged| match &judged.decision {
        Decision::Reply(answer) => Some(&**answer),
        Decision::Drop(_) => None,
    });
    let why = match judged {
        Err(why) | Ok(Evaluated { decision: Decision::Drop(why), .. }) => Some(why.clone()),
        Ok(_) => answer.filter(|answer| answer.kind == ReplyKind::Ignored).and_then(ignored),
    };
    let tags = match (request, answer) {
        (_, Some(answer)) => tags(config, &answer.tags),
        (Some(request), None) => tags(config, &request.tags.with_tag_ifs(&config.dhcp.tag_ifs)),
        (None, None) => Vec::new(),
    };
    let reply = request.zip(answer).filter(|_| why.is_none());
    Exchange {
        message: message::name(kind),
        description: about,
        port: match port {
            Port::Server => config.dhcp.server_port,
            Port::Pxe => proxydhcp::PXE_PORT,
        },
        answer: reply.map(|(request, answer)| self::reply(config, request, answer)),
        drop_reason: why,
        tags,
        // A choice is looked up by its number: nothing else was near.
        passed_over: match answer {
            Some(Reply { kind: ReplyKind::BootItem, .. }) => Vec::new(),
            None if matches!(judged, Err(why) if !matches!(why, DropReason::NoRange(_))) => {
                Vec::new()
            }
            _ => skipped_rules(config, request, answer),
        },
    }
}

fn ignored(answer: &Reply<'_>) -> Option<DropReason> {
    let cause = answer.provenance.iter().find(|cause| cause.part == ReplyPart::Suppressed)?;
    Some(DropReason::Ignored(cause.origin.clone()))
}

fn tags(config: &Config, tags: &TagSet<'_>) -> Vec<Tag> {
    let set_by = |by: TagSetBy<'_>| match by {
        TagSetBy::Interface => "the interface".to_owned(),
        TagSetBy::Request => "the request".to_owned(),
        TagSetBy::Line(origin) => origin.to_string(),
        TagSetBy::Host(place) => config.dhcp.hosts.origin(place).to_string(),
    };
    let tag = |(tag, by): (&[u8], TagSetBy<'_>)| Tag { tag: printable(tag), set_by: set_by(by) };
    tags.with_setters().map(tag).collect()
}

fn skipped_rules(
    config: &Config,
    request: Option<&Request<'_>>,
    answer: Option<&Reply<'_>>,
) -> Vec<SkippedRule> {
    let told = |one: skipped::SkippedRule<'_>| SkippedRule {
        keyword: one.keyword.name(),
        line: one.origin.to_string(),
        would_yield: one.would_yield.clone(),
        reason: one.reason.to_string(),
        distance: one.distance(),
        hints: match &one.reason {
            SkipReason::TagNotSet(tag) => hints(config, tag),
            SkipReason::TagSet(tag) => set_by(request, answer, config, tag),
            _ => Vec::new(),
        },
    };
    skipped::skipped_rules(config, request, answer).into_iter().map(told).collect()
}

/// Who would have set a tag.
fn hints(config: &Config, tag: &[u8]) -> Vec<String> {
    let settings = tag_setters(config, tag);
    if settings.is_empty() {
        return vec![format!("nothing sets {}", printable(tag))];
    }
    let hint = |one: &proxydhcp::explain::tag_setters::TagSetter| {
        format!("{} ({}) sets it for {}", one.origin, one.keyword, one.condition)
    };
    settings.iter().map(hint).collect()
}

/// Who has set it.
fn set_by(
    request: Option<&Request<'_>>,
    answer: Option<&Reply<'_>>,
    config: &Config,
    tag: &[u8],
) -> Vec<String> {
    let all = match (request, answer) {
        (_, Some(answer)) => tags(config, &answer.tags),
        (Some(request), None) => tags(config, &request.tags.with_tag_ifs(&config.dhcp.tag_ifs)),
        (None, None) => Vec::new(),
    };
    let wanted = printable(tag);
    let set = all.into_iter().filter(|tag| tag.tag == wanted);
    set.map(|tag| format!("{} sets it", tag.set_by)).collect()
}

fn reply(config: &Config, request: &Request<'_>, answer: &Reply<'_>) -> report::Reply {
    let unsent = proxydhcp::reply(request, answer).omitted;
    let to = proxydhcp::destination(config, request, answer);
    report::Reply {
        message: message::name(answer.message),
        to: to.map_or_else(String::new, |to| to.to_string()),
        fields: Fields { answer, fields: Vec::new() }.all(),
        warnings: answer.warnings.iter().chain(&unsent).map(ToString::to_string).collect(),
    }
}

/// The parts of an answer, one after the other.
struct Fields<'a> {
    answer: &'a Reply<'a>,
    fields: Vec<Field>,
}

impl Fields<'_> {
    fn all(mut self) -> Vec<Field> {
        let answer = self.answer;
        let text = |bytes: &[u8]| to_text(bytes);
        self.reply_part("server identifier", answer.server.to_string(), ReplyPart::ServerId);
        if !answer.siaddr.is_unspecified() {
            self.reply_part("next server", answer.siaddr.to_string(), ReplyPart::BootFile);
        }
        if !answer.sname.is_empty() {
            self.reply_part("server name", text(&answer.sname), ReplyPart::BootFile);
        }
        if !answer.file.is_empty() {
            self.reply_part("boot file", text(&answer.file), ReplyPart::BootFile);
        }
        let vendor = answer.vendor;
        let written = Some(&vendor.origin).filter(|origin| origin.is_explicit());
        self.fields.push(Field {
            name: "vendor class (60)".to_owned(),
            value: text(&vendor.value),
            keyword: written.map(|_| Keyword::DhcpPxeVendor.name()),
            line: written.map(ToString::to_string),
        });
        self.menu();
        self.items();
        for cause in &answer.provenance {
            match cause.part {
                ReplyPart::Option(code) => {
                    let found = answer.options.iter().find(|(known, _)| *known == code);
                    let value = found.map_or_else(String::new, |(_, value)| in_hex(value));
                    self.because(&format!("option {code}"), value, cause);
                }
                ReplyPart::DeferredToPxePort => {
                    self.because("boot file", "is told on port 4011".to_owned(), cause)
                }
                ReplyPart::Delay => {
                    let seconds = match answer.kind {
                        ReplyKind::Proxy { delay } => delay.unwrap_or(0),
                        _ => 0,
                    };
                    self.because("reply delay", format!("{seconds} s"), cause);
                }
                _ => {}
            }
        }
        self.fields
    }

    /// Items that lines put behind all others, in their order.
    fn items(&mut self) {
        let answer = self.answer;
        let is_item = |cause: &&Provenance<'_>| matches!(cause.part, ReplyPart::VendorItem(_));
        let causes: Vec<&Provenance<'_>> = answer.provenance.iter().filter(is_item).collect();
        let first = answer.items.len().saturating_sub(causes.len());
        for (cause, (code, value)) in causes.into_iter().zip(&answer.items[first..]) {
            self.because(&item_name(*code), item_value(*code, value), cause);
        }
    }

    fn because(&mut self, name: &str, value: String, cause: &Provenance<'_>) {
        self.fields.push(Field {
            name: name.to_owned(),
            value,
            keyword: Some(cause.keyword.name()),
            line: Some(cause.origin.to_string()),
        });
    }

    /// A field by the line that made it, if one did.
    fn reply_part(&mut self, name: &str, value: String, made: ReplyPart) {
        let causes = &self.answer.provenance;
        let find = |made: ReplyPart| causes.iter().find(|cause| cause.part == made);
        // Our own address comes from the range.
        let cause = find(made).or_else(|| find(ReplyPart::ServerId)).copied();
        let (name, line) = (name.to_owned(), cause.map(|cause| cause.origin.to_string()));
        self.fields.push(Field {
            name,
            value,
            keyword: cause.map(|cause| cause.keyword.name()),
            line,
        });
    }

    fn menu(&mut self) {
        let items = &self.answer.items;
        let of = |code: u8| items.iter().find(|(known, _)| *known == code).map(|(_, value)| value);
        let entries = of(item::BOOT_MENU).map_or_else(Vec::new, |value| entries(value));
        let servers = of(item::BOOT_SERVERS).map_or_else(Vec::new, |value| boot_servers(value));
        for (kind, text) in entries {
            let server = servers.iter().find(|(known, _)| *known == kind);
            let server = server.map_or_else(String::new, |(_, ip)| format!(", served by {ip}"));
            let value = format!("“{}”, type {kind:#06x}{server}", printable(&text));
            let causes = &self.answer.provenance;
            if let Some(cause) =
                causes.iter().find(|cause| cause.part == ReplyPart::MenuEntry(kind)).copied()
            {
                self.because("menu entry", value, &cause);
            }
        }
        // What lines make is told with them.
        let written = |code: u8| {
            self.answer.provenance.iter().any(|one| one.part == ReplyPart::VendorItem(code))
        };
        for code in [item::DISCOVERY_CONTROL, item::MENU_PROMPT] {
            if let Some(value) = of(code).filter(|_| !written(code)) {
                let (name, value) = (item_name(code), item_value(code, value));
                self.fields.push(Field { name, value, keyword: None, line: None });
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
        (item::DISCOVERY_CONTROL, [8]) => "8: there is no menu, load the boot file".to_owned(),
        (item::DISCOVERY_CONTROL, [3]) => "3: ask the servers of the list".to_owned(),
        (item::DISCOVERY_CONTROL, [2]) => "2: find servers by broadcast".to_owned(),
        (item::MENU_PROMPT, [255, text @ ..]) => format!("“{}”, for ever", printable(text)),
        (item::MENU_PROMPT, [seconds, text @ ..]) => format!("“{}”, {seconds} s", printable(text)),
        _ => in_hex(value),
    }
}

fn in_hex(value: &[u8]) -> String {
    value.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().join(":")
}

/// The entries of a menu: type and text.
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

/// Boot servers of one address each: type and address.
pub fn boot_servers(list: &[u8]) -> Vec<(u16, Ipv4Addr)> {
    let (servers, _) = list.as_chunks::<7>();
    servers
        .iter()
        .map(|[high, low, _, a, b, c, d]| {
            (u16::from_be_bytes([*high, *low]), Ipv4Addr::new(*a, *b, *c, *d))
        })
        .collect()
}
