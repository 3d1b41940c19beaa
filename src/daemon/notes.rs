//! The first lines of a log (spec: daemon, section 6).

use crate::config::network::Binding;
use crate::config::{Config, Note, RangeKind};
use crate::log_line::{DhcpLine, Line, ProcessLine, TftpLine};
use crate::net::{Address, Interfaces, interface_matches};

/// What is logged at the start, in dnsmasq's order. Remarks of ours come behind what dnsmasq says.
pub fn start_lines(
    config: &Config,
    interfaces: &Interfaces,
    notes: &[Note],
    bound_to: Option<&str>,
) -> Vec<Line> {
    let mut lines =
        vec![Line::Process(ProcessLine::Started), Line::Process(ProcessLine::CompileTimeOptions)];
    if config.network.binding == Binding::Wildcard {
        lines.extend(labelled(config, interfaces));
    }
    if config.network.binding != Binding::Interfaces {
        lines.extend(
            missing(config, interfaces)
                .into_iter()
                .rev()
                .map(ProcessLine::InterfaceMissing)
                .map(Line::Process),
        );
    }
    if config.process.dns_port != 0 && config.process.no_upstream {
        lines.push(Line::Process(ProcessLine::NoUpstream));
    }
    lines.extend(
        config.dhcp.ranges.iter().rev().map(|range| Line::Dhcp(None, range_line(&range.value))),
    );
    lines.extend(
        bound_to.map(|interface| Line::Dhcp(None, DhcpLine::BoundTo(interface.to_owned()))),
    );
    if let Some(tftp) = &config.tftp {
        let path = tftp.root.as_ref().map(|root| String::from_utf8_lossy(&root.value).into_owned());
        lines.push(Line::Tftp(TftpLine::Root {
            path,
            secure: tftp.secure,
            single_port: tftp.single_port,
        }));
    }
    lines.extend(notes.iter().map(|note| Line::Process(ProcessLine::Remark(note.to_string()))));
    lines
}

fn range_line(range: &crate::config::Range) -> DhcpLine {
    match range.kind {
        RangeKind::Proxy => DhcpLine::ProxyRange(range.start),
        RangeKind::Pool(lease) => DhcpLine::Pool { start: range.start, end: range.end, lease },
        RangeKind::Static(lease) => DhcpLine::Static { subnet: range.start, lease },
    }
}

/// Interfaces that are named and not there, or there without an address.
pub fn missing(config: &Config, interfaces: &Interfaces) -> Vec<String> {
    let is_there = |pattern: &&Vec<u8>| {
        let mut names = interfaces.addresses.iter().filter_map(|one| interfaces.name_of(one));
        names.any(|name| interface_matches(pattern, name.as_bytes()))
    };
    let named = config.network.interfaces.iter().filter(|pattern| !pattern.is_empty());
    named
        .filter(|pattern| !is_there(pattern))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// The interface of each address whose label would be served if it were an interface.
fn labelled(config: &Config, interfaces: &Interfaces) -> Vec<Line> {
    let instead = |address: &Address| {
        let label = address.label.as_deref()?;
        let link = interfaces.by_index(address.interface)?;
        let line = ProcessLine::InterfaceInstead(link.name.clone());
        let accepted = config.network.accepts(label, link.loopback, Some(address.ip));
        accepted.then_some(Line::Process(line))
    };
    interfaces.addresses.iter().filter_map(instead).collect()
}
