//! What the machine has to say about a configuration: boot files that are not there or not for us, networks that we
//! are not on. dnsmasq finds out when a client asks, and the client does not boot.

use crate::byte_text::{path_text, to_text};
use crate::config::network::missing_interfaces;
use crate::config::{Config, ConfigWarning, Origin, Range, RangeKind, Rule, Tftp};
use crate::diagnose::boot_file;
use crate::diagnose::boot_file::{FileProblem, denied_at};
use crate::net::{Address, Interfaces, same_network};
use crate::strerror::strerror;
use crate::sys::privilege::Identity;
use conf_parser::Keyword;
use conf_parser::{Boot, Server};
use std::ffi::OsStr;
use std::fs;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Remarks about files; more would not be read.
const MAX_FILES: usize = 20;

/// What there is to say. `identity` is who serves, if the user exists.
pub fn environment_warnings(
    config: &Config,
    interfaces: Option<&Interfaces>,
    identity: Option<&Identity>,
) -> Vec<ConfigWarning> {
    let mut notes = interfaces.map_or_else(Vec::new, |here| networks(config, here));
    notes.extend(interfaces.into_iter().flat_map(|here| switched_off(config, here)));
    if let Some(tftp) = config.tftp.as_deref().filter(|tftp| missing_roots(tftp).is_empty()) {
        let closed = identity.map_or_else(Vec::new, |identity| closed_roots(tftp, identity));
        if closed.is_empty() {
            notes.extend(boot_files(config, tftp, interfaces, identity));
        }
        notes.extend(closed);
    }
    notes
}

/// Whether this machine is on the network of a range, by an interface that DHCP is served on.
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

/// Interfaces that are on the network of a range, and switched off.
fn switched_off(config: &Config, interfaces: &Interfaces) -> Vec<ConfigWarning> {
    let off = |rule: &Rule<Range>| {
        let on_it = |address: &&Address| {
            let netmask = rule.value.netmask.unwrap_or(address.netmask());
            address.ipv4().is_some_and(|ours| same_network(ours, rule.value.start, netmask))
        };
        let address = interfaces.addresses.iter().find(on_it)?;
        let link = interfaces.by_index(address.interface).filter(|link| link.down)?;
        let line = config.network.names(&link.name).unwrap_or(&rule.origin);
        let text = format!("interface {0} is down: ip link set {0} up", link.name);
        Some(ConfigWarning::at(line, text))
    };
    let proxies = config.dhcp.ranges.iter().filter(|rule| rule.value.kind == RangeKind::Proxy);
    proxies.filter_map(off).collect()
}

/// A proxy range that no interface is on answers relays, and nobody else. A pool for a network we are on would promise
/// addresses nobody hands out.
fn networks(config: &Config, interfaces: &Interfaces) -> Vec<ConfigWarning> {
    // Of an interface that is not there, dnsmasq has said so.
    let incomplete = !missing_interfaces(&config.network, interfaces).is_empty();
    let remark = |rule: &Rule<Range>| {
        let here = is_here(config, interfaces, &rule.value);
        let start = rule.value.start;
        let pool = "dhcp-range: no addresses are handed out here,";
        let note = |text: String| Some(ConfigWarning::at(&rule.origin, text));
        match (rule.value.kind, here) {
            (RangeKind::Proxy, true) => None,
            (RangeKind::Proxy, false) if incomplete => None,
            (RangeKind::Proxy, false) => note(format!(
                "dhcp-range: no interface of this machine is on the network of {start}"
            )),
            (_, true) => note(format!("{pool} and this machine is on that network"))
                .map(ConfigWarning::into_fatal),
            (_, false) => note(format!("{pool} but this machine is not on that network")),
        }
    };
    config.dhcp.ranges.iter().filter_map(remark).collect()
}

/// All roots, as a daemon sees them: from `/`.
fn roots(tftp: &Tftp) -> impl Iterator<Item = (&Origin, PathBuf)> {
    let general = tftp.root.iter().map(|root| (&root.origin, &root.value));
    let single = tftp.interface_roots.iter().map(|root| (&root.origin, &root.value.1));
    let named = general.chain(single).filter(|(_, root)| !root.is_empty());
    named.map(|(origin, root)| (origin, Path::new("/").join(OsStr::from_bytes(root))))
}

