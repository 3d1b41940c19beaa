//! Names of interfaces that do not exist.

use crate::byte_text::to_text;
use crate::config::network::{Binding, Network, missing_patterns};
use crate::config::{Config, Located};
use crate::finding::{Finding, Level};
use crate::net::{Interfaces, interface_matches};
use crate::reason::{ConfigReason, StartReason};
use crate::strerror::strerror;
use std::io;
use std::net::IpAddr;

/// Names in `interface` lines that match no interface with an address. With `bind-interfaces` the start is refused.
pub fn missing_interface_findings(network: &Network, interfaces: &Interfaces) -> Vec<Finding> {
    let refused = network.binding == Binding::Interfaces;
    let missing = missing_patterns(network, interfaces).into_iter();
    missing
        .map(|pattern| {
            let name = to_text(&pattern.value);
            if refused {
                let message = format!("unknown interface {name}");
                let reason = StartReason::InterfaceMissing { message };
                return Finding::at(Level::Error, &pattern.origin, reason);
            }
            let exists = interfaces
                .links
                .iter()
                .any(|link| interface_matches(&pattern.value, link.name.as_bytes()));
            let reason = if exists {
                ConfigReason::InterfaceWithoutAddress { name }
            } else {
                ConfigReason::InterfaceMissing { name }
            };
            Finding::at(Level::Warning, &pattern.origin, reason)
        })
        .collect()
}

/// Addresses in `listen-address` that this machine does not have. With `bind-interfaces` a TFTP socket cannot be bound to one,
/// and the start is refused.
pub fn missing_address_findings(config: &Config, interfaces: &Interfaces) -> Vec<Finding> {
    if config.tftp.is_none() || config.network.binding != Binding::Interfaces {
        return Vec::new();
    }
    let is_here = |ip: IpAddr| interfaces.addresses.iter().any(|address| address.ip == ip);
    let missing = config.network.listen.iter().filter(|line| !is_here(line.value));
    let not_available = strerror(&io::Error::from_raw_os_error(libc::EADDRNOTAVAIL));
    let finding = |line: &Located<IpAddr>| {
        let message =
            format!("failed to create listening socket for {}: {}", line.value, not_available);
        Finding::at(Level::Error, &line.origin, StartReason::PortUnavailable { message })
    };
    // A loopback address is bound without an interface that has it.
    missing.filter(|line| !line.value.is_loopback()).map(finding).collect()
}

/// Names in `enable-tftp` that no interface has: with `enable-tftp=yes` only an interface with the name `yes` is served.
pub fn tftp_interfaces(config: &Config, interfaces: &Interfaces) -> Vec<Finding> {
    let Some(tftp) = config.tftp.as_deref() else { return Vec::new() };
    let exists = |name: &[u8]| {
        interfaces.links.iter().any(|link| interface_matches(name, link.name.as_bytes()))
    };
    let missing = tftp.interfaces.iter().flatten().filter(|name| !exists(name));
    let finding = |name: &Vec<u8>| {
        let name = to_text(name);
        let remedy = tftp_remedy(&name);
        let reason = ConfigReason::TftpInterfaceMissing { name, remedy };
        Finding::at(Level::Warning, &tftp.enabled, reason)
    };
    missing.map(finding).collect()
}

/// `enable-tftp=no` is meant to turn TFTP off.
fn tftp_remedy(name: &str) -> &'static str {
    let negative = ["no", "off", "false", "0"].iter().any(|word| name.eq_ignore_ascii_case(word));
    if negative {
        "remove the line to turn TFTP off"
    } else {
        "write enable-tftp for all interfaces"
    }
}

#[test]
fn remedy_for_a_word_that_turns_tftp_off_is_to_remove_the_line() {
    assert_eq!(tftp_remedy("No"), "remove the line to turn TFTP off");
    assert_eq!(tftp_remedy("yes"), "write enable-tftp for all interfaces");
}
