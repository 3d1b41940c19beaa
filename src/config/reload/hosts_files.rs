//! Hosts files, which give addresses to names of boot servers (docs/dnsmasq/config-language.md, section 3.23).

use super::file_list::FileKind;
use super::files::joined;
use super::listed::{ListedContents, bad_directory};
use super::snapshot::PathContent;
use crate::byte_text::path_text;
use crate::config::Config;
use crate::config::file_content::FileContent;
use crate::config::server_names::{NamePosition, ServerNames};
use crate::log_line::FileLine;
use conf_parser::RunTimeFile;
use std::net::IpAddr;
use std::path::Path;

/// Reads the names of boot servers. With `port=0` there are none, because dnsmasq then reads no hosts file.
pub fn read_all(
    config: &Config,
    contents: &mut ListedContents<'_, '_>,
) -> (ServerNames, Vec<FileLine>) {
    let mut names = ServerNames::new(config.dhcp.round_robin);
    if config.process.dns_port == 0 {
        return (names, Vec::new());
    }
    for record in &config.dhcp.host_records {
        let Some(address) = record.address.map(IpAddr::V4) else { continue };
        for (index, name) in record.names.iter().enumerate() {
            names.add(name, address, NamePosition::of(index));
        }
    }
    let (mut plain, _) = contents.take_apart(FileKind::SystemHosts);
    let (configured, directories) = contents.take_apart(FileKind::Configured(RunTimeFile::Hosts));
    let watched = contents.take(FileKind::Configured(RunTimeFile::HostsDir));
    let bad = watched.iter().filter_map(|(directory, content)| bad_directory(directory, content));
    let mut lines: Vec<FileLine> = bad.collect();
    plain.extend(configured);
    for (path, content) in plain {
        lines.extend(read_one(path, content, &mut names));
    }
    for (directory, content) in directories.into_iter().chain(watched) {
        // dnsmasq logs nothing about an `addn-hosts` directory that it cannot read.
        let PathContent::Directory(files) = content else { continue };
        for file in files {
            lines.extend(read_one(&joined(directory, &file.name), file.content, &mut names));
        }
    }
    (names, lines)
}

/// Reads one hosts file. Its errors are logged before the line about the file.
pub fn read_one(path: &Path, content: FileContent<'_>, names: &mut ServerNames) -> Vec<FileLine> {
    let name = path_text(path);
    let bytes = match content.complete() {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![FileLine::HostsUnreadable { path: name, reason: error.reason() }];
        }
    };
    let read = names.read_hosts(&bytes);
    let error = |(line, part)| FileLine::BadHost { part, line, path: name.clone() };
    let mut lines: Vec<_> = read.errors.into_iter().map(error).collect();
    lines.push(FileLine::Hosts { path: name, names: read.names });
    lines
}
