//! The process as init systems and administrators use it. `PXEMASQ_SUBJECT=theirs` runs the tests with dnsmasq, except
//! where a divergence is named.

#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod counters;
mod files;
mod host;
mod life;
mod log;
mod ports;
mod robustness;
mod setup;
mod state;
mod units;

fn main() -> std::process::ExitCode {
    common::harness::run(&[
        arguments::TESTS,
        counters::TESTS,
        files::TESTS,
        host::TESTS,
        life::TESTS,
        log::TESTS,
        ports::TESTS,
        robustness::TESTS,
        state::TESTS,
        units::TESTS,
    ])
}
