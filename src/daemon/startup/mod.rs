//! From the command line to the loop, in stages that are types (docs/dnsmasq/daemon.md, section 1): what may fail at the terminal
//! happens up to [`Bound`], what needs root before [`Confined`], what serves behind it.

pub mod banner;
pub mod bind_device;
pub mod bind_error;
pub mod fork_status;
pub mod lease_file;
pub mod pid_file;
pub mod port_owner;
pub mod privileges;
pub mod sandbox;
pub mod sandbox_paths;
pub mod tftp_limits;

use self::banner::StartupBanner;
use self::bind_device::{DeviceBinding, single_interface};
use self::fork_status::ForkStatus;
use self::lease_file::Leases;
use self::privileges::{identity, serving_identity};
use self::sandbox::Sandbox;
use super::config_watch::WatchedDirectories;
use super::files::DiskFiles;
use super::files::io_threads::IoThreads;
use super::log_limit::LogLimiter;
use super::notices::FileInspector;
use super::script::Script;
use super::sd_notify::SdNotify;
use super::sockets::{EventSource, Sockets};
use super::{Clock, Daemon, ExitReason};
use crate::boot_monitor::BootMonitor;
use crate::command_line::{self, CommandLine, Extensions};
use crate::config::network::Binding;
use crate::config::network::missing_interfaces;
use crate::config::read::build::Purpose;
use crate::config::read::load::{Loaded, Loader};
use crate::config::read::system_lookups::SystemLookups;
use crate::config::reload::ReloadableFiles;
use crate::config::{Config, ConfigWarning};
use crate::diagnose::environment;
use crate::error::StartupError;
use crate::explain::{Environment, ExplainOutput, ExplainRequest, explain};
use crate::log_line::{FileLine, Line, ProcessLine, SandboxLine};
use crate::logging::Logger;
use crate::net::Interfaces;
use crate::story::OutputFormat;
use crate::strerror::strerror;
use crate::sys::daemonize::redirect_stdio_to_null;
use crate::sys::dhcp_sniffer::DhcpSniffer;
use crate::sys::fds::close_inherited;
use crate::sys::interfaces::{Watch, has_interface, snapshot};
use crate::sys::limits;
use crate::sys::privilege::{Capability, Identity};
use crate::sys::signals::Signals;
use conf_parser::Switch;
use std::ffi::OsString;
use std::fs::File;
use std::io;
use std::sync::Arc;

/// What the command line asks for.
pub enum Command {
    /// Print this and leave.
    Print(String),
    /// Say whether it is good.
    Test {
        /// What was read.
        parsed: Parsed,
        /// Whether remarks of ours make it bad.
        strict: bool,
    },
    /// Serve.
    Serve(Parsed),
    /// Tell the boots of a log.
    Story {
        /// How.
        format: OutputFormat,
        /// The log, by [`to_text`](crate::byte_text::to_text); `None` is standard input.
        path: Option<String>,
    },
    /// Say what clients would be told.
    Explain {
        /// What was read.
        parsed: Parsed,
        /// The clients, each as it is described.
        clients: Vec<String>,
        /// Whether programs read the answer.
        json: bool,
    },
}

/// A configuration that was read.
pub struct Parsed {
    loaded: Loaded,
    unconfined: bool,
}

/// All that is opened as root, and in the process that was started.
pub struct Bound {
    config: Config,
    warnings: Vec<ConfigWarning>,
    interfaces: Interfaces,
    leases: Option<File>,
    sockets: Sockets,
    sniffer: Option<DhcpSniffer>,
    watch: Watch,
    watched: Option<WatchedDirectories>,
    identity: Identity,
    capabilities: Vec<Capability>,
    script_user: Option<Identity>,
    device: Option<String>,
    unconfined: bool,
}

/// In the process that will serve.
pub struct Detached {
    bound: Bound,
    /// To whom it matters whether we serve.
    fork_status: Option<ForkStatus>,
}

/// Logging, and away from the terminal.
struct Daemonized {
    bound: Bound,
    signals: Signals,
    script: Option<Script>,
    /// What there is to say of that.
    lines: Vec<ProcessLine>,
}

