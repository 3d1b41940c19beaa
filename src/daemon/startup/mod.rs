//! The start, in stages that are types (docs/dnsmasq/daemon.md, section 1). Errors up to [`Bound`] are printed by the
//! process that was started, what needs root is done before `Confined`, and only `Confined` can serve.

pub mod banner;
pub mod bind;
pub mod bind_device;
pub mod bind_error;
pub mod command;
mod control_file;
pub mod dry_run;
pub mod file_process;
pub mod fork_status;
pub mod lease_file;
pub mod parsed;
mod parts;
pub mod pid_file;
pub mod predecessor;
pub mod privileges;
pub mod refusals;
pub mod sandbox;
pub mod standard_streams;
pub mod test_run;
pub mod tftp_limits;

pub use self::command::{Command, parse};
pub use self::parsed::Parsed;

use self::banner::StartupBanner;
use self::control_file::CreatedFile;
use self::file_process::Given;
use self::fork_status::ForkStatus;
use self::parts::{
    links, monitoring, packet_profile, prepare_writes, replacement, scheduling, service_manager,
};
use self::predecessor::Predecessor;
use self::privileges::Capabilities;
use self::sandbox::Limits;
use super::busy_poll::BusyPoll;
use super::config_files::ConfigFiles;
use super::file_process::protocol::{Reply, Started};
use super::file_process::roots::Roots;
use super::file_process::{FileProcess, WatchedDirectories};
use super::files::DiskFiles;
use super::files::io_threads::IoThreads;
use super::host_process::HostProcess;
use super::host_process::child::HostSetup;
use super::log_requests::LogReopening;
use super::rate_limit::log_limit::LogLimiter;
use super::reply_queue::DelayedReplies;
use super::script::Script;
use super::sockets::{EventSource, Sockets};
use super::{Daemon, ExitReason, ProcessControl};
use crate::config::Config;
use crate::config::reload::snapshot::ConfigSnapshot;
use crate::config::server_names::ServerNames;
use crate::error::StartupError;
use crate::finding::Finding;
use crate::log_line::{FileLine, ProcessLine, SandboxLine, TftpLine};
use crate::logging::Logger;
use crate::net::Interfaces;
use crate::strerror::strerror;
use crate::sys::control_socket::ControlListener;
use crate::sys::dhcp_sniffer::DhcpSniffer;
use crate::sys::directory_changes::ChangeReader;
use crate::sys::interfaces::{RouteSocket, Watch};
use crate::sys::limits;
use crate::sys::neighbour::NeighbourTable;
use crate::sys::privilege::{Capability, Identity};
use crate::sys::signals::Signals;
use crate::tftp::Server;
use conf_parser::UniqueRoot;
use std::os::fd::OwnedFd;
use std::sync::Arc;

/// Everything that needs root is open.
pub struct Bound {
    config: Config,
    findings: Vec<Finding>,
    interfaces: Interfaces,
    opened: Opened,
    privileges: Privileges,
    /// `--unconfined`
    unconfined: bool,
    /// The server that is replaced.
    predecessor: Option<Predecessor>,
    /// The control group, if a service manager has started this process.
    cgroup: Option<String>,
    /// The process that was started.
    starter: u32,
}

/// Descriptors that were opened as root.
struct Opened {
    sockets: Sockets,
    sniffer: Option<DhcpSniffer>,
    address_watch: Watch,
    route: RouteSocket,
    watched: Option<WatchedDirectories>,
    /// Changes of directories whose names are known.
    changes: Option<ChangeReader>,
    /// The interface that the DHCP sockets are bound to.
    device: Option<String>,
    /// The control socket and standard error, which are passed to a process that replaces this one.
    control: Option<ControlListener>,
    /// Its file, which a start that fails removes.
    created: Option<CreatedFile>,
    standard_error: Option<OwnedFd>,
}

/// The users and capabilities with which the processes run.
struct Privileges {
    identity: Identity,
    capabilities: Capabilities,
    script_user: Option<Identity>,
}

/// In the process that will serve.
pub struct Detached {
    bound: Bound,
    /// Reports to the process that was started, where that is another one.
    fork_status: Option<ForkStatus>,
}

/// The log is open, the terminal is closed, the process for the script runs.
struct Daemonized {
    bound: Bound,
    signals: Signals,
    script: Option<Script>,
    file_process: FileProcess,
    host: Option<HostProcess>,
    lines: Vec<ProcessLine>,
}

