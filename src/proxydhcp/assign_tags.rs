//! The tags of a request, in dnsmasq's order (docs/dnsmasq/proxydhcp.md, sections 4.1 to 4.4).
//!
//! In each step dnsmasq compares the lines from the last to the first and prepends each tag, so its log shows the tags
//! of a step in the order of the file. `TagSet` lists the newest first too, and the lines are compared in that order.

use super::request::Request;
use crate::byte_text::to_bytes;
use crate::config::lookup::host_record::Host;
use crate::config::lookup::hosts::{HostQuery, first_label, mac_fits};
use crate::config::lookup::match_rules::{Field, IndexKey, MatchKind};
use crate::config::lookup::tags::{TagSet, TagSetBy};
use crate::config::{Dhcp, Located};
use crate::wire::dhcp_option::{VENDOR_CLASS, VI_VENDOR_CLASS, VI_VENDOR_SPECIFIC};
use crate::wire::options::{self, contains};
use conf_parser::OptionMatch;
use conf_parser::{Value, ValueType};

/// Enterprise number of the Broadband Forum (RFC 3925; TR-069).
const CPEWAN_ENTERPRISE: u32 = 3561;
/// Manufacturer OUI and serial number of a device (TR-069, table 20).
const CPEWAN_SUBOPTIONS: [u8; 2] = [1, 2];

/// All tags of a request, without that of the range and those of `tag-if`.
pub fn assign_tags<'a>(dhcp: &'a Dhcp, request: &Request<'a>) -> TagSet<'a> {
    let mut tags = TagSet::default();
    tags.set(to_bytes(&request.ingress.link.name), TagSetBy::Interface);
    if request.message_type.is_some() {
        tag_by_relay(dhcp, request, &mut tags);
    }
    tag_by_client(dhcp, request, &mut tags);
    tag_by_host(dhcp, request, &mut tags);
    tags
}

fn tag_by_relay<'a>(dhcp: &'a Dhcp, request: &Request<'a>, tags: &mut TagSet<'a>) {
    let is_cpewan =
        |data: &[u8]| CPEWAN_SUBOPTIONS.iter().all(|code| options::find(data, *code, 1).is_some());
    if let Some(value) = request.frame.option(VI_VENDOR_SPECIFIC, 5)
        && enterprise_blocks(value, CPEWAN_ENTERPRISE).next().is_some_and(is_cpewan)
    {
        tags.set(&b"cpewan-id"[..], TagSetBy::Request);
    }
    let Some(relay) = request.relay else { return };
    let found = |field| match field {
        Field::Relay(code) => options::find(relay, code, 1),
        _ => None,
    };
    for Located { origin, value: rule } in dhcp.relay_matches.candidates(found) {
        if found(Field::Relay(rule.matcher.suboption)) == Some(&rule.matcher.value[..]) {
            tags.set(&rule.tag[..], TagSetBy::Line(origin));
        }
    }
}

fn tag_by_client<'a>(dhcp: &'a Dhcp, request: &Request<'a>, tags: &mut TagSet<'a>) {
    let (htype, mac) = (request.frame.htype(), request.frame.mac());
    for Located { origin, value: rule } in dhcp.mac_matches.candidates(|_| [mac]) {
        if mac_fits(&rule.matcher, htype, mac) {
            tags.set(&rule.tag[..], TagSetBy::Line(origin));
        }
    }
    for Located { origin, value: rule } in
        dhcp.option_matches.candidates(|field| option_values(request, field))
    {
        if option_fits(request, &rule.matcher) {
            tags.set(&rule.tag[..], TagSetBy::Line(origin));
        }
    }
    let class = |field| match field {
        Field::UserClass => request.user_class.as_deref(),
        _ => request.frame.option(VENDOR_CLASS, 1),
    };
    for Located { origin, value: rule } in dhcp.classes.candidates(class) {
        let (field, _, text) = rule.matcher.index_key();
        if class(field).is_some_and(|class| contains(class, &text)) {
            tags.set(&rule.tag[..], TagSetBy::Line(origin));
        }
    }
}

/// The values that a `dhcp-match` is compared with: an option, or the items of an enterprise in option 124.
fn option_values<'a>(request: &Request<'a>, field: Field) -> Vec<&'a [u8]> {
    let frame = request.frame;
    match field {
        Field::Option(code) => {
            let option = u8::try_from(code).ok().and_then(|code| frame.option(code, 1));
            option.into_iter().collect()
        }
        Field::Enterprise(number) => {
            frame.option(VI_VENDOR_CLASS, 5).map_or_else(Vec::new, |option| {
                enterprise_blocks(option, number).flat_map(length_prefixed).collect()
            })
        }
        _ => Vec::new(),
    }
}

/// `known` or `known-othernet`, `dhcp-name-match`, and the tags of the client's `dhcp-host` line.
fn tag_by_host<'a>(dhcp: &'a Dhcp, request: &Request<'a>, tags: &mut TagSet<'a>) {
    let seen = tags.with_tag_ifs(&dhcp.tag_ifs);
    let query = host_query(request);
    let mut host = dhcp.hosts.find(query, &seen, |host| is_on_matched_range(request, host));
    if let Some(index) = host {
        tags.set(&b"known"[..], TagSetBy::Host(index));
    } else if let Some(index) = dhcp.hosts.find(query, &seen, |_| true) {
        tags.set(&b"known-othernet"[..], TagSetBy::Host(index));
    }
    if let Some(name) = &request.name {
        tag_by_name(dhcp, name, tags);
        if host.is_none() {
            host = host_by_name(dhcp, request, name, &tags.with_tag_ifs(&dhcp.tag_ifs));
            if let Some(index) = host {
                tags.set(&b"known"[..], TagSetBy::Host(index));
            }
        }
    }
    if let Some(index) = host {
        for tag in dhcp.hosts.host(index).set_last_first() {
            tags.set(tag, TagSetBy::Host(index));
        }
    }
}

