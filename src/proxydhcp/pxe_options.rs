//! Options of `dhcp-option-pxe`, as in dnsmasq 2.91 and later (docs/dnsmasq/proxydhcp.md, section 8.1).

use super::client_name::FQDN_LABELS;
use super::request::Request;
use super::{Provenance, Reply, ReplyPart};
use crate::config::lookup::tags::TagSet;
use crate::config::{Config, PxeOption, Rule};
use crate::log_line::DhcpLine;
use crate::wire::dhcp::Frame;
use crate::wire::dhcp_option::{CLIENT_FQDN, END, HOST_NAME, VI_VENDOR_SPECIFIC};
use conf_parser::Encapsulation;
use conf_parser::Keyword;
use conf_parser::ValueType;
use std::net::Ipv4Addr;

/// Adds the plain options, then the encapsulated ones, each the last of the file first.
pub fn fill<'c>(
    reply: &mut Reply<'c>,
    config: &'c Config,
    request: &Request<'_>,
    tags: &TagSet<'_>,
) {
    let matching = config.dhcp.pxe_options.matching(tags);
    let (plain, encapsulated): (Vec<_>, Vec<_>) =
        matching.into_iter().partition(|rule| rule.value.encapsulation == Encapsulation::Plain);
    fill_plain(reply, request, &plain);
    fill_encapsulated(reply, request, encapsulated);
}

fn fill_plain<'c>(reply: &mut Reply<'c>, request: &Request<'_>, plain: &[&'c Rule<PxeOption>]) {
    for (index, rule) in plain.iter().enumerate() {
        let code = rule.value.code;
        match precedence(plain, index) {
            Precedence::Sent => {
                reply.options.push((code, value(&rule.value, reply.server, request)));
                reply.provenance.push(source(code, rule));
            }
            Precedence::Duplicate => reply.warnings.push(DhcpLine::Duplicate(code)),
            Precedence::Overridden => {}
        }
    }
}

/// Options with the same encapsulation become items of one option.
fn fill_encapsulated<'c>(
    reply: &mut Reply<'c>,
    request: &Request<'_>,
    rules: Vec<&'c Rule<PxeOption>>,
) {
    let mut groups: Vec<(&Encapsulation, Vec<u8>)> = Vec::new();
    for rule in rules {
        let encapsulation = &rule.value.encapsulation;
        let item = item(&rule.value, request);
        match groups.iter_mut().find(|(known, _)| *known == encapsulation) {
            Some((_, items)) => items.extend(item),
            None => groups.push((encapsulation, item)),
        }
        let code = match encapsulation {
            Encapsulation::Encap(code) => code.to_le_bytes()[0],
            _ => VI_VENDOR_SPECIFIC,
        };
        reply.provenance.push(source(code, rule));
    }
    let options = groups.into_iter().filter_map(|(known, items)| encapsulate(known, items));
    reply.options.extend(options);
}

/// Code, length and value of an encapsulated option.
fn item(option: &PxeOption, request: &Request<'_>) -> Vec<u8> {
    let mut bytes = option.value.bytes.clone();
    if matches!(option.encapsulation, Encapsulation::Encap(_)) {
        append_nul(&mut bytes, option, request);
    }
    [&[option.code, bytes.len().to_le_bytes()[0]], &bytes[..]].concat()
}

fn source(code: u8, rule: &Rule<PxeOption>) -> Provenance<'_> {
    Provenance::new(ReplyPart::Option(code), Keyword::DhcpOptionPxe, &rule.origin)
}

/// Precedence among options with the same code.
enum Precedence {
    Sent,
    /// An option with conditions has precedence over one without; then the last of the file has.
    Overridden,
    /// Of options without conditions the last of the file is sent; for the others a warning is logged.
    Duplicate,
}

/// The precedence of `plain[index]`; `plain` has the last of the file first.
fn precedence(plain: &[&Rule<PxeOption>], index: usize) -> Precedence {
    let rule = plain[index];
    let is_unconditional = |rule: &Rule<PxeOption>| rule.conditions.is_empty();
    let same = |other: &&&Rule<PxeOption>| other.value.code == rule.value.code;
    let conditional = plain.iter().filter(same).find(|other| !is_unconditional(other));
    let earlier = plain[..index]
        .iter()
        .filter(same)
        .any(|other| is_unconditional(other) == is_unconditional(rule));
    match conditional {
        Some(_) if is_unconditional(rule) => Precedence::Overridden,
        _ if !earlier => Precedence::Sent,
        Some(_) => Precedence::Overridden,
        None => Precedence::Duplicate,
    }
}

/// The value of an option. In a list of addresses 0.0.0.0 is replaced by our address.
fn value(option: &PxeOption, server: Ipv4Addr, request: &Request<'_>) -> Vec<u8> {
    let mut bytes = option.value.bytes.clone();
    if option.value.value_type == (ValueType::Addresses { relative: true }) {
        let (addresses, _) = bytes.as_chunks_mut::<4>();
        for octets in addresses.iter_mut().filter(|octets| **octets == [0; 4]) {
            *octets = server.octets();
        }
    }
    append_nul(&mut bytes, option, request);
    bytes
}

/// Appends a NUL to a text, if the client's own name ends with NUL. dnsmasq does the same.
fn append_nul(bytes: &mut Vec<u8>, option: &PxeOption, request: &Request<'_>) {
    if option.value.value_type == ValueType::Text && name_ends_with_nul(request.frame) {
        bytes.push(0);
    }
}

fn name_ends_with_nul(frame: Frame<'_>) -> bool {
    match frame.option(CLIENT_FQDN, 3) {
        Some([flags, _, _, name @ ..]) => flags & FQDN_LABELS == 0 && name.last() == Some(&0),
        Some(_) => false,
        None => frame.option(HOST_NAME, 1).and_then(<[u8]>::last) == Some(&0),
    }
}

/// The option that contains `items`: code and value.
fn encapsulate(encapsulation: &Encapsulation, mut items: Vec<u8>) -> Option<(u8, Vec<u8>)> {
    match encapsulation {
        Encapsulation::Encap(code) => {
            items.push(END);
            Some((code.to_le_bytes()[0], items))
        }
        Encapsulation::Enterprise(number) => {
            let header = [&number.to_be_bytes()[..], &[items.len().to_le_bytes()[0]]].concat();
            Some((VI_VENDOR_SPECIFIC, [header, items].concat()))
        }
        Encapsulation::Plain | Encapsulation::Vendor(_) => None,
    }
}
