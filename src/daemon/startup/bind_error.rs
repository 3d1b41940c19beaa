//! Ports that cannot be opened: who has them, and which line asks for them.

use super::port_owner;
use crate::config::{Config, Origin};
use crate::error::StartupError;
use crate::strerror::strerror;
use crate::sys::udp;
use crate::sys::udp::Step;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::os::fd::OwnedFd;

/// The lines that ask for the DHCP port, and for 4011.
pub fn requesting_lines(config: &Config) -> [Option<&Origin>; 2] {
    let dhcp = &config.dhcp;
    let service = dhcp.services.first().map(|rule| &rule.origin);
    let prompt = dhcp.vendor_options.iter().find(|rule| rule.value.class.is_none());
    let range = dhcp.ranges.first().map(|range| &range.origin);
    [range, service.or(prompt.map(|rule| &rule.origin))]
}

/// Opens one of the DHCP ports, which that line asks for.
pub fn open_dhcp(port: u16, shared: bool, line: Option<&Origin>) -> Result<OwnedFd, StartupError> {
    udp::open_dhcp(port, shared).map_err(|(step, error)| {
        let what = match step {
            Step::Open => "cannot create DHCP socket",
            Step::Options => "failed to set options on DHCP socket",
            Step::Reuse => "failed to set SO_REUSE{ADDR|PORT} on DHCP socket",
            Step::Bind => "failed to bind DHCP server socket",
        };
        bind_error(what, &error, (Ipv4Addr::UNSPECIFIED, port).into(), line)
    })
}

/// What could not be done, why, and if that is the reason who has the port, and by which line we want it.
pub fn bind_error(
    what: &str,
    error: &io::Error,
    address: SocketAddr,
    line: Option<&Origin>,
) -> StartupError {
    let failure = StartupError::network(format!("{what}: {}", strerror(error)));
    if error.kind() == io::ErrorKind::AddrInUse {
        let asks = |line| format!("\n  {line} asks for port {}", address.port());
        let line = line.map_or_else(String::new, asks);
        return failure.with_detail(format!("{}{line}", port_owner::describe_port_owner(address)));
    }
    failure
}
