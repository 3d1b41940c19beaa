//! Settings → [`Config`], one after the other. Contradictions between lines are found in [`conflicts`](super::conflicts).

use crate::byte_text::to_text;
use crate::config::defaults::{DEFAULT_EDNS_PACKET, PACKET_BUFFER};
use crate::config::lint::advice::advice;
use crate::config::lint::line_findings::LineFindings;
use crate::config::lint::tag_usage::TagUsage;
use crate::config::lint::unsupported::UnsupportedOptions;
use crate::config::lookup::hosts::from_directive;
use crate::config::network::Binding;
use crate::config::{
    BootTarget, Config, Group, Located, Origin, PxeOption, Range, RangeKind, Rule, Service,
    SharedNetwork, Tftp, VendorOption,
};
use crate::finding::{Finding, Level};
use crate::reason::{ConfigReason, StartReason};
use crate::wire::pxe::PXE_CLIENT;
use conf_parser::Directive as D;
use conf_parser::{
    Boot, Condition, DhcpBoot, DhcpHost, DhcpOption, DhcpRange, Hex, PxePrompt, PxeService,
    ReplyDelay, Server, TagRule, TftpRoot,
};
use conf_parser::{Directive, Setting, Switch};
use std::ffi::OsString;
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;
use std::sync::Arc;

/// The first type allotted to a service with a file (PXE 2.1: vendor use begins at 0x8000).
const FIRST_FILE_TYPE: u16 = 0x8000;
const MIN_EDNS_PACKET: u32 = 512;

/// A configuration and the findings about it.
#[derive(Debug)]
pub struct BuildResult {
    /// The configuration.
    pub config: Config,
    /// Warnings in this order: single lines, unsupported options, advice, tags.
    pub findings: Vec<Finding>,
}

/// Collects settings in the order in which they are read.
#[derive(Debug, Default)]
pub struct Builder {
    config: Config,
    tftp: Tftp,
    tftp_enabled: bool,
    edns_packet: Option<u32>,
    local_host_only: bool,
    file_types: u16,
    no_resolv: bool,
    has_server: bool,
    tag_usage: TagUsage,
    unsupported: UnsupportedOptions,
    line_findings: LineFindings,
    findings: Vec<Finding>,
}

impl Builder {
    /// An empty configuration with dnsmasq's defaults.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds the next setting.
    pub fn apply(&mut self, setting: Setting, origin: &Origin) {
        self.unsupported.record(setting.row, origin);
        self.tag_usage.record(&setting.directive, origin);
        self.config.process.lines.record(&setting.directive, origin);
        self.line_findings.record(&setting.directive, origin);
        self.apply_directive(setting.directive, origin);
    }

