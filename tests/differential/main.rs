//! Random questions to pxemasq and to the installed dnsmasq: the same answers.

#[path = "../common/mod.rs"]
mod common;
mod configuration;
mod frames;
mod lines;
mod requests;

fn main() -> std::process::ExitCode {
    common::harness::run(&[lines::TESTS, requests::TESTS])
}

/// A number from the environment.
fn number<T: std::str::FromStr>(variable: &str) -> Option<T> {
    std::env::var(variable).ok()?.parse().ok()
}
