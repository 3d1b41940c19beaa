//! The configuration of the daemon: all that can be computed before the first packet is received.

mod defaults;
pub mod file_content;
pub mod lint;
pub mod lookup;
pub mod network;
pub mod process_lines;
pub mod read;
pub mod reload;
pub mod server_names;

use crate::byte_text::to_text;
use crate::error::StartupError;
pub use crate::origin::{Located, Origin};
use conf_parser::DhcpOption;
use conf_parser::Hex;
use conf_parser::Lease;
use conf_parser::LogTo;
use conf_parser::RunTimeFile;
use conf_parser::UniqueRoot;
use conf_parser::{Boot, Server};
use conf_parser::{Bridge, HostRecord, SharedOn};
use conf_parser::{ClassMatch, NameMatch, OptionMatch, RelayMatch};
use conf_parser::{Encapsulation, Value};
use conf_parser::{Keyword, Report};
use lookup::hosts::Hosts;
use lookup::match_rules::MatchRules;
pub use lookup::rules::{Rule, Rules};
use lookup::tags::{TagIfs, TagSet};
use network::Network;
use process_lines::ProcessLines;
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// The whole configuration.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// DHCP: ports 67 and 4011.
    pub dhcp: Dhcp,
    /// TFTP; `None`: disabled. Shared, because a transfer keeps its settings over a reload.
    pub tftp: Option<Arc<Tftp>>,
    /// Interfaces and addresses that are served.
    pub network: Network,
    /// Settings of the process.
    pub process: Process,
    /// Files and directories that are read at run time, in file order.
    pub files: Vec<(RunTimeFile, Vec<u8>)>,
}

/// Settings of proxyDHCP.
#[derive(Clone, Debug)]
pub struct Dhcp {
    /// All IPv4 ranges, in file order.
    pub ranges: Vec<Rule<Range>>,
    /// `pxe-service` lines, in file order.
    pub services: Rules<Service>,
    /// `dhcp-boot` lines, in file order.
    pub boot_rules: Rules<BootTarget>,
    /// Items of option 43 after the menu, in file order.
    pub vendor_options: Rules<VendorOption>,
    /// Options of `dhcp-option-pxe`, in file order.
    pub pxe_options: Rules<PxeOption>,
    /// Prefixes of the vendor class (option 60) of a PXE client, in the order in which they are tried.
    pub pxe_vendor_classes: Vec<Located<Vec<u8>>>,
    /// Whether there is a `pxe-service` or `pxe-prompt`: without one no client is answered and port 4011 is closed.
    pub pxe_enabled: bool,
    /// Delay of a reply, in seconds (`dhcp-reply-delay`).
    pub delay: Option<Rule<u32>>,
    /// `dhcp-ignore` lines.
    pub ignore: Rules<()>,
    /// `dhcp-host` lines and the files of hosts.
    pub hosts: Hosts,
    /// `dhcp-match` lines, in file order, as all rules that set tags.
    pub option_matches: MatchRules<OptionMatch>,
    /// `dhcp-vendorclass` and `dhcp-userclass` lines.
    pub classes: MatchRules<ClassMatch>,
    /// `dhcp-circuitid`, `dhcp-remoteid` and `dhcp-subscrid` lines (option 82).
    pub relay_matches: MatchRules<RelayMatch>,
    /// `dhcp-mac` lines.
    pub mac_matches: MatchRules<Hex>,
    /// `dhcp-name-match` lines.
    pub name_matches: MatchRules<NameMatch>,
    /// `tag-if` lines.
    pub tag_ifs: TagIfs,
    /// `bridge-interface` lines.
    pub bridges: Vec<Bridge>,
    /// `shared-network` lines, in file order.
    pub shared_networks: Vec<SharedNetwork>,
    /// `host-record` lines, which give addresses to names of boot servers.
    pub host_records: Vec<HostRecord>,
    /// Server port, by default 67.
    pub server_port: u16,
    /// Client port, by default 68.
    pub client_port: u16,
    /// Ignore client identifiers (option 61).
    pub ignore_client_id: bool,
    /// Read hosts from `/etc/ethers`.
    pub read_ethers: bool,
    /// Log details of each request (`log-dhcp`).
    pub log: bool,
    /// Log only errors and warnings (`quiet-dhcp`).
    pub quiet: bool,
    /// The addresses of a name are used in turn.
    pub round_robin: bool,
}

