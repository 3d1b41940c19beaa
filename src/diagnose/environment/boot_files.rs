//! Boot files that the configuration names.

use super::roots::roots;
use crate::byte_text::to_text;
use crate::config::{Config, Origin, Tftp};
use crate::diagnose::boot_file::{FileRequest, check_request};
use crate::finding::{Finding, Level};
use crate::net::Interfaces;
use crate::reason::{ConfiguredFile, FileReason};
use crate::sys::privilege::Identity;
use conf_parser::{Boot, Keyword, Server};
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::path::Path;

/// Warnings about boot files.
const MAX_FILES: usize = 20;

/// Whether a directory can be read and has no entries.
pub fn is_empty_directory(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// A boot file in a reply, and its line.
struct BootFileRule<'c> {
    origin: &'c Origin,
    keyword: Keyword,
    name: Vec<u8>,
    /// dnsmasq adds the suffix `.0` to the name.
    has_layer_suffix: bool,
}

/// Boot files that cannot be read in any root.
pub fn boot_files(
    config: &Config,
    tftp: &Tftp,
    interfaces: Option<&Interfaces>,
    identity: Option<&Identity>,
) -> Vec<Finding> {
    let ours = |server: &Option<Server>| match server {
        None => true,
        Some(Server::Address(address)) => interfaces
            .is_some_and(|here| here.addresses.iter().any(|own| own.ipv4() == Some(*address))),
        Some(Server::Name(_)) => false,
    };
    let boots = config.dhcp.boot_rules.iter().filter(|boot| ours(&boot.value.server));
    let boots = boots.map(|boot| BootFileRule {
        origin: &boot.origin,
        keyword: Keyword::DhcpBoot,
        name: boot.value.file.clone(),
        has_layer_suffix: false,
    });
    let services = config.dhcp.services.iter().filter(|service| ours(&service.value.server));
    let services = services.filter_map(|service| match &service.value.boot {
        Boot::Type(_) => None,
        Boot::File(name) => {
            let has_layer_suffix = !name.contains(&b'.');
            let name = if has_layer_suffix { [name, &b".0"[..]].concat() } else { name.clone() };
            Some(BootFileRule {
                origin: &service.origin,
                keyword: Keyword::PxeService,
                name,
                has_layer_suffix,
            })
        }
    });
    // The file of a URL is not on this server.
    let is_file = |rule: &BootFileRule<'_>| {
        !rule.name.is_empty() && !rule.name.windows(3).any(|part| part == b"://")
    };
    // An empty root has no files yet: then only missing files with their full name in a line are reported.
    let holding = roots(tftp).filter(|(_, root)| !is_empty_directory(root)).count();
    let empty = holding == 0 && roots(tftp).count() > 0;
    let rules =
        boots.chain(services).filter(is_file).filter(|rule| !(empty && rule.has_layer_suffix));
    rules.filter_map(|rule| file_warning(&rule, tftp, identity)).take(MAX_FILES).collect()
}

/// The warning for a file that cannot be read in any root; with several roots it is about the first.
fn file_warning(
    rule: &BootFileRule<'_>,
    tftp: &Tftp,
    identity: Option<&Identity>,
) -> Option<Finding> {
    let names = tftp.interface_roots.iter().map(|root| to_text(&root.value.0));
    // If only interfaces have roots, a name is a path from `/` on all other interfaces, and is not checked.
    let general = tftp.root.is_some() || tftp.interface_roots.is_empty();
    let mut first = None;
    for interface in general.then(String::new).into_iter().chain(names) {
        let request =
            FileRequest { name: &rule.name, interface: &interface, client: ANY_CLIENT, mac: None };
        let check = check_request(request, tftp, identity);
        match check.file {
            Ok(_) => return None,
            // With tftp-unique-root the file may be in the directory of a client.
            Err(FileReason::NotFound { .. }) if !tftp.unique_roots.is_empty() => return None,
            Err(_) => first = first.or(Some(check)),
        }
    }
    let reason = first?.file.err()?;
    let name = rule.has_layer_suffix.then(|| to_text(&rule.name));
    let reason = ConfiguredFile::new(rule.keyword.name(), reason, name.as_deref());
    Some(Finding::at(Level::Warning, rule.origin, reason))
}

/// The address of a client whose address does not matter.
const ANY_CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
