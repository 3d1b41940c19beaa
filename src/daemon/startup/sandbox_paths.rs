//! What the daemon has to reach when it serves: all else is walled off.
//!
//! The roots, and what symbolic links below them lead to when it starts; the files that are read again, with the
//! directories they are in, for editors put a new file in the place of the old one; the log, for the same reason. What a
//! link leads to is reached together with the directory it is in: another image may be put, or mounted, there. The root
//! directory is never reached so.

use crate::config::Config;
use crate::diagnose::environment::is_empty_directory;
use crate::sys::sandbox::AllowedPaths;
use conf_parser::LogTo;
use conf_parser::RunTimeFile;
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};
use std::{fs, thread};

/// Names that are looked at for links, at most, and for how long. Roots with more than that, or that hang, are not searched
/// to the end: then everything may be read, as without confinement.
const MAX_PATHS: usize = 100_000;
const MAX_SEARCH_TIME: Duration = Duration::from_secs(2);
/// Who owns a file is told by name.
const USER_DATABASE_FILES: &str = "/etc/passwd";

/// That of a configuration.
pub fn allowed_paths(config: &Config) -> AllowedPaths {
    let mut reach = AllowedPaths { read: read(config), ..AllowedPaths::default() };
    if let Some(LogTo::File(path)) = &config.process.log_to {
        let path = path_of(path);
        // Where devices are, no log is moved away.
        let around = directory_of(&path).filter(|above| !above.starts_with("/dev"));
        reach.write.extend(around);
        reach.write.push(path);
    }
    let pid_file = config.process.pid_file().filter(|_| !config.process.debug);
    reach.remove.extend(pid_file.and_then(directory_of));
    reach
}

/// What is to be read. A disk below a root may hang: it is looked at beside us.
fn read(config: &Config) -> Vec<PathBuf> {
    let (roots, files) = (roots(config), files(config));
    let (tell, told) = channel();
    let search = move || {
        let end = Instant::now() + MAX_SEARCH_TIME;
        // Nobody waits any more for what took too long.
        drop(tell.send(PathSearch::new(end).all(roots, &files)));
    };
    let begun = thread::Builder::new().name("reach".to_owned()).spawn(search).is_ok();
    let found = begun.then(|| told.recv_timeout(MAX_SEARCH_TIME).ok()).flatten();
    found.unwrap_or_else(|| vec![PathBuf::from("/")])
}

/// The roots of TFTP; `None`: all names of the machine are served.
fn roots(config: &Config) -> Option<Vec<PathBuf>> {
    let Some(tftp) = &config.tftp else { return Some(Vec::new()) };
    let general = tftp.root.as_ref().filter(|root| !root.value.is_empty())?;
    let own = tftp.interface_roots.iter().map(|root| &root.value.1);
    Some(own.chain([&general.value]).map(|root| Path::new("/").join(path_of(root))).collect())
}

/// Files and directories that are read again.
fn files(config: &Config) -> Vec<PathBuf> {
    let serves = !config.dhcp.ranges.is_empty();
    let names = config.process.dns_port != 0;
    let is_read = |kind| match kind {
        RunTimeFile::Hosts | RunTimeFile::HostsDir => names,
        _ => serves,
    };
    let usual = [
        (names && !config.process.no_hosts, "/etc/hosts"),
        (serves && config.dhcp.read_ethers, "/etc/ethers"),
    ];
    let usual = usual.into_iter().filter(|(read, _)| *read).map(|(_, path)| PathBuf::from(path));
    let told =
        config.files.iter().filter(|(kind, _)| is_read(*kind)).map(|(_, path)| path_of(path));
    told.chain(usual).collect()
}

/// The directory a file is in, unless that is the root directory.
fn directory_of(path: &Path) -> Option<PathBuf> {
    let above = path.parent()?.canonicalize().ok()?;
    (above != Path::new("/")).then_some(above)
}

struct PathSearch {
    allowed: BTreeSet<PathBuf>,
    /// Directories that were looked through, or are about to be.
    seen: BTreeSet<PathBuf>,
    names: usize,
    end: Instant,
}

impl PathSearch {
    fn new(end: Instant) -> Self {
        Self {
            allowed: BTreeSet::from([PathBuf::from(USER_DATABASE_FILES)]),
            seen: BTreeSet::new(),
            names: 0,
            end,
        }
    }

    /// All that these need; of a directory, what is below it goes without saying.
    fn all(mut self, roots: Option<Vec<PathBuf>>, files: &[PathBuf]) -> Vec<PathBuf> {
        match roots {
            Some(roots) => roots.iter().for_each(|root| self.allow_root(root)),
            None => self.allow_all(),
        }
        files.iter().for_each(|path| self.allow_replaced(path));
        let all = self.allowed;
        let is_below = |path: &&PathBuf| path.ancestors().skip(1).any(|above| all.contains(above));
        all.iter().filter(|path| !is_below(path)).cloned().collect()
    }

    fn allow_root(&mut self, root: &Path) {
        let there = self.allow(root);
        // What is mounted there next, or what the link leads to tomorrow, is another place.
        if there != root || is_mount_point(&there) || is_empty_directory(&there) {
            self.allow_parent(&there);
            self.allow_parent(root);
        }
        if root.exists() && !self.follow_links(there) {
            self.allow_all();
        }
    }

    fn allow_all(&mut self) {
        self.allowed.insert(PathBuf::from("/"));
    }

