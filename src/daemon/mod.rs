//! The loop: one poll, one clock reading, effects done in the order decided.

mod busy_poll;
mod config_watch;
mod files;
mod log_limit;
mod notices;
mod perform;
mod poll_timeout;
mod script;
mod sd_notify;
mod sockets;
pub mod startup;
mod tftp_events;

use crate::boot_monitor::BootMonitor;
use crate::config::Config;
use crate::config::network::Binding;
use crate::config::reload::ReloadableFiles;
use crate::config::server_names::ServerNames;
use crate::effect::Effect;
use crate::error::StartupError;
use crate::log_line::{FileLine, Line, ProcessLine};
use crate::logging::Logger;
use crate::net::Interfaces;
use crate::proxydhcp::{self, Context, DecisionLog, Port};
use crate::strerror::strerror;
use crate::sys::dhcp_sniffer::DhcpSniffer;
use crate::sys::interfaces::{Watch, snapshot};
use crate::sys::signals::{SignalAction, Signals, reap_children, restore_default_handlers};
use crate::sys::udp_batch::RecvBatch;
use crate::sys::{limits, udp};
use crate::tftp::Server;
use crate::time::Timestamp;
use busy_poll::BusyPoll;
use config_watch::{Changes, WatchedDirectories};
use files::DiskFiles;
use log_limit::LogLimiter;
use mio::Events;
use notices::FileInspector;
use perform::DelayedReplies;
use poll_timeout::Limits;
use script::Script;
use sd_notify::SdNotify;
use sockets::{EventSource, Sockets};
use startup::bind_device::DeviceBinding;
use std::fs::File;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A daemon that serves.
pub struct Daemon {
    config: Config,
    interfaces: Interfaces,
    /// The only interface that the DHCP sockets hear.
    device: Option<DeviceBinding>,
    names: ServerNames,
    run_time_files: ReloadableFiles,
    watched_directories: Option<WatchedDirectories>,
    sockets: Sockets,
    signals: Signals,
    address_watch: Watch,
    tftp: Server,
    files: DiskFiles,
    script: Option<Script>,
    logger: Logger,
    delayed_replies: DelayedReplies,
    teller: LogLimiter,
    /// Who is on the way, and what is said of that.
    monitor: BootMonitor,
    inspector: FileInspector,
    /// Hears other servers, where we may.
    sniffer: Option<DhcpSniffer>,
    clock: Clock,
    effects: Vec<Effect>,
    busy_poll: BusyPoll,
    /// Sockets that were not read to the end.
    backlog: Vec<EventSource>,
    sd_notify: Option<SdNotify>,
    /// Held open, as dnsmasq does.
    _leases: Option<File>,
}

/// What datagrams are read into.
struct ReceiveBuffers {
    single: Vec<u8>,
    batch: RecvBatch,
}

/// A clock that never jumps, in step with the seconds on the wall as they were at the start.
struct Clock {
    started: Instant,
    ahead: Duration,
}

impl Clock {
    fn start() -> Self {
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        Self { started: Instant::now(), ahead: Duration::from_nanos(wall.subsec_nanos().into()) }
    }

