//! A configuration that was read: its findings, and the answers to `--explain`.

use super::privileges::{script_user, serving_identity, unknown_identities};
use super::refusals::finding;
use crate::byte_text::to_path;
use crate::config::read::load::Loaded;
use crate::config::reload::ReloadableFiles;
use crate::config::{Config, Range, Rule};
use crate::diagnose::environment;
use crate::error::StartupError;
use crate::explain::{self, Environment, ExplainOutput, ExplainRequest, StartErrors};
use crate::finding::{Finding, Level, arranged};
use crate::reason::{ConfigReason, ProgramReason, Reason, ReplyReason, StartReason};
use crate::sys::interfaces::{RouteSocket, snapshot};
use crate::sys::neighbour_limit;
use crate::terminal::Layout;
use std::fs;
use std::sync::Arc;

/// Bytes. The headers of an EFI program alone are longer (PE format), and no BIOS program can set up a network in less.
const MIN_PROGRAM_LEN: u64 = 64;

/// A configuration that was read.
pub struct Parsed {
    pub(super) loaded: Loaded,
    pub(super) unconfined: bool,
    /// `--replace`
    pub(super) replace: bool,
}

impl Parsed {
    /// Faults of the configuration that dnsmasq does not check, and reasons for which the start is refused that can be known
    /// without the rights of root.
    pub fn findings(&self) -> Vec<Finding> {
        let Loaded { config, findings, .. } = &self.loaded;
        let mut findings = findings.clone();
        // These look-ups cost more than to read a short file, so they are done only where they can find a fault.
        let serves_files = config.tftp.is_some();
        if !serves_files && config.dhcp.ranges.is_empty() {
            return findings;
        }
        let interfaces = snapshot().ok();
        let identity = if serves_files { serving_identity(config) } else { None };
        findings.extend(environment::environment_findings(
            config,
            interfaces.as_ref(),
            identity.as_ref(),
        ));
        let network = &config.network;
        let missing = |here| environment::missing_interface_findings(network, here);
        findings.extend(interfaces.iter().flat_map(missing));
        let addresses = |here| environment::missing_address_findings(config, here);
        findings.extend(interfaces.iter().flat_map(addresses));
        let limit = || neighbour_limit::usage(&RouteSocket::open().ok()?).ok();
        if let (Some(here), Some(usage)) = (&interfaces, limit()) {
            findings.extend(environment::neighbour_findings(config, here, usage.limit));
        }
        findings.extend(environment::inaccessible_roots(config, identity.as_ref()));
        findings.extend(unknown_users(config));
        findings
    }

    /// What prevents the boot of the usual clients, by the same simulation as `--explain`. Without a root all files are
    /// missing, and with a wrong netmask there are no clients, which is reported already.
    pub fn client_findings(&self, findings: &[Finding]) -> Vec<Finding> {
        let is_cause = |finding: &Finding| {
            matches!(
                finding.reason,
                Reason::Start(StartReason::Root { .. })
                    | Reason::Config(
                        ConfigReason::RootUnreadable { .. }
                            | ConfigReason::BadNetmask { .. }
                            | ConfigReason::NetmaskOfOneAddress
                    )
            )
        };
        // The loopback network has no clients.
        let is_played = |range: &Rule<Range>| !range.value.start.is_loopback();
        let ranges = &self.loaded.config.dhcp.ranges;
        if !ranges.iter().any(is_played) || findings.iter().any(is_cause) {
            return Vec::new();
        }
        let mut found = explain::findings(&mut environment_of(self.loaded.config.clone()));
        found.retain(|finding| !is_about_placeholder(finding));
        // The remedy for the first file is that for all of them.
        let mut is_first = true;
        found.retain(|finding| !depends_on_time(finding) || std::mem::take(&mut is_first));
        found.iter_mut().filter(|finding| depends_on_time(finding)).for_each(|finding| {
            finding.level = Level::Hint;
        });
        found
    }

    /// The files that were read, in order.
    pub fn files(&self) -> &[Arc<str>] {
        &self.loaded.files
    }

    /// The replies that the described clients would get.
    pub fn explain(self, clients: &[String], json: bool) -> Result<ExplainOutput, StartupError> {
        let findings = arranged(self.findings());
        let start = self.start_errors(&findings);
        let files = self.files().iter().map(ToString::to_string).collect();
        let layout = Layout::of_stdout();
        let mut environment = environment_of(self.loaded.config);
        let request = ExplainRequest { clients, json, layout, files, findings, start };
        explain::explain(request, &mut environment)
    }

    /// Why the program does not start. Errors of the configuration alone are those of any machine.
    fn start_errors(&self, findings: &[Finding]) -> StartErrors {
        let errors = || findings.iter().filter(|finding| finding.level == Level::Error);
        let is_read = |finding: &&Finding| self.loaded.findings.contains(finding);
        StartErrors { anywhere: errors().find(is_read).cloned(), here: errors().next().cloned() }
    }
}

/// Whether the file is so short that it can only be a placeholder for a boot program, which is copied later.
fn is_about_placeholder(finding: &Finding) -> bool {
    let Reason::Program(
        ProgramReason::NotEfi { path, .. }
        | ProgramReason::NotBios { path, .. }
        | ProgramReason::NotIpxe { path, .. },
    ) = &finding.reason
    else {
        return false;
    };
    fs::metadata(to_path(path)).is_ok_and(|file| file.len() < MIN_PROGRAM_LEN)
}

/// Whether another TFTP server would have to run: it may be started later, or on the machine for which the file is meant.
fn depends_on_time(finding: &Finding) -> bool {
    matches!(finding.reason, Reason::Reply(ReplyReason::TftpMissing { .. }))
}

/// What answers simulated clients: the configuration with its hosts and option files, on this machine.
fn environment_of(mut config: Config) -> Environment {
    let interfaces = snapshot().unwrap_or_default();
    let identity = serving_identity(&config);
    let mut files_of_hosts = ReloadableFiles::from_config(&config);
    let snapshot = files_of_hosts.list().read();
    let (names, _) = files_of_hosts.read(&mut config, snapshot);
    Environment::new(config, names, interfaces, identity)
}

fn unknown_users(config: &Config) -> impl Iterator<Item = Finding> {
    let users = unknown_identities(config).into_iter();
    users
        .chain(script_user(config).err())
        .map(|error| finding(|message| StartReason::UnknownUser { message }, &error))
}
