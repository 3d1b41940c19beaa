//! From the file name of a request to a path (docs/dnsmasq/tftp.md, section 4).

use super::admission::pending::LookupCache;
use super::files::{DiskLookup, Files};
use crate::byte_text::to_bytes;
use crate::config::Tftp;
use conf_parser::UniqueRoot;
use std::net::IpAddr;

/// The client of a request, as far as paths depend on it.
#[derive(Clone, Copy, Debug)]
pub struct Requester<'a> {
    /// The name of the interface that received the request.
    pub interface: &'a str,
    /// The address of the client.
    pub client: IpAddr,
    /// The same as text.
    pub address_text: &'a str,
}

/// The path of a file name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Resolved {
    /// The path.
    pub path: Vec<u8>,
    /// Whether it has `..` although there is a root.
    pub escapes_root: bool,
}

/// Makes a path of a file name. The path is not normalized: `//` stays.
///
/// # Errors
///
/// The look-up whose result is not known yet.
pub fn resolve(
    name: &[u8],
    tftp: &Tftp,
    requester: Requester<'_>,
    cache: &mut LookupCache,
    files: &mut impl Files,
) -> Result<Resolved, DiskLookup> {
    let name: Vec<u8> = name.iter().map(|&byte| normalise_byte(byte, tftp.lowercase)).collect();
    let Some(root) = root(tftp, requester.interface) else {
        let slash: &[u8] = if name.starts_with(b"/") { b"" } else { b"/" };
        return Ok(Resolved { path: [slash, &name].concat(), escapes_root: false });
    };
    let mut path = root_prefix(root);
    for unique in [UniqueRoot::Address, UniqueRoot::Mac] {
        if tftp.unique_roots.contains(&unique) {
            descend_unique_dir(&mut path, unique, requester, cache, files)?;
        }
    }
    if name.starts_with(b"/") && name.starts_with(&path) {
        path = name;
    } else {
        path.extend_from_slice(name.strip_prefix(b"/").unwrap_or(&name));
    }
    let escapes_root = escapes_root(&path);
    Ok(Resolved { path, escapes_root })
}

/// A root with `/` at both ends, as paths begin with it.
pub fn root_prefix(root: &[u8]) -> Vec<u8> {
    let mut prefix = Vec::new();
    if !root.starts_with(b"/") {
        prefix.push(b'/');
    }
    prefix.extend_from_slice(root);
    if !prefix.ends_with(b"/") {
        prefix.push(b'/');
    }
    prefix
}

/// Whether a path below a root is refused. dnsmasq does not look at the component behind the last `/`: a path that ends in
/// `..` is a directory, which cannot be sent.
pub fn escapes_root(path: &[u8]) -> bool {
    path.windows(4).any(|part| part == b"/../")
}

/// `\\` becomes `/`, and with `tftp-lowercase` upper case becomes lower case.
fn normalise_byte(byte: u8, lowercase: bool) -> u8 {
    match byte {
        b'\\' => b'/',
        _ if lowercase => byte.to_ascii_lowercase(),
        _ => byte,
    }
}

/// The first root for this interface, or else the general root.
pub fn root<'t>(tftp: &'t Tftp, interface: &str) -> Option<&'t [u8]> {
    let interface = to_bytes(interface);
    let own = tftp
        .interface_roots
        .iter()
        .find(|root| root.value.0 == *interface)
        .map(|root| &root.value.1);
    own.or(tftp.root.as_ref().map(|root| &root.value))
        .map(|root| &root[..])
        .filter(|root| !root.is_empty())
}

