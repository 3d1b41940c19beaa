//! systemd's readiness protocol (`sd_notify(3)`): a datagram to the socket that the environment names. Elsewhere there is
//! none, and nothing is said.

use crate::sys::clock;
use std::ffi::OsString;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::time::Duration;

/// A manager that is busy is waited for so long: whoever is never told that we are ready ends us.
const SEND_TIMEOUT: Duration = Duration::from_secs(2);

/// The manager that started us.
pub struct SdNotify {
    socket: OsString,
}

impl SdNotify {
    /// The one that the environment names.
    pub fn from_environment() -> Option<Self> {
        let socket = std::env::var_os("NOTIFY_SOCKET").filter(|path| !path.is_empty())?;
        Some(Self { socket })
    }

    /// We serve, as this process.
    pub fn ready(&self) {
        self.notify(&format!("READY=1\nMAINPID={}", std::process::id()));
    }

    /// We read files again, and are ready only behind that.
    pub fn reloading(&self) {
        self.notify(&format!("RELOADING=1\nMONOTONIC_USEC={}", clock::since_boot().as_micros()));
    }

    /// We end.
    pub fn stopping(&self) {
        self.notify("STOPPING=1");
    }

    /// A manager that does not listen is none.
    fn notify(&self, words: &str) {
        drop(self.send(words.as_bytes()));
    }

    fn send(&self, words: &[u8]) -> io::Result<usize> {
        let address = match self.socket.as_bytes() {
            [b'@', name @ ..] => SocketAddr::from_abstract_name(name),
            _ => SocketAddr::from_pathname(&self.socket),
        }?;
        let socket = UnixDatagram::unbound()?;
        socket.set_write_timeout(Some(SEND_TIMEOUT))?;
        socket.send_to_addr(words, &address)
    }
}
