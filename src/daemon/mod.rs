//! The loop: one poll, one clock reading, effects done in the order decided.

mod files;
mod linger;
mod notes;
mod outgoing;
mod read_ahead;
mod readers;
mod sockets;
pub mod startup;
mod surroundings;
mod transfers;

use crate::config::names::Names;
use crate::config::network::Binding;
use crate::config::run_time::RunTimeFiles;
use crate::config::{Config, Tftp};
use crate::effect::Effect;
use crate::failure::{Failure, reason};
use crate::journal::Journal;
use crate::log_line::{Line, ProcessLine, TftpLine};
use crate::net::{Arrival, Interfaces};
use crate::proxydhcp::{self, Port};
use crate::sys::batch::Inbox;
use crate::sys::interfaces::{Watch, snapshot};
use crate::sys::signals::{Asked, Signals};
use crate::sys::{limits, udp};
use crate::tftp::transfer::Millis;
use crate::tftp::{Around, Server, Socket, accepts};
use files::DiskFiles;
use linger::Linger;
use mio::Events;
use outgoing::Delayed;
use sockets::{BoundTo, Role, Sockets};
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
    delayed: Delayed,
    clock: Clock,
    effects: Vec<Effect>,
    linger: Linger,
    /// Sockets that were not read to the end.
    backlog: Vec<Role>,
    pid_file: Option<PathBuf>,
}

/// What datagrams are read into.
struct Mail {
    one: Vec<u8>,
    several: Inbox,
}

/// Whether there may be more to hear.
enum Heard {
    More,
    All,
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
/// Datagrams that one socket may have read before the others have their turn.
const FAIR_SHARE: usize = 64;
/// Answers to transfers in lockstep that are sent together.
const TOGETHER: usize = 32;

impl Daemon {
    /// Serves until told to end.
    pub fn serve(mut self) -> Result<End, Failure> {
        let mut events = Events::with_capacity(EVENTS);
        let mut mail = Mail { one: vec![0; BUFFER], several: Inbox::default() };
        let mut roles: Vec<Role> = Vec::new();
        loop {
            let linger = self.linger.time(&roles, self.tftp.len());
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
                if let Some(end) = self.turn(role, &mut mail, now) {
                    return Ok(end);
                }
            }
            self.perform(now);
            self.expire(&mut mail, now);
            self.send_delayed(now);
            self.resume_listening();
        }
    }

    /// Waits for events. For the time of `linger` it looks for them without going to sleep.
    fn wait(&mut self, events: &mut Events, linger: Duration) -> io::Result<()> {
        let unsaid = self.journal.flush();
        if linger > Duration::ZERO && self.backlog.is_empty() {
            self.files.look_further();
            let end = Instant::now() + linger;
            self.sockets.poll(events, Some(Duration::ZERO))?;
            while events.is_empty() && Instant::now() < end {
                self.sockets.poll(events, Some(Duration::ZERO))?;
            }
            let came: Vec<Role> = events.iter().map(|event| Sockets::role(event.token())).collect();
            self.linger.learn(&came, limits::preemptions());
            if !events.is_empty() {
                return Ok(());
            }
        }
        let pause = self.pause(unsaid);
        self.sockets.poll(events, pause)
    }

    /// Serves one descriptor, a fair share of what it has.
    fn turn(&mut self, role: Role, mail: &mut Mail, now: Millis) -> Option<End> {
        let more = match role {
            Role::Signals => return self.signalled(),
            Role::Watch => {
                self.look_around();
                false
            }
            Role::Dhcp(port) => self.dhcp(port, &mut mail.one, now),
            Role::Tftp(listener) => self.requests(listener, &mut mail.one, now),
            Role::Transfer(id) => self.transfer(id, mail, now),
            Role::Disk => {
                self.disk(now);
                false
            }
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
        let due = self.tftp.deadline().into_iter().chain(self.delayed.next()).min();
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
        if let Socket::Own(id) = socket
            && self.tftp.has(id)
            && self.sockets.hear_transfer(id).is_err()
        {
            self.tftp.abandon(id, &mut self.files, &mut self.effects);
        }
    }

    /// Hears the client of a transfer. In lockstep one datagram is all there is, mostly: the one that moves it on ends
    /// the turn, for another one brings another event, and what may be left is read before the client is written to
    /// again.
    fn transfer(&mut self, id: usize, mail: &mut Mail, now: Millis) -> bool {
        let lockstep = self.tftp.is_lockstep(id);
        for _ in 0..FAIR_SHARE {
            let heard = if lockstep {
                self.hear_one(id, mail, now)
            } else {
                self.hear_several(id, mail, now)
            };
            match heard {
                Heard::More => {}
                Heard::All => return false,
            }
        }
        true
    }

    fn hear_one(&mut self, id: usize, mail: &mut Mail, now: Millis) -> Heard {
        let (size, peer) = match self.sockets.transfers().receive_one(id, &mut mail.one) {
            Some(Ok(received)) => received,
            Some(Err(error)) if is_one_lost(&error) => return Heard::More,
            Some(Err(_)) | None => return Heard::All,
        };
        let moved = self.heard(id, std::iter::once((peer, &mail.one[..size])), now);
        // To hear many and then to answer them takes a tenth less than to do both in turn.
        if self.effects.len() >= TOGETHER {
            self.perform(now);
        }
        if moved { Heard::All } else { Heard::More }
    }

    fn hear_several(&mut self, id: usize, mail: &mut Mail, now: Millis) -> Heard {
        let received = match self.sockets.transfers().receive(id, &mut mail.several) {
            Some(Ok(received)) => received,
            Some(Err(error)) if is_one_lost(&error) => return Heard::More,
            // Nothing has come: there may be room for what is owed.
            Some(Err(_)) => 0,
            None => return Heard::All,
        };
        self.heard(id, mail.several.first(received), now);
        self.perform(now);
        if received == Inbox::ROOM { Heard::More } else { Heard::All }
    }

    /// Does what datagrams of a transfer ask for; `false`: they ask for nothing.
    fn heard<'d>(
        &mut self,
        id: usize,
        arrived: impl Iterator<Item = (SocketAddr, &'d [u8])>,
        now: Millis,
    ) -> bool {
        let Some(tftp) = self.config.tftp.clone() else { return false };
        let Self { tftp: server, interfaces, files, effects, .. } = self;
        let mut around = Around { tftp: &tftp, interfaces, files, now };
        let before = effects.len();
        server.datagrams(id, arrived, &mut around, effects);
        effects.len() > before
    }

    /// Does what is due. Who has answered, and was not heard yet, is heard first.
    fn expire(&mut self, mail: &mut Mail, now: Millis) {
        while let Some(id) = self.tftp.due(now) {
            self.transfer(id, mail, now);
            self.tftp.expire(id, now, &mut self.files, &mut self.effects);
            self.perform(now);
        }
    }

    /// Disks have answered.
    fn disk(&mut self, now: Millis) {
        for (file, offset) in self.files.arrived() {
            for id in self.tftp.readable(file, offset) {
                self.tftp.resume(id, &mut self.files, &mut self.effects);
                self.perform(now);
            }
        }
    }

    /// Requests that had to wait because too many transfers were under way.
    fn resume_listening(&mut self) {
        if self.config.tftp.as_ref().is_some_and(|tftp| !self.tftp.is_full(tftp)) {
            self.backlog.extend(self.sockets.take_stalled().into_iter().map(Role::Tftp));
        }
    }
}

/// Whether an error cost one datagram, and there may be more.
fn is_one_lost(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::Interrupted | io::ErrorKind::ConnectionRefused | io::ErrorKind::InvalidData
    )
}
