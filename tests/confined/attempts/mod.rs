//! System calls to try, and the processes that may make them. The list does not depend on the tables of the program.
//!
//! Arguments are harmless: invalid descriptors and null pointers, so that an allowed call fails or changes nothing.

mod allowed;
mod refused;

use libc::c_long;
use pxemasq::sys::profile::{Parameters, Role};

/// A system call.
#[derive(Clone, Copy, Debug)]
pub struct Attempt {
    /// What the call would do with valid arguments.
    pub what: &'static str,
    pub name: &'static str,
    pub call: c_long,
    pub arguments: [u64; 6],
    /// The processes that may make it.
    pub allowed: u8,
    /// The processes for which it returns ENOSYS, also in debug builds.
    pub unavailable: u8,
}

/// The packet process.
pub const PACKETS: u8 = 1;
/// The file process.
pub const FILES: u8 = 2;
/// The host process.
pub const HOST: u8 = 4;
/// All processes.
pub const ALL: u8 = PACKETS | FILES | HOST;
/// No process.
pub const NONE: u8 = 0;
/// The processes with threads.
pub const THREADED: u8 = PACKETS | FILES;
/// For calls of musl only.
pub const MUSL: u8 = if cfg!(target_env = "musl") { ALL } else { NONE };
/// For calls of debug builds only.
pub const DEBUG: u8 = if cfg!(debug_assertions) { ALL } else { NONE };
/// For calls that x86-64 does not need.
pub const NOT_X86_64: u8 = if cfg!(target_arch = "x86_64") { NONE } else { ALL };

/// An invalid descriptor, number or flag.
pub const BAD: u64 = u64::MAX;
/// Descriptors that are not open.
pub const SYSLOG: u64 = 901;
pub const SERVICE_MANAGER: u64 = 902;
pub const CHANNEL: u64 = 903;
pub const NETLINK: u64 = 904;
/// The low 32 bits of the context of `io_submit`.
pub const WRITE_CONTEXT: u64 = 905;
/// A process id that the table contains, and another one. Linux does not use such high numbers.
pub const THIS_PROCESS: u64 = 0x7fff_fff0;
pub const OTHER_PROCESS: u64 = 0x7fff_fff1;

/// `attempt!(PACKETS | FILES, "what", SYS_read(BAD))`
macro_rules! attempt {
    ($allowed:expr, $what:literal, $call:ident($($argument:expr),*)) => {
        $crate::attempts::Attempt::new(
            $allowed, $what, stringify!($call), libc::$call, &[$($argument),*],
        )
    };
}
use attempt;

impl Attempt {
    const fn new(
        allowed: u8,
        what: &'static str,
        name: &'static str,
        call: c_long,
        given: &[u64],
    ) -> Self {
        let mut arguments = [0; 6];
        let mut index = 0;
        while index < given.len() {
            arguments[index] = given[index];
            index += 1;
        }
        Self { what, name, call, arguments, allowed, unavailable: NONE }
    }

    const fn unavailable(self, unavailable: u8) -> Self {
        Self { unavailable, ..self }
    }

    /// Opens a socket.
    pub fn socket(allowed: u8, family: u64, kind: u64, protocol: u64) -> Self {
        attempt!(allowed, "opens a socket", SYS_socket(family, kind, protocol))
    }
}

/// All attempts.
pub fn all() -> Vec<Attempt> {
    [allowed::PROCESS, allowed::SOCKETS, allowed::OPTIONS, allowed::FILES_AND_PATHS]
        .into_iter()
        .chain(refused::LISTS.iter().copied())
        .flatten()
        .copied()
        .collect()
}

/// The descriptors and the process id of the constants.
pub fn parameters() -> Parameters {
    let fd = |number: u64| i32::try_from(number).expect("it is small");
    let descriptors = vec![
        (Role::Syslog, fd(SYSLOG)),
        (Role::ServiceManager, fd(SERVICE_MANAGER)),
        (Role::Channel, fd(CHANNEL)),
        (Role::Netlink, fd(NETLINK)),
        (Role::WriteContext, fd(WRITE_CONTEXT)),
    ];
    Parameters { process: u32::try_from(THIS_PROCESS).expect("it is small"), descriptors }
}
