//! What machines and networks do to a program that serves: after each of it, somebody else boots.

#[path = "../common/mod.rs"]
mod common;

mod crowd;
mod disk;
mod flood;
mod limits;
mod link;
mod network;
mod scene;
mod time;
mod walls;
mod wire;

fn main() -> std::process::ExitCode {
    common::harness::run(&[
        crowd::TESTS,
        disk::TESTS,
        flood::TESTS,
        limits::TESTS,
        network::TESTS,
        time::TESTS,
        walls::TESTS,
        wire::TESTS,
    ])
}
