//! The tags of a request, in dnsmasq's order (docs/dnsmasq/proxydhcp.md, sections 4.1 to 4.4).
//!
//! dnsmasq tries the lines of each step from the last and puts each tag in front, so that its log lists one step in
//! file order. Here a set lists newest first, and steps are walked from their last line too.

use super::request::Request;
use crate::byte_text::to_bytes;
use crate::config::lookup::hosts::{HostQuery, first_label, mac_fits};
use crate::config::lookup::match_rules::{Field, IndexKey, MatchKind};
use crate::config::lookup::tags::{TagSet, TagSetBy};
use crate::config::{Dhcp, Located};
use crate::wire::options::{self, contains};
use conf_parser::OptionMatch;
use conf_parser::{ClientId, DhcpHost};
use conf_parser::{Value, ValueType};

/// Enterprise number of the Broadband Forum (RFC 3925; TR-069).
const CPEWAN_CLASS: u32 = 3561;

/// All tags but that of the range.
pub fn assign_tags<'a>(dhcp: &'a Dhcp, request: &Request<'a>) -> TagSet<'a> {
    let mut tags = TagSet::default();
    tags.set(to_bytes(&request.ingress.link.name), TagSetBy::Interface);
    if request.message.is_some() {
        tag_by_relay(dhcp, request, &mut tags);
    }
    tag_by_client(dhcp, request, &mut tags);
    tag_by_host(dhcp, request, &mut tags);
    tags
}

fn tag_by_relay<'a>(dhcp: &'a Dhcp, request: &Request<'a>, tags: &mut TagSet<'a>) {
    let is_cpewan =
        |data: &[u8]| options::find(data, 1, 1).is_some() && options::find(data, 2, 1).is_some();
    if let Some(value) = request.frame.option(125, 5)
        && enterprise_blocks(value, CPEWAN_CLASS).next().is_some_and(is_cpewan)
    {
        tags.set(&b"cpewan-id"[..], TagSetBy::Request);
    }
    let Some(relay) = request.relay else { return };
    let found = |place| match place {
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
        dhcp.option_matches.candidates(|place| option_values(request, place))
    {
        if option_fits(request, &rule.matcher) {
            tags.set(&rule.tag[..], TagSetBy::Line(origin));
        }
    }
    let class = |place| match place {
        Field::UserClass => request.user_class.as_deref(),
        _ => request.frame.option(60, 1),
    };
    for Located { origin, value: rule } in dhcp.classes.candidates(class) {
        let (place, _, text) = rule.matcher.index_key();
        if class(place).is_some_and(|class| contains(class, &text)) {
            tags.set(&rule.tag[..], TagSetBy::Line(origin));
        }
    }
}

/// What a `dhcp-match` can look at: an option, or the items of an enterprise.
fn option_values<'a>(request: &Request<'a>, place: Field) -> Vec<&'a [u8]> {
    let frame = request.frame;
    match place {
        Field::Option(code) => {
            let option = u8::try_from(code).ok().and_then(|code| frame.option(code, 1));
            option.into_iter().collect()
        }
        Field::Enterprise(number) => frame.option(124, 5).map_or_else(Vec::new, |option| {
            enterprise_blocks(option, number).flat_map(length_prefixed).collect()
        }),
        _ => Vec::new(),
    }
}

