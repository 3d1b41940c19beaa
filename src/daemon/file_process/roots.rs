//! The roots of TFTP by number. The packet process names a file by root and name, so that it cannot ask for any other file.

use crate::config::Tftp;
use crate::tftp::path::{escapes_root, root_prefix};

/// All roots of a configuration: the general one first, then those of interfaces.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Roots(Vec<Root>);

#[derive(Clone, Debug, PartialEq, Eq)]
struct Root {
    /// With `/` at both ends.
    prefix: Vec<u8>,
    /// `/` because there is no root: names with `..` are served too, as in dnsmasq.
    is_everything: bool,
}

/// The number of a root.
pub type RootNumber = u16;

impl Roots {
    /// The roots of a configuration.
    pub fn from_config(tftp: &Tftp) -> Self {
        let general = tftp.root.as_ref().map_or(&[][..], |root| &root.value);
        let by_interface = tftp.interface_roots.iter().map(|root| &root.value.1[..]);
        Self(std::iter::once(general).chain(by_interface).map(Root::new).collect())
    }

    /// The number of a root with this path, and the rest of the path.
    pub fn split<'p>(&self, path: &'p [u8]) -> Option<(RootNumber, &'p [u8])> {
        self.0
            .iter()
            .zip(0..)
            .find_map(|(root, number)| Some((number, path.strip_prefix(&root.prefix[..])?)))
    }

    /// The path of a name below a root; `None`: there is no such root, or the name has a NUL or leaves the root by `..`.
    pub fn join(&self, root: RootNumber, name: &[u8]) -> Option<Vec<u8>> {
        let root = self.0.get(usize::from(root))?;
        let path = [&root.prefix[..], name].concat();
        let is_refused = name.contains(&0) || !root.is_everything && escapes_root(&path);
        (!is_refused).then_some(path)
    }
}

impl Root {
    fn new(root: &[u8]) -> Self {
        Self { prefix: root_prefix(root), is_everything: root.is_empty() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Located, Origin};

    fn roots(general: Option<&str>, by_interface: &[&str]) -> Roots {
        let placed =
            |root: &str| Located { origin: Origin::default(), value: root.as_bytes().to_vec() };
        let own = |root: &&str| Located {
            origin: Origin::default(),
            value: (b"eth0".to_vec(), root.as_bytes().to_vec()),
        };
        Roots::from_config(&Tftp {
            root: general.map(placed),
            interface_roots: by_interface.iter().map(own).collect(),
            ..Tftp::default()
        })
    }

    #[test]
    fn path_is_split_and_joined_by_the_number_of_its_root() {
        let roots = roots(Some("/srv/tftp"), &["one//", "/two/"]);
        for (path, root, name) in [
            ("/srv/tftp/a/b", 0, "a/b"),
            ("/srv/tftp//a", 0, "/a"),
            ("/one//a", 1, "a"),
            ("/two/10.9.0.2/a", 2, "10.9.0.2/a"),
        ] {
            let split = roots.split(path.as_bytes());
            assert_eq!(split, Some((root, name.as_bytes())), "{path}");
            assert_eq!(roots.join(root, name.as_bytes()).as_deref(), Some(path.as_bytes()));
        }
        assert_eq!(roots.split(b"/srv/tftpboot/a"), None);
        assert_eq!(roots.split(b"/etc/passwd"), None);
    }

    #[test]
    fn name_that_leaves_its_root_is_refused() {
        let roots = roots(Some("/srv/tftp"), &["/one"]);
        for name in ["../a", "x/../a", "/../a", "a\0b"] {
            assert_eq!(roots.join(0, name.as_bytes()), None, "{name}");
        }
        assert_eq!(roots.join(2, b"a"), None, "there are only two roots");
        assert!(roots.join(1, b"..a/b").is_some());
    }

    #[test]
    fn without_a_root_any_path_is_below_the_root_directory() {
        let roots = roots(None, &[]);
        assert_eq!(roots.split(b"/etc/../x"), Some((0, &b"etc/../x"[..])));
        assert_eq!(roots.join(0, b"etc/../x").as_deref(), Some(&b"/etc/../x"[..]));
    }
}
