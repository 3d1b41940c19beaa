//! Settings → [`Config`], one after the other. Which of them contradict each other is told in [`together`](crate::config::together).

use crate::byte_text::to_text;
use crate::config::defaults::{DEFAULT_EDNS_PACKET, PACKET_BUFFER};
use crate::config::lint::advice::advice;
use crate::config::lint::tag_usage::TagUsage;
use crate::config::lint::unsupported::UnsupportedOptions;
use crate::config::lookup::hosts::from_directive;
use crate::config::network::Binding;
use crate::config::{
    BootTarget, Config, ConfigWarning, Group, Located, Origin, PxeOption, Range, RangeKind, Rule,
    Service, SharedNetwork, Tftp, VendorOption,
};
use crate::wire::pxe::PXE_CLIENT;
use conf_parser::option::dhcp_host::DhcpHost;
use conf_parser::option::dhcp_option::DhcpOption;
use conf_parser::option::dhcp_range::{self, DhcpRange};
use conf_parser::option::network;
use conf_parser::option::pxe::{Boot, PxePrompt, PxeService, Server};
use conf_parser::{Directive, Setting, Switch};
use std::ffi::OsStr;
use std::net::Ipv4Addr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::Arc;

/// The first type allotted to a service with a file (PXE 2.1: vendor use begins at 0x8000).
const FIRST_FILE_TYPE: u16 = 0x8000;
const MIN_EDNS_PACKET: u32 = 512;

/// A configuration and what its author should know.
#[derive(Debug)]
pub struct BuildResult {
    /// The configuration.
    pub config: Config,
    /// Remarks: on single lines, on what is not served, on what it means, on tags.
    pub warnings: Vec<ConfigWarning>,
}

/// What a configuration is read for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Purpose {
    /// To serve by it.
    #[default]
    Serve,
    /// To check it: rules about single machines are looked at and not kept.
    Check,
}

/// Puts settings together, one after the other as they are read.
#[derive(Debug, Default)]
pub struct Builder {
    purpose: Purpose,
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
    warnings: Vec<ConfigWarning>,
}

impl Builder {
    /// Nothing read yet.
    pub fn new(purpose: Purpose) -> Self {
        Self { purpose, ..Self::default() }
    }

    /// Takes the next setting.
    pub fn apply(&mut self, setting: Setting, origin: &Origin) {
        self.unsupported.record(setting.row, origin);
        self.tag_usage.record(&setting.directive, origin);
        match setting.directive {
            Directive::Switch(switch) => self.apply_switch(switch),
            Directive::DhcpRange(range) => self.range(range, origin),
            Directive::PxeService(service) => self.service(service, origin),
            Directive::PxePrompt(prompt) => self.prompt(prompt, origin),
            Directive::DhcpOption(option) => self.option(option, origin),
            Directive::DhcpHost(host) => self.host(host, origin),
            Directive::MacMatch(_) if self.purpose == Purpose::Check => {}
            Directive::Upstream(_) => self.has_server = true,
            directive => {
                let left = self.apply_dhcp(directive, origin);
                let left = left.and_then(|directive| self.apply_tftp(directive, origin));
                if let Some(directive) = left {
                    self.apply_process(directive);
                }
            }
        }
    }

