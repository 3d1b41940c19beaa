//! What is opened as root, in the process that was started: errors of this stage reach the terminal.

use super::bind_device::single_interface;
use super::command::Parsed;
use super::fork_status::ForkStatus;
use super::lease_file;
use super::privileges::{self, PendingBinds, identity, serving_identity};
use super::{Bound, Detached, Opened, Privileges};
use crate::config::Config;
use crate::config::network::{Binding, missing_interfaces};
use crate::config::read::load::Loaded;
use crate::daemon::file_process::WatchedDirectories;
use crate::daemon::sockets::{EventSource, Sockets};
use crate::diagnose::environment::environment_findings;
use crate::error::StartupError;
use crate::finding::{Finding, Level};
use crate::log_line::{FileLine, Line};
use crate::logging::Logger;
use crate::net::Interfaces;
use crate::strerror::strerror;
use crate::sys::dhcp_sniffer::DhcpSniffer;
use crate::sys::fds::close_inherited;
use crate::sys::interfaces::{RouteSocket, Watch};
use crate::sys::privilege::is_root;
use std::io;

impl Parsed {
    /// Opens everything that needs root.
    pub fn bind(self, logger: &Logger) -> Result<Bound, StartupError> {
        close_inherited();
        let Self { loaded: Loaded { config, mut findings, .. }, unconfined } = self;
        let address_watch = Watch::new().map_err(system_error("cannot create netlink socket"))?;
        let route = RouteSocket::open().map_err(system_error("cannot create netlink socket"))?;
        let interfaces =
            route.snapshot().map_err(system_error("failed to find list of interfaces"))?;
        let identity_now = serving_identity(&config);
        findings.extend(environment_findings(&config, Some(&interfaces), identity_now.as_ref()));
        refuse_errors(&findings)?;
        write_lines(logger, lease_file::check(&config)?);
        let sockets = Sockets::open(&config, &interfaces)?;
        sockets.register_datagrams(&address_watch, EventSource::AddressWatch)?;
        let watched = WatchedDirectories::new(&config)?;
        check_interfaces(&config, &interfaces)?;
        let device = single_interface(&config, &interfaces);
        if let Some(name) = &device {
            sockets.bind_dhcp_first_to(name)?;
        }
        let sniffer = open_sniffer(&config);
        let pending =
            PendingBinds { device: device.is_some(), addresses: sockets.wait_for_addresses() };
        let privileges = find_privileges(&config, pending)?;
        findings.extend(privileges.capabilities.finding());
        let opened = Opened { sockets, sniffer, address_watch, route, watched, device };
        Ok(Bound { config, findings, interfaces, opened, privileges, unconfined })
    }
}

fn system_error(action: &'static str) -> impl Fn(io::Error) -> StartupError {
    move |error| StartupError::other(format!("{action}: {}", strerror(&error)))
}

fn refuse_errors(findings: &[Finding]) -> Result<(), StartupError> {
    match findings.iter().find(|finding| finding.level == Level::Error) {
        Some(error) => Err(StartupError::config(error.to_string())),
        None => Ok(()),
    }
}

fn write_lines(logger: &Logger, lines: Vec<FileLine>) {
    for line in lines {
        logger.write(&Line::File(line));
    }
}

/// With `bind-interfaces` a missing interface is an error.
fn check_interfaces(config: &Config, interfaces: &Interfaces) -> Result<(), StartupError> {
    if config.network.binding == Binding::Interfaces
        && let Some(name) = missing_interfaces(&config.network, interfaces).first()
    {
        return Err(StartupError::network(format!("unknown interface {name}")));
    }
    Ok(())
}

/// Without the right to open a packet socket, replies of other servers are not seen. That is no error.
fn open_sniffer(config: &Config) -> Option<DhcpSniffer> {
    let is_needed = config.dhcp.pxe_enabled && !config.dhcp.ranges.is_empty();
    is_needed.then(|| DhcpSniffer::open(config.dhcp.client_port).ok())?
}

fn find_privileges(config: &Config, pending: PendingBinds) -> Result<Privileges, StartupError> {
    let script_user = privileges::script_user(config)?;
    let identity = identity(config)?;
    let stays_root = is_root() && (config.process.debug || identity.is_root());
    let capabilities = privileges::required_capabilities(config, pending, stays_root)?;
    Ok(Privileges { identity, capabilities, script_user })
}

impl Bound {
    /// Goes into the background, unless the configuration has `no-daemon` or `keep-in-foreground`. `None`: this is
    /// the process that was started, and the daemon serves.
    pub fn detach(self) -> Result<Option<Detached>, StartupError> {
        let process = &self.config.process;
        if !process.debug {
            std::env::set_current_dir("/")
                .map_err(system_error("cannot chdir to filesystem root"))?;
        }
        if process.debug || process.foreground {
            return Ok(Some(Detached { bound: self, fork_status: None }));
        }
        let status = ForkStatus::detach()?;
        Ok(status.map(|status| Detached { bound: self, fork_status: Some(status) }))
    }
}