    /// Reaches a place, or while it is not there what is above it; tells which.
    fn allow(&mut self, path: &Path) -> PathBuf {
        let there = path.ancestors().find_map(|part| part.canonicalize().ok()).unwrap_or_default();
        if there != Path::new("/") || path == there {
            self.allowed.insert(there.clone());
        }
        there
    }

    fn allow_parent(&mut self, path: &Path) {
        self.allowed.extend(directory_of(path));
    }

    /// Reaches a file that may be replaced by another.
    fn allow_replaced(&mut self, path: &Path) {
        let there = self.allow(path);
        if !there.is_dir() {
            self.allow_parent(&there);
        } else if path.exists() && !self.follow_links(there) {
            self.allow_all();
        }
        // A link may lead elsewhere tomorrow, and then to its neighbour.
        self.allow_parent(path);
    }

    /// Reaches all that links below a directory lead to, and what links there do; `false`: there are too many names.
    fn follow_links(&mut self, directory: PathBuf) -> bool {
        let mut waiting = vec![directory];
        while let Some(directory) = waiting.pop() {
            if !self.seen.insert(directory.clone()) {
                continue;
            }
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                self.names += 1;
                if self.names > MAX_PATHS || Instant::now() > self.end {
                    return false;
                }
                match entry.file_type() {
                    Ok(kind) if kind.is_dir() => waiting.push(entry.path()),
                    Ok(kind) if kind.is_symlink() => waiting.extend(self.follow(&entry.path())),
                    _ => {}
                }
            }
        }
        true
    }

    /// Reaches what a link leads to; tells it if it is a directory, to be looked through.
    fn follow(&mut self, link: &Path) -> Option<PathBuf> {
        let target = link.parent()?.join(fs::read_link(link).ok()?);
        let Ok(real) = target.canonicalize() else {
            self.allow(&target);
            return None;
        };
        if !self.allowed.iter().any(|place| real.starts_with(place)) {
            self.allow(&real);
            self.allow_parent(&real);
        }
        // Then all is reached, and nothing is left to be found.
        (real.is_dir() && real != Path::new("/")).then_some(real)
    }
}

/// File systems come and go: what is mounted there next is another one.
fn is_mount_point(path: &Path) -> bool {
    let device = |path: &Path| fs::metadata(path).map(|found| found.dev()).ok();
    path.parent().is_some_and(|above| device(path) != device(above))
}

fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{Located, Origin, Tftp};
    use std::os::unix::fs::symlink;
    use std::sync::Arc;

    fn with_root(root: &Path) -> Config {
        let root = root.as_os_str().as_bytes().to_vec();
        let root = Some(Located { origin: Origin::default_value(), value: root });
        Config { tftp: Some(Arc::new(Tftp { root, ..Tftp::default() })), ..Config::default() }
    }

    fn read(mut config: Config) -> Vec<PathBuf> {
        config.process.no_hosts = true;
        let mut read = allowed_paths(&config).read;
        read.retain(|path| path != Path::new(USER_DATABASE_FILES));
        read
    }

    #[test]
    fn what_links_lead_to_is_reached_with_the_directory_it_is_in() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for directory in ["srv/tftp/sub", "mnt/iso/boot", "opt/deep/er", "other"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        fs::write(at("opt/deep/file"), "x").unwrap();
        symlink(at("mnt/iso"), at("srv/tftp/sub/iso")).unwrap();
        symlink(at("opt/deep/file"), at("mnt/iso/boot/further")).unwrap();
        symlink("../tftp/sub", at("srv/tftp/inside")).unwrap();
        let expected = ["mnt", "opt/deep", "srv/tftp"].map(at);
        assert_eq!(read(with_root(&at("srv/tftp"))), expected);
        symlink(at("other/not/yet"), at("srv/tftp/dangling")).unwrap();
        symlink("../images/not/yet", at("srv/tftp/relative")).unwrap();
        let expected = ["mnt", "opt/deep", "other", "srv"].map(at);
        assert_eq!(read(with_root(&at("srv/tftp"))), expected);
    }

    /// In whatever order a directory tells its names.
    #[test]
    fn links_are_found_behind_what_is_reached_already() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        for directory in ["srv/tftp", "data/a", "data/tree", "export"] {
            fs::create_dir_all(at(directory)).unwrap();
        }
        for name in ["a", "tree"] {
            symlink(at("data").join(name), at("srv/tftp").join(name)).unwrap();
        }
        for place in ["data/a", "data/tree"] {
            symlink(at("export"), at(place).join("link")).unwrap();
        }
        let above = folder.path().to_owned();
        assert_eq!(read(with_root(&at("srv/tftp"))), [above]);
    }

    /// `current` leads to one release today, and to another one tomorrow.
    #[test]
    fn a_root_that_is_a_link_may_lead_elsewhere() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("releases/1")).unwrap();
        fs::create_dir_all(at("srv")).unwrap();
        symlink("../releases/1", at("srv/current")).unwrap();
        assert_eq!(read(with_root(&at("srv/current"))), ["releases", "srv"].map(at));
    }

    #[test]
    fn a_root_that_is_not_there_is_not_looked_for_everywhere() {
        assert!(read(with_root(Path::new("/nothing/of/that/name"))).is_empty());
    }

    #[test]
    fn without_a_root_everything_is_reached() {
        let config = Config { tftp: Some(Arc::new(Tftp::default())), ..Config::default() };
        assert_eq!(read(config), [Path::new("/")]);
    }
}
