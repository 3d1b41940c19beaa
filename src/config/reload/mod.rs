//! Files that are read when the daemon starts, and again when it is told to: `dhcp-hostsfile`, `dhcp-optsfile`, their
//! directories, and hosts files (docs/dnsmasq/config-language.md, sections 1.5, 3.14, 3.23). No error in them ends anything.
//!
//! What is read later counts more, so the order matters: each kind last configured first, a directory after all plain
//! files, watched directories after that.

pub mod ethers;
pub mod host_addresses;
pub mod hosts_files;

use self::host_addresses::assign_addresses;
use super::lookup::hosts::{Checkpoint, Hosts, from_directive};
use super::read::lines::Lines;
use super::server_names::ServerNames;
use super::{Config, Origin, VendorOption};
use crate::byte_text::path_text;
use crate::log_line::FileLine;
use crate::strerror::strerror;
use conf_parser::{Directive, Keyword, Reader};
use conf_parser::{RunTimeFile, is_left_over};
use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Which files there are, and how much of the configuration does not come from them.
#[derive(Debug)]
pub struct ReloadableFiles {
    written_hosts: Checkpoint,
    written_options: usize,
    /// What `/etc/ethers` said when it could last be read.
    ethers: Vec<u8>,
    /// Addresses of `dhcp-host` lines: no two may have the same.
    used_addresses: HashSet<Ipv4Addr>,
}

impl ReloadableFiles {
    /// Those of a configuration that nothing was added to.
    pub fn from_config(config: &Config) -> Self {
        Self {
            written_hosts: config.dhcp.hosts.checkpoint(),
            written_options: config.dhcp.vendor_options.len(),
            ethers: Vec::new(),
            used_addresses: HashSet::new(),
        }
    }

    /// Reads them all. What came from them before is forgotten.
    pub fn read(&mut self, config: &mut Config) -> (ServerNames, Vec<FileLine>) {
        config.dhcp.hosts.rollback(self.written_hosts);
        config.dhcp.vendor_options.truncate(self.written_options);
        let (mut names, mut happened) = hosts_files::read_all(config);
        if config.dhcp.ranges.is_empty() {
            return (names, happened);
        }
        if config.dhcp.read_ethers {
            self.read_ethers(&mut config.dhcp.hosts, &mut happened);
        }
        let files = std::mem::take(&mut config.files);
        let known = config.dhcp.hosts.lines().iter().filter_map(|host| host.address);
        self.used_addresses = known.collect();
        let mut reading =
            ReloadPass { config, used_addresses: &mut self.used_addresses, read_lines: happened };
        reading.plain(&files, RunTimeFile::DhcpHosts);
        reading.plain(&files, RunTimeFile::DhcpOptions);
        reading.watched(&files);
        happened = reading.read_lines;
        config.files = files;
        if config.process.dns_port != 0 {
            happened.extend(assign_addresses(&mut config.dhcp.hosts, &mut names));
        }
        (names, happened)
    }

    /// Reads a file of a watched directory that has changed. What it said before counts too, until all is read again.
    pub fn read_changed(
        &mut self,
        kind: RunTimeFile,
        path: &Path,
        config: &mut Config,
        names: &mut ServerNames,
    ) -> Vec<FileLine> {
        let mut happened = vec![FileLine::Changed(shown(path))];
        if kind == RunTimeFile::HostsDir {
            happened.extend(hosts_files::read_one(path, names));
            return happened;
        }
        let mut reading =
            ReloadPass { config, used_addresses: &mut self.used_addresses, read_lines: happened };
        reading.directory(path, kind);
        reading.read_lines
    }

    /// What cannot be read is taken to be as it was.
    fn read_ethers(&mut self, hosts: &mut Hosts, happened: &mut Vec<FileLine>) {
        let read = fs::read(ethers::ETHERS_FILE);
        let unreadable = read.as_ref().err().map(strerror);
        self.ethers = read.unwrap_or_else(|_| std::mem::take(&mut self.ethers));
        let first = hosts.count();
        let mut addresses = 0;
        let mut told = Vec::new();
        let file: Arc<str> = ethers::ETHERS_FILE.into();
        for (line, read) in ethers::read(&self.ethers) {
            let origin = Origin { file: file.clone(), line };
            match read.map(|ether| ethers::merge_into(hosts, ether, first, &origin)) {
                Ok(true) => addresses += 1,
                Ok(false) => told.push(FileLine::RepeatedEther { line }),
                Err(part) => told.push(FileLine::BadEther { part, line }),
            }
        }
        match unreadable {
            Some(reason) => happened.push(FileLine::EthersUnreadable { reason }),
            None => happened.extend(told.into_iter().chain([FileLine::Ethers { addresses }])),
        }
    }
}

