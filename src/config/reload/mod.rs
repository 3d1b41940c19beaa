//! Files that are read at the start and again on SIGHUP: `dhcp-hostsfile`, `dhcp-optsfile`, their directories, and hosts
//! files (docs/dnsmasq/config-language.md, sections 1.5, 3.14, 3.23). An error in them is logged and ends nothing.
//!
//! [`ConfigFileList`] reads them into a [`ConfigSnapshot`], maybe in another process; [`ReloadableFiles`] uses the snapshot and
//! opens nothing.
//!
//! Later lines override earlier ones, so the order is part of the behaviour: within each kind the last configured first,
//! directories after all plain files, watched directories after that.

pub mod ethers;
pub mod file_list;
pub mod files;
pub mod host_addresses;
pub mod hosts_files;
pub mod listed;
pub mod snapshot;

use self::ethers::Merged;
use self::file_list::{ConfigFileList, FileKind};
use self::files::joined;
use self::host_addresses::assign_addresses;
use self::listed::{ListedContents, bad_directory};
use self::snapshot::{ChangedFile, ConfigSnapshot, PathContent};
use super::file_content::FileContent;
use super::lookup::host_record::Host;
use super::lookup::hosts::{Checkpoint, Hosts, from_directive};
use super::read::lines::Lines;
use super::server_names::ServerNames;
use super::{Config, Origin, VendorOption};
use crate::byte_text::path_text;
use crate::log_line::FileLine;
use conf_parser::{Directive, Keyword, Reader, RunTimeFile};
use std::collections::HashSet;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::Arc;

/// State of the files, and how much of the configuration does not come from them.
#[derive(Debug)]
pub struct ReloadableFiles {
    list: ConfigFileList,
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
            list: ConfigFileList::from_config(config),
            written_hosts: config.dhcp.hosts.checkpoint(),
            written_options: config.dhcp.vendor_options.len(),
            ethers: Vec::new(),
            used_addresses: HashSet::new(),
        }
    }

    /// The files to read.
    pub fn list(&self) -> &ConfigFileList {
        &self.list
    }

    /// Uses the contents of all files of [`list`](Self::list). What they added before is removed first. Each content is
    /// dropped after its use. Returns the names of servers and the log lines.
    pub fn read(
        &mut self,
        config: &mut Config,
        snapshot: ConfigSnapshot<'_>,
    ) -> (ServerNames, Vec<FileLine>) {
        config.dhcp.hosts.rollback(self.written_hosts);
        config.dhcp.vendor_options.truncate(self.written_options);
        let list = std::mem::take(&mut self.list);
        let mut contents = ListedContents::new(&list, snapshot);
        let result = self.read_contents(config, &mut contents);
        self.list = list;
        result
    }

    fn read_contents(
        &mut self,
        config: &mut Config,
        contents: &mut ListedContents<'_, '_>,
    ) -> (ServerNames, Vec<FileLine>) {
        let (mut names, mut lines) = hosts_files::read_all(config, contents);
        if config.dhcp.ranges.is_empty() {
            return (names, lines);
        }
        for (_, content) in contents.take(FileKind::Ethers) {
            if let PathContent::File(content) = content {
                self.read_ethers(content, &mut config.dhcp.hosts, &mut lines);
            }
        }
        self.used_addresses = config.dhcp.hosts.iter().filter_map(Host::address).collect();
        let mut pass = ReloadPass { config, used_addresses: &mut self.used_addresses, lines };
        pass.plain(contents, RunTimeFile::DhcpHosts);
        pass.plain(contents, RunTimeFile::DhcpOptions);
        pass.watched(contents);
        lines = pass.lines;
        if config.process.dns_port != 0 {
            lines.extend(assign_addresses(&mut config.dhcp.hosts, &mut names));
        }
        (names, lines)
    }

    /// Uses a changed file of a watched directory. Its earlier lines stay in force until all files are read again, as in
    /// dnsmasq.
    pub fn read_changed(
        &mut self,
        changed: ChangedFile<'_>,
        config: &mut Config,
        names: &mut ServerNames,
    ) -> Vec<FileLine> {
        let Some((kind, directory)) = self.list.watched_directory(changed.directory) else {
            return Vec::new();
        };
        let path = joined(directory, &changed.name);
        let mut lines = vec![FileLine::Changed(path_text(&path))];
        if kind == RunTimeFile::HostsDir {
            let content = changed.content.into_iter();
            lines.extend(content.flat_map(|content| hosts_files::read_one(&path, content, names)));
            return lines;
        }
        let mut pass = ReloadPass { config, used_addresses: &mut self.used_addresses, lines };
        pass.watched_file(&path, changed.content.as_ref(), kind);
        pass.lines
    }

    /// If the file cannot be read, its last content is used.
    fn read_ethers(
        &mut self,
        content: FileContent<'_>,
        hosts: &mut Hosts,
        lines: &mut Vec<FileLine>,
    ) {
        let unreadable = content.error;
        if let Ok(bytes) = content.complete() {
            self.ethers = bytes.into_owned();
        }
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
        if let Some(error) = unreadable {
            return lines.push(FileLine::EthersUnreadable { reason: error.reason() });
        }
        lines.extend(line_errors);
        lines.push(FileLine::Ethers { addresses });
    }
}

