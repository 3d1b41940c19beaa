//! systemd's readiness protocol (`sd_notify(3)`): a datagram to the socket in `NOTIFY_SOCKET`. Without the variable, nothing is
//! sent.

use crate::sys::clock;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// The time to wait for a manager whose queue is full: a manager that receives no READY stops the service.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// The service manager that started the daemon.
pub struct SdNotify {
    socket: OsString,
}

impl SdNotify {
    /// The manager of the environment.
    pub fn from_environment() -> Option<Self> {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty())?;
        Some(Self { socket })
    }

    /// Reports that this process serves.
    pub fn ready(&self) {
        self.notify(&format!("READY=1\nMAINPID={}", std::process::id()));
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
        let _ = self.send(message.as_bytes());
    }

    fn send(&self, message: &[u8]) -> io::Result<usize> {
        let address = match self.socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(&self.socket),
        }?;
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        socket.send_to_addr(message, &address)
    }
}
