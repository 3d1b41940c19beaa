//! The server that is simulated.

use crate::config::Config;
use crate::config::server_names::ServerNames;
use crate::diagnose::port_owner::{PortOwner, port_owner};
use crate::net::Interfaces;
use crate::sys::privilege::Identity;
use std::net::{Ipv4Addr, SocketAddr};

/// The UDP port of TFTP requests (RFC 1350, section 4).
const TFTP_PORT: u16 = 69;

/// The server that is simulated.
pub struct Environment {
    /// The configuration.
    pub config: Config,
    /// Addresses of boot servers that are configured by name.
    pub names: ServerNames,
    /// The interfaces and addresses of this machine.
    pub interfaces: Interfaces,
    /// The user that serves files; `None` if the user does not exist.
    pub identity: Option<Identity>,
    /// What uses the TFTP port of an address. It is only called for a configuration without `enable-tftp`.
    pub tftp_port: fn(Ipv4Addr) -> PortOwner,
}

impl Environment {
    /// This machine.
    pub fn new(
        config: Config,
        names: ServerNames,
        interfaces: Interfaces,
        identity: Option<Identity>,
    ) -> Self {
        let tftp_port = |address: Ipv4Addr| port_owner(SocketAddr::from((address, TFTP_PORT)));
        Self { config, names, interfaces, identity, tftp_port }
    }
}
