//! Builds the packages, and installs and runs each one in a copy of this machine (`tests/packages`).

mod common;

use common::required;
use std::path::Path;
use std::process::{Command, Output};
use std::sync::OnceLock;

crate::tests![
    static_tarball_runs_without_libraries,
    tiny_core_loads_the_extension,
    arch_package_replaces_dnsmasq_and_back,
    debian_package_replaces_dnsmasq_and_back,
    image_contains_only_the_program,
];

fn main() -> std::process::ExitCode {
    common::harness::run(&[TESTS])
}

/// Builds all packages once.
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
    let text = [&output.stdout[..], &output.stderr].map(String::from_utf8_lossy).concat();
    if output.status.success() { Ok(()) } else { Err(format!("{}\n{text}", output.status)) }
}

fn check(name: &str) {
    if required(packages()).is_none() {
        return;
    }
    let mut chroot = Command::new(here("tests/packages/chroot"));
    let output = chroot
        .arg(here("target/packages"))
        .arg(name)
        .output()
        .expect("the script tests/packages/chroot can be started");
    if let Err(error) = succeeded(&output) {
        panic!("{name}: {error}");
    }
}

fn static_tarball_runs_without_libraries() {
    check("static");
}

fn tiny_core_loads_the_extension() {
    check("tcz");
}

fn arch_package_replaces_dnsmasq_and_back() {
    check("arch");
}

fn debian_package_replaces_dnsmasq_and_back() {
    check("deb");
}

fn image_contains_only_the_program() {
    check("image");
}