    fn now(&self) -> Timestamp {
        let since = self.started.elapsed() + self.ahead;
        Timestamp(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// How a daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitReason {
    /// It was told to.
    Terminated,
    /// It was interrupted at a terminal.
    Interrupted,
    /// It never served, has this exit code, and somebody has been told why.
    Failed(u8),
}

/// Larger than any UDP datagram.
const RECEIVE_BUFFER_LEN: usize = 64 * 1024;
const MAX_EVENTS: usize = 256;
/// Datagrams that one socket may have read before the others have their turn.
const MAX_DATAGRAMS_PER_TURN: usize = 64;

impl Daemon {
    /// Serves until told to end.
    pub fn serve(mut self) -> Result<ExitReason, StartupError> {
        self.sd_notify.iter().for_each(SdNotify::ready);
        let mut events = Events::with_capacity(MAX_EVENTS);
        let mut mail =
            ReceiveBuffers { single: vec![0; RECEIVE_BUFFER_LEN], batch: RecvBatch::default() };
        let mut roles: Vec<EventSource> = Vec::new();
        loop {
            let linger = self.busy_poll.duration(&roles, self.tftp.transfers());
            match self.wait(&mut events, linger) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                waited => waited.map_err(|error| {
                    StartupError::other(format!("cannot wait for events: {}", strerror(&error)))
                })?,
            }
            let now = self.now();
            roles.clear();
            // What was left last time waits for no event: mio tells only once.
            roles.append(&mut self.backlog);
            roles.extend(events.iter().map(|event| EventSource::from_token(event.token())));
            EventSource::dedup_in_priority_order(&mut roles);
            for &role in &roles {
                if let Some(end) = self.handle_ready(role, &mut mail, now) {
                    self.shutdown();
                    return Ok(end);
                }
            }
            self.perform(now);
            self.expire(&mut mail, now);
            self.send_delayed(now);
            self.poll_monitor(now);
            self.next_in_line(now);
        }
    }

    /// Lets go of everything, and then tells the script the rest: whoever starts next finds the ports free.
    fn shutdown(self) {
        let Self { script, sockets, signals, .. } = self;
        drop(sockets);
        // Whoever does not want to wait for the script says so once more.
        drop(signals);
        restore_default_handlers();
        script.into_iter().for_each(Script::hand_over);
    }

    /// Waits for events. For the time of `linger` it looks for them without going to sleep.
    fn wait(&mut self, events: &mut Events, linger: Duration) -> io::Result<()> {
        let syslog_stalled = self.logger.flush();
        if linger > Duration::ZERO && self.backlog.is_empty() {
            self.files.prefetch();
            let end = Instant::now() + linger;
            self.sockets.poll(events, Some(Duration::ZERO))?;
            while events.is_empty() && Instant::now() < end {
                self.sockets.poll(events, Some(Duration::ZERO))?;
            }
            let came: Vec<EventSource> =
                events.iter().map(|event| EventSource::from_token(event.token())).collect();
            self.busy_poll.record_outcome(&came, limits::preemptions());
            if !events.is_empty() {
                return Ok(());
            }
        }
        let timeout = self.timeout(syslog_stalled);
        self.sockets.poll(events, timeout)
    }

    /// Serves one descriptor, a fair share of what it has.
    fn handle_ready(
        &mut self,
        role: EventSource,
        mail: &mut ReceiveBuffers,
        now: Timestamp,
    ) -> Option<ExitReason> {
        let more = match role {
            EventSource::Signals => return self.handle_signals(),
            EventSource::AddressWatch => {
                self.refresh_interfaces();
                false
            }
            EventSource::Directories => self.read_changed(),
            EventSource::ProxyDhcp(port) => self.handle_dhcp(port, &mut mail.single, now),
            EventSource::Sniffer => self.read_sniffer(&mut mail.single, now),
            EventSource::Tftp(listener) => self.requests(listener, &mut mail.single, now),
            EventSource::Transfer(id) => self.transfer(id, mail, now),
            EventSource::Disk => {
                self.disk(now);
                false
            }
            EventSource::Script => {
                let (lines, more) =
                    self.script.as_mut().map(Script::poll_reports).unwrap_or_default();
                lines.into_iter().for_each(|line| self.logger.write(&Line::Script(line)));
                more
            }
        };
        if more {
            self.backlog.push(role);
        }
        None
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// How long poll may wait; `None`: until an event comes. `syslog_stalled`: syslog has not taken all lines yet.
    fn timeout(&self, syslog_stalled: bool) -> Option<Duration> {
        let due = self.tftp.deadline().into_iter().chain(self.delayed_replies.next());
        let due = due.chain(self.monitor.next_deadline()).chain(self.teller.next()).min();
        let now = self.now();
        let limits = Limits {
            unread_socket: !self.backlog.is_empty(),
            next_timer: due.map(|due| Duration::from_millis(due.0.saturating_sub(now.0))),
            file_check: self.inspector.is_busy(),
            syslog_stalled,
        };
        limits.timeout()
    }

    fn handle_signals(&mut self) -> Option<ExitReason> {
        while let Some(asked) = self.signals.next() {
            match asked {
                SignalAction::Terminate => {
                    self.sd_notify.iter().for_each(SdNotify::stopping);
                    self.config.process.pid_file().into_iter().for_each(startup::pid_file::remove);
                    self.logger.write(&Line::Process(ProcessLine::Terminated));
                    return Some(ExitReason::Terminated);
                }
                SignalAction::Reload => self.reload(),
                SignalAction::Rotate => self.logger.reopen(),
                SignalAction::ReapChildren => reap_children(),
                SignalAction::Interrupt if self.config.process.debug => {
                    return Some(ExitReason::Interrupted);
                }
                SignalAction::Interrupt | SignalAction::Nothing => {}
            }
        }
        None
    }

    fn reload(&mut self) {
        self.sd_notify.iter().for_each(SdNotify::reloading);
        if let Some(watched) = &mut self.watched_directories {
            watched.rewatch(&self.config).into_iter().for_each(|line| self.write(line));
        }
        let (names, happened) = self.run_time_files.read(&mut self.config);
        self.names = names;
        happened.into_iter().for_each(|line| self.write(line));
        self.sd_notify.iter().for_each(SdNotify::ready);
    }

    /// Reads files of watched directories that have changed, some of them; whether there may be more.
    fn read_changed(&mut self) -> bool {
        let changes = match self.watched_directories.as_ref().and_then(WatchedDirectories::changes)
        {
            None => return false,
            Some(Changes::Overflow) => {
                self.reload();
                return true;
            }
            Some(Changes::Files(files)) => files,
        };
        for (kind, path) in &changes {
            let Self { run_time_files, config, names, .. } = self;
            let happened = run_time_files.read_changed(*kind, path, config, names);
            happened.into_iter().for_each(|line| self.write(line));
        }
        true
    }

    fn write(&self, line: FileLine) {
        self.logger.write(&Line::File(line));
    }

    /// Links or addresses have changed.
    fn refresh_interfaces(&mut self) {
        self.address_watch.drain();
        let Ok(interfaces) = snapshot() else { return };
        self.interfaces = interfaces;
        let Self { device: bound_to, interfaces, sockets, .. } = self;
        if let Some(name) = bound_to.as_mut().and_then(|bound| bound.rebind(interfaces, sockets)) {
            self.logger.write(&Line::Process(ProcessLine::Unbound(name)));
        }
        if self.config.network.binding != Binding::Wildcard {
            let new = self.sockets.update_listeners(&self.config, &self.interfaces);
            self.backlog.extend(new.into_iter().map(EventSource::Tftp));
        }
    }

    /// Whether there may be more: mio tells once, and nobody else must wait for all of it. What came together is
    /// answered together: a client that hears one answer and sleeps again has to be woken for the next.
    fn handle_dhcp(&mut self, port: Port, buffer: &mut [u8], now: Timestamp) -> bool {
        let Self { config, interfaces, names, effects, sockets, teller, .. } = self;
        let Some(socket) = sockets.dhcp(port) else { return false };
        let mut more = true;
        for _ in 0..MAX_DATAGRAMS_PER_TURN {
            match udp::receive(socket, buffer) {
                Ok(arrival) => {
                    let log_decision = if teller.allow_dhcp(arrival.bytes, now) {
                        DecisionLog::On
                    } else {
                        DecisionLog::Off
                    };
                    let context = Context { config, interfaces, names };
                    proxydhcp::handle_datagram(context, port, &arrival, log_decision, effects);
                }
                Err(error) if is_datagram_error(&error) => {}
                Err(_) => {
                    more = false;
                    break;
                }
            }
        }
        self.perform(now);
        more
    }
}

/// Whether an error cost one datagram, and there may be more.
fn is_datagram_error(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidData
    )
}
