//! Files that are read at the start and again on SIGHUP: `dhcp-hostsfile`, `dhcp-optsfile`, their directories, and hosts
//! files (docs/dnsmasq/config-language.md, sections 1.5, 3.14, 3.23). An error in them is logged and ends nothing.
//!
//! Later lines override earlier ones, so the order is part of the behaviour: within each kind the last configured first,
//! directories after all plain files, watched directories after that.

pub mod ethers;
pub mod files;
pub mod host_addresses;
pub mod hosts_files;

use self::ethers::Merged;
use self::files::{entries, path_of, watched_entries};
use self::host_addresses::assign_addresses;
use super::lookup::host_record::Host;
use super::lookup::hosts::{Checkpoint, Hosts, from_directive};
use super::read::lines::Lines;
use super::server_names::ServerNames;
use super::{Config, Origin, VendorOption};
use crate::byte_text::path_text;
use crate::log_line::FileLine;
use crate::strerror::strerror;
use conf_parser::{Directive, Keyword, Reader, RunTimeFile};
use std::collections::HashSet;
use std::fs::{self, File};
use std::io::{self, BufReader};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// State of the files, and how much of the configuration does not come from them.
#[derive(Debug)]
pub struct ReloadableFiles {
    written_hosts: Checkpoint,
    written_options: usize,
    /// Content of `/etc/ethers` when it could last be read.
    ethers: Vec<u8>,
    /// Addresses of `dhcp-host` lines, each of which may be used once.
    used_addresses: HashSet<Ipv4Addr>,
}

impl ReloadableFiles {
    /// The state for a configuration to which no file has been added.
    pub fn from_config(config: &Config) -> Self {
        Self {
            written_hosts: config.dhcp.hosts.checkpoint(),
            written_options: config.dhcp.vendor_options.len(),
            ethers: Vec::new(),
            used_addresses: HashSet::new(),
        }
    }

    /// Reads all files. What they added before is removed first. Returns the names of servers and the log lines.
    pub fn read(&mut self, config: &mut Config) -> (ServerNames, Vec<FileLine>) {
        config.dhcp.hosts.rollback(self.written_hosts);
        config.dhcp.vendor_options.truncate(self.written_options);
        let (mut names, mut lines) = hosts_files::read_all(config);
        if config.dhcp.ranges.is_empty() {
            return (names, lines);
        }
        if config.dhcp.read_ethers {
            self.read_ethers(&mut config.dhcp.hosts, &mut lines);
        }
        let files = std::mem::take(&mut config.files);
        let known = config.dhcp.hosts.iter().filter_map(Host::address);
        self.used_addresses = known.collect();
        let mut pass = ReloadPass { config, used_addresses: &mut self.used_addresses, lines };
        pass.plain(&files, RunTimeFile::DhcpHosts);
        pass.plain(&files, RunTimeFile::DhcpOptions);
        pass.watched(&files);
        lines = pass.lines;
        config.files = files;
        if config.process.dns_port != 0 {
            lines.extend(assign_addresses(&mut config.dhcp.hosts, &mut names));
        }
        (names, lines)
    }

    /// Reads a changed file of a watched directory. Its earlier lines stay in force until all files are read again, as in
    /// dnsmasq.
    pub fn read_changed(
        &mut self,
        kind: RunTimeFile,
        path: &Path,
        config: &mut Config,
        names: &mut ServerNames,
    ) -> Vec<FileLine> {
        let mut lines = vec![FileLine::Changed(path_text(path))];
        if kind == RunTimeFile::HostsDir {
            lines.extend(hosts_files::read_one(path, names));
            return lines;
        }
        let mut pass = ReloadPass { config, used_addresses: &mut self.used_addresses, lines };
        pass.watched_file(path, kind);
        pass.lines
    }

    /// If the file cannot be read, its last content is used.
    fn read_ethers(&mut self, hosts: &mut Hosts, lines: &mut Vec<FileLine>) {
        let read = fs::read(ethers::ETHERS_FILE);
        let unreadable = read.as_ref().err().map(strerror);
        self.ethers = read.unwrap_or_else(|_| std::mem::take(&mut self.ethers));
        let first = hosts.count();
        let mut addresses = 0;
        let mut line_errors = Vec::new();
        let file: Arc<str> = ethers::ETHERS_FILE.into();
        for (line, entry) in ethers::read(&self.ethers) {
            let origin = Origin { file: file.clone(), line };
            match entry.map(|entry| ethers::merge_into(hosts, entry, first, &origin)) {
                Ok(Merged::Stored) => addresses += 1,
                Ok(Merged::Repeated) => line_errors.push(FileLine::RepeatedEther { line }),
                Err(part) => line_errors.push(FileLine::BadEther { part, line }),
            }
        }
        if let Some(reason) = unreadable {
            return lines.push(FileLine::EthersUnreadable { reason });
        }
        lines.extend(line_errors);
        lines.push(FileLine::Ethers { addresses });
    }
}

type Listed = (RunTimeFile, Vec<u8>);

/// One pass over all files, or over one that has changed.
struct ReloadPass<'c> {
    config: &'c mut Config,
    used_addresses: &'c mut HashSet<Ipv4Addr>,
    lines: Vec<FileLine>,
}

