//! The life of the process, as init systems and administrators meet it. `PXEMASQ_SUBJECT=theirs` shows that it is so
//! with dnsmasq, where no divergence is named.

#[path = "../common/mod.rs"]
mod common;

mod files;
mod life;
mod log;
mod rough;
mod stand;
mod units;

fn main() -> std::process::ExitCode {
    common::harness::run(&[files::TESTS, life::TESTS, log::TESTS, rough::TESTS, units::TESTS])
}
