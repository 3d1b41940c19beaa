//! Tags that lines set and tags that conditions use. A condition on a tag that is never set is never true, or always.
//!
//! A file may set a tag for each of 100,000 hosts, so all names are stored in one vector of bytes.

use crate::byte_text::to_text;
use crate::config::Origin;
use crate::finding::{Finding, Level};
use crate::net::interface_matches;
use crate::reason::ConfigReason;
use conf_parser::Condition;
use conf_parser::Directive;
use conf_parser::RunTimeFile;
use std::collections::BTreeSet;
use std::slice;
use std::sync::Arc;

/// Number of warnings; for the rest only their number is given.
const MAX_WARNINGS: usize = 10;
/// Number of tags that an unknown tag is compared with.
const MAX_COMPARED: usize = 1000;
/// Number of interface patterns that are compared with tags.
const MAX_PATTERNS: usize = 100;
/// Tags that are set without a line (docs/dnsmasq/config-language.md, section 3).
const BUILT_IN_TAGS: &[&[u8]] = &[b"known", b"known-othernet", b"cpewan-id", b"bootp", b"dhcpv6"];

/// Tags in the order of their lines.
#[derive(Debug, Default)]
pub struct TagUsage {
    names: Vec<u8>,
    set: Vec<NameSpan>,
    used: Vec<UseOfTag>,
    /// The files of `used`; a file occurs again when reading returns to it.
    files: Vec<Arc<str>>,
    /// Patterns of interfaces: the name of the interface is a tag of its requests.
    patterns: Vec<Vec<u8>>,
    /// Whether files that are read later may set any tag.
    any_tag_possible: bool,
}

/// Tag usage of the whole configuration.
pub struct TagUsageReport {
    usage: TagUsage,
}

/// A tag in a condition. There may be very many, so it is small.
#[derive(Clone, Copy, Debug)]
struct UseOfTag {
    tag: NameSpan,
    file: u32,
    line: u32,
    negated: bool,
}

/// Position of a name in the vector of names.
#[derive(Clone, Copy, Debug)]
struct NameSpan {
    start: u32,
    length: u16,
}

impl TagUsage {
    /// Records the tags that a line sets and those that it requires.
    pub fn record(&mut self, directive: &Directive, origin: &Origin) {
        let (set, conditions) = tags_of(directive);
        for tag in set {
            self.record_set(tag);
        }
        self.record_use(conditions, origin);
        match directive {
            Directive::Interface(names) => {
                let free = MAX_PATTERNS.saturating_sub(self.patterns.len());
                self.patterns.extend(names.iter().take(free).cloned());
            }
            Directive::RunTimeFile(RunTimeFile::DhcpHosts | RunTimeFile::DhcpHostsDir, _) => {
                self.any_tag_possible = true;
            }
            _ => {}
        }
    }

    fn record_set(&mut self, tag: &[u8]) {
        let span = self.intern(tag);
        self.set.extend(span);
    }