impl ReloadPass<'_> {
    /// Reads plain files, then the files of directories. Each path is read once.
    fn plain(&mut self, files: &[Listed], kind: RunTimeFile) {
        let listed = files.iter().rev().filter(|(found, _)| *found == kind);
        let (directories, plain): (Vec<_>, Vec<_>) =
            listed.map(|(_, path)| path_of(path)).partition(|path| path.is_dir());
        let mut known: HashSet<PathBuf> = plain.iter().cloned().collect();
        for path in &plain {
            self.file(path, kind);
        }
        for directory in directories {
            match entries(&directory) {
                Ok(mut paths) => {
                    paths.retain(|path| !path.is_dir() && known.insert(path.clone()));
                    paths.sort_unstable();
                    for path in &paths {
                        self.file(path, kind);
                    }
                }
                Err(error) => {
                    let path = path_text(&directory);
                    self.lines.push(FileLine::Inaccessible { path, reason: strerror(&error) });
                }
            }
        }
    }

    /// Reads a file. Its errors are logged before the line about the file.
    fn file(&mut self, path: &Path, kind: RunTimeFile) {
        if self.read_values(path, keyword(kind)) {
            self.lines.push(FileLine::Read(path_text(path)));
        }
    }

    fn watched(&mut self, files: &[Listed]) {
        for (kind, path) in files.iter().rev() {
            if !matches!(kind, RunTimeFile::DhcpHostsDir | RunTimeFile::DhcpOptionsDir) {
                continue;
            }
            match watched_entries(&path_of(path)) {
                Ok(paths) => {
                    for path in paths.iter().filter(|path| path.is_file()) {
                        self.watched_file(path, *kind);
                    }
                }
                Err(line) => self.lines.push(line),
            }
        }
    }

    /// Reads a file of a watched directory. Its errors are logged after the line about the file.
    fn watched_file(&mut self, path: &Path, kind: RunTimeFile) {
        self.lines.push(FileLine::Read(path_text(path)));
        // Other kinds of file have no lines, and opening a FIFO blocks.
        if path.is_file() || !path.exists() {
            self.read_values(path, keyword(kind));
        }
    }

    /// Reads a file of values of `dhcp-host` or `dhcp-option`. Returns whether the file could be read.
    fn read_values(&mut self, path: &Path, keyword: Keyword) -> bool {
        let read = self.try_read_values(path, keyword);
        if let Err(error) = &read {
            let path = path_text(path);
            self.lines.push(FileLine::Unreadable { path, reason: strerror(error) });
        }
        read.is_ok()
    }

    fn try_read_values(&mut self, path: &Path, keyword: Keyword) -> io::Result<()> {
        let Some(row) = conf_parser::find_name(keyword.name()) else { return Ok(()) };
        let name = path_text(path);
        let mut reader = Reader::default();
        let mut lines = Lines::new(BufReader::new(File::open(path)?));
        let mut origin = Origin { file: name.as_str().into(), line: 0 };
        while let Some((number, line)) = lines.read()? {
            origin.line = number;
            let value = reader.value(row, line).map_err(|error| error.message.in_file().into());
            if let Err(message) = value.and_then(|directive| self.apply(directive, &origin)) {
                self.lines.push(FileLine::BadLine { message, line: number, path: name.clone() });
            }
        }
        Ok(())
    }

    fn apply(&mut self, directive: Option<Directive>, origin: &Origin) -> Result<(), String> {
        match directive {
            Some(Directive::DhcpHost(host)) => {
                if let Some(address) = host.address
                    && !self.used_addresses.insert(address)
                {
                    return Err(super::duplicate(address));
                }
                self.config.dhcp.hosts.add(&from_directive(host), origin);
            }
            Some(Directive::DhcpOption(option)) => {
                self.config.dhcp.vendor_options.extend(VendorOption::rule(option, origin));
            }
            _ => {}
        }
        Ok(())
    }
}

/// The option whose values a kind of file has.
fn keyword(kind: RunTimeFile) -> Keyword {
    match kind {
        RunTimeFile::DhcpHosts | RunTimeFile::DhcpHostsDir => Keyword::DhcpHost,
        _ => Keyword::DhcpOption,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::read::load::Loader;
    use std::fmt::Write;
    use std::os::unix::ffi::OsStrExt;

    /// Reads a configuration in which `@` is the directory of these files. Returns it and the log lines.
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
        let (_, lines) = ReloadableFiles::from_config(&config).read(&mut config);
        let lines = lines.iter().map(|line| format!("{line:?}").replace(root, "@"));
        (config, lines.collect())
    }

    #[test]
    fn last_configured_file_is_read_first_and_directories_after_files() {
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
    fn invalid_line_is_logged_and_the_others_are_used() {
        let files =
            [("h", "zz:zz\n52:54:00:00:00:01,10.0.0.1\n52:54:00:00:00:02,10.0.0.1 # twice\n")];
        let (config, lines) = read("dhcp-hostsfile=@/h\ndhcp-optsfile=@/none\n", &files);
        assert_eq!(config.dhcp.hosts.count(), 1);
        let bad = |message, line| {
            format!("BadLine {{ message: \"{message}\", line: {line}, path: \"@/h\" }}")
        };
        assert_eq!(
            lines,
            [
                bad("bad hex constant", 1),
                bad("duplicate dhcp-host IP address 10.0.0.1", 3),
                "Read(\"@/h\")".into(),
                "Unreadable { path: \"@/none\", reason: \"No such file or directory\" }".into()
            ]
        );
    }

    #[test]
    fn reload_removes_lines_of_the_last_reading() {
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
    fn hosts_file_is_logged_with_its_number_of_names_and_invalid_lines() {
        let files = [("h", "1.2.3 a\n1.2.3.4 a b#c\n::1 d\n1.1.1.1 \u{e9} e\n")];
        let (_, lines) = read("addn-hosts=@/h\nhostsdir=@/h\n", &files);
        assert_eq!(
            lines,
            [
                "BadDirectory { path: \"@/h\", reason: \"not a directory\" }",
                "BadHost { part: Address, line: 1, path: \"@/h\" }",
                "BadHost { part: Name, line: 4, path: \"@/h\" }",
                "Hosts { path: \"@/h\", names: 4 }"
            ]
        );
    }
}
