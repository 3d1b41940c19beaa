//! Which tags are set, and which are asked for: a tag that nothing sets is a rule that never holds, or always does.
//!
//! A file may name a tag for each of a hundred thousand machines, so names stand in one row of bytes.

use crate::byte_text::to_text;
use crate::config::{ConfigWarning, Origin};
use crate::net::interface_matches;
use conf_parser::Condition;
use conf_parser::Directive;
use conf_parser::RunTimeFile;
use std::sync::Arc;

/// Remarks about tags; behind so many, only their number.
const MAX_WARNINGS: usize = 10;
/// More interfaces than a machine is told to listen on one by one.
const MAX_PATTERNS: usize = 100;
/// Tags that are set without a line (docs/dnsmasq/config-language.md, section 3).
const BUILT_IN_TAGS: &[&[u8]] = &[b"known", b"known-othernet", b"cpewan-id", b"bootp", b"dhcpv6"];

/// Tags in the order they were met.
#[derive(Debug, Default)]
pub struct TagUsage {
    names: Vec<u8>,
    set: Vec<NameSpan>,
    used: Vec<UseOfTag>,
    /// The files of `used`, each as often as reading came back to it.
    files: Vec<Arc<str>>,
    /// Patterns of interfaces, whose names are tags.
    patterns: Vec<Vec<u8>>,
    /// Files that are read later may set any tag.
    open: bool,
}

/// A census that nothing is added to any more.
pub struct TagUsageReport {
    usage: TagUsage,
}

/// A tag that is asked for. A file may ask for very many, so this is small.
#[derive(Clone, Copy, Debug)]
struct UseOfTag {
    tag: NameSpan,
    intern_file: u32,
    line: u32,
    negated: bool,
}

/// A stretch of the row of names.
#[derive(Clone, Copy, Debug)]
struct NameSpan {
    start: u32,
    length: u16,
}

impl TagUsage {
    /// Notes the tags of a line.
    pub fn record(&mut self, directive: &Directive, origin: &Origin) {
        match directive {
            Directive::DhcpRange(range) => {
                self.record_use(&range.conditions, origin);
                range.set.iter().for_each(|tag| self.record_set(tag));
            }
            Directive::DhcpHost(host) => {
                self.record_use(&host.conditions, origin);
                host.set.iter().for_each(|tag| self.record_set(tag));
            }
            Directive::TagIf(rule) => {
                self.record_use(&rule.conditions, origin);
                rule.set.iter().for_each(|tag| self.record_set(tag));
            }
            Directive::Interface(names) => {
                let room = MAX_PATTERNS.saturating_sub(self.patterns.len());
                self.patterns.extend(names.iter().take(room).cloned());
            }
            Directive::RunTimeFile(RunTimeFile::DhcpHosts | RunTimeFile::DhcpHostsDir, _) => {
                self.open = true;
            }
            Directive::Bridge(bridge) => self.record_set(&bridge.interface),
            Directive::OptionMatch(rule) => self.record_set(&rule.tag),
            Directive::ClassMatch(rule) => self.record_set(&rule.tag),
            Directive::RelayMatch(rule) => self.record_set(&rule.tag),
            Directive::MacMatch(rule) => self.record_set(&rule.tag),
            Directive::NameMatch(rule) => self.record_set(&rule.tag),
            Directive::DhcpBoot(boot) => self.record_use(&boot.conditions, origin),
            Directive::DhcpOption(option) | Directive::PxeOption(option) => {
                self.record_use(&option.conditions, origin);
            }
            Directive::PxeService(service) => self.record_use(&service.conditions, origin),
            Directive::PxePrompt(prompt) => self.record_use(&prompt.conditions, origin),
            Directive::ReplyDelay(delay) => self.record_use(&delay.conditions, origin),
            Directive::DhcpIgnore(conditions) => self.record_use(conditions, origin),
            _ => {}
        }
    }