    /// Exhaustive, so that a new directive does not compile before it is handled here. The loader reads the files of the
    /// last arm; its DNS data is checked by the conflict checker and not served.
    #[expect(
        clippy::match_same_arms,
        reason = "one pattern for both would take a line for each directive"
    )]
    fn apply_directive(&mut self, directive: Directive, origin: &Origin) {
        let Config { dhcp, network, files, .. } = &mut self.config;
        match directive {
            D::Switch(switch) => self.apply_switch(switch),
            D::DhcpRange(range) => self.add_range(range, origin),
            D::DhcpHost(host) => self.add_host(host, origin),
            D::PxeService(service) => self.add_service(service, origin),
            D::PxePrompt(prompt) => self.add_prompt(prompt, origin),
            D::DhcpOption(option) => dhcp.vendor_options.extend(VendorOption::rule(option, origin)),
            D::PxeOption(option) => dhcp.pxe_options.push(pxe_option(option, origin)),
            D::DhcpBoot(boot) => dhcp.boot_rules.push(boot_rule(boot, origin)),
            D::PxeVendors(vendors) => self.add_vendor_classes(vendors, origin),
            D::ReplyDelay(delay) => dhcp.delay = Some(delay_rule(delay, origin)),
            D::DhcpIgnore(conditions) => dhcp.ignore.push(rule(origin, conditions, ())),
            D::OptionMatch(matched) => dhcp.option_matches.push(origin, matched),
            D::ClassMatch(matched) => dhcp.classes.push(origin, matched),
            D::RelayMatch(matched) => dhcp.relay_matches.push(origin, matched),
            D::MacMatch(matched) => self.add_mac_match(matched, origin),
            D::NameMatch(matched) => dhcp.name_matches.push(origin, matched),
            D::TagIf(tag_if) => dhcp.tag_ifs.push(origin, tag_if),
            D::Bridge(bridge) => dhcp.bridges.push(bridge),
            D::SharedNetwork(shared) => dhcp.shared_networks.extend(shared_network(shared)),
            D::HostRecord(record) => dhcp.host_records.push(record),
            D::AlternatePort { server, client } => self.set_ports(server, client),
            D::Interface(names) => network.interfaces.extend(located(names, origin)),
            D::ExceptInterface(names) => network.except.extend(located(names, origin)),
            D::NoDhcpInterface(names) => network.no_dhcp.extend(located(names, origin)),
            D::NoDhcpv4Interface(names) => network.no_dhcpv4.extend(located(names, origin)),
            D::NoDhcpv6Interface(names) => network.no_dhcpv6.extend(located(names, origin)),
            D::ListenAddress(addresses) => network.listen.extend(located(addresses, origin)),
            D::LocalService { host } => self.local_host_only = host,
            D::Upstream(_) => self.has_server = true,
            D::EnableTftp(names) => self.enable_tftp(names, origin),
            D::TftpRoot(root) => self.set_tftp_root(root, origin),
            D::TftpUniqueRoot(unique) => self.tftp.unique_roots.push(unique),
            D::TftpMax(max) => self.tftp.max_transfers = saturate(max),
            D::TftpMtu(mtu) => self.tftp.mtu = mtu,
            D::TftpPortRange(first, last) => self.tftp.ports = (last > 0).then_some((first, last)),
            D::EdnsPacketMax(size) => self.edns_packet = Some(size),
            D::RunTimeFile(kind, file) => files.push((kind, file)),
            D::User(_) | D::Group(_) | D::PidFile(_) | D::Port(_) => self.apply_process(directive),
            D::Script(_) | D::ScriptUser(_) | D::LeaseFile(_) => self.apply_process(directive),
            D::LogFacility(_) | D::LogAsync(_) | D::DhcpLeaseMax(_) => {
                self.apply_process(directive);
            }
            D::BroadcastToAll => self.apply_process(directive),
            D::ConfFile(_) | D::ConfDir(_) | D::ConfScript(_) | D::ValidatedOnly(_) => {}
            D::ResolvFile(_) | D::Domain(_) | D::Cname(_) => {}
        }
    }

    /// Applies a directive of the family that `apply_directive` passes on.
    fn apply_process(&mut self, directive: Directive) {
        let process = &mut self.config.process;
        match directive {
            D::User(user) => process.user = user.as_deref().map(to_text),
            D::Group(group) => process.group = group_or_unchanged(group),
            D::PidFile(file) => process.pid_file = file.map(path),
            D::Script(file) => process.script = non_empty(file).map(path),
            D::ScriptUser(user) => process.script_user = non_empty(user).as_deref().map(to_text),
            D::LogFacility(to) => process.log_to = Some(to),
            D::LogAsync(lines) => process.log_async = usize::try_from(lines).ok(),
            D::LeaseFile(file) => process.lease_file = file.map(path),
            D::DhcpLeaseMax(max) => process.max_leases = saturate(max),
            D::BroadcastToAll => process.broadcast_to_all = true,
            D::Port(port) => process.dns_port = port,
            other => unreachable!("not a directive of the process: {other:?}"),
        }
    }

    fn apply_switch(&mut self, switch: Switch) {
        let Config { dhcp, network, process, .. } = &mut self.config;
        let tftp = &mut self.tftp;
        match switch {
            Switch::BindDynamic => network.binding = network.binding.and(Binding::Dynamic),
            Switch::BindInterfaces => network.binding = network.binding.and(Binding::Interfaces),
            Switch::DhcpIgnoreClid => dhcp.ignore_client_id = true,
            Switch::KeepInForeground => process.foreground = true,
            Switch::LeasefileRo => process.use_lease_file = false,
            Switch::LogDebug => process.log_debug = true,
            Switch::LogDhcp => dhcp.log = true,
            Switch::NoDaemon => process.debug = true,
            Switch::NoHosts => process.no_hosts = true,
            Switch::NoPing => process.no_ping = true,
            Switch::NoRoundRobin => dhcp.round_robin = false,
            Switch::QuietDhcp => dhcp.quiet = true,
            Switch::QuietTftp => tftp.quiet = true,
            Switch::TftpLowercase => tftp.lowercase = true,
            Switch::TftpNoBlocksize => tftp.no_blocksize = true,
            Switch::TftpNoFail => tftp.no_fail = true,
            Switch::TftpSecure => tftp.secure = true,
            Switch::TftpSinglePort => tftp.single_port = true,
            Switch::NoResolv => self.no_resolv = true,
            Switch::ReadEthers => dhcp.read_ethers = true,
            // `dhcp-fqdn` and `no-poll` are for the conflict checker, `expand-hosts` is DNS; the others act on the
            // command line only.
            Switch::DhcpFqdn
            | Switch::NoPoll
            | Switch::ExpandHosts
            | Switch::Help
            | Switch::Test
            | Switch::Version => {}
        }
    }

    fn add_range(&mut self, range: DhcpRange, origin: &Origin) {
        use conf_parser::RangeKind as Parsed;
        let (start, end, netmask, kind) = match range.kind {
            Parsed::Proxy { subnet, netmask, .. } => (subnet, subnet, netmask, RangeKind::Proxy),
            Parsed::Static { subnet, netmask, lease } => {
                (subnet, subnet, netmask, RangeKind::Static(lease))
            }
            Parsed::Pool { start, end, netmask, lease } => {
                (start, end, netmask, RangeKind::Pool(lease))
            }
            Parsed::Version6 => {
                let finding = Finding::at(Level::Error, origin, StartReason::Dhcpv6Range);
                return self.findings.push(finding);
            }
        };
        let value = Range { start, end, netmask, kind, set: range.set };
        self.config.dhcp.ranges.push(rule(origin, range.conditions, value));
    }

    fn add_host(&mut self, host: DhcpHost, origin: &Origin) {
        if host.names > 1 {
            self.findings.push(Finding::at(Level::Hint, origin, ConfigReason::HostNames));
        }
        self.config.dhcp.hosts.add(&from_directive(host), origin);
    }

    fn add_mac_match(&mut self, matched: TagRule<Hex>, origin: &Origin) {
        self.config.dhcp.mac_matches.push(origin, matched);
    }

    fn add_service(&mut self, service: PxeService, origin: &Origin) {
        let PxeService { conditions, architecture, menu, boot, server } = service;
        let kind = match &boot {
            Boot::Type(kind) => *kind,
            Boot::File(_) => {
                let kind = FIRST_FILE_TYPE.wrapping_add(self.file_types);
                self.file_types += 1;
                kind
            }
        };
        let value = Service { architecture, kind, menu, boot, server: specified(server) };
        self.config.dhcp.services.push(rule(origin, conditions, value));
    }

    fn add_prompt(&mut self, prompt: PxePrompt, origin: &Origin) {
        let value = [&[prompt.seconds][..], &prompt.text].concat();
        let value = VendorOption { class: None, code: crate::wire::pxe::item::MENU_PROMPT, value };
        self.config.dhcp.vendor_options.push(rule(origin, prompt.conditions, value));
        self.config.dhcp.pxe_enabled = true;
    }

    /// Puts each class first: dnsmasq tries the last configured class first.
    fn add_vendor_classes(&mut self, vendors: Vec<Vec<u8>>, origin: &Origin) {
        for class in located(vendors, origin) {
            self.config.dhcp.pxe_vendor_classes.insert(0, class);
        }
    }

    fn set_ports(&mut self, server: u16, client: u16) {
        self.config.dhcp.server_port = server;
        self.config.dhcp.client_port = client;
    }

    fn enable_tftp(&mut self, names: Option<Vec<Vec<u8>>>, origin: &Origin) {
        self.tftp_enabled = true;
        self.tftp.enabled = origin.clone();
        if let Some(names) = names {
            self.tftp.interfaces.get_or_insert_default().extend(names);
        }
    }

    /// Of two roots for one interface the first is used, of two general roots the last.
    fn set_tftp_root(&mut self, root: TftpRoot, origin: &Origin) {
        let TftpRoot { directory, interface } = root;
        let origin = origin.clone();
        match interface {
            Some(interface) => {
                self.tftp.interface_roots.push(Located { origin, value: (interface, directory) });
            }
            None if directory.is_empty() => self.tftp.root = None,
            None => self.tftp.root = Some(Located { origin, value: directory }),
        }
    }

    /// Applies defaults that depend on several settings, and adds the findings about the whole configuration.
    pub fn finish(mut self) -> BuildResult {
        let edns_packet = self.edns_packet.unwrap_or(DEFAULT_EDNS_PACKET).max(MIN_EDNS_PACKET);
        self.tftp.max_blksize = edns_packet.saturating_add(PACKET_BUFFER);
        self.tftp.log_transfers = self.config.process.log_debug;
        self.config.tftp = self.tftp_enabled.then(|| Arc::new(self.tftp));
        let Config { dhcp, network, process, .. } = &mut self.config;
        dhcp.pxe_enabled |= !dhcp.services.is_empty();
        if dhcp.pxe_vendor_classes.is_empty() {
            dhcp.pxe_vendor_classes.push(default_value(PXE_CLIENT.to_vec()));
        }
        if self.local_host_only && network.is_unfiltered() {
            // The empty name matches no interface but loopback, which is bound by its addresses.
            network.interfaces.push(default_value(Vec::new()));
            network.binding = Binding::Interfaces;
        }
        process.no_upstream = self.no_resolv && !self.has_server;
        let has_dns = process.dns_port != 0;
        let mut findings = self.findings;
        findings.extend(self.unsupported.findings(has_dns));
        findings.extend(self.line_findings.finish(&self.config));
        let tags = self.tag_usage.finish();
        findings.extend(advice(&self.config, &tags));
        findings.extend(tags.findings());
        BuildResult { config: self.config, findings }
    }
}

