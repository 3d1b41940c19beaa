//! Options of `dhcp-option-pxe`, from 2.91 on (docs/dnsmasq/proxydhcp.md, section 8.1).

use super::client_name::LABELS;
use super::request::Request;
use super::{Provenance, Reply, ReplyPart};
use crate::config::lookup::tags::TagSet;
use crate::config::{Config, PxeOption, Rule};
use crate::log_line::DhcpLine;
use crate::wire::dhcp::Frame;
use conf_parser::Encapsulation;
use conf_parser::Keyword;
use conf_parser::ValueType;
use std::net::Ipv4Addr;

/// Option 125 carries those of an enterprise (RFC 3925).
const PXE_ENTERPRISE: u8 = 125;
const END: u8 = 255;

/// Fills in the plain ones, then the wrapped ones, each last of the file first.
pub fn fill<'c>(
    answer: &mut Reply<'c>,
    config: &'c Config,
    request: &Request<'_>,
    tags: &TagSet<'_>,
) {
    let fitting = config.dhcp.pxe_options.matching(tags);
    let (plain, wrapped): (Vec<_>, Vec<_>) =
        fitting.iter().copied().partition(|rule| rule.value.encapsulation == Encapsulation::Plain);
    for (at, rule) in plain.iter().enumerate() {
        match precedence(rule, &plain, at) {
            Precedence::Sent => {
                let value = value(&rule.value, answer.server, request);
                answer.options.push((rule.value.code, value));
                answer.provenance.push(cause(rule.value.code, rule));
            }
            Precedence::Duplicate => answer.warnings.push(DhcpLine::Duplicate(rule.value.code)),
            Precedence::Overridden => {}
        }
    }
    let mut groups: Vec<(&Encapsulation, Vec<u8>)> = Vec::new();
    for rule in wrapped {
        let mut bytes = rule.value.value.bytes.clone();
        if matches!(rule.value.encapsulation, Encapsulation::Encap(_)) {
            append_nul(&mut bytes, &rule.value, request);
        }
        let item = [&[rule.value.code, bytes.len().to_le_bytes()[0]], &bytes[..]].concat();
        match groups.iter_mut().find(|(lead, _)| *lead == &rule.value.encapsulation) {
            Some((_, items)) => items.extend(item),
            None => groups.push((&rule.value.encapsulation, item)),
        }
        let code = match &rule.value.encapsulation {
            Encapsulation::Encap(code) => code.to_le_bytes()[0],
            _ => PXE_ENTERPRISE,
        };
        answer.provenance.push(cause(code, rule));
    }
    answer.options.extend(groups.into_iter().filter_map(|(lead, items)| encapsulate(lead, items)));
}

fn cause(code: u8, rule: &Rule<PxeOption>) -> Provenance<'_> {
    Provenance::new(ReplyPart::Option(code), Keyword::DhcpOptionPxe, &rule.origin)
}

/// What becomes of one of several options with one number.
enum Precedence {
    Sent,
    /// One with conditions goes before one without, then the last of the file.
    Overridden,
    /// Of those without conditions the last of the file counts, and the others are a mistake.
    Duplicate,
}

fn precedence(rule: &Rule<PxeOption>, plain: &[&Rule<PxeOption>], at: usize) -> Precedence {
    let is_open = |rule: &Rule<PxeOption>| rule.conditions.is_empty();
    let same = |other: &&&Rule<PxeOption>| other.value.code == rule.value.code;
    let conditional = plain.iter().filter(same).find(|other| !is_open(other));
    let earlier = plain[..at].iter().filter(same).any(|other| is_open(other) == is_open(rule));
    match conditional {
        Some(_) if is_open(rule) => Precedence::Overridden,
        _ if !earlier => Precedence::Sent,
        Some(_) => Precedence::Overridden,
        None => Precedence::Duplicate,
    }
}

/// 0.0.0.0 in a list of addresses is ours.
fn value(option: &PxeOption, server: Ipv4Addr, request: &Request<'_>) -> Vec<u8> {
    let mut bytes = option.value.bytes.clone();
    if option.value.value_type == (ValueType::Addresses { relative: true }) {
        let (addresses, _) = bytes.as_chunks_mut::<4>();
        addresses
            .iter_mut()
            .filter(|octets| **octets == [0; 4])
            .for_each(|octets| *octets = server.octets());
    }
    append_nul(&mut bytes, option, request);
    bytes
}

/// A client that ends its own name in a zero byte gets texts that do.
fn append_nul(bytes: &mut Vec<u8>, option: &PxeOption, request: &Request<'_>) {
    if option.value.value_type == ValueType::Text && ends_names_in_zero(request.frame) {
        bytes.push(0);
    }
}

fn ends_names_in_zero(frame: Frame<'_>) -> bool {
    match frame.option(81, 3) {
        Some([flags, _, _, name @ ..]) => flags & LABELS == 0 && name.last() == Some(&0),
        Some(_) => false,
        None => frame.option(12, 1).and_then(<[u8]>::last) == Some(&0),
    }
}

fn encapsulate(lead: &Encapsulation, mut items: Vec<u8>) -> Option<(u8, Vec<u8>)> {
    match lead {
        Encapsulation::Encap(code) => {
            items.push(END);
            Some((code.to_le_bytes()[0], items))
        }
        Encapsulation::Enterprise(number) => {
            let head = [&number.to_be_bytes()[..], &[items.len().to_le_bytes()[0]]].concat();
            Some((PXE_ENTERPRISE, [head, items].concat()))
        }
        Encapsulation::Plain | Encapsulation::Vendor(_) => None,
    }
}