    fn record_set(&mut self, tag: &[u8]) {
        let span = self.intern(tag);
        self.set.extend(span);
    }

    fn record_use(&mut self, conditions: &[Condition], origin: &Origin) {
        for Condition { tag, negated } in conditions {
            // Where a condition may be a pattern, what fits it is not known.
            if !tag.is_empty() && !tag.contains(&b'*') {
                let file = self.intern_file(&origin.file);
                let line = u32::try_from(origin.line).unwrap_or(u32::MAX);
                let negated = *negated;
                let tag = self.intern(tag);
                self.used.extend(tag.map(|tag| UseOfTag { tag, intern_file: file, line, negated }));
            }
        }
    }

    fn intern_file(&mut self, file: &Arc<str>) -> u32 {
        if self.files.last().is_none_or(|last| last != file) {
            self.files.push(file.clone());
        }
        u32::try_from(self.files.len() - 1).unwrap_or(u32::MAX)
    }

    fn intern(&mut self, tag: &[u8]) -> Option<NameSpan> {
        let start = u32::try_from(self.names.len()).ok()?;
        let length = u16::try_from(tag.len()).ok()?;
        self.names.extend_from_slice(tag);
        Some(NameSpan { start, length })
    }

    fn intern_tag(&self, span: NameSpan) -> &[u8] {
        let start = span.start as usize;
        &self.names[start..start + usize::from(span.length)]
    }

    /// All tags are known.
    pub fn finish(mut self) -> TagUsageReport {
        let mut set = std::mem::take(&mut self.set);
        if !self.used.is_empty() {
            set.sort_unstable_by(|one, other| self.intern_tag(*one).cmp(self.intern_tag(*other)));
        }
        self.set = set;
        TagUsageReport { usage: self }
    }
}

impl TagUsageReport {
    /// Whether something may set a tag.
    pub fn is_set(&self, tag: &[u8]) -> bool {
        let TagUsage { set, patterns, open, .. } = &self.usage;
        *open
            || set.binary_search_by(|known| self.usage.intern_tag(*known).cmp(tag)).is_ok()
            || is_built_in(tag)
            || patterns.iter().any(|pattern| interface_matches(pattern, tag))
    }

    /// What there is to say, one remark for a tag, where it is first asked for.
    pub fn warnings(&self) -> Vec<ConfigWarning> {
        let TagUsage { used, files, .. } = &self.usage;
        let mut notes = Vec::new();
        let mut told: Vec<&[u8]> = Vec::new();
        let mut more = 0;
        for used in used {
            let tag = self.usage.intern_tag(used.tag);
            if self.is_set(tag) {
                continue;
            }
            if told.len() == MAX_WARNINGS {
                more += 1;
                continue;
            }
            if told.contains(&tag) {
                continue;
            }
            told.push(tag);
            let (sign, holds) = if used.negated { ("!", "always") } else { ("", "never") };
            let tag = to_text(tag);
            let text = format!("nothing sets the tag {tag}, so tag:{sign}{tag} {holds} holds");
            let file = files.get(used.intern_file as usize).cloned().unwrap_or_default();
            let origin = Origin { file, line: used.line as usize };
            notes.push(ConfigWarning::at(&origin, text));
        }
        if more > 0 {
            notes.push(ConfigWarning::general(format!(
                "{more} more lines ask for tags that nothing sets"
            )));
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
    BUILT_IN_TAGS.contains(&tag) || (is_kind && is_numbered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conf_parser::Reader;

    fn notes(text: &str) -> Vec<String> {
        let mut census = TagUsage::default();
        let mut reader = Reader::default();
        for (line, text) in (1..).zip(text.lines()) {
            let origin = Origin { file: "c".into(), line };
            census.record(&reader.line(text.as_bytes()).unwrap().unwrap().directive, &origin);
        }
        census.finish().warnings().iter().map(ToString::to_string).collect()
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
