//! `--test=start`: the stages of the start without their effects. Nothing is created, changed, logged or executed, and
//! sockets are closed again.

use super::bind::open_sockets;
use super::parsed::Parsed;
use super::privileges::{self, PendingBinds};
use super::refusals::Refusals;
use super::{lease_file, pid_file};
use crate::byte_text::path_text;
use crate::config::Config;
use crate::daemon::file_process::WatchedDirectories;
use crate::daemon::sockets::TakenOver;
use crate::error::StartupError;
use crate::finding::{Finding, Level};
use crate::logging::check_log_file;
use crate::net::Interfaces;
use crate::reason::{Reason, StartReason};
use crate::strerror::strerror;
use crate::sys::interfaces::snapshot;
use crate::sys::privilege::is_root;
use std::path::{Path, PathBuf};

impl Parsed {
    /// Reasons for which the start is refused here and now, in addition to [`Parsed::findings`].
    pub fn dry_run(&self) -> Vec<Finding> {
        let config = &self.loaded.config;
        let mut refusals = Refusals::Collect(Vec::new());
        let ended = stages(config, &mut refusals).err();
        let Refusals::Collect(mut findings) = refusals else { return Vec::new() };
        findings.extend(ended.map(|error| {
            super::refusals::finding(|message| StartReason::System { message }, &error)
        }));
        findings.extend(init_script(config));
        if is_root() { findings } else { without_root(findings) }
    }
}

/// The stages in the order of the start. An error ends them, if what follows depends on what failed.
fn stages(config: &Config, refusals: &mut Refusals) -> Result<(), StartupError> {
    let interfaces = snapshot().map_err(|error| {
        StartupError::other(format!("failed to find list of interfaces: {}", strerror(&error)))
    })?;
    let process = &config.process;
    let lines = &process.lines;
    let leases = lease_file::check_without_effect(config);
    let line = if process.use_lease_file { &lines.lease_file } else { &lines.script };
    let leases = leases.map_err(|error| error.with_line(line.as_ref()));
    refusals.check(|message| StartReason::LeaseFile { message }, leases)?;
    network(config, &interfaces, refusals)?;
    if let Some(path) = process.pid_file() {
        let path = in_directory_of_daemon(config, path);
        let checked =
            pid_file::check(&path).map_err(|error| error.with_line(lines.pid_file.as_ref()));
        refusals.check(|message| StartReason::PidFile { message }, checked)?;
    }
    if let Some(path) = process.log_file() {
        let path = in_directory_of_daemon(config, path);
        let checked = check_log_file(&path).map_err(|error| error.with_line(lines.log.as_ref()));
        refusals.check(|message| StartReason::LogFile { message }, checked)?;
    }
    Ok(())
}

/// What [`Parsed::bind`] opens. The sockets are closed at the end.
fn network(
    config: &Config,
    interfaces: &Interfaces,
    refusals: &mut Refusals,
) -> Result<(), StartupError> {
    let (sockets, device) = open_sockets(config, interfaces, TakenOver::default(), refusals)?;
    refusals.check(|message| StartReason::System { message }, WatchedDirectories::new(config))?;
    let pending =
        PendingBinds { device: device.is_some(), addresses: sockets.wait_for_addresses() };
    let capabilities = match privileges::identity(config) {
        Ok(identity) => privileges::capabilities_of(config, pending, &identity),
        // It is among the findings of the configuration.
        Err(_) => return Ok(()),
    };
    refusals.check(|message| StartReason::CapabilityMissing { message }, capabilities)?;
    Ok(())
}

/// The daemon changes to `/`, except in debug mode.
fn in_directory_of_daemon(config: &Config, path: &Path) -> PathBuf {
    if config.process.debug { path.to_owned() } else { Path::new("/").join(path) }
}

/// The script that the start would run for its list of leases.
fn init_script(config: &Config) -> Option<Finding> {
    let path = path_text(lease_file::init_script(config)?);
    Some(Finding::general(Level::Hint, StartReason::InitScript { path }))
}

/// The findings of another user than root: what root may do, and this user may not, is unknown.
fn without_root(mut findings: Vec<Finding>) -> Vec<Finding> {
    findings.retain(|finding| match &finding.reason {
        Reason::Start(StartReason::PortUnavailable { message }) => {
            !message.ends_with("Permission denied")
        }
        Reason::Start(
            StartReason::CapabilityMissing { .. }
            | StartReason::LeaseFile { .. }
            | StartReason::LogFile { .. }
            | StartReason::PidFile { .. },
        ) => false,
        _ => true,
    });
    findings.push(Finding::general(Level::Hint, StartReason::NotRoot));
    findings
}
