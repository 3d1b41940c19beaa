//! The process that replaces this one.

use super::link::{Received, receive};
use super::waiting::forward_signal;
use super::{MAX_FINISHING_TIME, MIN_FINISHING_TIME, MIN_TIME_WITH_NEIGHBOURS, Stage, Successor};
use crate::control::replacement::{Control, MAX_MESSAGE_LEN, Message};
use crate::control::{Command, Replace, Request as ControlRequest};
use crate::daemon::file_process::protocol::Request;
use crate::daemon::sockets::EventSource;
use crate::daemon::{Daemon, ExitReason};
use crate::log_line::{Line, ProcessLine};
use crate::sys::channel::Channel;
use crate::sys::signals::{SignalAction, reap_children};
use crate::time::Timestamp;
use std::os::fd::{AsFd, OwnedFd};

impl Daemon {
    /// A connection of the control socket whose request is not for the file process.
    pub(in crate::daemon) fn control_connection(&mut self, request: &[u8], fd: Option<OwnedFd>) {
        let connection = fd.map(Channel::from);
        let (Some(connection), Ok(request)) = (connection, ControlRequest::decode(request)) else {
            return;
        };
        // The file process has checked it. But if that process is compromised, it must not get the sockets of this one.
        if self.process.control.as_ref().is_some_and(|control| !control.trusts(&connection)) {
            return;
        }
        match request.command {
            Command::Status { earlier } => {
                self.replacement.pass_connection(earlier, connection.into());
            }
            Command::Replace(replace) => {
                self.begin_replacement(connection, &replace);
            }
        }
    }

    fn begin_replacement(&mut self, link: Channel, request: &Replace) {
        if let Some(Successor { pid, .. }) = &self.replacement.successor {
            let by =
                if *pid == 0 { "another process".to_owned() } else { format!("process {pid}") };
            return refuse(&link, format!("{by} replaces it at this moment"), true);
        }
        if self.replacement.is_starting() {
            let reason = "the command that has started it has not written the pid file yet";
            return refuse(&link, reason.to_owned(), true);
        }
        if self.has_too_many_earlier() {
            let reason = "too many replaced processes still finish transfers: try again later";
            return refuse(&link, reason.to_owned(), false);
        }
        if let Some(manager) = &self.process.sd_notify {
            manager.reloading();
        }
        let offered = self.send_offer(&link, request);
        let registered = self.sockets.register_datagrams(&link, EventSource::Successor);
        if let (Ok(waits), Ok(())) = (offered, registered) {
            let (pid, version) = (0, request.version.clone());
            let (stage, since) = (Stage::Offered, self.now());
            self.replacement.successor =
                Some(Successor { link, pid, version, stage, since, waits });
        } else {
            self.report_ready();
        }
    }

    /// Reads messages of the new process.
    pub(in crate::daemon) fn read_successor(&mut self, now: Timestamp) -> Option<ExitReason> {
        self.replacement.successor.as_ref()?;
        let mut buffer = vec![0; MAX_MESSAGE_LEN];
        while let Some(Successor { link, .. }) = &self.replacement.successor {
            match receive(link, &mut buffer) {
                Received::Control(control, fds) => {
                    if let Some(reason) = self.successor_message(control, &fds, now) {
                        return Some(reason);
                    }
                }
                Received::Datagram(datagram) => self.forwarded_datagram(&datagram, now),
                Received::Other => {}
                Received::Nothing => return None,
                Received::Closed => return self.successor_closed(false),
            }
        }
        None
    }

    fn successor_message(
        &mut self,
        control: Control,
        fds: &[OwnedFd],
        now: Timestamp,
    ) -> Option<ExitReason> {
        let successor = self.replacement.successor.as_mut()?;
        match (successor.stage, control) {
            (Stage::Offered, Control::Prepared { pid }) => {
                successor.pid = pid;
                (successor.stage, successor.since) = (Stage::Stopped, now);
                // When the other process serves, it answers `--status`.
                self.file_process.send(&Request::StopControl);
                // Replies to requests that were read leave before.
                self.perform(now);
                let go = Control::Go(Box::new(self.replacement.hand_over()));
                let successor = self.replacement.successor.as_ref()?;
                // If it fails, the connection is closed.
                let _ = successor.link.send(&Message::Control(go).encode());
            }
            (Stage::Stopped, Control::Serving) => {
                (successor.stage, successor.since) = (Stage::Replaced, now);
                self.replaced();
            }
            (Stage::Replaced, Control::Ended { code }) => {
                return Some(ExitReason::ServerEnded(code));
            }
            (Stage::Replaced, Control::ReopenLog) => self.reopen_log(),
            (Stage::Replaced, Control::Connection) => {
                if let Some(connection) = fds.first() {
                    self.file_process.serve_connection(connection.as_fd());
                }
            }
            _ => {}
        }
        None
    }

