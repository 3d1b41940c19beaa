//! What another process takes over: the sockets for requests, from both sides.

use super::{EventSource, Leftover, Listener, Sockets, sharing_of};
use crate::config::Config;
use crate::control::replacement::Descriptor;
use crate::proxydhcp::{PXE_PORT, Port};
use crate::sys::udp;
use mio::unix::SourceFd;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

impl Sockets {
    /// The sockets for requests, for a process that replaces this one. `device`: the interface of the DHCP sockets.
    pub fn offered(
        &self,
        config: &Config,
        device: Option<&str>,
    ) -> Vec<(Descriptor, BorrowedFd<'_>)> {
        let dhcp = [(&self.dhcp, config.dhcp.server_port), (&self.pxe, PXE_PORT)];
        let dhcp = dhcp.into_iter().filter_map(|(fd, port)| {
            let device = device.map(ToOwned::to_owned);
            Some((Descriptor::Dhcp { port, device }, fd.as_ref()?.as_fd()))
        });
        let tftp = self.listeners.iter().flatten().map(|Listener { fd, address, .. }| {
            (Descriptor::Tftp { address: *address }, fd.as_fd())
        });
        dhcp.chain(tftp).collect()
    }

    /// The sources of requests.
    pub fn request_sources(&self) -> Vec<EventSource> {
        let ports = [(&self.dhcp, Port::Server), (&self.pxe, Port::Pxe)];
        let dhcp = ports.into_iter().filter(|(fd, _)| fd.is_some());
        let dhcp = dhcp.map(|(_, port)| EventSource::ProxyDhcp(port));
        let indexed = self.listeners.iter().enumerate();
        let tftp = indexed.filter(|(_, listener)| listener.is_some());
        dhcp.chain(tftp.map(|(index, _)| EventSource::Tftp(index))).collect()
    }

    /// Another process reads the requests from now on. The sockets are closed, except that of transfers over port 69, and those
    /// for DHCP, from which delayed replies are sent.
    pub fn stop_listening(&mut self) {
        // A socket that another process has open too would go on to cause events.
        let tftp = self.listeners.iter().flatten().map(|listener| listener.fd.as_raw_fd());
        for fd in [&self.dhcp, &self.pxe].into_iter().flatten().map(AsRawFd::as_raw_fd).chain(tftp)
        {
            self.deregister(&fd);
        }
        if !self.single_port {
            self.listeners.clear();
        }
        self.waiting.clear();
    }

    /// From now on there are no events of a descriptor.
    pub fn deregister(&self, fd: &impl AsRawFd) {
        // It is registered.
        let _ = self.poll.registry().deregister(&mut SourceFd(&fd.as_raw_fd()));
    }

    /// Closes the DHCP sockets: no reply is sent any more.
    pub fn close_dhcp(&mut self) {
        (self.dhcp, self.pxe) = (None, None);
    }

    /// `tftp-single-port`
    pub fn has_single_port(&self) -> bool {
        self.single_port
    }

    /// Sockets of the replaced server that no line needs any more.
    pub fn take_leftovers(&mut self) -> Vec<Leftover> {
        std::mem::take(&mut self.leftovers)
    }

    /// From now on this process reads the requests.
    pub fn start_receiving(&mut self) {
        self.takes_over = false;
        for listener in self.listeners.iter_mut().flatten() {
            if std::mem::take(&mut listener.is_silent) {
                udp::start_receiving(&listener.fd);
            }
        }
    }

    /// Whether other sockets may be bound to the DHCP ports, as the configuration has it.
    pub fn restore_port_sharing(&self, config: &Config) {
        let sharing = sharing_of(config);
        for fd in [&self.dhcp, &self.pxe].into_iter().flatten() {
            udp::set_sharing(fd, sharing);
        }
    }
}
