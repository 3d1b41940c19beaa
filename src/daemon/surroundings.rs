//! What the machine has to say about a configuration: boot files that are not there or not for us, networks that we
//! are not on. dnsmasq finds out when a client asks, and the client does not boot.

use super::files::DiskFiles;
use crate::config::{Config, Note, Origin, RangeKind, Tftp};
use crate::failure::reason;
use crate::net::{Interfaces, same_network};
use crate::sys::privilege::Identity;
use crate::tftp::path::{Asker, resolve};
use conf_parser::option::pxe::{Boot, Server};
use std::ffi::OsStr;
use std::fs;
use std::io;
use std::net::{IpAddr, Ipv4Addr};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// Who may enter, and read (mode bits of one class).
const ENTER: u32 = 1;
const READ: u32 = 4;

/// What there is to say. `identity` is who serves, if the user exists.
pub fn remarks(
    config: &Config,
    interfaces: Option<&Interfaces>,
    identity: Option<&Identity>,
) -> Vec<Note> {
    let mut notes = interfaces.map_or_else(Vec::new, |here| networks(config, here));
    if let Some(tftp) = config.tftp.as_deref().filter(|tftp| missing_roots(tftp).is_empty()) {
        notes.extend(boot_files(config, tftp, interfaces, identity));
    }
    notes
}

fn note(origin: &Origin, text: String) -> Note {
    Note { origin: Some(origin.clone()), text, refuses: false }
}

/// A proxy range that no interface is on answers relays, and nobody else.
fn networks(config: &Config, interfaces: &Interfaces) -> Vec<Note> {
    let elsewhere = |range: &&crate::config::Rule<crate::config::Range>| {
        range.value.kind == RangeKind::Proxy
            && !interfaces.addresses.iter().any(|address| {
                let netmask = range.value.netmask.unwrap_or(address.netmask());
                address.ip4().is_some_and(|ours| same_network(ours, range.value.start, netmask))
            })
    };
    let text =
        |start| format!("dhcp-range: no interface of this machine is on the network of {start}");
    let ranges = config.dhcp.ranges.iter().filter(elsewhere);
    ranges.map(|range| note(&range.origin, text(range.value.start))).collect()
}

/// Roots that are not there. A start ends with the first, or logs it: dnsmasq has its own words then.
pub fn missing_roots(tftp: &Tftp) -> Vec<Note> {
    let general = tftp.root.iter().map(|root| (&root.origin, &root.value));
    let single = tftp.interface_roots.iter().map(|root| (&root.origin, &root.value.1));
    let roots = general.chain(single).filter(|(_, root)| !root.is_empty());
    let missing = |(origin, root): (&Origin, &Vec<u8>)| {
        // A daemon reads relative paths from there.
        let path = Path::new("/").join(OsStr::from_bytes(root));
        let error = fs::read_dir(&path).err()?;
        Some(note(origin, format!("tftp-root: {}: {}", path.display(), reason(&error))))
    };
    roots.filter_map(missing).collect()
}

fn is_empty(directory: &[u8]) -> bool {
    fs::read_dir(OsStr::from_bytes(directory)).is_ok_and(|mut entries| entries.next().is_none())
}

/// A file a client is told to ask for.
struct Wanted<'c> {
    origin: &'c Origin,
    keyword: &'static str,
    name: Vec<u8>,
    /// The name got its `.0` from us.
    layered: bool,
}

fn boot_files(
    config: &Config,
    tftp: &Tftp,
    interfaces: Option<&Interfaces>,
    identity: Option<&Identity>,
) -> Vec<Note> {
    let ours = |server: &Option<Server>| match server {
        None => true,
        Some(Server::Address(address)) => interfaces
            .is_some_and(|here| here.addresses.iter().any(|own| own.ip4() == Some(*address))),
        Some(Server::Name(_)) => false,
    };
    let boots = config.dhcp.boots.iter().filter(|boot| ours(&boot.value.server));
    let boots = boots.map(|boot| Wanted {
        origin: &boot.origin,
        keyword: "dhcp-boot",
        name: boot.value.file.clone(),
        layered: false,
    });
    let services = config.dhcp.services.iter().filter(|service| ours(&service.value.server));
    let services = services.filter_map(|service| match &service.value.boot {
        Boot::Type(_) => None,
        Boot::File(name) => {
            let layered = !name.contains(&b'.');
            let name = if layered { [name, &b".0"[..]].concat() } else { name.clone() };
            Some(Wanted { origin: &service.origin, keyword: "pxe-service", name, layered })
        }
    });
    // A URL is not asked for here.
    let is_file = |wanted: &Wanted<'_>| {
        !wanted.name.is_empty() && !wanted.name.windows(3).any(|part| part == b"://")
    };
    // A root that holds nothing is still to be filled: only names that were written out are missed in it.
    let empty = tftp.root.as_ref().is_some_and(|root| is_empty(&root.value));
    let wanted = boots.chain(services).filter(is_file).filter(|wanted| !(empty && wanted.layered));
    wanted.filter_map(|wanted| remark(&wanted, tftp, identity)).collect()
}

