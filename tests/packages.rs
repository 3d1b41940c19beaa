//! Packages, built by their one command, and each installed and run in a copy of this machine (`tests/packages`).

mod common;

use common::required;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

crate::tests![
    the_tarball_needs_nothing,
    tiny_core_loads_the_extension,
    arch_swaps_it_for_dnsmasq_and_back,
    debian_swaps_it_for_dnsmasq_and_back,
    the_image_holds_nothing_else,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// Builds all of them, once.
fn packages() -> Result<(), String> {
    static BUILT: OnceLock<Result<(), String>> = OnceLock::new();
    let build = || {
        if !nix::unistd::geteuid().is_root() {
            return Err("packages are installed by root".to_owned());
        }
        for program in ["mksquashfs", "makepkg", "pacman", "bsdtar", "fish", "zsh", "busybox"] {
            let found = Command::new("sh").args(["-c", &format!("command -v {program}")]).output();
            if !found.is_ok_and(|output| output.status.success()) {
                return Err(format!("no {program}: .ci/packages lists what is needed"));
            }
        }
        let built = Command::new(here("packaging/build")).arg("all").output();
        succeeded(&built.map_err(|error| error.to_string())?)
    };
    BUILT.get_or_init(build).clone()
}

fn here(path: &str) -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

fn succeeded(output: &Output) -> Result<(), String> {
    let told = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    if output.status.success() { Ok(()) } else { Err(format!("{}\n{told}", output.status)) }
}

fn check(name: &str) {
    if required(packages()).is_none() {
        return;
    }
    let mut room = Command::new(here("tests/packages/room"));
    let output = room.arg(here("target/packages")).arg(name).output().expect("it can be run");
    if let Err(told) = succeeded(&output) {
        panic!("{name}: {told}");
    }
}

fn the_tarball_needs_nothing() {
    check("static");
}

fn tiny_core_loads_the_extension() {
    check("tcz");
}

fn arch_swaps_it_for_dnsmasq_and_back() {
    check("arch");
}

fn debian_swaps_it_for_dnsmasq_and_back() {
    check("deb");
}

fn the_image_holds_nothing_else() {
    check("image");
}