    fn record_use(&mut self, conditions: &[Condition], origin: &Origin) {
        for Condition { tag, negated } in conditions {
            // A condition of `tag-if` may be a pattern, which is not checked.
            if !tag.is_empty() && !tag.contains(&b'*') {
                let file = self.intern_file(&origin.file);
                let line = u32::try_from(origin.line).unwrap_or(u32::MAX);
                let negated = *negated;
                let tag = self.intern(tag);
                self.used.extend(tag.map(|tag| UseOfTag { tag, file, line, negated }));
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

    fn name(&self, span: NameSpan) -> &[u8] {
        let start = span.start as usize;
        &self.names[start..start + usize::from(span.length)]
    }

    /// Sorts the tags that are set, for [`TagUsageReport::is_set`].
    pub fn finish(mut self) -> TagUsageReport {
        let mut set = std::mem::take(&mut self.set);
        if !self.used.is_empty() {
            set.sort_unstable_by(|one, other| self.name(*one).cmp(self.name(*other)));
        }
        self.set = set;
        TagUsageReport { usage: self }
    }
}

impl TagUsageReport {
    /// Whether a line, an interface or the server may set a tag.
    pub fn is_set(&self, tag: &[u8]) -> bool {
        let TagUsage { set, patterns, any_tag_possible, .. } = &self.usage;
        *any_tag_possible
            || set.binary_search_by(|known| self.usage.name(*known).cmp(tag)).is_ok()
            || is_built_in(tag)
            || patterns.iter().any(|pattern| interface_matches(pattern, tag))
    }

    /// A question with the tag of a similar name that is set, or an empty text.
    fn similar(&self, tag: &[u8]) -> String {
        let set = self.usage.set.iter().take(MAX_COMPARED).map(|known| self.usage.name(*known));
        let names: BTreeSet<String> = set.map(to_text).collect();
        let tag = to_text(tag);
        // `tag:set:bios` requires a tag of the name `set:bios`.
        let bare = ["set:", "tag:", "net:"].iter().find_map(|prefix| tag.strip_prefix(prefix));
        let bare = bare.filter(|name| names.contains(*name));
        let found = bare.or_else(|| conf_parser::nearest(&tag, names.iter().map(String::as_str)));
        found.map(|name| format!("; did you mean \"{name}\"?")).unwrap_or_default()
    }

    /// One finding for each tag that is never set, at the first line that uses it.
    pub fn findings(&self) -> Vec<Finding> {
        let TagUsage { used, files, .. } = &self.usage;
        let mut findings = Vec::new();
        let mut reported: Vec<&[u8]> = Vec::new();
        let mut more = 0;
        for used in used {
            let tag = self.usage.name(used.tag);
            if self.is_set(tag) {
                continue;
            }
            if reported.len() == MAX_WARNINGS {
                more += 1;
                continue;
            }
            if reported.contains(&tag) {
                continue;
            }
            reported.push(tag);
            let similar = self.similar(tag);
            let tag = to_text(tag);
            let (level, reason) = if used.negated {
                (Level::Hint, ConfigReason::NegatedTagNeverSet { tag, similar })
            } else {
                (Level::Warning, ConfigReason::TagNeverSet { tag, similar })
            };
            let file = files.get(used.file as usize).cloned().unwrap_or_default();
            let origin = Origin { file, line: used.line as usize };
            findings.push(Finding::at(level, &origin, reason));
        }
        if more > 0 {
            let reason = ConfigReason::MoreTagsNeverSet { count: more };
            findings.push(Finding::general(Level::Warning, reason));
        }
        findings
    }
}

/// The tags that a line sets, and its conditions. Exhaustive, so that the tags of a new directive are not forgotten.
#[expect(
    clippy::match_same_arms,
    reason = "one pattern for all would take a line for each directive"
)]
fn tags_of(directive: &Directive) -> (&[Vec<u8>], &[Condition]) {
    use Directive as D;
    match directive {
        D::DhcpRange(range) => (range.set.as_slice(), &range.conditions),
        D::DhcpHost(host) => (&host.set, &host.conditions),
        D::TagIf(rule) => (&rule.set, &rule.conditions),
        D::Bridge(bridge) => (slice::from_ref(&bridge.interface), &[]),
        D::OptionMatch(rule) => (slice::from_ref(&rule.tag), &[]),
        D::ClassMatch(rule) => (slice::from_ref(&rule.tag), &[]),
        D::RelayMatch(rule) => (slice::from_ref(&rule.tag), &[]),
        D::MacMatch(rule) => (slice::from_ref(&rule.tag), &[]),
        D::NameMatch(rule) => (slice::from_ref(&rule.tag), &[]),
        D::DhcpBoot(boot) => (&[], &boot.conditions),
        D::DhcpOption(option) | D::PxeOption(option) => (&[], &option.conditions),
        D::PxeService(service) => (&[], &service.conditions),
        D::PxePrompt(prompt) => (&[], &prompt.conditions),
        D::ReplyDelay(delay) => (&[], &delay.conditions),
        D::DhcpIgnore(conditions) => (&[], conditions),
        D::ValidatedOnly(_) | D::Switch(_) | D::BroadcastToAll | D::PxeVendors(_) => (&[], &[]),
        D::ConfFile(_) | D::ConfDir(_) | D::ConfScript(_) | D::RunTimeFile(..) => (&[], &[]),
        D::EnableTftp(_) | D::TftpRoot(_) | D::TftpUniqueRoot(_) | D::TftpMax(_) => (&[], &[]),
        D::TftpMtu(_) | D::TftpPortRange(..) | D::EdnsPacketMax(_) | D::Port(_) => (&[], &[]),
        D::Upstream(_) | D::ResolvFile(_) | D::Domain(_) | D::Cname(_) => (&[], &[]),
        D::AlternatePort { .. } | D::Interface(_) | D::ExceptInterface(_) => (&[], &[]),
        D::NoDhcpInterface(_) | D::NoDhcpv4Interface(_) | D::NoDhcpv6Interface(_) => (&[], &[]),
        D::ListenAddress(_) | D::LocalService { .. } | D::HostRecord(_) => (&[], &[]),
        D::SharedNetwork(_) => (&[], &[]),
        D::User(_) | D::Group(_) | D::PidFile(_) | D::LogFacility(_) => (&[], &[]),
        D::LogAsync(_) | D::LeaseFile(_) | D::DhcpLeaseMax(_) => (&[], &[]),
        D::Script(_) | D::ScriptUser(_) => (&[], &[]),
    }
}

/// Whether a tag is set without a line: by the server, or because it looks like the name of an interface (`eth0`,
/// `enp3s0`, `br-lan`).
fn is_built_in(tag: &[u8]) -> bool {
    let prefix_len = tag.iter().take_while(|byte| byte.is_ascii_alphabetic()).count();
    let (prefix, rest) = tag.split_at(prefix_len);
    let is_interface = matches!(
        prefix,
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
    BUILT_IN_TAGS.contains(&tag) || (is_interface && is_numbered)
}

#[cfg(test)]
mod tests {
    use super::*;
    use conf_parser::Reader;

    fn warnings(text: &str) -> Vec<String> {
        let mut usage = TagUsage::default();
        let mut reader = Reader::default();
        for (line, text) in (1..).zip(text.lines()) {
            let origin = Origin { file: "c".into(), line };
            usage.record(&reader.line(text.as_bytes()).unwrap().unwrap().directive, &origin);
        }
        usage.finish().findings().iter().map(ToString::to_string).collect()
    }

    #[test]
    fn unset_tag_is_reported_at_its_first_use() {
        let lines = "dhcp-boot=tag:late,a\ndhcp-boot=tag:b,tag:!a,x\ndhcp-boot=tag:!a,tag:eth0,y\n\
                     dhcp-match=set:late,93\ndhcp-ignore=!known\ntag-if=set:x,tag:b*";
        assert_eq!(
            warnings(lines),
            [
                "c:2: tag \"b\" is never set: this line never applies",
                "c:2: tag \"a\" is never set: tag:!a is always true"
            ]
        );
    }

    #[test]
    fn unset_tag_is_compared_with_the_tags_that_are_set() {
        assert_eq!(
            warnings(
                "dhcp-match=set:iPXE,175\ndhcp-boot=tag:ipxe,a\ndhcp-boot=tag:!bois,b\ndhcp-match=set:bios,93,0"
            ),
            [
                "c:2: tag \"ipxe\" is never set: this line never applies; did you mean \"iPXE\"?",
                "c:3: tag \"bois\" is never set: tag:!bois is always true; did you mean \"bios\"?"
            ]
        );
    }

    #[test]
    fn tag_with_a_prefix_in_its_name_is_compared_without_it() {
        assert_eq!(
            warnings("dhcp-match=set:i,175\ndhcp-boot=tag:set:i,a"),
            ["c:2: tag \"set:i\" is never set: this line never applies; did you mean \"i\"?"]
        );
    }

    #[test]
    fn hundred_unset_tags_are_ten_warnings_and_a_number() {
        let lines: String =
            (0..100).map(|n| format!("dhcp-option=tag:t{n},vendor:PXEClient,6,2b\n")).collect();
        let warnings = warnings(&lines);
        assert_eq!(warnings.len(), 11);
        assert_eq!(warnings[10], "90 more lines use tags that are never set");
    }
}
