//! What the daemon works with: everything decided that can be decided before a packet comes.

mod defaults;
pub mod lint;
pub mod lookup;
pub mod network;
pub mod read;
pub mod reload;
pub mod server_names;

use crate::byte_text::to_text;
use crate::error::StartupError;
pub use crate::origin::{ConfigWarning, Located, Origin};
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
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// All of it.
#[derive(Clone, Debug, Default)]
pub struct Config {
    /// Port 67 and 4011.
    pub dhcp: Dhcp,
    /// Port 69, if files are served. Shared, for transfers outlive the look at it.
    pub tftp: Option<Arc<Tftp>>,
    /// Where we listen.
    pub network: Network,
    /// How the process runs.
    pub process: Process,
    /// Files that are read when it runs, in the order they are named.
    pub files: Vec<(RunTimeFile, Vec<u8>)>,
}

/// What is answered on the DHCP ports.
#[derive(Clone, Debug)]
pub struct Dhcp {
    /// All IPv4 ranges, in file order.
    pub ranges: Vec<Rule<Range>>,
    /// The menu, in file order.
    pub services: Rules<Service>,
    /// The boot files, in file order.
    pub boot_rules: Rules<BootTarget>,
    /// What goes into option 43 behind the menu, in file order.
    pub vendor_options: Rules<VendorOption>,
    /// Options of `dhcp-option-pxe`, in file order.
    pub pxe_options: Rules<PxeOption>,
    /// Beginnings of the vendor class of a PXE client, in the order they are tried.
    pub pxe_vendor_classes: Vec<Located<Vec<u8>>>,
    /// Whether 4011 is open and anything is answered: there is a service or a prompt.
    pub pxe_enabled: bool,
    /// How long a reply waits.
    pub delay: Option<Rule<u32>>,
    /// Rules that silence us.
    pub ignore: Rules<()>,
    /// What is known of single machines.
    pub hosts: Hosts,
    /// Rules that set tags, each kind in file order.
    pub option_matches: MatchRules<OptionMatch>,
    /// By vendor or user class.
    pub classes: MatchRules<ClassMatch>,
    /// By what a relay says.
    pub relay_matches: MatchRules<RelayMatch>,
    /// By hardware address.
    pub mac_matches: MatchRules<Hex>,
    /// By name.
    pub name_matches: MatchRules<NameMatch>,
    /// By other tags.
    pub tag_ifs: TagIfs,
    /// Interfaces that stand for others.
    pub bridges: Vec<Bridge>,
    /// Networks that share a wire, in file order.
    pub shared_networks: Vec<SharedNetwork>,
    /// `host-record` lines, for names of boot servers.
    pub host_records: Vec<HostRecord>,
    /// Port we listen on, usually 67.
    pub server_port: u16,
    /// Port clients listen on, usually 68.
    pub client_port: u16,
    /// Do not look at client identifiers.
    pub ignore_client_id: bool,
    /// Know hosts from `/etc/ethers`.
    pub read_ethers: bool,
    /// Log everything about a request.
    pub log: bool,
    /// Do not log the usual.
    pub quiet: bool,
    /// Addresses of one name are used in turn.
    pub round_robin: bool,
}

impl Dhcp {
    /// The line by which a client with these tags is ignored.
    pub fn ignores(&self, tags: &TagSet) -> Option<&Origin> {
        self.ignore.matching(tags).first().map(|rule| &rule.origin)
    }
}

/// A `dhcp-range`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Range {
    /// First address; of a proxy range the address that was written.
    pub start: Ipv4Addr,
    /// Last address.
    pub end: Ipv4Addr,
    /// `None`: that of the interface.
    pub netmask: Option<Ipv4Addr>,
    /// What kind it is.
    pub kind: RangeKind,
    /// The tag a client of this range gets.
    pub set: Option<Vec<u8>>,
}

/// A `shared-network`: ranges of a network are usable where we have no address of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SharedNetwork {
    /// Where.
    pub on: SharedOn,
    /// An address of the ranges.
    pub network: Ipv4Addr,
}

/// Kinds of range.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RangeKind {
    /// Ours.
    Proxy,
    /// Of a DHCP server.
    Pool(Lease),
    /// Of a DHCP server, for hosts it knows.
    Static(Lease),
}

/// An entry of the menu.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Service {
    /// Client architecture.
    pub architecture: u16,
    /// Boot service type: allotted to files, as written for others.
    pub kind: u16,
    /// Its text.
    pub menu: Vec<u8>,
    /// What it boots.
    pub boot: Boot,
    /// Who serves it, if not we.
    pub server: Option<Server>,
}

/// A boot file and who serves it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BootTarget {
    /// The file; may be empty.
    pub file: Vec<u8>,
    /// Who serves it.
    pub server: Option<Server>,
}

/// An item behind the menu in option 43.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VendorOption {
    /// Text in the client's vendor class; `None` is any PXE client's.
    pub class: Option<Vec<u8>>,
    /// Its number.
    pub code: u8,
    /// Its value.
    pub value: Vec<u8>,
}

impl VendorOption {
    /// The kind of line that makes it.
    pub fn keyword(&self) -> Keyword {
        if self.class.is_none() { Keyword::PxePrompt } else { Keyword::DhcpOption }
    }

    /// What reaches a proxy's reply of an ordinary option: only those for a vendor class do.
    fn rule(option: DhcpOption, origin: &Origin) -> Option<Rule<Self>> {
        let Encapsulation::Vendor(class) = option.encapsulation else { return None };
        let code = option.code.to_le_bytes()[0];
        let value = Self { class: Some(class), code, value: option.value.bytes };
        Some(Rule { origin: origin.clone(), conditions: option.conditions, value })
    }
}

