//! Lines about the process.

use super::words::{FAILED_TO_START, STARTED, TERMINATED, WARNING};
use super::{Priority, SandboxLine, StatusLine};
use std::fmt;
use std::net::Ipv4Addr;

/// A line about the process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessLine {
    /// The first line of a start.
    Started,
    /// The second line of a start, with the state of the sandbox.
    CompileTimeOptions(SandboxLine),
    /// An interface of a line does not exist, or has no address.
    InterfaceMissing(String),
    /// The label of an address is used as the name of an interface.
    InterfaceInstead(String),
    /// dnsmasq's warning for `no-resolv` without `server`.
    NoUpstream,
    /// A public address is bound that other interfaces can reach too.
    ExposedTftp { address: Ipv4Addr, interface: String },
    /// The remedy for [`ExposedTftp`](Self::ExposedTftp).
    Remedy,
    /// The owner of the pid file is not changed; no reason: the capability `CAP_CHOWN` is missing.
    PidFileOwnerKept { path: String, reason: Option<String> },
    /// The owner of the log file is not changed.
    LogFileOwnerKept { path: String, reason: String },
    /// Maximum number of lines that are queued for syslog.
    AsynchronousLog(usize),
    /// Number of lines that were lost because the queue was full.
    Overflow(usize),
    /// The log file cannot be written.
    LogFailed(String),
    /// A warning of our own about the configuration.
    ConfigWarning(String),
    /// The DHCP sockets cannot be bound to their interface again.
    Unbound(String),
    /// Another process of the program has ended, so this one ends too.
    HelperEnded(String),
    /// Another process serves now; the number of transfers that this one still has.
    Replaced { process: u32, version: String, transfers: usize },
    /// The process of this version that was to replace this one has ended before it served, or has not served in time.
    NotReplaced { version: String, is_late: bool },
    /// The process was replaced, and ends transfers that have taken too long.
    TransfersEnded { transfers: usize },
    /// The state of the server, on SIGUSR1.
    Status(Box<StatusLine>),
    /// The process ends on SIGTERM.
    Terminated,
    /// Reason of a failed start.
    Failure(String),
    /// dnsmasq's last line of a failed start.
    FailedToStart,
}

/// Version that is reported: that of the compatible dnsmasq, and our own.
pub const VERSION: &str = concat!("2.92-pxemasq-", env!("CARGO_PKG_VERSION"));

/// Compile-time options in dnsmasq's format and order.
pub const COMPILE_TIME_OPTIONS: &str = "IPv6 GNU-getopt no-DBus no-UBus no-i18n no-IDN DHCP no-DHCPv6 no-Lua TFTP \
     no-conntrack no-ipset no-nftset no-auth no-DNSSEC no-loop-detect inotify no-dumpfile";

impl ProcessLine {
    /// The lines about `--replace`.
    fn fmt_replacement(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Replaced { process, version, transfers } => write!(
                f,
                "replaced by process {process}, version {version}; transfers that this process finishes: {transfers}"
            ),
            Self::NotReplaced { version, is_late } => {
                let reason =
                    if *is_late { "has not served in time" } else { "has ended before it served" };
                write!(
                    f,
                    "not replaced: the new process (version {version}) {reason}; this process goes on"
                )
            }
            Self::TransfersEnded { transfers } => write!(
                f,
                "transfers that have not finished within 15 minutes after the replacement are ended: {transfers}"
            ),
            _ => Ok(()),
        }
    }

    pub(super) fn priority(&self) -> Priority {
        match self {
            Self::Failure(_) | Self::FailedToStart | Self::LogFailed(_) | Self::HelperEnded(_) => {
                Priority::Critical
            }
            Self::Unbound(_) => Priority::Error,
            Self::InterfaceMissing(_)
            | Self::InterfaceInstead(_)
            | Self::ExposedTftp { .. }
            | Self::Remedy
            | Self::PidFileOwnerKept { reason: Some(_), .. }
            | Self::LogFileOwnerKept { .. }
            | Self::Overflow(_)
            | Self::NotReplaced { .. }
            | Self::TransfersEnded { .. }
            | Self::NoUpstream => Priority::Warning,
            // Lower than the warnings of dnsmasq, so that filters on warnings do not match more lines than before.
            Self::ConfigWarning(_) => Priority::Notice,
            _ => Priority::Info,
        }
    }
}

impl fmt::Display for ProcessLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Started => write!(f, "{STARTED} {VERSION} DNS disabled"),
            Self::CompileTimeOptions(sandbox) => {
                write!(f, "compile time options: {COMPILE_TIME_OPTIONS}; {sandbox}")
            }
            Self::InterfaceMissing(name) => {
                write!(f, "{WARNING}interface {name} does not currently exist")
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
            Self::ConfigWarning(text) => write!(f, "{WARNING}{text}"),
            Self::Unbound(name) => write!(f, "error binding DHCP socket to device {name}"),
            Self::HelperEnded(name) => write!(
                f,
                "the process {name} has ended unexpectedly, so this process ends too (exit code 5): the service manager \
                 must start the service again"
            ),
            Self::Replaced { .. } | Self::NotReplaced { .. } | Self::TransfersEnded { .. } => {
                self.fmt_replacement(f)
            }
            Self::Status(line) => line.fmt(f),
            Self::Terminated => f.write_str(TERMINATED),
            Self::Failure(message) => f.write_str(message),
            Self::FailedToStart => f.write_str(FAILED_TO_START),
        }
    }
}