impl Dhcp {
    /// The `dhcp-ignore` line that applies to a client with these tags.
    pub fn ignores(&self, tags: &TagSet) -> Option<&Origin> {
        self.ignore.matching(tags).first().map(|rule| &rule.origin)
    }
}

/// A `dhcp-range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// First address; of a proxy range the address in the line.
    pub start: Ipv4Addr,
    /// Last address.
    pub end: Ipv4Addr,
    /// `None`: the netmask of the interface is used.
    pub netmask: Option<Ipv4Addr>,
    /// Kind of range.
    pub kind: RangeKind,
    /// The tag that a client of this range gets.
    pub set: Option<Vec<u8>>,
}

/// A `shared-network`: ranges of `network` are used on `on`, which has no address of that network.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedNetwork {
    /// Interface or address where the range is used.
    pub on: SharedOn,
    /// An address of the network of the ranges.
    pub network: Ipv4Addr,
}

/// Kind of a range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeKind {
    /// `proxy`: clients get PXE replies.
    Proxy,
    /// Addresses that a DHCP server assigns; not served.
    Pool(Lease),
    /// Static leases of a DHCP server; not served.
    Static(Lease),
}

/// A `pxe-service`: an entry of the PXE menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Client architecture (option 93).
    pub architecture: u16,
    /// Boot server type (PXE 2.1): from the line, or allocated from 0x8000 for an entry with a file.
    pub kind: u16,
    /// Text of the menu entry.
    pub menu: Vec<u8>,
    /// The boot file, or the boot server type.
    pub boot: Boot,
    /// The boot server; `None`: this machine.
    pub server: Option<Server>,
}

/// A `dhcp-boot`: boot file and boot server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootTarget {
    /// The boot file; may be empty.
    pub file: Vec<u8>,
    /// The boot server; `None`: this machine.
    pub server: Option<Server>,
}

/// An item of option 43 after the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorOption {
    /// Text that the vendor class of the client must contain; `None`: any PXE client.
    pub class: Option<Vec<u8>>,
    /// Item number.
    pub code: u8,
    /// Value.
    pub value: Vec<u8>,
}

impl VendorOption {
    /// The keyword of the line: only `pxe-prompt` makes an item without a vendor class.
    pub fn keyword(&self) -> Keyword {
        if self.class.is_none() { Keyword::PxePrompt } else { Keyword::DhcpOption }
    }

    /// A proxyDHCP reply contains only those `dhcp-option`s that are for a vendor class; `None` for all others.
    fn rule(option: DhcpOption, origin: &Origin) -> Option<Rule<Self>> {
        let Encapsulation::Vendor(class) = option.encapsulation else { return None };
        let code = option.code.to_le_bytes()[0];
        let value = Self { class: Some(class), code, value: option.value.bytes };
        Some(Rule { origin: origin.clone(), conditions: option.conditions, value })
    }
}

/// A `dhcp-option-pxe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PxeOption {
    /// The option that encapsulates it, if any.
    pub encapsulation: Encapsulation,
    /// Option number.
    pub code: u8,
    /// Value.
    pub value: Value,
}

/// Settings of TFTP.
#[derive(Clone, Debug)]
pub struct Tftp {
    /// The `enable-tftp` line.
    pub enabled: Origin,
    /// The interfaces that are served; `None`: the same as for DHCP.
    pub interfaces: Option<Vec<Vec<u8>>>,
    /// `tftp-root`: the directory of the files.
    pub root: Option<Located<Vec<u8>>>,
    /// `tftp-root` of one interface: interface and directory, in file order.
    pub interface_roots: Vec<Located<(Vec<u8>, Vec<u8>)>>,
    /// `tftp-unique-root`: directories of single clients below the root.
    pub unique_roots: Vec<UniqueRoot>,
    /// Serve only files that the user of the process owns (`tftp-secure`).
    pub secure: bool,
    /// Convert file names to lower case.
    pub lowercase: bool,
    /// Do not negotiate `blksize` (RFC 2348).
    pub no_blocksize: bool,
    /// Start even if the root does not exist (`tftp-no-fail`).
    pub no_fail: bool,
    /// All transfers use port 69.
    pub single_port: bool,
    /// Do not log files that do not exist.
    pub quiet: bool,
    /// Log start and rate of each transfer (`log-debug`).
    pub log_transfers: bool,
    /// Maximum number of concurrent transfers.
    pub max_transfers: usize,
    /// Upper limit of the MTU in bytes; 0: no limit.
    pub mtu: u32,
    /// First and last port of transfers; `None`: any port.
    pub ports: Option<(u16, u16)>,
    /// Maximum block size in bytes, whatever the MTU.
    pub max_blksize: u32,
}

