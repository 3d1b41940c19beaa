//! System calls: the only module with `unsafe`, nix and libc (except error numbers in [`crate::strerror`]).
//!
//! | module | purpose | unsafe |
//! |---|---|---|
//! | [`aio`] | several writes with one system call | `io_setup`, `io_submit`, `io_getevents` |
//! | [`channel`] | messages and descriptors between the processes of the program | `from_raw_fd` |
//! | [`clock`] | local time of log lines | `localtime_r` |
//! | [`control_socket`] | the socket for `--status` and `--replace` | – |
//! | [`daemonize`] | running in the background | `fork`, `_exit` |
//! | [`dhcp_sniffer`] | replies of other DHCP servers, from a packet socket | `setsockopt` with a filter |
//! | [`directory_changes`] | changes of directories and mounts, for another process | `inotify_add_watch`, `inotify_rm_watch` |
//! | [`fds`] | closing inherited descriptors | `close_range`, `close` |
//! | [`file_access`] | whether files can be written | – |
//! | [`file_io`] | reading files that are in the page cache, without waiting for a disk | `preadv2` |
//! | [`file_system`] | kinds of file systems | `statx` |
//! | [`helper_process`] | child processes of the program | `fork`, `_exit`, `pidfd_open` |
//! | [`inotify`] | changes in watched directories | – |
//! | [`interfaces`] | links, addresses and their changes, by rtnetlink | – |
//! | [`limits`] | limits, error numbers, processors | – |
//! | [`memory_file`] | files in memory, to pass data to another process | – |
//! | [`neighbour`] | hardware addresses of neighbours, by rtnetlink | – |
//! | [`neighbour_limit`] | entries and limit of the neighbour table, by rtnetlink | – |
//! | [`privilege`] | user, group and capabilities | `capget`, `capset`, `prctl` |
//! | [`process_id`] | the number of this process | – |
//! | [`profile`] | the restrictions of each process | – |
//! | [`sandbox`] | Landlock and seccomp | – |
//! | [`script_exec`] | executing scripts of the configuration | `pre_exec` |
//! | [`seccomp`] | the system calls of each process | – |
//! | [`signals`] | signals as a descriptor, and handlers during the start | `sigaction`, `_exit` |
//! | [`reply_batch`] | DHCP replies to several clients with one system call | `sendmmsg` |
//! | [`receive_batch`] | receiving several datagrams with one system call | `recvmmsg` |
//! | [`terminal_events`] | keys and signals of a program that fills the terminal | – |
//! | [`threads`] | threads that wait, their heap, and the end of the process | `_exit`, `mallopt` |
//! | [`timer`] | a timer as a descriptor | – |
//! | [`udp`] | sockets, and datagrams with their local address | `setsockopt` with an option that nix does not have |
//! | [`udp_batch`] | many datagrams to one client with one system call | – |
//! | [`udp_errors`] | ICMP errors about datagrams that were sent | – |
//! | [`unix_socket`] | sockets to syslog and the service manager | – |
#![expect(unsafe_code, reason = "only this module has unsafe code")]

pub mod aio;
pub mod channel;
pub mod clock;
pub mod control_socket;
pub mod daemonize;
pub mod dhcp_sniffer;
pub mod directory_changes;
pub mod fds;
pub mod file_access;
pub mod file_io;
pub mod file_system;
pub mod file_version;
pub mod helper_process;
pub mod inotify;
pub mod interfaces;
pub mod limits;
pub mod memory_file;
pub mod neighbour;
pub mod neighbour_limit;
mod netlink;
pub mod privilege;
pub mod process_id;
pub mod profile;
pub mod receive_batch;
pub mod reply_batch;
pub mod sandbox;
pub mod script_exec;
#[cfg_attr(
    not(any(target_arch = "x86_64", target_arch = "aarch64", target_arch = "riscv64")),
    path = "seccomp_unsupported.rs"
)]
pub mod seccomp;
pub mod signals;
pub mod terminal_events;
pub mod threads;
pub mod timer;
pub mod udp;
pub mod udp_batch;
pub mod udp_errors;
pub mod unix_socket;
