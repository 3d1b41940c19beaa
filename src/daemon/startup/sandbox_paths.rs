//! The paths that the sandbox allows.
//!
//! These are the roots, and the targets that symbolic links below them have at the start; files that are read again, and
//! the log file, each with its directory, because editors replace a file by a new one. For the target of a link its directory
//! is allowed too, because another image may be copied or mounted there. The root directory is never allowed for this reason.

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

/// Limits of the search for symbolic links. If there are more names, or a disk hangs, all files may be read, as without a
/// sandbox.
const MAX_PATHS: usize = 100_000;
const MAX_SEARCH_TIME: Duration = Duration::from_secs(2);
/// For the names of owners of files.
const USER_DATABASE_FILES: &str = "/etc/passwd";

/// The paths of a configuration.
pub fn allowed_paths(config: &Config) -> AllowedPaths {
    let mut allowed = AllowedPaths { read: read(config), ..AllowedPaths::default() };
    if let Some(LogTo::File(path)) = &config.process.log_to {
        let path = path_of(path);
        // In /dev, log files are not replaced.
        let directory = directory_of(&path).filter(|above| !above.starts_with("/dev"));
        allowed.write.extend(directory);
        allowed.write.push(path);
    }
    let pid_file = config.process.pid_file().filter(|_| !config.process.debug);
    allowed.remove.extend(pid_file.and_then(directory_of));
    allowed
}

/// The paths to read. A thread searches them, because a disk below a root may hang.
fn read(config: &Config) -> Vec<PathBuf> {
    let (roots, files) = (roots(config), files(config));
    let (sender, receiver) = channel();
    let search = move || {
        let end = Instant::now() + MAX_SEARCH_TIME;
        // After the timeout there is no receiver.
        let _ = sender.send(PathSearch::new(end).all(roots, &files));
    };
    let thread = thread::Builder::new().name("reach".to_owned()).spawn(search);
    // If the thread cannot be started, the sender is dropped and `recv_timeout` fails too.
    drop(thread);
    receiver.recv_timeout(MAX_SEARCH_TIME).unwrap_or_else(|_| vec![PathBuf::from("/")])
}

/// The roots of TFTP; `None`: all files of the machine are served.
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
    let default_files = [
        (names && !config.process.no_hosts, "/etc/hosts"),
        (serves && config.dhcp.read_ethers, "/etc/ethers"),
    ];
    let default_files =
        default_files.into_iter().filter(|(read, _)| *read).map(|(_, path)| PathBuf::from(path));
    let configured =
        config.files.iter().filter(|(kind, _)| is_read(*kind)).map(|(_, path)| path_of(path));
    configured.chain(default_files).collect()
}

/// The directory of a file, unless it is the root directory.
fn directory_of(path: &Path) -> Option<PathBuf> {
    let directory = path.parent()?.canonicalize().ok()?;
    (directory != Path::new("/")).then_some(directory)
}

struct PathSearch {
    allowed: BTreeSet<PathBuf>,
    /// Directories that were searched already.
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

    /// All allowed paths, without those that are below another one.
    fn all(mut self, roots: Option<Vec<PathBuf>>, files: &[PathBuf]) -> Vec<PathBuf> {
        match roots {
            Some(roots) => {
                for root in &roots {
                    self.allow_root(root);
                }
            }
            None => self.allow_all(),
        }
        for path in files {
            self.allow_replaced(path);
        }
        let all = self.allowed;
        let is_below = |path: &&PathBuf| path.ancestors().skip(1).any(|above| all.contains(above));
        all.iter().filter(|path| !is_below(path)).cloned().collect()
    }

    fn allow_root(&mut self, root: &Path) {
        let existing = self.allow(root);
        // The next file system that is mounted there, and the next target of a link, are other directories.
        if existing != root || is_mount_point(&existing) || is_empty_directory(&existing) {
            self.allow_parent(&existing);
            self.allow_parent(root);
        }
        if root.exists() && !self.follow_links(existing) {
            self.allow_all();
        }
    }

    fn allow_all(&mut self) {
        self.allowed.insert(PathBuf::from("/"));
    }

    /// Allows a path, or its nearest existing ancestor; the one that is allowed.
    fn allow(&mut self, path: &Path) -> PathBuf {
        let existing =
            path.ancestors().find_map(|part| part.canonicalize().ok()).unwrap_or_default();
        if existing != Path::new("/") || path == existing {
            self.allowed.insert(existing.clone());
        }
        existing
    }

    fn allow_parent(&mut self, path: &Path) {
        self.allowed.extend(directory_of(path));
    }

    /// Allows a file that may be replaced by another.
    fn allow_replaced(&mut self, path: &Path) {
        let existing = self.allow(path);
        if !existing.is_dir() {
            self.allow_parent(&existing);
        } else if path.exists() && !self.follow_links(existing) {
            self.allow_all();
        }
        // The directory of a link too: the link may be replaced by one to a file in the same directory.
        self.allow_parent(path);
    }

    /// Allows the targets of all links below a directory, and of links below those targets; `false`: a limit was reached.
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

    /// Allows the target of a link. If it is a directory, it is returned and must be searched.
    fn follow(&mut self, link: &Path) -> Option<PathBuf> {
        let target = link.parent()?.join(fs::read_link(link).ok()?);
        let Ok(real) = target.canonicalize() else {
            self.allow(&target);
            return None;
        };
        if !self.allowed.iter().any(|allowed| real.starts_with(allowed)) {
            self.allow(&real);
            self.allow_parent(&real);
        }
        // If the root directory is allowed, all files are.
        (real.is_dir() && real != Path::new("/")).then_some(real)
    }
}

/// Whether a file system is mounted at a path. The next one that is mounted there has another root directory.
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
    fn target_of_a_link_is_allowed_with_its_directory() {
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

    /// The order of the names in a directory does not matter.
    #[test]
    fn links_below_a_path_that_is_allowed_already_are_followed() {
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

    /// `current` is a link to the directory of a release, and is replaced for the next release.
    #[test]
    fn root_that_is_a_link_allows_the_directories_of_link_and_target() {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        fs::create_dir_all(at("releases/1")).unwrap();
        fs::create_dir_all(at("srv")).unwrap();
        symlink("../releases/1", at("srv/current")).unwrap();
        assert_eq!(read(with_root(&at("srv/current"))), ["releases", "srv"].map(at));
    }

    #[test]
    fn missing_root_does_not_allow_the_root_directory() {
        assert!(read(with_root(Path::new("/nothing/of/that/name"))).is_empty());
    }

    #[test]
    fn without_tftp_root_all_files_are_allowed() {
        let config = Config { tftp: Some(Arc::new(Tftp::default())), ..Config::default() };
        assert_eq!(read(config), [Path::new("/")]);
    }
}