/// Settings of the process.
#[derive(Clone, Debug)]
pub struct Process {
    /// `no-daemon`: stay in the foreground, keep the user, log to standard error too.
    pub debug: bool,
    /// `keep-in-foreground`.
    pub foreground: bool,
    /// Log each decision (`log-debug`).
    pub log_debug: bool,
    /// User to run as; `None`: unchanged.
    pub user: Option<String>,
    /// Group to run as.
    pub group: Group,
    /// File for the process id; `None`: not written.
    pub pid_file: Option<PathBuf>,
    /// `dhcp-script`: program that is run for each file that was sent.
    pub script: Option<PathBuf>,
    /// User of the script, used if there is a `dhcp-range`; `None`: root.
    pub script_user: Option<String>,
    /// Destination of the log; `None`: syslog, facility daemon.
    pub log_to: Option<LogTo>,
    /// `log-async`: number of lines that may be queued for syslog.
    pub log_async: Option<usize>,
    /// `dhcp-leasefile`; `None`: the default path.
    pub lease_file: Option<PathBuf>,
    /// `false` with `leasefile-ro`: the file is not opened.
    pub use_lease_file: bool,
    /// `dhcp-lease-max`: maximum number of leases.
    pub max_leases: usize,
    /// `no-ping`: dnsmasq then does not need `CAP_NET_RAW`.
    pub no_ping: bool,
    /// `dhcp-broadcast` without a tag: all replies are broadcast, and `CAP_NET_ADMIN` is not needed.
    pub broadcast_to_all: bool,
    /// `port`: the DNS port, which is not served; 0 disables DNS in dnsmasq.
    pub dns_port: u16,
    /// Do not read `/etc/hosts`.
    pub no_hosts: bool,
    /// There is a `no-resolv` and no `server`, for which dnsmasq logs a warning.
    pub no_upstream: bool,
    /// The lines of these settings.
    pub lines: ProcessLines,
}

impl Process {
    /// The pid file; `None` also with `no-daemon`, where none is written.
    pub fn pid_file(&self) -> Option<&Path> {
        self.pid_file.as_deref().filter(|_| !self.debug)
    }

    /// The log file; `None`: the log has another destination.
    pub fn log_file(&self) -> Option<&Path> {
        match &self.log_to {
            Some(LogTo::File(path)) => Some(Path::new(OsStr::from_bytes(path))),
            _ => None,
        }
    }

    /// Whether the log, or a copy of it, is written to standard error.
    pub fn logs_to_stderr(&self) -> bool {
        self.debug || self.log_to == Some(LogTo::Stderr)
    }

    /// Number of lines that may be queued; `None`: the log does not use syslog, or there is no `log-async`.
    pub fn log_async_lines(&self) -> Option<usize> {
        let to_syslog = !matches!(self.log_to, Some(LogTo::File(_) | LogTo::Stderr));
        self.log_async.filter(|&lines| to_syslog && lines > 0)
    }
}

/// Group to run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// `dip` if it exists, else the group of the user.
    Default,
    /// The group of the parent process is kept.
    Unchanged,
    /// The group of this name or number.
    Named(String),
}

/// dnsmasq's message for two `dhcp-host` lines with one address.
fn duplicate(address: Ipv4Addr) -> String {
    format!("duplicate dhcp-host IP address {address}")
}

/// dnsmasq's message for an invalid option of the command line. The detail shows the option and a caret.
pub(crate) fn argument_error(
    mut error: conf_parser::ParseError,
    row: &conf_parser::OptionSpec,
    value: Option<&[u8]>,
) -> StartupError {
    let message = format!("bad command line options: {}", error.message.on_command_line());
    let mut source = format!("--{}", row.keyword).into_bytes();
    if let Some(value) = value {
        source.push(b'=');
        error.column += source.len();
        source.extend_from_slice(value);
    }
    StartupError::config(message).with_detail(report_text(error.report(&source)))
}

/// dnsmasq's message for an invalid line. The detail shows the line and a caret.
pub(crate) fn line_error(
    error: &conf_parser::ParseError,
    location: &str,
    source: &[u8],
) -> StartupError {
    let message = format!("{} {location}", error.message.in_file());
    StartupError::config(message).with_detail(report_text(error.report(source)))
}

/// The line and the caret as text. `Report` writes U+FFFD for bytes that are not UTF-8.
fn report_text(report: Report<'_>) -> String {
    to_text(report.to_string().as_bytes())
}
