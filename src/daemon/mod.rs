//! The loop: one poll, one clock reading, and effects in the order in which they were decided.

mod busy_poll;
mod clock;
mod config_files;
mod deferred_notices;
mod dhcp_requests;
mod ending;
pub mod file_process;
mod file_replies;
mod files;
mod helpers;
mod host_process;
mod log_requests;
mod loop_notices;
mod neighbours;
mod notices;
mod perform;
mod poll_timeout;
mod rate_limit;
pub mod replacement;
mod reply_queue;
mod script;
mod sd_notify;
mod signal_actions;
mod sockets;
pub mod startup;
mod status;
mod tftp_events;

use crate::boot_monitor::BootMonitor;
use crate::config::Config;
use crate::config::network::Binding;
use crate::config::server_names::ServerNames;
use crate::effect::Effect;
use crate::error::StartupError;
use crate::log_line::{Line, ProcessLine};
use crate::logging::Logger;
use crate::net::Interfaces;
use crate::strerror::strerror;
use crate::sys::control_socket::ControlListener;
use crate::sys::interfaces::{RouteSocket, Watch};
use crate::sys::receive_batch::ReceiveBatch;
use crate::sys::signals::Signals;
use crate::sys::{limits, udp};
use crate::tftp::Server;
use crate::time::Timestamp;
use busy_poll::BusyPoll;
use clock::Clock;
use config_files::ConfigFiles;
use deferred_notices::DeferredNotices;
pub use ending::ExitReason;
use file_process::FileProcess;
use file_process::protocol::Request;
use files::DiskFiles;
use helpers::HelperState;
use host_process::HostProcess;
use log_requests::LogReopening;
use loop_notices::LoopNotices;
use mio::Events;
use notices::Inspections;
use poll_timeout::Limits;
use rate_limit::log_limit::LogLimiter;
use replacement::Replacement;
use reply_queue::DelayedReplies;
use script::Script;
use sd_notify::SdNotify;
use sockets::{EventSource, Sockets};
use startup::bind_device::DeviceBinding;
use status::Observed;
use std::io;
use std::os::fd::OwnedFd;
use std::time::{Duration, Instant};

/// A daemon that serves.
pub struct Daemon {
    config: Config,
    config_files: ConfigFiles,
    /// Addresses of the server names of the configuration.
    names: ServerNames,
    interfaces: Interfaces,
    links: LinkWatch,
    sockets: Sockets,
    tftp: Server,
    files: DiskFiles,
    file_process: FileProcess,
    script: Option<Script>,
    /// The host process; `None` without DHCP.
    host: Option<HostProcess>,
    /// Replies that need a neighbour entry are broadcast instead, because no entry can be added.
    broadcast_instead: bool,
    process: ProcessControl,
    replacement: Replacement,
    logger: Logger,
    log_reopening: LogReopening,
    log_limiter: LogLimiter,
    monitoring: Monitoring,
    delayed_replies: DelayedReplies,
    /// Actions that the cores have returned and that are not performed yet.
    effects: Vec<Effect>,
    scheduling: Scheduling,
}

/// Changes of links and addresses.
struct LinkWatch {
    address_watch: Watch,
    route: RouteSocket,
    /// The interface that the DHCP sockets are bound to.
    device: Option<DeviceBinding>,
}

/// Clients that do not get further, and other servers.
struct Monitoring {
    boot_monitor: BootMonitor,
    deferred: DeferredNotices,
    inspections: Inspections,
    loop_notices: LoopNotices,
    neighbours: neighbours::NeighbourWatch,
    /// For `--status`.
    observed: Observed,
}

/// Signals, the service manager, and the connection of the log.
struct ProcessControl {
    signals: Signals,
    sd_notify: Option<SdNotify>,
    /// The control socket. The file process accepts its connections.
    control: Option<ControlListener>,
    /// Standard error, if the log is written there.
    standard_error: Option<OwnedFd>,
}

/// When the loop waits, and for what.
struct Scheduling {
    clock: Clock,
    busy_poll: BusyPoll,
    /// Sockets that were not read to the end.
    backlog: Vec<EventSource>,
}

