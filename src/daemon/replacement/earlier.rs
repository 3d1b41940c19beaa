//! Processes that this one has replaced: directly, or because the process that it has replaced had replaced them.

use super::Replacement;
use super::link::{Received, receive};
use crate::config::network::Binding;
use crate::control::ERROR;
use crate::control::replacement::{Control, ForwardedDatagram, MAX_MESSAGE_LEN, Message};
use crate::daemon::sockets::{EventSource, Leftover};
use crate::daemon::{Daemon, ExitReason, ReceiveBuffers};
use crate::net::ReceivedDatagram;
use crate::sys::channel::Channel;
use crate::sys::signals::SignalAction;
use crate::sys::udp::stop_receiving;
use crate::time::Timestamp;
use std::os::fd::{AsFd, OwnedFd};

/// A process that was replaced, and still runs.
pub struct EarlierProcess {
    /// The connection to it.
    pub link: Channel,
    /// Its process id.
    pub pid: u32,
    /// Whether it needs datagrams of port 69 for its transfers.
    pub needs_datagrams: bool,
    /// Whether it has finished its transfers, and only waits for the end of the server.
    pub is_finished: bool,
}

impl Replacement {
    /// The processes with their indexes.
    pub fn earlier(&self) -> impl Iterator<Item = (usize, &EarlierProcess)> {
        let indexed = self.earlier.iter().enumerate();
        indexed.filter_map(|(index, process)| Some((index, process.as_ref()?)))
    }

    /// The process ids of those that may have transfers.
    pub fn earlier_pids(&self) -> Vec<u32> {
        self.with_transfers().map(|process| process.pid).collect()
    }

    fn with_transfers(&self) -> impl Iterator<Item = &EarlierProcess> {
        self.earlier.iter().flatten().filter(|process| !process.is_finished)
    }

    /// Whether one of them has transfers over port 69.
    pub(super) fn needs_datagrams(&self) -> bool {
        self.with_transfers().any(|process| process.needs_datagrams)
    }

    /// Forgets all of them: another process has the connections now.
    pub(super) fn forget_earlier(&mut self) {
        self.earlier.clear();
    }

    /// Passes a message to all of them.
    fn send_to_earlier(&self, control: &Control) {
        let message = Message::Control(control.clone()).encode();
        for process in self.earlier.iter().flatten() {
            // A process that has ended needs no message. One whose queue is full does not work as intended.
            let _ = process.link.send(&message);
        }
    }

    /// The log file was moved: earlier processes open it again, too.
    pub fn reopen_log(&self) {
        self.send_to_earlier(&Control::ReopenLog);
    }

    /// The server ends: so do the earlier processes.
    pub fn server_ended(&self, code: u8) {
        self.send_to_earlier(&Control::Ended { code });
    }

    /// Passes a datagram on port 69 to the processes with transfers on that port.
    pub fn forward(&self, datagram: &ReceivedDatagram<'_>) {
        if !self.needs_datagrams() {
            return;
        }
        let ReceivedDatagram { peer, local, interface, bytes, .. } = *datagram;
        let forwarded = ForwardedDatagram { peer, local, interface, bytes: bytes.to_vec() };
        let message = Message::Datagram(forwarded).encode();
        for process in self.with_transfers().filter(|process| process.needs_datagrams) {
            // A datagram for which the queue has no space is lost, as on a network.
            let _ = process.link.send(&message);
        }
    }

    /// Passes a connection of the control socket to the nth process with transfers, from 1 on.
    pub fn pass_connection(&self, nth: u16, connection: OwnedFd) {
        let found = self.with_transfers().nth(usize::from(nth).saturating_sub(1));
        let message = Message::Control(Control::Connection).encode();
        let passed = found.is_some_and(|process| {
            process.link.send_fds_nonblocking(&message, &[connection.as_fd()]).is_ok()
        });
        if !passed {
            let error = [&[ERROR], &b"this process has ended"[..]].concat();
            let _ = Channel::from(connection).send(&error);
        }
    }
}

impl Daemon {
    /// At the start of a process that has replaced another one: handles what waits in its sockets, for which there is no event.
    pub(in crate::daemon) fn read_taken_over(&mut self, buffers: &mut ReceiveBuffers) {
        if !self.replacement.has_replaced() {
            return;
        }
        let now = self.now();
        self.sockets.start_receiving();
        for leftover in self.sockets.take_leftovers() {
            match leftover {
                Leftover::Tftp(address, fd) if self.replacement.needs_datagrams() => {
                    self.sockets.keep_listener(address, fd);
                }
                leftover => self.read_leftover(&leftover, buffers, now),
            }
        }
        self.sockets.restore_port_sharing(&self.config);
        self.scheduling.backlog.extend(self.sockets.request_sources());
        self.register_earlier();
    }

    /// Closes sockets that are open only for transfers of replaced processes, when these have ended.
    pub(in crate::daemon) fn close_kept_listeners(
        &mut self,
        buffers: &mut ReceiveBuffers,
        now: Timestamp,
    ) {
        if self.replacement.needs_datagrams() || !self.sockets.has_kept_listeners() {
            return;
        }
        for leftover in self.sockets.take_kept_listeners() {
            self.read_leftover(&leftover, buffers, now);
        }
        if self.config.network.binding != Binding::Wildcard {
            let new = self.sockets.update_listeners(&self.config, &self.interfaces);
            self.scheduling.backlog.extend(new.into_iter().map(EventSource::Tftp));
        }
    }

    fn read_leftover(&mut self, leftover: &Leftover, buffers: &mut ReceiveBuffers, now: Timestamp) {
        match leftover {
            Leftover::Dhcp(port, fd) => {
                stop_receiving(fd);
                self.discard_copies(*port, &mut buffers.dhcp_requests, now);
                self.dhcp_leftovers(*port, fd, &mut buffers.dhcp_requests, now);
            }
            Leftover::Tftp(_, fd) => {
                stop_receiving(fd);
                self.tftp_leftovers(fd, &mut buffers.tftp_requests, now);
            }
        }
    }

    /// Registers the connections to earlier processes.
    fn register_earlier(&mut self) {
        let Self { replacement, sockets, scheduling, .. } = self;
        for (index, process) in replacement.earlier() {
            let source = EventSource::Link(index);
            if sockets.register_datagrams(&process.link, source).is_ok() {
                // For messages that have come before, there is no event.
                scheduling.backlog.push(source);
            }
        }
    }

    /// Reads messages of an earlier process.
    pub(in crate::daemon) fn read_link(
        &mut self,
        index: usize,
        now: Timestamp,
    ) -> Option<ExitReason> {
        if !self.replacement.reads_requests() {
            // The process that replaces this one reads them.
            return None;
        }
        let mut buffer = vec![0; MAX_MESSAGE_LEN];
        loop {
            let slot = self.replacement.earlier.get_mut(index)?;
            let process = slot.as_mut()?;
            match receive(&process.link, &mut buffer) {
                Received::Nothing => return None,
                Received::Closed => {
                    *slot = None;
                    return None;
                }
                Received::Control(Control::Finished { counters }, _) => {
                    process.is_finished = true;
                    self.replacement.counters.add(&counters);
                }
                Received::Control(Control::Signal { name }, _) => {
                    let action = SignalAction::from_name(&name);
                    if let Some(reason) = self.handle_signal_actions(&[action], now) {
                        return Some(reason);
                    }
                }
                Received::Control(..) | Received::Datagram(_) | Received::Other => {}
            }
        }
    }
}
