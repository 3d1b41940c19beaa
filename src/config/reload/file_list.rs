//! The list of files that are read again, and reading them. It needs no configuration, so another process can do it.

use super::ethers::ETHERS_FILE;
use super::files::{entry_names, joined, path_of};
use super::snapshot::{ChangedFile, ConfigSnapshot, NamedFile, PathContent};
use crate::config::Config;
use crate::config::file_content::{FileContent, ReadError, ReadLimit};
use conf_parser::RunTimeFile;
use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};

/// Path of the hosts file of the system (hosts(5)).
const HOSTS_FILE: &str = "/etc/hosts";

/// The files and directories that are read at the start and again on SIGHUP. Only these are read.
#[derive(Clone, Debug, Default)]
pub struct ConfigFileList {
    files: Vec<ListedFile>,
}

/// A path of the list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListedFile {
    /// What it is for.
    pub kind: FileKind,
    /// The path, as configured.
    pub path: PathBuf,
}

/// What a file is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FileKind {
    /// `/etc/hosts`
    SystemHosts,
    /// `/etc/ethers`
    Ethers,
    /// A line of the configuration.
    Configured(RunTimeFile),
}

impl FileKind {
    /// Whether files are read as soon as they change.
    fn is_watched(self) -> bool {
        matches!(self, Self::Configured(kind) if is_watched(kind))
    }
}

fn is_watched(kind: RunTimeFile) -> bool {
    matches!(kind, RunTimeFile::DhcpHostsDir | RunTimeFile::DhcpOptionsDir | RunTimeFile::HostsDir)
}

impl ConfigFileList {
    /// The files of a configuration: those of the system, then the last configured first. Hosts files are not read with
    /// `port=0`, and the others not without a `dhcp-range`, as in dnsmasq.
    pub fn from_config(config: &Config) -> Self {
        let dns = config.process.dns_port != 0;
        let dhcp = !config.dhcp.ranges.is_empty();
        let system = |kind, path: &str| ListedFile { kind, path: path.into() };
        let mut files = Vec::new();
        if dns && !config.process.no_hosts {
            files.push(system(FileKind::SystemHosts, HOSTS_FILE));
        }
        if dhcp && config.dhcp.read_ethers {
            files.push(system(FileKind::Ethers, ETHERS_FILE));
        }
        let is_read = |kind| match kind {
            RunTimeFile::Hosts | RunTimeFile::HostsDir => dns,
            _ => dhcp,
        };
        let configured = config.files.iter().rev().filter(|(kind, _)| is_read(*kind));
        files.extend(configured.map(|(kind, path)| ListedFile {
            kind: FileKind::Configured(*kind),
            path: path_of(path),
        }));
        Self { files }
    }

    /// The paths.
    pub fn files(&self) -> &[ListedFile] {
        &self.files
    }

    /// The directories whose files are read when they change: index and path, the last configured first.
    pub fn watched(&self) -> impl Iterator<Item = (usize, &Path)> {
        let files = self.files.iter().enumerate();
        files.filter(|(_, file)| file.kind.is_watched()).map(|(index, file)| (index, &*file.path))
    }

    /// A watched directory by its index: its kind and path.
    pub fn watched_directory(&self, index: usize) -> Option<(RunTimeFile, &Path)> {
        match self.files.get(index)? {
            ListedFile { kind: FileKind::Configured(kind), path } if is_watched(*kind) => {
                Some((*kind, path))
            }
            _ => None,
        }
    }

