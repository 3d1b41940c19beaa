//! Lines of the process.

use super::Priority;
use std::fmt;

/// What the process logs about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessLine {
    /// The first line of a start.
    Started,
    /// The second.
    CompileTimeOptions,
    /// A named interface is not there, or has no address.
    InterfaceMissing(String),
    /// An interface is served that was meant by the label of an address.
    InterfaceInstead(String),
    /// DNS is on and has nobody to ask. dnsmasq's words, and true of us.
    NoUpstream,
    /// A remark of ours on the configuration.
    Remark(String),
    /// A hosts file was read.
    HostsRead { path: String, names: usize },
    /// A hosts file was not.
    HostsUnreadable { path: String, reason: String },
    /// A file of settings was not read.
    FileUnreadable { path: String, reason: String },
    /// A directory of them was not.
    DirectoryInaccessible { path: String, reason: String },
    /// A directory to watch is none.
    BadDirectory { path: String, reason: String },
    /// A line of such a file is faulty.
    BadLine { words: String, line: usize, path: String },
    /// The DHCP sockets cannot be bound to their interface once more.
    Unbound(String),
    /// The end.
    Terminated,
    /// Why there was no start.
    Failure(String),
    /// The same, in general.
    FailedToStart,
}

/// The version we say we are: the dnsmasq whose language we speak, and our own.
pub const VERSION: &str = concat!("2.92-pxemasq-", env!("CARGO_PKG_VERSION"));

/// What is in here, in dnsmasq's words and order.
pub const COMPILE_TIME_OPTIONS: &str = "IPv6 GNU-getopt no-DBus no-UBus no-i18n no-IDN DHCP no-DHCPv6 no-Lua TFTP \
     no-conntrack no-ipset no-nftset no-auth no-DNSSEC no-loop-detect no-inotify no-dumpfile";

impl ProcessLine {
    pub(super) fn priority(&self) -> Priority {
        match self {
            Self::Failure(_) | Self::FailedToStart => Priority::Critical,
            Self::HostsUnreadable { .. }
            | Self::Unbound(_)
            | Self::FileUnreadable { .. }
            | Self::DirectoryInaccessible { .. }
            | Self::BadDirectory { .. }
            | Self::BadLine { .. } => Priority::Error,
            Self::InterfaceMissing(_) | Self::InterfaceInstead(_) | Self::NoUpstream => {
                Priority::Warning
            }
            // dnsmasq's lines must stand out: ours are a degree lower.
            Self::Remark(_) => Priority::Notice,
            _ => Priority::Info,
        }
    }
}

impl fmt::Display for ProcessLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => write!(f, "started, version {VERSION} DNS disabled"),
            Self::CompileTimeOptions => write!(f, "compile time options: {COMPILE_TIME_OPTIONS}"),
            Self::InterfaceMissing(name) => {
                write!(f, "warning: interface {name} does not currently exist")
            }
            Self::InterfaceInstead(name) => write!(f, "warning: using interface {name} instead"),
            Self::NoUpstream => f.write_str("warning: no upstream servers configured"),
            Self::Remark(text) => write!(f, "warning: {text}"),
            Self::HostsRead { path, names } => write!(f, "read {path} - {names} names"),
            Self::HostsUnreadable { path, reason } => {
                write!(f, "failed to load names from {path}: {reason}")
            }
            Self::FileUnreadable { path, reason } => write!(f, "cannot read {path}: {reason}"),
            Self::DirectoryInaccessible { path, reason } => {
                write!(f, "cannot access directory {path}: {reason}")
            }
            Self::BadDirectory { path, reason } => {
                write!(f, "bad dynamic directory {path}: {reason}")
            }
            Self::BadLine { words, line, path } => write!(f, "{words} at line {line} of {path}"),
            Self::Unbound(name) => write!(f, "error binding DHCP socket to device {name}"),
            Self::Terminated => f.write_str("exiting on receipt of SIGTERM"),
            Self::Failure(sentence) => f.write_str(sentence),
            Self::FailedToStart => f.write_str("FAILED to start up"),
        }
    }
}
