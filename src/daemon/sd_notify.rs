//! systemd's readiness protocol (`sd_notify(3)`): a datagram to the socket in `NOTIFY_SOCKET`. Without the variable, nothing is
//! sent.

use crate::sys::clock;
use crate::sys::unix_socket::send_blocking;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The time to wait for a manager whose queue is full: a manager that receives no READY stops the service.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// The connection to the service manager that started the daemon.
pub struct SdNotify {
    /// It is connected once: systemd keeps its socket when it is executed again (`systemctl daemon-reexec`).
    socket: UnixDatagram,
}

impl SdNotify {
    /// Connects to the manager of the environment. It must be called before the process is confined. `None`: there is none, or
    /// it does not receive anything.
    pub fn from_environment() -> Option<Self> {
        let path = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty())?;
        let address = match path.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(&path),
        };
        Self::connect(&address.ok()?).ok()
    }

    fn connect(address: &SocketAddr) -> io::Result<Self> {
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        socket.connect_addr(address)?;
        Ok(Self { socket })
    }

    /// Reports that this process serves.
    pub fn ready(&self) {
        self.notify(&format!("READY=1\nMAINPID={}", std::process::id()));
    }

    /// Reports that another process serves instead, and is the main process of the service now.
    pub fn main_process(&self, process: u32) {
        self.notify(&format!("MAINPID={process}\nREADY=1"));
    }

    /// Reports that files are read again. `ready` must follow.
    pub fn reloading(&self) {
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={}", clock::since_boot().as_micros()));
    }

    /// Reports that the daemon ends.
    pub fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    fn notify(&self, message: &str) {
        // A manager that does not receive it is treated as no manager.
        let _ = send_blocking(&self.socket, message.as_bytes());
    }
}

/// The socket of a process that this one has replaced.
impl From<OwnedFd> for SdNotify {
    fn from(fd: OwnedFd) -> Self {
        Self { socket: fd.into() }
    }
}

impl AsFd for SdNotify {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.socket.as_fd()
    }
}

/// The descriptor of the socket. It is the same as long as the process runs.
impl AsRawFd for SdNotify {
    fn as_raw_fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Instant;

    fn notify_name(name: &str) -> (SocketAddr, UnixDatagram) {
        let name = format!("{name}-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(name).unwrap();
        let manager = UnixDatagram::bind_addr(&address).unwrap();
        (address, manager)
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn manager_with_a_full_queue_is_waited_for_until_the_time_out() {
        let (address, manager) = notify_name("full");
        let notify = SdNotify::connect(&address).unwrap();
        notify.socket.set_nonblocking(true).unwrap();
        while send_blocking(&notify.socket, b"x").is_ok() {}
        notify.socket.set_nonblocking(false).unwrap();
        let start = Instant::now();
        notify.stopping();
        assert!((SEND_TIMEOUT..2 * SEND_TIMEOUT).contains(&start.elapsed()));
        manager.recv(&mut [0; 10]).unwrap();
        notify.stopping();
    }

    #[test]
    #[cfg_attr(miri, ignore = "Miri does not support the call")]
    fn manager_that_has_ended_is_ignored() {
        let (address, manager) = notify_name("ended");
        let notify = SdNotify::connect(&address).unwrap();
        drop(manager);
        notify.stopping();
        notify.stopping();
        assert!(SdNotify::connect(&address).is_err());
    }
}
