//! [`Directive`]: the meaning of one line, as data.

use crate::error::DeferredCheck;
use crate::option::dhcp_boot::{DhcpBoot, ReplyDelay};
use crate::option::dhcp_host::DhcpHost;
use crate::option::dhcp_match::{ClassMatch, NameMatch, OptionMatch, RelayMatch, TagIf, TagRule};
use crate::option::dhcp_option::DhcpOption;
use crate::option::dhcp_range::DhcpRange;
use crate::option::domain::Domain;
use crate::option::files::{ConfDir, RunTimeFile};
use crate::option::network::{Bridge, HostRecord, SharedNetwork};
use crate::option::process::LogTo;
use crate::option::pxe::{PxePrompt, PxeService};
use crate::option::records::Cname;
use crate::option::tftp::{TftpRoot, UniqueRoot};
use crate::primitives::{Condition, Hex};
use std::net::IpAddr;

/// A keyword and its parsed value.
///
/// Exhaustive on purpose: a program that applies a configuration must handle every directive, and the compiler reports
/// the ones that it does not. A new variant is a breaking change of this crate.
#[derive(Clone, Debug, PartialEq, Eq)]
#[expect(
    missing_docs,
    reason = "each variant has the name of its keyword; the types have the documentation"
)]
pub enum Directive {
    /// A keyword whose value is checked as dnsmasq checks it, and kept as written.
    ValidatedOnly(RawSetting),
    Switch(Switch),

    ConfFile(Option<Vec<u8>>),
    ConfDir(ConfDir),
    ConfScript(Vec<u8>),
    RunTimeFile(RunTimeFile, Vec<u8>),

    DhcpRange(DhcpRange),
    DhcpBoot(DhcpBoot),
    DhcpOption(DhcpOption),
    PxeOption(DhcpOption),
    PxeService(PxeService),
    PxePrompt(PxePrompt),
    PxeVendors(Vec<Vec<u8>>),
    ReplyDelay(ReplyDelay),

    DhcpHost(DhcpHost),
    DhcpIgnore(Vec<Condition>),
    OptionMatch(TagRule<OptionMatch>),
    ClassMatch(TagRule<ClassMatch>),
    RelayMatch(TagRule<RelayMatch>),
    MacMatch(TagRule<Hex>),
    NameMatch(TagRule<NameMatch>),
    TagIf(TagIf),

    EnableTftp(Option<Vec<Vec<u8>>>),
    TftpRoot(TftpRoot),
    TftpUniqueRoot(UniqueRoot),
    TftpMax(u32),
    TftpMtu(u32),
    TftpPortRange(u16, u16),
    EdnsPacketMax(u32),

    Port(u16),
    Upstream(Upstream),
    ResolvFile(Option<Vec<u8>>),
    Domain(Domain),
    Cname(Cname),
    AlternatePort {
        server: u16,
        client: u16,
    },
    Interface(Vec<Vec<u8>>),
    ExceptInterface(Vec<Vec<u8>>),
    NoDhcpInterface(Vec<Vec<u8>>),
    NoDhcpv4Interface(Vec<Vec<u8>>),
    NoDhcpv6Interface(Vec<Vec<u8>>),
    ListenAddress(Vec<IpAddr>),
    LocalService {
        host: bool,
    },
    HostRecord(HostRecord),
    Bridge(Bridge),
    SharedNetwork(SharedNetwork),

    User(Option<Vec<u8>>),
    Group(Option<Vec<u8>>),
    PidFile(Option<Vec<u8>>),
    LogFacility(LogTo),
    LogAsync(u32),
    LeaseFile(Option<Vec<u8>>),
    /// `dhcp-lease-max`
    DhcpLeaseMax(u32),
    /// `dhcp-broadcast` without a tag: replies are broadcast to clients that have no address yet.
    BroadcastToAll,
    Script(Vec<u8>),
    /// `dhcp-scriptuser`
    ScriptUser(Vec<u8>),
}

/// A keyword and its value as written: quotes are removed, nothing else is changed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RawSetting {
    /// The keyword as the table spells it.
    pub keyword: &'static str,
    /// The bytes of the value; `None` if there is no `=`.
    pub value: Option<Vec<u8>>,
}

/// A `server`, `local`, `rev-server` or `servers-file` line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upstream {
    /// The bytes of the value, without quotes.
    pub value: Vec<u8>,
    /// What remains to be checked on this machine.
    pub check: DeferredCheck,
}

/// The keywords without a value that change the behaviour of a network boot server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[expect(missing_docs, reason = "each variant has the name of its keyword")]
pub enum Switch {
    BindDynamic,
    BindInterfaces,
    DhcpFqdn,
    DhcpIgnoreClid,
    ExpandHosts,
    Help,
    KeepInForeground,
    LeasefileRo,
    LogDebug,
    LogDhcp,
    NoDaemon,
    NoHosts,
    NoPing,
    NoPoll,
    NoResolv,
    NoRoundRobin,
    QuietDhcp,
    QuietTftp,
    ReadEthers,
    Test,
    TftpLowercase,
    TftpNoBlocksize,
    TftpNoFail,
    TftpSecure,
    TftpSinglePort,
    Version,
}
