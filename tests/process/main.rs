//! The life of the process, as init systems and administrators meet it. `PXEMASQ_SUBJECT=theirs` shows that it is so
//! with dnsmasq, where no divergence is named.

#[path = "../common/mod.rs"]
mod common;

mod arguments;
mod files;
mod life;
mod log;
mod rough;
mod stand;
mod units;

fn main() -> std::process::ExitCode {
    common::harness::run(&[
        arguments::TESTS,
        files::TESTS,
        life::TESTS,
        log::TESTS,
        rough::TESTS,
        units::TESTS,
    ])
}