/// Running as nobody in particular, for good. Only this stage can serve.
struct Confined {
    settled: Daemonized,
}

/// Reads the command line and the files it leads to.
pub fn parse(words: &[OsString], posixly_correct: bool) -> Result<Command, StartupError> {
    let line = CommandLine::parse(words, posixly_correct);
    let asks = |switch: Switch| line.options.iter().any(|given| given.row.switch() == Some(switch));
    let plain = !asks(Switch::Version) && !asks(Switch::Help);
    if let (Some(form), command_line::Termination::Complete, true) =
        (&line.extensions.story, line.end, plain)
    {
        if !line.options.is_empty() || line.extensions.json || !line.extensions.explain.is_empty() {
            return Err(StartupError::config("bad command line options: --story stands alone"));
        }
        let unknown = || {
            StartupError::config(format!("bad --story: there is no form {form}, but text and html"))
        };
        let form = OutputFormat::parse(form).ok_or_else(unknown)?;
        return Ok(Command::Story { format: form, path: line.extensions.args.first().cloned() });
    }
    if line.extensions.json && line.extensions.explain.is_empty() {
        return Err(StartupError::config("bad command line options: --json is for --explain"));
    }
    let test = asks(Switch::Test);
    let checks = test && line.extensions.explain.is_empty();
    let purpose = if checks { Purpose::Check } else { Purpose::Serve };
    let mut loader = Loader::new(purpose, SystemLookups { has_interface });
    for given in &line.options {
        match given.row.switch() {
            Some(Switch::Version) => return Ok(Command::Print(command_line::version())),
            Some(Switch::Help) => return Ok(Command::Print(command_line::help(line.page))),
            _ => loader.argument(given.row, given.value.as_deref())?,
        }
    }
    let words = match line.end {
        command_line::Termination::Malformed => Some("bad command line options: try --help"),
        command_line::Termination::ExtraWords => Some("junk found in command line"),
        command_line::Termination::Complete => None,
    };
    if let Some(words) = words {
        return Err(StartupError::config(words).with_detail(line.error_detail.unwrap_or_default()));
    }
    loader.main_file()?;
    let (strict, Extensions { explain: clients, json, unconfined, .. }) =
        (line.strict, line.extensions);
    let parsed = Parsed { loaded: loader.finish()?, unconfined };
    Ok(match (clients.is_empty(), test) {
        (false, _) => Command::Explain { parsed, clients, json },
        (true, true) => Command::Test { parsed, strict },
        (true, false) => Command::Serve(parsed),
    })
}

impl Parsed {
    /// What is wrong with the configuration, as far as dnsmasq does not check it.
    pub fn warnings(&self) -> Vec<ConfigWarning> {
        let Loaded { config, notes, .. } = &self.loaded;
        // Looking costs more than reading a short file: only where there is something to look for.
        let serves_files = config.tftp.is_some();
        let looks = serves_files || !config.dhcp.ranges.is_empty();
        let interfaces = if looks { snapshot().ok() } else { None };
        let identity = if serves_files { serving_identity(config) } else { None };
        let more =
            environment::environment_warnings(config, interfaces.as_ref(), identity.as_ref());
        let roots = config.tftp.iter().flat_map(|tftp| environment::missing_roots(tftp));
        let absent = interfaces.iter().flat_map(|here| missing_interfaces(&config.network, here));
        let absent = absent.map(|name| {
            ConfigWarning::general(format!("interface {name} does not currently exist"))
        });
        notes.iter().cloned().chain(more).chain(absent).chain(roots).collect()
    }

    /// The files that were read, in order.
    pub fn files(&self) -> &[Arc<str>] {
        &self.loaded.files
    }

    /// What clients are told that do not exist.
    pub fn explain(self, clients: &[String], json: bool) -> Result<ExplainOutput, StartupError> {
        let mut warnings: Vec<String> = self.warnings().iter().map(ToString::to_string).collect();
        let starts = identity(&self.loaded.config).map(drop);
        let refused = self.loaded.notes.iter().filter(|note| note.fatal).map(ToString::to_string);
        let ends = starts.err().map(|failure| failure.message).into_iter().chain(refused);
        warnings.extend(ends.map(|why| format!("the program does not start: {why}")));
        let Loaded { mut config, files, .. } = self.loaded;
        let interfaces = snapshot().unwrap_or_default();
        let identity = serving_identity(&config);
        let (names, _) = ReloadableFiles::from_config(&config).read(&mut config);
        let mut world = Environment { config, names, interfaces, identity };
        let files = files.iter().map(ToString::to_string).collect();
        explain(&ExplainRequest { clients, json }, &mut world, files, warnings)
    }

