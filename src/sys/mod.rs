//! The kernel: the only home of nix, libc (but for the numbers of [`crate::reason`]) and `unsafe`.
//!
//! | asked of the kernel | why | where | unsafe |
//! |---|---|---|---|
//! | sockets, options, datagrams with their arrival address | everything we serve | [`udp`] | set one option nix lacks |
//! | the background | nobody waits for a daemon | [`background`] | `fork`, `_exit` |
//! | a process beside ours | it runs the script | [`beside`] | `fork`, `_exit`, `pidfd_open` |
//! | descriptors of others | they are closed | [`descriptors`] | `close_range`, `close` |
//! | many datagrams at once | a window is one call | [`batch`] | `recvmmsg` |
//! | links, addresses and their changes (rtnetlink) | where we are | [`interfaces`] | – |
//! | a neighbour entry (rtnetlink) | a client that has no address yet | [`neighbour`] | – |
//! | what others tell everybody (packet) | they may be in the way | [`overhear`] | set a filter |
//! | users, groups, capabilities | to be nobody | [`privilege`] | `capget`, `capset` |
//! | signals as a descriptor, and handlers until there is one | the end | [`signals`] | `sigaction`, `_exit` |
//! | directories that tell of changes (inotify) | lists of machines are edited | [`directories`] | – |
//! | walls around us (Landlock, seccomp) | whatever goes wrong stays within | [`confinement`], [`calls`] | – |
//! | files, as far as they are in memory | no disk is waited for | [`disk`] | `preadv2` |
//! | a stream to the system log | it may be slow | [`streams`] | – |
//! | local time | log lines | [`clock`] | `localtime_r` |
//! | limits | how many transfers there can be | [`limits`] | – |
#![expect(unsafe_code, reason = "here and nowhere else")]

pub mod clock;
pub mod daemonize;
pub mod dhcp_sniffer;
pub mod fds;
pub mod file_io;
pub mod helper_process;
pub mod inotify;
pub mod interfaces;
pub mod limits;
pub mod neighbour;
mod netlink;
pub mod privilege;
pub mod sandbox;
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")),
    path = "seccomp_unsupported.rs"
)]
mod seccomp;
pub mod signals;
pub mod udp;
pub mod udp_batch;
pub mod unix_stream;