/// Root's rights are given up, for good, and the other processes have started. Only this stage can serve.
struct Confined {
    daemonized: Daemonized,
    file_process: Started,
    /// The restrictions of the host process.
    host: Option<String>,
}

impl Bound {
    /// Writes the pid file, opens the log, closes the terminal, starts the other processes.
    fn settle(mut self, logger: &Logger) -> Result<Daemonized, StartupError> {
        let watched = self.opened.watched.take();
        let control = self.open_control();
        let Self { config, opened: Opened { sockets, changes, .. }, privileges, .. } = &self;
        let changes = changes.as_ref();
        let (process, identity) = (&config.process, &privileges.identity);
        let pid_file = match (process.pid_file(), &self.predecessor) {
            (Some(path), None) => pid_file::write(path, identity)?,
            (Some(path), Some(_)) => {
                pid_file::prepare(path, identity, self.starter).map(|()| None)?
            }
            (None, _) => None,
        };
        let standard_error =
            standard_streams::standard_error_of_log(process, self.predecessor.as_ref())?;
        let log_file = logger.configure(process, Some(identity))?;
        let signals = Signals::new().map_err(|error| {
            StartupError::other(format!("cannot take signals: {}", strerror(&error)))
        })?;
        sockets.register_datagrams(&signals, EventSource::Signals)?;
        standard_streams::redirect(process, self.predecessor.is_some(), standard_error.as_ref())?;
        let waker = sockets.waker();
        // If the loop cannot be woken, the request is sent with the next event.
        let wake = move || drop(waker.wake());
        let syslog = logger.connect_by_file_process(wake).map_err(|error| {
            StartupError::other(format!("cannot open a socket for the log: {}", strerror(&error)))
        })?;
        let script = Script::new(config, privileges.script_user.clone())?;
        if let Some(script) = &script {
            sockets.register_datagrams(script, EventSource::Script)?;
        }
        let limits = self.limits(&privileges.capabilities.files);
        let file_process =
            file_process::start(config, Given { watched, changes, syslog, limits, control })?;
        sockets.register_datagrams(&file_process, EventSource::FileProcess)?;
        let lines = pid_file.into_iter().chain(log_file).collect();
        self.opened.standard_error = standard_error;
        let host = self.start_host()?;
        Ok(Daemonized { bound: self, signals, script, file_process, host, lines })
    }

    /// What a process may keep. In debug mode the user does not change.
    fn limits(&self, capabilities: &[Capability]) -> Limits {
        let identity = (!self.config.process.debug).then(|| self.privileges.identity.clone());
        let capabilities = capabilities.to_vec();
        Limits { identity, capabilities, unconfined: self.unconfined }
    }

    /// Starts the host process, if there is DHCP. The packet socket is then open only there.
    fn start_host(&mut self) -> Result<Option<HostProcess>, StartupError> {
        let limits = self.limits(&self.privileges.capabilities.host);
        let Self { config, opened, .. } = self;
        if config.dhcp.ranges.is_empty() {
            return Ok(None);
        }
        let setup =
            HostSetup { limits, sniffer: opened.sniffer.take(), device: opened.device.clone() };
        let host = HostProcess::start(&setup)?;
        opened.sockets.register_datagrams(&host, EventSource::Host)?;
        Ok(Some(host))
    }
}

impl Detached {
    /// Serves until a signal ends the daemon. An error before it serves is reported to the process that was started.
    pub fn serve(self, logger: &Logger) -> Result<ExitReason, StartupError> {
        let Self { bound, fork_status } = self;
        let ready = bound
            .settle(logger)
            .and_then(Daemonized::confine)
            .and_then(|confined| confined.ready(logger));
        let serves = ready.and_then(|mut daemon| {
            let is_awaited = || fork_status.as_ref().is_none_or(ForkStatus::is_awaited);
            if let Some(server) = daemon.replacement.server() {
                let from = predecessor::take_over(server, is_awaited)?;
                daemon.replacement.begin(from);
            }
            Ok(daemon)
        });
        match (serves, fork_status) {
            (Ok(mut daemon), status) => {
                daemon.replacement.set_starter(status.map(|mut status| {
                    status.started();
                    status
                }));
                daemon.serve()
            }
            (Err(error), Some(status)) => {
                status.failed(&error);
                Ok(ExitReason::Failed(error.exit_code()))
            }
            (Err(error), None) => Err(error),
        }
    }
}

