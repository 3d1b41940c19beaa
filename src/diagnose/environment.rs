//! Findings about a configuration on this machine: boot files that do not exist or cannot be read, networks without
//! interface. dnsmasq does not report them at start: a client then fails to boot.

use crate::byte_text::{path_text, to_text};
use crate::config::network::missing_interfaces;
use crate::config::{Config, Origin, Range, RangeKind, Rule, Tftp};
use crate::diagnose::boot_file;
use crate::diagnose::boot_file::{FileProblem, denied_at};
use crate::finding::{Finding, Level};
use crate::net::{Address, Interfaces, same_network};
use crate::reason::{ConfigReason, FileReason, Reason, StartReason};
use crate::strerror::strerror;
use crate::sys::privilege::Identity;
use conf_parser::Keyword;
use conf_parser::{Boot, Server};
use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Warnings about boot files.
const MAX_FILES: usize = 20;

/// All findings. `identity` is the user that serves files, `None` if it does not exist; without `interfaces` networks
/// are not checked.
pub fn environment_findings(
    config: &Config,
    interfaces: Option<&Interfaces>,
    identity: Option<&Identity>,
) -> Vec<Finding> {
    let mut warnings = interfaces.map_or_else(Vec::new, |here| networks(config, here));
    warnings.extend(interfaces.into_iter().flat_map(|here| switched_off(config, here)));
    if let Some(tftp) = config.tftp.as_deref().filter(|tftp| missing_roots(tftp).is_empty()) {
        let closed = identity.map_or_else(Vec::new, |identity| closed_roots(tftp, identity));
        if closed.is_empty() {
            warnings.extend(boot_files(config, tftp, interfaces, identity));
        }
        warnings.extend(closed);
    }
    warnings
}

/// Whether an interface on which DHCP is served is on the network of a range.
fn is_here(config: &Config, interfaces: &Interfaces, range: &Range) -> bool {
    interfaces.addresses.iter().any(|address| {
        let netmask = range.netmask.unwrap_or(address.netmask());
        let served = interfaces.by_index(address.interface).is_some_and(|link| {
            config.network.accepts(&link.name, link.loopback, Some(address.ip))
                && config.network.refuses_dhcp(&link.name).is_none()
        });
        served && address.ipv4().is_some_and(|ours| same_network(ours, range.start, netmask))
    })
}

/// Interfaces on the network of a proxy range that are down.
fn switched_off(config: &Config, interfaces: &Interfaces) -> Vec<Finding> {
    let warning = |rule: &Rule<Range>| {
        let is_on_network = |address: &&Address| {
            let netmask = rule.value.netmask.unwrap_or(address.netmask());
            address.ipv4().is_some_and(|ours| same_network(ours, rule.value.start, netmask))
        };
        let address = interfaces.addresses.iter().find(is_on_network)?;
        let link = interfaces.by_index(address.interface).filter(|link| link.down)?;
        let line = config.network.names(&link.name).unwrap_or(&rule.origin);
        let name = link.name.clone();
        Some(Finding::at(Level::Warning, line, ConfigReason::InterfaceDown { name }))
    };
    let proxies = config.dhcp.ranges.iter().filter(|rule| rule.value.kind == RangeKind::Proxy);
    proxies.filter_map(warning).collect()
}

/// A proxy range without an interface on its network matches relayed requests only. A pool on a network of this machine
/// is an error: dnsmasq would assign its addresses, and pxemasq does not.
fn networks(config: &Config, interfaces: &Interfaces) -> Vec<Finding> {
    // dnsmasq logs a line for a missing interface; its network is then unknown.
    let incomplete = !missing_interfaces(&config.network, interfaces).is_empty();
    let warning = |rule: &Rule<Range>| {
        let here = is_here(config, interfaces, &rule.value);
        let start = rule.value.start;
        let at_range = |level, reason: Reason| Some(Finding::at(level, &rule.origin, reason));
        match (rule.value.kind, here) {
            (RangeKind::Proxy, true) => None,
            (RangeKind::Proxy, false) if incomplete => None,
            (RangeKind::Proxy, false) => {
                at_range(Level::Warning, ConfigReason::RangeElsewhere { start }.into())
            }
            (_, true) => at_range(Level::Error, StartReason::PoolOfOwnNetwork.into()),
            (_, false) => at_range(Level::Warning, ConfigReason::PoolElsewhere.into()),
        }
    };
    config.dhcp.ranges.iter().filter_map(warning).collect()
}

/// All TFTP roots with their lines. A relative root is relative to `/`, the directory of the daemon.
fn roots(tftp: &Tftp) -> impl Iterator<Item = (&Origin, PathBuf)> {
    let general = tftp.root.iter().map(|root| (&root.origin, &root.value));
    let single = tftp.interface_roots.iter().map(|root| (&root.origin, &root.value.1));
    let named = general.chain(single).filter(|(_, root)| !root.is_empty());
    named.map(|(origin, root)| (origin, Path::new("/").join(OsStr::from_bytes(root))))
}

/// Roots that cannot be opened. At start dnsmasq's own message is logged for the first one.
pub fn missing_roots(tftp: &Tftp) -> Vec<Finding> {
    let missing = |(origin, path): (&Origin, PathBuf)| {
        let error = fs::read_dir(&path).err()?;
        let (path, error) = (path_text(&path), strerror(&error));
        let reason = ConfigReason::RootUnreadable { path, error };
        Some(Finding::at(Level::Warning, origin, reason))
    };
    roots(tftp).filter_map(missing).collect()
}

/// Roots without search permission for the user that serves files.
fn closed_roots(tftp: &Tftp, identity: &Identity) -> Vec<Finding> {
    let closed = |(origin, path): (&Origin, PathBuf)| {
        let within = path.join("*");
        let denied = denied_at(&within, identity)?;
        let user = identity.user_name().to_owned();
        let path = path_text(&denied.path);
        let reason = ConfigReason::RootClosed { user, path, denied: denied.to_string() };
        Some(Finding::at(Level::Warning, origin, reason))
    };
    roots(tftp).filter_map(closed).collect()
}

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

fn boot_files(
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
        let request = boot_file::FileRequest {
            name: &rule.name,
            interface: &interface,
            client: ANY_CLIENT,
            mac: None,
        };
        let check = boot_file::check_request(request, tftp, identity);
        match check.file {
            Ok(_) => return None,
            // With tftp-unique-root the file may be in the directory of a client.
            Err(FileProblem::NotFound(None)) if !tftp.unique_roots.is_empty() => return None,
            Err(_) => first = first.or(Some(check)),
        }
    }
    let check = first?;
    let missing = matches!(check.file, Err(FileProblem::NotFound(_)));
    let explanation = if missing { rule.explanation() } else { String::new() };
    let check = format!("{check}{explanation}");
    let reason = FileReason::Unusable { keyword: rule.keyword.to_string(), check };
    Some(Finding::at(Level::Warning, rule.origin, reason))
}

impl BootFileRule<'_> {
    /// Explains a suffix that is not in the line.
    fn explanation(&self) -> String {
        let name = to_text(&self.name);
        match name.strip_suffix(".0").filter(|_| self.has_layer_suffix) {
            Some(base) => format!(" (clients will ask for {name}: {base} has no dot)"),
            None => String::new(),
        }
    }
}

/// The address of a client whose address does not matter.
const ANY_CLIENT: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
