//! Option 43 of the proxy answer: discovery control, prompt, boot servers, menu, vendor options
//! (docs/dnsmasq/proxydhcp.md, sections 6.3, 6.4).

use super::proxy_reply::server_address;
use super::request::Request;
use super::{Provenance, Reply, ReplyPart};
use crate::config::lookup::tags::TagSet;
use crate::config::server_names::ServerNames;
use crate::config::{Config, Rule, Service, VendorOption};
use crate::log_line::DhcpLine;
use crate::wire::options::contains;
use crate::wire::pxe::{Item, boot_server, item, menu_entry};
use conf_parser::Boot;
use conf_parser::Keyword;

/// Discovery control (PXE 2.1, tag 6), as dnsmasq sets it.
mod control {
    /// There is no menu: load the file of the offer.
    pub const NO_MENU: u8 = 8;
    /// Some server is not in the list: find it by broadcast, not by multicast.
    pub const UNLISTED_SERVER: u8 = 2;
    /// Use the list: no broadcast, no multicast.
    pub const LISTED_SERVERS: u8 = 3;
}

/// What a menu or a server list may have; dnsmasq leaves two bytes for its head.
const MAX_MENU_ENTRIES: usize = 252;
const NO_MENU_TIMEOUT: u8 = 255;

/// Fills in option 43.
pub fn fill<'c>(
    answer: &mut Reply<'c>,
    config: &'c Config,
    request: &Request<'_>,
    architecture: u16,
    tags: &TagSet<'_>,
    names: &mut ServerNames,
) {
    let options = vendor_options(config, request, tags);
    let fits = |rule: &&Rule<Service>| rule.value.architecture == architecture;
    let services: Vec<_> =
        config.dhcp.services.matching(tags).into_iter().filter(fits).rev().collect();
    match menu(answer, &services, names) {
        Some(mut items) => {
            let prompted = options.iter().any(|option| option.value.code == item::MENU_PROMPT);
            if !prompted {
                let wait = if services.len() > 1 { NO_MENU_TIMEOUT } else { 0 };
                items.insert(1, (item::MENU_PROMPT, [&[wait][..], b"PXE"].concat()));
            }
            answer.items = items;
            let entry = |service: &&'c Rule<Service>| {
                Provenance::new(
                    ReplyPart::MenuEntry(service.value.kind),
                    Keyword::PxeService,
                    &service.origin,
                )
            };
            answer.provenance.extend(services.iter().map(entry));
        }
        None => answer.warnings.push(DhcpLine::MenuTooLarge),
    }
    append(answer, &options);
}

/// Puts vendor options behind what is there.
pub fn append<'c>(answer: &mut Reply<'c>, options: &[&'c Rule<VendorOption>]) {
    let item = |option: &&Rule<VendorOption>| (option.value.code, option.value.value.clone());
    answer.items.extend(options.iter().map(item));
    let cause = |option: &&'c Rule<VendorOption>| {
        Provenance::new(
            ReplyPart::VendorItem(option.value.code),
            option.value.keyword(),
            &option.origin,
        )
    };
    answer.provenance.extend(options.iter().map(cause));
}

/// Discovery control, servers and menu; `None` if they do not fit.
fn menu(
    answer: &mut Reply<'_>,
    services: &[&Rule<Service>],
    names: &mut ServerNames,
) -> Option<Vec<Item>> {
    let (mut servers, mut menu) = (Vec::new(), Vec::new());
    let mut unlisted = false;
    for Rule { value: service, .. } in services {
        if menu.len() + service.menu.len() + 3 > MAX_MENU_ENTRIES {
            return None;
        }
        menu.extend(menu_entry(service.kind, &service.menu));
        // What has a file is served here, whatever the line says; the other server shows in the answer to the choice.
        let address = match service.boot {
            Boot::File(_) => Some(answer.server),
            Boot::Type(_) => server_address(service.server.as_ref(), names, &mut answer.warnings),
        };
        match address.filter(|address| !address.is_unspecified()) {
            Some(address) if servers.len() + 7 <= MAX_MENU_ENTRIES => {
                servers.extend(boot_server(service.kind, address));
            }
            Some(_) => return None,
            None => unlisted |= service.kind != 0,
        }
    }
    let control = match services {
        [] => control::NO_MENU,
        _ if unlisted => control::UNLISTED_SERVER,
        _ => control::LISTED_SERVERS,
    };
    let lists = [(item::BOOT_SERVERS, servers), (item::BOOT_MENU, menu)];
    let lists = lists.into_iter().filter(|(_, list)| !list.is_empty());
    Some(std::iter::once((item::DISCOVERY_CONTROL, vec![control])).chain(lists).collect())
}

/// Vendor options for this client, last of the file first.
pub fn vendor_options<'c>(
    config: &'c Config,
    request: &Request<'_>,
    tags: &TagSet<'_>,
) -> Vec<&'c Rule<VendorOption>> {
    let class = request.frame.option(60, 0).unwrap_or_default();
    let says = |text: &[u8]| contains(class, text);
    let fits = |rule: &&Rule<VendorOption>| match &rule.value.class {
        Some(text) => says(text),
        None => config.dhcp.pxe_vendor_classes.iter().any(|vendor| says(&vendor.value)),
    };
    config.dhcp.vendor_options.matching(tags).into_iter().filter(fits).collect()
}
