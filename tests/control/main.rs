//! The control socket of the running program: who gets an answer, what hostile clients can do, and what may be at its path.

#[path = "../common/mod.rs"]
mod common;
#[allow(dead_code)] // the tests of `process` use the rest
#[path = "../process/setup.rs"]
mod setup;

mod client;
mod hostile;
mod impostor;
mod paths;
mod users;

fn main() -> std::process::ExitCode {
    if let Some(path) = std::env::args_os().nth(1).filter(|_| impostor::is_started()) {
        return impostor::serve(path.as_ref());
    }
    common::harness::run(&[hostile::TESTS, paths::TESTS, users::TESTS])
}
