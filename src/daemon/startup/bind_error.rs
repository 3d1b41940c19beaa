//! Errors of ports that cannot be opened: the process that uses the port, and the line that needs it.

use crate::config::{Config, Origin};
use crate::diagnose::port_owner;
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::udp::{self, PortSharing, Step};
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

/// The lines that need the DHCP port, and port 4011.
pub fn requesting_lines(config: &Config) -> [Option<&Origin>; 2] {
    let dhcp = &config.dhcp;
    let service = dhcp.services.first().map(|rule| &rule.origin);
    let prompt = dhcp.vendor_options.iter().find(|rule| rule.value.class.is_none());
    let range = dhcp.ranges.first().map(|range| &range.origin);
    [range, service.or(prompt.map(|rule| &rule.origin))]
}

/// Opens a DHCP port. `line`: the line that needs it.
pub fn open_dhcp(
    port: u16,
    sharing: PortSharing,
    line: Option<&Origin>,
) -> Result<OwnedFd, StartupError> {
    udp::open_dhcp(port, sharing).map_err(|(step, error)| {
        let action = match step {
            Step::Open => "cannot create DHCP socket",
            Step::Options => "failed to set options on DHCP socket",
            Step::Reuse => "failed to set SO_REUSE{ADDR|PORT} on DHCP socket",
            Step::Bind => "failed to bind DHCP server socket",
        };
        let address = (Ipv4Addr::UNSPECIFIED, port).into();
        describe(action, &error, address, line, sharing == PortSharing::Shared)
    })
}

/// The error of an address that cannot be bound. If it is in use, the detail names the process that uses it, and the line
/// that needs it.
pub fn bind_error(
    action: &str,
    error: &io::Error,
    address: SocketAddr,
    line: Option<&Origin>,
) -> StartupError {
    // Only sockets of single addresses share their port.
    describe(action, error, address, line, !address.ip().is_unspecified())
}

fn describe(
    action: &str,
    error: &io::Error,
    address: SocketAddr,
    line: Option<&Origin>,
    is_shared: bool,
) -> StartupError {
    let mut failed = StartupError::network(format!("{action}: {}", strerror(error)));
    if let Some(line) = line {
        failed = failed.with_origin(line);
    }
    if error.kind() == io::ErrorKind::AddrInUse {
        let owner = port_owner::describe_port_owner(address, is_shared);
        let detail = match line {
            Some(line) => format!("{owner}\n  {line} needs port {}", address.port()),
            None => owner,
        };
        return failed.with_detail(detail);
    }
    failed
}
