//! `--replace`: the running server, from the side of the process that replaces it (`crate::control::replacement`).

use crate::control::replacement::{Control, Descriptor, HandOver, MAX_MESSAGE_LEN, Message, Offer};
use crate::control::{Command, ERROR, Replace, Request};
use crate::daemon::replacement::EarlierProcess;
use crate::daemon::sockets::{DhcpSocket, TakenOver};
use crate::error::StartupError;
use crate::status_query::connection::{connect, connect_error, control_path};
use crate::strerror::strerror;
use crate::sys::channel::Channel;
use crate::sys::control_socket::{ConnectError, ControlListener};
use crate::sys::file_access::writable;
use crate::sys::process_id;
use std::fs;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

/// The running server, and what it has passed to this process.
pub struct Predecessor {
    /// It and the processes that it has replaced. It is the last one.
    pub earlier: Vec<EarlierProcess>,
    /// The control socket.
    pub control: Option<ControlListener>,
    /// The socket to the service manager, if this process is to be the main process of the service.
    pub service_manager: Option<OwnedFd>,
    /// Standard error, if its log is written there.
    pub standard_error: Option<OwnedFd>,
}

/// How long an answer of the running server is awaited.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long another replacement is awaited.
const MAX_WAIT: Duration = Duration::from_secs(10);
const RETRY_INTERVAL: Duration = Duration::from_millis(50);

/// Why the running server was not taken over.
enum Failure {
    /// Another replacement is in progress.
    Temporary(StartupError),
    Final(StartupError),
}

impl Predecessor {
    /// An error if this user may not connect to the control socket. There is no connection to the server.
    pub fn check_access(pid_file: Option<&Path>) -> Result<(), StartupError> {
        let path = control_path(pid_file)?;
        match writable(&path) {
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && path.exists() => {
                Err(connect_error(&path, &ConnectError::System(error)))
            }
            _ => Ok(()),
        }
    }

    /// Requests what the running server has, without changing it.
    pub fn connect(pid_file: Option<&Path>) -> Result<(Self, TakenOver), StartupError> {
        let path = control_path(pid_file)?;
        let end = Instant::now() + MAX_WAIT;
        loop {
            match Self::request(&path) {
                Ok(offered) => return Ok(offered),
                Err(Failure::Temporary(_)) if Instant::now() < end => {
                    thread::sleep(RETRY_INTERVAL);
                }
                Err(Failure::Temporary(error) | Failure::Final(error)) => return Err(error),
            }
        }
    }

    fn request(path: &Path) -> Result<(Self, TakenOver), Failure> {
        let link = connect(path).map_err(Failure::Final)?;
        link.set_receive_timeout(ANSWER_TIMEOUT).map_err(|error| broken(&error))?;
        // Without it, this process counts as one of another control group.
        let cgroup = fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let request = Request::new(Command::Replace(Replace { version, cgroup }));
        link.send_blocking(&request.encode()).map_err(|error| broken(&error))?;
        let mut predecessor = Self {
            earlier: Vec::new(),
            control: None,
            service_manager: None,
            standard_error: None,
        };
        let mut taken_over = TakenOver::default();
        loop {
            let (offer, fds) = receive_offer(&link)?;
            let Offer { pid, needs_datagrams, more, .. } = offer;
            for (meaning, fd) in offer.descriptors.into_iter().zip(fds) {
                predecessor.take(meaning, fd, &mut taken_over);
            }
            if !more {
                let running = EarlierProcess { link, pid, needs_datagrams, is_finished: false };
                predecessor.earlier.push(running);
                return Ok((predecessor, taken_over));
            }
        }
    }

    fn take(&mut self, meaning: Descriptor, fd: OwnedFd, taken_over: &mut TakenOver) {
        match meaning {
            Descriptor::Dhcp { port, device } => {
                taken_over.dhcp.push(DhcpSocket { port, device, fd });
            }
            Descriptor::Tftp { address } => taken_over.tftp.push((address, fd)),
            Descriptor::ControlSocket => self.control = Some(ControlListener::from(fd)),
            Descriptor::ServiceManager => self.service_manager = Some(fd),
            Descriptor::StandardError => self.standard_error = Some(fd),
            Descriptor::Link { pid, needs_datagrams } => {
                let link = Channel::from(fd);
                self.earlier.push(EarlierProcess {
                    link,
                    pid,
                    needs_datagrams,
                    is_finished: false,
                });
            }
            Descriptor::Unknown => {}
        }
    }
}

/// The running server stops reading its sockets; from now on this process reads them. `is_awaited`: whether the process that was
/// started still waits. It writes the pid file, so without it no server is replaced.
pub fn take_over(link: &Channel, is_awaited: impl Fn() -> bool) -> Result<HandOver, StartupError> {
    send(link, Control::Prepared { pid: process_id::own() })?;
    match receive(link).map_err(Failure::into_error)?.0 {
        Control::Go(hand_over) if is_awaited() => send(link, Control::Serving).map(|()| *hand_over),
        Control::Go(_) => Err(StartupError::other("the process that was started has ended")),
        Control::Refused { reason, .. } => Err(refused(&reason)),
        _ => Err(unexpected()),
    }
}

impl Failure {
    fn into_error(self) -> StartupError {
        match self {
            Self::Temporary(error) | Self::Final(error) => error,
        }
    }
}

fn refused(reason: &str) -> StartupError {
    StartupError::other(format!("the running server cannot be replaced: {reason}"))
}

fn broken(error: &io::Error) -> Failure {
    let reason = match error.kind() {
        io::ErrorKind::WouldBlock => {
            "it does not answer: if it serves no clients either, restart it".to_owned()
        }
        _ => strerror(error),
    };
    Failure::Final(refused(&reason))
}

fn unexpected() -> StartupError {
    refused("its answer is not known to this version: restart it instead")
}

fn send(link: &Channel, control: Control) -> Result<(), StartupError> {
    let message = Message::Control(control).encode();
    link.send_blocking(&message).map_err(|error| broken(&error).into_error())
}

fn receive_offer(link: &Channel) -> Result<(Offer, Vec<OwnedFd>), Failure> {
    match receive(link)? {
        (Control::Offer(offer), fds) if offer.descriptors.len() == fds.len() => Ok((offer, fds)),
        (Control::Offer(_), _) => Err(Failure::Final(refused(
            "this process has no space for its descriptors: raise the limit of open files (ulimit -n)",
        ))),
        (Control::Refused { reason, is_temporary: true }, _) => {
            Err(Failure::Temporary(refused(&reason)))
        }
        (Control::Refused { reason, .. }, _) => Err(Failure::Final(refused(&reason))),
        _ => Err(Failure::Final(unexpected())),
    }
}

fn receive(link: &Channel) -> Result<(Control, Vec<OwnedFd>), Failure> {
    let mut buffer = vec![0; MAX_MESSAGE_LEN];
    let message = link.recv_fds_blocking(&mut buffer).map_err(|error| broken(&error))?;
    match &buffer[..message.size] {
        [] => Err(Failure::Final(refused("it has closed the connection"))),
        [ERROR, text @ ..] => Err(Failure::Final(refused(&String::from_utf8_lossy(text)))),
        bytes => match Message::decode(bytes) {
            Some(Message::Control(control)) => Ok((control, message.fds)),
            _ => Err(Failure::Final(unexpected())),
        },
    }
}
