//! What is opened as root, in the process that was started: errors of this stage reach the terminal.

use super::bind_device::single_interface;
use super::fork_status::{Detachment, ForkStatus};
use super::lease_file;
use super::parsed::Parsed;
use super::pid_file;
use super::predecessor::Predecessor;
use super::privileges::{self, PendingBinds, identity, serving_identity};
use super::refusals::Refusals;
use super::{Bound, Detached, Opened, Privileges};
use crate::byte_text::to_text;
use crate::config::Config;
use crate::config::network::{Binding, missing_patterns};
use crate::config::read::load::Loaded;
use crate::daemon::file_process::WatchedDirectories;
use crate::daemon::sockets::{EventSource, Sockets, TakenOver};
use crate::diagnose::environment::environment_findings;
use crate::error::StartupError;
use crate::finding::{Finding, Level, arranged};
use crate::log_line::Line;
use crate::logging::Logger;
use crate::net::Interfaces;
use crate::reason::StartReason;
use crate::strerror::strerror;
use crate::sys::dhcp_sniffer::DhcpSniffer;
use crate::sys::directory_changes::ChangeReader;
use crate::sys::fds::close_inherited;
use crate::sys::interfaces::{RouteSocket, Watch};
use std::fs;
use std::io;

impl Parsed {
    /// Opens everything that needs root.
    pub fn bind(self, logger: &Logger) -> Result<Bound, StartupError> {
        close_inherited();
        let Self { loaded: Loaded { config, mut findings, .. }, unconfined, replace } = self;
        let address_watch = Watch::new().map_err(system_error("cannot create netlink socket"))?;
        let route = RouteSocket::open().map_err(system_error("cannot create netlink socket"))?;
        let interfaces =
            route.snapshot().map_err(system_error("failed to find list of interfaces"))?;
        let identity_now = serving_identity(&config);
        findings.extend(environment_findings(&config, Some(&interfaces), identity_now.as_ref()));
        let mut findings = arranged(findings);
        refuse_errors(&findings)?;
        check_lease_file(&config, replace, logger)?;
        let (predecessor, taken_over) = connect_to_predecessor(&config, replace)?;
        let mut refusals = Refusals::EndStart;
        let (sockets, device) = open_sockets(&config, &interfaces, taken_over, &mut refusals)?;
        sockets.register_datagrams(&address_watch, EventSource::AddressWatch)?;
        let watched = WatchedDirectories::new(&config)?;
        // Without them, the file process looks up all names.
        let changes = config.tftp.as_ref().and_then(|_| ChangeReader::open().ok());
        let sniffer = open_sniffer(&config);
        let pending =
            PendingBinds { device: device.is_some(), addresses: sockets.wait_for_addresses() };
        let privileges = find_privileges(&config, pending)?;
        findings.extend(privileges.capabilities.finding());
        let opened = Opened {
            sockets,
            sniffer,
            address_watch,
            route,
            watched,
            changes,
            device,
            control: None,
            created: None,
            standard_error: None,
        };
        let cgroup = control_group(predecessor.as_ref());
        Ok(Bound {
            config,
            findings,
            interfaces,
            opened,
            privileges,
            unconfined,
            predecessor,
            cgroup,
            starter: std::process::id(),
        })
    }
}

/// Opens the lease file. With `--replace` the access to the running server is checked first: another user than root has no right to
/// either, and the message about the server has the remedy.
fn check_lease_file(config: &Config, replace: bool, logger: &Logger) -> Result<(), StartupError> {
    if replace {
        Predecessor::check_access(config.process.pid_file.as_deref())?;
    }
    for line in lease_file::check(config)? {
        logger.write(&Line::File(line));
    }
    Ok(())
}

/// With `--replace`, the running server and its sockets.
fn connect_to_predecessor(
    config: &Config,
    replace: bool,
) -> Result<(Option<Predecessor>, TakenOver), StartupError> {
    if !replace {
        return Ok((None, TakenOver::default()));
    }
    let (server, sockets) = Predecessor::connect(config.process.pid_file.as_deref())?;
    Ok((Some(server), sockets))
}