    fn refuse(&mut self, origin: &Origin, text: String) {
        self.warnings.push(ConfigWarning::at(origin, text).into_fatal());
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
            // Two are for DNS, one widens what names are known, the rest do their job on the command line only.
            Switch::DhcpFqdn
            | Switch::NoPoll
            | Switch::ExpandHosts
            | Switch::Help
            | Switch::Test
            | Switch::Version => {}
        }
    }

    fn range(&mut self, range: DhcpRange, origin: &Origin) {
        use dhcp_range::RangeKind as Written;
        let (start, end, netmask, kind) = match range.kind {
            Written::Proxy { subnet, netmask } => (subnet, subnet, netmask, RangeKind::Proxy),
            Written::Static { subnet, netmask, lease } => {
                (subnet, subnet, netmask, RangeKind::Static(lease))
            }
            Written::Pool { start, end, netmask, lease } => {
                (start, end, netmask, RangeKind::Pool(lease))
            }
            Written::Version6 => {
                return self.refuse(origin, "dhcp-range: DHCPv6 is not served".to_owned());
            }
        };
        let value = Range { start, end, netmask, kind, set: range.set };
        self.config.dhcp.ranges.push(Rule {
            origin: origin.clone(),
            conditions: range.conditions,
            value,
        });
    }

    fn host(&mut self, host: DhcpHost, origin: &Origin) {
        if host.names > 1 {
            let text =
                "dhcp-host: more than one name, which dnsmasq 2.91 and later refuse".to_owned();
            self.warnings.push(ConfigWarning { origin: Some(origin.clone()), text, fatal: false });
        }
        if self.purpose == Purpose::Serve {
            self.config.dhcp.hosts.add(from_directive(host), origin);
        }
    }

    fn service(&mut self, service: PxeService, origin: &Origin) {
        let PxeService { conditions, architecture, menu, boot, server } = service;
        let kind = match &boot {
            Boot::Type(kind) => *kind,
            Boot::File(_) => {
                let kind = FIRST_FILE_TYPE.wrapping_add(self.file_types);
                self.file_types += 1;
                kind
            }
        };
        let value = Service { architecture, kind, menu, boot, server: named(server) };
        self.config.dhcp.services.push(Rule { origin: origin.clone(), conditions, value });
    }

    fn prompt(&mut self, prompt: PxePrompt, origin: &Origin) {
        let value = [&[prompt.seconds][..], &prompt.text].concat();
        let value = VendorOption { class: None, code: crate::wire::pxe::item::MENU_PROMPT, value };
        self.config.dhcp.vendor_options.push(Rule {
            origin: origin.clone(),
            conditions: prompt.conditions,
            value,
        });
        self.config.dhcp.pxe_enabled = true;
    }

    fn option(&mut self, option: DhcpOption, origin: &Origin) {
        self.config.dhcp.vendor_options.extend(VendorOption::rule(option, origin));
    }

    fn apply_dhcp(&mut self, directive: Directive, origin: &Origin) -> Option<Directive> {
        let Config { dhcp, network, .. } = &mut self.config;
        let rule = |conditions| Rule { origin: origin.clone(), conditions, value: () };
        let placed = |value| Located { origin: origin.clone(), value };
        match directive {
            Directive::DhcpBoot(boot) => {
                let value = BootTarget { file: boot.file, server: named(boot.server) };
                dhcp.boot_rules.push(Rule {
                    origin: origin.clone(),
                    conditions: boot.conditions,
                    value,
                });
            }
            Directive::PxeOption(DhcpOption {
                encapsulation: lead,
                conditions,
                code,
                value,
                ..
            }) => {
                let value = PxeOption { encapsulation: lead, code: code.to_le_bytes()[0], value };
                dhcp.pxe_options.push(Rule { origin: origin.clone(), conditions, value });
            }
            // Tried last configured first.
            Directive::PxeVendors(vendors) => {
                vendors
                    .into_iter()
                    .for_each(|vendor| dhcp.pxe_vendor_classes.insert(0, placed(vendor)));
            }
            Directive::ReplyDelay(delay) => {
                dhcp.delay = Some(Rule {
                    origin: origin.clone(),
                    conditions: delay.conditions,
                    value: delay.seconds,
                });
            }
            Directive::DhcpIgnore(conditions) => dhcp.ignore.push(rule(conditions)),
            Directive::OptionMatch(rule) => dhcp.option_matches.push(origin, rule),
            Directive::ClassMatch(rule) => dhcp.classes.push(origin, rule),
            Directive::RelayMatch(rule) => dhcp.relay_matches.push(origin, rule),
            Directive::MacMatch(rule) => dhcp.mac_matches.push(origin, rule),
            Directive::NameMatch(rule) => dhcp.name_matches.push(origin, rule),
            Directive::TagIf(rule) => dhcp.tag_ifs.push(origin, rule),
            Directive::Bridge(bridge) => dhcp.bridges.push(bridge),
            Directive::SharedNetwork(network::SharedNetwork {
                on, network: Some(network), ..
            }) => {
                dhcp.shared_networks.push(SharedNetwork { on, network });
            }
            Directive::HostRecord(record) => dhcp.host_records.push(record),
            Directive::AlternatePort { server, client } => {
                (dhcp.server_port, dhcp.client_port) = (server, client);
            }
            Directive::Interface(names) => network.interfaces.extend(names.into_iter().map(placed)),
            Directive::ExceptInterface(names) => {
                network.except.extend(names.into_iter().map(placed));
            }
            Directive::NoDhcpInterface(names) => {
                network.no_dhcp.extend(names.into_iter().map(placed));
            }
            Directive::NoDhcpv4Interface(names) => {
                network.no_dhcpv4.extend(names.into_iter().map(placed));
            }
            Directive::ListenAddress(addresses) => network.listen.extend(addresses),
            Directive::LocalService { host } => self.local_host_only = host,
            other => return Some(other),
        }
        None
    }

    fn apply_tftp(&mut self, directive: Directive, origin: &Origin) -> Option<Directive> {
        let tftp = &mut self.tftp;
        match directive {
            Directive::EnableTftp(list) => {
                self.tftp_enabled = true;
                tftp.enabled = origin.clone();
                if let Some(list) = list {
                    tftp.interfaces.get_or_insert_default().extend(list);
                }
            }
            Directive::TftpRoot(root) => match root.interface {
                // Of two roots for one interface the first counts, of general ones the last.
                Some(interface) => tftp
                    .interface_roots
                    .push(Located { origin: origin.clone(), value: (interface, root.directory) }),
                None if root.directory.is_empty() => tftp.root = None,
                None => {
                    tftp.root = Some(Located { origin: origin.clone(), value: root.directory });
                }
            },
            Directive::TftpUniqueRoot(unique) => tftp.unique_roots.push(unique),
            Directive::TftpMax(most) => {
                tftp.max_transfers = usize::try_from(most).unwrap_or(usize::MAX)
            }
            Directive::TftpMtu(mtu) => tftp.mtu = mtu,
            Directive::TftpPortRange(first, last) => {
                tftp.ports = (last > 0).then_some((first, last));
            }
            Directive::EdnsPacketMax(size) => self.edns_packet = Some(size),
            other => return Some(other),
        }
        None
    }

    fn apply_process(&mut self, directive: Directive) {
        let process = &mut self.config.process;
        let path = |bytes: &[u8]| PathBuf::from(OsStr::from_bytes(bytes));
        let text = |bytes: Vec<u8>| to_text(&bytes);
        match directive {
            Directive::User(user) => process.user = user.map(text),
            Directive::Group(group) => {
                process.group = group.map_or(Group::Unchanged, |group| Group::Named(text(group)));
            }
            Directive::PidFile(file) => process.pid_file = file.map(|file| path(&file)),
            Directive::Script(script) => {
                process.script = Some(path(&script)).filter(|_| !script.is_empty());
            }
            Directive::ScriptUser(user) => {
                process.script_user = Some(text(user)).filter(|user| !user.is_empty());
            }
            Directive::LogFacility(to) => process.log_to = Some(to),
            Directive::LogAsync(lines) => process.log_async = usize::try_from(lines).ok(),
            Directive::LeaseFile(file) => process.lease_file = file.map(|file| path(&file)),
            Directive::DhcpLeaseMax(most) => {
                process.max_leases = usize::try_from(most).unwrap_or(usize::MAX);
            }
            Directive::BroadcastToAll => process.broadcast_to_all = true,
            Directive::Port(port) => process.dns_port = port,
            Directive::RunTimeFile(kind, file) => self.config.files.push((kind, file)),
            _ => {}
        }
    }

    /// The configuration, and what there is to say about it.
    pub fn finish(mut self) -> BuildResult {
        let edns_packet = self.edns_packet.unwrap_or(DEFAULT_EDNS_PACKET).max(MIN_EDNS_PACKET);
        self.tftp.max_blksize = edns_packet.saturating_add(PACKET_BUFFER);
        self.tftp.log_transfers = self.config.process.log_debug;
        self.config.tftp = self.tftp_enabled.then(|| Arc::new(self.tftp));
        let Config { dhcp, network, process, .. } = &mut self.config;
        dhcp.pxe_enabled |= !dhcp.services.is_empty();
        if dhcp.pxe_vendor_classes.is_empty() {
            dhcp.pxe_vendor_classes
                .push(Located { origin: Origin::default_value(), value: PXE_CLIENT.to_vec() });
        }
        let unfiltered =
            network.interfaces.is_empty() && network.except.is_empty() && network.listen.is_empty();
        if self.local_host_only && unfiltered {
            // Loopback and nothing else, bound to its addresses.
            network.interfaces.push(Located { origin: Origin::default_value(), value: Vec::new() });
            network.binding = Binding::Interfaces;
        }
        process.no_upstream = self.no_resolv && !self.has_server;
        let dns = process.dns_port != 0;
        let mut notes = self.warnings;
        notes.extend(self.unsupported.warnings(dns));
        let tags = self.tag_usage.finish();
        notes.extend(advice(&self.config, &tags));
        notes.extend(tags.warnings());
        BuildResult { config: self.config, warnings: notes }
    }
}

/// A server of all zeros is none.
fn named(server: Option<Server>) -> Option<Server> {
    server.filter(|server| *server != Server::Address(Ipv4Addr::UNSPECIFIED))
}
