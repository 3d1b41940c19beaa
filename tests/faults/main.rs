//! Faults of clients, networks, disks and clocks: after each one, another client must be able to boot.

#[path = "../common/mod.rs"]
mod common;

mod dhcp_storm;
mod disk;
mod flood;
mod frame_errors;
mod hanging_disk;
mod helper_processes;
mod limits;
mod link;
mod many_transfers;
mod network;
mod notices;
mod sandbox;
mod setup;
mod storm;
mod time;

fn main() -> std::process::ExitCode {
    common::harness::run(&[
        many_transfers::TESTS,
        disk::TESTS,
        flood::TESTS,
        limits::TESTS,
        network::TESTS,
        notices::TESTS,
        time::TESTS,
        sandbox::TESTS,
        frame_errors::TESTS,
        hanging_disk::TESTS,
        helper_processes::TESTS,
        storm::TESTS,
        dhcp_storm::TESTS,
    ])
}
