//! The host process: a packet socket that it only reads, rtnetlink, and the binding of sockets to an interface.

use super::Condition::{Is, Only};
use super::value::SOL_SOCKET;
use super::{Row, common};
use crate::sys::profile::Role::{Channel, Netlink};

pub const ALLOWED: &[&[Row]] = &[common::PROCESS, SOCKETS];

const SOCKETS: &[Row] = &[
    row!("packet socket, rtnetlink, messages", SYS_recvfrom),
    row!("messages with descriptors", SYS_recvmsg),
    row!("messages", SYS_sendto, Only(Channel)),
    row!("rtnetlink", SYS_sendto, Only(Netlink)),
    option!("an interface that returns", SOL_SOCKET, SO_BINDTODEVICE),
    #[cfg(not(target_arch = "x86_64"))]
    row!("waiting for messages", SYS_ppoll),
    #[cfg(target_arch = "x86_64")]
    row!("waiting for messages", SYS_poll),
    // `write` to the packet socket would send a frame.
    row!("message of a panic", SYS_write, Is(0, 2)),
];
