//! Lines about files that are read while the daemon runs (docs/dnsmasq/config-language.md, sections 1.5, 3.14, 3.23).

use super::Priority;
use std::fmt;
use std::net::IpAddr;

/// The invalid part of a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinePart {
    /// The whole line.
    Line,
    /// The IP address.
    Address,
    /// The name.
    Name,
}

/// Result of reading a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileLine {
    /// A file of `dhcp-host` or `dhcp-option` lines was read.
    Read(String),
    /// Such a file cannot be read.
    Unreadable { path: String, reason: String },
    /// A directory cannot be read.
    Inaccessible { path: String, reason: String },
    /// A path that is to be watched is no directory.
    BadDirectory { path: String, reason: String },
    /// A line is invalid, with dnsmasq's message. Further lines are used.
    BadLine { message: String, line: usize, path: String },
    /// A line of a hosts file is invalid.
    BadHost { part: LinePart, line: usize, path: String },
    /// The first words of a line of the lease file that is no lease.
    BadLease(String),
    /// The invalid address in a line of the lease file.
    BadLeaseAddress(String),
    /// The lease file ends within a line.
    UncleanLeases,
    /// A file of a watched directory is new or has changed.
    Changed(String),
    /// A directory cannot be watched.
    Unwatched { path: String, reason: String },
    /// A hosts file was read.
    Hosts { path: String, names: usize },
    /// A hosts file cannot be read.
    HostsUnreadable { path: String, reason: String },
    /// `/etc/ethers` was read.
    Ethers { addresses: usize },
    /// `/etc/ethers` cannot be read.
    EthersUnreadable { reason: String },
    /// A line of `/etc/ethers` is invalid.
    BadEther { part: LinePart, line: usize },
    /// A line of `/etc/ethers` has the name or address of an earlier line.
    RepeatedEther { line: usize },
    /// A `dhcp-host` line gets one of several addresses of its name.
    MultipleAddresses { name: String, address: IpAddr },
    /// A `dhcp-host` line does not get the address of another line.
    AddressInUse { name: String, address: IpAddr },
}

impl FileLine {
    pub(super) fn identity(&self) -> &'static str {
        match self {
            Self::Unreadable { .. }
            | Self::Inaccessible { .. }
            | Self::BadDirectory { .. }
            | Self::BadLine { .. }
            | Self::BadHost { .. }
            | Self::BadLease(_)
            | Self::BadLeaseAddress(_)
            | Self::UncleanLeases
            | Self::Changed(_)
            | Self::Unwatched { .. }
            | Self::Hosts { .. }
            | Self::HostsUnreadable { .. } => super::PROCESS,
            _ => super::DHCP,
        }
    }

    pub(super) fn priority(&self) -> Priority {
        match self {
            Self::Read(_) | Self::Changed(_) | Self::Hosts { .. } | Self::Ethers { .. } => {
                Priority::Info
            }
            Self::BadLease(_)
            | Self::BadLeaseAddress(_)
            | Self::MultipleAddresses { .. }
            | Self::AddressInUse { .. } => Priority::Warning,
            _ => Priority::Error,
        }
    }
}

impl fmt::Display for LinePart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Address => "address",
            Self::Name => "name",
        })
    }
}

impl fmt::Display for FileLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(path) => write!(f, "read {path}"),
            Self::Unreadable { path, reason } => write!(f, "cannot read {path}: {reason}"),
            Self::Inaccessible { path, reason } => {
                write!(f, "cannot access directory {path}: {reason}")
            }
            Self::BadDirectory { path, reason } => {
                write!(f, "bad dynamic directory {path}: {reason}")
            }
            Self::BadLine { message, line, path } => {
                write!(f, "{message} at line {line} of {path}")
            }
            Self::BadHost { part, line, path } => write!(f, "bad {part} at line {line} of {path}"),
            Self::BadLease(words) => {
                write!(f, "ignoring invalid line in lease database: {words} ...")
            }
            Self::BadLeaseAddress(address) => {
                write!(f, "ignoring invalid line in lease database, bad address: {address}")
            }
            Self::UncleanLeases => f.write_str("failed to parse lease database cleanly"),
            Self::Changed(path) => write!(f, "inotify: {path} new or modified"),
            Self::Unwatched { path, reason } => {
                write!(f, "failed to create inotify for {path}: {reason}")
            }
            Self::Hosts { path, names } => write!(f, "read {path} - {names} names"),
            Self::HostsUnreadable { path, reason } => {
                write!(f, "failed to load names from {path}: {reason}")
            }
            Self::Ethers { addresses } => write!(f, "read /etc/ethers - {addresses} addresses"),
            Self::EthersUnreadable { reason } => write!(f, "failed to read /etc/ethers: {reason}"),
            Self::BadEther { part, line } => write!(f, "bad {part} at /etc/ethers line {line}"),
            Self::RepeatedEther { line } => {
                write!(f, "ignoring /etc/ethers line {line}, duplicate name or IP address")
            }
            Self::MultipleAddresses { name, address } => {
                write!(f, "{name} has more than one address in hostsfile, using {address} for DHCP")
            }
            Self::AddressInUse { name, address } => {
                write!(f, "duplicate IP address {address} ({name}) in dhcp-config directive")
            }
        }
    }
}

#[test]
fn invalid_part_has_the_name_that_dnsmasq_uses() {
    for (part, name) in
        [(LinePart::Line, "line"), (LinePart::Address, "address"), (LinePart::Name, "name")]
    {
        let ether = FileLine::BadEther { part, line: 3 };
        assert_eq!(ether.to_string(), format!("bad {name} at /etc/ethers line 3"));
        let host = FileLine::BadHost { part, line: 3, path: "/etc/hosts".into() };
        assert_eq!(host.to_string(), format!("bad {name} at line 3 of /etc/hosts"));
        assert_eq!((host.identity(), host.priority()), (super::PROCESS, Priority::Error));
    }
}