/// A file is fine if one root has it. Of several the remark is about the first.
fn remark(wanted: &Wanted<'_>, tftp: &Tftp, identity: Option<&Identity>) -> Option<Note> {
    let names = tftp.interface_roots.iter().map(|root| String::from_utf8_lossy(&root.value.0));
    let mut first = None;
    for interface in std::iter::once("".into()).chain(names) {
        let asker = Asker { interface: &interface, client: NOBODY, shown: "" };
        let resolved = resolve(&wanted.name, tftp, asker, &DiskFiles::default());
        let path = PathBuf::from(OsStr::from_bytes(&resolved.path));
        let found = if resolved.climbs {
            Trouble::Other(format!("{} is outside of the root", path.display()))
        } else {
            trouble(&path, identity, !tftp.unique.is_empty())?
        };
        first = first.or(Some(found));
    }
    let text = match first? {
        Trouble::Missing(text) => text + &wanted.explanation(),
        Trouble::Other(text) => text,
    };
    Some(note(wanted.origin, format!("{}: {text}", wanted.keyword)))
}

impl Wanted<'_> {
    /// Why a name is asked for that nobody has written.
    fn explanation(&self) -> String {
        let name = String::from_utf8_lossy(&self.name);
        match name.strip_suffix(".0").filter(|_| self.layered) {
            Some(base) => format!(" (clients will ask for {name}: {base} has no dot)"),
            None => String::new(),
        }
    }
}

/// Why a file would not be served.
enum Trouble {
    Missing(String),
    Other(String),
}

/// No client in particular.
const NOBODY: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// Why a file would not be served; `None` if it would. With `elsewhere` a missing one may be in a client's directory.
fn trouble(path: &Path, identity: Option<&Identity>, elsewhere: bool) -> Option<Trouble> {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(file) if !file.is_file() => Some(Trouble::Other(format!("{shown} is not a file"))),
        Ok(_) => {
            let identity = identity?;
            let closed = barrier(path, identity)?;
            let user = identity.user_name();
            Some(Trouble::Other(if closed == path {
                format!("{shown} cannot be read by {user}")
            } else {
                format!("{shown} cannot be read by {user}, who may not enter {}", closed.display())
            }))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let text = format!("{shown} does not exist");
            match other_case(path) {
                Some(other) => {
                    Some(Trouble::Missing(format!("{text}, but {} does", other.display())))
                }
                None => (!elsewhere).then_some(Trouble::Missing(text)),
            }
        }
        Err(error) => Some(Trouble::Other(format!("{shown}: {}", reason(&error)))),
    }
}

/// The first part of a path that is closed to somebody.
fn barrier<'p>(path: &'p Path, identity: &Identity) -> Option<&'p Path> {
    let mut parts: Vec<&Path> = path.ancestors().collect();
    parts.reverse();
    parts.into_iter().find(|part| {
        let bit = if *part == path { READ } else { ENTER };
        fs::metadata(part).is_ok_and(|metadata| !identity.may(bit, &metadata))
    })
}

/// The same path in other letters, if there is one.
fn other_case(path: &Path) -> Option<PathBuf> {
    let parent = path.parent()?;
    let parent = if parent.exists() { parent.to_owned() } else { other_case(parent)? };
    let name = path.file_name()?;
    if parent.join(name).exists() {
        return Some(parent.join(name));
    }
    let entries = fs::read_dir(&parent).ok()?.flatten();
    let mut same =
        entries.map(|entry| entry.file_name()).filter(|other| other.eq_ignore_ascii_case(name));
    Some(parent.join(same.next()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_other_letters_is_found() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("EFI")).unwrap();
        fs::write(folder.path().join("EFI/Boot.efi"), "x").unwrap();
        let found = other_case(&folder.path().join("efi/boot.EFI"));
        assert_eq!(found, Some(folder.path().join("EFI/Boot.efi")));
        assert_eq!(other_case(&folder.path().join("efi/none")), None);
    }
}
