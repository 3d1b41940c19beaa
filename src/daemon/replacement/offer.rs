//! What this process passes to the one that replaces it.

use super::{MAX_EARLIER, Replacement};
use crate::control::Replace;
use crate::control::replacement::{Control, Descriptor, MAX_DESCRIPTORS, Message, Offer};
use crate::daemon::Daemon;
use crate::daemon::startup::bind_device::DeviceBinding;
use crate::sys::channel::Channel;
use crate::sys::process_id;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};

impl Replacement {
    /// Whether this process goes on after its transfers, until the server ends: the program that started it would take its end
    /// for the end of the service. `cgroup`: the control group of the new process. systemd accepts it as the main process of the
    /// service, by a notification or by the pid file, only if it is in the same one.
    pub(super) fn must_wait(&self, cgroup: &str, is_notifying: bool) -> bool {
        let cannot_be_named = self.is_watched && !is_notifying;
        cannot_be_named || self.cgroup.as_deref().is_some_and(|own| own != cgroup)
    }
}

impl Daemon {
    /// Sends everything that the new process can take over.
    pub(super) fn send_offer(&self, link: &Channel, request: &Replace) -> io::Result<bool> {
        let is_notifying = self.process.sd_notify.is_some();
        let waits = self.replacement.must_wait(&request.cgroup, is_notifying);
        let descriptors = self.offered(is_notifying && !waits);
        let parts: Vec<_> = descriptors.chunks(MAX_DESCRIPTORS).collect();
        for (index, part) in parts.iter().enumerate() {
            let (meanings, fds): (Vec<Descriptor>, Vec<BorrowedFd<'_>>) =
                part.iter().cloned().unzip();
            let offer = Offer {
                pid: process_id::own(),
                version: env!("CARGO_PKG_VERSION").to_owned(),
                descriptors: meanings,
                more: index + 1 < parts.len(),
                needs_datagrams: self.has_single_port(),
            };
            link.send_fds_nonblocking(&Message::Control(Control::Offer(offer)).encode(), &fds)?;
        }
        Ok(waits)
    }

    fn offered(&self, is_main_process: bool) -> Vec<(Descriptor, BorrowedFd<'_>)> {
        let device = self.links.device.as_ref().map(DeviceBinding::name);
        let mut offered = self.sockets.offered(&self.config, device);
        if let Some(control) = &self.process.control {
            offered.push((Descriptor::ControlSocket, control.as_fd()));
        }
        if let Some(manager) = self.process.sd_notify.as_ref().filter(|_| is_main_process) {
            offered.push((Descriptor::ServiceManager, manager.as_fd()));
        }
        if let Some(standard_error) = &self.process.standard_error {
            offered.push((Descriptor::StandardError, standard_error.as_fd()));
        }
        offered.extend(self.replacement.earlier().map(|(_, process)| {
            let link =
                Descriptor::Link { pid: process.pid, needs_datagrams: process.needs_datagrams };
            (link, process.link.as_fd())
        }));
        offered
    }

    fn has_single_port(&self) -> bool {
        self.config.tftp.as_ref().is_some_and(|tftp| tftp.single_port)
    }

    pub(super) fn has_too_many_earlier(&self) -> bool {
        self.replacement.earlier().count() >= MAX_EARLIER
    }
}
