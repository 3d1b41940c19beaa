//! From the command line to what the program has to do.

use super::privileges::{identity, serving_identity};
use crate::command_line::{self, CommandLine, Extensions, Termination};
use crate::config::network::missing_interfaces;
use crate::config::read::build::Purpose;
use crate::config::read::load::{Loaded, Loader};
use crate::config::read::system_lookups::SystemLookups;
use crate::config::reload::ReloadableFiles;
use crate::diagnose::environment;
use crate::error::StartupError;
use crate::explain::{Environment, ExplainOutput, ExplainRequest, explain};
use crate::finding::{Finding, Level};
use crate::reason::ConfigReason;
use crate::story::StoryRequest;
use crate::sys::interfaces::{has_interface, snapshot};
use conf_parser::Switch;
use std::ffi::OsString;
use std::sync::Arc;

/// What the command line asks for.
pub enum Command {
    /// Print this text and exit.
    Print(String),
    /// `--test`: check the configuration.
    Test {
        /// The configuration.
        parsed: Parsed,
        /// `--test=strict`: warnings of our own are errors too.
        strict: bool,
    },
    /// Serve.
    Serve(Parsed),
    /// `--story`: print the boots of a log.
    Story(StoryRequest),
    /// `--explain`: print the replies that clients would get.
    Explain {
        /// The configuration.
        parsed: Parsed,
        /// The clients, each as it is described on the command line.
        clients: Vec<String>,
        /// Print JSON.
        json: bool,
    },
}

/// A configuration that was read.
pub struct Parsed {
    pub(super) loaded: Loaded,
    pub(super) unconfined: bool,
}

/// Reads the command line and the files that it names.
pub fn parse(args: &[OsString], posixly_correct: bool) -> Result<Command, StartupError> {
    let line = CommandLine::parse(args, posixly_correct);
    if let Some(story) = parse_story(&line)? {
        return Ok(story);
    }
    if line.extensions.json && line.extensions.explain.is_empty() {
        return Err(StartupError::config("bad command line options: --json is for --explain"));
    }
    let test = has_switch(&line, Switch::Test);
    let purpose =
        if test && line.extensions.explain.is_empty() { Purpose::Check } else { Purpose::Serve };
    let mut loader = Loader::new(purpose, SystemLookups { has_interface });
    for given in &line.options {
        match given.row.switch() {
            Some(Switch::Version) => return Ok(Command::Print(command_line::version())),
            Some(Switch::Help) => return Ok(Command::Print(command_line::help(line.page))),
            _ => loader.argument(given.row, given.value.as_deref())?,
        }
    }
    if let Some(message) = syntax_error(line.end) {
        let detail = line.error_detail.unwrap_or_default();
        return Err(StartupError::config(message).with_detail(detail));
    }
    loader.main_file()?;
    let strict = line.strict;
    let Extensions { explain: clients, json, unconfined, .. } = line.extensions;
    let parsed = Parsed { loaded: loader.finish()?, unconfined };
    Ok(match (clients.is_empty(), test) {
        (false, _) => Command::Explain { parsed, clients, json },
        (true, true) => Command::Test { parsed, strict },
        (true, false) => Command::Serve(parsed),
    })
}

/// `--story`, unless `--version` or `--help` is given too, or the command line is malformed.
fn parse_story(line: &CommandLine) -> Result<Option<Command>, StartupError> {
    let Some(value) = &line.extensions.story else { return Ok(None) };
    let prints = has_switch(line, Switch::Version) || has_switch(line, Switch::Help);
    if prints || line.end != Termination::Complete {
        return Ok(None);
    }
    if !line.options.is_empty() || line.extensions.json || !line.extensions.explain.is_empty() {
        return Err(StartupError::config(
            "bad command line options: --story cannot be combined with other options",
        ));
    }
    Ok(Some(Command::Story(StoryRequest::parse(value, &line.extensions.args)?)))
}

fn has_switch(line: &CommandLine, switch: Switch) -> bool {
    line.options.iter().any(|given| given.row.switch() == Some(switch))
}

fn syntax_error(end: Termination) -> Option<&'static str> {
    match end {
        Termination::Malformed => Some("bad command line options: try --help"),
        Termination::ExtraWords => Some("junk found in command line"),
        Termination::Complete => None,
    }
}

impl Parsed {
    /// Faults of the configuration that dnsmasq does not check.
    pub fn findings(&self) -> Vec<Finding> {
        let Loaded { config, findings, .. } = &self.loaded;
        // These look-ups cost more than to read a short file, so they are done only where they can find a fault.
        let serves_files = config.tftp.is_some();
        let serves = serves_files || !config.dhcp.ranges.is_empty();
        let interfaces = if serves { snapshot().ok() } else { None };
        let identity = if serves_files { serving_identity(config) } else { None };
        let environment =
            environment::environment_findings(config, interfaces.as_ref(), identity.as_ref());
        let roots = config.tftp.iter().flat_map(|tftp| environment::missing_roots(tftp));
        let absent = interfaces.iter().flat_map(|here| missing_interfaces(&config.network, here));
        let absent = absent
            .map(|name| Finding::general(Level::Warning, ConfigReason::InterfaceMissing { name }));
        findings.iter().cloned().chain(environment).chain(absent).chain(roots).collect()
    }

    /// The files that were read, in order.
    pub fn files(&self) -> &[Arc<str>] {
        &self.loaded.files
    }

    /// The replies that the described clients would get.
    pub fn explain(self, clients: &[String], json: bool) -> Result<ExplainOutput, StartupError> {
        let mut warnings: Vec<String> = self.findings().iter().map(ToString::to_string).collect();
        let unknown_user = identity(&self.loaded.config).err().map(|error| error.to_string());
        let fatal = self
            .loaded
            .findings
            .iter()
            .filter(|one| one.level == Level::Error)
            .map(ToString::to_string);
        let reasons = unknown_user.into_iter().chain(fatal);
        warnings.extend(reasons.map(|reason| format!("the program does not start: {reason}")));
        let Loaded { mut config, files, .. } = self.loaded;
        let interfaces = snapshot().unwrap_or_default();
        let identity = serving_identity(&config);
        let mut files_of_hosts = ReloadableFiles::from_config(&config);
        let snapshot = files_of_hosts.list().read();
        let (names, _) = files_of_hosts.read(&mut config, snapshot);
        let mut environment = Environment { config, names, interfaces, identity };
        let files = files.iter().map(ToString::to_string).collect();
        explain(&ExplainRequest { clients, json }, &mut environment, files, warnings)
    }
}
