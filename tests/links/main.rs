//! Links, mounts and roots that change after the start: pxemasq and the installed dnsmasq serve the same tree, and every
//! answer and log line must be the same. So must be the answers to names that must not be served.

#[path = "../common/mod.rs"]
mod common;

mod absent;
mod change;
mod closed;
mod during;
mod links;
mod mounts;
mod pair;
mod permissions;
mod roots;

fn main() -> std::process::ExitCode {
    common::harness::run(&[
        links::TESTS,
        roots::TESTS,
        mounts::TESTS,
        permissions::TESTS,
        during::TESTS,
        closed::TESTS,
        absent::TESTS,
    ])
}
