//! `--replace`: the change from a server to the process that replaces it, without load, under load, with a new process that ends
//! at each stage, and with each way to start the server.

#[path = "../common/mod.rs"]
mod common;

mod load;
mod prober;
mod proxy;
mod requests;
mod scene;
mod short_load;
mod stages;
mod together;
mod variants;

fn main() -> std::process::ExitCode {
    common::harness::run(&[short_load::TESTS, stages::TESTS, together::TESTS, variants::TESTS])
}
