//! Which tags are set, and which are asked for: a tag that nothing sets is a rule that never holds, or always does.
//!
//! A file may name a tag for each of a hundred thousand machines, so names stand in one row of bytes.

use super::{Note, Origin};
use conf_parser::Directive;
use conf_parser::words::Condition;
use std::sync::Arc;

/// Remarks about tags; behind so many, only their number.
const MOST_REMARKS: usize = 10;
/// Tags that are set without a line (spec: config language, section 3).
const BUILT_IN: &[&[u8]] = &[b"known", b"known-othernet", b"cpewan-id", b"bootp", b"dhcpv6"];
/// Tags in the order they were met.
#[derive(Debug, Default)]
pub struct Census {
    names: Vec<u8>,
    set: Vec<Span>,
    used: Vec<Used>,
    /// The files of `used`, each as often as reading came back to it.
    files: Vec<Arc<str>>,
}

/// A tag that is asked for. A file may ask for very many, so this is small.
#[derive(Clone, Copy, Debug)]
struct Used {
    tag: Span,
    file: u32,
    line: u32,
    negated: bool,
}

/// A stretch of the row of names.
#[derive(Clone, Copy, Debug)]
struct Span {
    start: u32,
    length: u16,
}

impl Census {
    /// Notes the tags of a line.
    pub fn hear(&mut self, directive: &Directive, origin: &Origin) {
        match directive {
            Directive::DhcpRange(range) => {
                self.uses(&range.conditions, origin);
                range.set.iter().for_each(|tag| self.sets(tag));
            }
            Directive::DhcpHost(host) => {
                self.uses(&host.conditions, origin);
                host.set.iter().for_each(|tag| self.sets(tag));
            }
            Directive::TagIf(rule) => {
                self.uses(&rule.conditions, origin);
                rule.set.iter().for_each(|tag| self.sets(tag));
            }
            Directive::Interface(names) => names.iter().for_each(|name| self.sets(name)),
            Directive::Bridge(bridge) => self.sets(&bridge.interface),
            Directive::OptionMatch(rule) => self.sets(&rule.tag),
            Directive::ClassMatch(rule) => self.sets(&rule.tag),
            Directive::RelayMatch(rule) => self.sets(&rule.tag),
            Directive::MacMatch(rule) => self.sets(&rule.tag),
            Directive::NameMatch(rule) => self.sets(&rule.tag),
            Directive::DhcpBoot(boot) => self.uses(&boot.conditions, origin),
            Directive::DhcpOption(option) | Directive::PxeOption(option) => {
                self.uses(&option.conditions, origin);
            }
            Directive::PxeService(service) => self.uses(&service.conditions, origin),
            Directive::PxePrompt(prompt) => self.uses(&prompt.conditions, origin),
            Directive::ReplyDelay(delay) => self.uses(&delay.conditions, origin),
            Directive::DhcpIgnore(conditions) => self.uses(conditions, origin),
            _ => {}
        }
    }

    fn sets(&mut self, tag: &[u8]) {
        let span = self.keep(tag);
        self.set.extend(span);
    }

    fn uses(&mut self, conditions: &[Condition], origin: &Origin) {
        for Condition { tag, negated } in conditions {
            // Where a condition may be a pattern, what fits it is not known.
            if !tag.is_empty() && !tag.contains(&b'*') {
                let file = self.file(&origin.file);
                let line = u32::try_from(origin.line).unwrap_or(u32::MAX);
                let negated = *negated;
                let tag = self.keep(tag);
                self.used.extend(tag.map(|tag| Used { tag, file, line, negated }));
            }
        }
    }

