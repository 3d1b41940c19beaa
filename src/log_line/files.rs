//! Lines about files that are read while the daemon runs (docs/dnsmasq/config-language.md, sections 1.5, 3.14, 3.23).

use super::Priority;
use std::fmt;
use std::net::IpAddr;

/// The part of a line that cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LinePart {
    /// All of it.
    Line,
    /// Its IP address.
    Address,
    /// Its name.
    Name,
}

/// What came of reading one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FileLine {
    /// A file of DHCP settings was read.
    Read(String),
    /// One could not be.
    Unreadable { path: String, reason: String },
    /// A directory could not be.
    Inaccessible { path: String, reason: String },
    /// A directory that is to be watched could not be.
    BadDirectory { path: String, reason: String },
    /// A line is faulty, in dnsmasq's words; the next one may be fine.
    BadLine { message: String, line: usize, path: String },
    /// A line of a hosts file is bad in this part.
    BadHost { part: LinePart, line: usize, path: String },
    /// These words of the lease database are no lease.
    BadLease(String),
    /// Neither is what has this for an address.
    BadLeaseAddress(String),
    /// The lease database ends in the middle.
    UncleanLeases,
    /// A watched file is another one now.
    Changed(String),
    /// A directory cannot be watched.
    Unwatched { path: String, reason: String },
    /// A hosts file was read.
    Hosts { path: String, names: usize },
    /// A hosts file could not be.
    HostsUnreadable { path: String, reason: String },
    /// `/etc/ethers` was read.
    Ethers { addresses: usize },
    /// It could not be.
    EthersUnreadable { reason: String },
    /// A line of it is bad in this part.
    BadEther { part: LinePart, line: usize },
    /// A line of it says something that another has said.
    RepeatedEther { line: usize },
    /// A known machine takes one of several addresses of its name.
    MultipleAddresses { name: String, address: IpAddr },
    /// It cannot take an address that another has.
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
            Self::BadLine { message: words, line, path } => {
                write!(f, "{words} at line {line} of {path}")
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
fn bad_parts_are_named_as_dnsmasq_names_them() {
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