type Listed = (RunTimeFile, Vec<u8>);

struct ReloadPass<'c> {
    config: &'c mut Config,
    used_addresses: &'c mut HashSet<Ipv4Addr>,
    read_lines: Vec<FileLine>,
}

impl ReloadPass<'_> {
    /// Plain files, then the files of directories, of which none is read twice by the same name.
    fn plain(&mut self, files: &[Listed], kind: RunTimeFile) {
        let listed = files.iter().rev().filter(|(found, _)| *found == kind);
        let (directories, plain): (Vec<_>, Vec<_>) =
            listed.map(|(_, path)| path_of(path)).partition(|path| path.is_dir());
        let mut known: HashSet<PathBuf> = plain.iter().cloned().collect();
        plain.iter().for_each(|path| self.file(path, kind));
        for directory in directories {
            match entries(&directory) {
                Ok(mut paths) => {
                    paths.retain(|path| !path.is_dir() && known.insert(path.clone()));
                    paths.sort_unstable();
                    paths.iter().for_each(|path| self.file(path, kind));
                }
                Err(error) => {
                    let path = shown(&directory);
                    self.read_lines.push(FileLine::Inaccessible { path, reason: strerror(&error) });
                }
            }
        }
    }

    /// A file; its faults are told before it.
    fn file(&mut self, path: &Path, kind: RunTimeFile) {
        if self.read_lines(path, kind) {
            self.read_lines.push(FileLine::Read(shown(path)));
        }
    }

    fn watched(&mut self, files: &[Listed]) {
        for (kind, path) in files.iter().rev() {
            if !matches!(kind, RunTimeFile::DhcpHostsDir | RunTimeFile::DhcpOptionsDir) {
                continue;
            }
            match watched_entries(&path_of(path)) {
                Ok(paths) => {
                    let files = paths.iter().filter(|path| path.is_file());
                    files.for_each(|path| self.directory(path, *kind));
                }
                Err(line) => self.read_lines.push(line),
            }
        }
    }

    /// A file of a watched directory; its faults are told behind it.
    fn directory(&mut self, path: &Path, kind: RunTimeFile) {
        self.read_lines.push(FileLine::Read(shown(path)));
        // What else there may be holds no lines, and may hold us up.
        if path.is_file() || !path.exists() {
            let hosts = kind == RunTimeFile::DhcpHostsDir;
            self.read_lines(
                path,
                if hosts { RunTimeFile::DhcpHosts } else { RunTimeFile::DhcpOptions },
            );
        }
    }

    /// Reads lines, each the value of a `dhcp-host` or `dhcp-option`. Whether the file could be read.
    fn read_lines(&mut self, path: &Path, kind: RunTimeFile) -> bool {
        let keyword =
            if kind == RunTimeFile::DhcpHosts { Keyword::DhcpHost } else { Keyword::DhcpOption };
        let Some(row) = conf_parser::find_name(keyword.name()) else { return false };
        let name = shown(path);
        let mut reader = Reader::default();
        let read = (|| {
            let mut lines = Lines::new(BufReader::new(File::open(path)?));
            let mut origin = Origin { file: name.as_str().into(), line: 0 };
            while let Some((number, line)) = lines.read()? {
                origin.line = number;
                let taken = reader.value(row, line).map_err(|fault| fault.message.in_file().into());
                if let Err(words) = taken.and_then(|found| self.apply(found, &origin)) {
                    let path = name.clone();
                    self.read_lines.push(FileLine::BadLine { message: words, line: number, path });
                }
            }
            Ok(())
        })();
        read.map_err(|error: io::Error| {
            self.read_lines.push(FileLine::Unreadable { path: name, reason: strerror(&error) });
        })
        .is_ok()
    }

    fn apply(&mut self, found: Option<Directive>, origin: &Origin) -> Result<(), String> {
        match found {
            Some(Directive::DhcpHost(host)) => {
                if let Some(address) = host.address
                    && !self.used_addresses.insert(address)
                {
                    return Err(super::duplicate(address));
                }
                self.config.dhcp.hosts.add(from_directive(host), origin);
            }
            Some(Directive::DhcpOption(option)) => {
                self.config.dhcp.vendor_options.extend(VendorOption::rule(option, origin));
            }
            _ => {}
        }
        Ok(())
    }
}

/// What a directory holds that is not an editor's left-over, joined as dnsmasq does.
pub(super) fn entries(directory: &Path) -> io::Result<Vec<PathBuf>> {
    let mut paths = Vec::new();
    for entry in fs::read_dir(directory)? {
        let name = entry?.file_name();
        if !is_left_over(name.as_bytes()) {
            let joined = [directory.as_os_str().as_bytes(), b"/", name.as_bytes()].concat();
            paths.push(path_of(&joined));
        }
    }
    Ok(paths)
}

