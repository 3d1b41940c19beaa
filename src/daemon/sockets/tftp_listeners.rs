//! The sockets for TFTP requests.

use super::addresses::own_addresses;
use super::{EventSource, Leftover, Listener, PORT, Sockets, TFTP_PORT, TakenOver};
use crate::config::network::Binding;
use crate::config::{Config, Origin};
use crate::daemon::startup::bind_error::bind_error;
use crate::daemon::startup::refusals::Refusals;
use crate::error::StartupError;
use crate::net::Interfaces;
use crate::sys::udp;
use crate::sys::udp_errors;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::OwnedFd;

impl Sockets {
    pub(super) fn open_tftp(
        &mut self,
        config: &Config,
        interfaces: &Interfaces,
        taken_over: &mut TakenOver,
        refusals: &mut Refusals,
    ) -> Result<(), StartupError> {
        let Some(tftp) = &config.tftp else { return Ok(()) };
        if config.network.binding == Binding::Wildcard {
            for any in [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()] {
                let what = format!("failed to create listening socket for port {TFTP_PORT}");
                let address = (any, TFTP_PORT).into();
                let opened = self.listen(address, taken_over.take_tftp(address));
                require(opened, &what, (address, &tftp.enabled), refusals)?;
            }
            return Ok(());
        }
        let here = own_addresses(config, tftp, interfaces);
        let is_here = |ip: IpAddr| interfaces.addresses.iter().any(|address| address.ip == ip);
        let only_here = config.network.binding == Binding::Interfaces;
        let listen = config.network.listen.iter();
        let missing = listen.filter(|line| only_here && !is_here(line.value));
        let named = missing.map(|line| (SocketAddr::new(line.value, TFTP_PORT), &line.origin));
        for (address, line) in here.iter().map(|address| (*address, &tftp.enabled)).chain(named) {
            match self.listen(address, taken_over.take_tftp(address)) {
                // An IPv6 address during duplicate address detection: it can be bound soon.
                Err(error)
                    if error.kind() == io::ErrorKind::AddrNotAvailable
                        && here.contains(&address) =>
                {
                    self.waiting.push(address);
                }
                opened => {
                    let what = format!("failed to create listening socket for {}", address.ip());
                    require(opened, &what, (address, line), refusals)?;
                }
            }
        }
        Ok(())
    }

    /// Opens TFTP sockets for new addresses, and with `bind-dynamic` closes those of removed ones. Returns the indexes of
    /// the new sockets.
    pub fn update_listeners(&mut self, config: &Config, interfaces: &Interfaces) -> Vec<usize> {
        let Some(tftp) = &config.tftp else { return Vec::new() };
        self.waiting = Vec::new();
        let wanted = own_addresses(config, tftp, interfaces);
        if config.network.binding == Binding::Dynamic {
            let gone =
                |listener: &Listener| !listener.is_kept && !wanted.contains(&listener.address);
            self.listeners
                .iter_mut()
                .for_each(|listener| drop(listener.take_if(|listener| gone(listener))));
        }
        let known: Vec<SocketAddr> =
            self.listeners.iter().flatten().map(|listener| listener.address).collect();
        let mut new = Vec::new();
        for address in wanted.into_iter().filter(|address| !known.contains(address)) {
            match self.listen(address, None) {
                Ok(listener) => new.extend(listener),
                // It is tried again at the next change of addresses.
                Err(_) => self.waiting.push(address),
            }
        }
        new
    }

    /// Opens a socket for TFTP requests, or uses `opened`.
    fn listen(
        &mut self,
        address: SocketAddr,
        opened: Option<OwnedFd>,
    ) -> io::Result<Option<usize>> {
        // `start_receiving` would end that a socket is bound to the interface of a link-local address.
        let can_be_silent = match address.ip() {
            IpAddr::V4(ip) => !ip.is_unspecified(),
            IpAddr::V6(ip) => !ip.is_unspecified() && !ip.is_unicast_link_local(),
        };
        let is_silent = opened.is_none() && self.takes_over && can_be_silent;
        let opened = opened.map_or_else(|| udp::open_tftp(address), |fd| Ok(Some(fd)))?;
        let Some(fd) = opened else { return Ok(None) };
        if is_silent {
            udp::stop_receiving(&fd);
        }
        if self.single_port {
            // If this fails, there are no ICMP errors.
            let _ = udp_errors::queue_icmp_errors(&fd);
        }
        self.add_listener(Listener { fd, address, is_silent, is_kept: false }).map(Some)
    }

    /// Reads a socket too that no line needs.
    pub fn keep_listener(&mut self, address: SocketAddr, fd: OwnedFd) {
        // Without it, transfers over port 69 of the replaced process end.
        let _ = self.add_listener(Listener { fd, address, is_silent: false, is_kept: true });
    }

    /// Removes the sockets of [`Sockets::keep_listener`].
    pub fn take_kept_listeners(&mut self) -> Vec<Leftover> {
        let kept = |listener: &mut Option<Listener>| listener.take_if(|one| one.is_kept);
        let kept: Vec<Listener> = self.listeners.iter_mut().filter_map(kept).collect();
        for listener in &kept {
            self.deregister(&listener.fd);
        }
        kept.into_iter().map(|Listener { fd, address, .. }| Leftover::Tftp(address, fd)).collect()
    }

    /// Whether there is a socket of [`Sockets::keep_listener`].
    pub fn has_kept_listeners(&self) -> bool {
        self.listeners.iter().flatten().any(|listener| listener.is_kept)
    }

    fn add_listener(&mut self, listener: Listener) -> io::Result<usize> {
        let free = self.listeners.iter().position(Option::is_none);
        let at = free.unwrap_or(self.listeners.len());
        self.register(&listener.fd, EventSource::Tftp(at))?;
        match free {
            Some(at) => self.listeners[at] = Some(listener),
            None => self.listeners.push(Some(listener)),
        }
        Ok(at)
    }
}

/// A TFTP socket without which the start is refused: its address, and the line that needs it.
fn require(
    opened: io::Result<Option<usize>>,
    what: &str,
    (address, line): (SocketAddr, &Origin),
    refusals: &mut Refusals,
) -> Result<(), StartupError> {
    let opened = opened.map_err(|error| bind_error(what, &error, address, Some(line)));
    refusals.check(PORT, opened).map(drop)
}
