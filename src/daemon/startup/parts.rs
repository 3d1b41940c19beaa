//! Parts of the daemon, as they are at the start.

use super::bind_device::DeviceBinding;
use super::file_process;
use super::predecessor::Predecessor;
use crate::boot_monitor::BootMonitor;
use crate::config::Config;
use crate::daemon::busy_poll::BusyPoll;
use crate::daemon::clock::Clock;
use crate::daemon::deferred_notices::DeferredNotices;
use crate::daemon::loop_notices::LoopNotices;
use crate::daemon::neighbours::NeighbourWatch;
use crate::daemon::notices::Inspections;
use crate::daemon::replacement::Replacement;
use crate::daemon::sd_notify::SdNotify;
use crate::daemon::sockets::Sockets;
use crate::daemon::status::Observed;
use crate::daemon::{LinkWatch, Monitoring, Scheduling};
use crate::logging::Logger;
use crate::net::Interfaces;
use crate::sys::interfaces::{RouteSocket, Watch};
use crate::sys::neighbour_limit;
use crate::sys::profile::{Profile, Role};
use std::os::fd::{AsRawFd, OwnedFd};

/// The connection to the service manager: that of the environment, or of the server that is replaced.
pub fn service_manager(predecessor: Option<&mut Predecessor>) -> Option<SdNotify> {
    match predecessor {
        None => SdNotify::from_environment(),
        Some(server) => server.service_manager.take().map(SdNotify::from),
    }
}

pub fn replacement(
    config: &Config,
    predecessor: Option<Predecessor>,
    cgroup: Option<String>,
) -> Replacement {
    let is_watched = config.process.debug || config.process.foreground;
    match predecessor {
        None => Replacement::first(cgroup, is_watched),
        Some(Predecessor { earlier, .. }) => Replacement::after(earlier, cgroup),
    }
}

/// All descriptors of the start are open, and system calls are not restricted yet.
pub fn monitoring(config: &Config, route: &RouteSocket) -> Monitoring {
    Monitoring {
        observed: Observed::start(),
        boot_monitor: BootMonitor::default(),
        deferred: DeferredNotices::default(),
        inspections: Inspections::new(file_process::roots(config)),
        loop_notices: LoopNotices::new(file_process::roots(config)),
        neighbours: NeighbourWatch::new(neighbour_limit::usage(route).ok()),
    }
}

/// Prepares to send blocks of several transfers with one system call. A request of `io_submit` can have a flag with which it
/// overwrites a file that is open for appending (`RWF_NOAPPEND`), and seccomp does not see it. So it is not used if old lines of
/// a log could be changed.
pub fn prepare_writes(
    config: &Config,
    sockets: &mut Sockets,
    standard_error: Option<&OwnedFd>,
) -> Option<i32> {
    let is_log_safe = !Logger::has_regular_file(&config.process, standard_error);
    is_log_safe.then(|| sockets.transfers().prepare_writes()).flatten()
}

/// The restrictions of the packet process.
pub fn packet_profile(
    logger: &Logger,
    sd_notify: Option<&SdNotify>,
    writes: Option<i32>,
) -> Profile {
    let syslog = logger.syslog_fd().map(|fd| (Role::Syslog, fd));
    let manager = sd_notify.map(|manager| (Role::ServiceManager, manager.as_raw_fd()));
    let writes = writes.map(|id| (Role::WriteContext, id));
    Profile::packets(&syslog.into_iter().chain(manager).chain(writes).collect::<Vec<_>>())
}

pub fn links(
    address_watch: Watch,
    route: RouteSocket,
    device: Option<String>,
    interfaces: &Interfaces,
) -> LinkWatch {
    let device = device.map(|name| DeviceBinding::new(name, interfaces));
    LinkWatch { address_watch, route, device }
}

pub fn scheduling(busy_poll: BusyPoll) -> Scheduling {
    Scheduling { clock: Clock::start(), busy_poll, backlog: Vec::new() }
}
