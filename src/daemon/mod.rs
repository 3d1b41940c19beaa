//! The loop: one poll, one clock reading, effects done in the order decided.

mod files;
mod notes;
mod sockets;
pub mod startup;
mod surroundings;

use crate::config::names::Names;
use crate::config::network::Binding;
use crate::config::run_time::RunTimeFiles;
use crate::config::{Config, Tftp};
use crate::effect::Effect;
use crate::failure::{Failure, reason};
use crate::journal::Journal;
use crate::log_line::{DhcpLine, Line, ProcessLine, TftpLine};
use crate::net::{Arrival, Datagram, Interfaces, Via};
use crate::proxydhcp::{self, Port};
use crate::sys::interfaces::{Watch, snapshot};
use crate::sys::signals::{Asked, Signals};
use crate::sys::{neighbour, udp};
use crate::tftp::transfer::Millis;
use crate::tftp::{Around, Server, Socket, accepts};
use files::DiskFiles;
use mio::Events;
use sockets::{BoundTo, Role, Sockets};
use std::collections::BTreeMap;
use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

/// A daemon that serves.
pub struct Daemon {
    config: Config,
    interfaces: Interfaces,
    /// The only interface that the DHCP sockets hear.
    bound_to: Option<BoundTo>,
    names: Names,
    run_time_files: RunTimeFiles,
    sockets: Sockets,
    signals: Signals,
    watch: Watch,
    tftp: Server,
    files: DiskFiles,
    journal: Journal,
    /// Replies that wait, by when and in order, and until when it is worth trying to send them.
    delayed: BTreeMap<(Millis, u64), (Datagram, Millis)>,
    delayed_count: u64,
    clock: Clock,
    effects: Vec<Effect>,
    /// Whether to look for the next request before going to sleep: where another processor has the client.
    lingers: bool,
    /// Sockets that were not read to the end.
    backlog: Vec<Role>,
    pid_file: Option<PathBuf>,
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

    fn now(&self) -> Millis {
        let since = self.started.elapsed() + self.ahead;
        Millis(u64::try_from(since.as_millis()).unwrap_or(u64::MAX))
    }
}

/// How a daemon ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum End {
    /// It was told to.
    Terminated,
    /// It was interrupted at a terminal.
    Interrupted,
}

/// Larger than any UDP datagram.
const BUFFER: usize = 64 * 1024;
/// How long to wait for syslog before trying again.
const SYSLOG_PAUSE: Duration = Duration::from_millis(50);
const EVENTS: usize = 256;
/// As long as the kernel's own busy polling is recommended to be (`net.core.busy_poll`).
const LINGER: Duration = Duration::from_micros(50);
/// Datagrams that one socket may have read before the others have their turn.
const FAIR_SHARE: usize = 64;
/// Replies that may wait for their time (`dhcp-reply-delay`).
const MOST_DELAYED: usize = 1024;
/// Milliseconds for which a reply is tried to be sent.
const TRYING: u64 = 10;

