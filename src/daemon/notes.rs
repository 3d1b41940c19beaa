//! The first lines of a log (spec: daemon, section 6).

use crate::config::network::Binding;
use crate::config::{Config, Note, RangeKind};
use crate::log_line::{DhcpLine, Line, ProcessLine, TftpLine};
use crate::net::{Interfaces, interface_matches};

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
        let named = |name: &str| interface_matches(pattern, name.as_bytes());
        interfaces.addresses.iter().any(|address| {
            let link = interfaces.by_index(address.interface);
            link.is_some_and(|link| named(&link.name))
                || address.label.as_deref().is_some_and(named)
        })
    };
    let named = config.network.interfaces.iter().filter(|pattern| !pattern.is_empty());
    named
        .filter(|pattern| !is_there(pattern))
        .map(|name| String::from_utf8_lossy(name).into_owned())
        .collect()
}

/// Interfaces with an address whose label would be served if it were an interface.
fn labelled(config: &Config, interfaces: &Interfaces) -> Vec<Line> {
    let mut names: Vec<&str> = Vec::new();
    for address in &interfaces.addresses {
        let accepted = |label: &str| config.network.accepts(label, false, Some(address.ip));
        if let Some(link) = interfaces.by_index(address.interface)
            && address.label.as_deref().is_some_and(accepted)
            && !names.contains(&&*link.name)
        {
            names.push(&link.name);
        }
    }
    names
        .into_iter()
        .map(|name| Line::Process(ProcessLine::InterfaceInstead(name.to_owned())))
        .collect()
}
