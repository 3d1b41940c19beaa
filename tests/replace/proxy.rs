//! A connection between a server and the process that replaces it, through the test: each message is seen, and can be the last.

use crate::common::lab::eventually;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::socket::getsockopt;
use nix::sys::socket::sockopt::PeerCredentials;
use pxemasq::control::Request;
use pxemasq::control::replacement::{Control, MAX_MESSAGE_LEN, Message};
use pxemasq::sys::channel::Channel;
use pxemasq::sys::control_socket::{ControlListener, connect_to_server};
use std::fs;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::time::Duration;

/// The control socket of the test in place of that of the server.
pub struct Proxy {
    listener: ControlListener,
    path: PathBuf,
    /// The control socket of the server.
    real: PathBuf,
}

/// The kind of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Request,
    Offer,
    Prepared,
    Go,
    Serving,
    Other,
}

/// Before or after a message is passed on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Moment {
    Before,
    After,
}

/// A message that passes.
#[derive(Clone, Copy, Debug)]
pub struct Passing {
    pub stage: Stage,
    pub moment: Moment,
    /// The new process: the one that has connected, and from `Prepared` on the one that serves.
    pub new_process: u32,
}

const INTERVAL: Duration = Duration::from_millis(5);

impl Proxy {
    pub fn new(path: &str) -> Self {
        let (path, real) = (PathBuf::from(path), PathBuf::from(format!("{path}.real")));
        fs::rename(&path, &real).expect("a server runs");
        let listener = ControlListener::bind(&path).expect("/run is writable");
        Self { listener, path, real }
    }

    /// Passes all messages until `on_message` returns `false`, or until `is_over` when no connection is open.
    pub fn relay(
        &mut self,
        mut on_message: impl FnMut(Passing) -> bool,
        mut is_over: impl FnMut() -> bool,
    ) {
        loop {
            let accepted = eventually(Duration::from_secs(60), || {
                (is_readable(&self.listener) || is_over()).then_some(())
            });
            accepted.expect("a process connects");
            if !is_readable(&self.listener) {
                return;
            }
            let new = self.listener.accept().expect("a connection waits");
            let old = connect_to_server(&self.real).expect("a server runs");
            if !relay_connection(&new, &old, &mut on_message, &mut is_over) {
                return;
            }
        }
    }
}

impl Drop for Proxy {
    /// The control socket of the server, which the new one has taken over, gets its path back.
    fn drop(&mut self) {
        if self.real.exists() {
            fs::rename(&self.real, &self.path).expect("/run is writable");
        }
    }
}

/// `false`: `on_message` has returned `false`.
fn relay_connection(
    new: &Channel,
    old: &Channel,
    on_message: &mut impl FnMut(Passing) -> bool,
    is_over: &mut impl FnMut() -> bool,
) -> bool {
    let mut new_process = peer(new);
    let mut buffer = vec![0; MAX_MESSAGE_LEN];
    loop {
        let mut readable = [false; 2];
        while readable == [false; 2] {
            // After the server was replaced, the connection stays open.
            if is_over() {
                return true;
            }
            readable = [is_readable_in(new, INTERVAL), is_readable_in(old, Duration::ZERO)];
        }
        for (from, to) in [(new, old), (old, new)].iter().zip(readable).filter(|x| x.1).map(|x| x.0)
        {
            let Ok(message) = from.recv_fds_blocking(&mut buffer) else { return true };
            if message.size == 0 {
                return true;
            }
            let bytes = &buffer[..message.size];
            let stage = stage(bytes);
            if let Some(Message::Control(Control::Prepared { pid })) = Message::decode(bytes) {
                new_process = pid;
            }
            let passing = |moment| Passing { stage, moment, new_process };
            if !on_message(passing(Moment::Before)) {
                return false;
            }
            let fds: Vec<_> = message.fds.iter().map(AsFd::as_fd).collect();
            if to.send_fds(bytes, &fds).is_err() {
                return true;
            }
            if !on_message(passing(Moment::After)) {
                return false;
            }
        }
    }
}

fn stage(bytes: &[u8]) -> Stage {
    match Message::decode(bytes) {
        Some(Message::Control(Control::Offer(_))) => Stage::Offer,
        Some(Message::Control(Control::Prepared { .. })) => Stage::Prepared,
        Some(Message::Control(Control::Go(_))) => Stage::Go,
        Some(Message::Control(Control::Serving)) => Stage::Serving,
        None if Request::decode(bytes).is_ok() => Stage::Request,
        _ => Stage::Other,
    }
}

/// The process that has connected.
fn peer(connection: &Channel) -> u32 {
    let peer = getsockopt(&connection.as_fd(), PeerCredentials).expect("a unix socket");
    peer.pid().cast_unsigned()
}

fn is_readable(fd: &impl AsFd) -> bool {
    is_readable_in(fd, Duration::ZERO)
}

fn is_readable_in(fd: &impl AsFd, time: Duration) -> bool {
    let timeout = PollTimeout::try_from(time).unwrap_or(PollTimeout::MAX);
    poll(&mut [PollFd::new(fd.as_fd(), PollFlags::POLLIN)], timeout).is_ok_and(|ready| ready > 0)
}
