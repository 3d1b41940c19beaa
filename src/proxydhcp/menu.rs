//! Option 43 of the proxy reply: discovery control, prompt, boot servers, menu, vendor options
//! (docs/dnsmasq/proxydhcp.md, sections 6.3, 6.4).

use super::boot_server::server_address;
use super::request::Request;
use super::{Evaluation, Provenance, Reply, ReplyPart};
use crate::config::lookup::tags::TagSet;
use crate::config::server_names::ServerNames;
use crate::config::{Config, Rule, Service, VendorOption};
use crate::log_line::DhcpLine;
use crate::wire::client_arch::Architecture;
use crate::wire::options::contains;
use crate::wire::pxe::{Item, NO_PROMPT_TIMEOUT, boot_server, discovery_control, item, menu_entry};
use conf_parser::Boot;
use conf_parser::Keyword;
use std::net::Ipv4Addr;

/// Bytes that a menu or a server list may have; dnsmasq reserves two bytes for code and length.
const MAX_LIST_LEN: usize = 252;
const DEFAULT_PROMPT: &[u8] = b"PXE";

/// Adds the menu and the vendor options. A menu that is too long is omitted with a warning.
pub fn fill<'c>(
    reply: &mut Reply<'c>,
    evaluation: &mut Evaluation<'_, 'c>,
    architecture: Architecture,
    tags: &TagSet<'_>,
) {
    let config = evaluation.config;
    let options = vendor_options(config, evaluation.request, tags);
    let fits = |rule: &&Rule<Service>| rule.value.architecture == architecture.0;
    let services: Vec<_> =
        config.dhcp.services.matching(tags).into_iter().filter(fits).rev().collect();
    match menu(reply, &services, evaluation.names) {
        Some(mut items) => {
            let prompted = options.iter().any(|option| option.value.code == item::MENU_PROMPT);
            if !prompted {
                items.insert(1, default_prompt(services.len()));
            }
            reply.items = items;
            reply.provenance.extend(services.iter().map(|service| {
                let part = ReplyPart::MenuEntry(service.value.kind);
                Provenance::new(part, Keyword::PxeService, &service.origin)
            }));
        }
        None => reply.warnings.push(DhcpLine::MenuTooLarge),
    }
    append(reply, &options);
}

/// The prompt of a configuration without `pxe-prompt`: only a menu with a choice is displayed.
fn default_prompt(entries: usize) -> Item {
    let timeout = if entries > 1 { NO_PROMPT_TIMEOUT } else { 0 };
    (item::MENU_PROMPT, [&[timeout][..], DEFAULT_PROMPT].concat())
}

/// Appends vendor options to the items.
pub fn append<'c>(reply: &mut Reply<'c>, options: &[&'c Rule<VendorOption>]) {
    for option in options {
        let code = option.value.code;
        reply.items.push((code, option.value.value.clone()));
        let part = ReplyPart::VendorItem(code);
        reply.provenance.push(Provenance::new(part, option.value.keyword(), &option.origin));
    }
}

/// Discovery control, boot servers and menu; `None` if they are too long.
fn menu(
    reply: &mut Reply<'_>,
    services: &[&Rule<Service>],
    names: &mut ServerNames,
) -> Option<Vec<Item>> {
    let (mut servers, mut menu) = (Vec::new(), Vec::new());
    let mut unlisted = false;
    for Rule { value: service, .. } in services {
        if menu.len() + service.menu.len() + 3 > MAX_LIST_LEN {
            return None;
        }
        menu.extend(menu_entry(service.kind, &service.menu));
        match listed_server(reply, service, names) {
            Some(address) if servers.len() + 7 <= MAX_LIST_LEN => {
                servers.extend(boot_server(service.kind, address));
            }
            Some(_) => return None,
            None => unlisted |= service.kind != 0,
        }
    }
    let control = match services {
        [] => discovery_control::NO_MENU,
        _ if unlisted => discovery_control::BROADCAST,
        _ => discovery_control::LISTED_SERVERS,
    };
    let lists = [(item::BOOT_SERVERS, servers), (item::BOOT_MENU, menu)];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    Some(std::iter::once((item::DISCOVERY_CONTROL, vec![control])).chain(lists).collect())
}

/// The address in the server list. For a service with a file it is ours, as in dnsmasq, also if the line names another
/// server: that one is in the reply to the choice.
fn listed_server(
    reply: &mut Reply<'_>,
    service: &Service,
    names: &mut ServerNames,
) -> Option<Ipv4Addr> {
    let address = match service.boot {
        Boot::File(_) => Some(reply.server),
        Boot::Type(_) => server_address(service.server.as_ref(), names, &mut reply.warnings),
    };
    address.filter(|address| !address.is_unspecified())
}

/// Vendor options for this client, the last of the file first.
pub fn vendor_options<'c>(
    config: &'c Config,
    request: &Request<'_>,
    tags: &TagSet<'_>,
) -> Vec<&'c Rule<VendorOption>> {
    let class = request.frame.vendor_class();
    let fits = |rule: &&Rule<VendorOption>| match &rule.value.class {
        Some(text) => contains(class, text),
        None => config.dhcp.pxe_vendor_classes.iter().any(|vendor| contains(class, &vendor.value)),
    };
    config.dhcp.vendor_options.matching(tags).into_iter().filter(fits).collect()
}
