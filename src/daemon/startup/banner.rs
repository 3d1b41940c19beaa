//! The lines that the start logs (docs/dnsmasq/daemon.md, section 6).

use crate::byte_text::to_text;
use crate::config::Config;
use crate::config::network::{Binding, missing_interfaces};
use crate::finding::{Finding, Level};
use crate::log_line::{DhcpLine, FileLine, Line, ProcessLine, SandboxLine, TftpLine};
use crate::net::{Address, Interfaces, same_network};
use std::net::Ipv4Addr;

/// The results of the start.
pub struct StartupBanner<'s> {
    /// Pid file and log file.
    pub process_lines: Vec<ProcessLine>,
    /// The sandbox.
    pub sandbox: SandboxLine,
    /// Warnings of our own about the configuration.
    pub findings: Vec<Finding>,
    /// The interface that the DHCP sockets are bound to.
    pub device: Option<&'s str>,
    /// Roots and limits of TFTP.
    pub roots: Vec<TftpLine>,
    /// Hosts files that were read.
    pub files: Vec<FileLine>,
}

impl StartupBanner<'_> {
    /// The lines in dnsmasq's order. Warnings of our own follow dnsmasq's lines about the configuration.
    pub fn lines(self, config: &Config, interfaces: &Interfaces) -> Vec<Line> {
        let Self { process_lines, sandbox, findings, device, roots, files } = self;
        let mut lines = vec![ProcessLine::Started, ProcessLine::CompileTimeOptions(sandbox)];
        lines.extend(process_lines);
        lines.extend(interface_lines(config, interfaces));
        lines.extend(config.process.log_async_lines().map(ProcessLine::AsynchronousLog));
        let mut lines: Vec<Line> = lines.into_iter().map(Line::Process).collect();
        let ranges =
            config.dhcp.ranges.iter().rev().map(|range| DhcpLine::ProxyRange(range.value.start));
        let exclusive = device.map(|interface| DhcpLine::BoundToDevice(interface.to_owned()));
        lines.extend(ranges.chain(exclusive).map(|line| Line::Dhcp(None, line)));
        lines.extend(root_line(config).into_iter().chain(roots).map(Line::Tftp));
        // A hint is for --test: it is not logged.
        let warnings = findings.iter().filter(|finding| finding.level <= Level::Warning);
        let warnings = warnings.map(|finding| ProcessLine::ConfigWarning(finding.to_string()));
        lines.extend(warnings.map(Line::Process));
        lines.extend(files.into_iter().map(Line::File));
        lines
    }
}

/// Lines about interfaces and DNS.
fn interface_lines(config: &Config, interfaces: &Interfaces) -> Vec<ProcessLine> {
    let mut lines = Vec::new();
    match config.network.binding {
        Binding::Wildcard => lines.extend(labelled(config, interfaces)),
        Binding::Interfaces => lines.extend(exposed_address(config, interfaces)),
        Binding::Dynamic | Binding::Contradictory => {}
    }
    if config.network.binding != Binding::Interfaces {
        let missing = missing_interfaces(&config.network, interfaces).into_iter().rev();
        lines.extend(missing.map(ProcessLine::InterfaceMissing));
    }
    if config.process.dns_port != 0 && config.process.no_upstream {
        lines.push(ProcessLine::NoUpstream);
    }
    lines
}

fn root_line(config: &Config) -> Option<TftpLine> {
    let tftp = config.tftp.as_ref()?;
    let path = tftp.root.as_ref().map(|root| to_text(&root.value));
    Some(TftpLine::Root { path, secure: tftp.secure, single_port: tftp.single_port })
}

/// The interface of each address with a label that the configuration would accept as the name of an interface.
fn labelled(config: &Config, interfaces: &Interfaces) -> Vec<ProcessLine> {
    let instead = |address: &Address| {
        let label = address.label.as_deref()?;
        let link = interfaces.by_index(address.interface)?;
        let line = ProcessLine::InterfaceInstead(link.name.clone());
        let accepted = config.network.accepts(label, link.loopback, Some(address.ip));
        accepted.then_some(line)
    };
    interfaces.addresses.iter().filter_map(instead).collect()
}

/// Public addresses with a socket: without `bind-dynamic`, packets to them are accepted on any interface.
fn exposed_address(config: &Config, interfaces: &Interfaces) -> Vec<ProcessLine> {
    let line = |address: &Address| {
        let link = interfaces.by_index(address.interface)?;
        let name = interfaces.name_of(address)?;
        let ip = address.ipv4().filter(|ip| !is_private(*ip))?;
        let accepted = config.network.accepts(name, link.loopback, Some(address.ip));
        accepted.then(|| ProcessLine::ExposedTftp { address: ip, interface: link.name.clone() })
    };
    let mut lines: Vec<ProcessLine> = interfaces.addresses.iter().rev().filter_map(line).collect();
    if !lines.is_empty() {
        lines.push(ProcessLine::Remedy);
    }
    lines
}

/// Networks without a warning: private ones, and those for documentation (docs/dnsmasq/daemon.md, section 6).
fn is_private(ip: Ipv4Addr) -> bool {
    let networks = [
        ([0, 0, 0, 0], 8),
        ([10, 0, 0, 0], 8),
        ([100, 64, 0, 0], 10),
        ([127, 0, 0, 0], 8),
        ([169, 254, 0, 0], 16),
        ([172, 16, 0, 0], 12),
        ([192, 0, 2, 0], 24),
        ([192, 168, 0, 0], 16),
        ([198, 51, 100, 0], 24),
        ([203, 0, 113, 0], 24),
        ([255, 255, 255, 255], 32),
    ];
    networks.into_iter().any(|(network, bits): ([u8; 4], u32)| {
        let mask = Ipv4Addr::from(u32::MAX << (32 - bits));
        same_network(ip, network.into(), mask)
    })
}