/// `known` and its kin, name matches, and what the client's `dhcp-host` sets.
fn tag_by_host<'a>(dhcp: &'a Dhcp, request: &Request<'a>, tags: &mut TagSet<'a>) {
    let seen = tags.with_tag_ifs(&dhcp.tag_ifs);
    let machine = HostQuery {
        client_id: request.client_id,
        htype: request.frame.htype(),
        mac: request.frame.mac(),
        name: None,
    };
    // One with IPv6 addresses alone is of another network.
    let here = |host: &DhcpHost| match host.address {
        Some(address) => request.ranges.iter().any(|candidate| candidate.holds(address)),
        None => !host.version6,
    };
    let mut host = dhcp.hosts.find(machine, &seen, here);
    if let Some(place) = host {
        tags.set(&b"known"[..], TagSetBy::Host(place));
    } else if let Some(place) = dhcp.hosts.find(machine, &seen, |_| true) {
        tags.set(&b"known-othernet"[..], TagSetBy::Host(place));
    }
    if let Some(name) = &request.name {
        let small = name.to_ascii_lowercase();
        for Located { origin, value: rule } in dhcp.name_matches.candidates(|_| [&small]) {
            let (_, how, wanted) = rule.matcher.index_key();
            if *wanted == small || (how == MatchKind::Beginning && small.starts_with(&wanted)) {
                tags.set(&rule.tag[..], TagSetBy::Line(origin));
            }
        }
        if host.is_none() {
            let seen = tags.with_tag_ifs(&dhcp.tag_ifs);
            let label = Some(first_label(name));
            // `id:*` is no identifier.
            let nameless = |place: &usize| {
                let host = &dhcp.hosts.lines()[*place];
                !matches!(host.client_id, Some(ClientId::Bytes(_))) && host.macs.is_empty()
            };
            host =
                dhcp.hosts.find(HostQuery { name: label, ..machine }, &seen, here).filter(nameless);
            if let Some(place) = host {
                tags.set(&b"known"[..], TagSetBy::Host(place));
            }
        }
    }
    if let Some(place) = host {
        let set = dhcp.hosts.lines()[place].set.iter().rev();
        set.for_each(|tag| tags.set(&tag[..], TagSetBy::Host(place)));
    }
}

fn option_fits(request: &Request<'_>, wanted: &OptionMatch) -> bool {
    let (OptionMatch::Code(_, value) | OptionMatch::Enterprise(_, value)) = wanted else {
        return false;
    };
    option_values(request, wanted.index_key().0).iter().any(|option| value_fits(option, value))
}

fn value_fits(option: &[u8], wanted: &Value) -> bool {
    let bytes = &wanted.bytes;
    match &wanted.value_type {
        ValueType::Absent => true,
        ValueType::Hex(wild) => {
            let byte_fits =
                |(place, (have, want)): (usize, (&u8, &u8))| have == want || wild.contains(&place);
            option.len() >= bytes.len() && option.iter().zip(bytes).enumerate().all(byte_fits)
        }
        ValueType::Text => contains(option, bytes),
        // In steps of its own size: `client-arch,6` finds 6 anywhere in a list of architectures.
        ValueType::Number | ValueType::Addresses { .. } => {
            option.chunks_exact(bytes.len().max(1)).any(|chunk| chunk == bytes)
        }
    }
}

/// The data of an enterprise's blocks that fit (RFC 3925).
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

/// Counted strings.
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

    fn value(bytes: &[u8], form: ValueType) -> Value {
        Value { bytes: bytes.to_vec(), value_type: form }
    }

    #[test]
    fn each_form_of_a_value_is_looked_for_in_its_way() {
        assert!(value_fits(&[0, 9, 0, 6], &value(&[0, 6], ValueType::Number)));
        assert!(
            !value_fits(&[9, 0, 6, 0], &value(&[0, 6], ValueType::Number)),
            "not at a multiple of two"
        );
        assert!(value_fits(b"PXEClient:Arch", &value(b"Arch", ValueType::Text)));
        assert!(value_fits(&[1, 2, 3], &value(&[1, 0], ValueType::Hex(vec![1]))));
        assert!(
            !value_fits(&[9, 1, 2], &value(&[1, 2], ValueType::Hex(vec![]))),
            "hex stands at the beginning"
        );
        assert!(!value_fits(&[1], &value(&[1, 2], ValueType::Hex(vec![]))));
    }

    #[test]
    fn enterprise_blocks_end_where_they_do_not_fit() {
        let option = [0, 0, 13, 233, 2, 1, 7, 0, 0, 0, 1, 9, 1];
        assert_eq!(enterprise_blocks(&option, 3561).collect::<Vec<_>>(), [&[1, 7][..]]);
        assert_eq!(enterprise_blocks(&option, 1).count(), 0);
    }
}
