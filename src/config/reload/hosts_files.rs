//! Hosts files, which give addresses to names of boot servers (docs/dnsmasq/config-language.md, section 3.23).

use super::files::{entries, path_of, watched_entries};
use crate::byte_text::path_text;
use crate::config::Config;
use crate::config::server_names::{NamePosition, ServerNames};
use crate::log_line::FileLine;
use crate::strerror::strerror;
use conf_parser::RunTimeFile;
use std::fs;
use std::net::IpAddr;
use std::path::{Path, PathBuf};

/// Reads the names of boot servers. With `port=0` there are none, because dnsmasq then reads no hosts file.
pub fn read_all(config: &Config) -> (ServerNames, Vec<FileLine>) {
    let mut names = ServerNames::new(config.dhcp.round_robin);
    let mut lines = Vec::new();
    if config.process.dns_port == 0 {
        return (names, lines);
    }
    for record in &config.dhcp.host_records {
        let Some(address) = record.address.map(IpAddr::V4) else { continue };
        for (index, name) in record.names.iter().enumerate() {
            names.add(name, address, NamePosition::of(index));
        }
    }
    let mut paths: Vec<PathBuf> = Vec::new();
    paths.extend((!config.process.no_hosts).then(|| PathBuf::from("/etc/hosts")));
    let listed = |kind| {
        let files = config.files.iter().rev().filter(move |(found, _)| *found == kind);
        files.map(|(_, path)| path_of(path))
    };
    let (directories, plain): (Vec<_>, Vec<_>) =
        listed(RunTimeFile::Hosts).partition(|path| path.is_dir());
    paths.extend(plain);
    for directory in directories {
        let mut found = entries(&directory).unwrap_or_default();
        found.retain(|path| path.is_file());
        found.sort_unstable();
        paths.extend(found);
    }
    for directory in listed(RunTimeFile::HostsDir) {
        match watched_entries(&directory) {
            Ok(found) => paths.extend(found.into_iter().filter(|path| path.is_file())),
            Err(line) => lines.push(line),
        }
    }
    lines.extend(paths.iter().flat_map(|path| read_one(path, &mut names)));
    (names, lines)
}

/// Reads one hosts file. Its errors are logged before the line about the file.
pub fn read_one(path: &Path, names: &mut ServerNames) -> Vec<FileLine> {
    let name = path_text(path);
    let bytes = match fs::read(path) {
        Ok(bytes) => bytes,
        Err(error) => {
            return vec![FileLine::HostsUnreadable { path: name, reason: strerror(&error) }];
        }
    };
    let read = names.read_hosts(&bytes);
    let error = |(line, part)| FileLine::BadHost { part, line, path: name.clone() };
    let mut lines: Vec<_> = read.errors.into_iter().map(error).collect();
    lines.push(FileLine::Hosts { path: name, names: read.names });
    lines
}