impl Daemon {
    /// Serves until told to end.
    pub fn serve(mut self) -> Result<End, Failure> {
        let mut events = Events::with_capacity(EVENTS);
        let mut buffer = vec![0; BUFFER];
        let mut roles: Vec<Role> = Vec::new();
        loop {
            // Whoever has asked just now will mostly go on at once.
            let asked = self.lingers && roles.iter().any(|role| matches!(role, Role::Dhcp(_)));
            let linger = if asked { LINGER } else { Duration::ZERO };
            match self.wait(&mut events, linger) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                waited => waited.map_err(|error| {
                    Failure::other(format!("cannot wait for events: {}", reason(&error)))
                })?,
            }
            let now = self.now();
            roles.clear();
            // What was left last time waits for no event: mio tells only once.
            roles.append(&mut self.backlog);
            roles.extend(events.iter().map(|event| Sockets::role(event.token())));
            // Where we are comes before what is asked there.
            roles.sort_by_key(|role| !matches!(role, Role::Signals | Role::Watch));
            roles.dedup();
            for &role in &roles {
                if let Some(end) = self.turn(role, &mut buffer, now) {
                    return Ok(end);
                }
            }
            self.tftp.expire(now, &mut self.files, &mut self.effects);
            self.perform(now);
            self.send_delayed(now);
            self.resume_listening();
        }
    }

    /// Waits for events. For the time of `linger` it looks for them without going to sleep: being woken takes longer
    /// than most clients need for their next datagram, and DHCP is a conversation.
    fn wait(&mut self, events: &mut Events, linger: Duration) -> io::Result<()> {
        let unsaid = self.journal.flush();
        let end = Instant::now() + linger;
        while Instant::now() < end {
            self.sockets.poll(events, Some(Duration::ZERO))?;
            if !events.is_empty() || !self.backlog.is_empty() {
                return Ok(());
            }
        }
        let pause = self.pause(unsaid);
        self.sockets.poll(events, pause)
    }

    /// Serves one descriptor, a fair share of what it has.
    fn turn(&mut self, role: Role, buffer: &mut [u8], now: Millis) -> Option<End> {
        let more = match role {
            Role::Signals => return self.signalled(),
            Role::Watch => {
                self.look_around();
                false
            }
            Role::Dhcp(port) => self.dhcp(port, buffer, now),
            Role::Tftp(listener) => self.requests(listener, buffer, now),
            Role::Transfer(id) => self.transfer(id, buffer, now),
        };
        if more {
            self.backlog.push(role);
        }
        None
    }

    fn now(&self) -> Millis {
        self.clock.now()
    }

    /// How long nothing is due; `None`: for ever. `unsaid`: syslog has not taken all lines yet.
    fn pause(&self, unsaid: bool) -> Option<Duration> {
        if !self.backlog.is_empty() {
            return Some(Duration::ZERO);
        }
        let delayed = self.delayed.first_key_value().map(|((due, _), _)| *due);
        let due = self.tftp.deadline().into_iter().chain(delayed).min();
        let now = self.now();
        // A moment more than is left: waking up early would be for nothing.
        let pause = due.map(|due| Duration::from_millis(due.0.saturating_sub(now.0)));
        if unsaid {
            Some(pause.map_or(SYSLOG_PAUSE, |pause| pause.min(SYSLOG_PAUSE)))
        } else {
            pause
        }
    }

    fn signalled(&mut self) -> Option<End> {
        while let Some(asked) = self.signals.next() {
            match asked {
                Asked::Terminate => {
                    self.pid_file.iter().for_each(|path| drop(std::fs::remove_file(path)));
                    self.journal.write(&Line::Process(ProcessLine::Terminated));
                    self.journal.flush();
                    return Some(End::Terminated);
                }
                Asked::Reload => {
                    let (names, happened) = self.run_time_files.read(&mut self.config);
                    self.names = names;
                    happened.into_iter().for_each(|line| self.journal.write(&Line::File(line)));
                }
                Asked::Interrupt if self.config.process.debug => return Some(End::Interrupted),
                Asked::Interrupt | Asked::Nothing => {}
            }
        }
        None
    }

    /// Links or addresses have changed.
    fn look_around(&mut self) {
        self.watch.drain();
        let Ok(interfaces) = snapshot() else { return };
        self.interfaces = interfaces;
        let Self { bound_to, interfaces, sockets, .. } = self;
        if let Some(name) = bound_to.as_mut().and_then(|bound| bound.rebind(interfaces, sockets)) {
            self.journal.write(&Line::Process(ProcessLine::Unbound(name)));
        }
        if self.config.network.binding != Binding::Wildcard {
            let new = self.sockets.follow(&self.config, &self.interfaces);
            self.backlog.extend(new.into_iter().map(Role::Tftp));
        }
    }

    /// Whether there may be more: mio tells once, and nobody else must wait for all of it. What came together is
    /// answered together: a client that hears one answer and sleeps again has to be woken for the next.
    fn dhcp(&mut self, port: Port, buffer: &mut [u8], now: Millis) -> bool {
        let Self { config, interfaces, names, effects, sockets, .. } = self;
        let Some(socket) = sockets.dhcp(port) else { return false };
        let mut more = true;
        for _ in 0..FAIR_SHARE {
            match udp::receive(socket, buffer) {
                Ok(arrival) => {
                    proxydhcp::answer(config, interfaces, names, port, &arrival, effects);
                }
                Err(error) if is_one_lost(&error) => {}
                Err(_) => {
                    more = false;
                    break;
                }
            }
        }
        self.perform(now);
        more
    }

    fn requests(&mut self, listener: usize, buffer: &mut [u8], now: Millis) -> bool {
        let Some(tftp) = self.config.tftp.clone() else { return false };
        for _ in 0..FAIR_SHARE {
            if !tftp.single_port && self.tftp.is_full(&tftp) {
                self.sockets.stall(listener);
                return false;
            }
            let Some(socket) = self.sockets.listener(listener) else { return false };
            match udp::receive(socket, buffer) {
                Ok(arrival) if accepts(&tftp, &self.config.network, &self.interfaces, &arrival) => {
                    self.request(listener, &tftp, &arrival, now);
                }
                Ok(_) => {}
                Err(error) if is_one_lost(&error) => {}
                Err(_) => return false,
            }
            self.perform(now);
        }
        true
    }

    /// A transfer's socket is there before the request is looked at, so that errors have a port of their own too.
    fn request(&mut self, listener: usize, tftp: &Tftp, arrival: &Arrival<'_>, now: Millis) {
        let socket = if tftp.single_port {
            Socket::Shared(listener)
        } else {
            if arrival.bytes.len() < 2 {
                return;
            }
            match self.sockets.open_transfer(tftp, arrival) {
                Ok(id) => Socket::Own(id),
                Err(_) if tftp.ports.is_some() => {
                    return self.journal.write(&Line::Tftp(TftpLine::NoPort));
                }
                Err(_) => return,
            }
        };
        let mut around = Around { tftp, interfaces: &self.interfaces, files: &mut self.files, now };
        self.tftp.request(socket, arrival, &mut around, &mut self.effects);
    }

    fn transfer(&mut self, id: usize, buffer: &mut [u8], now: Millis) -> bool {
        let Some(tftp) = self.config.tftp.clone() else { return false };
        for _ in 0..FAIR_SHARE {
            match self.sockets.receive(id, buffer) {
                Some(Ok((size, peer))) => {
                    let Self { tftp: server, interfaces, files, effects, .. } = self;
                    let mut around = Around { tftp: &tftp, interfaces, files, now };
                    server.datagram(id, peer, &buffer[..size], &mut around, effects);
                }
                Some(Err(error)) if is_one_lost(&error) => {}
                Some(Err(_)) | None => return false,
            }
            self.perform(now);
        }
        true
    }

    /// Requests that had to wait because too many transfers were under way.
    fn resume_listening(&mut self) {
        if self.config.tftp.as_ref().is_some_and(|tftp| !self.tftp.is_full(tftp)) {
            self.backlog.extend(self.sockets.take_stalled().into_iter().map(Role::Tftp));
        }
    }

    fn send_delayed(&mut self, now: Millis) {
        let mut told = Vec::new();
        while let Some(entry) = self.delayed.first_entry().filter(|entry| entry.key().0 <= now) {
            let (datagram, end) = entry.remove();
            told.extend(self.send(datagram, now, end));
        }
        told.iter().for_each(|line| self.journal.write(line));
    }

    /// Does what was decided. Lines are written in their order, when all is sent: no client waits for the log.
    fn perform(&mut self, now: Millis) {
        let mut effects = std::mem::take(&mut self.effects);
        let mut told = Vec::new();
        for effect in effects.drain(..) {
            match effect {
                Effect::Log(line) => told.push(line),
                Effect::Send(datagram) => told.extend(self.send(datagram, now, now.plus(TRYING))),
                Effect::SendLater(seconds, datagram) => {
                    let due = now.plus_seconds(seconds.into());
                    self.delay(due, datagram, due.plus(TRYING));
                }
                Effect::Close(id) => self.sockets.close(id),
            }
        }
        self.effects = effects;
        told.iter().for_each(|line| self.journal.write(line));
    }

    /// Who is not answered in time asks again.
    fn delay(&mut self, due: Millis, datagram: Datagram, end: Millis) {
        if self.delayed.len() < MOST_DELAYED {
            self.delayed_count += 1;
            self.delayed.insert((due, self.delayed_count), (datagram, end));
        }
    }

    /// Sends a datagram; tells what went wrong. One of a transfer that cannot be sent is lost like any other, and is
    /// sent again in time. A reply that has no room is tried again, until `end`.
    fn send(&mut self, mut datagram: Datagram, now: Millis, end: Millis) -> Vec<Line> {
        let mut told = Vec::new();
        let neighbour = datagram.neighbour.take();
        let SocketAddr::V4(to) = datagram.to else {
            drop(self.sockets.send(&datagram));
            return told;
        };
        if let Some(client) = neighbour
            && let Some(link) = self.interfaces.by_index(client.interface)
            && let Err(error) = neighbour::enter(link, *to.ip(), &client)
        {
            told.push(Line::Dhcp(None, DhcpLine::ArpFailed(reason(&error))));
        }
        match self.sockets.send(&datagram) {
            Err(_) if matches!(datagram.via, Via::Transfer(_) | Via::Tftp(_)) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock && now < end => {
                self.delay(now.plus(1), datagram, end);
            }
            Err(error) => {
                let line = DhcpLine::SendFailed { to: *to.ip(), reason: reason(&error) };
                told.push(Line::Dhcp(None, line));
            }
            Ok(()) => {}
        }
        told
    }
}

/// Whether an error cost one datagram, and there may be more.
fn is_one_lost(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidData
    )
}