/// An option of `dhcp-option-pxe`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PxeOption {
    /// What it is wrapped in.
    pub encapsulation: Encapsulation,
    /// Its number.
    pub code: u8,
    /// Its value.
    pub value: Value,
}

/// What is served over TFTP.
#[derive(Clone, Debug)]
pub struct Tftp {
    /// The line that asks for it.
    pub enabled: Origin,
    /// The only interfaces that are served; `None`: those that DHCP is served on.
    pub interfaces: Option<Vec<Vec<u8>>>,
    /// Where files are.
    pub root: Option<Located<Vec<u8>>>,
    /// Where they are for single interfaces: interface and directory, in file order.
    pub interface_roots: Vec<Located<(Vec<u8>, Vec<u8>)>>,
    /// Directories of single clients below the root.
    pub unique_roots: Vec<UniqueRoot>,
    /// Serve only files of our own user.
    pub secure: bool,
    /// Look for names in lower case.
    pub lowercase: bool,
    /// Do not negotiate block sizes.
    pub no_blocksize: bool,
    /// A missing root does not end the start.
    pub no_fail: bool,
    /// All transfers over port 69.
    pub single_port: bool,
    /// Do not log files that are not there.
    pub quiet: bool,
    /// Tell of each transfer how it goes (`log-debug`).
    pub log_transfers: bool,
    /// How many transfers may run at once.
    pub max_transfers: usize,
    /// Bound on the MTU; 0 is none.
    pub mtu: u32,
    /// Ports of transfers.
    pub ports: Option<(u16, u16)>,
    /// Largest block, whatever the MTU.
    pub max_blksize: u32,
}

/// How the process runs.
#[derive(Clone, Debug)]
pub struct Process {
    /// Stay in the foreground, keep the user, speak on standard error.
    pub debug: bool,
    /// Stay in the foreground.
    pub foreground: bool,
    /// Log decisions.
    pub log_debug: bool,
    /// Run as this user; `None` keeps the one we are.
    pub user: Option<String>,
    /// Run as this group.
    pub group: Group,
    /// Where the process id is to be written.
    pub pid_file: Option<PathBuf>,
    /// What is told of files that were sent.
    pub script: Option<PathBuf>,
    /// As whom it runs where there are ranges too; `None`: as root.
    pub script_user: Option<String>,
    /// Where the log goes.
    pub log_to: Option<LogTo>,
    /// How many lines may wait for syslog, if that was said.
    pub log_async: Option<usize>,
    /// The file that a DHCP server keeps leases in, if it is not the usual one.
    pub lease_file: Option<PathBuf>,
    /// Whether there is to be such a file (`leasefile-ro`: not).
    pub use_lease_file: bool,
    /// How many leases there may be in it.
    pub max_leases: usize,
    /// No address is tried before it is lent (`no-ping`); it saves a capability.
    pub no_ping: bool,
    /// All answers are broadcast (`dhcp-broadcast` without a tag); it saves another.
    pub broadcast_to_all: bool,
    /// Port of the DNS service that we do not have; 0 says so.
    pub dns_port: u16,
    /// Do not read `/etc/hosts`.
    pub no_hosts: bool,
    /// There is a `no-resolv` and no `server`: dnsmasq would warn.
    pub no_upstream: bool,
}

impl Process {
    /// Where to write the process id, if we do: in debug mode we do not.
    pub fn pid_file(&self) -> Option<&Path> {
        self.pid_file.as_deref().filter(|_| !self.debug)
    }

    /// How many lines may wait for syslog, where it is said and lines go there.
    pub fn log_async_lines(&self) -> Option<usize> {
        let to_syslog = !matches!(self.log_to, Some(LogTo::File(_) | LogTo::Stderr));
        self.log_async.filter(|&lines| to_syslog && lines > 0)
    }
}

/// Which group to run as.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Group {
    /// `dip` if there is one, else the user's own.
    Default,
    /// The one we are.
    Unchanged,
    /// That one.
    Named(String),
}

/// dnsmasq's words for two `dhcp-host` lines with one address.
fn duplicate(address: Ipv4Addr) -> String {
    format!("duplicate dhcp-host IP address {address}")
}

/// A faulty option of the command line, of which dnsmasq says little; with the option and a caret below.
pub(crate) fn argument_error(
    mut fault: conf_parser::ParseError,
    row: &conf_parser::OptionSpec,
    value: Option<&[u8]>,
) -> StartupError {
    let words = fault.message.on_command_line();
    let sentence = format!("bad command line options: {words}");
    let mut source = format!("--{}", row.keyword).into_bytes();
    if let Some(value) = value {
        source.push(b'=');
        fault.column += source.len();
        source.extend_from_slice(value);
    }
    StartupError::config(sentence).with_detail(shown(fault.report(&source)))
}

/// A faulty line as dnsmasq reports it, with the line and a caret below.
pub(crate) fn line_error(
    fault: &conf_parser::ParseError,
    place: &str,
    source: &[u8],
) -> StartupError {
    let words = fault.message.in_file();
    StartupError::config(format!("{words} {place}")).with_detail(shown(fault.report(source)))
}

/// It is UTF-8 already, with U+FFFD for all else.
fn shown(report: Report<'_>) -> String {
    to_text(report.to_string().as_bytes())
}