/// The control group of this process, if a service manager has started it. systemd sets `INVOCATION_ID`, also if the process
/// cannot send notifications.
fn control_group(predecessor: Option<&Predecessor>) -> Option<String> {
    let has_manager = predecessor.is_some_and(|server| server.service_manager.is_some())
        || std::env::var_os("NOTIFY_SOCKET").is_some()
        || is_started_by_systemd();
    has_manager.then(|| fs::read_to_string("/proc/self/cgroup").unwrap_or_default())
}

/// Whether systemd has started this process. Jobs of cron and agents inherit `INVOCATION_ID` from their service; since version 248
/// `SYSTEMD_EXEC_PID` has the process that systemd has started.
fn is_started_by_systemd() -> bool {
    let has_id = std::env::var_os("INVOCATION_ID").is_some();
    let process = std::env::var("SYSTEMD_EXEC_PID").ok();
    has_id && process.is_none_or(|process| process == std::process::id().to_string())
}

fn system_error(action: &'static str) -> impl Fn(io::Error) -> StartupError {
    move |error| StartupError::other(format!("{action}: {}", strerror(&error)))
}

fn refuse_errors(findings: &[Finding]) -> Result<(), StartupError> {
    let errors = findings.iter().filter(|finding| finding.level == Level::Error);
    let mut messages = errors.map(ToString::to_string);
    match messages.next() {
        Some(first) => Err(StartupError::config(first).with_further(messages.collect())),
        None => Ok(()),
    }
}

/// Opens the sockets; the name of the interface that the DHCP sockets are bound to.
pub fn open_sockets(
    config: &Config,
    interfaces: &Interfaces,
    taken_over: TakenOver,
    refusals: &mut Refusals,
) -> Result<(Sockets, Option<String>), StartupError> {
    let device = single_interface(config, interfaces);
    let sockets = Sockets::open(config, interfaces, device.as_deref(), taken_over, refusals)?;
    check_interfaces(config, interfaces, refusals)?;
    if let Some(name) = &device {
        let unbound = |message| StartReason::System { message };
        refusals.check(unbound, sockets.bind_dhcp_first_to(name))?;
    }
    Ok((sockets, device))
}

/// With `bind-interfaces` a missing interface is an error.
fn check_interfaces(
    config: &Config,
    interfaces: &Interfaces,
    refusals: &mut Refusals,
) -> Result<(), StartupError> {
    if config.network.binding != Binding::Interfaces {
        return Ok(());
    }
    for pattern in missing_patterns(&config.network, interfaces) {
        let name = to_text(&pattern.value);
        let error = StartupError::network(format!("unknown interface {name}"));
        let error = error.with_origin(&pattern.origin);
        refusals.check::<()>(|message| StartReason::InterfaceMissing { message }, Err(error))?;
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
    let capabilities = privileges::capabilities_of(config, pending, &identity)?;
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
        // The command that replaces a server returns when the new one serves.
        if (process.debug || process.foreground) && self.predecessor.is_none() {
            return Ok(Some(Detached { bound: self, fork_status: None }));
        }
        let starter = self.starter;
        let pid_file = self.config.process.pid_file().filter(|_| self.predecessor.is_some());
        match (ForkStatus::detach(), pid_file) {
            (Ok(Detachment::Daemon(status)), _) => {
                Ok(Some(Detached { bound: self, fork_status: Some(status) }))
            }
            (Ok(Detachment::Started(_, pipe)), Some(path)) => {
                pid_file::replace(path, starter)?;
                drop(pipe);
                Ok(None)
            }
            (Ok(Detachment::Started(..)), None) => Ok(None),
            (Err(error), pid_file) => {
                if let Some(path) = pid_file {
                    pid_file::discard(path, starter);
                }
                Err(error)
            }
        }
    }
}