    /// Opens everything that needs root, and that may fail for everybody to see.
    pub fn bind(self, journal: &Logger) -> Result<Bound, StartupError> {
        let failed = |what: &'static str| {
            move |error: io::Error| StartupError::other(format!("{what}: {}", strerror(&error)))
        };
        close_inherited();
        let Self { loaded: Loaded { config, mut notes, .. }, unconfined } = self;
        let watch = Watch::new().map_err(failed("cannot create netlink socket"))?;
        let interfaces = snapshot().map_err(failed("failed to find list of interfaces"))?;
        notes.extend(environment::environment_warnings(
            &config,
            Some(&interfaces),
            serving_identity(&config).as_ref(),
        ));
        if let Some(refusal) = notes.iter().find(|note| note.fatal) {
            return Err(StartupError::config(refusal.to_string()));
        }
        let Leases { file: leases, warnings: happened } = lease_file::open(&config)?;
        happened.into_iter().for_each(|line| journal.write(&Line::File(line)));
        let sockets = Sockets::open(&config, &interfaces)?;
        sockets.register_datagrams(&watch, EventSource::AddressWatch)?;
        let watched = WatchedDirectories::new(&config)?;
        watched.iter().try_for_each(|watched| {
            sockets.register_datagrams(watched, EventSource::Directories)
        })?;
        if config.network.binding == Binding::Interfaces
            && let Some(name) = missing_interfaces(&config.network, &interfaces).first()
        {
            return Err(StartupError::network(format!("unknown interface {name}")));
        }
        let bound_to = single_interface(&config, &interfaces);
        bound_to.iter().try_for_each(|name| sockets.bind_dhcp_first_to(name))?;
        // Who may not hear the others does without.
        let hears = config.dhcp.pxe_enabled && !config.dhcp.ranges.is_empty();
        let ear = hears.then(|| DhcpSniffer::open(config.dhcp.client_port).ok()).flatten();
        ear.iter().try_for_each(|ear| sockets.register_datagrams(ear, EventSource::Sniffer))?;
        let script_user = privileges::script_user(&config)?;
        let identity = identity(&config)?;
        let kept = privileges::required_capabilities(
            &config,
            bound_to.is_some(),
            sockets.wait_for_addresses(),
        )?;
        Ok(Bound {
            config,
            warnings: notes,
            interfaces,
            leases,
            sockets,
            sniffer: ear,
            watch,
            watched,
            identity,
            capabilities: kept,
            script_user,
            device: bound_to,
            unconfined,
        })
    }
}

impl Bound {
    /// Goes into the background, if it is to. `None`: we are the process that was started, and the daemon serves.
    pub fn detach(self) -> Result<Option<Detached>, StartupError> {
        let process = &self.config.process;
        if !process.debug {
            std::env::set_current_dir("/").map_err(|error| {
                StartupError::other(format!(
                    "cannot chdir to filesystem root: {}",
                    strerror(&error)
                ))
            })?;
        }
        if process.debug || process.foreground {
            return Ok(Some(Detached { bound: self, fork_status: None }));
        }
        let herald = ForkStatus::detach()?;
        Ok(herald.map(|herald| Detached { bound: self, fork_status: Some(herald) }))
    }

