//! The packet process: sockets and descriptors that it holds, no paths.

use super::Condition::{Except, Is, Masked, Null, Only};
use super::value::{
    AF_INET, AF_INET6, IPPROTO_IP, IPPROTO_IPV6, SO_PEERCRED, SOCK_DGRAM, SOCKADDR_IN,
    SOCKADDR_IN6, SOL_SOCKET, TYPE_MASK,
};
use super::{Row, common};
use crate::sys::profile::Role::{ServiceManager, Syslog, WriteContext};

pub const ALLOWED: &[&[Row]] = &[common::PROCESS, common::THREADS, SOCKETS, OPTIONS, DESCRIPTORS];

/// UDP sockets. A datagram to syslog or the service manager can have no address: with one it would reach any unix socket.
const SOCKETS: &[Row] = &[
    row!("transfers", SYS_socket, Is(0, AF_INET), Masked(1, TYPE_MASK, SOCK_DGRAM), Is(2, 0)),
    row!("transfers", SYS_socket, Is(0, AF_INET6), Masked(1, TYPE_MASK, SOCK_DGRAM), Is(2, 0)),
    row!("transfers", SYS_bind, Except(Syslog), Except(ServiceManager)),
    row!("transfers", SYS_connect, Except(Syslog), Except(ServiceManager), Is(2, SOCKADDR_IN)),
    row!("transfers", SYS_connect, Except(Syslog), Except(ServiceManager), Is(2, SOCKADDR_IN6)),
    // To descriptors that it holds, without an address. There is no context if it holds a regular file that it may write.
    row!("blocks of several transfers", SYS_io_submit, Only(WriteContext)),
    row!("blocks of several transfers", SYS_io_getevents),
    row!("family of a socket, for ICMP errors", SYS_getsockname),
    row!("requests, and messages of other processes", SYS_recvfrom),
    row!("DHCP requests, and datagrams of clients with windows", SYS_recvmmsg),
    row!("ICMP errors, and descriptors of other processes", SYS_recvmsg),
    row!("replies", SYS_sendto, Except(Syslog), Except(ServiceManager)),
    row!("log lines, state of the service, messages", SYS_sendto, Null(4)),
    row!("replies", SYS_sendmsg, Except(Syslog), Except(ServiceManager)),
    row!(
        "DHCP replies, and blocks of a window",
        SYS_sendmmsg,
        Except(Syslog),
        Except(ServiceManager)
    ),
];

/// Options of sockets that are opened while the daemon serves. No firewall tables, filters or interfaces.
const OPTIONS: &[Row] = &[
    option!("transfers", IPPROTO_IP, IP_MTU_DISCOVER),
    option!("ICMP errors", IPPROTO_IP, IP_RECVERR),
    option!("ICMP errors", IPPROTO_IPV6, IPV6_RECVERR),
    option!("addresses that are added later", IPPROTO_IP, IP_PKTINFO),
    option!("addresses that are added later", SOL_SOCKET, SO_REUSEADDR),
    option!("sockets of a replaced process", SOL_SOCKET, SO_REUSEPORT),
    option!("addresses that are added later", SOL_SOCKET, SO_RCVBUF),
    option!("addresses that are added later", SOL_SOCKET, SO_RCVBUFFORCE),
    option!("addresses that are added later", IPPROTO_IPV6, IPV6_V6ONLY),
    option!("addresses that are added later", IPPROTO_IPV6, IPV6_RECVPKTINFO),
    row!(
        "user of a process that replaces this one",
        SYS_getsockopt,
        Is(1, SOL_SOCKET),
        Is(2, SO_PEERCRED)
    ),
];

/// Descriptors that it holds or that it received.
const DESCRIPTORS: &[Row] = &[
    row!("events of sockets", SYS_epoll_ctl),
    #[cfg(any(not(target_arch = "x86_64"), target_env = "musl"))]
    row!("waiting for events", SYS_epoll_pwait),
    #[cfg(all(target_arch = "x86_64", not(target_env = "musl")))]
    row!("waiting for events", SYS_epoll_wait),
    #[cfg(not(target_arch = "x86_64"))]
    row!("waiting for another process", SYS_ppoll),
    #[cfg(target_arch = "x86_64")]
    row!("waiting for another process", SYS_poll),
    row!("signals, and files in memory", SYS_read),
    row!("files", SYS_pread64),
    row!("whether an open file has changed", SYS_fstat),
    row!("files in the page cache", SYS_preadv2),
    row!("log lines", SYS_write),
    row!("script process, and inherited child processes", SYS_wait4),
    row!("context switches, for busy polling", SYS_getrusage),
    row!("last lines of the log", SYS_clock_nanosleep),
    #[cfg(target_env = "musl")]
    row!("last lines of the log", SYS_nanosleep),
];