/// Appends the directory of the client (`tftp-unique-root`), if there is one.
fn descend_unique_dir(
    path: &mut Vec<u8>,
    unique: UniqueRoot,
    requester: Requester<'_>,
    cache: &mut LookupCache,
    files: &mut impl Files,
) -> Result<(), DiskLookup> {
    let name = match unique {
        UniqueRoot::Address => Some(requester.address_text.to_owned()),
        UniqueRoot::Mac => files
            .mac_of(requester.client)
            .map(|mac| mac.map(|byte| format!("{byte:02x}")).join("-")),
    };
    let Some(name) = name else { return Ok(()) };
    let own = [&path[..], name.as_bytes(), b"/"].concat();
    match cache.is_directory(&own, files) {
        Some(true) => *path = own,
        Some(false) => {}
        None => return Err(DiskLookup::Directory(own)),
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::super::files::memory::Memory;
    use super::*;
    use crate::config::{Located, Origin};
    use crate::time::Timestamp;
    use std::net::Ipv4Addr;

    fn path_of(name: &str, tftp: &Tftp, files: &mut Memory) -> String {
        let client = IpAddr::from(Ipv4Addr::new(10, 9, 0, 2));
        let requester = Requester { interface: "eth0", client, address_text: "10.9.0.2" };
        String::from_utf8(
            resolve(name.as_bytes(), tftp, requester, &mut fresh(), files).unwrap().path,
        )
        .unwrap()
    }

    fn fresh() -> LookupCache {
        LookupCache::new(Timestamp(0))
    }

    fn with_root(root: &str) -> Tftp {
        let root = Located { origin: Origin::default(), value: root.as_bytes().to_vec() };
        Tftp { root: Some(root), ..Tftp::default() }
    }

    #[test]
    fn root_is_prepended_once() {
        let mut files = Memory::default();
        for (root, name, path) in [
            ("/srv/tftp", "a", "/srv/tftp/a"),
            ("/srv/tftp", "/a", "/srv/tftp/a"),
            ("/srv/tftp", "//a", "/srv/tftp//a"),
            ("/srv/tftp", "/srv/tftp/a", "/srv/tftp/a"),
            ("/srv/tftp", "/srv/tftp", "/srv/tftp/srv/tftp"),
            ("srv/tftp//", "/srv/tftp//a", "/srv/tftp//a"),
            ("srv/tftp//", "/srv/tftp/a", "/srv/tftp//srv/tftp/a"),
            ("", "a", "/a"),
        ] {
            assert_eq!(path_of(name, &with_root(root), &mut files), path, "{root} {name}");
        }
    }

    #[test]
    fn root_of_interface_comes_first() {
        let roots = [("eth1", "/one"), ("eth0", "/zero"), ("eth0", "/late")];
        let placed = |(name, root): (&str, &str)| Located {
            origin: Origin::default(),
            value: (name.as_bytes().to_vec(), root.as_bytes().to_vec()),
        };
        let interface_roots = roots.map(placed).to_vec();
        assert_eq!(
            path_of("a", &Tftp { interface_roots, ..with_root("/srv") }, &mut Memory::default()),
            "/zero/a"
        );
    }

    #[test]
    fn unique_root_is_used_if_it_exists() {
        let mut files = Memory::with(&[("/srv/10.9.0.2/02-00-00-0c-00-00/a", b"")]);
        let both = vec![UniqueRoot::Mac, UniqueRoot::Address];
        assert_eq!(
            path_of("a", &Tftp { unique_roots: both, ..with_root("/srv") }, &mut files),
            "/srv/10.9.0.2/02-00-00-0c-00-00/a"
        );
        let mac = vec![UniqueRoot::Mac];
        assert_eq!(
            path_of("a", &Tftp { unique_roots: mac, ..with_root("/srv") }, &mut files),
            "/srv/a"
        );
    }

    #[test]
    fn only_dot_dot_between_slashes_escapes_root() {
        let mut files = Memory::default();
        let requester =
            Requester { interface: "eth0", client: Ipv4Addr::LOCALHOST.into(), address_text: "" };
        for (name, escapes_root) in
            [("../a", true), ("x/../a", true), (r"x\..\a", true), ("..", false), ("..a/b", false)]
        {
            assert_eq!(
                resolve(name.as_bytes(), &with_root("/srv"), requester, &mut fresh(), &mut files)
                    .unwrap()
                    .escapes_root,
                escapes_root,
                "{name}"
            );
            assert!(
                !resolve(name.as_bytes(), &Tftp::default(), requester, &mut fresh(), &mut files)
                    .unwrap()
                    .escapes_root,
                "{name}: no root"
            );
        }
    }
}