/// One pass over all files, or over one that has changed.
struct ReloadPass<'c> {
    config: &'c mut Config,
    used_addresses: &'c mut HashSet<Ipv4Addr>,
    lines: Vec<FileLine>,
}

impl ReloadPass<'_> {
    /// Uses plain files, then the files of directories.
    fn plain(&mut self, contents: &mut ListedContents<'_, '_>, kind: RunTimeFile) {
        let (plain, directories) = contents.take_apart(FileKind::Configured(kind));
        for (path, content) in plain {
            self.file(path, &content, kind);
        }
        for (directory, content) in directories {
            match content {
                PathContent::Directory(files) => {
                    for file in files {
                        self.file(&joined(directory, &file.name), &file.content, kind);
                    }
                }
                PathContent::UnreadableDirectory(error) => {
                    let path = path_text(directory);
                    self.lines.push(FileLine::Inaccessible { path, reason: error.reason() });
                }
                _ => {}
            }
        }
    }

    /// Uses a file. Its errors are logged before the line about the file.
    fn file(&mut self, path: &Path, content: &FileContent<'_>, kind: RunTimeFile) {
        if self.read_values(path, content, keyword(kind)) {
            self.lines.push(FileLine::Read(path_text(path)));
        }
    }

    fn watched(&mut self, contents: &mut ListedContents<'_, '_>) {
        for (kind, directory, content) in contents.take_watched_dhcp() {
            match content {
                PathContent::Directory(files) => {
                    for file in files {
                        let path = joined(directory, &file.name);
                        self.watched_file(&path, Some(&file.content), kind);
                    }
                }
                content => self.lines.extend(bad_directory(directory, &content)),
            }
        }
    }

    /// Uses a file of a watched directory. Its errors are logged after the line about the file. Without content there are no
    /// lines in it.
    fn watched_file(&mut self, path: &Path, content: Option<&FileContent<'_>>, kind: RunTimeFile) {
        self.lines.push(FileLine::Read(path_text(path)));
        if let Some(content) = content {
            self.read_values(path, content, keyword(kind));
        }
    }

    /// Uses a file of values of `dhcp-host` or `dhcp-option`. Returns whether the file could be read.
    fn read_values(&mut self, path: &Path, content: &FileContent<'_>, keyword: Keyword) -> bool {
        let name = path_text(path);
        self.apply_values(&name, &content.bytes, keyword);
        if let Some(error) = content.error {
            self.lines.push(FileLine::Unreadable { path: name, reason: error.reason() });
        }
        content.error.is_none()
    }

    fn apply_values(&mut self, path: &str, bytes: &[u8], keyword: Keyword) {
        let Some(row) = conf_parser::find_name(keyword.name()) else { return };
        let mut reader = Reader::default();
        let mut lines = Lines::new(bytes);
        let mut origin = Origin { file: path.into(), line: 0 };
        // Bytes in memory can always be read.
        while let Ok(Some(line)) = lines.read() {
            origin.line = line.number;
            let value =
                reader.value(row, line.text).map_err(|error| error.message.in_file().into());
            if let Err(message) = value.and_then(|directive| self.apply(directive, &origin)) {
                let (line, path) = (line.number, path.to_owned());
                self.lines.push(FileLine::BadLine { message, line, path });
            }
        }
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
mod tests;
