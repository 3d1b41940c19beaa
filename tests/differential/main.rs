//! Random input to pxemasq and to the installed dnsmasq: both must do the same.

#[path = "../common/mod.rs"]
mod common;
mod configuration;
mod frames;
mod lines;
mod requests;

fn main() -> std::process::ExitCode {
    common::harness::run(&[lines::TESTS, requests::TESTS])
}

/// The number in an environment variable.
fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}