    /// The other process serves.
    fn replaced(&mut self) {
        let Some(Successor { pid, version, waits, .. }) = &self.replacement.successor else {
            return;
        };
        let transfers = self.tftp.load().transfers;
        let line = ProcessLine::Replaced { process: *pid, version: version.clone(), transfers };
        self.logger.write(&Line::Process(line));
        if let Some(manager) = &self.process.sd_notify {
            if *waits { manager.ready() } else { manager.main_process(*pid) }
        }
        self.process.control = None;
        for (_, process) in self.replacement.earlier() {
            self.sockets.deregister(&process.link);
        }
        self.replacement.forget_earlier();
        self.sockets.stop_listening();
    }

    /// If the other process hangs, this one goes on. If the other one goes on later, its next message fails, and it ends.
    fn drop_late_successor(&mut self, now: Timestamp) -> Option<ExitReason> {
        let is_late = |daemon: &Self| {
            daemon.replacement.successor_deadline().is_some_and(|deadline| deadline <= now)
        };
        if !is_late(self) {
            return None;
        }
        // Its message may have come in this moment.
        if let Some(reason) = self.read_successor(now) {
            return Some(reason);
        }
        if is_late(self) { self.successor_closed(true) } else { None }
    }

    /// The connection is closed because the other process has ended, or is closed now because it hangs.
    fn successor_closed(&mut self, is_late: bool) -> Option<ExitReason> {
        let Successor { stage, waits, .. } = self.replacement.successor.as_ref()?;
        if *stage == Stage::Replaced {
            let needs_it = *waits || self.sockets.has_single_port();
            return needs_it.then_some(ExitReason::HelperEnded);
        }
        let successor = self.replacement.successor.take()?;
        let line = ProcessLine::NotReplaced { version: successor.version, is_late };
        self.logger.write(&Line::Process(line));
        if successor.stage == Stage::Stopped {
            self.file_process.send(&Request::StartControl);
        }
        self.report_ready();
        // The other process may have opened sockets beside them.
        self.sockets.restore_port_sharing(&self.config);
        self.refresh_interfaces();
        // What has come meanwhile has no event.
        self.scheduling.backlog.extend(self.sockets.request_sources());
        let links = self.replacement.earlier().map(|(index, _)| EventSource::Link(index));
        self.scheduling.backlog.extend(links);
        None
    }

    fn report_ready(&self) {
        if let Some(manager) = &self.process.sd_notify {
            manager.ready();
        }
    }

    /// Signals of a process that was replaced.
    pub(in crate::daemon) fn signals_of_replaced(
        &mut self,
        arrived: &[SignalAction],
    ) -> Option<ExitReason> {
        if arrived.contains(&SignalAction::ReapChildren) {
            reap_children();
        }
        let Successor { link, waits, .. } = self.replacement.successor.as_ref()?;
        if *waits {
            for action in arrived {
                forward_signal(link, *action);
            }
            if let Some(manager) = &self.process.sd_notify
                && arrived.contains(&SignalAction::Reload)
            {
                // With Type=notify-reload systemd waits for these messages.
                manager.reloading();
                manager.ready();
            }
            return None;
        }
        if arrived.contains(&SignalAction::Rotate) {
            self.reopen_log();
        }
        if arrived.contains(&SignalAction::LogStatus) {
            self.log_status(self.now());
        }
        arrived.contains(&SignalAction::Terminate).then_some(ExitReason::Replaced)
    }

    /// If this process was replaced and has finished its transfers, the reason to end.
    pub(in crate::daemon) fn finished(&mut self, now: Timestamp) -> Option<ExitReason> {
        if let Some(reason) = self.drop_late_successor(now) {
            return Some(reason);
        }
        let since = self.replacement.replaced_at()?;
        let transfers = self.tftp.load().transfers;
        let has_replies = self.delayed_replies.next().is_some();
        if !has_replies {
            self.sockets.close_dhcp();
        }
        let is_idle = self.tftp.is_idle() && !has_replies;
        let is_over = now >= since + MAX_FINISHING_TIME;
        let has_neighbours = self.monitoring.neighbours.has_kept();
        let min = if has_neighbours { MIN_TIME_WITH_NEIGHBOURS } else { MIN_FINISHING_TIME };
        if !(is_over || is_idle && now >= since + min) {
            return None;
        }
        if is_over && transfers > 0 {
            let line = ProcessLine::TransfersEnded { transfers };
            self.logger.write(&Line::Process(line));
        }
        Some(ExitReason::Replaced)
    }
}

fn refuse(link: &Channel, reason: String, is_temporary: bool) {
    let message = Message::Control(Control::Refused { reason, is_temporary });
    // The other process may have ended.
    let _ = link.send(&message.encode());
}