/// Buffers for datagrams.
struct ReceiveBuffers {
    single: Vec<u8>,
    batch: ReceiveBatch,
    dhcp_requests: ReceiveBatch,
    tftp_requests: ReceiveBatch,
}

/// Larger than any UDP datagram.
const RECEIVE_BUFFER_LEN: usize = 64 * 1024;
/// Requests that are received by one system call.
const REQUESTS_TOGETHER: usize = 16;
/// Datagrams of one client that are received by one system call, and the bytes of each that are read.
const ACKS_TOGETHER: usize = 8;
const ACK_BUFFER_LEN: usize = 2048;
const MAX_EVENTS: usize = 256;
/// Datagrams that are read from one descriptor before the next one is served.
const MAX_DATAGRAMS_PER_TURN: usize = 64;

impl Daemon {
    /// Serves until a signal ends the daemon.
    pub fn serve(mut self) -> Result<ExitReason, StartupError> {
        if !self.replacement.has_replaced()
            && let Some(manager) = &self.process.sd_notify
        {
            // The replaced process reports it otherwise: it is the main process.
            manager.ready();
        }
        self.file_process.send(&Request::StartControl);
        let mut events = Events::with_capacity(MAX_EVENTS);
        let mut buffers = ReceiveBuffers {
            single: vec![0; RECEIVE_BUFFER_LEN],
            batch: ReceiveBatch::new(ACKS_TOGETHER, ACK_BUFFER_LEN),
            dhcp_requests: ReceiveBatch::new(REQUESTS_TOGETHER, RECEIVE_BUFFER_LEN),
            tftp_requests: ReceiveBatch::new(REQUESTS_TOGETHER, tftp_events::REQUEST_BUFFER_LEN),
        };
        let mut ready: Vec<EventSource> = Vec::new();
        self.read_taken_over(&mut buffers);
        loop {
            let busy_time = self.busy_time(&ready);
            match self.wait(&mut events, busy_time) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                waited => waited.map_err(|error| {
                    StartupError::other(format!("cannot wait for events: {}", strerror(&error)))
                })?,
            }
            let now = self.now();
            ready.clear();
            // For these no event comes: the poll is edge-triggered.
            ready.append(&mut self.scheduling.backlog);
            ready.extend(events.iter().map(|event| EventSource::from_token(event.token())));
            EventSource::dedup_in_priority_order(&mut ready);
            self.read_icmp_errors(&events, now);
            for &source in &ready {
                if let Some(reason) = self.handle_ready(source, &mut buffers, now) {
                    return Ok(self.end(reason));
                }
            }
            self.perform(now);
            self.expire(&mut buffers, now);
            self.serve_transfers(&mut buffers, now);
            self.send_delayed(now);
            self.poll_monitor(now);
            self.admit_queued(now);
            self.reload_if_due(now);
            self.close_kept_listeners(&mut buffers, now);
            if let Some(reason) = self.finished(now) {
                return Ok(self.end(reason));
            }
        }
    }

    /// How long to poll without sleeping. Not while names are looked up: the file process may need this processor.
    fn busy_time(&mut self, served: &[EventSource]) -> Duration {
        self.file_process.flush(self.files.outgoing());
        let transfers = self.tftp.load().transfers;
        let time = self.scheduling.busy_poll.duration(served, transfers);
        if self.file_process.is_looking_up() { Duration::ZERO } else { time }
    }

    /// Waits for events. For `busy_time` it polls without sleeping.
    fn wait(&mut self, events: &mut Events, busy_time: Duration) -> io::Result<()> {
        let syslog_stalled = self.logger.flush();
        self.connect_log();
        let is_idle = self.scheduling.backlog.is_empty() && !self.tftp.has_held();
        if busy_time > Duration::ZERO && is_idle {
            self.files.prefetch();
            let end = Instant::now() + busy_time;
            self.sockets.poll(events, Some(Duration::ZERO))?;
            while events.is_empty() && Instant::now() < end {
                self.sockets.poll(events, Some(Duration::ZERO))?;
            }
            let arrived: Vec<EventSource> =
                events.iter().map(|event| EventSource::from_token(event.token())).collect();
            self.scheduling.busy_poll.record_outcome(&arrived, limits::preemptions());
            if !events.is_empty() {
                return Ok(());
            }
        }
        let timeout = self.timeout(syslog_stalled);
        self.sockets.poll(events, timeout)
    }

    /// Reads one descriptor, up to [`MAX_DATAGRAMS_PER_TURN`]; what is left is read in the next turn.
    fn handle_ready(
        &mut self,
        source: EventSource,
        buffers: &mut ReceiveBuffers,
        now: Timestamp,
    ) -> Option<ExitReason> {
        let more = match source {
            EventSource::Signals => return self.handle_signals(now),
            EventSource::AddressWatch => {
                self.refresh_interfaces();
                false
            }
            EventSource::ProxyDhcp(_) | EventSource::Tftp(_)
                if !self.replacement.reads_requests() =>
            {
                false
            }
            EventSource::Successor => return self.read_successor(now),
            EventSource::Link(index) => return self.read_link(index, now),
            EventSource::ProxyDhcp(port) => {
                self.dhcp_requests(port, &mut buffers.dhcp_requests, now)
            }
            EventSource::Host => match self.read_host(now) {
                HelperState::Ended(name) => return Some(self.helper_ended(name)),
                HelperState::Running { more } => more,
            },
            EventSource::Tftp(listener) => self.requests(listener, &mut buffers.tftp_requests, now),
            EventSource::Transfer(id) => {
                self.tftp.socket_ready(id, now);
                false
            }
            EventSource::Disk => {
                self.disk(now);
                false
            }
            EventSource::FileProcess => return self.read_file_process(now),
            EventSource::Script => self.read_script_reports(),
        };
        if more {
            self.scheduling.backlog.push(source);
        }
        None
    }

    fn now(&self) -> Timestamp {
        self.scheduling.clock.now()
    }

    /// How long poll may wait; `None`: until an event comes. `syslog_stalled`: syslog has not taken all lines yet.
    fn timeout(&self, syslog_stalled: bool) -> Option<Duration> {
        let now = self.now();
        let deadlines = [
            self.tftp.deadline(),
            self.delayed_replies.next(),
            self.monitoring.next_deadline(),
            self.log_limiter.next(),
            self.config_files.schedule.deadline(),
            self.replacement.deadline(now),
        ];
        let deadline = deadlines.into_iter().flatten().min();
        let limits = Limits {
            work_left: !self.scheduling.backlog.is_empty() || self.tftp.has_held(),
            next_timer: deadline.map(|at| Duration::from_millis(at.0.saturating_sub(now.0))),
            syslog_stalled,
        };
        limits.timeout()
    }

    /// Reads links and addresses again, after they have changed.
    fn refresh_interfaces(&mut self) {
        self.links.address_watch.drain();
        if !self.replacement.reads_requests() {
            // The other process does it. If that one ends, the next change is noticed.
            return;
        }
        let Ok(interfaces) = self.links.route.snapshot() else { return };
        self.interfaces = interfaces;
        let Self { links: LinkWatch { device, .. }, interfaces, sockets, host, files, .. } = self;
        if let Some(neighbours) = &mut files.neighbours {
            neighbours.set_links(interfaces);
        }
        if let Some(device) = device
            && let Some(name) = device.rebind(interfaces, sockets, host.as_mut())
        {
            self.logger.write(&Line::Process(ProcessLine::Unbound(name)));
        }
        if host.as_ref().is_some_and(HostProcess::has_replies) {
            // For these no event comes.
            self.scheduling.backlog.push(EventSource::Host);
        }
        if self.config.network.binding != Binding::Wildcard {
            let new = self.sockets.update_listeners(&self.config, &self.interfaces);
            self.scheduling.backlog.extend(new.into_iter().map(EventSource::Tftp));
        }
    }
}

/// Whether an error is about one datagram only, so that the next one may be read.
fn is_datagram_error(error: &io::Error) -> bool {
    let is_skipped =
        matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::InvalidData);
    is_skipped || udp::is_icmp(error)
}