    fn file(&mut self, file: &Arc<str>) -> u32 {
        if self.files.last().is_none_or(|last| last != file) {
            self.files.push(file.clone());
        }
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    fn keep(&mut self, tag: &[u8]) -> Option<Span> {
        let start = u32::try_from(self.names.len()).ok()?;
        let length = u16::try_from(tag.len()).ok()?;
        self.names.extend_from_slice(tag);
        Some(Span { start, length })
    }

    fn name(&self, span: Span) -> &[u8] {
        let start = span.start as usize;
        &self.names[start..start + usize::from(span.length)]
    }

    /// What there is to say, one remark for a tag, where it is first asked for.
    pub fn notes(mut self) -> Vec<Note> {
        let mut notes = Vec::new();
        if self.used.is_empty() {
            return notes;
        }
        let mut set = std::mem::take(&mut self.set);
        set.sort_unstable_by(|one, other| self.name(*one).cmp(self.name(*other)));
        let mut told: Vec<&[u8]> = Vec::new();
        let mut more = 0;
        for used in &self.used {
            let tag = self.name(used.tag);
            let is_set = set.binary_search_by(|known| self.name(*known).cmp(tag)).is_ok();
            if is_set || is_built_in(tag) {
                continue;
            }
            if told.len() == MOST_REMARKS {
                more += 1;
                continue;
            }
            if told.contains(&tag) {
                continue;
            }
            told.push(tag);
            let (sign, holds) = if used.negated { ("!", "always") } else { ("", "never") };
            let tag = String::from_utf8_lossy(tag);
            let text = format!("nothing sets the tag {tag}, so tag:{sign}{tag} {holds} holds");
            let file = self.files.get(used.file as usize).cloned().unwrap_or_default();
            let origin = Origin { file, line: used.line as usize };
            notes.push(Note { origin: Some(origin), text, refuses: false });
        }
        if more > 0 {
            let text = format!("{more} more lines ask for tags that nothing sets");
            notes.push(Note { origin: None, text, refuses: false });
        }
        notes
    }
}

/// Set by the server itself, or an interface's name as systems give them (`eth0`, `enp3s0`, `br-lan`).
fn is_built_in(tag: &[u8]) -> bool {
    let letters = tag.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (kind, rest) = tag.split_at(letters);
    let is_kind = matches!(
        kind,
        b"eth"
            | b"en"
            | b"eno"
            | b"enp"
            | b"ens"
            | b"enx"
            | b"end"
            | b"wlan"
            | b"wlp"
            | b"wlx"
            | b"br"
            | b"lan"
            | b"vlan"
            | b"bond"
            | b"lo"
            | b"tap"
            | b"tun"
            | b"veth"
            | b"virbr"
            | b"docker"
            | b"lxc"
            | b"lxdbr"
            | b"ib"
            | b"usb"
            | b"wg"
            | b"vmbr"
    );
    let is_numbered = rest.is_empty() || rest[0] == b'-' || rest.iter().any(u8::is_ascii_digit);
    BUILT_IN.contains(&tag) || (is_kind && is_numbered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conf_parser::Reader;

    fn notes(text: &str) -> Vec<String> {
        let mut census = Census::default();
        let mut reader = Reader::default();
        for (line, text) in (1..).zip(text.lines()) {
            let origin = Origin { file: "c".into(), line };
            census.hear(&reader.line(text.as_bytes()).unwrap().unwrap().directive, &origin);
        }
        census.notes().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn a_tag_is_named_where_it_is_first_asked_for() {
        let lines = "dhcp-boot=tag:late,a\ndhcp-boot=tag:b,tag:!a,x\ndhcp-boot=tag:!a,tag:eth0,y\n\
                     dhcp-match=set:late,93\ndhcp-ignore=!known\ntag-if=set:x,tag:b*";
        assert_eq!(
            notes(lines),
            [
                "c:2: nothing sets the tag b, so tag:b never holds",
                "c:2: nothing sets the tag a, so tag:!a always holds"
            ]
        );
    }

    #[test]
    fn a_hundred_tags_are_ten_remarks_and_a_number() {
        let lines: String =
            (0..100).map(|n| format!("dhcp-option=tag:t{n},vendor:PXEClient,6,2b\n")).collect();
        let notes = notes(&lines);
        assert_eq!(notes.len(), 11);
        assert_eq!(notes[10], "90 more lines ask for tags that nothing sets");
    }
}
