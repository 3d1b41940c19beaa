//! From the command line to what the program has to do.

use super::parsed::Parsed;
use super::test_run::TestRun;
use crate::command_line::{self, CommandLine, Extensions, Termination};
use crate::config::read::load::{Loaded, Loader};
use crate::config::read::system_lookups::SystemLookups;
use crate::error::StartupError;
use crate::status_query::StatusRequest;
use crate::story::{OutputFormat, StoryRequest};
use crate::sys::interfaces::has_interface;
use conf_parser::Switch;
use std::ffi::OsString;
use std::ops::ControlFlow;

/// What the command line asks for.
pub enum Command {
    /// Print this text and exit.
    Print(String),
    /// `--test`: check the configuration.
    Test(TestRun),
    /// Serve.
    Serve(Parsed),
    /// `--status`: print the state of the running server.
    Status(StatusRequest),
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

/// Reads the command line and the files that it names. With `--test=...` an error is its result, and is not logged.
pub fn parse(args: &[OsString], posixly_correct: bool) -> Result<Command, StartupError> {
    let line = CommandLine::parse(args, posixly_correct);
    let mode = line.test;
    let is_test = !mode.is_plain() && line.extensions.explain.is_empty();
    match command(line) {
        Err(error) if is_test => Ok(Command::Test(TestRun { mode, read: Err(error) })),
        result => result,
    }
}

fn command(line: CommandLine) -> Result<Command, StartupError> {
    check_combination(&line)?;
    if let Some(story) = parse_story(&line)? {
        return Ok(story);
    }
    let has_json = !line.extensions.explain.is_empty() || line.extensions.status.is_some();
    if line.extensions.json && !has_json {
        return Err(StartupError::config(
            "bad command line options: --json is for --explain, --status or --story",
        ));
    }
    let has_way = line.extensions.status.is_some() && line.end == Termination::Complete;
    match load(&line).map_err(|error| if has_way { with_way_to_ask(error) } else { error })? {
        ControlFlow::Break(text) => Ok(Command::Print(text)),
        ControlFlow::Continue(loaded) => loaded_command(line, loaded),
    }
}

/// Reads the configuration of the command line and of the files that it names. `Break`: the text of `--version` or `--help`.
fn load(line: &CommandLine) -> Result<ControlFlow<String, Loaded>, StartupError> {
    let mut loader = Loader::new(SystemLookups { has_interface });
    for given in &line.options {
        match given.row.switch() {
            Some(Switch::Version) => return Ok(ControlFlow::Break(command_line::version())),
            Some(Switch::Help) => {
                let width = command_line::DEFAULT_WIDTH;
                return Ok(ControlFlow::Break(command_line::help(line.page, width)));
            }
            _ => loader.argument(given.row, given.value.as_deref())?,
        }
    }
    if let Some(message) = syntax_error(line.end) {
        let detail = line.error_detail.clone().unwrap_or_default();
        return Err(StartupError::config(message).with_detail(detail));
    }
    loader.main_file()?;
    loader.finish().map(ControlFlow::Continue)
}

/// The configuration is often invalid just when the state of the server is of interest: after an edit.
fn with_way_to_ask(error: StartupError) -> StartupError {
    let way =
        "to ask the running server without the configuration, use --conf-file --pid-file=<path>";
    let further = [error.further(), &[way.to_owned()]].concat();
    error.with_further(further)
}

fn loaded_command(line: CommandLine, loaded: Loaded) -> Result<Command, StartupError> {
    let test = has_switch(&line, Switch::Test);
    let mode = line.test;
    let Extensions { explain: clients, json, unconfined, replace, status, .. } = line.extensions;
    if let Some(format) = status {
        let pid_file = loaded.config.process.pid_file.as_deref();
        return StatusRequest::parse(&format, json, pid_file).map(Command::Status);
    }
    let parsed = Parsed { loaded, unconfined, replace };
    Ok(match (clients.is_empty(), test) {
        (false, _) => Command::Explain { parsed, clients, json },
        (true, true) => Command::Test(TestRun { mode, read: Ok(parsed) }),
        (true, false) => Command::Serve(parsed),
    })
}

/// `--status` and `--replace` are about the running server, and each of the others about something else. `--version` and
/// `--help` come first.
fn check_combination(line: &CommandLine) -> Result<(), StartupError> {
    if has_switch(line, Switch::Version) || has_switch(line, Switch::Help) {
        return Ok(());
    }
    let Extensions { explain, story, replace, status, .. } = &line.extensions;
    let is_given = [
        ("--status", status.is_some()),
        ("--replace", *replace),
        ("--test", has_switch(line, Switch::Test)),
        ("--explain", !explain.is_empty()),
        ("--story", story.is_some()),
    ];
    let given: Vec<&str> =
        is_given.iter().filter(|(_, given)| *given).map(|(name, _)| *name).collect();
    match given[..] {
        [first @ ("--status" | "--replace"), second, ..] => Err(StartupError::config(format!(
            "bad command line options: {first} cannot be combined with {second}: use one of them"
        ))),
        _ => Ok(()),
    }
}

/// `--story`, unless `--version` or `--help` is given too, or the command line is malformed.
fn parse_story(line: &CommandLine) -> Result<Option<Command>, StartupError> {
    let Some(value) = &line.extensions.story else { return Ok(None) };
    let prints = has_switch(line, Switch::Version) || has_switch(line, Switch::Help);
    if prints || line.end != Termination::Complete {
        return Ok(None);
    }
    if !line.options.is_empty() || !line.extensions.explain.is_empty() {
        return Err(StartupError::config(
            "bad command line options: --story cannot be combined with other options",
        ));
    }
    let mut request = StoryRequest::parse(value, &line.extensions.args)?;
    if line.extensions.json {
        request.format = OutputFormat::Json;
    }
    Ok(Some(Command::Story(request)))
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
