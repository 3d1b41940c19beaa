//! Lines of the process.

use super::words::STARTED;
use super::{Priority, SandboxLine};
use std::fmt;
use std::net::Ipv4Addr;

/// What the process logs about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessLine {
    /// The first line of a start.
    Started,
    /// The second, with what the process is confined by.
    CompileTimeOptions(SandboxLine),
    /// A named interface is not there, or has no address.
    InterfaceMissing(String),
    /// An interface is served that was meant by the label of an address.
    InterfaceInstead(String),
    /// DNS is on and has nobody to ask. dnsmasq's words, and true of us.
    NoUpstream,
    /// A public address is listened on, and reached by other interfaces too.
    ExposedTftp { address: Ipv4Addr, interface: String },
    /// What helps against that.
    Remedy,
    /// The pid file stays root's; no reason: we may give nothing away.
    PidFileOwnerKept { path: String, reason: Option<String> },
    /// The log file does.
    LogFileOwnerKept { path: String, reason: String },
    /// So many lines may wait for syslog.
    AsynchronousLog(usize),
    /// Lines were lost because nobody took them.
    Overflow(usize),
    /// The log file cannot be written any more.
    LogFailed(String),
    /// A remark of ours on the configuration.
    ConfigWarning(String),
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
     no-conntrack no-ipset no-nftset no-auth no-DNSSEC no-loop-detect inotify no-dumpfile";

impl ProcessLine {
    pub(super) fn priority(&self) -> Priority {
        match self {
            Self::Failure(_) | Self::FailedToStart | Self::LogFailed(_) => Priority::Critical,
            Self::Unbound(_) => Priority::Error,
            Self::InterfaceMissing(_)
            | Self::InterfaceInstead(_)
            | Self::ExposedTftp { .. }
            | Self::Remedy
            | Self::PidFileOwnerKept { reason: Some(_), .. }
            | Self::LogFileOwnerKept { .. }
            | Self::Overflow(_)
            | Self::NoUpstream => Priority::Warning,
            // dnsmasq's lines must stand out: ours are a degree lower.
            Self::ConfigWarning(_) => Priority::Notice,
            _ => Priority::Info,
        }
    }
}

impl fmt::Display for ProcessLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => write!(f, "{STARTED} {VERSION} DNS disabled"),
            Self::CompileTimeOptions(confined_by) => {
                write!(f, "compile time options: {COMPILE_TIME_OPTIONS}; {confined_by}")
            }
            Self::InterfaceMissing(name) => {
                write!(f, "warning: interface {name} does not currently exist")
            }
            Self::InterfaceInstead(name) => write!(f, "warning: using interface {name} instead"),
            Self::NoUpstream => f.write_str("warning: no upstream servers configured"),
            Self::ExposedTftp { address, interface } => write!(
                f,
                "LOUD WARNING: listening on {address} may accept requests via interfaces other than {interface}"
            ),
            Self::Remedy => f.write_str(
                "LOUD WARNING: use --bind-dynamic rather than --bind-interfaces to avoid DNS amplification attacks via these interface(s)",
            ),
            Self::PidFileOwnerKept { path, reason } => {
                let reason = reason.as_deref().unwrap_or("please add capability CAP_CHOWN");
                write!(f, "chown of PID file {path} failed: {reason}")
            }
            Self::LogFileOwnerKept { path, reason } => {
                write!(f, "warning: failed to change owner of {path}: {reason}")
            }
            Self::AsynchronousLog(lines) => {
                write!(f, "asynchronous logging enabled, queue limit is {lines} messages")
            }
            Self::Overflow(lost) => write!(f, "overflow: {lost} log entries lost"),
            Self::LogFailed(reason) => write!(f, "log failed: {reason}"),
            Self::ConfigWarning(text) => write!(f, "warning: {text}"),
            Self::Unbound(name) => write!(f, "error binding DHCP socket to device {name}"),
            Self::Terminated => f.write_str("exiting on receipt of SIGTERM"),
            Self::Failure(sentence) => f.write_str(sentence),
            Self::FailedToStart => f.write_str("FAILED to start up"),
        }
    }
}