    /// Writes the pid file, opens the log, leaves the terminal.
    fn settle(self, journal: &Logger) -> Result<Daemonized, StartupError> {
        let Self { config, identity, sockets, .. } = &self;
        let process = &config.process;
        let written = process.pid_file().map(|path| pid_file::write(path, identity));
        let pid_file = written.transpose()?.flatten();
        let log_file = journal.configure(process, Some(identity).filter(|_| !process.debug))?;
        let signals = Signals::new().map_err(|error| {
            StartupError::other(format!("cannot take signals: {}", strerror(&error)))
        })?;
        sockets.register_datagrams(&signals, EventSource::Signals)?;
        if !process.debug {
            redirect_stdio_to_null().map_err(|error| {
                StartupError::other(format!("cannot leave the terminal: {}", strerror(&error)))
            })?;
        }
        let script = Script::new(config, self.script_user.clone())?;
        script
            .iter()
            .try_for_each(|script| sockets.register_datagrams(script, EventSource::Script))?;
        let said = pid_file.into_iter().chain(log_file).collect();
        Ok(Daemonized { bound: self, signals, script, lines: said })
    }
}

impl Detached {
    /// Serves until told to end. A failure before that is for whoever waits for us.
    pub fn serve(self, journal: &Logger) -> Result<ExitReason, StartupError> {
        let Self { bound, fork_status: herald } = self;
        let ready = bound
            .settle(journal)
            .and_then(Daemonized::confine)
            .and_then(|confined| confined.ready(journal));
        match (ready, herald) {
            (Ok(daemon), herald) => {
                herald.into_iter().for_each(ForkStatus::started);
                daemon.serve()
            }
            (Err(failure), Some(herald)) => {
                herald.failed(&failure);
                Ok(ExitReason::Failed(failure.code))
            }
            (Err(failure), None) => Err(failure),
        }
    }
}

impl Daemonized {
    /// Gives up what is not needed any more. In debug mode the user stays.
    fn confine(self) -> Result<Confined, StartupError> {
        let Bound { config, identity, capabilities: kept, .. } = &self.bound;
        if !config.process.debug {
            privileges::drop_privileges(identity, kept)?;
        }
        Ok(Confined { settled: self })
    }
}

impl Confined {
    /// Looks at what is served, and tells that it is.
    fn ready(self, journal: &Logger) -> Result<Daemon, StartupError> {
        let Daemonized { bound, signals, script, lines: said } = self.settled;
        let Bound {
            mut config,
            warnings: notes,
            interfaces,
            leases,
            sockets,
            sniffer: ear,
            watch,
            mut watched,
            device: bound_to,
            unconfined,
            ..
        } = bound;
        let mut warnings = Vec::new();
        let mut files = DiskFiles::default();
        if let Some(tftp) = config.tftp.as_mut().map(Arc::make_mut) {
            files = DiskFiles::new(tftp.secure, IoThreads::new(sockets.waker()?));
            warnings = tftp_limits::check_roots(tftp)?;
            warnings.extend(tftp_limits::limit_transfers(tftp));
        }
        let mut run_time_files = ReloadableFiles::from_config(&config);
        let mut happened: Vec<FileLine> =
            watched.iter_mut().flat_map(|watched| watched.rewatch(&config)).collect();
        let (names, read) = run_time_files.read(&mut config);
        happened.extend(read);
        let linger = super::busy_poll::BusyPoll::new(limits::processors());
        let identity = Identity::current();
        // Before there is any thread: each would be outside.
        let (confinement, confined_by) = if unconfined {
            (Sandbox::default(), SandboxLine::Inactive)
        } else {
            Sandbox::enter(&config)
        };
        let start = StartupBanner {
            process_lines: said,
            sandbox: confined_by,
            warnings: notes,
            device: bound_to.as_deref(),
            roots: warnings,
            files: happened,
        };
        start.lines(&config, &interfaces).iter().for_each(|line| journal.write(line));
        let bound_to = bound_to.map(|name| DeviceBinding::new(name, &interfaces));
        Ok(Daemon {
            teller: LogLimiter::new(&config),
            monitor: BootMonitor::default(),
            inspector: FileInspector::new(identity, confinement),
            sniffer: ear,
            config,
            device: bound_to,
            interfaces,
            names,
            run_time_files,
            watched_directories: watched,
            _leases: leases,
            sockets,
            signals,
            address_watch: watch,
            tftp: crate::tftp::Server::default(),
            files,
            script,
            logger: journal.clone(),
            delayed_replies: super::perform::DelayedReplies::default(),
            clock: Clock::start(),
            effects: Vec::new(),
            busy_poll: linger,
            backlog: Vec::new(),
            sd_notify: SdNotify::from_environment(),
        })
    }
}