fn host_query<'a>(request: &Request<'a>) -> HostQuery<'a> {
    HostQuery {
        client_id: request.client_id,
        htype: request.frame.htype(),
        mac: request.frame.mac(),
        name: None,
    }
}

/// Whether the address of a host is in a range of the request. A host with IPv6 addresses only is on another network.
fn is_on_matched_range(request: &Request<'_>, host: Host<'_>) -> bool {
    match host.address() {
        Some(address) => request.ranges.iter().any(|matched| matched.holds(address)),
        None => !host.version6(),
    }
}

fn tag_by_name<'a>(dhcp: &'a Dhcp, name: &[u8], tags: &mut TagSet<'a>) {
    let lower = name.to_ascii_lowercase();
    for Located { origin, value: rule } in dhcp.name_matches.candidates(|_| [&lower]) {
        let (_, kind, text) = rule.matcher.index_key();
        if *text == lower || (kind == MatchKind::Prefix && lower.starts_with(&text)) {
            tags.set(&rule.tag[..], TagSetBy::Line(origin));
        }
    }
}

/// The `dhcp-host` line with this name and without hardware address and client identifier; `id:*` is no identifier.
fn host_by_name(
    dhcp: &Dhcp,
    request: &Request<'_>,
    name: &[u8],
    tags: &TagSet<'_>,
) -> Option<usize> {
    let query = HostQuery { name: Some(first_label(name)), ..host_query(request) };
    let index = dhcp.hosts.find(query, tags, |host| is_on_matched_range(request, host))?;
    let host = dhcp.hosts.host(index);
    let has_only_a_name = host.client_id().is_none() && host.macs().next().is_none();
    has_only_a_name.then_some(index)
}

fn option_fits(request: &Request<'_>, matcher: &OptionMatch) -> bool {
    let (OptionMatch::Code(_, value) | OptionMatch::Enterprise(_, value)) = matcher else {
        return false;
    };
    option_values(request, matcher.index_key().0).iter().any(|option| value_fits(option, value))
}

fn value_fits(option: &[u8], expected: &Value) -> bool {
    let bytes = &expected.bytes;
    match &expected.value_type {
        ValueType::Absent => true,
        ValueType::Hex(wildcards) => {
            let byte_fits = |(index, (actual, expected)): (usize, (&u8, &u8))| {
                actual == expected || wildcards.contains(&index)
            };
            option.len() >= bytes.len() && option.iter().zip(bytes).enumerate().all(byte_fits)
        }
        ValueType::Text => contains(option, bytes),
        // At multiples of its size: `client-arch,6` matches at any position of a list of architectures.
        ValueType::Number | ValueType::Addresses { .. } => {
            option.chunks_exact(bytes.len().max(1)).any(|chunk| chunk == bytes)
        }
    }
}

/// The data of the blocks of an enterprise, up to the first block that is cut off (RFC 3925).
fn enterprise_blocks(mut option: &[u8], number: u32) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let [a, b, c, d, length, rest @ ..] = option else { return None };
        let (data, tail) = rest.split_at_checked(usize::from(*length))?;
        option = tail;
        Some((u32::from_be_bytes([*a, *b, *c, *d]), data))
    })
    .filter(move |(found, _)| *found == number)
    .map(|(_, data)| data)
}

/// Strings with a length byte before each.
fn length_prefixed(mut data: &[u8]) -> impl Iterator<Item = &[u8]> {
    std::iter::from_fn(move || {
        let (&length, rest) = data.split_first()?;
        let (item, tail) = rest.split_at_checked(length.into())?;
        data = tail;
        Some(item)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn value(bytes: &[u8], value_type: ValueType) -> Value {
        Value { bytes: bytes.to_vec(), value_type }
    }

    #[test]
    fn value_is_compared_by_the_rule_of_its_type() {
        assert!(value_fits(&[0, 9, 0, 6], &value(&[0, 6], ValueType::Number)));
        assert!(
            !value_fits(&[9, 0, 6, 0], &value(&[0, 6], ValueType::Number)),
            "not at a multiple of two"
        );
        assert!(value_fits(b"PXEClient:Arch", &value(b"Arch", ValueType::Text)));
        assert!(value_fits(&[1, 2, 3], &value(&[1, 0], ValueType::Hex(vec![1]))));
        assert!(
            !value_fits(&[9, 1, 2], &value(&[1, 2], ValueType::Hex(vec![]))),
            "hex matches at the beginning only"
        );
        assert!(!value_fits(&[1], &value(&[1, 2], ValueType::Hex(vec![]))));
    }

    #[test]
    fn enterprise_block_that_is_cut_off_ends_the_list() {
        let option = [0, 0, 13, 233, 2, 1, 7, 0, 0, 0, 1, 9, 1];
        assert_eq!(enterprise_blocks(&option, 3561).collect::<Vec<_>>(), [&[1, 7][..]]);
        assert_eq!(enterprise_blocks(&option, 1).count(), 0);
    }
}