    /// Reads all files. Together they may have [`MAX_TOTAL_SIZE`](crate::config::file_content::MAX_TOTAL_SIZE) bytes.
    pub fn read(&self) -> ConfigSnapshot<'static> {
        let mut reading = Reading { limit: ReadLimit::default(), known: Vec::new() };
        let kinds: Vec<_> = self.files.iter().map(Found::of).collect();
        for (file, found) in self.files.iter().zip(&kinds) {
            if matches!(found, Found::File) {
                reading.known_of(file.kind).insert(file.path.clone());
            }
        }
        let paths = self.files.iter().zip(kinds).map(|(file, found)| reading.read(file, found));
        ConfigSnapshot { paths: paths.collect() }
    }

    /// Reads a file of a watched directory, by the index of the directory and the name of the file. `None`: there is no watched
    /// directory of that index, or `name` is no name of a file.
    pub fn read_changed(&self, directory: usize, name: &[u8]) -> Option<ChangedFile<'static>> {
        let (kind, listed) = self.watched_directory(directory)?;
        if matches!(name, b"" | b"." | b"..") || name.iter().any(|byte| matches!(byte, b'/' | 0)) {
            return None;
        }
        let path = joined(listed, name);
        // A hosts file that cannot be read is logged, whatever it is.
        let is_read = kind == RunTimeFile::HostsDir || path.is_file() || !path.exists();
        let content = is_read.then(|| ReadLimit::default().read(&path));
        Some(ChangedFile { directory, name: name.to_vec().into(), content })
    }
}

/// What a path is.
#[derive(Clone, Copy)]
enum Found {
    /// Not a directory, or missing.
    File,
    Directory,
    /// A path that must be a directory and is none.
    NoDirectory,
    /// A path that must be a directory and is missing.
    MissingDirectory(ReadError),
}

impl Found {
    fn of(file: &ListedFile) -> Self {
        match file.kind {
            FileKind::Configured(kind) if is_watched(kind) => match fs::metadata(&file.path) {
                Ok(found) if found.is_dir() => Self::Directory,
                Ok(_) => Self::NoDirectory,
                Err(error) => Self::MissingDirectory(error.into()),
            },
            FileKind::Configured(_) if file.path.is_dir() => Self::Directory,
            _ => Self::File,
        }
    }
}

/// One pass over all files.
struct Reading {
    limit: ReadLimit,
    /// The paths of each kind that are read for a line of their own, or of a directory before: each is read once.
    known: Vec<(FileKind, HashSet<PathBuf>)>,
}

impl Reading {
    fn known_of(&mut self, kind: FileKind) -> &mut HashSet<PathBuf> {
        let index = self.known.iter().position(|(known, _)| *known == kind);
        let index = index.unwrap_or_else(|| {
            self.known.push((kind, HashSet::new()));
            self.known.len() - 1
        });
        &mut self.known[index].1
    }

    fn read(&mut self, file: &ListedFile, found: Found) -> PathContent<'static> {
        match found {
            Found::File => PathContent::File(self.limit.read(&file.path)),
            Found::NoDirectory => PathContent::NoDirectory,
            Found::MissingDirectory(error) => PathContent::MissingDirectory(error),
            Found::Directory => match entry_names(&file.path) {
                Ok(names) => PathContent::Directory(self.read_directory(file, names)),
                Err(error) => PathContent::UnreadableDirectory(error.into()),
            },
        }
    }

    /// Reads the files of a directory: those of a watched directory in the order of the directory, others sorted.
    fn read_directory(
        &mut self,
        file: &ListedFile,
        mut names: Vec<Vec<u8>>,
    ) -> Vec<NamedFile<'static>> {
        names.retain(|name| self.is_read(file.kind, joined(&file.path, name)));
        if !file.kind.is_watched() {
            names.sort_unstable();
        }
        let mut read = |name: Vec<u8>| {
            let content: FileContent = self.limit.read(&joined(&file.path, &name));
            NamedFile { name: name.into(), content }
        };
        names.into_iter().map(&mut read).collect()
    }

    /// dnsmasq reads a path once for all `dhcp-hostsfile` lines, and once for all `dhcp-optsfile` lines.
    fn is_read(&mut self, kind: FileKind, path: PathBuf) -> bool {
        match kind {
            FileKind::Configured(RunTimeFile::DhcpHosts | RunTimeFile::DhcpOptions) => {
                !path.is_dir() && self.known_of(kind).insert(path)
            }
            _ => path.is_file(),
        }
    }
}