pub(super) fn watched_entries(directory: &Path) -> Result<Vec<PathBuf>, FileLine> {
    let bad = |reason| FileLine::BadDirectory { path: shown(directory), reason };
    match fs::metadata(directory) {
        Ok(found) if !found.is_dir() => Err(bad("not a directory".to_owned())),
        Ok(_) => entries(directory).map_err(|error| {
            let path = shown(directory);
            FileLine::Unwatched { path, reason: strerror(&error) }
        }),
        Err(error) => Err(bad(strerror(&error))),
    }
}

pub(super) fn path_of(bytes: &[u8]) -> PathBuf {
    PathBuf::from(OsStr::from_bytes(bytes))
}

pub(super) fn shown(path: &Path) -> String {
    path_text(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::load::Loader;
    use std::fmt::Write;

    /// Reads a configuration in which `@` stands for a directory of these files; tells what happened.
    fn read(lines: &str, files: &[(&str, &str)]) -> (Config, Vec<String>) {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().to_str().unwrap();
        for (name, text) in files {
            let path = folder.path().join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
        let mut text = "no-hosts\ndhcp-range=10.0.0.0,proxy\n".to_owned();
        write!(text, "{}", lines.replace('@', root)).unwrap();
        fs::write(folder.path().join("c"), text).unwrap();
        let mut loader = Loader::default();
        loader.file(folder.path().join("c").as_os_str().as_bytes()).unwrap();
        let mut config = loader.finish().unwrap().config;
        let (_, happened) = ReloadableFiles::from_config(&config).read(&mut config);
        let told = happened.iter().map(|one| format!("{one:?}").replace(root, "@"));
        (config, told.collect())
    }

    #[test]
    fn each_kind_is_read_last_configured_first_and_directories_behind() {
        let lines = "dhcp-hostsfile=@/d\ndhcp-hostsfile=@/one\ndhcp-hostsfile=@/two\n\
                     dhcp-optsdir=@/w\ndhcp-optsfile=@/o\ndhcp-hostsfile=@/d\n";
        let files = [
            ("d/b", ""),
            ("d/a", ""),
            ("d/.hidden", ""),
            ("d/old~", ""),
            ("one", ""),
            ("two", ""),
            ("w/x", ""),
            ("o", ""),
        ];
        let order = ["two", "one", "d/a", "d/b", "o", "w/x"];
        assert_eq!(read(lines, &files).1, order.map(|name| format!("Read(\"@/{name}\")")));
    }

    #[test]
    fn a_bad_line_is_told_and_the_rest_counts() {
        let files =
            [("h", "zz:zz\n52:54:00:00:00:01,10.0.0.1\n52:54:00:00:00:02,10.0.0.1 # twice\n")];
        let (config, told) = read("dhcp-hostsfile=@/h\ndhcp-optsfile=@/none\n", &files);
        assert_eq!(config.dhcp.hosts.count(), 1);
        let bad =
            |words, line| format!("BadLine {{ words: \"{words}\", line: {line}, path: \"@/h\" }}");
        assert_eq!(
            told,
            [
                bad("bad hex constant", 1),
                bad("duplicate dhcp-host IP address 10.0.0.1", 3),
                "Read(\"@/h\")".into(),
                "Unreadable { path: \"@/none\", reason: \"No such file or directory\" }".into()
            ]
        );
    }

    #[test]
    fn reading_again_forgets_what_was_read() {
        let files = [("o", "vendor:PXEClient,30,x\n3,1.2.3.4\n")];
        let (mut config, _) =
            read("dhcp-option=vendor:PXEClient,31,y\ndhcp-optsfile=@/o\n", &files);
        let codes = |config: &Config| {
            config.dhcp.vendor_options.iter().map(|rule| rule.value.code).collect::<Vec<_>>()
        };
        assert_eq!(codes(&config), [31, 30]);
        let mut files = ReloadableFiles {
            written_options: 1,
            ..ReloadableFiles::from_config(&Config::default())
        };
        files.read(&mut config);
        assert_eq!(codes(&config), [31]);
    }

    #[test]
    fn names_are_counted_and_bad_ones_told() {
        let files = [("h", "1.2.3 a\n1.2.3.4 a b#c\n::1 d\n1.1.1.1 \u{e9} e\n")];
        let (_, told) = read("addn-hosts=@/h\nhostsdir=@/h\n", &files);
        assert_eq!(
            told,
            [
                "BadDirectory { path: \"@/h\", reason: \"not a directory\" }",
                "BadHost { part: Address, line: 1, path: \"@/h\" }",
                "BadHost { part: Name, line: 4, path: \"@/h\" }",
                "Hosts { path: \"@/h\", names: 4 }"
            ]
        );
    }
}