fn rule<T>(origin: &Origin, conditions: Vec<Condition>, value: T) -> Rule<T> {
    Rule { origin: origin.clone(), conditions, value }
}

fn located<T>(values: Vec<T>, origin: &Origin) -> impl Iterator<Item = Located<T>> {
    values.into_iter().map(|value| Located { origin: origin.clone(), value })
}

fn default_value<T>(value: T) -> Located<T> {
    Located { origin: Origin::default_value(), value }
}

fn delay_rule(delay: ReplyDelay, origin: &Origin) -> Rule<u32> {
    rule(origin, delay.conditions, delay.seconds)
}

fn boot_rule(boot: DhcpBoot, origin: &Origin) -> Rule<BootTarget> {
    let value = BootTarget { file: boot.file, server: specified(boot.server) };
    rule(origin, boot.conditions, value)
}

fn pxe_option(option: DhcpOption, origin: &Origin) -> Rule<PxeOption> {
    let DhcpOption { encapsulation, conditions, code, value, .. } = option;
    let value = PxeOption { encapsulation, code: code.to_le_bytes()[0], value };
    rule(origin, conditions, value)
}

/// `None`: the line names an interface or address family that is not served.
fn shared_network(shared: conf_parser::SharedNetwork) -> Option<SharedNetwork> {
    shared.network.map(|network| SharedNetwork { on: shared.on, network })
}

/// dnsmasq treats the server address 0.0.0.0 as no server.
fn specified(server: Option<Server>) -> Option<Server> {
    server.filter(|server| *server != Server::Address(Ipv4Addr::UNSPECIFIED))
}

fn path(bytes: Vec<u8>) -> PathBuf {
    PathBuf::from(OsString::from_vec(bytes))
}

fn non_empty(bytes: Vec<u8>) -> Option<Vec<u8>> {
    Some(bytes).filter(|bytes| !bytes.is_empty())
}

fn group_or_unchanged(name: Option<Vec<u8>>) -> Group {
    name.map_or(Group::Unchanged, |name| Group::Named(to_text(&name)))
}

fn saturate(count: u32) -> usize {
    usize::try_from(count).unwrap_or(usize::MAX)
}

/// The result for the lines of a file `c`.
///
/// # Panics
/// A line is not valid.
#[cfg(test)]
pub fn built(text: &str) -> BuildResult {
    let (mut reader, mut builder) = (conf_parser::Reader::default(), Builder::new());
    for (line, text) in (1..).zip(text.lines()) {
        let setting = reader.line(text.as_bytes()).unwrap().unwrap();
        builder.apply(setting, &Origin { file: "c".into(), line });
    }
    builder.finish()
}
