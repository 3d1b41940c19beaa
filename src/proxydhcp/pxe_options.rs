//! Options of `dhcp-option-pxe`, from 2.91 on (spec: proxyDHCP, section 8, 2.91).

use super::Answer;
use crate::config::tags::TagSet;
use crate::config::{Config, PxeOption, Rule};
use conf_parser::option::dhcp_option::Lead;
use conf_parser::option::option_value::Form;
use std::net::Ipv4Addr;

/// Option 125 carries those of an enterprise (RFC 3925).
const ENTERPRISE: u8 = 125;
const END: u8 = 255;

/// Fills in the plain ones, then the wrapped ones, each last of the file first.
pub fn fill<'c>(answer: &mut Answer<'c>, config: &'c Config, tags: &TagSet<'_>) {
    let fitting = config.dhcp.pxe_options.holding(tags);
    for rule in fitting.iter().filter(|rule| is_chosen(rule, &fitting)) {
        answer.options.push((rule.value.code, value(&rule.value, answer.server)));
        answer.because.push(&rule.origin);
    }
    let mut groups: Vec<(&Lead, Vec<u8>)> = Vec::new();
    for rule in fitting.iter().filter(|rule| rule.value.lead != Lead::Plain) {
        let bytes = &rule.value.value.bytes;
        let item = [&[rule.value.code, bytes.len().to_le_bytes()[0]], &bytes[..]].concat();
        match groups.iter_mut().find(|(lead, _)| *lead == &rule.value.lead) {
            Some((_, items)) => items.extend(item),
            None => groups.push((&rule.value.lead, item)),
        }
        answer.because.push(&rule.origin);
    }
    answer.options.extend(groups.into_iter().filter_map(|(lead, items)| wrapped(lead, items)));
}

/// Of several plain ones with one number, one with conditions goes before one without, then the last of the file.
fn is_chosen(rule: &Rule<PxeOption>, fitting: &[&Rule<PxeOption>]) -> bool {
    let same = |other: &&&Rule<PxeOption>| {
        other.value.lead == Lead::Plain && other.value.code == rule.value.code
    };
    let with = fitting.iter().filter(same).find(|other| !other.conditions.is_empty());
    let best = with.or_else(|| fitting.iter().find(same));
    rule.value.lead == Lead::Plain && best.is_some_and(|best| std::ptr::eq(*best, rule))
}

/// 0.0.0.0 in a list of addresses is ours.
fn value(option: &PxeOption, server: Ipv4Addr) -> Vec<u8> {
    let mut bytes = option.value.bytes.clone();
    if option.value.form == (Form::Addresses { relative: true }) {
        let (addresses, _) = bytes.as_chunks_mut::<4>();
        addresses
            .iter_mut()
            .filter(|octets| **octets == [0; 4])
            .for_each(|octets| *octets = server.octets());
    }
    bytes
}

fn wrapped(lead: &Lead, mut items: Vec<u8>) -> Option<(u8, Vec<u8>)> {
    match lead {
        Lead::Encap(code) => {
            items.push(END);
            Some((code.to_le_bytes()[0], items))
        }
        Lead::Enterprise(number) => {
            let head = [&number.to_be_bytes()[..], &[items.len().to_le_bytes()[0]]].concat();
            Some((ENTERPRISE, [head, items].concat()))
        }
        Lead::Plain | Lead::Vendor(_) => None,
    }
}
