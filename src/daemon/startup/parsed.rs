//! A configuration that was read: its findings, and the answers to `--explain`.

use super::privileges::{identity, script_user, serving_identity};
use super::refusals::finding;
use crate::config::Config;
use crate::config::read::load::Loaded;
use crate::config::reload::ReloadableFiles;
use crate::diagnose::environment;
use crate::error::StartupError;
use crate::explain::{Environment, ExplainOutput, ExplainRequest, StartErrors, explain};
use crate::finding::{Finding, Level, arranged};
use crate::reason::StartReason;
use crate::sys::interfaces::snapshot;
use crate::terminal::Layout;
use std::sync::Arc;

/// A configuration that was read.
pub struct Parsed {
    pub(super) loaded: Loaded,
    pub(super) unconfined: bool,
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
        findings.extend(environment::inaccessible_roots(config, identity.as_ref()));
        findings.extend(unknown_users(config));
        findings
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
        explain(request, &mut environment)
    }

    /// Why the program does not start. Errors of the configuration alone are those of any machine.
    fn start_errors(&self, findings: &[Finding]) -> StartErrors {
        let errors = || findings.iter().filter(|finding| finding.level == Level::Error);
        let is_read = |finding: &&Finding| self.loaded.findings.contains(finding);
        StartErrors { anywhere: errors().find(is_read).cloned(), here: errors().next().cloned() }
    }
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
    let users = [identity(config).err(), script_user(config).err()];
    users
        .into_iter()
        .flatten()
        .map(|error| finding(|message| StartReason::UnknownUser { message }, &error))
}