/// Roots that are not there. A start ends with the first, or logs it: dnsmasq has its own words then.
pub fn missing_roots(tftp: &Tftp) -> Vec<ConfigWarning> {
    let missing = |(origin, path): (&Origin, PathBuf)| {
        let error = fs::read_dir(&path).err()?;
        let text = format!("tftp-root: {}: {}", path_text(&path), strerror(&error));
        Some(ConfigWarning::at(origin, text))
    };
    roots(tftp).filter_map(missing).collect()
}

/// Roots that the serving user may not enter.
fn closed_roots(tftp: &Tftp, identity: &Identity) -> Vec<ConfigWarning> {
    let closed = |(origin, path): (&Origin, PathBuf)| {
        let within = path.join("*");
        let barrier = denied_at(&within, identity)?;
        let user = identity.user_name();
        let text =
            format!("tftp-root: {user} may not enter {}: {barrier}", path_text(&barrier.path));
        Some(ConfigWarning::at(origin, text))
    };
    roots(tftp).filter_map(closed).collect()
}

/// Whether a directory can be read and has no entries.
pub fn is_empty_directory(directory: &Path) -> bool {
    fs::read_dir(directory).is_ok_and(|mut entries| entries.next().is_none())
}

/// A file a client is told to ask for.
struct BootFileRule<'c> {
    origin: &'c Origin,
    keyword: Keyword,
    name: Vec<u8>,
    /// The name got its `.0` from us.
    has_layer_suffix: bool,
}

fn boot_files(
    config: &Config,
    tftp: &Tftp,
    interfaces: Option<&Interfaces>,
    identity: Option<&Identity>,
) -> Vec<ConfigWarning> {
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
            let layered = !name.contains(&b'.');
            let name = if layered { [name, &b".0"[..]].concat() } else { name.clone() };
            Some(BootFileRule {
                origin: &service.origin,
                keyword: Keyword::PxeService,
                name,
                has_layer_suffix: layered,
            })
        }
    });
    // A URL is not asked for here.
    let is_file = |wanted: &BootFileRule<'_>| {
        !wanted.name.is_empty() && !wanted.name.windows(3).any(|part| part == b"://")
    };
    // A root that holds nothing is still to be filled: only names that were written out are missed in it.
    let holding = roots(tftp).filter(|(_, root)| !is_empty_directory(root)).count();
    let empty = holding == 0 && roots(tftp).count() > 0;
    let wanted =
        boots.chain(services).filter(is_file).filter(|wanted| !(empty && wanted.has_layer_suffix));
    wanted.filter_map(|wanted| file_warning(&wanted, tftp, identity)).take(MAX_FILES).collect()
}

/// A file is fine if one root has it. Of several the remark is about the first.
fn file_warning(
    wanted: &BootFileRule<'_>,
    tftp: &Tftp,
    identity: Option<&Identity>,
) -> Option<ConfigWarning> {
    let names = tftp.interface_roots.iter().map(|root| to_text(&root.value.0));
    // Where only interfaces have roots, a name is a path of its own on all others.
    let general = tftp.root.is_some() || tftp.interface_roots.is_empty();
    let mut first = None;
    for interface in general.then(String::new).into_iter().chain(names) {
        let asked = boot_file::FileRequest {
            name: &wanted.name,
            interface: &interface,
            client: FALLBACK_USER,
            mac: None,
        };
        let outcome = boot_file::check_request(asked, tftp, identity);
        match outcome.file {
            Ok(_) => return None,
            // It may be in a client's directory.
            Err(FileProblem::NotFound(None)) if !tftp.unique_roots.is_empty() => return None,
            Err(_) => first = first.or(Some(outcome)),
        }
    }
    let outcome = first?;
    let missing = matches!(outcome.file, Err(FileProblem::NotFound(_)));
    let explanation = if missing { wanted.explanation() } else { String::new() };
    Some(ConfigWarning::at(wanted.origin, format!("{}: {outcome}{explanation}", wanted.keyword)))
}

impl BootFileRule<'_> {
    /// Why a name is asked for that nobody has written.
    fn explanation(&self) -> String {
        let name = to_text(&self.name);
        match name.strip_suffix(".0").filter(|_| self.has_layer_suffix) {
            Some(base) => format!(" (clients will ask for {name}: {base} has no dot)"),
            None => String::new(),
        }
    }
}

/// No client in particular.
const FALLBACK_USER: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