impl Daemonized {
    /// Gives up the rights that are not needed. In debug mode the user does not change. If another process does not start, root's
    /// rights are still there to remove the control socket.
    fn confine(mut self) -> Result<Confined, StartupError> {
        let file_process = self.file_process.wait_until_started()?;
        let host = self.host.as_mut().map(HostProcess::wait_until_ready).transpose()?;
        let Bound { privileges, .. } = &self.bound;
        self.bound.limits(&privileges.capabilities.packet).drop_privileges()?;
        Ok(Confined { daemonized: self, file_process, host })
    }
}

impl Confined {
    /// Reads files, enters the sandbox and logs the lines of the start.
    fn ready(self, logger: &Logger) -> Result<Daemon, StartupError> {
        let Self { daemonized, file_process: Started { restrictions, missing_roots }, .. } = self;
        let limits = daemonized.bound.limits(&daemonized.bound.privileges.capabilities.packet);
        let Daemonized { bound, signals, script, mut file_process, host, lines } = daemonized;
        let Bound { mut config, findings, interfaces, opened, privileges, .. } = bound;
        let (mut predecessor, cgroup) = (bound.predecessor, bound.cgroup);
        let Opened { mut sockets, route, device, changes, control, standard_error, .. } = opened;
        let (disk_files, roots) = open_tftp(&mut config, &sockets, changes, &missing_roots)?;
        let mut config_files = ConfigFiles::new(&config);
        let (names, file_lines) = read_config(&mut file_process, &mut config_files, &mut config)?;
        opened.created.into_iter().for_each(CreatedFile::keep);
        let busy_poll = BusyPoll::new(limits::processors());
        let sd_notify = service_manager(predecessor.as_mut());
        let writes = prepare_writes(&config, &mut sockets, standard_error.as_ref());
        let monitoring = monitoring(&config, &route);
        let packets = limits.confine(&packet_profile(logger, sd_notify.as_ref(), writes));
        let banner = StartupBanner {
            process_lines: lines,
            sandbox: SandboxLine { packets, files: restrictions, host: self.host },
            findings,
            device: device.as_deref(),
            roots,
            files: file_lines,
        };
        banner.lines(&config, &interfaces).iter().for_each(|line| logger.write(line));
        Ok(Daemon {
            replacement: replacement(&config, predecessor, cgroup),
            monitoring,
            log_limiter: LogLimiter::new(&config),
            config,
            config_files,
            links: links(opened.address_watch, route, device, &interfaces),
            interfaces,
            names,
            sockets,
            tftp: Server::default(),
            files: disk_files,
            file_process,
            script,
            host,
            broadcast_instead: privileges.capabilities.broadcast_instead,
            process: ProcessControl { signals, sd_notify, control, standard_error },
            logger: logger.clone(),
            log_reopening: LogReopening::default(),
            delayed_replies: DelayedReplies::default(),
            scheduling: scheduling(busy_poll),
            effects: Vec::new(),
        })
    }
}

/// Reads hosts and option files for the first time.
fn read_config(
    file_process: &mut FileProcess,
    config_files: &mut ConfigFiles,
    config: &mut Config,
) -> Result<(ServerNames, Vec<FileLine>), StartupError> {
    if config_files.reloadable.list().files().is_empty() {
        // The configuration itself may have names of servers.
        return Ok(config_files.reloadable.read(config, ConfigSnapshot::default()));
    }
    let read = match file_process.read_config() {
        Ok((Reply::Config { size, unwatched }, fds)) => {
            config_files.read((fds.into_iter().next(), size), &unwatched, config)
        }
        _ => None,
    };
    read.ok_or_else(|| StartupError::other("hosts and option files cannot be read"))
}

/// Limits the number of transfers; the lines about roots and limits. Without TFTP there are no threads for disks.
fn open_tftp(
    config: &mut Config,
    sockets: &Sockets,
    changes: Option<ChangeReader>,
    missing_roots: &[u16],
) -> Result<(DiskFiles, Vec<TftpLine>), StartupError> {
    let Some(tftp) = config.tftp.as_mut().map(Arc::make_mut) else {
        return Ok((DiskFiles::default(), Vec::new()));
    };
    let threads = IoThreads::new(sockets.waker());
    let mut files = DiskFiles::new(Roots::from_config(tftp), changes, threads);
    if tftp.unique_roots.contains(&UniqueRoot::Mac) {
        files.neighbours = Some(NeighbourTable::open().map_err(|error| {
            StartupError::other(format!("cannot create netlink socket: {}", strerror(&error)))
        })?);
    }
    let mut lines = tftp_limits::missing_root_lines(tftp, missing_roots);
    lines.extend(tftp_limits::limit_transfers(tftp));
    Ok((files, lines))
}
